"""All bad feeds and addresses that we know of at once: each is marked with a reason or read for what it is.

The good ones beside them are told, the memory stays, and nothing is asked that must not be.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from service.actions import opml, sources
from service.errors import UsageError
from service.model import Source, SourceState
from tests.hostile import ANSWERS, addresses, redirects
from tests.newsroom import TRIP, Room, changed, newsroom, rss
from tests.servers import FeedServer

KIM = '"Kim Jong Un" + Reise'
GROWTH_MB = 150  # of the monitor itself, while a gigabyte of hostility is thrown at it

OUTLINES = 100_000

pytestmark = pytest.mark.slow


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_rule(KIM)
        yield made


def test_each_hostile_answer_ends_with_a_reason_or_its_news_and_the_good_one_is_told(room: Room) -> None:
    for case in ANSWERS:
        room.feeds.script(f"/{case.name}", case.answer())
        room.add_source(case.name)
    room.wire("wire", TRIP)
    room.add_source("wire")
    process = psutil.Process()
    before = process.memory_info().rss
    tally = room.poll()
    grown = (process.memory_info().rss - before) / 2**20
    assert [TRIP.headline] == room.told()
    with room.app.store.read() as tx:
        names = tx.sources.names()
        read = [(names[item.source], item) for item in tx.items.scan()]
    for case in ANSWERS:
        items = [item for name, item in read if name == case.name]
        if case.items:
            assert case.name not in tally.failures, f"{case.name}: {tally.failures[case.name]}"
            assert len(items) >= case.items, case.name
            assert room.source(case.name).state is SourceState.OK
        else:
            assert not items, case.name
            reason = tally.failures[case.name]
            assert case.words in reason, f"{case.name}: {reason}"
            assert "\n" not in reason
            assert reason == room.source(case.name).last_error
    for _, item in read:
        text = f"{item.headline}{item.link}{item.external_id}"
        assert text.isprintable(), item.headline[:200]
        assert "root:" not in item.headline
        assert not item.link.startswith(("javascript:", "data:"))
        assert len(text) < 20_000
        assert item.published_at is None or 1990 < item.published_at.year < 2100
    assert room.source("wire").state is SourceState.OK
    assert grown < GROWTH_MB
    room.poll()
    assert [TRIP.headline] == room.told()


def test_a_redirect_leads_into_no_house_and_out_of_every_loop(room: Room) -> None:
    expected = redirects(room.feeds)
    for name in expected:
        room.add_source(name.replace("/", "-"), room.feeds.url(f"/{name}"))
    room.wire("wire", TRIP)
    room.add_source("wire")
    tally = room.poll()
    assert [TRIP.headline] == room.told()
    for name, words in expected.items():
        assert words in tally.failures[name.replace("/", "-")], name
    assert "secret" not in "".join(tally.failures.values())
    assert len(room.feeds.asked("/loop")) <= 6


def test_no_address_in_the_house_is_asked_however_it_is_written(tmp_path: Path) -> None:
    """The good wire is in a network that was opened; this machine's usual address is not."""
    with (
        FeedServer("127.0.0.2") as good,
        newsroom(tmp_path, http={"allowed_networks": ["127.0.0.2"], "timeout": "5s"}) as room,
    ):
        room.add_rule(KIM)
        room.add_source("wire", good.serve("/wire", rss(TRIP)))
        port = room.feeds.origin.rpartition(":")[2]
        refused, stored = 0, []
        for number, url in enumerate(addresses(port)):
            try:
                added = sources.add(room.app, Source(name=f"bad-{number}", url=url))
            except UsageError:
                refused += 1
            else:
                assert added.failure, url
                stored.append(f"bad-{number}")
        tally = room.poll()
        assert set(stored) == set(tally.failures)
        assert refused + len(stored) == len(addresses(port))
        assert refused >= 7
        assert [TRIP.headline] == room.told()
        assert room.feeds.requests == []
        assert "secret" not in "".join(tally.failures.values())


def test_a_list_that_names_one_feed_a_million_times_adds_one(room: Room) -> None:
    outline = '<outline type="rss" xmlUrl="https://wire.example/a"/>'
    body = f"<opml version='2.0'><body>{outline * OUTLINES}</body></opml>"
    done = opml.import_feeds(room.app, body.encode())
    assert (len(done.added), len(done.known)) == (1, OUTLINES - 1)


def test_whole_items_of_a_broken_feed_are_kept(room: Room) -> None:
    """Cut in the middle of the second item; declared as another encoding; with dates that cannot be."""
    whole = rss(TRIP, changed(TRIP, key="second", headline="Zweite Meldung", text="Ganz anderer Text hier."))
    room.feeds.serve("/cut", whole[: whole.index(b"Zweite") + 3])
    latin = rss(changed(TRIP, key="latin", text="Kim Jong Un: Öl auf Reise, ganz neu", link="")).decode()
    room.feeds.serve("/latin", latin.encode("latin-1"))
    years = rss(changed(TRIP, key="years", text="Vorzeit und ferne Zukunft der Welt", link="")).decode()
    start, end = years.index("<pubDate>"), years.index("</pubDate>")
    room.feeds.serve("/zero", years[:start] + "<pubDate>Mon, 01 Jan 0000 00:00:00 GMT" + years[end:])
    room.feeds.serve("/far", years[:start] + "<pubDate>Fri, 31 Dec 9999 23:59:59 GMT" + years[end:])
    room.feeds.serve("/packed", gzip.compress(whole), headers={"Content-Encoding": "gzip"})
    for name in ("cut", "latin", "zero", "far", "packed"):
        room.add_source(name)
        tally = room.poll(name)
        assert {} == tally.failures, name
        assert tally.items >= 1, name
    with room.app.store.read() as tx:
        bodies = [item.body for item in tx.items.scan()]
        dates = [item.published_at for item in tx.items.scan()]
    assert any("Öl auf Reise" in body for body in bodies)
    assert all(at is None or 1990 < at.year < 2100 for at in dates)
