"""A newsroom whose every wire has another fault: what was published is stored once, and nothing else is.

The first part holds identity to its promise over three polls: twenty entries are twenty items, whatever a
feed does to their names. The second throws all faults of servers and documents at one monitor.
"""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from service.model import SourceState
from tests.hostile import laughs
from tests.newsroom import Entry, Room, newsroom, rss
from tests.servers import DROP, STALL, Answer, drip, gzip_bomb

ENTRIES = 20
POLLS = 3
RULE = "Reise"
RULE_EVERY = 5  # entries

WORDS = (
    "Abend Anleihe Ausbau Bahn Bericht Börse Brücke Bund Dach Dorf Ernte Fabrik Ferien Fluss",
    "Forschung Garten Gericht Gewinn Gipfel Hafen Handel Himmel Insel Jahr Kammer Kirche Klinik",
    "Kohle Konzern Küste Land Lehrer Markt Meer Minister Mond Museum Nacht Norden Ofen Partei Pflege",
    "Polizei Quelle Rat Regen Saal Schiff Schule Stadt Sturm Tag Theater Turm Ufer Umsatz Verein",
    "Vertrag Wald Wasser Winter Zeitung Zug eröffnet senkt verliert gewinnt baut plant stoppt",
    "fordert verkauft kauft sperrt rettet findet sucht alte neue große kleine teure schnelle späte",
    "frühe",
)
VOCABULARY = [word for line in WORDS for word in line.split()]

Fault: TypeAlias = Callable[[str, int], Answer]  # of a wire, at a poll


def story(wire: str, number: int) -> Entry:
    """An entry like no other one; every fifth tells of a Reise."""
    chosen = random.Random(f"{wire} {number}")
    text = " ".join(chosen.choice(VOCABULARY) for _ in range(60))
    headline = " ".join(chosen.choice(VOCABULARY) for _ in range(6))
    return Entry(
        f"tag:{wire}.example,2026:{number}",
        f"{headline} {wire} {number}",
        f"{text} {RULE if number % RULE_EVERY == 0 else 'Heimkehr'}.",
        f"http://{wire}.example/{number}.html",
        datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=number),
    )


def stories(wire: str, poll: int = 0) -> list[Entry]:
    """What stands on a wire at a poll, the newest first: each time one more, and one less."""
    return [story(wire, number) for number in range(ENTRIES + poll - 1, poll - 1, -1)]


# ---------------------------------------------------------------- names


def one_guid(wire: str, _poll: int) -> list[Entry]:
    return [replace(entry, key="the-same") for entry in stories(wire)]


def new_guids(wire: str, poll: int) -> list[Entry]:
    return [replace(entry, key=f"{entry.key}#{poll}") for entry in stories(wire)]


def no_guids(wire: str, _poll: int) -> list[Entry]:
    return [replace(entry, key="") for entry in stories(wire)]


def new_dates(wire: str, poll: int) -> list[Entry]:
    return [replace(entry, at=datetime.now(UTC) + timedelta(minutes=poll)) for entry in stories(wire)]


def new_titles(wire: str, poll: int) -> list[Entry]:
    return [replace(entry, headline=f"{entry.headline} (Stand {poll})") for entry in stories(wire)]


def to_https(wire: str, poll: int) -> list[Entry]:
    scheme = "https" if poll else "http"
    moved = (replace(entry, link=entry.link.replace("http", scheme, 1)) for entry in stories(wire))
    return [replace(entry, key=entry.link) for entry in moved]


def relaunched(wire: str, poll: int) -> list[Entry]:
    """A site that moves to another system at each poll: new names, new addresses, the old stories."""
    return [
        replace(e, key=f"{e.key}/cms-{poll}", link=e.link.replace(".example/", f".example/cms-{poll}/"))
        for e in stories(wire)
    ]


def new_trackers(wire: str, poll: int) -> list[Entry]:
    return [replace(e, key="", link=f"{e.link}?utm_campaign={poll}&ref=rss{poll}") for e in stories(wire)]


def shuffled(wire: str, _poll: int) -> list[Entry]:
    return random.sample(stories(wire), ENTRIES)


def as_it_is(wire: str, _poll: int) -> list[Entry]:
    return stories(wire)


NAMES: dict[str, Callable[[str, int], Sequence[Entry]]] = {
    "reguid": one_guid,
    "newguid": new_guids,
    "noguid": no_guids,
    "redated": new_dates,
    "retitled": new_titles,
    "https": to_https,
    "relaunched": relaunched,
    "trackers": new_trackers,
    "shuffled": shuffled,
    "liar": as_it_is,
}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    http = {"allowed_networks": ["127.0.0.1"], "timeout": "2s"}
    with newsroom(tmp_path, http=http, alerts={"throttle": 10_000, "storm_limit": 10_000}) as made:
        made.settings["channels"]["desk"]["rate"] = "1000/s"
        made.restart()
        made.add_rule(RULE)
        yield made


def told(room: Room) -> Counter[str]:
    """How often each entry was told: a headline ends in the name of its wire and its number."""
    return Counter(" ".join(headline.split(" (")[0].split()[-2:]) for headline in room.told())


