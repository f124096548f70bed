"""The desk of a running daemon: its figures, and its end while pages are open."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from service.model import Exit
from tests.shell import DEADLINE, Shell

pytestmark = pytest.mark.slow

PAGES = 30


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A daemon, and the address of its desk."""
    monitor = Shell(folder)
    monitor.configure()
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write('\n[web]\nlisten = "127.0.0.1:0"\n')
    with monitor.running("run", out=subprocess.DEVNULL) as process:
        assert process.stderr
        [url] = next(filter(None, (re.findall(r"web.listening url=(\S+)", line) for line in process.stderr)))
        yield process, url


def test_a_daemon_says_how_late_its_beats_come_and_writes_no_line_for_each(tmp_path: Path) -> None:
    with running(tmp_path) as (process, url):
        wanted = {f'scheduler_lag_seconds_count{{beat="{beat}"}}' for beat in ("poll", "outbox", "sweep")}
        figures, deadline = "", time.monotonic() + DEADLINE
        while not all(line in figures for line in wanted):
            assert time.monotonic() < deadline, figures
            figures = httpx.get(f"{url}/metrics").text
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=DEADLINE)
    assert "monitor_nodes 1.0" in figures
    assert " stopped" in said
    assert "beat.began" not in said


def test_a_daemon_with_pages_open_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """Without a limit on what is under way it would wait for its pages, and they for it."""
    with running(tmp_path) as (process, url), ExitStack() as pages:
        client = pages.enter_context(httpx.Client(base_url=url, timeout=DEADLINE))
        open_pages = [pages.enter_context(client.stream("GET", "/live")) for _ in range(PAGES)]
        assert {200} == {page.status_code for page in open_pages}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE)
        assert Exit.DONE == process.returncode
        for page in open_pages:
            page.read()
