"""Stories, and what a new item may belong to.

Posting lists of fingerprints are capped when they are written: a fingerprint that 40 items share is
boilerplate and finds nothing more, so a look-up costs the same whatever the size of the archive.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from service.errors import NotFoundError
from service.model import Candidate, Item, Link, Placement, Sighting, Status, Story
from service.store.rows import columns, slices
from service.store.schema import fingerprint, item, source
from service.store.schema import story as table
from service.store.veil import Veil

POSTINGS = 40  # items under one fingerprint
SHARED = 4  # fingerprints in common, from which on an item is a candidate

# The key of PostgreSQL's advisory lock around placing: two nodes must not open two stories for one event.
PLACING = 0x57495245


def link_hash(canonical_link: str) -> int | None:
    """The signed 64-bit hash under which a canonical link is looked up; None for no link."""
    if not canonical_link:
        return None
    digest = blake2b(canonical_link.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class Stories:
    """The stories of one transaction."""

    def __init__(self, connection: Connection, veil: Veil) -> None:
        self._connection = connection
        self._veil = veil
        self._locked = connection.dialect.name != "postgresql"  # SQLite has one writer anyway

    def serialize(self) -> None:
        """From here to the end of the transaction, nobody else places an item."""
        if not self._locked:
            self._connection.execute(select(func.pg_advisory_xact_lock(PLACING)))
            self._locked = True

    def candidates(
        self,
        *,
        canonical_link: str,
        text_hash: int,
        fingerprints: Collection[int],
        since: datetime,
        limit: int = 8,
    ) -> list[Candidate]:
        """Stored items that a new one may belong to, the likeliest first, at most `limit`.

        They have its link, its text, or at least four of its fingerprints, and were stored at `since` or
        later. Waits, on PostgreSQL, until no other node is placing.
        """
        self.serialize()
        floor = self.floor(since)
        if floor is None:
            return []
        link = link_hash(canonical_link)
        links = set() if link is None else self._same(SAME_LINK, link, floor, limit)
        texts = self._same(SAME_TEXT, text_hash, floor, limit)
        shared = self._sharing(fingerprints, floor, limit)
        ids = {*links, *texts, *shared}
        found = [
            Candidate(item=one, shared=shared.get(one.id, 0), link=one.id in links, text=one.id in texts)
            for one in self._items(item.c.id.in_(ids))
        ] if ids else []  # fmt: skip
        found.sort(key=lambda one: (one.link or one.text, one.shared, one.item.id), reverse=True)
        return found[:limit]

    def document_frequency(self, fingerprints: Collection[int]) -> dict[int, int]:
        """In how many items each fingerprint stands, counted up to 40; one that is new is left out."""
        counts: dict[int, int] = {}
        for part in slices(fingerprints):
            counts.update(self._connection.execute(FREQUENCY, {"prints": part}).all())
        return counts

    def get(self, story_id: int) -> Story:
        """The story; raises NotFoundError."""
        row = self._connection.execute(select(*SHOWN).where(table.c.id == story_id)).one_or_none()
        if row is None:
            raise NotFoundError("story", story_id)
        return self._veil.stories([Story(**row._asdict())])[0]

    def headlines(self, ids: Collection[int]) -> dict[int, str]:
        """The headlines of many stories by id."""
        found: dict[int, str] = {}
        for part in slices(ids):
            query = select(table.c.id, table.c.headline).where(table.c.id.in_(part))
            found.update(self._connection.execute(query).all())
        return self._veil.headlines(found)

    def items(self, story_id: int) -> list[Item]:
        """All items of the story, versions and copies, in the order in which they came."""
        return self._items(item.c.story == story_id)

    def sightings(self, story_id: int, without: Collection[int] = ()) -> list[Sighting]:
        """The story on each of its sources: the first item each carried, oldest first; `without` some."""
        query = (
            select(item.c.id, source.c.name, item.c.published_at, item.c.received_at, item.c.link)
            .add_columns(item.c.headline, item.c.how)
            .join(source, source.c.id == item.c.source)
            .where(item.c.story == story_id)
            .order_by(item.c.id)
        )
        first: dict[str, Row[Any]] = {}
        for row in self._connection.execute(query):
            if row.id not in without:
                first.setdefault(row.name, row)
        sightings = [
            self._veil.sighting(
                Sighting(
                    source=name,
                    at=row.published_at or row.received_at,
                    link=row.link,
                    headline=row.headline,
                    how=row.how,
                ),
                row.id,
            )
            for name, row in first.items()
        ]
        return sorted(sightings, key=lambda sighting: sighting.at)

    def mark(self, story_id: int, status: Status, now: datetime) -> None:
        """Write whether the story may be used: the agency took it back, or let go of it again."""
        self._connection.execute(
            update(table).where(table.c.id == story_id).values(status=status, updated_at=now)
        )

    def place(self, one: Item, placement: Placement, now: datetime) -> int:
        """The id of the story that `one` goes to, opened or counted up. Called before the item is stored."""
        self.serialize()
        if not placement.story:
            opened = {
                "headline": one.headline,
                "opened_at": now,
                "updated_at": now,
                "status": one.status,
                "items": 1,
                "sources": 1,
            }
            new: int = self._connection.execute(OPEN, opened).scalar_one()
            return new
        newer = placement.link is Link.VERSION and not placement.late
        joined = JOIN.values(headline=one.headline) if newer else JOIN
        given = {"joined": placement.story, "by": one.source, "at": now}
        story_id: int | None = self._connection.execute(joined, given).scalar()
        if story_id is None:
            raise NotFoundError("story", placement.story)
        return story_id

    def post(
        self, item_id: int, fingerprints: Collection[int], frequency: Mapping[int, int] | None = None
    ) -> None:
        """Enter an item into the posting lists of its fingerprints that are not full."""
        known = self.document_frequency(fingerprints) if frequency is None else frequency
        rows = [{"h": h, "item": item_id} for h in sorted(set(fingerprints)) if known.get(h, 0) < POSTINGS]
        if rows:
            self._connection.execute(POST, rows)

    def prune(self, before: datetime, limit: int) -> int:
        """Drop up to `limit` stories that ended before then and have no items left, with their alerts."""
        ended = (table.c.updated_at < before, ~exists().where(item.c.story == table.c.id))
        old = select(table.c.id).where(*ended).order_by(table.c.updated_at).limit(limit)
        return self._connection.execute(delete(table).where(table.c.id.in_(old))).rowcount

    def prune_postings(self, before: datetime, start: int | None, rows: int) -> tuple[int, int | None]:
        """Drop postings of items stored before then, in one stretch of about `rows` postings.

        How many went, and the fingerprint at which the next stretch starts; None at the end.
        """
        floor = self.floor(before)
        here = [] if start is None else [fingerprint.c.h >= start]
        ahead = (
            select(fingerprint.c.h)
            .where(*here)
            .order_by(fingerprint.c.h)
            .offset(max(rows, POSTINGS + 1))
            .limit(1)
        )
        end: int | None = self._connection.execute(ahead).scalar()
        stretch = here if end is None else [*here, fingerprint.c.h < end]
        old = [] if floor is None else [fingerprint.c.item < floor]
        return self._connection.execute(delete(fingerprint).where(*stretch, *old)).rowcount, end

    def floor(self, since: datetime) -> int | None:
        """The first id of the items stored at `since` or later; None where there is none."""
        return self._connection.execute(FLOOR, {"since": since}).scalar()

    def _same(self, query: Select[int], wanted: int, floor: int, limit: int) -> set[int]:
        rows = self._connection.execute(query, {"wanted": wanted, "floor": floor, "limit": limit})
        return set(rows.scalars())

    def _sharing(self, fingerprints: Collection[int], floor: int, limit: int) -> dict[int, int]:
        """The items with the most fingerprints in common, with their number."""
        counts: dict[int, int] = {}
        for part in slices(fingerprints):
            for item_id, shared in self._connection.execute(SHARING, {"prints": part, "floor": floor}):
                counts[item_id] = counts.get(item_id, 0) + shared
        enough = [(shared, item_id) for item_id, shared in counts.items() if shared >= SHARED]
        return {item_id: shared for shared, item_id in sorted(enough, reverse=True)[:limit]}

    def _items(self, where: ColumnElement[bool]) -> list[Item]:
        rows = self._connection.execute(select(*ITEM).where(where).order_by(item.c.id))
        return self._veil.items(Item(**row._asdict()) for row in rows)


SHOWN = columns(table, Story)
ITEM = columns(item, Item)

# What runs for every item is put together once: building a statement costs more than SQLite takes for it.
FLOOR = (
    select(item.c.id)
    .where(item.c.stored_at >= bindparam("since"))
    .order_by(item.c.stored_at, item.c.id)
    .limit(1)
)
SAME_LINK, SAME_TEXT = (
    select(item.c.id)
    .where(same == bindparam("wanted"), item.c.id >= bindparam("floor"))
    .order_by(item.c.id.desc())
    .limit(bindparam("limit"))
    for same in (item.c.link_hash, item.c.text_hash)
)
_listed = fingerprint.c.h.in_(bindparam("prints", expanding=True))
SHARING = (
    select(fingerprint.c.item, func.count())
    .where(_listed, fingerprint.c.item >= bindparam("floor"))
    .group_by(fingerprint.c.item)
)
FREQUENCY = select(fingerprint.c.h, func.count()).where(_listed).group_by(fingerprint.c.h)
OPEN = insert(table).returning(table.c.id)
JOIN = (
    update(table)
    .where(table.c.id == bindparam("joined"))
    .values(
        {
            "items": table.c["items"] + 1,
            "sources": table.c.sources
            + case(
                (exists().where(item.c.story == table.c.id, item.c.source == bindparam("by")), 0), else_=1
            ),
            "updated_at": bindparam("at", type_=table.c.updated_at.type),
        }
    )
    .returning(table.c.id)
)
POST = insert(fingerprint)
