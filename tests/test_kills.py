"""Pull the plug at random, again and again, while messages go out: none is lost, and few come twice."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.actions import rules
from service.app import build
from service.config import load
from service.model import Cursor, DeliveryState, Document, Fetched, Priority, Rule, Source
from service.rules.grammar import parse
from service.store.outbox import POISONED_WAIT
from tests.inbox import HookServer, Post
from tests.newsroom import rss
from tests.servers import FeedServer
from tests.test_crash import DEADLINE, Site
from tests.test_policies import stories

PER_KILL = 15  # messages that a daemon sends in the time it is given, about
SLOW = 0.05  # seconds that the receiver takes, so that a kill meets a message on the wire


class SlowHooks(HookServer):
    """A receiver that takes its time; what reached it counts, though nobody hears its answer any more."""

    def take(self, post: Post) -> Any:
        time.sleep(SLOW)
        return super().take(post)


@dataclass(frozen=True, slots=True)
class Toll:
    """What came of it."""

    kills: int
    alerts: int
    lost: int
    repeats: int  # messages that came more than once, each further time counted
    most: int  # times that one message came
    changed: int  # repeats that were not the same to the byte


def prepare(folder: Path, feeds: FeedServer, hooks: HookServer, number: int) -> Site:
    """A site whose outbox holds so many messages, stored and committed, none of them sent."""
    site = Site(folder, feeds, hooks)
    file = folder / "config.toml"
    file.write_text(file.read_text(encoding="utf-8") + 'rate = "900000/s"\n', encoding="utf-8")
    with closing(build(load(file))) as app:
        with app.store.begin() as tx:
            source = tx.sources.add(Source(name="wire", url="ingest:wire"), app.store.now())
        rules.add(app, Rule(name="kim", query="", priority=Priority.FLASH), parse('"Kim Jong Un" + Reise'))
        app.teller.warm(["de"])
        for at in range(0, number, 50):
            document = Document(body=rss(*stories(min(50, number - at), seed=at)))
            app.pipeline.intake([Fetched(source=source, cursor=Cursor(), documents=(document,))])
    return site


def kill_at_random(site: Site, kills: int, seed: int) -> Toll:
    """Start a daemon and kill it within a second, again and again; at last let one finish the work."""
    dice = random.Random(seed)
    with site.look() as tx:
        wanted = {alert for one in tx.outbox.list(limit=None) for alert in one.alerts}
    for _ in range(kills):
        with site.daemon() as doomed:
            time.sleep(dice.uniform(0, 1.0))  # the moment is what is varied here, nothing is waited for
            doomed.send_signal(signal.SIGKILL)
            doomed.wait(DEADLINE)
    with site.daemon():
        # What three in a row were killed with in their hands is tried again only after a rest.
        deadline = time.monotonic() + 2 * DEADLINE + POISONED_WAIT.total_seconds() + kills
        while time.monotonic() < deadline:
            with site.look() as tx:
                if set(tx.outbox.counts()) == {DeliveryState.SENT}:
                    break
            time.sleep(0.1)
    told = {rule["alert"] for post in site.hooks.posts for rule in post.json["rules"]}
    keys = Counter(post.headers["idempotency-key"] for post in site.hooks.posts)
    bodies: dict[str, set[bytes]] = {}
    for post in site.hooks.posts:
        bodies.setdefault(post.headers["idempotency-key"], set()).add(post.body)
    return Toll(
        kills=kills,
        alerts=len(wanted),
        lost=len(wanted - told),
        repeats=sum(keys.values()) - len(keys),
        most=max(keys.values()),
        changed=sum(len(each) - 1 for each in bodies.values()),
    )


@pytest.mark.slow
def test_kills_at_random_lose_nothing_and_repeat_at_most_what_was_on_the_wire(tmp_path: Path) -> None:
    with FeedServer() as feeds, SlowHooks() as hooks:
        toll = kill_at_random(prepare(tmp_path, feeds, hooks, 6 * PER_KILL), kills=6, seed=7)
    assert 6 * PER_KILL == toll.alerts
    assert 0 == toll.lost
    assert toll.repeats <= toll.kills  # one channel has one message on the wire
    assert 0 == toll.changed
