"""A desk that has outgrown its database: all of it goes into another one, which sends from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import msgspec

from service.actions.health import lives
from service.actions.rounds import silent
from service.actions.shapes import Shape
from service.app import App, build
from service.config import Database
from service.errors import ConfigError, UsageError
from service.model import Change, DeliveryState
from service.store import moving
from service.store.db import Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What was moved, and what is to be done now."""

    old: str
    new: str
    setting: tuple[str, str]  # the key of `[database]` to write, and its value
    rows: Mapping[str, int]  # by table
    check: str  # the checksum of all rows, the same on both sides
    waiting: int  # messages that go out from the new place
    stopped: str  # why the new one sends nothing; "" where it does
    took: timedelta

    def shape(self) -> Shape:
        """As programs see it."""
        key, value = self.setting
        return {
            "from": self.old,
            "to": self.new,
            "setting": {key: value},
            "tables": dict(self.rows),
            "rows": sum(self.rows.values()),
            "checksum": self.check,
            "waiting": self.waiting,
            "sending": not self.stopped,
            "stopped": self.stopped or None,
            "took_s": round(self.took.total_seconds(), 3),
        }


@contextmanager
def _unwatched(_step: moving.Step, _table: str, _rows: int) -> Iterator[Callable[[int], None]]:
    yield silent


def move(app: App, database: Database, *, who: str = "", watch: moving.Watch = _unwatched) -> Move:
    """Everything in the database that `database` says, as `[database]` of a configuration would say it.

    The old one is kept as it is, and sends nothing from then on. `watch` is told what comes next, of which
    table and of how many rows. Raises UsageError where a daemon works on the old database, or the new one
    cannot be taken or is not empty; StoreError where one of them fails. Nothing was moved then.
    """
    old, began = app.store, monotonic()
    with old.read() as tx:
        _check_rest(tx, old)
    other = build(msgspec.structs.replace(app.config, database=database), app.clock)
    try:
        new = _opened(other)

        def prepare(tx: Transaction) -> None:
            _check_rest(tx, old)
            tx.nodes.clear()
            detail = {"from": old.name}
            tx.audit.add(Change(at=old.now(), who=who, what="migrate", subject=new.name[:500], detail=detail))

        moved = moving.move(old, new, prepare, watch)
        with new.read() as tx:
            counts, stopped = tx.outbox.counts(), tx.installation.reason()
    finally:
        other.close()
    return Move(
        old=old.name,
        new=new.name,
        setting=_setting(database, new),
        rows=moved.rows,
        check=moved.check,
        waiting=sum(counts.get(state, 0) for state in (DeliveryState.PENDING, DeliveryState.HELD)),
        stopped=stopped,
        took=timedelta(seconds=monotonic() - began),
    )


def _check_rest(tx: Transaction, store: Store) -> None:
    """Nobody works on the database: what came in meanwhile would be lost. Raises UsageError."""
    working = [node.name for node in tx.nodes.list() if lives(node, store.now())]
    if working:
        raise UsageError(
            f"{', '.join(working)} runs on this database (stop it first: systemctl stop monitor)"
        )


def _opened(other: App) -> Store:
    """The new database, its tables made; raises UsageError where what was given is none of ours."""
    try:
        return other.store
    except ConfigError as error:
        raise UsageError(f"the new database: {error.problem}") from error


def _setting(database: Database, new: Store) -> tuple[str, str]:
    """What `[database]` has to say from now on; a password is not shown."""
    if database.url_env:
        return "url_env", database.url_env
    if database.url_file:
        return "url_file", database.url_file
    return "url", database.url if new.dialect == "sqlite" else new.name
