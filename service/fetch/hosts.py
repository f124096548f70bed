"""How often one host is asked: its turns, the gap between them, its hold.

A host on the public internet gets `limit` requests at once, and `gap` seconds lie between two starts; after a
403, 429 or 503 it is left alone. A host of our own house (`http.allowed_networks`) needs none of this. Nodes
that share a database share a host's gap: each leaves it alone for as many gaps as there are nodes.
Times are seconds of the monotonic clock.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

PATIENCE = 20.0  # seconds that a source waits for its turn; beyond it another may have its place
REMEMBERED = 20_000  # hosts; those that were asked longest ago are forgotten first
HOLD = 60.0  # seconds that a host is left alone where it does not say for how long
LONGEST_HOLD = 3600.0  # one feed's maintenance must not blind us to the whole host for a day


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: come back in `seconds`."""

    seconds: float
    reason: str


class Host:
    """What is known of one host. It lives in one event loop."""

    def __init__(self, limit: int, gap: float) -> None:
        self.private: bool | None = None  # None: not learned yet
        self.gap = gap
        self._turns = asyncio.Semaphore(limit)  # first come, first served
        self._waiting = 0
        self._next_start = 0.0
        self._promised = 0.0  # the last time that was given to one sent away: they return one by one
        self._held_until = 0.0

    def hold(self, asked: timedelta | None, now: float) -> timedelta | None:
        """For how long the host is left alone from now on, where it asked for so much; None: not at all."""
        if self.private:
            return None
        seconds = HOLD if asked is None else min(asked.total_seconds(), LONGEST_HOLD)
        self._held_until = max(self._held_until, now + seconds)
        return timedelta(seconds=self._held_until - now)

    def away(self, now: float) -> Later | None:
        """When to come back, where waiting for a turn makes no sense; else None."""
        if self.private:
            return None
        if self._held_until > now:
            return self._later(self._held_until, now, "its host asked for a pause")
        wait = max(0.0, self._next_start - now) + self._waiting * self.gap
        return None if wait <= PATIENCE else self.busy(now, wait)

    def busy(self, now: float, wait: float = 0.0) -> Later:
        """When to come back, where the turn did not come in time."""
        return self._later(now + max(wait, self.gap), now, "other sources on its host come first")

    def _later(self, at: float, now: float, reason: str) -> Later:
        self._promised = max(self._promised + self.gap, at)
        return Later(self._promised - now, reason)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a turn: entered when it has come."""
        if self.private:
            yield
            return
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            now = time.monotonic()
            start = max(now, self._next_start)
            self._next_start = start + self.gap  # before the sleep, so that the next one sleeps longer
            await asyncio.sleep(start - now)
            yield
        finally:
            self._turns.release()


class Hosts:
    """The hosts by name, the most recent ones."""

    def __init__(self, limit: int, gap: float) -> None:
        self._limit, self._gap, self._nodes = limit, gap, 1
        self._hosts: OrderedDict[str, Host] = OrderedDict()

    def share(self, nodes: int) -> None:
        """So many nodes ask the same hosts, each without knowing when the others do."""
        if nodes != self._nodes:
            self._nodes = nodes
            for host in self._hosts.values():
                host.gap = self._gap * nodes

    def of(self, name: str) -> Host:
        """The host of that name."""
        host = self._hosts.pop(name, None) or Host(self._limit, self._gap * self._nodes)
        self._hosts[name] = host
        if len(self._hosts) > REMEMBERED:
            self._hosts.popitem(last=False)
        return host
