"""Rules, and what they hit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Priority(StrEnum):
    """How much a rule may disturb."""

    FLASH = "flash"  # at once, past quiet hours and throttle
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A query, the channels it tells, and its policy; every change is a new version."""

    name: str
    query: str  # as it was understood: the canonical text of the parsed query
    id: int = 0
    channels: tuple[str, ...] = ()  # CHANNEL or CHANNEL:RECIPIENT
    priority: Priority = Priority.NORMAL
    language: str = ""  # lends its morphology to items of unknown language; filters nothing
    digest: str = ""  # "", hourly, daily, or five cron fields
    on_updates: bool = False
    tags: tuple[str, ...] = ()  # what routes go by
    escalate: tuple[str, ...] = ()  # 10m=CHANNEL[:RECIPIENT], for each step while nobody acknowledges
    enabled: bool = True
    version: int = 1
    created_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place that made a rule hit: characters `start` to `end` of `field`, in the original text.

    `how` is exact, inflection, compound, phrase, near, wildcard, substring, regex or value.
    """

    field: str
    start: int
    end: int
    text: str
    term: str
    how: str
    list: str = ""  # the named list the term stands in


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule that matched an item, with the places."""

    rule: int
    rule_version: int
    item: int
    story: int
    evidence: tuple[Evidence, ...]
    id: int = 0
    at: datetime | None = None
    action: str = ""  # what became of it: open, update, join, suppress
    reason: str = ""  # and why
