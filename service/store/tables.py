"""All tables as rows, the way they lie: how a whole database is carried into another, on either engine.

Rows are plain values here and not nouns: numbers, texts, bytes, and JSON as the text that it was written as.
So what is read from one engine and written to the other is the same to the last character.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    TypeDecorator,
    cast,
    delete,
    func,
    select,
    text,
    type_coerce,
)

from service.store.columns import storable
from service.store.schema import installation, metadata

Row: TypeAlias = tuple[Any, ...]

BATCH = 500  # rows in memory at once; an item has some 3 kB, the largest ten megabytes
DIGEST_BYTES = 8
CHECKS = 2 ** (8 * DIGEST_BYTES)
ALL: Sequence[Table] = metadata.sorted_tables  # what others point to comes first


@dataclass(slots=True)
class Sum:
    """How many rows, and a checksum of them that knows no order."""

    rows: int = 0
    check: int = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Count these rows in."""
        self.rows += len(rows)
        for row in rows:
            digest = blake2b(repr(row).encode(), digest_size=DIGEST_BYTES).digest()
            self.check = (self.check + int.from_bytes(digest, "big")) % CHECKS


class Tables:
    """The tables of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._engine = connection.dialect.name

    def hold(self) -> None:
        """Keep every other writer out until the transaction ends, however long it takes."""
        if self._engine == "postgresql":  # on SQLite whoever writes is alone
            names = ", ".join(f'"{table.name}"' for table in ALL)
            self._connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            self._connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))

    def filled(self) -> Sequence[str]:
        """The tables that hold something, besides what a new database knows of itself."""
        others = [table for table in ALL if table is not installation]
        return [t.name for t in others if self._connection.execute(select(1).select_from(t).limit(1)).all()]

    def count(self, table: Table) -> int:
        """How many rows there are."""
        return self._connection.execute(select(func.count()).select_from(table)).scalar_one()

    def rows(self, table: Table) -> Iterator[list[Row]]:
        """All rows, in the order of their key, a part at a time."""
        plain = [_plain(column) for column in table.c]
        query = select(*plain).order_by(*table.primary_key).execution_options(yield_per=BATCH)
        texts = [at for at, column in enumerate(plain) if isinstance(column.type, Text)]
        for part in self._connection.execute(query).partitions():
            yield [_clean(row, texts) for row in part]

    def clear(self, table: Table) -> None:
        """Drop all rows."""
        self._connection.execute(delete(table))

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows as `rows` gives them."""
        names = ", ".join(f'"{column.name}"' for column in table.c)
        if self._engine == "sqlite":
            marks = ", ".join("?" * len(table.c))
            statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - our own names
            self._connection.exec_driver_sql(statement, list(rows))
        else:
            types = [column.type.compile(self._connection.dialect) for column in table.c]
            lists = ", ".join(f"%s::{kind}[]" for kind in types)
            statement = f'INSERT INTO "{table.name}" ({names}) SELECT * FROM unnest({lists})'  # noqa: S608
            self._connection.exec_driver_sql(statement, tuple(map(list, zip(*rows, strict=True))))

    # ------------------------------------------------------------ ids

    def last_id(self, table: Table) -> int:
        """The highest id that was ever given to a row; 0 where none was, or rows have none of their own."""
        if table.autoincrement_column is None:
            return 0
        there = self._connection.execute(select(func.max(table.autoincrement_column))).scalar()
        given = self._connection.execute(LAST[self._engine], {"name": table.name}).scalar()
        return max(there or 0, given or 0)

    def go_on(self, table: Table, last: int) -> None:
        """Give ids above `last` to rows to come."""
        lasting = self._engine == "postgresql" or table.dialect_options["sqlite"]["autoincrement"]
        if last and lasting:
            for statement in GO_ON[self._engine]:
                self._connection.execute(statement, {"name": table.name, "last": last})

    def analyze(self) -> None:
        """Let PostgreSQL know what is in the tables, which it would learn minutes later by itself."""
        if self._engine == "postgresql":
            self._connection.execute(text("ANALYZE"))


LAST = {
    "sqlite": text("SELECT seq FROM sqlite_sequence WHERE name = :name"),
    "postgresql": text(
        "SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:name, 'id') AS regclass))"
    ),
}
GO_ON = {
    "sqlite": (
        text("DELETE FROM sqlite_sequence WHERE name = :name"),
        text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"),
    ),
    "postgresql": (text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),),
}


def _plain(column: Column[Any]) -> ColumnElement[Any]:
    """The column without what the model makes of it."""
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(kind, JSON):
        return cast(column, Text)
    return column if isinstance(kind, Boolean) else type_coerce(column, kind)


def _clean(row: Sequence[Any], texts: Sequence[int]) -> Row:
    """A row whose texts both engines can hold, whoever wrote them."""
    values = list(row)
    for at in texts:
        if values[at]:
            values[at] = storable(values[at])
    return tuple(values)
