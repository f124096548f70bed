"""How values of the model lie in a column: the same order and the same answer on both engines.

Times and spans are whole microseconds, since text and the engines' own time types order and round
differently. What has several parts is JSON; empty is NULL, so that it costs nothing.
"""

# ruff: noqa: ARG002 - the signatures are SQLAlchemy's

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import JSON, BigInteger, Dialect, Integer, Text, TypeDecorator

Choice_ = TypeVar("Choice_", bound=StrEnum)
Part = TypeVar("Part")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# SQLite gives out row ids only to a column that is INTEGER to the letter.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def storable(text: str) -> str:
    """`text` with what PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates) as U+FFFD.

    One character stays one character: the places of evidence remain true.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def _storable(value: Any) -> Any:  # noqa: ANN401 - JSON
    """`value` with every text in it made storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {storable(key): _storable(one) for key, one in value.items()}
    return value


class Plain(TypeDecorator[str]):
    """Text from anywhere, hostile feeds included."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Into the database."""
        return None if value is None else storable(value)


class Json(TypeDecorator[Any]):
    """A value as JSON, the texts in it from anywhere; None is NULL."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> object:  # noqa: ANN401 - JSON
        """Into the database."""
        return _storable(value)


class Moment(TypeDecorator[datetime]):
    """An aware time, as microseconds since 1970-01-01 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Into the database; a naive time is a TypeError."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Out of the database, in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Span(TypeDecorator[timedelta]):
    """A `timedelta`, as microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        """Into the database."""
        return None if value is None else value // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        """Out of the database."""
        return None if value is None else timedelta(microseconds=value)


class Reference(TypeDecorator[int]):
    """The id of another row; 0 in the model and NULL in the table mean: none."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Into the database."""
        return value or None

    def process_result_value(self, value: int | None, dialect: Dialect) -> int:
        """Out of the database."""
        return value or 0


class Choice(TypeDecorator[Choice_], Generic[Choice_]):
    """A member of an enum, as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Choice_]) -> None:
        super().__init__()
        self.kind = kind
        self._members = {member.value: member for member in kind}

    def process_bind_param(self, value: Choice_ | None, dialect: Dialect) -> str | None:
        """Into the database; psycopg would write an enum by its name."""
        return None if value is None else str(value.value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Choice_ | None:
        """Out of the database."""
        return None if value is None else self._members[value]


class Structured(TypeDecorator[Part], Generic[Part]):
    """A tuple or a frozen dataclass, as JSON. What equals `empty` is NULL."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, kind: object, empty: Part) -> None:
        super().__init__()
        self.kind = kind
        self.empty = empty

    def process_bind_param(self, value: Part | None, dialect: Dialect) -> object:
        """Into the database."""
        return None if value is None or value == self.empty else _storable(msgspec.to_builtins(value))

    def process_result_value(self, value: object, dialect: Dialect) -> Part:
        """Out of the database."""
        if value is None:
            return self.empty
        part: Part = msgspec.convert(value, self.kind)
        return part


def words() -> Structured[tuple[str, ...]]:
    """A column for a tuple of texts."""
    return Structured(tuple[str, ...], ())
