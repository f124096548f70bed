"""The archive: what was seen, where an item goes, and what may be its story."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import NotFoundError
from service.model import Instrument, Item, Link, Placement, Seen, Signal, Source, Status
from service.store.db import Store, Transaction
from service.store.items import Entry
from service.store.postings import unpacked
from tests.clock import ManualClock

HOUR = timedelta(hours=1)
FIRST = Placement(link=Link.FIRST)


@pytest.fixture
def source(store: Store) -> int:
    return another_source(store, "dpa")


def another_source(store: Store, name: str) -> int:
    with store.begin() as tx:
        return tx.sources.add(Source(name=name, url=f"https://{name}.example/"), store.now()).id


def add(
    store: Store,
    item: Item,
    placement: Placement = FIRST,
    *,
    keys: Collection[int] = (),
    content: int = 0,
    text_hash: int = 0,
    fingerprints: Collection[int] = (),
) -> Item:
    with store.begin() as tx:
        return tx.items.add(
            item,
            placement,
            keys=keys,
            content=content,
            text_hash=text_hash,
            fingerprints=fingerprints,
            now=store.now(),
        )


def candidates(store: Store, since: timedelta = HOUR, **wanted: Any) -> list[tuple[int, int, bool, bool]]:
    given: dict[str, Any] = {"canonical_link": "", "text_hash": 99, "fingerprints": ()} | wanted
    with store.begin() as tx:
        found = tx.stories.candidates(since=store.now() - since, **given)
    return [(one.item, one.shared, one.link, one.text) for one in found]


def under(tx: Transaction, fingerprints: Collection[int]) -> dict[int, list[int]]:
    return {h: list(unpacked(items)) for h, items in tx.postings.under(fingerprints).stored.items()}


def test_an_item_comes_back_as_it_was_stored(store: Store, source: int) -> None:
    at = datetime(1, 1, 1, tzinfo=UTC)
    item = Item(
        headline="Zinsen: »EZB« hebt an – 0,25 %",
        body="Frankfurt (dpa)\n\nZweiter Absatz 🚀",
        source=source,
        external_id="urn:newsml:dpa.com:20261124:1",
        version="2",
        slug="Zinsen/EZB",
        keywords=("EZB", "Zinsen"),
        places=("Frankfurt",),
        agency="dpa",
        language="de",
        published_at=at,
        updated_at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        received_at=store.now() - HOUR,
        embargo_until=datetime(1969, 7, 20, 20, 17, 40, 1, tzinfo=UTC),
        urgency=3,
        status=Status.WITHHELD,
        signal=Signal.CORRECTION,
        marks=("KORREKTUR",),
        genre="market",
        subjects=("medtop:04000000",),
        instruments=(Instrument("isin", "DE0005557508"), Instrument("ticker", "DTE")),
        byline="Von A. B.",
        sign_off="ab/cd",
        note="Redaktion: nicht vor 12.00",
        link="https://a.example/1?utm_source=x",
        canonical_link="https://a.example/1",
        rights="dpa",
    )
    stored = add(store, item)
    assert stored == replace(item, id=stored.id, story=stored.story)
    with store.unveiled().read() as tx:
        assert tx.items.get(stored.id) == stored
        assert tx.stories.items(stored.story) == [stored]


def test_what_no_engine_can_hold_is_stored_with_a_mark_in_its_place(store: Store, source: int) -> None:
    """NUL and lone surrogates become U+FFFD, one for one, so that places in the text stay true."""
    stored = add(store, Item(headline="a\0b\ud800c", source=source, keywords=("\0", "x\udfff")))
    with store.read() as tx:
        kept = tx.items.get(stored.id)
    assert (kept.headline, kept.keywords) == ("a\ufffdb\ufffdc", ("\ufffd", "x\ufffd"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headline=st.text(), at=st.datetimes(timezones=st.just(UTC)), word=st.text())
def test_any_text_and_any_time_can_be_stored(
    store: Store, source: int, headline: str, at: datetime, word: str
) -> None:
    stored = add(store, Item(headline=headline, source=source, published_at=at, marks=(word,)))
    with store.read() as tx:
        kept = tx.items.get(stored.id)
    assert (kept.headline, kept.published_at, kept.marks) == (
        headline.replace("\0", "\ufffd"),
        at,
        (word.replace("\0", "\ufffd"),),
    )


def test_an_unknown_item_or_story_is_named(store: Store) -> None:
    with store.read() as tx:
        with pytest.raises(NotFoundError, match="no item named 5"):
            tx.items.get(5)
        with pytest.raises(NotFoundError, match="no story named 5"):
            tx.stories.get(5)


def test_what_was_seen_is_known_by_each_of_its_keys(store: Store, source: int) -> None:
    lowest, highest = -(2**63), 2**63 - 1
    item = add(store, Item(headline="a", source=source), keys=[lowest, 7, highest, 7], content=-5)
    other = another_source(store, "afp")
    with store.read() as tx:
        assert tx.items.seen(source, [7, 8, highest, lowest]) == {
            key: Seen(key, item.id, item.story, -5) for key in (lowest, 7, highest)
        }
        assert tx.items.seen(other, [7]) == {}
        assert tx.items.seen(source, []) == {}


def test_many_keys_are_looked_up_at_once(store: Store, source: int) -> None:
    add(store, Item(headline="a", source=source), keys=range(5000))
    with store.read() as tx:
        assert len(tx.items.seen(source, range(-5000, 5000))) == 5000


def test_the_keys_lead_to_the_newest_version(store: Store, source: int, clock: ManualClock) -> None:
    first = add(store, Item(headline="a", source=source), keys=[1, 2], content=1)
    clock.advance(minutes=1)
    version = Placement(link=Link.VERSION, story=first.story, nearest=first.id, reason="the same GUID")
    second = add(store, Item(headline="b", source=source), version, keys=[2, 3], content=2)
    assert second.story == first.story
    with store.read() as tx:
        assert tx.items.seen(source, [1, 2, 3]) == {
            1: Seen(1, first.id, first.story, 1),
            2: Seen(2, second.id, first.story, 2),
            3: Seen(3, second.id, first.story, 2),
        }
        assert [one.id for one in tx.items.list()] == [second.id]
        assert [one.id for one in tx.items.list(versions=True)] == [second.id, first.id]
        story = tx.stories.get(first.story)
        assert tx.items.placement(second.id) == version
    assert (story.headline, story.items, story.sources) == ("b", 2, 1)
    assert (story.opened_at, story.updated_at) == (clock() - timedelta(minutes=1), clock())


def test_an_earlier_version_that_comes_late_changes_nothing_but_the_count(store: Store, source: int) -> None:
    newest = add(store, Item(headline="b", source=source), keys=[1], content=2)
    late = Placement(link=Link.VERSION, story=newest.story, nearest=newest.id, late=True)
    older = add(store, Item(headline="a", source=source), late, keys=[1, 2], content=1)
    with store.read() as tx:
        assert tx.items.seen(source, [1, 2]) == {
            1: Seen(1, newest.id, newest.story, 2),
            2: Seen(2, older.id, newest.story, 1),
        }
        assert [one.id for one in tx.items.list()] == [newest.id]
        assert (tx.stories.get(newest.story).headline, tx.stories.get(newest.story).items) == ("b", 2)


def test_a_copy_on_another_source_joins_the_story(store: Store, source: int, clock: ManualClock) -> None:
    first = add(store, Item(headline="a", source=source, link="https://1.example/"))
    paper = another_source(store, "paper")
    copy = Placement(link=Link.COPY, story=first.story, nearest=first.id, score=0.75)
    add(
        store,
        Item(headline="b", source=paper, published_at=clock() - HOUR, link="https://2.example/"),
        copy,
    )
    clock.advance(minutes=1)
    add(store, Item(headline="c", source=paper), copy)
    with store.read() as tx:
        story = tx.stories.get(first.story)
        sightings = [(one.source, one.at, one.headline, one.how) for one in tx.stories.sightings(story.id)]
        assert tx.stories.headlines([story.id, 99]) == {story.id: "a"}
    assert (story.headline, story.items, story.sources) == ("a", 3, 2)
    assert sightings == [
        ("paper", clock() - HOUR - timedelta(minutes=1), "b", Link.COPY),
        ("dpa", clock() - timedelta(minutes=1), "a", Link.FIRST),
    ]


def test_an_item_for_a_story_that_is_gone_is_refused_whole(store: Store, source: int) -> None:
    with pytest.raises(NotFoundError, match="no story named 77"):
        add(store, Item(headline="a", source=source), Placement(link=Link.COPY, story=77), keys=[1])
    with store.read() as tx:
        assert tx.items.count() == 0


def test_a_story_that_was_withdrawn_says_so(store: Store, source: int, clock: ManualClock) -> None:
    item = add(store, Item(headline="a", source=source))
    clock.advance(minutes=1)
    with store.begin() as tx:
        tx.stories.mark(item.story, Status.CANCELED, clock())
    with store.read() as tx:
        story = tx.stories.get(item.story)
    assert (story.status, story.updated_at) == (Status.CANCELED, clock())


def test_a_new_item_is_led_to_its_like_by_link_text_and_fingerprints(store: Store, source: int) -> None:
    link = add(store, Item(headline="a", source=source, canonical_link="https://a.example/"))
    text = add(store, Item(headline="b", source=source), text_hash=-4)
    near = add(store, Item(headline="c", source=source), fingerprints=range(10))
    far = add(store, Item(headline="d", source=source), fingerprints=range(7, 17))
    wanted: dict[str, Any] = {
        "canonical_link": "https://a.example/",
        "text_hash": -4,
        "fingerprints": range(5, 11),
    }
    assert candidates(store, **wanted) == [
        (text.id, 0, False, True),
        (link.id, 0, True, False),
        (near.id, 5, False, False),
        (far.id, 4, False, False),
    ]
    assert candidates(store, **wanted, limit=3)[-1][0] == near.id
    assert candidates(store, fingerprints=range(7)) == [(near.id, 7, False, False)]
    assert candidates(store, fingerprints=range(7, 10)) == []


def test_an_item_without_a_link_is_like_no_other_without_one(store: Store, source: int) -> None:
    add(store, Item(headline="a", source=source))
    assert candidates(store) == []


def test_a_link_longer_than_an_index_entry_is_found(store: Store, source: int) -> None:
    long = "https://a.example/" + "x" * 5000
    item = add(store, Item(headline="a", source=source, link=long, canonical_link=long))
    assert candidates(store, canonical_link=long) == [(item.id, 0, True, False)]


def test_only_the_window_is_searched(store: Store, source: int, clock: ManualClock) -> None:
    add(store, Item(headline="a", source=source), text_hash=1, fingerprints=range(5))
    clock.advance(hours=2)
    assert candidates(store, text_hash=1, fingerprints=range(5)) == []
    new = add(store, Item(headline="b", source=source), text_hash=1, fingerprints=range(5))
    assert candidates(store, text_hash=1, fingerprints=range(5)) == [(new.id, 5, False, True)]


def test_boilerplate_is_counted_up_to_forty(store: Store, source: int) -> None:
    ids = [
        add(store, Item(headline="a", source=source), fingerprints=[1, 100 + number]).id
        for number in range(43)
    ]
    with store.read() as tx:
        assert under(tx, [1, 100, 142, 7]) == {1: ids[:40], 100: ids[:1], 142: ids[42:]}


def test_items_of_one_document_are_stored_as_if_they_had_come_one_by_one(store: Store, source: int) -> None:
    now, afp = store.now(), another_source(store, "afp")
    with store.begin() as tx:
        first, second, third = tx.items.reserve(3)
        [story] = tx.stories.reserve(1)
        version = Placement(link=Link.VERSION, story=story, nearest=first)
        copy = Placement(link=Link.COPY, story=story, nearest=second)
        old = Item(headline="a", id=first, story=story, source=source, received_at=now)
        new = replace(old, headline="b", id=second)
        lists = tx.postings.under(range(4))
        for one, count in ((first, 3), (second, 3), (third, 4)):
            lists.enter(one, range(count))
        tx.items.add_all(
            [
                Entry(old, FIRST, [1, 2], 1, 5, ""),
                Entry(new, version, [1], 2, 6, ""),
                Entry(replace(old, headline="c", id=third, source=afp), copy, [1], 3, 7, ""),
            ],
            now,
            lists,
        )
    with store.read() as tx:
        kept = tx.stories.get(story)
        assert (kept.headline, kept.items, kept.sources) == ("b", 3, 2)
        assert tx.items.seen(source, [1, 2]) == {
            1: Seen(1, second, story, 2),
            2: Seen(2, first, story, 1),
        }
        assert [one.headline for one in tx.items.list()] == ["c", "b"]
        assert under(tx, range(4)) == {h: [first, second, third] for h in range(3)} | {3: [third]}


def test_a_posting_list_ends_within_a_document_too(store: Store) -> None:
    with store.begin() as tx:
        lists = tx.postings.under([1])
        for number in range(1, 44):
            lists.enter(number, [1])
        tx.postings.add(lists)
        assert under(tx, [1]) == {1: list(range(1, 41))}
        assert lists.frequency == {1: 40}


def test_items_are_listed_newest_first_and_page_by_page(
    store: Store, source: int, clock: ManualClock
) -> None:
    ids = []
    for number in range(5):
        ids.append(add(store, Item(headline=str(number), source=source)).id)
        clock.advance(hours=1)
    other = add(store, Item(headline="x", source=another_source(store, "afp"))).id
    with store.read() as tx:

        def listed(**wanted: Any) -> list[int]:
            return [one.id for one in tx.items.list(**wanted)]

        assert listed() == [other, *reversed(ids)]
        assert listed(limit=2) == [other, ids[4]]
        assert listed(before_id=ids[2]) == [ids[1], ids[0]]
        assert listed(source=source, limit=1) == [ids[4]]
        assert listed(since=clock() - 2 * HOUR) == [other, ids[4], ids[3]]
        assert listed(since=clock() + HOUR) == []
        assert tx.items.count() == 6


@pytest.mark.parametrize("batch", [1, 2, 7, 1000])
def test_a_scan_meets_every_item_once_in_order(
    store: Store, source: int, clock: ManualClock, batch: int
) -> None:
    ids = []
    for number in range(7):
        ids.append(add(store, Item(headline=str(number), source=source)).id)
        clock.advance(hours=1)
    with store.read() as tx:

        def scanned(**wanted: Any) -> list[int]:
            return [one.id for one in tx.items.scan(batch=batch, **wanted)]

        assert scanned() == ids
        assert scanned(newest=True) == ids[::-1]
        assert scanned(since=clock() - 3 * HOUR) == ids[4:]
        assert scanned(since=clock()) == []
