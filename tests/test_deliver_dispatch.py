"""The workers of the channels, against receivers on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.deliver.dispatch import Dispatcher, Done
from service.model import Attempt, Channel, Delivery, Message, Verdict
from tests.inbox import HookServer

NOW = datetime(2026, 11, 24, 13, 2, tzinfo=UTC)
DEADLINE = 10.0


class ManualClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class Record:
    """What `done` was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.threads: set[str] = set()
        self._came = threading.Condition()

    def __call__(self, delivery: Delivery, attempt: Attempt) -> None:
        with self._came:
            assert attempt.delivery == delivery.id
            self.attempts.append(attempt)
            self.threads.add(threading.current_thread().name)
            self._came.notify_all()

    def wait(self, number: int) -> list[Attempt]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.attempts) >= number, DEADLINE)
            return list(self.attempts)


def delivery(number: int = 1, channel: str = "hook") -> Delivery:
    message = Message(id=f"alert-1.0.{number}@host", subject="x", text="x", data={"number": number})
    return Delivery(channel=channel, id=number, attempts=1, message=message)


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def dispatcher(hooks: HookServer, clock: ManualClock) -> Iterator[Dispatcher]:
    channel = Channel(name="hook", url=hooks.url(), rate=100)
    made = Dispatcher({"hook": channel}, clock=clock)
    yield made
    made.close(DEADLINE)


def send_all(dispatcher: Dispatcher, count: int, done: Done, first: int = 1) -> None:
    for number in range(first, first + count):
        dispatcher.send(delivery(number), done)


def test_deliveries_go_out_in_order_from_a_thread_of_the_channel(
    dispatcher: Dispatcher, hooks: HookServer, record: Record
) -> None:
    send_all(dispatcher, 5, record)
    attempts = record.wait(5)
    assert [attempt.delivery for attempt in attempts] == [1, 2, 3, 4, 5]
    assert {attempt.outcome.verdict for attempt in attempts} == {Verdict.SENT}
    assert [post.json["number"] for post in hooks.posts] == [1, 2, 3, 4, 5]
    assert record.threads == {"deliver-hook"}


def test_a_channel_that_is_not_configured_answers_once_and_for_good(
    dispatcher: Dispatcher, record: Record
) -> None:
    dispatcher.send(delivery(channel="gone"), record)
    [attempt] = record.wait(1)
    assert attempt.outcome.verdict is Verdict.PERMANENT
    assert attempt.outcome.reason == "no such channel in the configuration"


def test_a_channel_whose_url_is_not_understood_keeps_its_messages(record: Record) -> None:
    dispatcher = Dispatcher({"hook": Channel(name="hook", url="slcak://tokentoken")})
    dispatcher.send(delivery(), record)
    [attempt] = record.wait(1)
    assert attempt.outcome.verdict is Verdict.AUTH
    assert "slcak://…" in attempt.outcome.reason
    dispatcher.close(DEADLINE)


def test_a_message_that_was_never_written_is_refused(
    dispatcher: Dispatcher, hooks: HookServer, record: Record
) -> None:
    dispatcher.send(replace(delivery(), message=None), record)
    [attempt] = record.wait(1)
    assert attempt.outcome.verdict is Verdict.PERMANENT
    assert hooks.posts == []


def test_eight_black_holes_do_not_slow_a_ninth_channel(record: Record) -> None:
    with HookServer() as hole, HookServer() as healthy:
        hole.answer(*[204] * 8, hang=True)
        channels = {f"hole-{n}": Channel(name=f"hole-{n}", url=hole.url()) for n in range(8)}
        channels["hook"] = Channel(name="hook", url=healthy.url())
        dispatcher = Dispatcher(channels)
        stuck = Record()
        for number, name in enumerate(sorted(set(channels) - {"hook"})):
            dispatcher.send(delivery(number, name), stuck)
        hole.wait(8)
        dispatcher.send(delivery(99), record)
        assert record.wait(1)[0].outcome.verdict is Verdict.SENT
        assert stuck.attempts == []
        assert dispatcher.drain(0) is False
    stuck.wait(8)
    dispatcher.close(DEADLINE)


def test_room_follows_the_rate_of_the_channel(hooks: HookServer, clock: ManualClock, record: Record) -> None:
    dispatcher = Dispatcher({"hook": Channel(name="hook", url=hooks.url(), rate=0.5)}, clock=clock)
    assert dispatcher.room("hook") == 5
    send_all(dispatcher, 5, record)
    record.wait(5)
    assert dispatcher.room("hook") == 0
    clock.advance(seconds=4)
    assert dispatcher.drain(DEADLINE)
    assert dispatcher.room("hook") == 2
    dispatcher.close(DEADLINE)


