"""Posting lists: under each fingerprint the items that it stands in, the oldest first.

A list is one row: what is found once is read at once. It is capped when it is written, since a fingerprint
that 40 items share is boilerplate and finds nothing more. So a look-up costs the same whatever the size of
the archive.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

from sqlalchemy import Connection, bindparam, delete, select, text, update

from service.store.rows import listed
from service.store.schema import fingerprint as table

POSTINGS = 40  # items under one fingerprint
WIDTH = 4  # bytes of an id in a list
READ = 20 * POSTINGS * WIDTH  # bytes of the lists of one item
LAST = 2**32 - 1  # the highest id that fits; a hundred thousand items a day come to it in 117 years


class Lists:
    """The posting lists of the fingerprints of one document, and what its items add to them.

    They stay packed as they are stored; those of an item are read in one piece. `frequency` says how many
    items are under each fingerprint, those that were entered among them.
    """

    def __init__(self, stored: Mapping[int, bytes]) -> None:
        self.stored = stored
        self.entered: dict[int, bytes] = {}
        self.frequency = {h: len(items) // WIDTH for h, items in stored.items()}

    def enter(self, item: int, fingerprints: Iterable[int]) -> None:
        """Add an item to the lists of its fingerprints that are not full."""
        one = _packed([item])
        for h in set(fingerprints):
            if (count := self.frequency.get(h, 0)) < POSTINGS:
                self.frequency[h] = count + 1
                self.entered[h] = self.entered.get(h, b"") + one

    def sharing(self, fingerprints: Iterable[int]) -> Counter[int]:
        """The stored items under these fingerprints, with the number of those that each shares.

        The rarest fingerprints are counted first, as far as their lists are worth reading. What stands in
        few items tells most; where all is boilerplate, twenty full lists tell as much as fifty.
        """
        known = sorted(self.stored.keys() & fingerprints)
        lists = sorted(map(self.stored.__getitem__, known), key=len)
        read = accumulate(map(len, lists), initial=0)
        return _counted(one for one, before in zip(lists, read, strict=False) if before < READ)

    def siblings(self, fingerprints: Iterable[int]) -> Counter[int]:
        """The same for the items that were entered."""
        return _counted(map(self.entered.__getitem__, self.entered.keys() & fingerprints))


class Postings:
    """The posting lists of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def under(self, fingerprints: Iterable[int]) -> Lists:
        """The lists of these fingerprints; one that is new has none."""
        wanted = {"wanted": listed(self._connection, fingerprints)}
        rows = self._connection.execute(UNDER[self._connection.dialect.name], wanted)
        return Lists(dict(rows.all()))

    def add(self, lists: Lists) -> None:
        """Store what was entered into these lists."""
        if not lists.entered:
            return
        rows = sorted(lists.entered.items())  # neighbours in the tree lie on one page
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
        return {h: unpacked(items) for h, items in self._connection.execute(old)}, end


def unpacked(items: bytes) -> array[int]:
    """The ids in a list, or in several in a row."""
    return _big_endian(array("I", items))


def _packed(items: Iterable[int]) -> bytes:
    """Four bytes for each, the highest first: of two lists the lesser begins with the older item."""
    return _big_endian(array("I", items)).tobytes()


def _counted(lists: Iterable[bytes]) -> Counter[int]:
    return Counter(unpacked(b"".join(lists)))


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
