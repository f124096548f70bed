"""From hits to messages over hours: storms, throttles, digests, quiet hours and silences."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service import config
from service.actions import rounds, silences
from service.app import build
from service.model import DeliveryState, Priority, utcnow
from tests.newsroom import Entry, Room, newsroom

KIM = '"Kim Jong Un" + Reise'
WORDS = re.findall(
    r"\w+",
    "Bahnhof Kapitel Fenster Orchester Marktplatz Garten Zeitung Brücke Hafen Schule Theater Werkstatt "
    "Insel Lampe Koffer Museum Tunnel Wolke Zimmer Anker Becher Dorf Eimer Fabrik Gitter Hammer",
)


class Shifted:
    """The real time, moved: it runs on, so that rates and leases do too."""

    def __init__(self, at: datetime | None = None) -> None:
        self.by = at - utcnow() if at else timedelta(0)

    def __call__(self) -> datetime:
        return utcnow() + self.by

    def advance(self, **span: float) -> None:
        self.by += timedelta(**span)


def stories(number: int, seed: int = 0) -> list[Entry]:
    """Reports about different journeys, none like another."""
    dice = random.Random(seed)
    return [
        Entry(
            f"trip-{seed}-{n}",
            f"Kim Jong Un auf Reise: {' '.join(dice.sample(WORDS, 4))} {seed}{n}",
            f"Kim Jong Un ist auf Reise. {' '.join(dice.choices(WORDS, k=60))}.",
            f"https://portal.example/{seed}/{n}",
            at=None,
        )
        for n in range(number)
    ]


@contextmanager
def desk(folder: Path, clock: Shifted, **settings: Any) -> Iterator[Room]:
    """A newsroom whose time can be moved; what its source brings has no date, so all of it is news."""
    with newsroom(folder) as room:
        room.settings["channels"]["desk"]["rate"] = "900000/s"
        read = config.read(room.settings | settings, path=str(folder / "config.toml"))
        room.app.close()
        room.app = build(read, clock, migrate=True, group_wait=timedelta(0))
        room.add_source("wire")
        yield room


Desk = Callable[..., Room]


@pytest.fixture
def clock() -> Shifted:
    return Shifted(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))


@pytest.fixture
def make(tmp_path: Path, clock: Shifted) -> Iterator[Desk]:
    from contextlib import ExitStack

    with ExitStack() as stack:

        def opened(**settings: Any) -> Room:
            return stack.enter_context(desk(tmp_path, clock, **settings))

        yield opened


def bring(room: Room, *entries: Entry) -> None:
    room.wire("wire", *entries)
    room.poll()


def later(room: Room, clock: Shifted, **span: float) -> None:
    clock.advance(**span)
    rounds.deliver(room.app)


def listed(room: Room, since: int = 0) -> int:
    """How many stories the desk was told of: each by itself, listed, or counted."""
    total = 0
    for post in room.hooks.posts[since:]:
        if post.json["kind"] == "digest":
            counted = [word for word in post.json["subject"].split() if word.isdigit()]
            total += int(counted[0])
        else:
            total += 1
    return total


@pytest.mark.slow
def test_a_storm_becomes_one_roll_up_a_minute_and_every_hit_is_listed_or_counted(
    make: Desk, clock: Shifted
) -> None:
    room = make(alerts={"storm_limit": 3})
    room.add_rule(KIM)
    bring(room, *stories(70))
    assert 3 == len(room.hooks.posts)
    later(room, clock, seconds=61)
    assert ["alert"] * 3 + ["digest"] == room.kinds()
    roll_up = room.hooks.posts[-1].json
    assert "[kim-jong-un-reise] 67 stories in a short time" == roll_up["subject"]
    assert 50 == len(roll_up["entries"])
    assert 70 == listed(room)


@pytest.mark.slow
def test_what_comes_in_with_a_roll_up_does_not_come_beside_it(make: Desk, clock: Shifted) -> None:
    room = make(alerts={"storm_limit": 3})
    room.add_rule(KIM)
    bring(room, *stories(8))
    clock.advance(seconds=61)
    bring(room, *stories(8, seed=1))
    assert ["alert"] * 3 + ["digest"] == room.kinds()
    later(room, clock, seconds=61)
    assert ["alert"] * 3 + ["digest"] * 2 == room.kinds()
    assert 16 == listed(room)


def test_flash_passes_a_storm(make: Desk, clock: Shifted) -> None:
    room = make(alerts={"storm_limit": 1})
    room.add_rule(KIM, priority=Priority.FLASH)
    bring(room, *stories(5))
    assert ["alert"] * 5 == room.kinds()


def test_a_rule_that_has_had_its_hour_is_throttled_and_told_together(make: Desk, clock: Shifted) -> None:
    room = make(alerts={"throttle": 2, "storm_limit": 0})
    room.add_rule(KIM, name="kim")
    bring(room, *stories(5))
    assert 2 == len(room.hooks.posts)
    with room.app.store.read() as tx:
        held = [one.reason for one in tx.outbox.list(state=DeliveryState.HELD)]
    assert ["throttle: 2 messages of kim within an hour"] * 3 == held
    later(room, clock, minutes=61)
    assert "[kim] 3 stories held back" == room.hooks.posts[-1].json["subject"]
    assert 5 == listed(room)


@pytest.mark.slow
def test_a_channel_that_is_down_is_not_buried(make: Desk, clock: Shifted) -> None:
    """What piles up during an outage comes as a few messages and one roll-up, in order."""
    room = make(alerts={"storm_limit": 2})
    room.add_rule(KIM)
    room.hooks.answer(*[503] * 8)
    for minute in range(4):
        bring(room, *stories(5, seed=minute))
        clock.advance(seconds=70)
    for _ in range(12):
        later(room, clock, minutes=20)
    kinds = [post.json["kind"] for post in room.hooks.posts[8:]]
    delivered = {post.json["id"] for post in room.hooks.posts[8:]}
    assert len(delivered) == len(kinds)
    assert len(kinds) <= 5
    with room.app.store.read() as tx:
        assert not tx.outbox.list(state=DeliveryState.HELD)
        assert not tx.outbox.list(state=DeliveryState.PENDING)
        told = {alert for one in tx.outbox.list(state=DeliveryState.SENT) for alert in one.alerts}
        assert 20 == len(told)


@pytest.mark.slow
def test_a_digest_comes_once_at_its_time_across_restarts(make: Desk, clock: Shifted) -> None:
    room = make(digest={"daily_at": "07:00", "timezone": "Europe/Berlin"})
    room.add_rule(KIM, digest="daily")
    bring(room, *stories(3))
    assert [] == room.hooks.posts
    for _ in range(3):
        read, old = room.app.config, room.app
        old.close()
        room.app = build(read, clock, migrate=True)
        later(room, clock, hours=9)  # 21:00, 06:00 and 15:00 UTC
    assert ["digest"] == room.kinds()
    assert "[kim-jong-un-reise] 3 stories" == room.hooks.posts[0].json["subject"]
    assert 0 == room.hooks.posts[0].json["late_seconds"]


def test_a_flash_rule_does_not_wait_for_the_digest_of_another(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule(KIM, digest="daily", name="slow")
    room.add_rule("Reise", priority=Priority.FLASH, name="fast")
    bring(room, *stories(1))
    [post] = room.hooks.posts
    assert {"slow", "fast"} == {rule["name"] for rule in post.json["rules"]}


QUIET = {"from": "22:00", "to": "06:00", "timezone": "Europe/Berlin", "holidays": "DE-HE"}


@pytest.mark.slow
def test_what_comes_in_quiet_hours_is_told_together_when_they_end(make: Desk, clock: Shifted) -> None:
    room = make(quiet_hours=QUIET)
    room.add_rule(KIM)
    clock.advance(hours=10)
    bring(room, *stories(3))
    assert [] == room.hooks.posts
    later(room, clock, hours=6)
    assert [] == room.hooks.posts
    later(room, clock, hours=1, minutes=5)
    assert "[kim-jong-un-reise] 3 stories from the quiet hours" == room.hooks.posts[0].json["subject"]


def test_a_flash_passes_quiet_hours(make: Desk, clock: Shifted) -> None:
    room = make(quiet_hours=QUIET)
    room.add_rule(KIM, priority=Priority.FLASH)
    clock.advance(hours=10)
    bring(room, *stories(1))
    assert ["alert"] == room.kinds()


def test_a_silence_swallows_and_remembers_what(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule(KIM, name="kim")
    silence = silences.add(room.app, ["rule=kim"], timedelta(hours=1), "summit, we are there")
    bring(room, *stories(2))
    assert [] == room.hooks.posts
    with room.app.store.read() as tx:
        assert 2 == len(tx.outbox.silenced(silence.id))


def test_a_message_that_is_late_says_so(make: Desk, clock: Shifted) -> None:
    room = make(alerts={"storm_limit": 1, "late": "15m"})
    room.add_rule(KIM)
    bring(room, *stories(2))
    later(room, clock, minutes=41)
    first, late = room.hooks.posts
    assert 0 == first.json["late_seconds"]
    assert 41 * 60 <= late.json["late_seconds"] < 42 * 60
    assert "41 min late" in late.json["text"]


def test_a_message_of_our_own_that_comes_back_is_not_told_again(make: Desk, clock: Shifted) -> None:
    room = make(web={"base_url": "https://monitor.example.org"})
    room.add_rule(KIM)
    [story] = stories(1)
    bring(
        room,
        Entry("alert-7.0.12@monitor.example.org", story.headline, story.text, story.link, at=None),
        Entry("x", "Kim Jong Un auf Reise", "Noch einmal.", "https://monitor.example.org/stories/7", at=None),
    )
    assert [] == room.hooks.posts


@pytest.mark.slow
def test_updates_of_a_story_come_at_most_once_in_the_group_interval(make: Desk, clock: Shifted) -> None:
    room = make()
    room.app.teller.config = config.read(
        room.settings | {"alerts": {"group_wait": "1s", "group_interval": "5m"}}
    )
    room.add_rule(KIM, on_updates=True)
    [first] = stories(1)

    def version(number: int) -> None:
        text = f"{first.text} Fassung {number}: {WORDS[number]} {WORDS[number + 1]}."
        bring(room, Entry(first.key, first.headline, text, first.link, at=clock()))

    version(0)
    later(room, clock, seconds=2)
    assert ["alert"] == room.kinds()
    for number in (1, 2, 3):
        clock.advance(seconds=30)
        version(number)
        rounds.deliver(room.app)
    assert ["alert"] == room.kinds()
    later(room, clock, minutes=4)
    assert ["alert", "update"] == room.kinds()
    assert WORDS[4] in room.hooks.posts[-1].json["item"]["body"]


@pytest.mark.slow
def test_a_correction_does_not_overtake_the_alert_that_it_corrects(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule(KIM)
    [first] = stories(1)
    room.hooks.answer(503, 503)
    bring(room, first)
    bring(room, replace(first, headline=f"KORREKTUR: {first.headline}", text=f"{first.text} Anders."))
    later(room, clock, seconds=1)
    for _ in range(3):
        later(room, clock, minutes=2)
    taken = [post.json["kind"] for post in room.hooks.posts[2:]]
    assert ["alert", "correction"] == taken
    root, correction = room.hooks.posts[-2:]
    assert root.json["id"] == correction.json["thread"]


@pytest.mark.slow
def test_the_backlog_of_an_hour_comes_grouped_in_order_and_five_times_as_fast(
    make: Desk, clock: Shifted
) -> None:
    room = make()
    room.add_rule(KIM)
    room.hooks.answer(*[503] * 10_000)
    for minute in range(0, 60, 3):
        bring(room, *stories(6, seed=minute))
        later(room, clock, minutes=3)
    room.hooks.recover()
    before, times = len(room.hooks.posts), list[datetime]()
    for _ in range(240):
        had = len(room.hooks.posts)
        later(room, clock, seconds=15)
        times += [clock()] * (len(room.hooks.posts) - had)
    *alone, roll_up = [post.json for post in room.hooks.posts[before:]]
    told = [post["story"] for post in alone] + [entry["story"] for entry in roll_up["entries"]]
    assert sorted(told) == told
    assert ["alert"] * 10 + ["digest"] == room.kinds()[before:]
    assert 120 == listed(room, before)
    assert len({post.json["id"] for post in room.hooks.posts[before:]}) == 11
    assert times[-1] - times[0] <= timedelta(hours=1) / 5


@pytest.mark.slow
def test_what_was_told_in_a_digest_is_corrected_on_its_thread(make: Desk, clock: Shifted) -> None:
    room = make(digest={"daily_at": "07:00", "timezone": "UTC"})
    room.add_rule(KIM, digest="daily")
    first, second = stories(2)
    bring(room, first, second)
    later(room, clock, hours=20)
    mended = replace(first, headline=f"KORREKTUR: {first.headline}", text=f"{first.text} Anders.")
    bring(room, mended, second)
    digest, correction = (post.json for post in room.hooks.posts)
    assert ("digest", "correction") == (digest["kind"], correction["kind"])
    assert digest["id"] == correction["thread"]
    assert first.headline == correction["previous"]["headline"]
