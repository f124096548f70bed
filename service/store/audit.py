"""Who changed what, for the record: rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from service.model import Change
from service.store.rows import columns, values
from service.store.schema import audit as table


class Audit:
    """The record of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, change: Change) -> None:
        """Write down one change."""
        self._connection.execute(insert(table).values(values(change)))

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
        rows = (row._asdict() for row in self._connection.execute(query))
        return [Change(**{**row, "detail": row["detail"] or {}}) for row in rows]


SHOWN = columns(table, Change)
