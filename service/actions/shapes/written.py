"""How values are written for programs: times in ISO 8601 and UTC, spans as they are typed (`90s`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

Shape = dict[str, object]


def when(at: datetime | None) -> str | None:
    """`2026-11-24T05:24:00Z`, or None."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def span(length: timedelta | None) -> str | None:
    """`90s`, `5m`, `24h`, `7d`: the largest unit that leaves no rest; None stays None."""
    if length is None:
        return None
    seconds = round(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
