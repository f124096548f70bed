"""What polling costs: one JSON document.

    python tests/bench/polling.py [--feeds 1000] [--peers FOLDER] [--repeat 1]
                                  [--idle 100000] [--failing 10000]

`rounds` polls all feeds four times (all new, all unchanged, some with a new entry, all unchanged): CPU
seconds of the monitor and its workers, wall seconds, peak memory, and requests an unchanged feed. With
`--peers`, a folder with `feed_server.py` and `peers_poll.py`, both poll that server's feeds, and the ratios
to `reader` are printed (`--peers-python` is an interpreter that has it); with `--repeat`, ours and theirs
take turns so many times, and the medians are printed. `idle` is a daemon with very many
sources, each polled once an hour and unchanged. `healthy_among_failing` is how far apart the polls of a
healthy source are that is due every two seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import insert

from service.actions import rounds
from service.app import App, build
from service.config import load
from service.model import Cursor, Source, SourceState, utcnow
from service.store.rows import values
from service.store.schema import source as table
from tests.newsroom import Entry, rss
from tests.servers import Answer, FeedServer, Request, unused_port

ROOT = Path(__file__).parents[2]
MONITOR = (sys.executable, "-c", "import sys; from service.cli.main import main; sys.exit(main())")
PHASES = {"first": 0, "same": 0, "changed": 1, "same_again": 1}  # changes by then
SHARE = 0.042  # of the feeds, that change
SETTLING = 10.0  # seconds until a daemon that has just started is at its usual work
WATCHED = 40.0  # seconds
BEGAN = datetime(2026, 11, 24, tzinfo=UTC)
EVERY = 2  # seconds between two polls of the healthy source
CONFIG = (
    '[http]\nallowed_networks = ["127.0.0.0/8"]\n[poll]\nworkers = 2\n[channels.none]\nurl = "console://"\n'
)


# ---------------------------------------------------------------- rounds


def measured_rounds(urls: Sequence[str], tick: Any, requests: Any) -> dict[str, Any]:
    """Four polls of all feeds; `tick(n)`: some have changed n times by then; `requests()` counts anew."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        app = opened(Path(folder))
        with app.store.begin() as tx:
            now = app.store.now()
            for number, url in enumerate(urls):
                tx.sources.add(Source(name=f"wire-{number}", url=url), now)
        app.warm({"de", "en"})
        for phase, ticks in PHASES.items():
            tick(ticks)
            requests()
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # begins the peak anew
            cpu, began = cpu_seconds(), time.perf_counter()
            tally = rounds.poll(app, everything=True)
            took = time.perf_counter() - began
            result[phase] = {
                "wall_s": round(took, 2),
                "cpu_s": round(cpu_seconds() - cpu, 2),
                "peak_mb": round(peak_mb(), 1),
                "workers_mb": workers_mb(psutil.Process()),
                "new": tally.items,
                "failed": len(tally.failures),
                "requests_a_feed": round(requests() / len(urls), 3),
            }
        app.close()
        result["files_mb"] = round(sum(f.stat().st_size for f in Path(folder).iterdir()) / 2**20, 1)
    return result


def opened(folder: Path) -> App:
    """A monitor with a new database in `folder`."""
    config = folder / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return build(load(config), migrate=True)


def cpu_seconds() -> float:
    """Of this process and its workers."""
    us = psutil.Process()
    times = [us.cpu_times(), *(worker.cpu_times() for worker in workers(us))]
    ended = us.cpu_times()
    return sum(one.user + one.system for one in times) + ended.children_user + ended.children_system


def workers(process: psutil.Process) -> list[psutil.Process]:
    """The processes in which it parses; a server of feeds is a child too, and none of them."""
    return [child for child in process.children() if "service.workers" in child.cmdline()]


def workers_mb(process: psutil.Process) -> list[float]:
    """Their resident memory."""
    return [round(worker.memory_info().rss / 2**20, 1) for worker in workers(process)]


