"""What was read before is not read again, and nothing is lost or taken for something else by that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.intake import Sketches, take_in
from service.model import Document, Source
from service.parse.outline import outline
from service.reading import Memory, StaleError, read
from service.store.db import Store
from tests.newsroom import MARKET, PRICES, TRIP, Entry, Room, changed, newsroom, rss

NUMBER = count(1)
MADE = st.builds(
    Entry,
    key=st.sampled_from(["", "1", "2"]),
    headline=st.sampled_from(["Ein Frachter rammt die Schleuse", "Die Schleuse ist wieder frei für Schiffe"]),
    text=st.sampled_from(["Im Hafen ist es eng.", "Der Hafen ist wieder offen, teilt die Behörde mit."]),
    link=st.sampled_from(["", "https://a.example/1", "https://a.example/2"]),
    at=st.none(),
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        yield made


def document(body: bytes) -> Document:
    return Document(body=body, url="https://wire.example/feed")


def feed(inside: str) -> Document:
    return document(f"<rss version='2.0'><channel><title>Wire</title>{inside}</channel></rss>".encode())


def test_an_outline_knows_the_entries_of_a_feed_by_their_bytes() -> None:
    one, other = outline(document(rss(TRIP, PRICES))), outline(document(rss(MARKET, TRIP)))
    assert len(one.hashes) == len(other.hashes) == 2
    assert one.hashes[0] == other.hashes[1]
    short = other.without({one.hashes[0]}, document(b"")).body
    assert MARKET.headline.encode() in short
    assert TRIP.headline.encode() not in short
    assert short.endswith(b"</channel></rss>")


def test_what_stands_in_comments_and_sections_is_no_entry() -> None:
    hidden = "<!-- <item> --><item><title><![CDATA[</item><item>]]></title></item>"
    found = outline(feed(hidden))
    assert [found.body[a:b] for a, b in found.spans] == [
        b"<item><title><![CDATA[</item><item>]]></title></item>"
    ]


@pytest.mark.parametrize(
    "inside",
    [
        "<item><title>Eins</title>",
        "<item><item></item></item>",
        "<item/><item></item>",
        "<item></entry>",
        "</item>",
        "<item><![CDATA[</item>",
    ],
)
def test_a_feed_whose_entries_are_in_doubt_has_no_outline(inside: str) -> None:
    assert outline(feed(inside)).hashes == ()


def test_a_feed_that_declares_entities_has_no_outline() -> None:
    declared = b'<!DOCTYPE rss [<!ENTITY e "<item></item>">]>' + rss(TRIP)
    assert outline(document(declared)).hashes == ()


def test_only_what_is_new_is_read() -> None:
    source, memory = Source(name="wire", url="https://wire.example/feed", id=7), Memory()
    first = read(document(rss(TRIP, PRICES)), source, {})
    memory.learn(source.id, dict(zip(first.entries, first.all({}), strict=True)))
    recalled = memory.of(source.id)
    second = read(document(rss(MARKET, TRIP, changed(PRICES, headline="Kim senkt die Preise"))), source, {})
    short = read(
        document(rss(MARKET, TRIP, changed(PRICES, headline="Kim senkt die Preise"))),
        source,
        {},
        frozenset(recalled),
    )
    assert [reading.item.headline for reading in short.readings] == [MARKET.headline, "Kim senkt die Preise"]
    assert [each.names for each in short.all(recalled)] == [each.names for each in second.all({})]
    assert [each.published_at for each in short.all(recalled)] == [
        each.published_at for each in second.all({})
    ]


@pytest.mark.slow
def test_a_memory_that_is_full_forgets_what_did_not_change_for_longest() -> None:
    source, memory = Source(name="wire", url="https://wire.example/feed"), Memory()
    one = read(document(rss(*(replace(TRIP, key=str(n), link="") for n in range(2000)))), source, {})
    entries = dict(zip(one.entries, one.all({}), strict=True))
    for number in range(200):
        memory.learn(number, entries)
    assert memory.of(0) == {}
    assert len(memory.of(199)) == 2000


def test_a_guid_that_a_new_entry_repeats_makes_no_version_of_the_old_one(room: Room) -> None:
    room.wire("wire", MARKET)
    room.add_source("wire")
    room.poll()
    again = changed(TRIP, key=MARKET.key)
    room.wire("wire", again, MARKET)
    room.poll()
    with room.app.store.read() as tx:
        stories = [(item.headline, item.story) for item in tx.items.list()]
    assert stories == [(TRIP.headline, 2), (MARKET.headline, 1)]


def test_a_new_version_of_one_entry_is_read_among_the_old_ones(room: Room) -> None:
    room.wire("wire", TRIP, MARKET)
    room.add_source("wire")
    room.poll()
    room.wire("wire", changed(TRIP, headline="Kim Jong Un ist in Peking"), MARKET, PRICES)
    assert room.poll().items == 2
    assert room.poll().items == 0


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.lists(MADE, min_size=1, max_size=5), min_size=2, max_size=4))
def test_reading_a_part_stores_what_reading_the_whole_does(
    store: Store, documents: Sequence[Sequence[Entry]]
) -> None:
    stored = []
    for remembers in (True, False):
        name = f"wire-{next(NUMBER)}"
        with store.begin() as tx:
            source = tx.sources.add(Source(name=name, url=f"https://{name}.example/"), store.now())
        memory = Memory()
        for entries in documents:
            poll(store, source, document(rss(*entries)), memory if remembers else Memory())
        with store.read() as tx:
            items = tx.items.list(source=source.id)
        stored.append([(item.headline, item.body, item.link, item.external_id) for item in items])
    assert stored[0] == stored[1]


def poll(store: Store, source: Source, fetched: Document, memory: Memory) -> None:
    """Take a document in, as the pipeline does."""
    recalled = memory.of(source.id)
    found = read(fetched, source, {}, frozenset(recalled))
    entries = found.all(recalled)
    try:
        with store.begin() as tx:
            take_in(tx, source, entries, Sketches(), store.now())
    except StaleError:
        memory.learn(source.id, {})
        poll(store, source, fetched, memory)
    else:
        memory.learn(source.id, dict(zip(found.entries, entries, strict=False)))
