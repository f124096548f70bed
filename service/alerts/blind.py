"""Where the monitor is blind: when a silence is long enough to be told, and the words for it.

A source's habit is when its polls bring something, by the hour of its week, older weeks counting less. From
that follows how likely a silence is by chance; at one in 200 the source is missed. A wire that brings
something every minute is missed within minutes, a weekly column not before two or three weeks, and nobody is
missed at night who never comes at night.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from service.model import Habit, Outage, Slot, SourceState

WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)  # weeks are counted from here
FORGETTING = 0.75  # what a week counts when the next one begins: about four weeks are remembered
LEARNED_AFTER = WEEK  # every hour of the week was seen once
SURPRISE = math.log(200)  # a silence this unlikely, in nats, is told
SHORTEST = timedelta(minutes=10)  # no silence is shorter, however fast the source
LONGEST = 24 * 7 * 4  # hours looked ahead; what comes more rarely has no habit
GATHERED = timedelta(minutes=10)  # between two messages to the operators: what comes meanwhile goes together
MANY = 3  # blind sources that may have one cause
NAMED = 20  # sources that a message lists


def learn(habit: Habit, at: datetime, timezone: str) -> Habit:
    """The habit after a poll that brought something new at `at`."""
    zone = ZoneInfo(timezone)
    passed = _week(at) - _week(habit.last_at) if habit.last_at else 0
    kept = FORGETTING ** max(passed, 0)
    slots = {slot.hour: Slot(slot.hour, slot.arrivals * kept, slot.weeks * kept) for slot in habit.slots}
    hour = _hour(at, zone)
    same_hour = habit.last_at is not None and at - habit.last_at < HOUR and _hour(habit.last_at, zone) == hour
    before = slots.get(hour, Slot(hour, 0, 0))
    slots[hour] = Slot(hour, before.arrivals + 1, before.weeks + (0 if same_hour else 1))
    worth_keeping = (slot for slot in slots.values() if slot.arrivals > FORGETTING**12)
    return Habit(
        since=habit.since or at, last_at=at, slots=tuple(sorted(worth_keeping, key=lambda slot: slot.hour))
    )


def missed_at(habit: Habit, timezone: str) -> datetime | None:
    """When the source is missed if nothing comes after the last arrival; None: not known yet, or never."""
    if habit.since is None or habit.last_at is None or habit.last_at - habit.since < LEARNED_AFTER:
        return None
    zone, weeks = ZoneInfo(timezone), _weight((habit.last_at - habit.since) / WEEK)
    rates = {slot.hour: _rate(slot, weeks) for slot in habit.slots}
    at, surprise = habit.last_at, 0.0
    for _ in range(LONGEST):
        end = at.replace(minute=0, second=0, microsecond=0) + HOUR
        rate = rates.get(_hour(at, zone), 0.0)
        if rate and (wait := (SURPRISE - surprise) / rate * HOUR) <= end - at:
            return max(at + wait, habit.last_at + SHORTEST)
        surprise += rate * ((end - at) / HOUR)
        at = end
    return None


def worth_telling(changes: Sequence[Outage], told_at: datetime | None, now: datetime) -> bool:
    """Whether a message goes out now: something changed, and the last one is not too fresh."""
    return bool(changes) and (told_at is None or now - told_at >= GATHERED)


def message(began: Sequence[Outage], over: Sequence[Outage], sources: int, now: datetime) -> tuple[str, str]:
    """Title and text of one message about all that began and ended; `sources` are polled in all."""
    lines = [f"{one.name}: {_began(one, now)}" for one in began[:NAMED]]
    lines += [f"{one.name} is back: {_ended(one, now)}" for one in over[:NAMED]]
    if (rest := len(began) + len(over) - len(lines)) > 0:
        lines.append(f"… and {rest:,} more (monitor list-sources)")
    if len(began) + len(over) == 1:
        return lines[0], ""
    blind = [one for one in began if one.kind != MOVED]
    parts = [
        f"{len(blind)} of {sources:,} sources are silent or failing" if blind else "",
        f"{len(began) - len(blind)} have moved" if len(began) > len(blind) else "",
        f"{len(over)} are back" if over else "",
    ]
    title = ", ".join(filter(None, parts))
    if len(blind) >= MANY and len(blind) * 2 >= sources:
        title += ": is the network down?"
    return title, "\n".join(lines)


MOVED = "moved"  # the kind of an outage that is over when it is told


def _began(one: Outage, now: datetime) -> str:
    silent = f"silent for {span(now - one.since)}"
    match one.kind:
        case SourceState.SILENT:
            return f"{silent}, against its habit; it answers, but brings nothing new"
        case SourceState.FAILING:
            return f"cannot be read for {span(now - one.since)}: {one.reason}"
        case SourceState.GONE:
            return f"is gone: {one.reason}"
        case _:
            return one.reason


def _ended(one: Outage, now: datetime) -> str:
    how = "silent" if one.kind == SourceState.SILENT else "not to be read"
    return f"{how} for {span((one.over_at or now) - one.since)}"


def span(length: timedelta) -> str:
    """A length as people say it: `47 min`, `5 h`, `3 d`."""
    minutes = round(length.total_seconds() / 60)
    if minutes < 120:
        return f"{max(minutes, 1)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _rate(slot: Slot, weeks: float) -> float:
    """How much surprise an hour of silence in this slot is worth: by its arrivals, or by its regularity."""
    regular = -math.log(1 - min(slot.weeks / (weeks + 1), 0.99))
    return max(slot.arrivals / weeks, regular)


def _weight(weeks: float) -> float:
    """What so many weeks count together, the older ones less."""
    return (1 - math.pow(FORGETTING, weeks)) / (1 - FORGETTING)


def _week(at: datetime) -> int:
    return (at - MONDAY) // WEEK


def _hour(at: datetime, zone: ZoneInfo) -> int:
    """The hour of the week, 0 on Monday at midnight, as clocks there show it."""
    local = at.astimezone(zone)
    return local.weekday() * 24 + local.hour
