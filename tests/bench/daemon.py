"""What a running monitor costs, and how fast it tells: one JSON document.

    python tests/bench/daemon.py [--stories 20]

`daemon_mb` and `worker_mb` are resident memory of `monitor run` and of its parse worker when idle, after
it has read a feed and matched German items; `idle_cpu_percent` is of one core, over five seconds.
`help_cpu_ms` is the CPU of `monitor --help`, the least of five. `told_ms` is the time from the moment in
which the wire serves a story to its arrival at a webhook on loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from service.actions import rules
from service.app import build
from service.config import load
from service.model import Priority, Rule, Source
from service.rules.grammar import parse
from tests.inbox import HookServer
from tests.newsroom import TRIP, Entry, rss
from tests.servers import Answer, FeedServer, Request

MONITOR = (sys.executable, "-c", "import sys; from service.cli.main import main; sys.exit(main())")
ROOT = Path(__file__).parents[2]
IDLE_SECONDS = 5.0


def help_cpu_ms() -> float:
    """CPU milliseconds of `monitor --help`, the least of five."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*MONITOR, "--help"], check=True, capture_output=True, env=_environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times) * 1000


def _environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)} | more


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096 / 2**20


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()] + [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        if task.name != str(pid)
        for child in (task / "children").read_text("ascii").split()
    ]


@contextmanager
def _daemon(config: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*MONITOR, "--config", str(config), "run"],
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    while " started " not in process.stderr.readline():
        pass
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


class Wire:
    """A feed that notes when it first served each story."""

    def __init__(self) -> None:
        self.stories = [TRIP]
        self.served: dict[str, float] = {}

    def answer(self, _request: Request) -> Answer:
        """The feed as it is now."""
        for story in self.stories:
            self.served.setdefault(story.key, time.monotonic())
        return Answer(body=rss(*reversed(self.stories)))


def story(number: int) -> Entry:
    """A story of its own, that no other is a copy of."""
    draw = random.Random(number)
    words = " ".join("".join(draw.choices("abdegiklmnorstu", k=7)) for _ in range(80))
    return Entry(
        f"s-{number}", f"Kim Jong Un, Auslandsreise {number}", words, f"https://wire.example/{number}"
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stories", type=int, default=20)
    stories = parser.parse_args().stories
    wire = Wire()
    with tempfile.TemporaryDirectory() as folder, FeedServer() as feeds, HookServer() as hooks:
        feeds.script("/wire", wire.answer)
        config = Path(folder) / "config.toml"
        config.write_text(
            '[http]\nallowed_networks = ["127.0.0.1"]\n[poll]\nworkers = 1\n[alerts]\nstorm_limit = 1000\n'
            f'throttle = 1000\n[channels.hook]\nurl = "{hooks.url()}"\nrate = "1000/s"\n',
            encoding="utf-8",
        )
        app = build(load(config))
        with app.store.begin() as tx:
            source = Source(name="wire", url=feeds.url("/wire"), every=timedelta(seconds=1), language="de")
            tx.sources.add(source, app.store.now())
        rule = Rule(name="kim", query="", priority=Priority.FLASH)
        rules.add(app, rule, parse('"Kim Jong Un" + Reise'))
        app.close()
        told = []
        with _daemon(config) as process:
            hooks.wait(1, 60)
            for number in range(stories):
                wire.stories.append(story(number))
                post = hooks.wait(number + 2, 60)[-1]
                told.append((post.at - wire.served[f"s-{number}"]) * 1000)
            before = _cpu_seconds(process.pid)
            time.sleep(IDLE_SECONDS)
            idle = (_cpu_seconds(process.pid) - before) / IDLE_SECONDS * 100
            memory = _resident_mb(process.pid)
            workers = [_resident_mb(child) for child in _children(process.pid)]
    print(
        json.dumps(
            {
                "load": os.getloadavg()[0],
                "help_cpu_ms": round(help_cpu_ms(), 1),
                "daemon_mb": round(memory, 1),
                "worker_mb": [round(each, 1) for each in workers],
                "idle_cpu_percent": round(idle, 1),
                "told_ms": {
                    "median": round(statistics.median(told)),
                    "max": round(max(told)),
                    "stories": len(told),
                },
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
