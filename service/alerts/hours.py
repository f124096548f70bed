"""Quiet hours and the times of digests: local time is known here and nowhere else in this room."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from service.config import DAYS, Digest, QuietHours
from service.errors import UsageError
from service.text.cron import with_named_days

HOURLY = "0 * * * *"


def quiet_until(quiet: QuietHours | None, channel: str, now: datetime) -> datetime | None:
    """When the quiet hours that hold at `now` end, in UTC; None where it is not quiet.

    A window that crosses midnight belongs to the day on which it began: with `days = ["fri"]` the small
    hours of Saturday are quiet, those of Friday are not.
    """
    if quiet is None or (quiet.channels and channel not in quiet.channels):
        return None
    zone = ZoneInfo(quiet.timezone)
    local = now.astimezone(zone)
    start, end = _clock(quiet.from_), _clock(quiet.to)
    for began in (local.date(), local.date() - timedelta(days=1)):
        if quiet.days and DAYS[began.weekday()] not in quiet.days:
            continue
        opens = datetime.combine(began, start, zone)
        closes = datetime.combine(began + timedelta(days=1 if end <= start else 0), end, zone)
        if opens <= local < closes:
            return closes.astimezone(UTC)
    return None


def next_digest(digest: str, settings: Digest, now: datetime) -> datetime:
    """When the digest `hourly`, `daily` or five cron fields is due next after `now`, in UTC."""
    due = _trigger(digest, settings).get_next_fire_time(None, now + timedelta(microseconds=1))
    if due is None:
        raise UsageError(f"the digest {digest!r} never comes")
    return due.astimezone(UTC)  # type: ignore[no-any-return]


def check_digest(digest: str, settings: Digest) -> str:
    """`digest` as it is kept; raises UsageError where it is neither hourly, daily nor five cron fields."""
    try:
        _trigger(digest, settings)
    except ValueError as error:
        raise UsageError(
            f"not a digest: {digest!r} (write hourly, daily or five cron fields: '30 6 * * mon-fri')"
        ) from error
    return digest


def _trigger(digest: str, settings: Digest) -> CronTrigger:
    daily = _clock(settings.daily_at)
    fields = {"hourly": HOURLY, "daily": f"{daily.minute} {daily.hour} * * *"}.get(digest, digest)
    return CronTrigger.from_crontab(with_named_days(fields), timezone=settings.timezone)


def _clock(text: str) -> time:
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute))
