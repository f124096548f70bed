"""Words in the archive: the same answer on both engines.

Text is folded and cut into words here, and the engines only keep which word stands in which item (FTS5
without positions on SQLite, a GIN index on PostgreSQL): their own ways to cut text differ.

Source: SQLite, "SQLite FTS5 Extension", 4.4 and 4.6; PostgreSQL, chapter 12, "Full Text Search".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from sqlalchemy import Connection, text

from service.errors import UsageError
from service.model import Item
from service.text import tokens
from service.text.fold import fold

WORD = re.compile(r"[^\W_]+")
LONGEST = 64  # characters of a word that count
MOST = 5000  # different words of an item; PostgreSQL keeps a megabyte of them

ADD = {
    "sqlite": "INSERT INTO item_search (rowid, words) VALUES (:id, :words)",
    "postgresql": "INSERT INTO item_search (item, words) VALUES (:id, array_to_tsvector(:words))",
}
DROP = {
    "sqlite": "INSERT INTO item_search (item_search, rowid, words) VALUES ('delete', :id, :words)",
    "postgresql": "DELETE FROM item_search WHERE item = :id",
}
FIND = {
    "sqlite": "SELECT rowid FROM item_search WHERE item_search MATCH :query AND rowid < :before"
    " ORDER BY rowid DESC LIMIT :limit",
    "postgresql": "SELECT item FROM item_search WHERE words @@ CAST(:query AS tsquery) AND item < :before"
    " ORDER BY item DESC LIMIT :limit",
}
STATEMENTS = {
    (what, dialect): text(sql)
    for what, of in (("add", ADD), ("drop", DROP), ("find", FIND))
    for dialect, sql in of.items()
}


class Search:
    """The words of the items of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._engine = connection.dialect.name

    def add(self, items: Sequence[Item]) -> None:
        """From now on the items are found by their words."""
        rows = [{"id": item.id, "words": self._words(item)} for item in items]
        self._connection.execute(STATEMENTS["add", self._engine], rows)

    def drop(self, item: Item) -> None:
        """The item is found no more."""
        given = {"id": item.id, "words": self._words(item)}
        if self._engine == "postgresql":
            del given["words"]
        self._connection.execute(STATEMENTS["drop", self._engine], given)

    def find(self, query: str, *, before_id: int | None = None, limit: int = 100) -> Sequence[int]:
        """The ids of items with all words of `query`, the newest first; `reis*` is any word that begins so.

        Raises UsageError for a query without a word.
        """
        wanted = [
            f"'{word}'{':*' if begins else ''}" if self._engine == "postgresql" else f'"{word}"{"*" * begins}'
            for word, begins in parts(query)
        ]
        if not wanted:
            raise UsageError("a search needs at least one word")
        both = " & " if self._engine == "postgresql" else " AND "
        before = 2**63 - 1 if before_id is None else before_id
        given = {"query": both.join(wanted), "before": before, "limit": limit}
        return self._connection.execute(STATEMENTS["find", self._engine], given).scalars().all()

    def _words(self, item: Item) -> str | list[str]:
        found = words(item)
        return found if self._engine == "postgresql" else " ".join(found)


def words(item: Item) -> list[str]:
    """The different words of an item, folded, at most 5,000 of them."""
    whole = " ".join((item.headline, item.slug, *item.keywords, item.body))
    found = dict.fromkeys(_cut(fold(whole)))
    return sorted({word[:LONGEST] for word in islice(found, MOST)})


def _cut(folded: str) -> list[str]:
    """The words of a folded text; the quicker way, which most texts can take, finds the same ones."""
    return tokens.words(folded) if folded.isascii() else WORD.findall(folded)


def parts(query: str) -> list[tuple[str, bool]]:
    """The words of a query, folded, and whether each is only the beginning of one."""
    found = []
    for piece in fold(query).split():
        pieces = WORD.findall(piece)
        found += [(word[:LONGEST], False) for word in pieces[:-1]]
        found += [(word[:LONGEST], piece.endswith("*")) for word in pieces[-1:]]
    return found
