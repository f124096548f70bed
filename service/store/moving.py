"""A move: everything that one database holds, carried into an empty one, of either engine.

Both are held against every other writer, and each has one transaction. The old one is committed first: it
says from then on that the new one sends in its place. Whatever breaks off before that leaves both as they
were; between the two commits neither sends, and the same move, done once more, goes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import Table

from service.errors import StoreError, UsageError
from service.failpoints import passes
from service.store import tables
from service.store.db import Store, Transaction
from service.store.schema import installation, item
from service.store.tables import Sum


class Step(StrEnum):
    """What is done with a table."""

    COPY = "copy"
    INDEX = "index"
    COMPARE = "compare"


Watch: TypeAlias = Callable[[Step, str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class Moved:
    """What was carried over, and is the same on both sides."""

    rows: Mapping[str, int]  # by table
    check: str  # the checksum of them all


def move(old: Store, new: Store, prepare: Callable[[Transaction], None], watch: Watch) -> Moved:
    """Carry everything from `old` into `new`, both open; what was carried.

    `prepare` gets the transaction of `old` before anything is read, and may refuse. `watch` is told what
    comes next, of which table and of how many rows, and shows how far it is.

    Raises UsageError where both are one database or `new` is not empty, StoreError where one of them fails.
    """
    with old.read() as here, new.read() as there:
        if here.installation.here == there.installation.here:
            raise UsageError(f"{new.name}: that is the database in use (give another)")
    with new.unveiled().begin() as arriving:
        with old.begin() as leaving:
            with new.translated():
                _make_room(leaving, arriving, new.name)
            leaving.tables.hold()
            prepare(leaving)
            leaving.installation.move(arriving.installation.here, new.name)
            sums = {table.name: _carry(leaving, arriving, new, table, watch) for table in tables.ALL}
            with new.translated():
                _index(arriving, watch)
                arriving.tables.analyze()
                _compare(arriving, sums, new.name, watch)
                arriving.installation.arrive()
            passes("carried")
        passes("handed-over")
    check = sum(each.check for each in sums.values()) % tables.CHECKS
    return Moved({name: each.rows for name, each in sums.items()}, f"{check:016x}")


def _make_room(leaving: Transaction, arriving: Transaction, name: str) -> None:
    """Keep others out of the new database; raises UsageError where it holds something already."""
    arriving.tables.hold()
    filled = arriving.tables.filled()
    if filled and leaving.installation.moved(arriving.installation.here):
        raise UsageError(f"{name}: this database was moved there already (name it in config.toml)")
    if filled:
        raise UsageError(f"{name}: not empty, {filled[0]} has rows (give a new database)")
    arriving.tables.clear(installation)


def _carry(leaving: Transaction, arriving: Transaction, new: Store, table: Table, watch: Watch) -> Sum:
    """Copy one table, and let its ids go on where they are; what was copied."""
    copied = Sum()
    with watch(Step.COPY, table.name, leaving.tables.count(table)) as advance:
        for rows in leaving.tables.rows(table):
            with new.translated():
                arriving.tables.add(table, rows)
            passes("carrying")
            copied.add(rows)
            advance(len(rows))
        last = leaving.tables.last_id(table)
        with new.translated():
            arriving.tables.go_on(table, last)
    return copied


def _index(arriving: Transaction, watch: Watch) -> None:
    """Each engine keeps words in its own way: they are read out of the items once more."""
    with watch(Step.INDEX, item.name, arriving.items.count()) as advance:
        for rows in arriving.items.index(tables.BATCH):
            advance(rows)


def _compare(arriving: Transaction, sums: Mapping[str, Sum], name: str, watch: Watch) -> None:
    """Read all of it back; raises StoreError where it is not what was read from the old database."""
    for table in tables.ALL:
        found = Sum()
        with watch(Step.COMPARE, table.name, sums[table.name].rows) as advance:
            for rows in arriving.tables.rows(table):
                found.add(rows)
                advance(len(rows))
        if found != sums[table.name]:
            raise StoreError(f"{name}: {table.name} did not arrive as it was (nothing was moved)")
