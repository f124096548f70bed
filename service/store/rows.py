"""From a row to its dataclass and back: columns and fields have the same names."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Table, select, text
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
Value = TypeVar("Value", int, str)

SLICE = 1000  # values in one IN; SQLite takes 32,766 parameters, and a statement should stay readable


def columns(table: Table, noun: type, *without: str) -> list[Column[Any]]:
    """The columns of `table` that are fields of the dataclass `noun`, in its order."""
    return [table.c[field.name] for field in fields(noun) if field.name not in without]


def values(noun: object, *without: str) -> dict[str, Any]:
    """The fields of a dataclass by name, its `id` and those in `without` left out."""
    skipped = {"id", *without}
    return {f.name: getattr(noun, f.name) for f in fields(noun) if f.name not in skipped}  # type: ignore[arg-type]


def slices(some: Collection[Value]) -> Iterator[Sequence[Value]]:
    """The numbers or names in order and without repetition, in parts that fit one statement."""
    ordered = sorted(set(some))
    for start in range(0, len(ordered), SLICE):
        yield ordered[start : start + SLICE]


def listed(connection: Connection, numbers: Iterable[int | None]) -> object:
    """`numbers` as the one parameter that is a list, as the engine takes it."""
    whole = list(numbers)
    return json.dumps(whole) if connection.dialect.name == "sqlite" else whole


RESERVE = {
    "sqlite": text(
        "WITH RECURSIVE taken (id) AS ("
        " SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = :name"
        " UNION ALL SELECT id + 1 FROM taken LIMIT :count) SELECT id FROM taken"
    ),
    "postgresql": text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"),
}


def reserve(connection: Connection, table: Table, count: int) -> list[int]:
    """So many ids of rows to come, in order; rows that are then added under other ids must wait for these."""
    if not count:
        return []
    rows = connection.execute(RESERVE[connection.dialect.name], {"name": table.name, "count": count})
    return list(rows.scalars())


def names(connection: Connection, table: Table, ids: Collection[int] | None) -> dict[int, str]:
    """The column `name` by id, of all rows or of some."""
    query = select(table.c.id, table.c.name)
    parts = [query] if ids is None else [query.where(table.c.id.in_(part)) for part in slices(ids)]
    return {row.id: row.name for part in parts for row in connection.execute(part)}


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT; both engines spell it alike, SQLAlchemy has one for each."""
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)
