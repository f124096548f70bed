"""How long a server may take: the less it brings, the less.

`http.timeout` is for one that is slow and honest. What does not answer, stalls or comes by drops holds a
place that others wait for, and is given up within half of it: a fetch begins with some time, and each piece
of the document buys more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

BEGINNING = 0.4  # of http.timeout, for all that lies before a document: DNS, TLS, redirects, thinking
AHEAD = 0.1  # of http.timeout: no more may be bought in advance, however much comes at once
LONGEST_PAUSE = 40.0  # seconds that a fetch waits for what is ours; servers wait for a minute as a rule
PACE = 4000  # bytes that buy a second: at less, twenty entries (76 kB) would not come in the usual 20 s


class Allowance:
    """The time of one fetch: it lasts while `limit` is entered. Times are seconds of the monotonic clock."""

    def __init__(self, timeout: float, now: float) -> None:
        self._timeout, self._began, self._size = timeout, now, 0
        self.limit = asyncio.timeout_at(now + BEGINNING * timeout)
        self.paused = False  # or given up in a pause

    def earn(self, size: int, now: float) -> None:
        """So many bytes of the document have come."""
        self._size += size
        until = self.limit.when() or 0.0
        if (later := extended(until, size, now, self._began, self._timeout)) > until:
            self.limit.reschedule(later)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Wait for what is not the server's doing: its time stands still, for a while."""
        until, now = self.limit.when() or 0.0, time.monotonic()
        self.paused = True
        self.limit.reschedule(now + LONGEST_PAUSE)
        yield
        passed = time.monotonic() - now
        self.limit.reschedule(until + passed)
        self._began += passed
        self.paused = False

    def reason(self, now: float) -> str:
        """What to say of a server that took too long."""
        took = now - self._began
        if took >= self._timeout:
            return f"no complete answer within {self._timeout:g} s (http.timeout)"
        if self._size:
            return f"its document came too slowly: {self._size:,} bytes in {took:.1f} s (http.timeout)"
        return f"nothing of a document came within {took:.1f} s (a longer http.timeout allows for more)"


def extended(until: float, size: int, now: float, began: float, timeout: float) -> float:
    """When a fetch that would end at `until` ends after `size` more bytes have come."""
    bought = min(until + size / PACE, now + AHEAD * timeout)
    return min(max(until, bought), began + timeout)
