"""Two weeks in a newsroom, up to this minute: what pictures of the desk show.

    with newsday(folder) as room, desk(room) as visitor:
        ...

The stories stand in `data/newsday.toml`.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from service import config
from service.actions import board, people, silences
from service.app import build
from service.model import Account, Priority, Role, Scope, Source
from tests.clock import ManualClock
from tests.newsroom import Entry, Room, newsroom

NEWS: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "data" / "newsday.toml").read_text(encoding="utf-8")
)
PASSWORD = "correct horse battery staple"
DAYS = 14
NIGHT = frozenset({0, 1, 2, 3, 4, 5})  # hours, UTC, in which little comes in
SHOWN = 25  # entries that a feed carries
BROKEN = "stadtwerke-presse"  # a source that went away in the night

Wire = dict[str, list[Entry]]


@contextmanager
def newsday(folder: Path) -> Iterator[Room]:
    """A monitor that has watched for two weeks, and the people who work with it."""
    with newsroom(folder) as room:
        room.settings |= {
            "channels": {name: {"url": room.hooks.url()} for name in ("desk", "mail")},
            "web": {"listen": "127.0.0.1:0", "base_url": "https://desk.example.org"},
        }
        end = datetime.now(UTC)
        clock = ManualClock(end - timedelta(days=DAYS))
        settings = config.read(room.settings, path=str(folder / "config.toml"))
        room.app.close()
        room.app = build(settings, clock, migrate=True, group_wait=timedelta(0))
        _people(room)
        for one in NEWS["source"]:
            room.wire(one["name"])
            room.add_source(one["name"], language=one["language"], tags=tuple(one["tags"]))
        for one in NEWS["rule"]:
            policy = {"priority": Priority(one["priority"]), "channels": tuple(one["channels"])}
            room.add_rule(one["query"], name=one["name"], changed_by="anna", **policy)
        _watch(room, clock, end)
        _work(room)
        yield room


def _people(room: Room) -> None:
    for name, role in {"anna": Role.ADMIN, "jonas": Role.EDITOR, "newsroom-wall": Role.VIEWER}.items():
        people.add(room.app, Account(name=name, role=role), PASSWORD)
        people.record(room.app, "anna", "user add", name)
    people.add_token(room.app, "prometheus", [Scope.METRICS])
    people.add_token(room.app, "archive export", [Scope.READ], user="jonas")


def _watch(room: Room, clock: ManualClock, end: datetime) -> None:
    """Two weeks of ordinary days in coarse steps, and the last day as it was."""
    dice = random.Random(11)
    wire: Wire = {one["name"]: [] for one in NEWS["source"]}
    day = list(NEWS["report"])
    while clock.now < end:
        left = end - clock.now
        clock.now = min(end, clock.now + timedelta(minutes=30 if left <= timedelta(days=1) else 150))
        while day and end - timedelta(minutes=day[0]["ago"]) <= clock.now:
            report, now = day.pop(0), clock.now
            clock.now = end - timedelta(minutes=report["ago"])
            _report(wire[report["source"]], report, clock.now)
            _poll(room, wire)
            clock.now = now
        for _ in range(dice.randint(1, 3) if clock.now.hour in NIGHT else dice.randint(5, 11)):
            _ordinary(dice, wire, clock.now)
        if left > timedelta(days=1) and dice.random() < 0.3:
            source, headline, text = dice.choice(NEWS["hit"]["reports"])
            _file(wire[source], headline, text, dice.choice(NEWS["towns"]["de"]), clock.now)
        if left < timedelta(hours=9) and not any(one.name == BROKEN for one in _sources(room)):
            room.add_source(BROKEN, language="de", tags=("official",))
        _poll(room, wire)


def _sources(room: Room) -> list[Source]:
    with room.app.store.read() as tx:
        return list(tx.sources.list())


def _poll(room: Room, wire: Wire) -> None:
    for name, entries in wire.items():
        room.wire(name, *entries[-SHOWN:])
    room.poll()


def _ordinary(dice: random.Random, wire: Wire, at: datetime) -> None:
    source = dice.choice([one for one in NEWS["source"] if "official" not in one["tags"]])
    headline, text = dice.choice(NEWS["ordinary"][source["language"]])
    _file(wire[source["name"]], headline, text, dice.choice(NEWS["towns"][source["language"]]), at)


def _file(wire: list[Entry], headline: str, text: str, town: str, at: datetime) -> None:
    number = len(wire)
    body = f"{town.upper()} - {text.format(number=40 + 7 * number)}"
    wire.append(Entry(f"{number}", headline.format(town=town), body, at=at))


def _report(wire: list[Entry], report: dict[str, Any], at: datetime) -> None:
    """A report of the day; a later version takes the place of the one before."""
    key = report.get("key", f"day-{report['ago']}")
    wire[:] = [known for known in wire if known.key != key]
    link = f"https://{report['source']}.example/{key}"
    wire.append(Entry(key, report["headline"], report["text"], link, at))


def _work(room: Room) -> None:
    """What the people at the desk have done this morning."""
    for card in board.desk(room.app, limit=30).cards[4::3]:
        board.acknowledge(room.app, card.story.id, "jonas")
    there, moving = "Bremerhaven: Reporterin ist vor Ort", "Umzug des Servers, laut Pressestelle"
    silences.add(room.app, ["rule=Seehäfen"], timedelta(hours=4), there, "jonas")
    silences.add(room.app, [f"source={BROKEN}"], timedelta(days=1), moving, "anna")
    people.record(room.app, "jonas", "silence", "rule=Seehäfen")
    people.record(room.app, "anna", "edit-rule", "Leitzins")
    people.add_feed(room.app, "Leitzins")
