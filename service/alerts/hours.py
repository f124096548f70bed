"""Quiet hours and the times of digests: local time is known here and nowhere else in this room."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from service.config import DAYS, Digest, QuietHours
from service.errors import UsageError
from service.text.cron import with_named_days

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

LONGEST = timedelta(days=14)  # of quiet without a gap: more is a mistake in the calendar

HOURLY = "0 * * * *"


def quiet_until(quiet: QuietHours | None, channel: str, now: datetime) -> datetime | None:
    """When the quiet hours that hold at `now` end, in UTC; None where it is not quiet.

    A window that crosses midnight belongs to the day on which it began: with `days = ["fri"]` the small
    hours of Saturday are quiet, those of Friday are not. A public holiday is quiet all day, and what is
    quiet without a gap (a night, Christmas, the next night) ends once.
    """
    if quiet is None or (quiet.channels and channel not in quiet.channels):
        return None
    end = now
    while (longer := _window(quiet, end) or _holiday(quiet, end)) and end - now < LONGEST:
        end = longer
    return end if end > now else None


def check_holidays(calendar: str) -> str:
    """`calendar` as it is kept: a country, a country and its part (DE-HE), or an exchange (XETR).

    Raises UsageError for one that is not known.
    """
    try:
        _calendar(calendar)
    except (NotImplementedError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(
            f"no calendar of holidays: {calendar!r} (write a country, DE-HE for a part of one, or XETR, XNYS)"
        ) from error
    return calendar


def _window(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the window of the day, or of the evening before, ends; None outside of it."""
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


def _holiday(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the public holiday ends that it is where the quiet hours are kept; None on other days."""
    zone = ZoneInfo(quiet.timezone)
    today = now.astimezone(zone).date()
    if not quiet.holidays or today not in _calendar(quiet.holidays):
        return None
    return datetime.combine(today + timedelta(days=1), time(0), zone).astimezone(UTC)


@cache
def _calendar(name: str) -> Container[date]:
    """The public holidays of a country or a part of it, or the days on which an exchange rests."""
    import holidays

    if name in holidays.list_supported_financial():
        return cast(Container[date], holidays.financial_holidays(name))
    country, _, part = name.partition("-")
    return cast(Container[date], holidays.country_holidays(country, subdiv=part or None))


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
    from apscheduler.triggers.cron import CronTrigger

    daily = _clock(settings.daily_at)
    fields = {"hourly": HOURLY, "daily": f"{daily.minute} {daily.hour} * * *"}.get(digest, digest)
    return CronTrigger.from_crontab(with_named_days(fields), timezone=settings.timezone)


def _clock(text: str) -> time:
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute))
