"""A copy of the database, and the way back; how messages go out again after it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic

from service.actions import people
from service.actions.health import lives
from service.actions.rounds import Progress, silent
from service.actions.shapes import Shape, span, when
from service.app import App, build
from service.config import Config
from service.errors import MonitorError, StoreError, UsageError
from service.model import Change, utcnow
from service.store import backup as copies
from service.store.db import Store
from service.store.files import MEGABYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A copy that was made."""

    file: Path
    database: str
    items: int
    size_bytes: int
    took: timedelta

    def shape(self) -> Shape:
        """As programs see it."""
        return {
            "file": str(self.file),
            "database": self.database,
            "items": self.items,
            "size_bytes": self.size_bytes,
            "took_s": round(self.took.total_seconds(), 3),
        }


def backup(
    config: Config, file: Path, *, replace: bool = False, who: str = "", progress: Progress = silent
) -> Backup:
    """A copy of the database in `file`, which is there only when it is whole and sound.

    A database of an older version can be copied, too: it is best done before `migrate`. Raises
    NotFoundError, UsageError and StoreError.
    """
    url, began = config.database_url(), monotonic()
    file = file.expanduser()
    copied = copies.take(url, file, utcnow(), replace=replace, advance=progress)
    done = Backup(
        file=file.absolute(),
        database=Store(url).name,
        items=copied.items,
        size_bytes=copied.size_bytes,
        took=timedelta(seconds=monotonic() - began),
    )
    app = build(config)
    with suppress(MonitorError):  # an older version, a full disk: then a copy is needed all the more
        people.record(app, who, "backup", str(done.file), {"items": done.items})
    app.close()
    return done


def to_copy(config: Config) -> int | None:
    """How many megabytes the database has, which a backup copies; None where that is not known."""
    database = copies.file_of(config.database_url())
    return megabytes(database) if database else None


def megabytes(file: Path) -> int | None:
    """How many a file has; None where there is none."""
    file = file.expanduser()
    return file.stat().st_size // MEGABYTE or None if file.is_file() else None


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was put in the place of the database."""

    file: Path
    database: str
    found: copies.Restored

    def shape(self) -> Shape:
        """As programs see it."""
        found = self.found
        return {
            "file": str(self.file),
            "database": self.database,
            "kept": str(found.kept) if found.kept else None,
            "items": found.items,
            "waiting": found.waiting,
            "waiting_since": when(found.waiting_since),
            "sending": False,
            "stopped": found.stopped,
        }


def restore(config: Config, file: Path, *, who: str = "", progress: Progress = silent) -> Restored:
    """Put a backup in the place of the database; nothing is sent until `resume`.

    Raises UsageError where a monitor runs on the database, or the file cannot be taken, and NotFoundError,
    SchemaError and StoreError.
    """
    url, file = config.database_url(), file.expanduser()
    store = Store(url)
    if running := _running(store):
        raise UsageError(
            f"{', '.join(running)} runs on this database (stop it first: systemctl stop monitor)"
        )
    now = utcnow()
    change = Change(at=now, who=who, what="restore", subject=str(file.absolute()))
    return Restored(file.absolute(), store.name, copies.put_back(url, file, now, change, progress))


def _running(store: Store) -> list[str]:
    """The monitors at work on a database; none where it cannot be read, or there is none."""
    if store.dialect == "sqlite" and not Path(store.name).is_file():
        return []
    try:
        with suppress(StoreError), store.read() as tx:
            return [node.name for node in tx.nodes.list() if lives(node, store.now())]
    finally:
        store.close()
    return []


# ---------------------------------------------------------------- sending again


@dataclass(frozen=True, slots=True)
class Resumed:
    """What became of the messages that waited."""

    stopped: str  # why they did; "" where they went out already
    waiting: int  # they go out now
    closed: int

    def shape(self) -> Shape:
        """As programs see it."""
        return {"sending": True, "waiting": self.waiting, "closed": self.closed}


def resume(app: App, since: timedelta | None = None) -> Resumed:
    """Let messages go out from here; of what waits only what was made within `since`, the rest is closed."""
    now = app.store.now()
    with app.store.begin() as tx:
        stopped, closed = tx.installation.reason(), 0
        if since:
            closed = tx.outbox.suppress_old(now - since, f"older than {span(since)} when sending was resumed")
        tx.installation.resume_sending()
        waiting, _ = tx.outbox.unsent()
    return Resumed(stopped, waiting, closed)
