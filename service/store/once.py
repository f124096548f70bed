"""What is done once, however many nodes there are and however often they are started."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete

from service.store.rows import upsert
from service.store.schema import once as table


class Once:
    """The keys of what was done; whoever writes one does it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def first(self, key: str, now: datetime) -> bool:
        """Whether this is the first to ask for that key, on any node and ever."""
        first = upsert(self._connection, table).values(key=key, at=now).on_conflict_do_nothing()
        return self._connection.execute(first.returning(table.c.key)).first() is not None

    def undo(self, key: str) -> datetime | None:
        """When that was done, so that it may be done again; None where it was not."""
        undone = delete(table).where(table.c.key == key).returning(table.c.at)
        at: datetime | None = self._connection.execute(undone).scalar()
        return at

    def forget(self, before: datetime) -> None:
        """Forget what was done before then."""
        self._connection.execute(delete(table).where(table.c.at < before))
