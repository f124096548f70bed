"""Embargoes: until when an item may not be used, as formats state it and as desks write it.

What cannot be understood is held back for a person: an item that waits is a nuisance, one that leaks
before its time is a breach.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from service.model import Problem, Signal, Status
from service.parse.dates import iso, local, month_number

# "Sperrfrist für Aktienverkäufe" and "Embargo gegen Russland" are news: what counts is the form of a notice.
LINE = re.compile(
    r"(?:^|\n)[^\n\w]*(?:ACHTUNG\W{1,3})?"
    r"((?:Sperrfrist(?: ?:| bis\b|(?= ?\d| (?:Mon|Diens|Mitt|Donners|Frei|Sams|Sonn|heute|morgen)))"
    r"|Embargo(?:ed)?(?: ?:| (?:un)?til\b))[^\n]{0,120})",
    re.IGNORECASE,
)
NOTICE_WITHIN = 1_000  # characters from the start: a notice stands on top
CLOCK = re.compile(
    r"\b(\d{1,2})[.:](\d{2})(?!\d|\.\d)|\b(\d{1,2})\s*Uhr|\b(\d{2})(\d{2})\s*(?=GMT|UTC|MEZ|MESZ|CES?T)"
)
DATED = re.compile(r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2}(?!\d|[.:]\d))?")
NAMED = re.compile(r"\b(\d{1,2})\.?\s+([A-Za-zä]{3,9})\.?(?:\s+(\d{4}))?")
ENGLISH = re.compile(r"\b([A-Z][a-z]{2,8})\.?\s+(\d{1,2})(?!\d|[.:]\d)(?:,?\s+(\d{4}))?")
WEEKDAYS = (
    "montag monday",
    "dienstag tuesday",
    "mittwoch wednesday",
    "donnerstag thursday",
    "freitag friday",
    "samstag sonnabend saturday",
    "sonntag sunday",
)

STRICTNESS = (Status.USABLE, Status.WITHHELD, Status.CANCELED)
STRENGTH = (Signal.NONE, Signal.UPDATE, Signal.REPEAT, Signal.CORRECTION, Signal.KILL)


class Embargo(NamedTuple):
    """Until when, what that makes of the item, and what could not be understood."""

    until: datetime | None = None
    status: Status = Status.USABLE
    problems: tuple[Problem, ...] = ()


def stated(value: str | None, place: tzinfo, now: datetime) -> Embargo:
    """The embargo in a field of its own: None for no field, "" for one without end (NewsML-G2)."""
    if value is None:
        return Embargo()
    if not value.strip():
        return Embargo(status=Status.WITHHELD)
    if until := iso(value, place, now):
        return Embargo(until)
    return unclear(value)


def written(text: str, place: tzinfo, now: datetime) -> Embargo:
    """The embargo that a line of the text announces: `Sperrfrist 25. September 10.00 Uhr`."""
    if not (found := LINE.search(text[:NOTICE_WITHIN])):
        return Embargo()
    until = _moment(found[1], place, now)
    return Embargo(until) if until else unclear(found[1])


def strictest(*statuses: Status) -> Status:
    """The one that allows the least."""
    return max(statuses, key=STRICTNESS.index)


def strongest(*signals: Signal) -> Signal:
    """The one that asks for the most."""
    return max(signals, key=STRENGTH.index)


def unclear(words: str) -> Embargo:
    """What is held back because a person has to look at it."""
    return Embargo(status=Status.WITHHELD, problems=(Problem("an embargo that cannot be understood", words),))


def _moment(line: str, place: tzinfo, now: datetime) -> datetime | None:
    """The moment that a line names by day and time; None if either is unclear."""
    zone = UTC if re.search(r"\b(?:GMT|UTC)\b", line) else place
    day, rest = _day(line, now.astimezone(zone).date())
    clock = CLOCK.search(rest)
    if day is None or clock is None:
        return None
    hour = int(clock[1] or clock[3] or clock[4])
    minute = int(clock[2] or clock[5] or 0)
    following, hour = divmod(hour, 24) if (hour, minute) == (24, 0) else (0, hour)
    try:
        naive = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - local() gives it its zone
        return local(naive + timedelta(days=following), zone, now)
    except (ValueError, OverflowError):
        return None


def _day(line: str, today: date) -> tuple[date | None, str]:
    """The day that a line names, and the rest of the line, in which the time stands."""
    if found := DATED.search(line):
        return _date(found[3], int(found[2]), int(found[1]), today), line[: found.start()] + line[
            found.end() :
        ]
    for pattern, day, month in ((NAMED, 1, 2), (ENGLISH, 2, 1)):
        for found in pattern.finditer(line):
            if number := month_number(found[month]):
                named = _date(found[3], number, int(found[day]), today)
                return named, line[: found.start()] + line[found.end() :]
    lower = line.lower()
    for number, names in enumerate(WEEKDAYS):
        if any(name in lower for name in names.split()):
            return today + timedelta(days=(number - today.weekday()) % 7), line
    if "morgen" in lower or "tomorrow" in lower:
        return today + timedelta(days=1), line
    return (today, line) if "heute" in lower or "today" in lower else (None, line)


def _date(year: str | None, month: int, day: int, today: date) -> date | None:
    """The date; without a year the one that is nearest to today."""
    years = [int(year) % 2000 + 2000] if year else [today.year - 1, today.year, today.year + 1]
    dates = []
    for candidate in years:
        try:
            dates.append(date(candidate, month, day))
        except ValueError:
            continue
    return min(dates, key=lambda one: abs(one - today), default=None)