def test_a_failing_channel_rests_and_then_proves_itself_with_one_message(
    dispatcher: Dispatcher, hooks: HookServer, clock: ManualClock, record: Record
) -> None:
    hooks.answer(*[503] * 5)
    send_all(dispatcher, 6, record)
    attempts = record.wait(6)
    assert [attempt.outcome.code for attempt in attempts] == ["HTTP 503"] * 5 + ["resting"]
    # All wait for the channel alike, so that the oldest is the one to prove it.
    assert [attempt.outcome.retry_after for attempt in attempts[3:]] == [None, *[timedelta(seconds=60)] * 2]
    assert len(hooks.posts) == 5
    assert dispatcher.room("hook") == 0
    assert dispatcher.states()["hook"].state == "open"
    clock.advance(seconds=60)
    assert dispatcher.drain(DEADLINE)
    assert dispatcher.room("hook") == 1
    assert dispatcher.states()["hook"].state == "probing"
    dispatcher.send(delivery(7), record)
    record.wait(7)
    assert dispatcher.drain(DEADLINE)
    assert dispatcher.states()["hook"].state == "closed"
    assert dispatcher.room("hook") == 19


def test_a_pause_that_was_asked_for_is_kept(
    dispatcher: Dispatcher, hooks: HookServer, clock: ManualClock, record: Record
) -> None:
    hooks.answer(429, retry_after="7")
    send_all(dispatcher, 2, record)
    first, second = record.wait(2)
    assert first.outcome.retry_after == second.outcome.retry_after == timedelta(seconds=7)
    assert len(hooks.posts) == 1
    clock.advance(seconds=7)
    assert dispatcher.drain(DEADLINE)
    dispatcher.send(delivery(3), record)
    assert record.wait(3)[-1].outcome.verdict is Verdict.SENT


def test_a_reload_gives_a_mended_channel_a_fresh_start(
    dispatcher: Dispatcher, hooks: HookServer, record: Record
) -> None:
    hooks.answer(401)
    dispatcher.send(delivery(1), record)
    record.wait(1)
    assert dispatcher.drain(DEADLINE)
    assert dispatcher.room("hook") == 0
    before = [thread for thread in threading.enumerate() if thread.name == "deliver-hook"]
    dispatcher.reload({"hook": Channel(name="hook", url=hooks.url(path="/new"), rate=100)})
    assert dispatcher.room("hook") == 20
    for thread in before:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    dispatcher.send(delivery(2), record)
    record.wait(2)
    assert [post.path for post in hooks.posts] == ["/hook", "/new"]


def test_a_reload_leaves_an_unchanged_channel_alone(
    dispatcher: Dispatcher, hooks: HookServer, record: Record
) -> None:
    hooks.answer(401)
    dispatcher.send(delivery(1), record)
    record.wait(1)
    dispatcher.reload({"hook": Channel(name="hook", url=hooks.url(), rate=100)})
    assert dispatcher.drain(DEADLINE)
    assert dispatcher.room("hook") == 0


def test_closing_hands_back_what_was_not_begun(record: Record) -> None:
    with HookServer() as hooks:
        hooks.answer(204, hang=True)
        dispatcher = Dispatcher({"hook": Channel(name="hook", url=hooks.url(), rate=100)})
        send_all(dispatcher, 3, record)
        hooks.wait(1)
        untried = dispatcher.close(0)
        assert [handed.id for handed in untried] == [2, 3]
        assert dispatcher.room("hook") == 0
        dispatcher.send(delivery(4), record)
    record.wait(1)
    assert [attempt.delivery for attempt in record.attempts] == [1]


def test_a_recorder_that_fails_does_not_end_the_worker(
    dispatcher: Dispatcher, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_delivery: Delivery, _attempt: Attempt) -> None:
        raise RuntimeError("the database is away")

    dispatcher.send(delivery(1), broken)
    dispatcher.send(delivery(2), record)
    assert record.wait(1)[0].delivery == 2
    assert "delivery 1 could not be recorded" in caplog.text


def test_what_waited_too_long_goes_back_untried(
    hooks: HookServer, clock: ManualClock, record: Record
) -> None:
    dispatcher = Dispatcher({"hook": Channel(name="hook", url=hooks.url(), rate=100)}, clock=clock)
    taken, go = threading.Event(), threading.Event()

    def slow(_delivery: Delivery, _attempt: Attempt) -> None:
        taken.set()
        go.wait(DEADLINE)

    dispatcher.send(delivery(1), slow)
    assert taken.wait(DEADLINE)
    dispatcher.send(delivery(2), record)
    clock.advance(seconds=26)
    go.set()
    [attempt] = record.wait(1)
    assert (attempt.outcome.verdict, attempt.outcome.code) == (Verdict.TRANSIENT, "late")
    assert len(hooks.posts) == 1
    dispatcher.close(DEADLINE)
