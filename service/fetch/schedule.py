"""When a source is looked at again, and why: one pure decision.

    a success, on its own rhythm   from `poll.every` to `poll.longest`; later, where server or feed ask for it
    a success, with a hub          every hour, as long as the hub misses nothing
    a success, `every` or `cron`   exactly so; only Retry-After can put it off
    more lies there                at once, as long as it is new
    a failure                      the interval, doubled for each failure in a row; never given up,
                                   and of a drop not beyond some minutes
    gone (410)                     once a week, in case it comes back
    deferred                       when its host has its turn; nothing else changes

Source: RFC 9110 10.2.3, 15.5.11 (410); RFC 9111 4.2; RSS 2.0 (ttl, skipHours, skipDays).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from service import config
from service.errors import UsageError
from service.model import Failure, FailureKind, Fetched, Freshness, Source, SourceState
from service.text.cron import with_named_days

LOOKS_PER_GAP = 10  # a source is met at most a tenth of its usual gap late
LEARNING_RATE = 0.3  # of the newest gap in the rhythm
FAILING_AFTER = 3  # failures in a row; one or two are the weather
GONE_LOOK = timedelta(weeks=1)
DROPS = {  # where things are put down for us, coming late spares nobody
    "folder": timedelta(seconds=10),
    "wireq": timedelta(seconds=30),  # its Retry-After says more, where it wants
    "wireq+http": timedelta(seconds=30),
    "imap": timedelta(minutes=1),
    "imaps": timedelta(minutes=1),
    "ftp": timedelta(minutes=1),
    "ftps": timedelta(minutes=1),
    "sftp": timedelta(minutes=1),
    "s3": timedelta(minutes=1),
}
BACKED_OFF = timedelta(hours=1)  # the longest wait of a source whose interval a person chose
DROP_BACKED_OFF = timedelta(minutes=10)  # likewise of a drop: it is ours, and a wire waits behind it
PUSHED = timedelta(hours=1)  # at least, while a hub brings what is new: it may forget us
MOVED_FOR_GOOD = 3  # permanent redirects to the same place in a row
MISSED_LOOKS = 2  # of the longest interval in a row: nobody was there to look
JITTER = 0.1  # of the interval, so that sources that began together part


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When a source is due, and what the poll taught about it."""

    at: datetime
    state: SourceState
    failures: int
    rhythm: timedelta | None
    reason: str  # for a person: why then
    url: str | None = None  # where it has moved for good; None: it stays


def next_poll(
    source: Source,
    result: Fetched | Failure,
    feed: Freshness,
    now: datetime,
    poll: config.Poll,
    *,
    new_items: int,
    jitter: float,
) -> Due:
    """When `source` is due after `result`; `feed` is what the document said, `jitter` lies in [0, 1)."""
    if isinstance(result, Failure):
        return _after_failure(source, result, now, poll, jitter)
    if new_items and result.status:
        source = replace(source, pushed_until=None)  # its hub has missed what this poll found
    rhythm = _learned(source, new_items, now)
    moved = result.cursor.moved_to if result.cursor.moved_seen >= MOVED_FOR_GOOD else ""
    unmoved = source.state is SourceState.PAUSED or (source.state is SourceState.SILENT and not new_items)
    at, reason = _after_success(source, rhythm, result.freshness, feed, now, poll, new_items, jitter)
    if result.more and new_items:
        at, reason = now, "at once: more lies there"
    if source.pushed_until and not result.status and source.next_poll_at:
        at = min(at, source.next_poll_at)  # a hub that brings much must not put off the look behind its back
    return Due(
        at=at,
        state=source.state if unmoved else SourceState.OK,
        failures=0,
        rhythm=rhythm,
        reason=f"{reason}; it has moved to {moved}" if moved else reason,
        url=moved or None,
    )


def unwatched_since(source: Source, poll: config.Poll, now: datetime) -> datetime | None:
    """Since when a source that is read at `now` was not looked at, though it should have been; else None."""
    if source.last_polled_at is None or source.cron:
        return None
    longest = max(source.every or poll.longest, poll.longest)
    return source.last_polled_at if now - source.last_polled_at > MISSED_LOOKS * longest else None


def check_cron(fields: str, timezone: str = "UTC") -> str:
    """The five fields as they are kept; raises UsageError where they name no time that ever comes."""
    try:
        if _cron(fields, timezone, datetime(2024, 1, 1, tzinfo=UTC)):
            return " ".join(fields.split())
    except (ValueError, KeyError) as error:
        raise UsageError(f"not cron fields: {fields!r} (write '*/5 6-22 * * mon-fri')") from error
    raise UsageError(f"{fields!r} names a time that never comes")


# ------------------------------------------------------------ after a success


def _after_success(
    source: Source,
    rhythm: timedelta | None,
    http: Freshness,
    feed: Freshness,
    now: datetime,
    poll: config.Poll,
    new_items: int,
    jitter: float,
) -> tuple[datetime, str]:
    asked = _longest(http.retry_after, feed.retry_after)
    wait, reason = _interval(source, rhythm, now, poll, new_items)
    if source.cron and (fires := _cron_of(source, now + asked)):
        return fires, f"cron {source.cron}, {source.timezone}"
    if asked > wait:
        wait, reason = asked, f"the server asks to wait {spoken(asked)} (Retry-After)"
    if source.every:
        return now + wait, reason
    fresh = min(_longest(http.max_age, feed.max_age, feed.ttl), poll.longest)
    if fresh > wait:
        wait, reason = fresh, f"server or feed say that nothing new comes for {spoken(fresh)} (max-age, ttl)"
    latest = now + max(poll.longest, asked)
    at = _not_skipped(now + wait * (1 + JITTER * jitter), feed, timedelta(hours=JITTER * jitter))
    return min(at, latest), reason


