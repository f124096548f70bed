"""What all tables are made with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, text
from sqlalchemy.types import TypeEngine

from service.store.columns import Moment, Plain, Reference, RowId

REVISION = "0002"  # the newest migration; four digits, so that older and newer can be told apart

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def identity() -> Column[int]:
    """The id of a row."""
    return Column("id", RowId, primary_key=True)


def to(name: str, table: str, *, optional: bool = False, key: bool = False) -> Column[int]:
    """A reference that goes when the row it points to goes; an optional one becomes NULL."""
    rule = "SET NULL" if optional else "CASCADE"
    kind: TypeEngine[int] = Reference() if optional else BigInteger()
    return Column(name, kind, ForeignKey(f"{table}.id", ondelete=rule), nullable=optional, primary_key=key)


def wording(name: str) -> Column[str]:
    """A text, empty where nothing is known."""
    return Column(name, Plain, nullable=False, server_default="")


def count(name: str) -> Column[int]:
    """A number that begins with 0."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def lease() -> tuple[Column[Any], ...]:
    """Who holds a row, until when, under which claim, and how many claims in a row were never settled."""
    return (
        Column("node", Reference),
        Column("lease_until", Moment),
        count("epoch"),
        count("claims"),
    )


def only(condition: str) -> dict[str, Any]:
    """An index over these rows alone."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# Half-filled pages let PostgreSQL update a row in place (HOT), where the same rows change all day.
BUSY: dict[str, Any] = {"postgresql_with": {"fillfactor": 70}}
# Ids are never used twice, or what outlives an item would point to another one.
LASTING: dict[str, Any] = {"sqlite_autoincrement": True}
# Rows that are little more than their key live in the key's own tree.
NARROW: dict[str, Any] = {"sqlite_with_rowid": False}
