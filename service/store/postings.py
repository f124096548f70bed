"""Posting lists: under each fingerprint the items that it stands in, the oldest first.

A list is one row: what is found once is read at once. It is capped when it is written, since a fingerprint
that 40 items share is boilerplate and finds nothing more. So a look-up costs the same whatever the size of
the archive.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, select, text, update

from service.store.rows import listed
from service.store.schema import fingerprint as table

POSTINGS = 40  # items under one fingerprint
LAST = 2**32 - 1  # the highest id that fits; a hundred thousand items a day come to it in 117 years


class Postings:
    """The posting lists of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def under(self, fingerprints: Collection[int]) -> dict[int, Sequence[int]]:
        """The ids of the items under each fingerprint; one that is new is left out."""
        wanted = {"wanted": listed(self._connection, fingerprints)}
        rows = self._connection.execute(UNDER[self._connection.dialect.name], wanted).all()
        return {h: _unpacked(items) for h, items in rows}

    def add(
        self, entering: Iterable[tuple[int, Collection[int]]], known: Mapping[int, Sequence[int]]
    ) -> None:
        """Enter items into the lists of their fingerprints that are not full.

        `known` is what `under` says of the fingerprints.
        """
        room = {h: POSTINGS - len(items) for h, items in known.items()}
        more: dict[int, bytes] = {}
        for number, fingerprints in entering:
            one = _packed([number])
            for h in set(fingerprints):
                if left := room.get(h, POSTINGS):
                    room[h] = left - 1
                    more[h] = more.get(h, b"") + one
        if not more:
            return
        rows = sorted(more.items())  # neighbours in the tree lie on one page
        if self._connection.dialect.name == "sqlite":
            self._connection.exec_driver_sql(ADD["sqlite"], rows)
        else:
            self._connection.exec_driver_sql(ADD["postgresql"], tuple(map(list, zip(*rows, strict=True))))

    def prune(self, floor: int, start: int | None, rows: int) -> tuple[int, int | None]:
        """Drop the items below `floor`, in one stretch of `rows` lists.

        How many went, and the fingerprint at which the next stretch starts; None at the end.
        """
        before, end = self._old(floor, start, rows)
        after = {h: [one for one in items if one >= floor] for h, items in before.items()}
        if emptied := [h for h, items in after.items() if not items]:
            self._connection.execute(delete(table).where(table.c.h.in_(emptied)))
        if cut := [{"of": h, "kept": _packed(items)} for h, items in after.items() if items]:
            self._connection.execute(CUT, cut)
        return sum(len(items) - len(after[h]) for h, items in before.items()), end

    def count(self, floor: int, start: int | None, rows: int) -> tuple[int, int | None]:
        """What `prune` would say."""
        before, end = self._old(floor, start, rows)
        return sum(one < floor for items in before.values() for one in items), end

    def _old(self, floor: int, start: int | None, rows: int) -> tuple[dict[int, array[int]], int | None]:
        """The lists of a stretch that hold something below `floor`, and where the next stretch starts."""
        here = [] if start is None else [table.c.h >= start]
        ahead = select(table.c.h).where(*here).order_by(table.c.h).offset(rows).limit(1)
        end: int | None = self._connection.execute(ahead).scalar()
        stretch = here if end is None else [*here, table.c.h < end]
        old = select(table.c.h, table.c["items"]).where(*stretch, table.c["items"] < _packed([floor]))
        return {h: _unpacked(items) for h, items in self._connection.execute(old)}, end


def _packed(items: Iterable[int]) -> bytes:
    """Four bytes for each, the highest first: of two lists the lesser begins with the older item."""
    return _big_endian(array("I", items)).tobytes()


def _unpacked(items: bytes) -> array[int]:
    return _big_endian(array("I", items))


def _big_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


# What runs for every document is put together once, see `stories`.
UNDER = {
    "sqlite": text("SELECT h, items FROM json_each(:wanted) AS picked JOIN fingerprint ON h = picked.value"),
    "postgresql": text("SELECT h, items FROM fingerprint WHERE h = ANY(:wanted)"),
}
ADD = {
    # SQLite makes a text of two blobs, without a change to their bytes; the condition tells a join from ON.
    "sqlite": "INSERT INTO fingerprint (h, items) VALUES (?, ?)"
    " ON CONFLICT (h) DO UPDATE SET items = CAST(items || excluded.items AS BLOB)",
    "postgresql": "INSERT INTO fingerprint AS old (h, items) SELECT * FROM unnest(%s::bigint[], %s::bytea[])"
    " ON CONFLICT (h) DO UPDATE SET items = old.items || excluded.items",
}
CUT = update(table).where(table.c.h == bindparam("of")).values({"items": bindparam("kept")})
