"""Pull the plug at every named place: nothing is lost, and the next process goes on at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from service.actions import rules
from service.app import alive, build
from service.config import load
from service.failpoints import NAMES
from service.model import DeliveryState, Rule, Source, utcnow
from service.rules.grammar import parse
from service.store.db import Store, Transaction
from tests.inbox import HookServer
from tests.newsroom import PRICES, TRIP, Entry, rss
from tests.servers import Answer, FeedServer, Request

MONITOR = (sys.executable, "-c", "import sys; from service.cli.main import main; sys.exit(main())")
ROOT = Path(__file__).parents[1]
DEADLINE = 60.0  # seconds; a start with its lexicon takes two

pytestmark = pytest.mark.slow


class Site:
    """A configuration on disk, and the command line to it."""

    def __init__(self, folder: Path, feeds: FeedServer, hooks: HookServer) -> None:
        self.folder, self.feeds, self.hooks = folder, feeds, hooks
        (folder / "config.toml").write_text(
            f'[http]\nallowed_networks = ["127.0.0.1"]\n[poll]\nworkers = 1\n[web]\nlisten = "127.0.0.1:0"\n'
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
        """`monitor run`, once it has started; it is asked to end when the block ends, if it still runs."""
        process = subprocess.Popen(
            [*MONITOR, "run"],
            env=self.environment(fail_at),
            cwd=self.folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr
        try:
            said = []
            while " started " not in (line := process.stderr.readline()):
                said.append(line)
                assert line, "".join(said)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DEADLINE)

    @contextmanager
    def changed(self) -> Iterator[Transaction]:
        """The database, to be written to while nobody else works on it."""
        store = Store(f"sqlite:///{self.folder}/monitor.db")
        store.open()
        try:
            with store.begin() as tx:
                yield tx
        finally:
            store.close()

    @contextmanager
    def look(self) -> Iterator[Transaction]:
        """The database, beside whoever works on it."""
        store = Store(f"sqlite:///{self.folder}/monitor.db")
        store.open()
        try:
            with store.read() as tx:
                yield tx
        finally:
            store.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FeedServer() as feeds, HookServer() as hooks:
        feeds.serve("/wire", rss(TRIP, PRICES))
        made = Site(tmp_path, feeds, hooks)
        app = build(load(tmp_path / "config.toml"))
        with app.store.begin() as tx:
            tx.sources.add(Source(name="wire", url=feeds.url("/wire")), app.store.now())
        rules.add(app, Rule(name="kim", query=""), parse('"Kim Jong Un" + Reise'))
        app.close()
        yield made


@pytest.mark.parametrize("place", NAMES)
def test_a_kill_at_any_place_loses_nothing_and_the_next_daemon_goes_on_at_once(
    site: Site, place: str
) -> None:
    with site.daemon(fail_at=place) as doomed:
        assert -signal.SIGKILL == doomed.wait(DEADLINE)
    with site.daemon() as daemon:
        # At least once: pulled between the server's answer and our note of it, the message came twice,
        # under one key, so that the receiver can fold it.
        posts = site.hooks.wait(2 if place == "sent" else 1, DEADLINE)
        assert daemon.poll() is None
    assert 0 == daemon.returncode
    assert 1 == len({post.headers["idempotency-key"] for post in posts})
    assert posts == site.hooks.posts
    with site.look() as tx:
        assert 2 == tx.items.count()
        assert [DeliveryState.SENT] == [delivery.state for delivery in tx.outbox.list()]


@pytest.mark.parametrize("place", ["fetched", "stored", "matched", "committed"])
def test_a_kill_loses_no_entry_of_a_queue_that_is_emptied_by_reading(site: Site, place: str) -> None:
    """An entry is deleted from the wireQ after the commit: before it comes again, after it is known."""
    entry = {
        "entry_id": "e1",
        "urn": "urn:newsml:dpa.com:20090101:261124-99-1",
        "version": 1,
        "version_created": "2026-11-24T09:00:00Z",
        "headline": "Kim Jong Un trifft in Hanoi ein",
        "article_html": "<p>Die Reise von Kim Jong Un endet in Hanoi.</p>",
        "_wireq_receipt": "r-1",
    }
    queue = {"r-1": entry}

    def delete(request: Request) -> Answer:
        assert "DELETE" == request.method
        queue.clear()
        return Answer(status=204)

    site.feeds.script("/q/entries.json", lambda _: Answer(body=json.dumps({"entries": [*queue.values()]})))
    site.feeds.script("/q/entry/r-1", delete)
    with site.changed() as tx:
        tx.sources.add(Source(name="dpa", url="wireq+" + site.feeds.url("/q")), utcnow())
        tx.sources.pause("wire")
    assert -signal.SIGKILL == site.run("poll", fail_at=place).returncode
    assert queue
    with site.look() as tx:
        assert (1 if place == "committed" else 0) == tx.items.count()
    assert 0 == site.run("poll", "--all").returncode
    assert not queue
    assert [entry["headline"]] == [post.json["item"]["headline"] for post in site.hooks.posts]
    with site.look() as tx:
        assert 1 == tx.items.count()


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


def test_a_process_that_ended_is_dead_though_nobody_has_reaped_it() -> None:
    """As under a first process of a container that reaps none: its leases would be kept for their time."""
    began = utcnow()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert alive(process.pid, began)
        assert not alive(process.pid, began - timedelta(hours=1))  # another process had the number
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(process.pid, began)
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)
