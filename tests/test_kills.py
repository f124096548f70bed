"""Pull the plug at random, again and again, while messages go out: none is lost, and few come twice."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from service.actions import rules
from service.app import build
from service.config import load
from service.model import DeliveryState, Priority, Rule, Source
from service.rules.grammar import parse
from tests.inbox import HookServer
from tests.newsroom import rss
from tests.servers import FeedServer
from tests.test_crash import DEADLINE, Site
from tests.test_policies import stories

BATCH = 5  # new stories for each start


@dataclass(frozen=True, slots=True)
class Toll:
    """What came of it."""

    kills: int
    stories: int
    lost: int
    repeats: int  # messages that came more than once, each further time counted
    changed: int  # repeats that were not the same to the byte


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FeedServer() as feeds, HookServer() as hooks:
        yield prepare(tmp_path, feeds, hooks)


def prepare(folder: Path, feeds: FeedServer, hooks: HookServer) -> Site:
    """A site with one wire that is polled every second, and a rule that tells at once."""
    feeds.serve("/wire", rss())
    site = Site(folder, feeds, hooks)
    file = folder / "config.toml"
    file.write_text(file.read_text(encoding="utf-8") + 'rate = "900000/s"\n', encoding="utf-8")
    app = build(load(file))
    with app.store.begin() as tx:
        tx.sources.add(
            Source(name="wire", url=feeds.url("/wire"), every=timedelta(seconds=1)), app.store.now()
        )
    rules.add(app, Rule(name="kim", query="", priority=Priority.FLASH), parse('"Kim Jong Un" + Reise'))
    app.close()
    return site


def kill_at_random(site: Site, kills: int, seed: int) -> Toll:
    """Start a daemon, bring it news, and kill it within a second; at last let one finish the work."""
    dice = random.Random(seed)
    told: set[str] = set()
    for number in range(kills):
        entries = stories(BATCH, seed=seed * 10_000 + number)
        told.update(entry.headline for entry in entries)
        site.feeds.serve("/wire", rss(*entries, *stories(BATCH, seed=seed * 10_000 + number - 1)))
        with site.daemon() as doomed:
            time.sleep(dice.uniform(0, 1.2))  # the moment is what is varied here, nothing is waited for
            doomed.send_signal(signal.SIGKILL)
            doomed.wait(DEADLINE)
    with site.look() as tx:
        stored = {item.headline for item in tx.items.scan()} & told
    with site.daemon():
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            with site.look() as tx:
                counts = tx.outbox.counts()
            if not counts.get(DeliveryState.HELD) and not counts.get(DeliveryState.PENDING):
                break
            time.sleep(0.1)
    came = {post.json["item"]["headline"] for post in site.hooks.posts}
    keys = Counter(post.headers["idempotency-key"] for post in site.hooks.posts)
    bodies: dict[str, set[bytes]] = {}
    for post in site.hooks.posts:
        bodies.setdefault(post.headers["idempotency-key"], set()).add(post.body)
    return Toll(
        kills=kills,
        stories=len(stored),
        lost=len(stored - came),
        repeats=sum(keys.values()) - len(keys),
        changed=sum(len(each) - 1 for each in bodies.values()),
    )


@pytest.mark.slow
def test_kills_at_random_lose_nothing_and_repeat_at_most_what_was_on_the_wire(site: Site) -> None:
    toll = kill_at_random(site, kills=6, seed=7)
    assert toll.stories
    assert 0 == toll.lost
    assert toll.repeats <= toll.kills  # one channel has one message on the wire
    assert 0 == toll.changed
