"""The desk of a newsroom, on a port of its own, and somebody who looks at it.

with newsroom(tmp_path) as room, desk(room) as web:
    assert "Kim" in web.get("/").text
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from service.web.server import Server
from tests.newsroom import MARKET, PRICES, TRIP, Room, newsroom

DEADLINE = 15.0  # seconds that a test waits for what must happen


@dataclass(slots=True)
class Visitor:
    """A browser without JavaScript, or a program."""

    client: httpx.Client
    url: str
    others: ExitStack

    def get(self, path: str, **query: Any) -> httpx.Response:
        """Look at a page."""
        return self.client.get(path, params=query or None)

    def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Send a form, as a page of the desk would."""
        return self.client.post(path, data=fields, headers={"Origin": self.url, **(headers or {})})

    def sign_in(self, name: str, password: str) -> httpx.Response:
        """Sign in at the door."""
        return self.post("/sign-in", name=name, password=password)

    def another(self) -> Visitor:
        """Somebody else, with no cookies yet."""
        return Visitor(self.others.enter_context(_client(self.url)), self.url, self.others)


def _client(url: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Accept": "text/html", **headers}, timeout=DEADLINE)


@contextmanager
def desk(room: Room) -> Iterator[Visitor]:
    """The desk of a room, served as the daemon serves it."""
    web = msgspec.structs.replace(room.app.config.web, listen="127.0.0.1:0")
    room.app.config = msgspec.structs.replace(room.app.config, web=web)
    server = Server(room.app)
    server.start()
    try:
        assert server.ready.wait(DEADLINE)
        with ExitStack() as others:
            yield Visitor(others.enter_context(_client(server.url)), server.url, others)
    finally:
        server.stop()


@contextmanager
def busy_desk(folder: Path, **settings: Any) -> Iterator[tuple[Room, Visitor]]:
    """A desk on which one story was told, and two were not."""
    with newsroom(folder, **settings) as room:
        room.wire("wire", TRIP, PRICES, MARKET)
        room.add_source("wire", language="de")
        room.add_rule('"Kim Jong Un" + Reise', name="Kim")
        room.poll()
        with desk(room) as visitor:
            yield room, visitor
