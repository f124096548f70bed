"""What one recipient got lately, and whether one more message would be too many: throttle and storm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from service.config import Alerts

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Load:
    """The messages to one recipient on one channel, as times in order.

    `minute` are those of the last minute, `hours` those of the last hour for each rule, `waiting` is how
    many are written and not accepted yet: a channel that is down, or slower than its alerts.
    """

    minute: Sequence[datetime] = ()
    hours: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    waiting: int = 0
    rolled_up: datetime | None = None  # when a roll-up was last written, if within the last minute


@dataclass(frozen=True, slots=True)
class TooMany:
    """Why a message waits to be told together with others, and until when."""

    reason: str
    until: datetime


def too_many(load: Load, rules: Sequence[str], settings: Alerts, now: datetime) -> TooMany | None:
    """Whether a message of these rules has to wait; None where it may go. A limit of 0 is none.

    The storm goes first: it is about all rules, and over sooner. A message of several rules is throttled
    where each of them is: the readers of one that is not are still waiting for it.
    """
    most = settings.storm_limit
    if most and load.waiting >= most:
        return TooMany(f"storm: {load.waiting} messages wait for this channel", now + MINUTE)
    if most and load.rolled_up:  # in a storm there is one message a minute, until one has a single story
        return TooMany("storm: one message a minute", _end(load.rolled_up + MINUTE, now, MINUTE))
    if most and len(load.minute) >= most:
        return TooMany(
            f"storm: {most} messages within a minute", _end(load.minute[-most] + MINUTE, now, MINUTE)
        )
    most = settings.throttle
    ends = [hour[-most] + HOUR for rule in rules if most and len(hour := load.hours.get(rule, ())) >= most]
    if ends and len(ends) == len(rules):
        return TooMany(f"throttle: {most} messages of {rules[0]} within an hour", _end(min(ends), now, HOUR))
    return None


def backlog(load: Load, reason: str, settings: Alerts, now: datetime) -> TooMany | None:
    """Whether even a roll-up has to wait, since the channel does not get rid of what it has."""
    if settings.storm_limit and load.waiting >= settings.storm_limit:
        return TooMany(reason, now + MINUTE)
    return None


def _end(end: datetime, now: datetime, longest: timedelta) -> datetime:
    """`end`, after now and not further off than the window is long, whatever the clock did."""
    return min(max(end, now + timedelta(seconds=1)), now + longest)
