"""What the desk costs, and how fast it is, with a large archive behind it. Prints one JSON document.

    python tests/bench/web.py [--items 1000000] [--alerts 10000] [--pages 200]

`desk` is the front page: milliseconds to its first byte (the median and the worst of 30 looks), bytes on the
wire. `live` is the time from the commit of a hit to its arrival on an open page, in milliseconds. `pages` are
open pages: what each adds to the memory of the process in kilobytes, and the milliseconds of a whole poll
without and with them. `editor` is the time from sending a query to its first figures and to the last, and,
where there is a Chromium, from the last key in it to the first figures on its screen (the median of five).
`stop_s` is how long the end takes while as many pages are open.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import sync_playwright
from sqlalchemy import insert

sys.path.insert(0, str(Path(__file__).parents[2]))

from service.model import AlertState, DeliveryKind, DeliveryState, Evidence, Link, Priority, Signal, Status
from service.store import schema
from service.web.server import Server
from tests.desk import Visitor, desk
from tests.newsroom import TRIP, Entry, Room, newsroom

LOOKS = 30
BATCH = 20_000
TEXT = (
    "BERLIN (dpa) - Der Landkreis hat am Dienstag über den Haushalt beraten. Die Preise für Strom steigen, "
    "teilte eine Sprecherin mit. Über die Reise des Ministers wurde nichts bekannt. "
) * 4
PLACE = Evidence(field="body", start=108, end=113, text="Reise", term="Reise", how="exact")


def fill(room: Room, items: int, alerts: int) -> None:
    """Put an archive behind the desk, row by row: the newest items are those that were told."""
    now = room.app.store.now()
    room.add_source("archive", url="http://127.0.0.1:9/archive")
    rules = [room.add_rule(f"Wort{number}", name=f"rule {number}").id for number in range(20)]
    source = room.source("archive").id
    step = timedelta(days=60) / items
    for start in range(0, items, BATCH):
        numbers = range(start, min(start + BATCH, items))
        with room.app.store.begin() as tx:
            run = tx.items._connection.execute
            times = {number: now - step * (items - number) for number in numbers}
            run(insert(schema.story), [_story(number, times[number]) for number in numbers])
            run(insert(schema.item), [_item(number, source, times[number]) for number in numbers])
            told = [number for number in numbers if number >= items - alerts]
            if told:
                run(insert(schema.hit), [_hit(n, rules[n % 20], times[n]) for n in told])
                run(insert(schema.alert), [_alert(n, rules[n % 20], times[n]) for n in told])
                run(insert(schema.delivery), [_delivery(n, times[n]) for n in told])


def _story(number: int, at: Any) -> dict[str, Any]:
    return {
        "id": number + 1,
        "headline": f"Meldung {number} aus dem Landkreis",
        "opened_at": at,
        "updated_at": at,
        "status": Status.USABLE,
        "items": 1,
        "sources": 1,
    }


def _item(number: int, source: int, at: Any) -> dict[str, Any]:
    return {
        "id": number + 1,
        "source": source,
        "story": number + 1,
        "headline": f"Meldung {number} aus dem Landkreis",
        "body": TEXT,
        "language": "de",
        "received_at": at,
        "published_at": at,
        "stored_at": at,
        "status": Status.USABLE,
        "signal": Signal.NONE,
        "content": number,
        "text_hash": number,
        "how": Link.FIRST,
    }


def _hit(number: int, rule: int, at: Any) -> dict[str, Any]:
    return {
        "rule": rule,
        "rule_version": 1,
        "item": number + 1,
        "story": number + 1,
        "evidence": (PLACE,),
        "at": at,
    }


def _alert(number: int, rule: int, at: Any) -> dict[str, Any]:
    return {"rule": rule, "story": number + 1, "state": AlertState.OPEN, "opened_at": at, "updated_at": at}


def _delivery(number: int, at: Any) -> dict[str, Any]:
    return {
        "channel": "desk",
        "kind": DeliveryKind.ALERT,
        "story": number + 1,
        "item": number + 1,
        "state": DeliveryState.SENT,
        "priority": Priority.NORMAL,
        "created_at": at,
        "sent_at": at,
    }


def front_page(visitor: Visitor) -> dict[str, Any]:
    """The desk, looked at again and again; its figures are worked out anew each time they are old."""
    times, size = [], 0
    for _ in range(LOOKS):
        began = time.perf_counter()
        with visitor.client.stream("GET", "/", headers={"Accept-Encoding": "gzip"}) as answer:
            parts = answer.iter_raw()
            size = len(next(parts))
            times.append((time.perf_counter() - began) * 1000)
            size += sum(map(len, parts))
        time.sleep(0.2)
    return {
        "first_byte_ms": round(statistics.median(times), 1),
        "worst_ms": round(max(times), 1),
        "bytes": size,
    }


@contextmanager
def open_pages(visitor: Visitor, number: int) -> Iterator[list[httpx.Response]]:
    """Pages that follow live."""
    with ExitStack() as stack:
        client = stack.enter_context(
            httpx.Client(base_url=visitor.url, timeout=60, limits=httpx.Limits(max_connections=None))
        )
        yield [stack.enter_context(client.stream("GET", "/live")) for _ in range(number)]


def arrival(room: Room, visitor: Visitor, tries: int = 10) -> dict[str, float]:
    """From the commit of a hit to its arrival on an open page."""
    committed = threading.Event()
    at: list[float] = []

    def heard(event: str, **_: object) -> None:
        if event == "source.read":  # reported right after the commit
            at.append(time.perf_counter())
            committed.set()

    room.app.listen(heard)
    times = []
    with visitor.client.stream("GET", "/live") as answer:
        lines = answer.iter_lines()
        for number in range(tries):
            word = f"Ankunft{number}"
            entry = Entry(f"live-{number}", f"{word} der Kim-Reise", f"Kim Jong Un auf Reise, {word}.")
            room.wire("wire", entry)
            threading.Thread(target=room.poll, args=("wire",)).start()
            next(line for line in lines if word in line)
            arrived = time.perf_counter()
            committed.wait(10)
            committed.clear()
            times.append((arrived - at[-1]) * 1000)
            next(line for line in lines if "event: pulse" in line)
            time.sleep(0.5)
    return {"median_ms": round(statistics.median(times)), "worst_ms": round(max(times))}


def crowd(room: Room, visitor: Visitor, number: int) -> dict[str, Any]:
    """What open pages cost."""

    def poll_ms() -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            room.poll("wire")
            times.append((time.perf_counter() - began) * 1000)
        return statistics.median(times)

    alone, before = poll_ms(), memory()
    with open_pages(visitor, number):
        room.wire("wire", Entry("crowd", "Kim-Reise mit Publikum", "Kim Jong Un auf Reise vor Publikum."))
        room.poll("wire")
        time.sleep(2)
        beside, after = poll_ms(), memory()
    return {
        "open": number,
        "memory_mb": round((after - before) / 1000, 1),
        "poll_ms_alone": round(alone, 1),
        "poll_ms_beside": round(beside, 1),
    }


def memory() -> int:
    """What this process holds, in kilobytes; browser and desk are one process here."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def editor(visitor: Visitor) -> dict[str, Any]:
    """A query that is tried while it is written."""
    sent = {"query": "Reise + Landkreis"}
    began = time.perf_counter()
    with visitor.client.stream("POST", "/rules/try", data=sent, timeout=900) as answer:
        lines = (line for line in answer.iter_lines() if 'class="sum"' in line)
        next(lines)
        first = time.perf_counter() - began
        for _ in lines:
            pass
    return {"first_ms": round(first * 1000), "whole_s": round(time.perf_counter() - began, 1)}