def peak_mb() -> float:
    """The largest resident memory of this process since the mark was taken."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@contextmanager
def own_server(feeds: int, entries: int) -> Iterator[tuple[list[str], Any, Any]]:
    """Feeds of our own from a process of their own: addresses, tick, and the count of requests."""
    arguments = ["--serve", "--feeds", str(feeds), "--entries", str(entries)]
    with subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        origin = process.stdout.readline().strip()
        with ended(process):
            yield [f"{origin}/{number}" for number in range(feeds)], *remote(origin)


@contextmanager
def peers_server(folder: Path, feeds: int, entries: int) -> Iterator[tuple[list[str], Any, Any]]:
    """The same from the server of the peers' benchmark."""
    port = unused_port()
    options = {"feeds": feeds, "entries": entries, "change": SHARE, "port": port, "cache": feeds * 2}
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    server = [sys.executable, str(folder / "feed_server.py"), "--warm", *arguments]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        origin = f"http://127.0.0.1:{port}"
        with ended(process):
            yield call(f"{origin}/urls").split(), *remote(origin)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Nobody waits for a process when the block has ended, or has failed."""
    try:
        yield
    finally:
        process.terminate()


def remote(origin: str) -> tuple[Any, Any]:
    """`tick(n)` and `requests()` of a server."""
    return (
        lambda count: call(f"{origin}/tick?n={count}"),
        lambda: int(json.loads(call(f"{origin}/stats?reset")).get("requests", 0)),
    )


def call(url: str) -> str:
    """What a server answers."""
    with urlopen(url, timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def serve(feeds: int, entries: int) -> None:
    """Serve feeds until killed; the origin is printed first."""
    syllables = ("ban", "der", "gor", "kul", "lin", "mar", "sen", "tag", "ufer", "zug")
    words = [f"{a}{b}{c}" for a in syllables for b in syllables for c in ("", "e", "en")]
    versions = dict.fromkeys(range(feeds), 0)
    counted, ticks, chance = [0], [0], random.Random(4)

    def entry(feed: int, number: int) -> Entry:
        chosen = random.Random(f"{feed} {number}")
        headline, text = (" ".join(chosen.choices(words, k=count)) for count in (8, 450))
        link = f"https://w.example/{feed}/{number}"
        return Entry(f"{feed}-{number}", headline, text, link, BEGAN + timedelta(minutes=number))

    @cache
    def body(number: int, version: int) -> bytes:
        return rss(*(entry(number, n) for n in range(version + entries - 1, version - 1, -1)))

    def feed(request: Request) -> Answer:
        counted[0] += 1
        number = int(request.path.strip("/"))
        return Answer(body=body(number, versions[number]))

    def tick(request: Request) -> Answer:
        while ticks[0] < int(request.path.rpartition("=")[2]):
            ticks[0] += 1
            for number in chance.sample(range(feeds), round(feeds * SHARE)):
                versions[number] += 1
        return Answer(body=b"")

    def stats(_request: Request) -> Answer:
        count, counted[0] = counted[0], 0
        return Answer(body=json.dumps({"requests": count}), etag=False)

    with FeedServer() as server:
        server.script("/tick", tick)
        server.script("/stats", stats)
        for number in range(feeds):
            body(number, 0)
            server.script(f"/{number}", feed)
        print(server.origin, flush=True)
        threading.Event().wait()


# ---------------------------------------------------------------- very many sources


def filled(folder: Path, many: Sequence[Source]) -> None:
    """A database with these sources, put there at once."""
    app = opened(folder)
    now = app.store.now()
    rows = [values(source, "epoch") | {"added_at": now} for source in many]
    with app.store.begin() as tx:
        tx.sources._connection.execute(insert(table), rows)
    app.close()


@contextmanager
def daemon(folder: Path) -> Iterator[psutil.Process]:
    """A running monitor."""
    command = [*MONITOR, "--config", str(folder / "config.toml"), "run"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (
        (folder / "log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True) as process,
        ended(process),
    ):
        yield psutil.Process(process.pid)


def idle(sources: int) -> dict[str, Any]:
    """Memory and CPU of a daemon whose sources are polled once an hour and unchanged."""
    hour = timedelta(hours=1)
    with tempfile.TemporaryDirectory() as name, FeedServer() as feeds:
        folder, now = Path(name), utcnow()
        cursor = Cursor(etag='"same"', position=now.isoformat(timespec="seconds"))
        for number in range(sources):
            feeds.script(f"/{number}", Answer(status=304, headers={"ETag": '"same"'}))
        many = [
            Source(
                name=f"wire-{number}",
                url=feeds.url(f"/{number}"),
                every=hour,
                cursor=cursor,
                last_ok_at=now,
                next_poll_at=now + hour * random.random(),
            )
            for number in range(sources)
        ]
        filled(folder, many)
        with daemon(folder) as process:
            time.sleep(SETTLING)
            before, asked = process.cpu_times(), len(feeds.requests)
            time.sleep(WATCHED)
            after = process.cpu_times()
            used = after.user + after.system - before.user - before.system
            return {
                "sources": sources,
                "polls_a_second": round((len(feeds.requests) - asked) / WATCHED, 1),
                "memory_mb": round(process.memory_info().rss / 2**20, 1),
                "workers_mb": workers_mb(process),
                "cpu_percent": round(used / WATCHED * 100, 1),
            }


def lateness(failing: int) -> dict[str, Any]:
    """How far apart the polls of a healthy source are, which is due every two seconds."""
    with tempfile.TemporaryDirectory() as name, FeedServer() as feeds:
        folder, now = Path(name), utcnow()
        at: list[float] = []

        def healthy(_request: Request) -> Answer:
            at.append(time.monotonic())
            return Answer(status=304, headers={"ETag": '"same"'})

        feeds.script("/healthy", healthy)
        dead = f"http://127.0.0.1:{unused_port()}"
        every = timedelta(seconds=EVERY)
        known = {"cursor": Cursor(etag='"same"'), "last_ok_at": now, "next_poll_at": now}
        sources = [Source(name="healthy", url=feeds.url("/healthy"), every=every, **known)]  # type: ignore[arg-type]
        for number in range(failing):
            url = f"{dead if number % 2 else feeds.origin}/{number}"
            facts = {"state": SourceState.FAILING, "failures": 5, "next_poll_at": now}
            sources.append(Source(name=f"dead-{number}", url=url, **facts))  # type: ignore[arg-type]
        filled(folder, sources)
        with daemon(folder):
            time.sleep(SETTLING + WATCHED)
    gaps = [later - earlier for earlier, later in pairwise(at)]
    return {
        "failing": failing,
        "polls": len(at),
        "asked_failing": len(feeds.requests) - len(at),
        "gap_s": {"median": round(statistics.median(gaps), 2), "max": round(max(gaps), 2)} if gaps else None,
    }


# ---------------------------------------------------------------- all of it


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=20)
    parser.add_argument("--idle", type=int, default=100_000)
    parser.add_argument("--failing", type=int, default=10_000)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.feeds, options.entries)
    result: dict[str, Any] = {"load": os.getloadavg()[0], "feeds": options.feeds, "entries": options.entries}
    result |= polled(options) if options.repeat == 1 else repeated(options)
    if options.idle:
        result["idle"] = idle(options.idle)
    if options.failing:
        result["healthy_alone"] = lateness(0)
        result["healthy_among_failing"] = lateness(options.failing)
    print(json.dumps(result, indent=1))


def polled(options: argparse.Namespace) -> dict[str, Any]:
    """The rounds, and where there are peers, theirs."""
    served = peers_server(options.peers, options.feeds, options.entries) if options.peers else None
    with served or own_server(options.feeds, options.entries) as (urls, tick, requests):
        rounds = measured_rounds(urls, tick, requests)
    return {"rounds": rounds} | (compared(options, rounds) if options.peers else {})


def repeated(options: argparse.Namespace) -> dict[str, Any]:
    """The medians of several runs, each in a process of its own."""
    once = [sys.executable, __file__, "--feeds", str(options.feeds), "--entries", str(options.entries)]
    once += ["--idle", "0", "--failing", "0"]
    if options.peers:
        once += ["--peers", str(options.peers), "--peers-python", options.peers_python]
    runs = [subprocess.run(once, check=True, capture_output=True) for _ in range(options.repeat)]
    result: dict[str, Any] = medians([json.loads(run.stdout) for run in runs])
    return result


def medians(values: Sequence[Any]) -> Any:
    """Of values of one shape, the same shape with the median in each place."""
    first = values[0]
    if isinstance(first, dict):
        return {key: medians([value[key] for value in values]) for key in first}
    if isinstance(first, list):
        return [medians(each) for each in zip(*values, strict=False)]
    return statistics.median(values) if isinstance(first, int | float) else first


def compared(options: argparse.Namespace, ours: dict[str, Any]) -> dict[str, Any]:
    """What `reader` takes for the same feeds, and our share of it."""
    arguments = {"feeds": options.feeds, "entries": options.entries, "change": SHARE, "modes": "reader"}
    command = [options.peers_python, str(options.peers / "peers_poll.py")]
    command += [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    theirs = json.loads(done.stdout)["modes"]["reader"]
    names = dict(zip(PHASES, ("first", "same", "changed", "same2"), strict=True))
    ratio = {
        phase: {key: round(ours[phase][key] / theirs[name][key], 3) for key in ("cpu_s", "wall_s")}
        for phase, name in names.items()
    }
    return {"reader": {name: theirs[name] for name in names.values()}, "ratio_to_reader": ratio}


if __name__ == "__main__":
    main()
