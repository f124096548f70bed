"""Which part of a list is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LIMIT = 100  # rows of a list where nothing else is said


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows, older than the row `before`, not older than `since`; the newest come first."""

    limit: int = LIMIT
    before: int | None = None
    since: timedelta | None = None

    def begins(self, now: datetime) -> datetime | None:
        """The time before which nothing is shown."""
        return now - self.since if self.since else None