def _interval(
    source: Source, rhythm: timedelta | None, now: datetime, poll: config.Poll, new_items: int
) -> tuple[timedelta, str]:
    """The wait that the source has of itself, and why."""
    if source.every:
        return source.every, f"every {spoken(source.every)}, as set"
    if drop := _drop(source):
        return min(drop, poll.every), f"every {spoken(min(drop, poll.every))}: it is a drop, not a feed"
    silence = now - source.last_item_at if source.last_item_at and not new_items else timedelta(0)
    gap = max(rhythm or timedelta(0), silence)
    wait = max(poll.every, min(gap / LOOKS_PER_GAP, poll.longest))
    if source.pushed_until and source.pushed_until > now and wait < PUSHED:
        return PUSHED, f"every {spoken(PUSHED)}: its hub brings what is new"
    if not gap:
        return wait, f"every {spoken(wait)}, until its rhythm is known"
    return wait, f"every {spoken(wait)}: its items come about every {spoken(gap)}"


def _drop(source: Source) -> timedelta | None:
    """How often a drop is looked at; None for what is none."""
    return DROPS.get(source.url.partition(":")[0])


def _learned(source: Source, new_items: int, now: datetime) -> timedelta | None:
    """The usual gap between new items, moved towards the gap that was just seen.

    The first poll teaches nothing: it brings whatever the feed held for days.
    """
    if not new_items or source.last_item_at is None:
        return source.rhythm
    gap = max(now - source.last_item_at, timedelta(0)) / new_items
    return gap if source.rhythm is None else source.rhythm + LEARNING_RATE * (gap - source.rhythm)


def _not_skipped(at: datetime, feed: Freshness, past_the_hour: timedelta) -> datetime:
    """The first time from `at` on that lies in no hour and on no day that the feed asks to leave out."""
    if len(feed.skip_hours) >= 24 or len(feed.skip_days) >= 7:
        return at  # it would never be read again
    for _ in range(24 * 7):
        if at.hour not in feed.skip_hours and at.weekday() not in feed.skip_days:
            break
        at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) + past_the_hour
    return at


# ------------------------------------------------------------ after a failure


def _after_failure(source: Source, failure: Failure, now: datetime, poll: config.Poll, jitter: float) -> Due:
    asked = failure.retry_after or timedelta(0)
    if failure.kind is FailureKind.DEFERRED:
        return Due(
            at=now + asked,
            state=source.state,
            failures=source.failures,
            rhythm=source.rhythm,
            reason=failure.reason,
        )
    failures = source.failures + 1
    state = _state_after_failure(source.state, failure.kind, failures)
    if state is SourceState.GONE:
        wait, at = GONE_LOOK, now + GONE_LOOK
    else:
        wait = max(_backed_off(source, failures, now, poll), asked)
        at = min(now + wait * (1 + JITTER * jitter), now + max(wait, poll.longest))
        if source.cron and (fires := _cron_of(source, now + asked)):
            at = min(at, fires)  # a missed time is made up for before the next one
            wait = at - now
    times = "it failed" if failures == 1 else f"it failed {failures} times in a row"
    return Due(
        at=at,
        state=state,
        failures=failures,
        rhythm=source.rhythm,
        reason=f"{times}; the next look is in {spoken(wait)}",
    )


def _state_after_failure(state: SourceState, kind: FailureKind, failures: int) -> SourceState:
    if state is SourceState.PAUSED:
        return state
    if FailureKind.GONE is kind or state is SourceState.GONE:
        return SourceState.GONE
    return SourceState.FAILING if failures >= FAILING_AFTER else state


def _backed_off(source: Source, failures: int, now: datetime, poll: config.Poll) -> timedelta:
    """The interval, doubled with each failure in a row.

    A source whose interval a person chose is met within the hour after it came back, a drop sooner.
    """
    interval, _ = _interval(source, source.rhythm, now, poll, 0)
    kept = DROP_BACKED_OFF if _drop(source) else BACKED_OFF if source.every else poll.longest
    longest = min(poll.longest, kept)
    doubled = interval.total_seconds() * 2.0 ** min(failures - 1, 60)  # as a float: no span is that long
    return max(interval, timedelta(seconds=min(doubled, longest.total_seconds())))


# ------------------------------------------------------------ times and spans


def _cron_of(source: Source, after: datetime) -> datetime | None:
    try:
        return _cron(source.cron, source.timezone, after)
    except (ValueError, KeyError):  # it was checked when it was set; the tables of zones may have changed
        return None


def _cron(fields: str, timezone: str, after: datetime) -> datetime | None:
    """The first time after `after` that the fields name in `timezone`, in UTC; None: never."""
    trigger = CronTrigger.from_crontab(with_named_days(fields), timezone=ZoneInfo(timezone))
    fires: datetime | None = trigger.get_next_fire_time(None, after + timedelta(microseconds=1))
    return fires.astimezone(UTC) if fires else None


def _longest(*spans: timedelta | None) -> timedelta:
    return max((span for span in spans if span), default=timedelta(0))


def spoken(span: timedelta) -> str:
    """A span as people say it: `45 s`, `5 min`, `2.5 h`, `3 d`."""
    seconds = span.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{round(seconds)} s"
