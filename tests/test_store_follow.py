"""What came in after a mark, on both engines: each item once, in its order; again where it is hit late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.model import Hit, Item, Rule, Source
from service.store.board import Ends
from service.store.db import Store
from tests.stored import stored


@pytest.fixture
def come(store: Store) -> Callable[..., int]:
    """A function by which an item of a source comes in, hit by some rules; its id."""
    with store.begin() as tx:
        sources = [tx.sources.add(Source(name=n, url=f"https://{n}.example/"), store.now()) for n in "ab"]
        rules = [tx.rules.add(Rule(name=name, query=name), store.now()).id for name in ("kim", "dax")]

    def add(source: int = 0, *hits: int, to: int = 0) -> int:
        with store.begin() as tx:
            number = to or stored(tx, Item(headline="Kim", source=sources[source].id), store.now()).id
            story = tx.items.get(number).story
            for rule in hits:
                hit = Hit(
                    rule=rules[rule], rule_version=1, item=number, story=story, evidence=(), at=store.now()
                )
                tx.alerts.hit(hit)
        return number

    return add


def test_items_come_in_their_order_or_the_newest_first(store: Store, come: Callable[..., int]) -> None:
    numbers = [come(), come(1), come(), come(1)]
    with store.read() as tx:
        assert numbers == tx.board.came_in(after=0, limit=9)
        assert numbers[1:3] == tx.board.came_in(after=numbers[0], limit=2)
        assert numbers[::-1] == tx.board.came_in(limit=9)
        assert [numbers[1]] == tx.board.came_in(before=numbers[2], limit=1)
        assert numbers[1::2] == tx.board.came_in(after=0, limit=9, source=tx.sources.get("b").id)
        assert numbers[-1] == tx.board.ends().item


def test_what_rules_hit_is_told_apart(store: Store, come: Callable[..., int]) -> None:
    plain, both, kim, dax = come(), come(0, 0, 1), come(1, 0), come(0, 1)
    with store.read() as tx:
        kims, source = tx.rules.get("kim").id, tx.sources.get("b").id
        assert [both, kim, dax] == tx.board.came_in(after=plain, limit=9, hit_only=True)
        assert [kim, both] == tx.board.came_in(limit=9, rule=kims)
        assert [kim] == tx.board.came_in(limit=9, rule=kims, source=source)
        hits = tx.board.hits_of([plain, both, dax])
        assert {both: 2, dax: 1} == {number: len(found) for number, found in hits.items()}


def test_an_item_that_is_hit_late_comes_in_again(store: Store, come: Callable[..., int]) -> None:
    old, hit = come(), come(1, 0)
    with store.read() as tx:
        mark = tx.board.ends()
        assert [] == tx.board.hit_late(mark)
    come(0, 1, to=old)
    come(1, 1, to=hit)
    come(0, 0)  # new, and not late
    with store.read() as tx:
        assert [old, hit] == tx.board.hit_late(mark)
        assert [hit] == tx.board.hit_late(mark, source=tx.sources.get("b").id)
        assert [] == tx.board.hit_late(mark, rule=tx.rules.get("kim").id)


@pytest.mark.parametrize("text", ["", "7", "7.", "a.b", "7.1.2", "-1.0", "7.٣", f"{10**19}.0"])
def test_a_mark_is_two_numbers(text: str) -> None:
    assert Ends.read(text) is None
    assert Ends(7, 12) == Ends.read(str(Ends(7, 12)))
