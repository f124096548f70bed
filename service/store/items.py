"""The archive of items, and the narrow memory of what was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import NotFoundError
from service.model import Item, Link, Placement, Seen
from service.store.outbox import UNSENT
from service.store.postings import Lists, Postings
from service.store.rows import columns, reserve, slices, values
from service.store.schema import delivery, seen
from service.store.schema import item as table
from service.store.search import Search
from service.store.stories import Stories, link_hash
from service.store.veil import Veil
from service.store.vocabulary import words

Where: TypeAlias = list[ColumnElement[bool]]


class Wording(NamedTuple):
    """What is said in an item, without the rest of it: made for reading the whole archive."""

    id: int
    story: int
    source: int
    at: int  # published, or received where that is unknown or lies ahead; microseconds since 1970, UTC
    language: str
    headline: str
    body: str
    places: tuple[str, ...]


class Entry(NamedTuple):
    """An item on its way into the archive: where it was placed, and what it will be found by."""

    item: Item
    placement: Placement
    keys: Collection[int]
    content: int
    text_hash: int
    words: str  # see `store.vocabulary`

    @property
    def newest(self) -> bool:
        """Whether it takes the place of the version before it."""
        return self.placement.link is Link.VERSION and not self.placement.late


class Items:
    """The items of one transaction."""

    def __init__(self, connection: Connection, stories: Stories, postings: Postings, veil: Veil) -> None:
        self._connection = connection
        self._stories = stories
        self._postings = postings
        self._veil = veil
        self._search = Search(connection)

    def seen(self, source_id: int, keys: Collection[int]) -> dict[int, Seen]:
        """What is known under those keys of that source; a key that is new is left out."""
        known: dict[int, Seen] = {}
        for part in slices(keys):
            rows = self._connection.execute(KNOWN, {"source": source_id, "keys": part}).all()
            known.update({row.key: Seen(*row) for row in rows})
        return known

    def add(
        self,
        item: Item,
        placement: Placement,
        *,
        keys: Collection[int],
        content: int,
        text_hash: int,
        fingerprints: Collection[int],
        now: datetime,
        postings: Lists | None = None,
    ) -> Item:
        """The item as it was stored, with its id and its story.

        The story is opened or joined, the keys lead to this version from now on, and its fingerprints are
        found by later items. An item without `received_at` was received now. `postings` are the lists of the
        fingerprints, where the caller has asked for them already.
        """
        stored = replace(
            item,
            id=item.id or self.reserve(1)[0],
            story=placement.story or item.story or self._stories.reserve(1)[0],
            received_at=item.received_at or now,
        )
        lists = self._postings.under(fingerprints) if postings is None else postings
        lists.enter(stored.id, fingerprints)
        self.add_all([Entry(stored, placement, keys, content, text_hash, words(item))], now, lists)
        return stored

    def reserve(self, count: int) -> list[int]:
        """The ids of so many items that `add_all` will store in this transaction."""
        return reserve(self._connection, table, count)

    def add_all(self, entries: Sequence[Entry], now: datetime, postings: Lists) -> None:
        """The same for many items, in their order, in a handful of statements.

        Each item has its id and that of its story, see `reserve`, and when it was received. `postings` are
        the lists that all were entered into.
        """
        if not entries:
            return
        self._stories.enter([(each.item, not each.placement.story, each.newest) for each in entries], now)
        self._connection.execute(ADD, [self._row(each, now) for each in entries])
        if outdated := [{"of": each.placement.nearest} for each in entries if each.newest]:
            self._connection.execute(SUPERSEDE, outdated)
        for late, some in groupby(entries, key=lambda each: each.placement.late):
            self._remember(some, late=late)
        self._postings.add(postings)
        self._search.add([(each.item.id, each.words) for each in entries])

    def get(self, item_id: int) -> Item:
        """The item; raises NotFoundError."""
        found = self._find(table.c.id == item_id, limit=1)
        if not found:
            raise NotFoundError("item", item_id)
        return found[0]

    def placement(self, item_id: int) -> Placement:
        """How the item came into its story, and why; raises NotFoundError."""
        how = select(table.c.how, table.c.story, table.c.nearest, table.c.score, table.c.reason)
        row = self._connection.execute(how.where(table.c.id == item_id)).one_or_none()
        if row is None:
            raise NotFoundError("item", item_id)
        return self._veil.placement(
            Placement(link=row.how, story=row.story, nearest=row.nearest, score=row.score, reason=row.reason),
            item_id,
        )

    def list(
        self,
        *,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int | None = 100,
        source: int | None = None,
        versions: bool = False,
    ) -> Sequence[Item]:
        """Items, the newest first; without `versions`, only the newest of each. `source` is its id."""
        where: Where = []
        if not versions:
            where.append(table.c.superseded.is_(False))
        if since is not None:
            floor = self._stories.floor(since)
            if floor is None:
                return []
            where.append(table.c.id >= floor)
        if before_id is not None:
            where.append(table.c.id < before_id)
        if source is not None:
            where.append(table.c.source == source)
        return self._find(*where, limit=limit, newest=True)

    def search(self, query: str, *, before_id: int | None = None, limit: int = 100) -> Sequence[Item]:
        """Items with all words of `query`, the newest first; `reis*` is any word that begins so.

        Text behind the veil is not found. Raises UsageError for a query without a word.
        """
        hidden = self._veil.hidden
        found = self._search.find(query, before_id=before_id, limit=limit + len(hidden))
        ids = [number for number in found if number not in hidden][:limit]
        return self._find(table.c.id.in_(ids), limit=None, newest=True) if ids else []

    def linked(self, canonical_link: str, limit: int = 5) -> Sequence[Item]:
        """Items under that canonical link, the newest first."""
        wanted = link_hash(canonical_link)
        return [] if wanted is None else self._find(table.c.link_hash == wanted, limit=limit, newest=True)

    def scan(
        self, *, since: datetime | None = None, batch: int = 1000, newest: bool = False
    ) -> Iterator[Item]:
        """Every item stored at `since` or later, oldest first unless `newest`, in constant memory."""
        floor = self._stories.floor(since) if since is not None else 0
        if floor is None:
            return
        last = None
        while True:
            where: Where = [table.c.id >= floor]
            if last is not None:
                where.append(table.c.id < last if newest else table.c.id > last)
            page = self._find(*where, limit=batch, newest=newest)
            yield from page
            if len(page) < batch:
                return
            last = page[-1].id

    def wordings(self, *, since: datetime, rows: int = 2000) -> Iterator[Sequence[Wording]]:
        """The words of every item stored at `since` or later that may be read, oldest first, page by page."""
        last, hidden = self._stories.floor(since), self._veil.hidden
        while last is not None:
            found = self._connection.execute(WORDINGS, {"first": last, "rows": rows})
            page = [Wording._make(row) for row in found]
            if shown := [row for row in page if row.id not in hidden] if hidden else page:
                yield shown
            last = page[-1].id + 1 if len(page) == rows else None

    def with_ids(self, ids: Collection[int]) -> dict[int, Item]:
        """Items by id; one that is gone is left out."""
        found: dict[int, Item] = {}
        for part in slices(ids):
            found.update({item.id: item for item in self._find(table.c.id.in_(part), limit=None)})
        return found

    def unveiled(self, ids: Collection[int]) -> dict[int, Item]:
        """The same as they are stored, for those who compare and do not show."""
        found: dict[int, Item] = {}
        for part in slices(ids):
            found.update({item.id: item for item in self._stored(table.c.id.in_(part), limit=None)})
        return found

    def count(self) -> int:
        """How many items are stored, versions included."""
        return self._connection.execute(select(func.count()).select_from(table)).scalar_one()

    def count_since(self, since: datetime) -> int:
        """How many items were stored since then."""
        query = select(func.count(table.c.id)).where(table.c.stored_at >= since)
        return self._connection.execute(query).scalar_one()

    def index(self, rows: int) -> Iterator[int]:
        """Make all items, of which none is found yet, found by their words; how many, part by part."""
        last = 0
        while page := self._stored(table.c.id > last, limit=rows):
            self._search.add((item.id, words(item)) for item in page)
            last = page[-1].id
            yield len(page)

    def prune(self, before: datetime, limit: int) -> int:
        """Drop up to `limit` items stored before then, with their hits; the number of them.

        What a message will tell of stays until it is written and sent.
        """
        old = select(table.c.id).where(table.c.stored_at < before, table.c.id.not_in(WAITED_FOR))
        items = self._stored(table.c.id.in_(old.order_by(table.c.stored_at).limit(limit)), limit=None)
        for item in items:
            self._search.drop(item)
        self._connection.execute(delete(table).where(table.c.id.in_([item.id for item in items])))
        return len(items)

    def _find(self, *where: ColumnElement[bool], limit: int | None, newest: bool = False) -> Sequence[Item]:
        return self._veil.items(self._stored(*where, limit=limit, newest=newest))

    def _stored(self, *where: ColumnElement[bool], limit: int | None, newest: bool = False) -> Sequence[Item]:
        order = table.c.id.desc() if newest else table.c.id
        rows = self._connection.execute(select(*SHOWN).where(*where).order_by(order).limit(limit))
        return [Item(**row._asdict()) for row in rows]

    def _row(self, entry: Entry, now: datetime) -> dict[str, object]:
        return values(entry.item) | {
            "id": entry.item.id,
            "stored_at": now,
            "content": entry.content,
            "text_hash": entry.text_hash,
            "link_hash": link_hash(entry.item.canonical_link),
            "how": entry.placement.link,
            "nearest": entry.placement.nearest,
            "score": entry.placement.score,
            "reason": entry.placement.reason,
            "superseded": entry.placement.late,
        }

    def _remember(self, entries: Iterable[Entry], *, late: bool) -> None:
        """From now on the keys lead to this version; those of a late one only where they led nowhere."""
        rows = [
            {
                "source": each.item.source,
                "key": key,
                "item": each.item.id,
                "story": each.item.story,
                "content": each.content,
            }
            for each in entries
            for key in sorted(set(each.keys))
        ]
        if rows:
            statements = KEEP if late else REMEMBER
            self._connection.execute(statements[self._connection.dialect.name], rows)


SHOWN = columns(table, Item)
SEEN = columns(seen, Seen)
WAITED_FOR = select(delivery.c.item).where(delivery.c.state.in_(UNSENT), delivery.c.item.is_not(None))

# A date that lies ahead, as some feeds give, says nothing about when it was published.
_told = (table.c.published_at.is_not(None), table.c.published_at <= table.c.received_at)
_at = type_coerce(case((_told[0] & _told[1], table.c.published_at), else_=table.c.received_at), BigInteger)
WORDINGS = (
    select(table.c.id, table.c.story, table.c.source, _at, table.c.language)
    .add_columns(table.c.headline, table.c.body, table.c.places)
    .where(table.c.id >= bindparam("first"))
    .order_by(table.c.id)
    .limit(bindparam("rows"))
)

# What runs for every item is put together once, see `stories`.
KNOWN = select(*SEEN).where(
    seen.c.source == bindparam("source"), seen.c.key.in_(bindparam("keys", expanding=True))
)
ADD = insert(table)
SUPERSEDE = update(table).where(table.c.id == bindparam("of")).values(superseded=True)
REMEMBER = {
    dialect: new.on_conflict_do_update(
        index_elements=[seen.c.source, seen.c.key],
        set_={"item": new.excluded.item, "story": new.excluded.story, "content": new.excluded.content},
    )
    for dialect, new in (("sqlite", sqlite.insert(seen)), ("postgresql", postgresql.insert(seen)))
}
KEEP = {
    "sqlite": sqlite.insert(seen).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(seen).on_conflict_do_nothing(),
}
