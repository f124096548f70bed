"""Embargoes: until when an item may not be used, as formats state it and as desks write it.

What cannot be understood is held back for a person: an item that waits is a nuisance, one that leaks
before its time is a breach.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from service.model import Item, Problem, Signal, Status
from service.parse.dates import ZONES, iso, local, month_number, zone

# "Sperrfrist für Aktienverkäufe" and "Embargo gegen Russland" are news: what counts is the form of a notice.
LINE = re.compile(
    r"(?:^|\n)[^\n\w]*(?:(?:ACHTUNG|Eds|Editors)\W{1,3})?"
    r"((?:Sperrfrist(?: ?:| bis\b|(?= ?\d| (?:Mon|Diens|Mitt|Donners|Frei|Sams|Sonn|heute|morgen)))"
    r"|Embargo(?:ed)?(?: ?:| (?:un)?til\b))[^\n]{0,120})",
    re.IGNORECASE,
)
LIFTED = re.compile(
    r"\w+\W{0,3}(?:ist |was |has been )?(?:aufgehoben|entfällt|entfallen|keine|none|lifted)\b", re.IGNORECASE
)
NOTICE_WITHIN = 1_000  # characters from the start: a notice stands on top
HALF_DAY = re.compile(r"\b(\d{1,2})(?:[.:](\d{2}))?\s?([ap])\.?\s?m\b", re.IGNORECASE)
NAMES = "|".join(sorted(ZONES, key=len, reverse=True))
PLACE = re.compile(rf"\b(?:{NAMES})\b")
# A clock that is not known to us: of a place that is not named, or of a zone that has several names.
ELSEWHERE = re.compile(
    rf"(?i:\bOrtszeit|\blocal time)|\d\s?(?:(?i:[ap]\.?m\.?|Uhr)\s?)?\(?(?!(?:{NAMES})\b)[A-Z]{{1,3}}T\b"
)
CLOCK = re.compile(
    r"\b(\d{1,2})[.:](\d{2})(?!\d|\.\d)|\b(\d{1,2})\s*Uhr|\b(\d{2})(\d{2})\s*(?=GMT|UTC|MEZ|MESZ|CES?T)"
)
DATED = re.compile(r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2}(?!\d|[.:]\d))?")
NAMED = re.compile(r"\b(\d{1,2})\.?\s+([A-Za-zä]{3,9})\.?(?:\s+(\d{4}))?")
ENGLISH = re.compile(r"\b([A-Z][A-Za-z]{2,8})\.?\s+(\d{1,2})(?!\d|[.:]\d)(?:,?\s+(\d{4}))?")
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
    found = LINE.search(text[:NOTICE_WITHIN])
    if not found or LIFTED.match(found[1]):
        return Embargo()
    until = _moment(found[1], place, now)
    return Embargo(until) if until else unclear(found[1])


def heeded(item: Item, place: tzinfo, now: datetime) -> tuple[Item, tuple[Problem, ...]]:
    """The item, held back as a notice on top of its text or in its note asks, and what is unclear in that.

    For agencies that write what their format has a field for. That field, where it is filled, decides.
    """
    if item.embargo_until or item.status is not Status.USABLE:
        return item, ()
    notices = (written(text, place, now) for text in (item.note, item.body))
    found = next((notice for notice in notices if notice != Embargo()), Embargo())
    return replace(item, embargo_until=found.until, status=found.status), found.problems


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
    if ELSEWHERE.search(line):
        return None
    named = PLACE.search(line)
    there = zone(ZONES[named[0]]) if named else place
    day, rest = _day(line, now.astimezone(there).date())
    clock = _clock(rest)
    if day is None or clock is None:
        return None
    hour, minute = clock
    following, hour = divmod(hour, 24) if (hour, minute) == (24, 0) else (0, hour)
    try:
        naive = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - local() gives it its zone
        return local(naive + timedelta(days=following), there, now)
    except (ValueError, OverflowError):
        return None


def _clock(line: str) -> tuple[int, int] | None:
    """Hour and minute that a line names, by a clock of twelve hours or of twenty-four."""
    if found := HALF_DAY.search(line):
        hour = int(found[1])
        noon = 12 if found[3].lower() == "p" else 0
        return (hour % 12 + noon, int(found[2] or 0)) if 1 <= hour <= 12 else None
    if found := CLOCK.search(line):
        return int(found[1] or found[3] or found[4]), int(found[2] or found[5] or 0)
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
