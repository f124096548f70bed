"""When sources could not be read: the record that tells a missed story from one that never was.

A source that works costs nothing here: a row is written when a poll fails, and closed when one succeeds
after that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from service.model import Gap
from service.store.rows import columns, slices
from service.store.schema import gap as table


class Gaps:
    """The gaps of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fail(self, source_id: int, reason: str, now: datetime) -> None:
        """A poll failed: a gap begins, or goes on."""
        down = (table.c.source == source_id, table.c.ended_at.is_(None))
        longer = update(table).where(*down).values(polls=table.c.polls + 1, reason=reason)
        if not self._connection.execute(longer).rowcount:
            row = {"source": source_id, "began_at": now, "polls": 1, "reason": reason}
            self._connection.execute(insert(table).values(row))

    def end(self, source_id: int, now: datetime) -> None:
        """The source was read again."""
        down = (table.c.source == source_id, table.c.ended_at.is_(None))
        self._connection.execute(update(table).where(*down).values(ended_at=now))

    def add(self, gone: Gap) -> None:
        """Write down a gap that is over."""
        row = {name: getattr(gone, name) for name in ("source", "began_at", "ended_at", "polls", "reason")}
        self._connection.execute(insert(table).values(row))

    def between(
        self, begin: datetime, end: datetime, sources: Collection[int] | None = None
    ) -> Sequence[Gap]:
        """The gaps that touch that time, of all sources or of some, the oldest first."""
        touching = (table.c.began_at <= end, or_(table.c.ended_at.is_(None), table.c.ended_at >= begin))
        query = select(*SHOWN).where(*touching).order_by(table.c.began_at, table.c.id)
        parts = [query] if sources is None else [query.where(table.c.source.in_(p)) for p in slices(sources)]
        return [Gap(**row._asdict()) for part in parts for row in self._connection.execute(part)]

    def prune(self, before: datetime, limit: int) -> int:
        """Drop up to `limit` gaps that ended before then; the number of them."""
        old = select(table.c.id).where(table.c.ended_at < before).order_by(table.c.ended_at).limit(limit)
        return self._connection.execute(delete(table).where(table.c.id.in_(old))).rowcount


SHOWN = columns(table, Gap)
