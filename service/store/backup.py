"""A database, copied while it is in use, and put back in its place: SQLite's file, or a dump of PostgreSQL.

What was put back stores and lists, and sends nothing until a person says so: what it holds was told already,
or is hours old. A backup of SQLite says so itself, so that it does not matter who puts it where. On
PostgreSQL the tables are others than those that were dumped, and by that it is known (`installation.place`).
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from service.errors import NotFoundError, UsageError
from service.model import Change
from service.store import dumps, files
from service.store.db import Store
from service.store.files import Advance


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a backup holds."""

    items: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a database holds that was put back."""

    kept: Path | None  # where the database is that was there before
    items: int
    waiting: int  # messages that were not sent when the backup was made
    waiting_since: datetime | None  # when the oldest of them was made
    stopped: str  # why nothing is sent


def file_of(url: str) -> Path | None:
    """The file of a database; None where a server has it."""
    store = Store(url)
    return Path(store.name) if store.dialect == "sqlite" else None


def take(url: str, file: Path, now: datetime, *, replace: bool, advance: Advance) -> Copied:
    """Copy a database to `file`, whole or not at all, and see that the copy is sound.

    Raises NotFoundError, UsageError where `file` cannot be taken, StoreError.
    """
    database = file_of(url)
    if database and not database.is_file():
        raise NotFoundError("database", database, "`monitor init` makes one")
    if database and _same(file, database):
        raise UsageError(f"{file}: is the database itself (name another file)")
    with files.written(file, replace=replace) as part:
        if database:
            files.copy(database, part, advance)
            files.mark(part, f"restored from a backup of {now:%Y-%m-%d %H:%M} UTC")
            items = files.look(
                part, "`monitor restore FILE` puts an older backup in its place", copy_of=database
            ).items
        else:
            items = _items(url)
            dumps.dump(url, part)
        return Copied(items=items, size_bytes=part.stat().st_size)


def put_back(url: str, file: Path, now: datetime, change: Change, advance: Advance) -> Restored:
    """Put a backup in the place of the database, and write down the `change`.

    The database that is there is kept: a file under another name; a database of PostgreSQL has to be empty.
    Nobody else may use either. Raises NotFoundError, UsageError, SchemaError, StoreError.
    """
    if (database := file_of(url)) is None:
        dumps.look(file, url)
        dumps.restore(url, file)
        return _settle(url, now, change)
    database = database.resolve()
    if _same(file, database):
        raise UsageError(f"{file}: is the database itself (name a backup)")
    files.look(file, "take another backup")
    there = database.exists()
    kept = _aside(database, now) if there else None
    with files.alone(database) if there else nullcontext(), files.written(database, replace=True) as part:
        files.copy(file, part, advance)
        restored = _settle(f"sqlite:///{part}", now, change, kept)
        files.adopt(part, database)
        if kept:
            files.keep(database, kept)
    return restored


def _aside(database: Path, now: datetime) -> Path:
    """A name beside the database that is free; a restore that was killed may have taken one."""
    first = f"{database.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"
    names = (first if n == 1 else f"{first}-{n}" for n in count(1))
    return next(path for path in map(database.with_name, names) if not path.exists())


def _settle(url: str, now: datetime, change: Change, kept: Path | None = None) -> Restored:
    """Bring what was put back to this version, stop it from sending, and forget who worked on it."""
    store = Store(url)
    try:
        store.open(migrate=True)
        with store.begin() as tx:
            if not tx.installation.stopped:
                tx.installation.stop_sending(f"restored from a copy at {now:%Y-%m-%d %H:%M} UTC")
            tx.nodes.clear()
            tx.audit.add(change)
            waiting, since = tx.outbox.unsent()
            return Restored(
                kept=kept,
                items=tx.items.count(),
                waiting=waiting,
                waiting_since=since,
                stopped=tx.installation.reason(),
            )
    finally:
        store.close()


def _items(url: str) -> int:
    store = Store(url)
    try:
        with store.read() as tx:
            return tx.items.count()
    finally:
        store.close()


def _same(file: Path, database: Path) -> bool:
    """Whether one is the other, or what SQLite keeps beside it."""
    names = {Path(f"{database.resolve()}{side}") for side in ("", *files.SIDES, ".part")}
    return file.resolve() in names or (file.exists() and database.exists() and file.samefile(database))
