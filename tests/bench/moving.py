"""What a move costs: one JSON document.

    python tests/bench/moving.py [--items 20000] [--seed 1]

An archive is polled in, with a rule that hits every twentieth item. Then it is moved from SQLite to
PostgreSQL, and from there to SQLite. For each move: rows and items a second, seconds, seconds of CPU of this
process, and by how much it grew at its largest.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from service import config
from service.actions import moving
from service.app import build
from tests.bench.backtest import LENGTH, vocabulary
from tests.bench.polling import peak_mb
from tests.newsroom import Entry, newsroom
from tests.postgres import Cluster

FEED = 500  # entries of one document
HIT = 20  # every so manieth item says a name


def entries(count: int, seed: int) -> Iterator[Entry]:
    """Stories without sense, of words as often as they are in German."""
    dice = random.Random(seed)
    known, weights = vocabulary(dice)
    pool = dice.choices(known, cum_weights=weights, k=1_000_000)
    for number in range(count):
        begin, length = dice.randrange(len(pool) - LENGTH[1]), dice.randint(*LENGTH)
        text = " ".join(pool[begin : begin + length]) + " Kim Jong Un" * (number % HIT == 0)
        head = " ".join(pool[begin : begin + 8])
        yield Entry(f"story-{number}", head, text, f"https://portal.example/{number}")


def fill(folder: Path, count: int, seed: int) -> None:
    """Poll so many items in."""
    stories = list(entries(count, seed))
    with newsroom(folder, alerts={"storm_limit": 0, "throttle": 0}) as room:
        room.wire("wire")
        room.add_source("wire")
        room.add_rule('"Kim Jong Un"')
        for begin in range(0, count, FEED):
            room.wire("wire", *stories[begin : begin + FEED])
            room.poll()


def measured(folder: Path, old: str, new: str) -> dict[str, object]:
    """The figures of one move."""
    process = psutil.Process()
    app = build(config.read({"database": {"url": old}}, path=str(folder / "config.toml")))
    try:
        resident = process.memory_info().rss / 2**20
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # begins the peak anew
        began, cpu = time.perf_counter(), time.process_time()
        moved = moving.move(app, config.Database(url=new))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    finally:
        app.close()
    rows = sum(moved.rows.values())
    return {
        "rows": rows,
        "items": moved.rows["item"],
        "rows_a_second": round(rows / wall),
        "items_a_second": round(moved.rows["item"] / wall),
        "seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "grown_mb": round(peak_mb() - resident),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="monitor-move-") as name,
        tempfile.TemporaryDirectory(prefix="monitor-postgres-") as served,
        Cluster(Path(served)) as cluster,
    ):
        folder = Path(name)
        fill(folder, options.items, options.seed)
        server, back = cluster.database(), f"sqlite:///{folder}/back.db"
        there = measured(folder, f"sqlite:///{folder}/monitor.db", server)
        figures = {"to_postgresql": there, "to_sqlite": measured(folder, server, back)}
    json.dump(figures, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
