"""When a message is tried again, and when a channel rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.deliver.retry import BATCH, GIVE_UP, LONGEST, Breaker, Bucket, next_try
from service.model import Delivery, DeliveryState, Outcome, Verdict

NOW = datetime(2026, 11, 24, 13, 2, tzinfo=UTC)
LATER = Outcome(verdict=Verdict.TRANSIENT, code="451", reason="greylisted")
SENT = Outcome(verdict=Verdict.SENT, code="250")
REFUSED = Outcome(verdict=Verdict.PERMANENT, code="550", reason="no such user")
LOCKED_OUT = Outcome(verdict=Verdict.AUTH, code="535", reason="bad credentials")
LOST = Outcome(verdict=Verdict.AMBIGUOUS, reason="no answer")


def delivery(attempts: int = 1, age: timedelta = timedelta(0)) -> Delivery:
    return Delivery(channel="desk", attempts=attempts, created_at=NOW - age)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_the_waits_grow_from_seconds_to_an_hour() -> None:
    waits = []
    for attempts in range(1, 9):
        due = next_try(delivery(attempts), LATER, NOW, jitter=0.5).due_at
        assert due
        waits.append((due - NOW).total_seconds())
    assert waits == [5, 20, 60, 300, 900, 3600, 3600, 3600]


def test_a_sent_message_is_done() -> None:
    assert next_try(delivery(), SENT, NOW, jitter=0.5).state is DeliveryState.SENT


def test_a_refused_message_is_dead_at_once_with_the_words_of_the_server() -> None:
    verdict = next_try(delivery(), REFUSED, NOW, jitter=0.5)
    assert (verdict.state, verdict.reason) == (DeliveryState.DEAD, "550 no such user")


@pytest.mark.parametrize("outcome", [LATER, LOST, LOCKED_OUT])
def test_what_may_still_go_through_stays_pending(outcome: Outcome) -> None:
    assert next_try(delivery(), outcome, NOW, jitter=0.5).state is DeliveryState.PENDING


def test_a_message_is_given_up_after_a_day() -> None:
    verdict = next_try(delivery(attempts=28, age=GIVE_UP), LATER, NOW, jitter=0.5)
    assert verdict.state is DeliveryState.DEAD
    assert verdict.reason == "given up after 28 tries: 451 greylisted"


def test_a_message_that_was_held_over_a_weekend_still_gets_its_tries() -> None:
    held = delivery(attempts=1, age=timedelta(days=3))
    assert next_try(held, LATER, NOW, jitter=0.5).state is DeliveryState.PENDING


@given(
    attempts=st.integers(0, 40),
    jitter=st.floats(0, 1),
    asked=st.none() | st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_a_wait_keeps_its_bounds(attempts: int, jitter: float, asked: timedelta | None) -> None:
    """Law: what a server asked for is kept, up to an hour; else a wait lies within 20 percent of its step."""
    outcome = Outcome(verdict=Verdict.TRANSIENT, retry_after=asked)
    due = next_try(delivery(attempts), outcome, NOW, jitter=jitter).due_at
    assert due
    if asked is not None:
        assert due - NOW == min(asked, LONGEST)
    else:
        assert seconds(4) <= due - NOW <= seconds(3600 * 1.2)


def test_five_failures_in_a_row_open_the_breaker_for_a_minute() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker = breaker.after(LATER, NOW)
        assert not breaker.rests(NOW)
    breaker = breaker.after(LATER, NOW)
    assert breaker.until == NOW + seconds(60)


def test_a_refused_login_opens_it_at_once_and_a_success_closes_it() -> None:
    breaker = Breaker().after(LOCKED_OUT, NOW)
    assert breaker.rests(NOW)
    assert breaker.after(SENT, NOW + seconds(61)) == Breaker()


def test_each_failed_probe_doubles_the_rest_up_to_a_quarter_of_an_hour() -> None:
    breaker, now, rests = Breaker().after(LOCKED_OUT, NOW), NOW, []
    for _ in range(6):
        assert breaker.until
        rests.append((breaker.until - now).total_seconds())
        now = breaker.until
        breaker = breaker.after(LATER, now)
    assert rests == [60, 120, 240, 480, 900, 900]


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = Breaker()
    for outcome in [LATER, LATER, LATER, LATER, SENT, LATER, LATER, REFUSED, LATER, LATER]:
        breaker = breaker.after(outcome, NOW)
    assert not breaker.rests(NOW)


def test_a_channel_that_asks_for_a_pause_gets_it() -> None:
    busy = Outcome(verdict=Verdict.TRANSIENT, code="HTTP 429", retry_after=seconds(7))
    breaker = Breaker().after(busy, NOW)
    assert breaker.rests(NOW + seconds(6.9))
    assert not breaker.rests(NOW + seconds(7))


def test_a_bucket_gives_what_its_rate_allows() -> None:
    bucket = Bucket.full(0.5, NOW)
    assert bucket.tokens == 5
    for _ in range(5):
        bucket = bucket.take(NOW)
    assert bucket.at(NOW).tokens == 0
    assert bucket.at(NOW + seconds(2)).tokens == 1
    assert bucket.at(NOW + seconds(3600)).tokens == 5
    assert bucket.at(NOW - seconds(3600)).tokens == 0


@given(st.floats(0.0001, 1000))
def test_a_bucket_holds_at_least_one_message_and_at_most_a_batch(rate: float) -> None:
    assert 1 <= Bucket.full(rate, NOW).size <= BATCH
