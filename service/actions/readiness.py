"""Whether the monitor does its work right now, for whoever restarts or replaces it."""

from __future__ import annotations

from datetime import timedelta

from service.app import App
from service.errors import MonitorError

QUIET = timedelta(seconds=60)  # three sweeps: a daemon says every 20 s that it lives
OVERDUE = timedelta(seconds=120)  # for a message that nobody holds
LATE = timedelta(minutes=5)  # for a source that is due


def faults(app: App) -> list[str]:
    """What is wrong, a line each without names; empty where all is well. It never raises."""
    try:
        with app.store.read() as tx:
            stopped, seen = tx.installation.reason(), [node.seen_at for node in tx.nodes.list()]
            message_due, source_due = tx.outbox.next_due(), tx.sources.next_due()
    except MonitorError as error:
        return [f"database: {error}"]
    now, found = app.store.now(), []
    if not any(at and now - at < QUIET for at in seen):
        found.append("beats: none was heard for a minute, nothing is polled")
    if stopped:
        found.append(f"sending: {stopped}")
    if message_due and now - message_due > OVERDUE:
        found.append(f"messages: one is {_minutes(now - message_due)} min overdue")
    if source_due and now - source_due > LATE:
        found.append(f"sources: one is {_minutes(now - source_due)} min overdue")
    return found


def _minutes(late: timedelta) -> int:
    return round(late.total_seconds() / 60)
