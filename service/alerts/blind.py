"""Where the monitor is blind: when a silence is long enough to be told, and what is told of it.

A source's habit is when its polls bring something, by the hour of its week, older weeks counting less. From
that follows how likely a silence is by chance; at one in 200 the source is missed. A wire that brings
something every minute is missed within minutes, a weekly column not before two or three weeks, and nobody is
missed at night who never comes at night.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from service.model import Habit, Outage, Slot

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


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one message tells of sources: those it lists, and how many there are of each kind."""

    began: Sequence[Outage]
    over: Sequence[Outage]
    more: int  # that are counted and not listed
    blind: int
    moved: int
    back: int
    sources: int  # that are polled in all

    @property
    def single(self) -> bool:
        """Whether one line says it all."""
        return self.blind + self.moved + self.back == 1

    @property
    def one_cause(self) -> bool:
        """Whether so many are blind that it is hardly each by itself: the network, most likely."""
        return self.blind >= MANY and self.blind * 2 >= self.sources


def news(began: Sequence[Outage], over: Sequence[Outage], sources: int) -> News:
    """What is told of all that began and ended; `sources` are polled in all."""
    moved = sum(one.kind == MOVED for one in began)
    listed, ended = began[:NAMED], over[:NAMED]
    return News(
        began=listed,
        over=ended,
        more=len(began) + len(over) - len(listed) - len(ended),
        blind=len(began) - moved,
        moved=moved,
        back=len(over),
        sources=sources,
    )


MOVED = "moved"  # the kind of an outage that is over when it is told


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
