"""Who changed what, for the record: rows are only ever added."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from service.model import Change
from service.store.rows import columns, slices, values
from service.store.schema import audit as table


class Audit:
    """The record of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *changes: Change) -> None:
        """Write down what was changed."""
        self._connection.execute(insert(table), [values(change) for change in changes])

    def latest(self, subjects: Collection[str]) -> Sequence[Change]:
        """The last time that each command did something to each of these things, the newest last."""
        found: list[Change] = []
        for part in slices(subjects):
            last = select(func.max(table.c.id)).where(table.c.subject.in_(part))
            query = select(*SHOWN).where(table.c.id.in_(last.group_by(table.c.subject, table.c.what)))
            found += map(_change, self._connection.execute(query))
        return sorted(found, key=attrgetter("id"))

    def last(self, what: str) -> datetime | None:
        """When a command changed something for the last time."""
        at: datetime | None = self._connection.execute(
            select(func.max(table.c.at)).where(table.c.what == what)
        ).scalar()
        return at

    def list(
        self,
        *,
        before_id: int | None = None,
        since: datetime | None = None,
        subject: str = "",
        limit: int = 100,
    ) -> Sequence[Change]:
        """Changes, the newest first; with a subject, only of that."""
        query = select(*SHOWN).order_by(table.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(table.c.id < before_id)
        if since is not None:
            query = query.where(table.c.at >= since)
        if subject:
            query = query.where(table.c.subject == subject)
        return [_change(row) for row in self._connection.execute(query)]


def _change(row: Row[Any]) -> Change:
    return Change(**{**row._asdict(), "detail": row.detail or {}})


SHOWN = columns(table, Change)
