"""What is polled, and when: the table of sources is the schedule."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from service.errors import NotFoundError, UsageError
from service.model import Cursor, Source, SourceState
from service.store import lease as leases
from service.store.rows import columns, names, slices, values
from service.store.schema import seen
from service.store.schema import source as table

LONGEST_NAME = 200  # characters
HOST = re.compile(r"https?://(\[[^\]]*\]|[^/:]+)")
LONGEST_URL = 2000  # bytes; PostgreSQL refuses an index entry over 2,704

# What a person says about a source; the rest is learned by polling it.
DEFINITION = ("name", "url", "format", "language", "timezone", "every", "cron", "tags", "auth_env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a poll taught about its source. `url` moves it; None leaves it where it is."""

    source_id: int
    epoch: int
    cursor: Cursor
    state: SourceState
    failures: int
    last_error: str
    last_polled_at: datetime | None
    last_ok_at: datetime | None
    last_item_at: datetime | None
    next_poll_at: datetime | None
    rhythm: timedelta | None
    url: str | None = None


class Sources:
    """The sources of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, source: Source, now: datetime) -> Source:
        """The source as it was stored, with its id; it is due at once unless it says when.

        Raises UsageError for a name or a URL that is taken or too long.
        """
        self._check(source)
        source = replace(
            source,
            added_at=source.added_at or now,
            next_poll_at=None if source.state is SourceState.PAUSED else source.next_poll_at or now,
        )
        added = insert(table).values(values(source)).returning(table.c.id)
        return replace(source, id=self._connection.execute(added).scalar_one())

    def get(self, name: str) -> Source:
        """The source of that name; raises NotFoundError with the names that come close."""
        found = self._find(table.c.name == name)
        if not found:
            known = self._connection.execute(select(table.c.name).where(table.c.removed_at.is_(None)))
            close = get_close_matches(name, list(known.scalars()), n=3)
            hint = f"did you mean {', '.join(close)}?" if close else "`monitor list-sources` shows all"
            raise NotFoundError("source", name, hint)
        return found[0]

    def list(self, *, state: SourceState | None = None, limit: int | None = None) -> Sequence[Source]:
        """All sources, or those in one state, by name."""
        where = [table.c.state == state] if state else []
        return self._find(*where, limit=limit)

    def with_ids(self, ids: Collection[int]) -> Sequence[Source]:
        """The sources with these ids, by name; one that was removed is left out."""
        found = chain.from_iterable(self._find(table.c.id.in_(part)) for part in slices(ids))
        return sorted(found, key=attrgetter("name"))

    def names(self, ids: Collection[int] | None = None) -> dict[int, str]:
        """The names of sources by id, of all or of some, removed ones included: their items stay."""
        return names(self._connection, table, ids)

    def edit(self, source: Source) -> Source:
        """Write what a person says about the source, and when it is due next.

        What polling learned stays, but for a new URL, which is read from its beginning: a poll of the old
        one that is under way is fenced off. Raises UsageError for a name or a URL that is taken,
        NotFoundError where the source is gone.
        """
        self._check(source)
        stored = self._find(table.c.id == source.id)
        if not stored:
            raise NotFoundError("source", source.name)
        changes: dict[str, Any] = {name: getattr(source, name) for name in DEFINITION}
        changes["next_poll_at"] = _scheduled(literal(source.next_poll_at, table.c.next_poll_at.type))
        if stored[0].url != source.url:
            fresh = {"cursor": Cursor(), "failures": 0, "last_error": "", "epoch": table.c.epoch + 1}
            changes |= fresh | leases.SETTLED | {"pushed_until": None}
        self._connection.execute(update(table).where(table.c.id == source.id).values(changes))
        return self._find(table.c.id == source.id)[0]

    def propose(self, source: Source, url: str, error: str) -> None:
        """Note where its site says that a lost feed is; nothing, where the source changed meanwhile."""
        found = {"cursor": replace(source.cursor, found=url), "last_error": error}
        same = (table.c.id == source.id, table.c.epoch == source.epoch, table.c.url == source.url)
        self._connection.execute(update(table).where(*same).values(found))

    def remove(self, name: str, now: datetime) -> None:
        """Take the source off; its items stay, its name may be used again. Raises NotFoundError."""
        gone = {"removed_at": now, "next_poll_at": None, **leases.SETTLED}
        self._connection.execute(update(table).where(table.c.id == self.get(name).id).values(gone))

    def pause(self, name: str) -> None:
        """Poll it no more until it is resumed; a poll under way still counts. Raises NotFoundError."""
        paused = {"state": SourceState.PAUSED, "next_poll_at": None}
        self._connection.execute(update(table).where(table.c.id == self.get(name).id).values(paused))

    def resume(self, name: str, now: datetime) -> None:
        """Poll it again, at once, whatever it was that stopped it. Raises NotFoundError."""
        resumed = {"state": SourceState.OK, "failures": 0, "next_poll_at": now, "claims": 0}
        self._connection.execute(update(table).where(table.c.id == self.get(name).id).values(resumed))

    def scheduled(self, scheme: str) -> Sequence[str]:
        """The URLs of a scheme that are polled, in order."""
        on = (table.c.url.startswith(scheme, autoescape=True), table.c.next_poll_at.is_not(None))
        return self._connection.execute(select(table.c.url).where(*on).order_by(table.c.url)).scalars().all()

    def hurry(self, urls: Collection[str], now: datetime) -> None:
        """Poll these at once; not what is off the schedule."""
        waiting = (table.c.url.in_(urls), table.c.next_poll_at > now, table.c.removed_at.is_(None))
        self._connection.execute(update(table).where(*waiting).values(next_poll_at=now))

    def rest(self, url: str, until: datetime) -> None:
        """Let the web host of `url` rest: of its sources none is due before; what is under way goes on."""
        if not (host := HOST.match(url)):
            return
        begins = [f"{scheme}://{host[1]}{end}" for scheme in ("http", "https") for end in "/:"]
        on_host = or_(*(table.c.url.startswith(each, autoescape=True) for each in begins))
        its = select(table.c.id).where(table.c.next_poll_at < until, table.c.lease_until.is_(None), on_host)
        # In the order of ids, and past those that another node has in hand: none waits for the other.
        picked = its.order_by(table.c.id).with_for_update(skip_locked=True).cte("picked")
        rested = update(table).where(table.c.id.in_(select(picked.c.id)))
        self._connection.execute(rested.values(next_poll_at=until))

    def claim(
        self, now: datetime, limit: int, lease: timedelta, node: int, *, kept: int = 0
    ) -> Sequence[Source]:
        """Up to `limit` sources that are due, held by `node` until now + lease.

        Those that are well come first, then those that failed lately; within both the longest due first.
        `kept` of the places are not for the latter: servers that let us wait must not make others wait.
        """
        due = table.c.next_poll_at <= now
        well = self._claim(due & (table.c.failures == 0), now, lease, node, limit)
        if (left := limit - len(well) - kept) <= 0:
            return well
        return [*well, *self._claim(due & (table.c.failures > 0), now, lease, node, left)]

    def claim_all(
        self, now: datetime, lease: timedelta, node: int, names: Collection[str] | None = None
    ) -> Sequence[Source]:
        """All sources that nobody holds, due or not; by `names` even paused ones.

        Raises NotFoundError for a name that is unknown.
        """
        if names is None:
            kept = table.c.removed_at.is_(None) & (table.c.state != SourceState.PAUSED)
            return self._claim(kept, now, lease, node)
        ids = [self.get(name).id for name in names]
        return self._claim(table.c.id.in_(ids), now, lease, node)

    def hold(self, source_id: int, now: datetime, lease: timedelta, node: int) -> Source | None:
        """One source for what is brought to it, due or not; None where it is polled just now, or rests."""
        ready = (table.c.id == source_id) & table.c.removed_at.is_(None)
        held = self._claim(ready & (table.c.state != SourceState.PAUSED), now, lease, node)
        return held[0] if held else None

    def settle(self, source_id: int, epoch: int, **learned: Any) -> bool:  # noqa: ANN401 - see Settlement
        """Write what a poll taught and let go of the source; the fields are those of `Settlement`.

        False: another claim was made since (the fence); nothing was written, and what the poll brought
        should be rolled back. A pause or an edit made by a person meanwhile is kept.
        """
        return self.settle_many([Settlement(source_id=source_id, epoch=epoch, **learned)]) == 1

    def settle_many(self, settlements: Sequence[Settlement]) -> int:
        """Settle many polls in one statement; the number of those that were not fenced off."""
        if not settlements:
            return 0
        # In the order of ids, so that two nodes never wait for each other.
        rows = [self._settlement(one) for one in sorted(settlements, key=attrgetter("source_id"))]
        return self._connection.execute(SETTLE, rows).rowcount

    def release(self, node: int) -> int:
        """Give back all sources that `node` holds, unpolled; they stay due. The number of them."""
        return leases.release(self._connection, table, [node], clean=True)

    def next_due(self) -> datetime | None:
        """When the next source can be claimed: it is due, and in nobody's hand. None: never."""
        return leases.next_due(self._connection, table, table.c.next_poll_at)

    def counts(self) -> dict[SourceState, int]:
        """How many sources are in each state."""
        counted = select(table.c.state, func.count()).where(table.c.removed_at.is_(None))
        rows = self._connection.execute(counted.group_by(table.c.state))
        return {row[0]: row[1] for row in rows}

    def prune(self, limit: int) -> int:
        """Drop up to `limit` of what was seen on one source that was removed; the number."""
        remembered = exists().where(seen.c.source == table.c.id)
        removed = select(table.c.id).where(table.c.removed_at.is_not(None), remembered).limit(1)
        source_id = self._connection.execute(removed).scalar()
        if source_id is None:
            return 0
        keys = select(seen.c.key).where(seen.c.source == source_id).limit(limit)
        gone = delete(seen).where(seen.c.source == source_id, seen.c.key.in_(keys))
        return self._connection.execute(gone).rowcount

    def _find(self, *where: ColumnElement[bool], limit: int | None = None) -> Sequence[Source]:
        query = select(*SHOWN).where(table.c.removed_at.is_(None), *where)
        rows = self._connection.execute(query.order_by(table.c.name, table.c.id).limit(limit))
        return [Source(**row._asdict()) for row in rows]

    def _claim(
        self,
        ready: ColumnElement[bool],
        now: datetime,
        lease: timedelta,
        node: int,
        limit: int | None = None,
    ) -> Sequence[Source]:
        rows = leases.claim(
            self._connection,
            table,
            ready,
            (table.c.next_poll_at, table.c.id),
            SHOWN,
            due=table.c.next_poll_at,
            now=now,
            lease=lease,
            node=node,
            limit=limit,
        )
        claimed = [Source(**row._asdict()) for row in rows]
        return sorted(claimed, key=lambda source: (source.next_poll_at or now, source.id))

    def _settlement(self, one: Settlement) -> dict[str, Any]:
        """The parameters of SETTLE."""
        row = {f"new_{name}": value for name, value in values(one, "source_id", "epoch").items()}
        if one.url is not None and self._taken(table.c.url == one.url, one.source_id):
            row["new_url"] = None  # two sources moved to one address: the later one stays where it was
        return row | {"of": one.source_id, "under": one.epoch}

    def _check(self, source: Source) -> None:
        if not source.name or len(source.name) > LONGEST_NAME:
            raise UsageError(f"a source's name has 1 to {LONGEST_NAME} characters")
        if not source.url or len(source.url.encode(errors="replace")) > LONGEST_URL:
            raise UsageError(f"{source.name}: a URL has 1 to {LONGEST_URL} bytes")
        if self._taken(table.c.name == source.name, source.id):
            raise UsageError(f"{source.name}: a source of this name exists (give another --name)")
        if other := self._taken(table.c.url == source.url, source.id):
            raise UsageError(f"{source.url}: is polled already, as {other}")

    def _taken(self, where: ColumnElement[bool], own: int) -> str | None:
        """The name of another source for which `where` is true."""
        found = select(table.c.name).where(where, table.c.removed_at.is_(None), table.c.id != own)
        name: str | None = self._connection.execute(found.limit(1)).scalar()
        return name


def _scheduled(at: ColumnElement[datetime | None]) -> ColumnElement[datetime | None]:
    """`at`, but for a source that was taken off the schedule."""
    off = or_(table.c.state == SourceState.PAUSED, table.c.removed_at.is_not(None))
    return case((off, None), else_=at)


SHOWN = columns(table, Source)
SETTLE = (
    update(table)
    .where(table.c.id == bindparam("of"), table.c.epoch == bindparam("under"))
    .values(
        cursor=bindparam("new_cursor"),
        state=case(
            (table.c.state == SourceState.PAUSED, table.c.state),
            else_=bindparam("new_state", type_=table.c.state.type),
        ),
        failures=bindparam("new_failures"),
        last_error=bindparam("new_last_error"),
        last_polled_at=bindparam("new_last_polled_at"),
        last_ok_at=bindparam("new_last_ok_at"),
        last_item_at=bindparam("new_last_item_at"),
        next_poll_at=_scheduled(bindparam("new_next_poll_at", type_=table.c.next_poll_at.type)),
        rhythm=bindparam("new_rhythm"),
        url=func.coalesce(bindparam("new_url", type_=table.c.url.type), table.c.url),
        **leases.SETTLED,
    )
)
