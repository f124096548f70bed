"""Stories, and what a new item may belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from service.errors import NotFoundError
from service.model import Candidate, Item, Sighting, Status, Story
from service.store.postings import LAST, Lists, Postings
from service.store.rows import columns, listed, reserve, slices
from service.store.schema import item, source
from service.store.schema import story as table
from service.store.veil import Veil

SHARED = 4  # fingerprints in common, from which on an item is a candidate

# The key of PostgreSQL's advisory lock around placing: two nodes must not open two stories for one event.
PLACING = 0x57495245


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the likes of a new item are looked up by."""

    canonical_link: str
    text_hash: int
    fingerprints: Collection[int]


def link_hash(canonical_link: str) -> int | None:
    """The signed 64-bit hash under which a canonical link is looked up; None for no link."""
    if not canonical_link:
        return None
    digest = blake2b(canonical_link.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class Stories:
    """The stories of one transaction."""

    def __init__(self, connection: Connection, postings: Postings, veil: Veil) -> None:
        self._connection = connection
        self._postings = postings
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
        postings: Lists | None = None,
    ) -> list[Candidate]:
        """Stored items that a new one may belong to, the likeliest first, at most `limit`.

        They have its link, its text, or at least four of its fingerprints, and were stored at `since` or
        later. Waits, on PostgreSQL, until no other node is placing. `postings` are the lists of the
        fingerprints, where the caller has asked for them already.
        """
        self.serialize()
        known = self._postings.under(fingerprints) if postings is None else postings
        return self.look_up([Wanted(canonical_link, text_hash, fingerprints)], known, since, limit)[0]

    def look_up(
        self, wanted: Sequence[Wanted], postings: Lists, since: datetime, limit: int = 8
    ) -> list[list[Candidate]]:
        """The same for each of many new items, such as those of one document, at once."""
        self.serialize()
        floor = self.floor(since)
        if floor is None:
            return [[] for _ in wanted]
        links = self._same("link", [link_hash(one.canonical_link) for one in wanted], floor, limit)
        texts = self._same("text", [one.text_hash for one in wanted], floor, limit)
        shared = [_nearest(postings.sharing(one.fingerprints), floor, limit) for one in wanted]
        known = self._known({*chain.from_iterable(chain(links, texts, shared))})
        found = []
        for linked, told, near in zip(links, texts, shared, strict=True):
            each = [
                Candidate(
                    item=number,
                    source=known[number].source,
                    story=known[number].story,
                    shared=near.get(number, 0),
                    link=number in linked,
                    text=number in told,
                )
                for number in {*linked, *told, *near}
            ]
            found.append(likeliest(each, limit))
        return found

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

    def reserve(self, count: int) -> list[int]:
        """The ids of so many stories that `enter` will open."""
        return reserve(self._connection, table, count)

    def enter(self, entering: Sequence[tuple[Item, bool, bool]], now: datetime) -> None:
        """Open or count up the stories of items that are about to be stored.

        With each item comes whether it opens its story, and whether it is the newest version in there, whose
        headline the story has from now on. Raises NotFoundError for a story that is not there.
        """
        self.serialize()
        opened = {one.story: one for one, opens, _ in entering if opens}
        headline = {one.story: one.headline for one, _, newest in entering if newest}
        count = Counter(one.story for one, _, _ in entering)
        carried = Counter(story for story, _ in {(one.story, one.source) for one, _, _ in entering})
        rows = [
            {
                "id": story,
                "headline": headline.get(story, one.headline),
                "opened_at": now,
                "updated_at": now,
                "status": one.status,
                "items": count[story],
                "sources": carried[story],
            }
            for story, one in opened.items()
        ]
        if rows:
            self._connection.execute(OPEN, rows)
        joined = [
            {"joined": story, "by": by, "more": more, "title": headline.get(story), "at": now}
            for (story, by), more in Counter((one.story, one.source) for one, _, _ in entering).items()
            if story not in opened
        ]
        if joined and self._connection.execute(JOIN, joined).rowcount < len(joined):
            for story in {one.story for one, _, _ in entering} - opened.keys():
                self.get(story)

    def prune(self, before: datetime, limit: int) -> int:
        """Drop up to `limit` stories that ended before then and have no items left, with their alerts."""
        ended = (table.c.updated_at < before, ~exists().where(item.c.story == table.c.id))
        old = select(table.c.id).where(*ended).order_by(table.c.updated_at).limit(limit)
        return self._connection.execute(delete(table).where(table.c.id.in_(old))).rowcount

    def prune_postings(self, before: datetime, start: int | None, rows: int) -> tuple[int, int | None]:
        """Drop postings of items stored before then, in one stretch of `rows` posting lists.

        How many went, and the fingerprint at which the next stretch starts; None at the end.
        """
        self.serialize()  # a list is read and written back: what another node entered meanwhile would be lost
        floor = self.floor(before)
        return self._postings.prune(LAST if floor is None else floor, start, rows)

    def old_postings(self, before: datetime, start: int | None, rows: int) -> tuple[int, int | None]:
        """What `prune_postings` would say."""
        floor = self.floor(before)
        return self._postings.count(LAST if floor is None else floor, start, rows)

    def floor(self, since: datetime) -> int | None:
        """The first id of the items stored at `since` or later; None where there is none."""
        return self._connection.execute(FLOOR, {"since": since}).scalar()

    def _same(self, what: str, hashes: Sequence[int | None], floor: int, limit: int) -> list[set[int]]:
        """For each hash, that of a link or of a text, the newest items that have it."""
        found: list[set[int]] = [set() for _ in hashes]
        near = self._run(what, wanted=listed(self._connection, hashes), floor=floor, most=limit)
        for number, item_id in near:
            found[number].add(item_id)
        return found

    def _known(self, ids: Collection[int]) -> dict[int, Row[Any]]:
        """Where each of these items came from, and the story it is in."""
        return {row.id: row for row in self._run("known", wanted=listed(self._connection, ids))}

    def _run(self, what: str, **given: object) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._connection.execute(STATEMENTS[what, self._connection.dialect.name], given).all()

    def _items(self, where: ColumnElement[bool]) -> list[Item]:
        rows = self._connection.execute(select(*ITEM).where(where).order_by(item.c.id))
        return self._veil.items(Item(**row._asdict()) for row in rows)


