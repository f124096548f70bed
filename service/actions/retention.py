"""What is older than `[retention]` says: counted, or dropped as the daemon does every hour."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from service.actions.rounds import Progress, silent
from service.actions.shapes import Shape
from service.app import App
from service.config import Retention
from service.store.prune import Pruned, due, prune

LONGEST_REST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Tidied:
    """What went, or would go."""

    rows: Pruned
    freed_bytes: int
    dry_run: bool
    retention: Retention

    @property
    def gone(self) -> Mapping[str, int]:
        """How many rows of what, where there are any."""
        return {what: number for what, number in asdict(self.rows).items() if number}

    def shape(self) -> Shape:
        """As programs see it."""
        return {"dry_run": self.dry_run, **asdict(self.rows), "freed_bytes": self.freed_bytes}


def tidy(app: App, *, dry_run: bool = False, progress: Progress = silent) -> Tidied:
    """Drop what is older than the retention, beside a daemon that may be at work; or only count it."""
    store, kept = app.store, app.config.retention
    if dry_run:
        return Tidied(due(store, store.now(), kept), 0, dry_run, kept)
    before, began = _size(app), time.monotonic()

    def rest(gone: int) -> None:
        """Let others write for as long as they were held up: SQLite gives its lock to whoever asks first."""
        nonlocal began
        progress(gone)
        time.sleep(min(time.monotonic() - began, LONGEST_REST.total_seconds()))
        began = time.monotonic()

    rows = prune(store, store.now(), kept, between=rest)
    return Tidied(rows, max(0, before - _size(app)), dry_run, kept)


def _size(app: App) -> int:
    with app.store.read() as tx:
        return tx.installation.size_bytes()
