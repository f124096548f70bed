"""Escalation: who else is told while nobody acknowledges, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.errors import UsageError
from service.quantities import duration

MOST = 3  # steps; whom three did not reach, a fourth will not


@dataclass(frozen=True, slots=True)
class Stage:
    """After this time without an acknowledgement, this target is told."""

    after: timedelta
    target: str  # CHANNEL or CHANNEL:RECIPIENT


def stages(escalate: Sequence[str]) -> tuple[Stage, ...]:
    """The steps of `10m=mail:chief` and the like, the soonest first; raises UsageError."""
    if len(escalate) > MOST:
        raise UsageError(f"an escalation has at most {MOST} steps")
    found = []
    for text in escalate:
        after, equals, target = text.partition("=")
        if not equals or not target:
            raise UsageError(f"not a step: {text!r} (write 10m=CHANNEL or 10m=CHANNEL:RECIPIENT)")
        try:
            found.append(Stage(duration(after), target))
        except ValueError as error:
            raise UsageError(f"not a step: {text!r}: {error}") from error
    return tuple(sorted(found, key=lambda stage: stage.after))


def due(escalate: Sequence[str], done: int, told_at: datetime, now: datetime) -> Stage | None:
    """The next step, if its time has come; `done` of them were taken. Time runs from the first message."""
    left = stages(escalate)[done:]
    return left[0] if left and now - told_at >= left[0].after else None
