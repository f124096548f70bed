"""The monitor watched: escalations, fallbacks, dead channels, ended silences, forecasts, signs of life."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service import config, failpoints
from service.actions import alerts, recipients, rounds, silences
from service.actions.oversight import oversee
from service.app import build
from service.daemon import UNLOGGED, Daemon
from service.deliver.heartbeat import ping, stalled
from service.errors import StoreError, UsageError
from service.model import DeliveryState, Priority, Verdict
from service.store.db import Store
from tests.inbox import HookServer, Post
from tests.newsroom import Room
from tests.servers import FeedServer
from tests.test_crash import DEADLINE, Site
from tests.test_policies import KIM, Desk, Shifted, bring, desk, stories


@pytest.fixture
def clock() -> Shifted:
    return Shifted(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))


@pytest.fixture
def chief() -> Iterator[HookServer]:
    """A second inbox."""
    with HookServer() as server:
        yield server


@pytest.fixture
def make(tmp_path: Path, clock: Shifted, chief: HookServer) -> Iterator[Desk]:
    with ExitStack() as stack:

        def opened(desk_fallback: str = "", **settings: Any) -> Room:
            room = stack.enter_context(desk(tmp_path, clock))
            channels = {
                "desk": {"url": room.hooks.url(), "rate": "900000/s", "fallback": desk_fallback},
                "chief": {"url": chief.url(), "rate": "900000/s"},
            }
            room.settings |= {"channels": channels, "alerts": {"default_channels": ["desk"]}}
            for key, value in settings.items():
                room.settings[key] = room.settings.get(key, {}) | value
            room.app.close()
            read = config.read(room.settings, path=str(tmp_path / "config.toml"))
            room.app = build(read, clock, migrate=True, group_wait=timedelta(0))
            return room

        yield opened


def look(room: Room, clock: Shifted, **span: float) -> None:
    """Let time pass, look, and send."""
    clock.advance(**span)
    oversee(room.app)
    rounds.deliver(room.app)


def subjects(posts: list[Post]) -> list[str]:
    return [post.json["subject"] for post in posts]


def the_alert(room: Room) -> int:
    with room.app.store.read() as tx:
        [alert] = tx.alerts.list()
        return alert.id


# ---------------------------------------------------------------- escalation


def test_what_nobody_acknowledges_goes_up_step_by_step_once(
    make: Desk, clock: Shifted, chief: HookServer
) -> None:
    room = make()
    room.add_rule(KIM, escalate=("10m=chief",))
    bring(room, *stories(1))
    look(room, clock, minutes=9)
    assert [] == chief.posts
    look(room, clock, minutes=2)
    look(room, clock, minutes=30)
    [post] = chief.posts
    assert "Nobody has acknowledged this for 11 min" in post.json["text"]
    assert ["alert"] == room.kinds()


def test_an_acknowledgement_ends_the_escalation(make: Desk, clock: Shifted, chief: HookServer) -> None:
    room = make()
    room.add_rule(KIM, escalate=("10m=chief",))
    bring(room, *stories(1))
    alerts.acknowledge(room.app, the_alert(room), "anna", comment="on it")
    look(room, clock, minutes=20)
    assert [] == chief.posts


@pytest.mark.parametrize("step", ["chief", "10=chief", "10m=", "10m=nobody"])
def test_a_step_that_cannot_be_meant_is_refused(make: Desk, step: str) -> None:
    room = make()
    with pytest.raises(UsageError):
        room.add_rule(KIM, escalate=(step,))


# ---------------------------------------------------------------- fallbacks and dead channels


@pytest.mark.slow
def test_a_flash_that_waits_for_two_minutes_takes_the_fallback(
    make: Desk, clock: Shifted, chief: HookServer
) -> None:
    room = make(desk_fallback="chief")
    room.add_rule(KIM, priority=Priority.FLASH)
    room.hooks.answer(*[503] * 20)
    bring(room, *stories(1))
    look(room, clock, minutes=1)
    assert [] == chief.posts
    look(room, clock, minutes=2)
    look(room, clock, minutes=1)
    [post] = chief.posts
    assert post.json["id"] == room.hooks.posts[0].json["id"]


def test_what_a_channel_gives_up_takes_the_fallback(make: Desk, clock: Shifted, chief: HookServer) -> None:
    room = make(desk_fallback="chief")
    room.add_rule(KIM)
    room.hooks.answer(410)
    bring(room, *stories(1))
    look(room, clock, seconds=20)
    assert 1 == len(chief.posts)


@pytest.mark.slow
def test_a_dead_channel_is_told_on_another_and_so_is_its_recovery(
    make: Desk, clock: Shifted, chief: HookServer
) -> None:
    room = make(alerts={"operators": ["desk", "chief"]})
    room.add_rule(KIM)
    room.hooks.answer(*[503] * 4)
    bring(room, *stories(1))
    look(room, clock, minutes=6)
    look(room, clock, minutes=1)
    down = [subject for subject in subjects(chief.posts) if "takes no messages" in subject]
    assert ["Channel desk takes no messages"] == down
    assert not [post for post in room.hooks.posts if post.json["kind"] == "operator"]
    for _ in range(10):
        look(room, clock, minutes=10)
    assert "Channel desk works again" in subjects(chief.posts)
    assert 1 == subjects(chief.posts).count("Channel desk takes no messages")


@pytest.mark.slow
def test_the_failure_of_the_only_operator_channel_is_told_elsewhere(
    make: Desk, clock: Shifted, chief: HookServer
) -> None:
    room = make(alerts={"operators": ["desk"]})
    room.add_rule(KIM)
    room.hooks.answer(*[503] * 20)
    bring(room, *stories(1))
    look(room, clock, minutes=6)
    assert "Channel desk takes no messages" in subjects(chief.posts)


# ---------------------------------------------------------------- silences, forecasts, the daily line


def test_a_silence_that_ends_says_what_it_swallowed_once(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule(KIM, name="kim")
    silences.add(room.app, ["rule=kim"], timedelta(hours=1), "summit, we are there", "anna")
    bring(room, *stories(3))
    look(room, clock, minutes=30)
    assert [] == room.hooks.posts
    look(room, clock, minutes=31)
    look(room, clock, minutes=31)
    [post] = room.hooks.posts
    assert "[kim] 3 stories while silenced" == post.json["subject"]
    assert "summit, we are there (anna)" in post.json["text"]


@pytest.mark.slow
def test_a_rule_at_ten_times_its_forecast_is_told_to_its_owner(
    make: Desk, clock: Shifted, chief: HookServer
) -> None:
    room = make()
    recipients.add(room.app, "anna", ["chief:anna"])
    rule = room.add_rule(KIM, name="kim")
    with room.app.store.begin() as tx:
        tx.rules.edit(rule, clock(), "anna")
        tx.rules.expect(rule.id, 2.0)
    bring(room, *stories(25))
    look(room, clock, seconds=1)
    look(room, clock, seconds=1)
    [post] = chief.posts
    assert "Rule kim alerts more than was expected" == post.json["subject"]
    assert "25 alerts in 24 hours; 2.0 a day were expected" in post.json["text"]
    assert "anna" == post.json["recipient"]


@pytest.mark.slow
def test_operators_hear_once_a_day_that_it_is_alive(make: Desk, clock: Shifted, chief: HookServer) -> None:
    room = make(alerts={"operators": ["chief"]})
    room.add_rule(KIM)
    bring(room, *stories(2))
    look(room, clock, hours=17)
    assert [] == chief.posts
    for _ in range(3):
        look(room, clock, hours=2)
    assert ["Alive: 2 items, 2 alerts, 2 messages in 24 hours"] == subjects(chief.posts)
    assert "1 source is polled, none is blind." in chief.posts[0].json["text"]


# ---------------------------------------------------------------- the heartbeat


def test_a_part_that_stands_still_is_named() -> None:
    assert [] == stalled({"polling": 100.0, "delivering": 90.0}, 200.0)
    assert ["delivering"] == stalled({"polling": 100.0, "delivering": 70.0}, 200.0)
    both = {"polling": 1.0, "matching (intake-0)": 190.0, "matching (intake-1)": 2.0}
    assert ["matching (intake-1)", "polling"] == stalled(both, 200.0)


def test_a_ping_says_what_came_of_it_and_not_where_it_went(chief: HookServer) -> None:
    assert Verdict.SENT is ping(chief.url("http", "/ping/secret")).verdict
    chief.answer(500)
    refused = ping(chief.url("http", "/ping/secret"))
    assert (Verdict.TRANSIENT, "HTTP 500") == (refused.verdict, refused.code)
    nobody = ping("http://127.0.0.1:9/ping/secret")
    assert Verdict.TRANSIENT is nobody.verdict
    assert "secret" not in nobody.reason
    assert Verdict.PERMANENT is ping("file:///etc/passwd").verdict


@pytest.mark.slow
def test_the_heartbeat_is_sent_only_while_messages_may_go(tmp_path: Path, chief: HookServer) -> None:
    with FeedServer() as feeds, HookServer() as hooks:
        site = Site(tmp_path, feeds, hooks)
        file = tmp_path / "config.toml"
        beat = f'[heartbeat]\nurl = "{chief.url("http", "/ping")}"\nevery = "1s"\n'
        file.write_text(file.read_text(encoding="utf-8") + beat, encoding="utf-8")
        with site.daemon() as daemon:
            chief.wait(2, DEADLINE)
            store = Store(f"sqlite:///{tmp_path}/monitor.db")
            store.open()
            with store.begin() as tx:
                tx.installation.stop_sending("a test")
            store.close()
            assert daemon.stderr
            assert any("heartbeat.withheld" in line and "a test" in line for line in daemon.stderr)


# sdnotify leaves its socket to the garbage collector where there is no systemd.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "place"), [("polling", "claimed"), ("matching", "stored"), ("delivering", "released")]
)
def test_the_heartbeat_stays_away_while_a_part_stands_still(
    make: Desk, chief: HookServer, part: str, place: str
) -> None:
    room = make(heartbeat={"url": chief.url("http", "/ping"), "every": "1s"}, web={"listen": "127.0.0.1:0"})
    room.add_rule(KIM)
    started, stands, goes_on = threading.Event(), threading.Event(), threading.Event()
    withheld = queue.SimpleQueue[str]()

    def stand(name: str) -> None:
        if name == place and not goes_on.is_set():
            stands.set()
            goes_on.wait(DEADLINE)

    def hear(event: str, **facts: object) -> None:
        if event == "started":
            started.set()
        if event == "heartbeat.withheld":
            withheld.put(str(facts["reason"]))

    room.app.listen(hear)
    daemon = Daemon(room.app)
    thread = threading.Thread(target=daemon.run, daemon=True)
    thread.start()
    try:
        assert started.wait(DEADLINE)
        assert daemon.web.ready.wait(DEADLINE)  # its metrics listen, too; the last one that asks is heard
        failpoints.listen(stand)
        room.wire("late", *stories(1))
        room.add_source("late")
        assert stands.wait(DEADLINE)
        for name in daemon.progress:  # as if it stood there for a quarter of an hour
            if name.startswith(part):
                daemon.progress[name] -= 900
        deadline = time.monotonic() + DEADLINE
        while part not in withheld.get(timeout=DEADLINE):
            assert time.monotonic() < deadline
    finally:
        goes_on.set()
        failpoints.listen(lambda _name: None)
        daemon.stop()
        thread.join(DEADLINE)


# ---------------------------------------------------------------- links in messages


def links(post: Post) -> dict[str, str]:
    """The addresses in a message, by what they do."""
    words = {
        "I take care of it": "ack",
        "Not relevant": "not",
        "Mute this story": "mute",
        "Unsubscribe": "leave",
    }
    lines = [line.partition(": ") for line in post.json["text"].splitlines()]
    return {words[name]: url.rpartition("/")[2] for name, _, url in lines if name in words}


def test_the_links_of_a_message_do_what_they_say(make: Desk, clock: Shifted) -> None:
    room = make(web={"base_url": "https://monitor.example.org"})
    room.add_rule(KIM, name="kim", on_updates=True)
    bring(room, *stories(1))
    found = links(room.hooks.posts[0])
    looked = alerts.look(room.app, found["ack"])
    assert not looked.done
    with room.app.store.read() as tx:
        assert "open" == tx.alerts.list()[0].state
    alerts.follow(room.app, found["ack"])
    alerts.follow(room.app, found["not"])
    for _ in range(2):
        alerts.follow(room.app, found["leave"])
        alerts.follow(room.app, found["mute"])
    with room.app.store.read() as tx:
        [alert] = tx.alerts.list()
        assert ("acknowledged", "desk", "not-relevant") == (
            alert.state,
            alert.acknowledged_by,
            alert.relevance,
        )
        assert 2 == len(tx.alerts.silences(clock()))
    bring(room, *stories(1, seed=5))
    assert ["alert"] == room.kinds()  # unsubscribed


def test_a_link_that_was_changed_or_is_too_old_does_nothing(make: Desk, clock: Shifted) -> None:
    room = make(web={"base_url": "https://monitor.example.org"})
    room.add_rule(KIM)
    bring(room, *stories(1))
    token = links(room.hooks.posts[0])["ack"]
    for wrong in (token[:-2] + "xx", token.replace("a.1.", "a.2."), "", "a.b.c.d", "é.1.2.3"):
        with pytest.raises(UsageError, match="not one of ours"):
            alerts.follow(room.app, wrong)
    clock.advance(days=31)
    with pytest.raises(UsageError, match="too old"):
        alerts.follow(room.app, token)


@pytest.mark.slow
def test_an_acknowledged_alert_is_told_corrections_alone(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule(KIM, on_updates=True)
    [first] = stories(1)
    bring(room, first)
    alerts.acknowledge(room.app, the_alert(room), "anna")
    bring(room, replace(first, text=first.text + " Und weiter."))
    assert ["alert"] == room.kinds()
    bring(room, replace(first, headline="KORREKTUR: " + first.headline, text=first.text + " Anders."))
    assert ["alert", "correction"] == room.kinds()
    with room.app.store.read() as tx:
        assert not tx.outbox.list(state=DeliveryState.HELD)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_a_beat_that_fails_again_and_again_is_told_once_and_when_it_works_again(make: Desk) -> None:
    room = make(web={"listen": "127.0.0.1:0"})
    room.add_rule(KIM)
    said, refusals, room_again = queue.SimpleQueue[str](), queue.SimpleQueue[None](), threading.Event()

    def refuse(name: str) -> None:
        if name == "released" and not room_again.is_set():
            refusals.put(None)
            raise StoreError("the disk is full")

    def hear(event: str, **facts: object) -> None:
        if event.startswith("beat.") and facts["beat"] == "outbox" and event not in UNLOGGED:
            said.put(f"{event} {facts.get('reason', '')}".rstrip())

    room.app.listen(hear)
    daemon = Daemon(room.app)
    thread = threading.Thread(target=daemon.run, daemon=True)
    thread.start()
    try:
        assert daemon.web.ready.wait(DEADLINE)
        failpoints.listen(refuse)
        room.wire("late", *stories(1))
        room.add_source("late")
        for _ in range(4):
            refusals.get(timeout=DEADLINE)
        room_again.set()
        assert ["beat.failed the disk is full", "beat.recovered"] == [
            said.get(timeout=DEADLINE) for _ in range(2)
        ]
        assert 1 == len(room.hooks.wait(1, DEADLINE))
        assert said.empty()
    finally:
        failpoints.listen(lambda _name: None)
        daemon.stop()
        thread.join(DEADLINE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_the_beats_go_on_when_the_clock_of_the_machine_was_set_back(make: Desk) -> None:
    """APScheduler keeps to the times that it had planned, which are then an hour away."""
    room = make(web={"listen": "127.0.0.1:0"})
    rearmed, polls = queue.SimpleQueue[str](), queue.SimpleQueue[None]()
    ahead = threading.Event()

    def hear(event: str, **facts: object) -> None:
        if event == "beat.rearmed":
            rearmed.put(str(facts["beat"]))
        if event == "beat.began" and facts["beat"] == "poll" and ahead.is_set():
            polls.put(None)

    room.app.listen(hear)
    daemon = Daemon(room.app)
    thread = threading.Thread(target=daemon.run, daemon=True)
    thread.start()
    try:
        assert daemon.web.ready.wait(DEADLINE)
        daemon.scheduler.modify_job("poll", next_run_time=datetime.now(UTC) + timedelta(hours=1))
        assert "poll" == rearmed.get(timeout=DEADLINE)
        ahead.set()
        polls.get(timeout=DEADLINE)
    finally:
        daemon.stop()
        thread.join(DEADLINE)
