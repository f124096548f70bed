"""What a short command costs: without a daemon, and with one that answers it.

    python tests/bench/cli.py [--runs 10] [--postgres]

Prints one JSON document: milliseconds of wall clock and of CPU (of the process of the command), the medians
of all runs, and which part of the CPU is left where a daemon runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parents[2]
sys.path.insert(0, str(HERE))

from tests.postgres import Cluster  # noqa: E402 - the path is set above
from tests.servers import unused_port  # noqa: E402

COMMAND = "import sys; from service.cli.main import main; sys.exit(main())"
ITEMS = 200
DEADLINE = 60.0  # seconds for the daemon to listen

# Those that ask a daemon, and below them those that look into the database themselves.
COMMANDS = (
    ["list-rules"], ["list-sources"], ["list-items"], ["list-alerts"], ["list-silences"], ["list-deliveries"],
    ["status"], ["search", "Zins"],
    ["--help"], ["show-rule", "zins"],
    ["ack", "1"], ["silence", "rule=zins", "--for", "1m", "--comment", "x"],
)  # fmt: skip


def run(folder: Path, arguments: Sequence[str]) -> tuple[float, float]:
    """Wall clock and CPU of one command, in milliseconds."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return (time.perf_counter() - begin) * 1000, (used.ru_utime + used.ru_stime) * 1000


def measure(folder: Path, runs: int) -> dict[str, tuple[float, float]]:
    """The medians of each command, after one run that nobody counts."""
    found = {}
    for arguments in COMMANDS:
        run(folder, arguments)
        times = [run(folder, arguments) for _ in range(runs)]
        found[arguments[0]] = (statistics.median(t[0] for t in times), statistics.median(t[1] for t in times))
    return found


@contextmanager
def daemon(folder: Path) -> Iterator[None]:
    """A running daemon whose desk listens."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        assert any("web.listening" in line for line in process.stderr)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE)


def bench(folder: Path, runs: int, database: str) -> dict[str, object]:
    """A small newsroom, looked at without a daemon and with one."""
    (folder / "config.toml").write_text(
        f'[web]\nlisten = "127.0.0.1:{unused_port()}"\n'
        f'[channels.console]\nurl = "console://"\n[database]\nurl = "{database}"\n',
        encoding="utf-8",
    )
    (folder / "config.toml").chmod(0o600)
    for number in range(ITEMS):
        text = f"Zins steigt zum {number}. Mal\n\nDie Bank {number} hebt den Leitzins auf {number} Prozent."
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    run(folder, ["add-rule", "Zins", "--name", "zins"])
    run(folder, ["ingest", *(f"{number}.txt" for number in range(ITEMS))])
    alone = measure(folder, runs)
    with daemon(folder):
        served = measure(folder, runs)
    return {
        name: {
            "wall_ms": round(alone[name][0]),
            "cpu_ms": round(alone[name][1]),
            "wall_ms_with_daemon": round(served[name][0]),
            "cpu_ms_with_daemon": round(served[name][1]),
            "cpu_with_daemon": round(served[name][1] / alone[name][1], 2),
        }
        for name in alone
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10, help="of each command (10)")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, too")
    asked = parser.parse_args()
    found = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="monitor-bench-")))
        (folder / "sqlite").mkdir()
        found["sqlite"] = bench(folder / "sqlite", asked.runs, f"sqlite:///{folder}/sqlite/monitor.db")
        if asked.postgres:
            (folder / "postgres").mkdir()
            place = Path(stack.enter_context(TemporaryDirectory(prefix="monitor-postgres-")))
            cluster = stack.enter_context(Cluster(place))
            found["postgresql"] = bench(folder / "postgres", asked.runs, cluster.database())
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