def _nearest(shared: Mapping[int, int], floor: int, limit: int) -> dict[int, int]:
    """The items at `floor` or later with the most fingerprints in common, with their number."""
    near = sorted(
        [(count, number) for number, count in shared.items() if count >= SHARED and number >= floor],
        reverse=True,
    )
    return {number: count for count, number in near[:limit]}


def likeliest(candidates: Iterable[Candidate], limit: int) -> list[Candidate]:
    """The candidates in the order in which they are looked at, at most `limit`."""
    by = sorted(candidates, key=lambda one: (one.link or one.text, one.shared, one.item), reverse=True)
    return by[:limit]


SHOWN = columns(table, Story)
ITEM = columns(item, Item)

# What runs for every document is put together once: building a statement costs more than the engine takes
# for it. A list is one parameter, or each length of it would be a statement of its own.
FLOOR = (
    select(item.c.id)
    .where(item.c.stored_at >= bindparam("since"))
    .order_by(item.c.stored_at, item.c.id)
    .limit(1)
)
SAME = {
    "sqlite": "SELECT picked.key, item.id FROM json_each(:wanted) AS picked JOIN item ON item.id IN"
    " (SELECT id FROM item AS same WHERE same.{0} = picked.value AND same.id >= :floor"
    " ORDER BY same.id DESC LIMIT :most)",
    "postgresql": "SELECT picked.key - 1, same.id FROM unnest(CAST(:wanted AS bigint[]))"
    " WITH ORDINALITY AS picked (value, key) CROSS JOIN LATERAL"
    " (SELECT id FROM item WHERE item.{0} = picked.value AND item.id >= :floor"
    " ORDER BY item.id DESC LIMIT :most) AS same",
}
LISTED = {"sqlite": "IN (SELECT value FROM json_each(:wanted) AS picked)", "postgresql": "= ANY(:wanted)"}
STATEMENTS = {
    (what, dialect): text(sql.format(LISTED[dialect]))
    for dialect in LISTED
    for what, sql in (
        ("link", SAME[dialect].format("link_hash")),
        ("text", SAME[dialect].format("text_hash")),
        ("known", "SELECT id, source, story FROM item WHERE id {0}"),
    )
}
OPEN = insert(table)
JOIN = (
    update(table)
    .where(table.c.id == bindparam("joined"))
    .values(
        {
            "items": table.c["items"] + bindparam("more"),
            "sources": table.c.sources
            + case(
                (exists().where(item.c.story == table.c.id, item.c.source == bindparam("by")), 0), else_=1
            ),
            "headline": func.coalesce(bindparam("title", type_=table.c.headline.type), table.c.headline),
            "updated_at": bindparam("at", type_=table.c.updated_at.type),
        }
    )
)
