"""A small newsroom for tests: a wire, an inbox, and a monitor on a database between them.

    with newsroom(tmp_path) as room:
        room.wire("wire", TRIP, PRICES)
        room.add_source("wire")
        room.add_rule('"Kim Jong Un" + Reise')
        room.poll()
        assert [TRIP.headline] == room.told()

The stories are our own, in the shape of the trade.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from service import config
from service.actions import rounds, rules
from service.app import PARSE_DEADLINE, PARSE_MEMORY_BYTES, App, build
from service.model import Rule, Source
from service.rules.grammar import parse
from service.workers import Workers
from tests.inbox import HookServer
from tests.servers import FeedServer


@dataclass(frozen=True, slots=True)
class Entry:
    """A story as an RSS feed carries it."""

    key: str
    headline: str
    text: str
    link: str = ""
    at: datetime | None = field(default_factory=lambda: datetime.now(UTC))


TRIP = Entry(
    "trip-1",
    "Kim Jong Un bricht im Sonderzug nach Peking auf",
    "PJÖNGJANG/PEKING (dpa-AFX) - Nordkoreas Machthaber Kim Jong Un hat am Montagabend Pjöngjang in seinem "
    "gepanzerten Zug verlassen. Es ist seine erste Auslandsreise seit zwei Jahren.",
    "https://portal.example/kim-peking",
)
PRICES = Entry(
    "prices-1",
    "Kim Jong Un lässt die Preise senken",
    "PJÖNGJANG (dpa-AFX) - Kim Jong Un lässt die Preise für Reis in den Landkreisen an der Grenze senken.",
    "https://portal.example/preise",
)
MARKET = Entry(
    "market-1",
    "Aktien Frankfurt: Dax im Minus",
    "FRANKFURT (dpa-AFX) - Der Dax hat nachgegeben. Steigende Preise belasten die Landkreise.",
    "https://portal.example/dax",
)
OLD = timedelta(days=3)


def rss(*entries: Entry, title: str = "Wire") -> bytes:
    """An RSS 2.0 feed."""
    items = "".join(
        f"<item><guid isPermaLink='false'>{escape(entry.key)}</guid><title>{escape(entry.headline)}</title>"
        + (f"<link>{escape(entry.link)}</link>" if entry.link else "")
        + (f"<pubDate>{format_datetime(entry.at)}</pubDate>" if entry.at else "")
        + f"<description>{escape(entry.text)}</description></item>"
        for entry in entries
    )
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>{title}</title>"
        f"<link>https://wire.example/</link><description>d</description><language>de</language>{items}"
        "</channel></rss>"
    ).encode()


@dataclass(slots=True)
class Room:
    """The parts of a test, and the verbs it speaks in."""

    folder: Path
    feeds: FeedServer
    hooks: HookServer
    settings: dict[str, Any]
    app: App

    def wire(self, name: str, *entries: Entry) -> str:
        """Put entries on a feed, in the place of what stood there; its URL."""
        return self.feeds.serve(f"/{name}", rss(*entries))

    def add_source(self, name: str, url: str = "", **facts: Any) -> Source:
        """A source that is due at once."""
        source = Source(name=name, url=url or self.feeds.url(f"/{name}"), **facts)
        with self.app.store.begin() as tx:
            return tx.sources.add(source, self.app.store.now())

    def add_rule(self, query: str, **facts: Any) -> Rule:
        """A rule that tells the desk."""
        return rules.add(self.app, Rule(name=facts.pop("name", ""), query="", **facts), parse(query))

    def poll(self, *names: str) -> rounds.Tally:
        """One whole round over every source."""
        return rounds.poll(self.app, names, everything=True)

    def restart(self, **changes: Any) -> None:
        """Close the monitor and start another on the same database."""
        self.app.close()
        self.app = open_app(self.folder, self.settings | changes)

    def told(self, kind: str = "") -> list[str]:
        """The headlines that the desk was told, in order; of one kind of message, if it is given."""
        return [post.json["item"]["headline"] for post in self.hooks.posts if kind in ("", post.json["kind"])]

    def kinds(self) -> list[str]:
        """The kinds of the messages that the desk got, in order."""
        return [post.json["kind"] for post in self.hooks.posts]

    def source(self, name: str) -> Source:
        """The source as it is now."""
        with self.app.store.read() as tx:
            return tx.sources.get(name)


def open_app(folder: Path, settings: dict[str, Any]) -> App:
    """A monitor that waits for nobody before it tells."""
    read = config.read(settings, path=str(folder / "config.toml"))
    app = build(read, migrate=True, group_wait=timedelta(0))
    app.workers = _workers()
    return app


@cache
def _workers() -> Workers:
    """The processes that read for all rooms: to start them is half of what a room costs."""
    workers = Workers(2, memory_bytes=PARSE_MEMORY_BYTES, deadline=PARSE_DEADLINE)
    atexit.register(workers.close)
    return workers


@contextmanager
def newsroom(folder: Path, **settings: Any) -> Iterator[Room]:
    """A wire, an inbox and a monitor; `settings` replace tables of the configuration."""
    with FeedServer() as feeds, HookServer() as hooks:
        table: dict[str, Any] = {
            "http": {"allowed_networks": ["127.0.0.1"], "timeout": "5s"},
            "channels": {"desk": {"url": hooks.url()}},
        } | settings
        room = Room(folder, feeds, hooks, table, open_app(folder, table))
        try:
            yield room
        finally:
            room.app.close()


def changed(entry: Entry, **facts: Any) -> Entry:
    """The entry in another version."""
    return replace(entry, **facts)
