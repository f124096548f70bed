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
SPELLED = re.compile(
    r"\b(\d{1,2})\.?[ -]([A-Za-zä]{3,9})\.?[ -](\d{4}|\d{2}),? (\d{1,2}):(\d{2})(?::(\d{2}))?"
    r" ?([A-Z]{1,5}\b|[+-]\d{2}:?\d{2})?"
)
# What zones are called besides their names: by the place whose clock is meant, be it summer or winter.
ZONES = {
    **dict.fromkeys(("Z", "UT", "UTC", "GMT"), "UTC"),
    **dict.fromkeys(("CET", "CEST", "MET", "MEST", "MEZ", "MESZ"), "Europe/Berlin"),
    **dict.fromkeys(("WET", "WEST"), "Europe/Lisbon"),
    **dict.fromkeys(("EET", "EEST"), "Europe/Helsinki"),
    **dict.fromkeys(("ET", "EST", "EDT"), "America/New_York"),
    **dict.fromkeys(("PT", "PST", "PDT"), "America/Los_Angeles"),
    "BST": "Europe/London",
    "MSK": "Europe/Moscow",
    "JST": "Asia/Tokyo",
}


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


def spelled(text: str, place: tzinfo, now: datetime) -> datetime | None:
    """`Di, 31 Dez 2024 23:30 +0100`, the date of mail and RSS in German too; None if it is none.

    What carries no offset, or a name that is no zone's, is wall-clock time at `place`. So is
    `31.12.2024 23:30`.
    """
    if not (found := SPELLED.search(text)):
        return german(text, place, now)
    day, year, hour, minute, second = (int(found[at] or 0) for at in (1, 3, 4, 5, 6))
    year, month, named = year + 2000 if year < 100 else year, month_number(found[2]), found[7] or ""
    try:
        stamp = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - its zone follows
        if named[:1] in {"+", "-"}:
            return stamp.replace(tzinfo=datetime.strptime(named, "%z").tzinfo).astimezone(UTC)
        return local(stamp, zone(ZONES[named]) if named in ZONES else place, now)
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
