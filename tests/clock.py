"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Called, it tells the time: noon of 24 November 2026, UTC, and later as it is advanced."""

    def __init__(self, now: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def advance(self, **span: float) -> datetime:
        """The time, `span` (the arguments of `timedelta`) later."""
        self.now += timedelta(**span)
        return self.now
