"""What each bad feed costs, one JSON document: seconds, megabytes, and how it ended.

    python tests/bench/hostile.py [CASE…]

Each case is polled alone, by a monitor with the usual settings, beside a healthy source. `seconds` is until
both are done, `megabytes` the most that the monitor and its workers have taken beyond what they take at rest,
looked at every 10 ms.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.hostile import ANSWERS, Case
from tests.newsroom import MARKET, TRIP, Entry, Room, changed, newsroom

LOOK = 0.01  # seconds
MEGABYTE = 2**20


def taken() -> int:
    """Bytes of the monitor and its workers, what they share counted each time."""
    this = psutil.Process()
    total = 0
    for process in (this, *this.children(recursive=True)):
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return total


@contextmanager
def watched() -> Iterator[list[int]]:
    """The most that was taken meanwhile, in the one place of the list."""
    most, done = [taken()], threading.Event()

    def look() -> None:
        while not done.wait(LOOK):
            most[0] = max(most[0], taken())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def fresh(number: int) -> Entry:
    """Something new on the healthy wire."""
    return changed(
        MARKET, key=f"m{number}", headline=f"Dax zum {number}. Mal", text=f"Stand {number}", link=""
    )


def measured(room: Room, case: Case, number: int) -> dict[str, Any]:
    """The figures of one case; its body is made before the clock starts."""
    answer = case.answer()
    room.feeds.script(f"/{case.name}", answer)
    room.add_source(case.name)
    room.wire("healthy", fresh(number))
    before = taken()
    with watched() as most:
        began = time.perf_counter()
        tally = room.poll("healthy", case.name)
        seconds = time.perf_counter() - began
    room.feeds.script(f"/{case.name}", b"")
    return {
        "case": case.name,
        "seconds": round(seconds, 2),
        "megabytes": round((most[0] - before) / MEGABYTE),
        "healthy": "healthy" not in tally.failures and tally.items >= 1,
        "ended": tally.failures.get(case.name, f"{tally.items - 1} items read"),
    }


def main() -> None:
    wanted = set(sys.argv[1:])
    with (
        tempfile.TemporaryDirectory() as folder,
        newsroom(Path(folder), http={"allowed_networks": ["127.0.0.1"]}) as room,
    ):
        room.add_rule('"Kim Jong Un" + Reise')
        room.wire("healthy", TRIP)
        room.add_source("healthy")
        room.poll()
        cases = [case for case in ANSWERS if not wanted or case.name in wanted]
        rows = [measured(room, case, number) for number, case in enumerate(cases)]
    worst = {unit: max(rows, key=lambda row: row[unit])["case"] for unit in ("seconds", "megabytes")}
    figures = {unit: max(row[unit] for row in rows) for unit in ("seconds", "megabytes")}
    print(json.dumps({"cases": rows, "most": figures, "worst": worst}, indent=2))


if __name__ == "__main__":
    main()
