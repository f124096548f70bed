"""Words in the archive: the same answer on both engines.

Text is folded and cut into words by `store.vocabulary`, and the engines only keep which word stands in which
item (FTS5 without positions on SQLite, a GIN index on PostgreSQL): their own ways to cut text differ.

Source: SQLite, "SQLite FTS5 Extension", 4.4 and 4.6; PostgreSQL, chapter 12, "Full Text Search".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from service.errors import UsageError
from service.model import Item
from service.store.vocabulary import parts, words

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

    def add(self, items: Iterable[tuple[int, str]]) -> None:
        """From now on the items, given by their ids, are found by their `vocabulary.words`."""
        rows = [{"id": number, "words": self._list(found)} for number, found in items]
        self._connection.execute(STATEMENTS["add", self._engine], rows)

    def drop(self, item: Item) -> None:
        """The item is found no more."""
        given: dict[str, object] = {"id": item.id}
        if self._engine == "sqlite":  # which keeps no text to take the words from
            given["words"] = words(item)
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

    def _list(self, found: str) -> object:
        return found.split() if self._engine == "postgresql" else found
