"""Named places of the path, where a test may pull the plug and where the time is taken.

`MONITOR_FAIL_AT=NAME` kills the process (SIGKILL: no clean-up, no flush) when it passes the place NAME;
`NAME:3` when it passes it for the third time. Without the variable a place costs one comparison.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable

_wanted, _, _nth = os.environ.get("MONITOR_FAIL_AT", "").partition(":")
_passed = itertools.count(1)
_listening: list[Callable[[str], None]] = []

NAMES = (
    "claimed",  # sources are ours, nothing is fetched
    "fetched",  # bytes are here, nothing is parsed
    "parsed",  # items are known, the transaction is not open
    "stored",  # items are written, not committed
    "matched",  # alerts and deliveries are written, not committed
    "committed",  # all that the poll taught is safe, nothing is acknowledged
    "released",  # messages are rendered, not committed
    "delivery-claimed",  # a delivery is ours, nothing is sent
    "sent",  # the server has it, we have not noted it
    "settled",  # and now we have
)

COPYING = (
    "copying",  # a part of a backup is written, or of what is put back
    "copied",  # all of it is, and has not got its name yet
)

MOVING = (
    "carrying",  # a part of a table is in the new database, nothing is committed
    "carried",  # all is there, nothing is committed
    "handed-over",  # the old one says that it was moved, the new one is not committed
)


def passes(name: str) -> None:
    """Say that the program is at the place `name`; it may not come back."""
    if name == _wanted and next(_passed) == int(_nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
    for listener in _listening:
        listener(name)


def listen(listener: Callable[[str], None]) -> None:
    """Have `listener(name)` called at every place, in the thread that passes it; the last one listens."""
    _listening[:] = [listener]
