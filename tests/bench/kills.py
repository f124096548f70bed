"""Two hundred kills at random: `python -m tests.bench.kills [KILLS]`. Takes about three seconds a kill."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.servers import FeedServer
from tests.test_kills import PER_KILL, SlowHooks, kill_at_random, prepare


def main() -> None:
    """What was lost, and what came twice."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, FeedServer() as feeds, SlowHooks() as hooks:
        site = prepare(Path(folder), feeds, hooks, kills * PER_KILL)
        toll = kill_at_random(site, kills, seed=int(began))
    print(
        f"{toll.kills} kills, {toll.alerts} alerts: {toll.lost} lost, {toll.repeats} repeats "
        f"({toll.repeats / toll.kills:.1%} of kills), none more than {toll.most} "
        f"times, {toll.changed} with another body, "
        f"{time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
