"""Every bad feed that we know of at once: each is marked with a reason, the good ones go on, memory stays."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from service.model import SourceState
from tests.newsroom import TRIP, Room, changed, newsroom, rss
from tests.servers import STALL, Answer, gzip_bomb

KIM = '"Kim Jong Un" + Reise'
GROWTH_MB = 150  # of the monitor itself, while a gigabyte of hostility is thrown at it
XML = {"Content-Type": "application/rss+xml"}

pytestmark = pytest.mark.slow


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_rule(KIM)
        yield made


def laughs() -> bytes:
    """Ten levels of entities, each ten of the one below (the "billion laughs")."""
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 11))
    document = "<rss><channel><title>&l10;</title></channel></rss>"
    return f'<!DOCTYPE rss [<!ENTITY l0 "ha">{levels}]>{document}'.encode()


HOSTILE = {
    "page": (Answer(body=b"<!doctype html><html><body>Please accept our cookies</body></html>"), "HTML"),
    "empty": (Answer(body=b""), "empty"),
    "huge": (Answer(body=lambda: iter([b" " * 2**20] * 50), headers=XML), "10 MB"),
    "bomb": (Answer(body=gzip_bomb(200), headers={"Content-Encoding": "gzip"}), ""),
    "laughs": (Answer(body=laughs(), headers=XML), ""),
    "deep": (Answer(body=b"<rss>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</rss>"), ""),
    "attributes": (
        Answer(body=b"<rss " + b" ".join(b'a%d="x"' % n for n in range(200_000)) + b"><channel/></rss>"),
        "",
    ),
    "stalled": (Answer(body=STALL), "5 s"),
    "missing": (Answer(status=404), "404"),
}


def test_each_hostile_feed_is_marked_with_a_reason_and_the_good_one_is_told(room: Room) -> None:
    for name, (answer, _) in HOSTILE.items():
        room.feeds.script(f"/{name}", answer)
        room.add_source(name)
    room.wire("wire", TRIP)
    room.add_source("wire")
    process = psutil.Process()
    before = process.memory_info().rss
    tally = room.poll()
    grown = (process.memory_info().rss - before) / 2**20
    assert [TRIP.headline] == room.told()
    assert set(HOSTILE) == set(tally.failures)
    for name, (_, words) in HOSTILE.items():
        assert words in tally.failures[name], f"{name}: {tally.failures[name]}"
        assert "\n" not in tally.failures[name]
        assert tally.failures[name] == room.source(name).last_error
    assert SourceState.OK is room.source("wire").state
    assert grown < GROWTH_MB
    room.poll()
    assert [TRIP.headline] == room.told()


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