@pytest.mark.slow
@pytest.mark.parametrize("fault", NAMES)
def test_twenty_entries_are_twenty_items_and_no_false_alert_over_three_polls(room: Room, fault: str) -> None:
    for poll in range(POLLS):
        body = rss(*NAMES[fault](fault, poll), title=f"Wire at poll {poll}")
        body = body.replace(b"<guid isPermaLink='false'></guid>", b"")
        room.feeds.serve(f"/{fault}", body, headers={"ETag": f'"{poll}"'})
        if not poll:
            room.add_source(fault)
        room.poll()
    with room.app.store.read() as tx:
        items = tx.items.list(limit=1000)
    assert ENTRIES == len(items)
    expected = {f"{fault} {number}": 1 for number in range(0, ENTRIES, RULE_EVERY)}
    assert expected == told(room)


# ---------------------------------------------------------------- servers and documents


def feed(wire: str, poll: int) -> bytes:
    return rss(*stories(wire, poll))


def well(wire: str, poll: int) -> Answer:
    return Answer(body=feed(wire, poll))


def packed(wire: str, poll: int) -> Answer:
    return Answer(body=gzip.compress(feed(wire, poll)), headers={"Content-Encoding": "gzip"})


def status(code: int, **headers: str) -> Fault:
    return lambda _wire, _poll: Answer(status=code, headers=headers, body=b"no")


def at_times(fault: Answer) -> Fault:
    """The fault at every poll but the first and the last."""
    return lambda wire, poll: well(wire, poll) if poll in (0, POLLS - 1) else fault


def document(body: bytes, **headers: str) -> Fault:
    return lambda _wire, _poll: Answer(body=body, headers=headers)


PAGE = b"<!doctype html><html><head><title>Moved</title></head><body>No feed.</body></html>"

HEALTHY: dict[str, Fault] = {
    "well": well,
    "noetag": lambda wire, poll: Answer(body=feed(wire, poll), etag=False),
    "weak": lambda wire, poll: Answer(body=feed(wire, poll), headers={"ETag": f'W/"{poll}"'}),
    "gzip": packed,
    "wrongenc": lambda wire, poll: Answer(body=feed(wire, poll).decode().encode("latin-1")),
    "control": lambda wire, poll: Answer(body=feed(wire, poll).replace(b" neue", b" \x0b\x00neue")),
    "ttl": lambda wire, poll: Answer(body=feed(wire, poll).replace(b"<item>", b"<ttl>180</ttl><item>", 1)),
    "maxage": lambda wire, poll: Answer(body=feed(wire, poll), headers={"Cache-Control": "max-age=2592000"}),
    "dropping": at_times(Answer(body=DROP)),
    "stalling": at_times(Answer(body=STALL)),
    "failing": at_times(Answer(status=500)),
    "busy": at_times(Answer(status=503, headers={"Retry-After": "1"})),
    "consent": at_times(Answer(body=PAGE)),
    "emptied": at_times(Answer(body=b"")),
    "shortened": at_times(Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n<rss version='2.0'>")),
}
HOPELESS: dict[str, Fault] = {
    "s401": status(401),
    "s403": status(403),
    "s404": status(404),
    "s410": status(410),
    "s429": status(429, **{"Retry-After": "1"}),
    "drop": lambda _wire, _poll: Answer(body=DROP),
    "stall": lambda _wire, _poll: Answer(body=STALL),
    "loris": lambda _wire, _poll: Answer(body=drip()),
    "garbage": document(random.Random(7).randbytes(20_000)),
    "page": document(PAGE),
    "empty": document(b""),
    "laughs": document(laughs()),
    "deep": document(b"<rss version='2.0'><channel><item>" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"</item>"),
    "bomb": document(gzip_bomb(100), **{"Content-Encoding": "gzip"}),
}


@pytest.mark.slow
def test_in_the_midst_of_every_fault_each_entry_is_stored_once_and_nothing_else(room: Room) -> None:
    faults = HEALTHY | HOPELESS
    loop = room.feeds.redirect("/loop", room.feeds.url("/loop"))
    moved = room.feeds.redirect("/moved", room.feeds.url("/well-2"), status=301)
    for poll in range(POLLS):
        for wire, fault in faults.items():
            room.feeds.script(f"/{wire}", fault(wire, poll))
        room.feeds.script("/well-2", well("moved", poll))
        room.feeds.serve("/cut", feed("cut", poll).rpartition(b"<item>")[0])
        if not poll:
            room.add_source("loop", loop)
            room.add_source("moved", moved)
            for wire in (*faults, "cut"):
                room.add_source(wire)
        room.poll()
    with room.app.store.read() as tx:
        items = tx.items.list(limit=10_000, versions=True)
    stored = Counter(" ".join(item.headline.split()[-2:]) for item in items)
    numbers = range(ENTRIES + POLLS - 1)
    whole = {f"{wire} {number}" for wire in (*HEALTHY, "moved") for number in numbers}
    whole |= {f"cut {number}" for number in numbers[1:]}  # what stood last in it never came whole
    assert dict.fromkeys(whole, 1) == stored
    expected = {name for name in whole if int(name.split()[1]) % RULE_EVERY == 0}
    assert dict.fromkeys(expected, 1) == told(room)
    for wire in (*HOPELESS, "loop"):
        source = room.source(wire)
        assert (POLLS, True) == (source.failures, bool(source.last_error)), wire
    for wire in (*HEALTHY, "cut", "moved"):
        source = room.source(wire)
        assert (SourceState.OK, 0, "") == (source.state, source.failures, source.last_error), wire
    assert room.feeds.url("/well-2") == room.source("moved").url