WATCHED = """() => {
    const query = document.querySelector("#query"), trial = document.querySelector("#trial");
    window.key = window.shown = 0;
    query.addEventListener("input", () => { window.key = performance.now(); window.shown = 0; });
    new MutationObserver(() => {
        if (!window.shown && trial.querySelector(".sum")) window.shown = performance.now();
    }).observe(trial, { childList: true, subtree: true });
}"""


def typed(visitor: Visitor, tries: int = 5) -> float | None:
    """Milliseconds from the last key to the first figures on the screen; None without a Chromium."""
    path = shutil.which("chromium")
    if path is None:
        return None
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(tries):
            page = browser.new_page()
            page.goto(f"{visitor.url}/rules/new", wait_until="domcontentloaded")
            page.evaluate(WATCHED)
            page.locator("#query").press_sequentially("Reise + Landkreis", delay=40)
            page.locator("#trial .sum").wait_for(timeout=60_000)
            times.append(float(page.evaluate("window.shown - window.key")))
            page.close()
        browser.close()
    return round(statistics.median(times))


def stop(room: Room, number: int) -> float:
    """How long a desk takes to end on which many pages are open, in seconds."""
    with ExitStack() as stack:
        server = Server(room.app)
        server.start()
        server.ready.wait(10)
        client = stack.enter_context(
            httpx.Client(base_url=server.url, timeout=60, limits=httpx.Limits(max_connections=None))
        )
        for _ in range(number):
            stack.enter_context(client.stream("GET", "/live"))
        began = time.perf_counter()
        server.stop()
        return round(time.perf_counter() - began, 2)


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, newsroom(Path(folder)) as room:
        fill(room, given.items, given.alerts)
        room.wire("wire", TRIP)
        room.add_source("wire", language="de")
        room.add_rule('"Kim Jong Un" + Reise', name="Kim")
        room.poll("wire")
        with desk(room) as visitor:
            visitor.get("/")
            found = {
                "items": given.items,
                "alerts": given.alerts,
                "desk": front_page(visitor),
                "live": arrival(room, visitor),
                "pages": crowd(room, visitor, given.pages),
                "editor": editor(visitor) | {"typed_ms": typed(visitor)},
            }
        found["stop_s"] = stop(room, given.pages)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
