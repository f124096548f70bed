"""Pull the plug at every named place: nothing is lost, and the next process goes on at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.failpoints import NAMES
from tests.inbox import HookServer
from tests.newsroom import PRICES, TRIP, Entry, rss
from tests.servers import FeedServer

MONITOR = (sys.executable, "-m", "service.cli.main")
ROOT = Path(__file__).parents[1]
DEADLINE = 60.0  # seconds; a start with its lexicon takes two

pytestmark = pytest.mark.slow


class Site:
    """A configuration on disk, and the command line to it."""

    def __init__(self, folder: Path, feeds: FeedServer, hooks: HookServer) -> None:
        self.folder, self.feeds, self.hooks = folder, feeds, hooks
        (folder / "config.toml").write_text(
            f'[http]\nallowed_networks = ["127.0.0.1"]\n[poll]\nworkers = 1\n'
            f'[alerts]\ngroup_wait = "1s"\n[channels.desk]\nurl = "{hooks.url()}"\n',
            encoding="utf-8",
        )

    def environment(self, fail_at: str = "") -> dict[str, str]:
        """The environment of a command, with the plug to be pulled."""
        return os.environ | {
            "MONITOR_FAIL_AT": fail_at,
            "MONITOR_CONFIG": str(self.folder / "config.toml"),
            "PYTHONPATH": str(ROOT),
        }

    def run(self, *arguments: str, fail_at: str = "") -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            [*MONITOR, *arguments],
            env=self.environment(fail_at),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    @contextmanager
    def daemon(self, fail_at: str = "") -> Iterator[subprocess.Popen[str]]:
        """`monitor run`; it is asked to end when the block ends, if it still runs."""
        process = subprocess.Popen(
            [*MONITOR, "run"],
            env=self.environment(fail_at),
            cwd=self.folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DEADLINE)

    def listed(self, command: str) -> list[dict[str, object]]:
        """What a list command answers."""
        answer = self.run(command, "--json")
        assert 0 == answer.returncode, answer.stderr
        listed: list[dict[str, object]] = json.loads(answer.stdout)
        return listed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FeedServer() as feeds, HookServer() as hooks:
        feeds.serve("/wire", rss(TRIP, PRICES))
        made = Site(tmp_path, feeds, hooks)
        assert 0 == made.run("add-source", feeds.url("/wire"), "--name", "wire").returncode
        assert 0 == made.run("add-rule", "Kim Jong Un", "+", "Reise").returncode
        yield made


@pytest.mark.parametrize("place", NAMES)
def test_a_kill_at_any_place_loses_nothing_and_the_next_daemon_goes_on_at_once(
    site: Site, place: str
) -> None:
    with site.daemon(fail_at=place) as doomed:
        assert -signal.SIGKILL == doomed.wait(DEADLINE)
    with site.daemon() as daemon:
        posts = site.hooks.wait(1, DEADLINE)
        assert daemon.poll() is None
    assert 0 == daemon.returncode
    assert 2 == len(site.listed("list-items"))
    assert ["sent"] == [delivery["state"] for delivery in site.listed("list-deliveries")]
    # At least once: where the plug was pulled between the server's answer and our note of it, it came twice,
    # under one key, so that the receiver can fold it.
    assert len(site.hooks.posts) == (2 if place == "sent" else 1)
    assert 1 == len({post.headers["idempotency-key"] for post in posts + site.hooks.posts})


def test_a_daemon_ends_cleanly_and_takes_up_rules_and_sources_as_they_come(site: Site) -> None:
    with site.daemon() as daemon:
        site.hooks.wait(1, DEADLINE)
        assert 0 == site.run("add-rule", "Preise", "--name", "prices").returncode
        new = Entry("fresh", "Preise steigen", "Die Preise steigen weiter.", "https://x.example/1")
        site.feeds.serve("/second", rss(new))
        assert 0 == site.run("add-source", site.feeds.url("/second"), "--name", "second").returncode
        posts = site.hooks.wait(2, DEADLINE)
    assert 0 == daemon.returncode
    assert new.headline == posts[-1].json["item"]["headline"]
