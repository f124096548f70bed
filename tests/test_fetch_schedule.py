"""When a source is due again, and that the reason says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config import Poll
from service.errors import UsageError
from service.fetch.schedule import GONE_LOOK, Due, check_cron, next_poll, spoken
from service.model import Cursor, Failure, FailureKind, Fetched, Freshness, Source, SourceState
from service.quantities import duration
from service.text.cron import with_named_days

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday
POLL = Poll()  # from 5 minutes to 24 hours
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SOURCE = Source(name="hafen", url="https://example.org/feed")


def after_success(
    source: Source = SOURCE,
    *,
    http: Freshness = Freshness(),  # noqa: B008 - it is frozen
    feed: Freshness = Freshness(),  # noqa: B008
    cursor: Cursor = Cursor(),  # noqa: B008
    new_items: int = 0,
    jitter: float = 0.0,
    now: datetime = NOW,
    more: bool = False,
) -> Due:
    fetched = Fetched(source=source, cursor=cursor, freshness=http, more=more)
    return next_poll(source, fetched, feed, now, POLL, new_items=new_items, jitter=jitter)


def after_failure(
    source: Source = SOURCE,
    kind: FailureKind = FailureKind.NETWORK,
    *,
    retry_after: timedelta | None = None,
    jitter: float = 0.0,
) -> Due:
    failure = Failure(source=source, kind=kind, reason="no connection", retry_after=retry_after)
    return next_poll(source, failure, Freshness(), NOW, POLL, new_items=0, jitter=jitter)


# ---------------------------------------------------------------- its own rhythm


def test_a_new_source_is_looked_at_as_often_as_allowed() -> None:
    due = after_success(new_items=20)
    assert (due.at, due.rhythm) == (NOW + 5 * MINUTE, None)
    assert due.reason == "every 5 min, until its rhythm is known"


def test_a_source_is_met_at_most_a_tenth_of_its_gap_late() -> None:
    source = replace(SOURCE, last_item_at=NOW - 5 * HOUR, rhythm=5 * HOUR)
    due = after_success(source, new_items=1)
    assert (due.at, due.rhythm) == (NOW + 30 * MINUTE, 5 * HOUR)
    assert due.reason == "every 30 min: its items come about every 5 h"


def test_the_rhythm_is_learned_from_the_gaps() -> None:
    source = replace(SOURCE, last_item_at=NOW - 6 * HOUR)
    first = after_success(source, new_items=3)
    assert first.rhythm == 2 * HOUR
    later = replace(source, rhythm=2 * HOUR, last_item_at=NOW - 12 * HOUR)
    second = after_success(later, new_items=1)
    assert second.rhythm == 5 * HOUR


def test_a_source_that_falls_silent_is_asked_less_but_at_least_daily() -> None:
    for silent, wait in ((10 * HOUR, HOUR), (100 * DAY, DAY)):
        source = replace(SOURCE, rhythm=HOUR, last_item_at=NOW - silent)
        assert after_success(source).at == NOW + wait


def test_a_busy_source_is_not_asked_more_often_than_allowed() -> None:
    source = replace(SOURCE, last_item_at=NOW - MINUTE, rhythm=MINUTE)
    assert after_success(source, new_items=5).at == NOW + 5 * MINUTE


@pytest.mark.parametrize(
    ("url", "seconds"),
    [("folder:///srv/wire", 10), ("wireq://example.org/q", 30), ("ftp://example.org/", 60)],
)
def test_a_drop_is_looked_at_all_the_time(url: str, seconds: int) -> None:
    source = replace(SOURCE, url=url, last_item_at=NOW - 30 * DAY)
    assert after_success(source).at == NOW + timedelta(seconds=seconds)


def test_where_more_lies_than_one_look_may_bring_the_next_is_at_once() -> None:
    daily = replace(SOURCE, url="ftp://example.org/wire", cron="0 6 * * *")
    assert after_success(daily, more=True, new_items=200).at == NOW
    assert after_success(daily, more=True).at > NOW, "what is known already may be there for ever"


def test_sources_that_began_together_part() -> None:
    assert after_success(jitter=0.5).at == NOW + 5 * MINUTE * 1.05


# ---------------------------------------------------------------- what others ask for


@pytest.mark.parametrize(
    ("http", "feed", "wait"),
    [
        (Freshness(max_age=20 * MINUTE), Freshness(), 20 * MINUTE),
        (Freshness(), Freshness(ttl=40 * MINUTE), 40 * MINUTE),
        (Freshness(max_age=20 * MINUTE), Freshness(ttl=40 * MINUTE), 40 * MINUTE),
        (Freshness(max_age=30 * DAY), Freshness(), DAY),
        (Freshness(max_age=MINUTE), Freshness(ttl=MINUTE), 5 * MINUTE),
        (Freshness(retry_after=2 * HOUR, max_age=20 * MINUTE), Freshness(), 2 * HOUR),
    ],
)
def test_server_and_feed_may_ask_for_more_time_up_to_a_day(
    http: Freshness, feed: Freshness, wait: timedelta
) -> None:
    assert after_success(http=http, feed=feed).at == NOW + wait


def test_hours_and_days_that_the_feed_leaves_out_are_left_out() -> None:
    assert after_success(feed=Freshness(skip_hours=frozenset({8, 9}))).at == NOW + 2 * HOUR
    monday = Freshness(skip_days=frozenset({0}), skip_hours=frozenset({0}))
    assert after_success(feed=monday).at == NOW + 17 * HOUR


@pytest.mark.parametrize(
    "feed", [Freshness(skip_hours=frozenset(range(24))), Freshness(skip_days=frozenset(range(7)))]
)
def test_a_feed_that_leaves_out_all_time_is_read_nevertheless(feed: Freshness) -> None:
    assert after_success(feed=feed).at == NOW + 5 * MINUTE


# ---------------------------------------------------------------- what a person set


def test_an_interval_that_was_set_is_kept_as_it_is() -> None:
    source = replace(SOURCE, every=timedelta(seconds=7), rhythm=DAY)
    hints = Freshness(max_age=DAY, ttl=DAY, skip_hours=frozenset({8}))
    due = after_success(source, http=hints, feed=hints, jitter=0.9)
    assert (due.at, due.reason) == (NOW + timedelta(seconds=7), "every 7 s, as set")
    weekly = replace(SOURCE, every=7 * DAY)
    assert after_success(weekly).at == NOW + 7 * DAY


def test_only_retry_after_puts_off_what_was_set() -> None:
    source = replace(SOURCE, every=MINUTE)
    due = after_success(source, http=Freshness(retry_after=HOUR))
    assert (due.at, due.reason) == (NOW + HOUR, "the server asks to wait 1 h (Retry-After)")


def test_cron_is_read_in_the_zone_of_the_source() -> None:
    source = replace(SOURCE, cron="30 9 * * 1-5", timezone="Europe/Berlin")
    assert after_success(source).at == NOW + 30 * MINUTE
    friday = NOW + 4 * DAY + HOUR
    assert after_success(source, now=friday).at == NOW + 7 * DAY + 30 * MINUTE


def test_cron_never_names_the_moment_that_is_now() -> None:
    source = replace(SOURCE, cron="0 8 * * *", timezone="UTC")
    assert after_success(source).at == NOW + DAY


def test_retry_after_puts_cron_off_to_its_next_time() -> None:
    source = replace(SOURCE, cron="*/10 * * * *")
    assert after_success(source, http=Freshness(retry_after=15 * MINUTE)).at == NOW + 20 * MINUTE


def test_a_cron_that_cannot_be_read_any_more_falls_back_to_the_usual() -> None:
    assert after_success(replace(SOURCE, cron="broken")).at == NOW + 5 * MINUTE


@pytest.mark.parametrize("fields", ["", "* * * *", "61 * * * *", "* * * * 8", "* * * * fri-mon", "a b c d e"])
def test_fields_that_are_no_cron_are_refused(fields: str) -> None:
    with pytest.raises(UsageError, match="not cron fields"):
        check_cron(fields)


def test_a_time_that_never_comes_is_refused() -> None:
    with pytest.raises(UsageError, match="names a time that never comes"):
        check_cron("0 0 30 2 *")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("1-5", "mon,tue,wed,thu,fri"),
        ("0", "sun"),
        ("7", "sun"),
        ("5-7", "fri,sat,sun"),
        ("0,3,6", "sun,wed,sat"),
        ("*/2", "sun,tue,thu,sat"),
        ("1-5/2", "mon,wed,fri"),
        ("MON-FRI", "mon-fri"),
        ("*", "*"),
    ],
)
def test_days_are_counted_as_a_crontab_counts_them(given: str, named: str) -> None:
    assert with_named_days(f"0 8 * *  {given}") == f"0 8 * * {named}"


# ---------------------------------------------------------------- failures


def test_failures_in_a_row_double_the_wait_up_to_a_day_and_never_end_it() -> None:
    waits = [after_failure(replace(SOURCE, failures=n)).at - NOW for n in (0, 1, 2, 8, 9, 10_000)]
    assert waits == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 1280 * MINUTE, DAY, DAY]


def test_a_source_is_failing_after_three_in_a_row_and_well_after_one_success() -> None:
    states = [after_failure(replace(SOURCE, failures=n)).state for n in (0, 1, 2)]
    assert states == [SourceState.OK, SourceState.OK, SourceState.FAILING]
    failing = replace(SOURCE, failures=9, state=SourceState.FAILING)
    due = after_success(failing)
    assert (due.state, due.failures) == (SourceState.OK, 0)


def test_an_interval_that_was_set_backs_off_to_an_hour_at_most() -> None:
    source = replace(SOURCE, every=MINUTE, failures=500)
    assert after_failure(source).at == NOW + HOUR
    assert after_failure(replace(source, every=2 * HOUR)).at == NOW + 2 * HOUR


@pytest.mark.parametrize("every", [None, timedelta(seconds=60)])
def test_a_wire_that_was_down_all_night_is_met_within_minutes(every: timedelta | None) -> None:
    wire = Source(name="dpa", url="wireq://queue.example/x", failures=500, every=every)
    assert after_failure(wire).at == NOW + timedelta(minutes=10)
    slow = replace(wire, every=timedelta(hours=2))
    assert after_failure(slow).at == NOW + timedelta(hours=2)
    assert after_failure(wire, retry_after=HOUR).at == NOW + HOUR


def test_a_cron_that_failed_is_tried_again_before_its_next_time() -> None:
    source = replace(SOURCE, cron="0 9 * * *", timezone="UTC")
    assert after_failure(source).at == NOW + 5 * MINUTE
    assert after_failure(replace(source, failures=9)).at == NOW + HOUR


def test_retry_after_is_kept_by_failures_too() -> None:
    due = after_failure(kind=FailureKind.THROTTLED, retry_after=3 * HOUR)
    assert (due.at, due.reason) == (NOW + 3 * HOUR, "it failed; the next look is in 3 h")


def test_what_is_gone_is_looked_at_once_a_week() -> None:
    due = after_failure(kind=FailureKind.GONE)
    assert (due.at, due.state) == (NOW + GONE_LOOK, SourceState.GONE)
    gone = replace(SOURCE, state=SourceState.GONE, failures=1)
    assert after_failure(gone, FailureKind.NETWORK).at == NOW + GONE_LOOK
    assert after_success(gone).state is SourceState.OK


def test_a_source_that_has_to_wait_for_its_host_has_not_failed() -> None:
    source = replace(SOURCE, failures=2, rhythm=HOUR, state=SourceState.SILENT)
    due = after_failure(source, FailureKind.DEFERRED, retry_after=timedelta(seconds=21))
    assert due.at == NOW + timedelta(seconds=21)
    assert (due.failures, due.rhythm, due.state) == (2, HOUR, SourceState.SILENT)


# ---------------------------------------------------------------- states and moves


def test_a_pause_is_kept_whatever_a_poll_by_hand_brings() -> None:
    paused = replace(SOURCE, state=SourceState.PAUSED, failures=7)
    assert after_success(paused, new_items=3).state is SourceState.PAUSED
    assert after_failure(paused, FailureKind.GONE).state is SourceState.PAUSED


def test_a_silent_source_is_silent_until_it_brings_something() -> None:
    silent = replace(SOURCE, state=SourceState.SILENT)
    assert after_success(silent).state is SourceState.SILENT
    assert after_success(silent, new_items=1).state is SourceState.OK


def test_a_source_moves_when_it_was_sent_to_the_same_place_three_times() -> None:
    target = "https://example.org/new"
    seen = [after_success(cursor=Cursor(moved_to=target, moved_seen=n)).url for n in (1, 2, 3)]
    assert seen == [None, None, target]


# ---------------------------------------------------------------- laws

SPANS = st.none() | st.timedeltas(timedelta(0), timedelta(days=400))
FRESHNESS = st.builds(
    Freshness,
    max_age=SPANS,
    retry_after=st.none() | st.timedeltas(timedelta(0), DAY),
    ttl=SPANS,
    skip_hours=st.frozensets(st.integers(0, 23)),
    skip_days=st.frozensets(st.integers(0, 6)),
)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SOURCES = st.builds(
    Source,
    name=st.just("x"),
    url=st.sampled_from(["https://example.org/", "folder:///srv"]),
    every=st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    state=st.sampled_from(SourceState),
    failures=st.integers(0, 10**9),
    last_item_at=st.none() | TIMES,
    rhythm=SPANS,
)
RESULTS = st.builds(
    Fetched, source=st.just(SOURCE), cursor=st.just(Cursor()), freshness=FRESHNESS
) | st.builds(
    Failure,
    source=st.just(SOURCE),
    kind=st.sampled_from(FailureKind),
    reason=st.just("x"),
    retry_after=st.none() | st.timedeltas(timedelta(0), DAY),
)


@given(
    source=SOURCES,
    result=RESULTS,
    feed=FRESHNESS,
    now=TIMES,
    new_items=st.integers(0, 100),
    jitter=st.floats(0, 1, exclude_max=True),
    every=st.sampled_from(["1s", "5m", "24h"]),
)
def test_a_source_is_always_due_again_and_not_too_late(
    source: Source,
    result: Fetched | Failure,
    feed: Freshness,
    now: datetime,
    new_items: int,
    jitter: float,
    every: str,
) -> None:
    poll = Poll(every=duration(every))
    due = next_poll(source, result, feed, now, poll, new_items=new_items, jitter=jitter)
    assert now <= due.at <= now + max(poll.longest, GONE_LOOK, source.every or timedelta(0))
    if due.state is not SourceState.GONE:
        assert due.at <= now + max(poll.longest, source.every or timedelta(0))
    assert due.rhythm is None or due.rhythm >= timedelta(0)
    assert due.at.tzinfo is UTC
    assert due.reason


@pytest.mark.parametrize(
    ("span", "words"),
    [(7 * MINUTE / 10, "42 s"), (90 * MINUTE, "1.5 h"), (5 * MINUTE, "5 min"), (3 * DAY, "3 d")],
)
def test_spans_are_spoken(span: timedelta, words: str) -> None:
    assert spoken(span) == words
