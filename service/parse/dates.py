"""Moments in time as wires write them; all answers are aware and in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EARLY = timedelta(minutes=5)  # how far a sender's clock may be ahead of ours
REPEATED_HOUR = timedelta(hours=1)
MONTHS = (
    "jan",
    "feb",
    "mär mrz mar",
    "apr",
    "mai may",
    "jun",
    "jul",
    "aug",
    "sep",
    "okt oct",
    "nov",
    "dez dec",
)
STAMP = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2}),? (\d{1,2})[:.](\d{2})")


def zone(name: str) -> tzinfo:
    """The zone of that IANA name; UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def month_number(name: str) -> int:
    """The number of a month by its first three letters, German or English; 0 if it is none."""
    start = name[:3].lower()
    return next((number for number, names in enumerate(MONTHS, 1) if start in names.split()), 0)


def local(stamp: datetime, place: tzinfo, now: datetime) -> datetime:
    """A naive wall-clock stamp in UTC.

    In the hour that autumn repeats it is the first pass, unless the second is the one that has just been:
    wires come within minutes.
    """
    first = stamp.replace(tzinfo=place, fold=0).astimezone(UTC)
    second = stamp.replace(tzinfo=place, fold=1).astimezone(UTC)
    just_been = -EARLY <= now - second < REPEATED_HOUR - EARLY
    return second if second > first and just_been else first


def iso(text: str, place: tzinfo, now: datetime) -> datetime | None:
    """An ISO 8601 date or time, basic or extended (`20250902T052400+0200`); None if it is none.

    What carries no offset is wall-clock time at `place`.
    """
    try:
        stamp = datetime.fromisoformat(text.strip().upper())
        return stamp.astimezone(UTC) if stamp.tzinfo else local(stamp, place, now)
    except (ValueError, OverflowError):
        return None


def german(text: str, place: tzinfo, now: datetime) -> datetime | None:
    """`02.09.25 05:24 Uhr` at `place`; None if there is no such stamp."""
    if not (found := STAMP.search(text)):
        return None
    day, month, year, hour, minute = (int(part) for part in found.groups())
    try:
        return local(datetime(year + 2000 if year < 100 else year, month, day, hour, minute), place, now)  # noqa: DTZ001 - local() gives it its zone
    except (ValueError, OverflowError):
        return None
