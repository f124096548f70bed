"""Documents and entries that nobody could read: each is told to the operators once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection, delete, select, update

from service.model import Problem
from service.store.rows import slices, upsert
from service.store.schema import aside as table


class Asides:
    """What lies aside, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, source_id: int, problems: Iterable[Problem], now: datetime) -> None:
        """Note what could not be read; what is noted already stays as it is."""
        rows = [
            {"source": source_id, "key": _key(each.where), "place": each.where, "what": each.what, "at": now}
            for each in problems
        ]
        if rows:
            self._connection.execute(upsert(self._connection, table).on_conflict_do_nothing(), rows)

    def untold(self, since: datetime) -> Mapping[int, Sequence[Problem]]:
        """What nobody was told, the oldest first, by source; of none that was told of since then."""
        told = select(table.c.source).where(table.c.told_at > since)
        waiting = (
            select(table.c.source, table.c.place, table.c.what)
            .where(table.c.told_at.is_(None), table.c.source.not_in(told))
            .order_by(table.c.at, table.c.place)
        )
        found = defaultdict(list)
        for row in self._connection.execute(waiting):
            found[row.source].append(Problem(row.what, row.place))
        return found

    def told(self, sources: Collection[int], now: datetime) -> None:
        """The operators know all that lies aside of these sources."""
        for part in slices(sources):
            mine = (table.c.source.in_(part), table.c.told_at.is_(None))
            self._connection.execute(update(table).where(*mine).values(told_at=now))

    def forget(self, before: datetime) -> None:
        """Forget what was told before then: what lies there still is news again."""
        self._connection.execute(delete(table).where(table.c.told_at < before))


def _key(place: str) -> int:
    """A signed 64-bit hash: a name may be longer than what PostgreSQL takes into an index."""
    return int.from_bytes(blake2b(place.encode(errors="replace"), digest_size=8).digest(), signed=True)
