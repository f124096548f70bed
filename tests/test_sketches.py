"""Texts at hand for comparison, within a bounded room."""

from __future__ import annotations

from dataclasses import replace

from service.intake import SKETCH_BYTES, Sketches, Taken
from service.model import Item, Link, Placement, Source
from service.store.db import Store
from service.story.fingerprint import Sketch, sketch

STORY = Item(headline="Schleuse in Kiel bleibt gesperrt", body="Im Hafen von Kiel ist ein Frachter gerammt.")


def stored(store: Store) -> Item:
    """The story, in the database."""
    now = store.now()
    with store.begin() as tx:
        source = tx.sources.add(Source(name="wire", url="https://wire.example/"), now)
        placement = Placement(link=Link.FIRST, reason="the first")
        item = replace(STORY, source=source.id, received_at=now)
        return tx.items.add(
            item, placement, keys=(1,), content=2, text_hash=3, fingerprints=sketch(item).kept, now=now
        )


def taken(number: int, text: Sketch) -> Taken:
    return Taken(replace(STORY, id=number), Placement(link=Link.FIRST), replace(text))


def told(sketches: Sketches, store: Store, number: int) -> Sketch:
    with store.read() as tx:
        return sketches.of(tx, {number})[number]


def test_a_text_is_made_from_the_store_once_and_is_at_hand_then(store: Store) -> None:
    item, sketches = stored(store), Sketches()
    made = told(sketches, store, item.id)
    assert made.told == sketch(item).told
    assert told(sketches, store, item.id) is made


def test_what_was_taken_in_is_at_hand_until_it_is_forgotten(store: Store) -> None:
    item, sketches = stored(store), Sketches()
    one = taken(item.id, sketch(item))
    sketches.keep([one])
    assert told(sketches, store, item.id) is one.sketch
    sketches.forget([one])
    assert told(sketches, store, item.id) is not one.sketch


def test_long_texts_take_no_more_memory_than_short_ones_may(store: Store) -> None:
    item, sketches = stored(store), Sketches()
    one, long = taken(item.id, sketch(item)), replace(sketch(item), figures="7" * (SKETCH_BYTES // 3))
    sketches.keep([one, *(taken(item.id + n, long) for n in (1, 2))])
    sketches.keep([taken(item.id + 2, long)])  # again: it is counted once
    assert told(sketches, store, item.id) is one.sketch
    sketches.keep([taken(item.id + n, long) for n in (3, 4, 5)])
    assert told(sketches, store, item.id) is not one.sketch
