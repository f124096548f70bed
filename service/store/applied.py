"""What belongs to each file of a watchlist: what it named, and no other has named since."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from service.store.rows import upsert
from service.store.schema import applied as table


class Applied:
    """The files of one transaction, each by its name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def named(self) -> dict[str, frozenset[str]]:
        """What belongs to each, as `rules.kim`."""
        rows = self._connection.execute(select(table.c.file, table.c.named))
        return {row.file: frozenset(row.named) for row in rows}

    def remember(self, file: str, named: Collection[str]) -> None:
        """Put this in the place of what belonged to the file before."""
        row = {"file": file, "named": tuple(sorted(named))}
        stored = upsert(self._connection, table).values(row)
        self._connection.execute(
            stored.on_conflict_do_update(index_elements=["file"], set_={"named": stored.excluded.named})
        )
