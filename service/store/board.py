"""What the desk shows at a glance: alerts by story, how the days went, and what changed since a moment ago.

Everything is read for a whole page at once, and no statement reads more than the page or the days shown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, Select, Table, cast, func, literal, null, select, union

from service.model import Alert, AlertState, Delivery, Hit, Item, Status, Story
from service.store.columns import MICROSECOND
from service.store.rows import columns, slices
from service.store.schema import alert, attempt, audit, delivery, hit, item, story
from service.store.veil import Veil

EXCERPT = 2_000  # characters of a body that a page needs; a wire may carry megabytes
STRIDE = 300  # hits that are looked at to fill one page


@dataclass(frozen=True, slots=True)
class Pulse:
    """How far each table that the desk shows has come; equal pulses show the same desk."""

    hit: int = 0
    delivery: int = 0
    attempt: int = 0
    change: int = 0

    def __str__(self) -> str:
        """`7.12.4.1`, to be sent to a browser and back."""
        return f"{self.hit}.{self.delivery}.{self.attempt}.{self.change}"

    @classmethod
    def read(cls, text: str) -> Pulse | None:
        """The pulse that `text` says; None where it says none."""
        found = numbers(text, 4)
        return cls(*found) if found else None


@dataclass(frozen=True, slots=True)
class Ends:
    """The newest item and the newest hit, by their ids; 0 where there is none."""

    item: int = 0
    hit: int = 0

    def __str__(self) -> str:
        """`128.17`, to be sent to whoever follows, and back."""
        return f"{self.item}.{self.hit}"

    @classmethod
    def read(cls, text: str) -> Ends | None:
        """What `text` says; None where it says nothing of the kind."""
        found = numbers(text, 2)
        return cls(*found) if found else None


def numbers(text: str, count: int) -> list[int]:
    """The ids that stand in `text` with points between them; none, unless there are so many."""
    parts = text.split(".")
    if len(parts) != count or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        return []
    return [int(part) for part in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A story as the desk shows it: the newest item that hit, and all that was told of it."""

    story: Story
    item: Item  # its body is cut
    hits: Sequence[Hit]
    alerts: Sequence[Alert]
    deliveries: Sequence[Delivery]  # without their messages


class Board:
    """The desk in one transaction."""

    def __init__(self, connection: Connection, veil: Veil) -> None:
        self._connection = connection
        self._veil = veil

    # ------------------------------------------------------------ stories

    def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        rule: int | None = None,
        state: AlertState | None = None,
        since: datetime | None = None,
    ) -> tuple[Sequence[int], int | None]:
        """Ids of stories with alerts, the one that was hit last first, and where the next page begins."""
        found: list[int] = []
        at = before
        while True:
            query = select(hit.c.id, hit.c.story, alert.c.state, alert.c.opened_at).join(
                alert, (alert.c.rule == hit.c.rule) & (alert.c.story == hit.c.story)
            )
            if at is not None:
                query = query.where(hit.c.id < at)
            if rule is not None:
                query = query.where(hit.c.rule == rule)
            rows = self._connection.execute(query.order_by(hit.c.id.desc()).limit(STRIDE)).all()
            late = self._hit_later({row.story for row in rows}, before) if before is not None else set()
            for row in rows:
                at = row.id
                if since is not None and row.opened_at < since:
                    continue
                if row.story in found or row.story in late or (state is not None and row.state is not state):
                    continue
                if len(found) == limit:
                    return found, row.id + 1
                found.append(row.story)
            if len(rows) < STRIDE or (since is not None and rows[-1].opened_at < since):
                return found, None

    def sheets(self, ids: Collection[int]) -> list[Sheet]:
        """Those stories, the one that was hit last first; one whose items are gone is left out."""
        stories = {one.id: one for one in self._veil.stories(self._rows(story, Story, story.c.id, ids))}
        alerts = _by_story(self._rows(alert, Alert, alert.c.story, ids))
        hits = _by_story(self._veil.hits(self._rows(hit, Hit, hit.c.story, ids)))
        deliveries = _by_story(self._deliveries(ids))
        shown = {number: max(found, key=lambda one: one.item) for number, found in hits.items()}
        items = {one.id: one for one in self._items({one.item for one in shown.values()})}
        sheets = [
            Sheet(
                story=stories[number],
                item=items[newest.item],
                hits=hits[number],
                alerts=alerts.get(number, ()),
                deliveries=deliveries.get(number, ()),
            )
            for number, newest in shown.items()
            if newest.item in items and number in stories
        ]
        return sorted(sheets, key=lambda sheet: max(one.id for one in sheet.hits), reverse=True)

    def withdrawn(self, ids: Collection[int]) -> set[int]:
        """Which of the stories were taken back."""
        found: set[int] = set()
        for part in slices(ids):
            query = select(story.c.id).where(story.c.id.in_(part), story.c.status == Status.CANCELED)
            found.update(self._connection.execute(query).scalars())
        return found

    def _hit_later(self, ids: Collection[int], before: int) -> set[int]:
        """Which of the stories were hit again since: an earlier page shows them."""
        later: set[int] = set()
        for part in slices(ids):
            query = select(hit.c.story).where(hit.c.story.in_(part), hit.c.id >= before)
            later.update(self._connection.execute(query.distinct()).scalars())
        return later

    def _items(self, ids: Collection[int]) -> list[Item]:
        found: list[Item] = []
        shown = [func.substr(c, 1, EXCERPT).label("body") if c.name == "body" else c for c in ITEM]
        for part in slices(ids):
            rows = self._connection.execute(select(*shown).where(item.c.id.in_(part)))
            found += self._veil.items(Item(**row._asdict()) for row in rows)
        return found

    def _deliveries(self, ids: Collection[int]) -> list[Delivery]:
        found: list[Delivery] = []
        for part in slices(ids):
            query = select(*DELIVERY, null().label("message"), null().label("alerts"))
            rows = self._connection.execute(query.where(delivery.c.story.in_(part)).order_by(delivery.c.id))
            found += [Delivery(**{**row._asdict(), "alerts": ()}) for row in rows]
        return found

    def _rows(self, table: Table, noun: type, key: object, ids: Collection[int]) -> list:  # type: ignore[type-arg]
        found = []
        for part in slices(ids):
            query = select(*columns(table, noun)).where(key.in_(part)).order_by(table.c.id)  # type: ignore[attr-defined]
            found += [noun(**row._asdict()) for row in self._connection.execute(query)]
        return found

    # ------------------------------------------------------------ what changed

    def pulse(self) -> Pulse:
        """How far everything has come; four looks at the end of an index."""
        ends = (
            select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery()
            for table in (hit, delivery, attempt, audit)
        )
        return Pulse(*self._connection.execute(select(*ends)).one())

    def changed(self, since: Pulse) -> set[int]:
        """The stories that were hit, told or acted upon after that pulse."""
        told = select(delivery.c.story).where(delivery.c.id > since.delivery)
        tried = (
            select(delivery.c.story)
            .join(attempt, attempt.c.delivery == delivery.c.id)
            .where(attempt.c.id > since.attempt)
        )
        found = select(hit.c.story).where(hit.c.id > since.hit)
        stories = {one for one in self._connection.execute(union(told, tried, found)).scalars() if one}
        acted = select(audit.c.subject).where(audit.c.id > since.change, audit.c.what == "ack")
        for subject in self._connection.execute(acted).scalars():
            stories.update(int(part) for part in [subject.rpartition(" ")[2]] if part.isdigit())
        return stories

    # ------------------------------------------------------------ what came in

    def ends(self) -> Ends:
        """The newest item and the newest hit; two looks at the end of an index."""
        ends = (select(func.coalesce(func.max(one.c.id), 0)).scalar_subquery() for one in (item, hit))
        return Ends(*self._connection.execute(select(*ends)).one())

    def came_in(
        self,
        *,
        limit: int,
        after: int | None = None,
        before: int | None = None,
        source: int | None = None,
        rule: int | None = None,
        hit_only: bool = False,
    ) -> list[int]:
        """Ids of items: the oldest first after an item, or else the newest first, before an item or at all.

        `source` and `rule` are the ids of where they came from and of what hit them; `hit_only` leaves out
        what no rule hit.
        """
        hits = hit_only or rule is not None
        number = hit.c.item if hits else item.c.id
        query = _hits(source, rule).distinct() if hits else select(number)
        if source is not None and not hits:
            query = query.where(item.c.source == source)
        if after is not None:
            query = query.where(number > after).order_by(number)
        elif before is not None:
            query = query.where(number < before).order_by(number.desc())
        else:
            query = query.order_by(number.desc())
        return list(self._connection.execute(query.limit(limit)).scalars())

    def hit_late(self, ends: Ends, *, source: int | None = None, rule: int | None = None) -> list[int]:
        """Ids of items that were there at those ends, and were hit after them."""
        # Compared here, or SQLite would walk all hits by item to save the look at the end of them.
        found = self._connection.execute(_hits(source, rule).where(hit.c.id > ends.hit)).scalars()
        return sorted({number for number in found if number <= ends.item})

    def hits_of(self, ids: Collection[int]) -> dict[int, list[Hit]]:
        """Where rules hit those items, by item, in the order in which they were found."""
        found: dict[int, list[Hit]] = {}
        for one in self._veil.hits(self._rows(hit, Hit, hit.c.item, ids)):
            found.setdefault(one.item, []).append(one)
        return found

    # ------------------------------------------------------------ how the days went

    def alerts_by(self, step: timedelta, since: datetime) -> dict[int, dict[int, int]]:
        """For each rule, how many alerts were opened in each step after `since`, by its number."""
        number = self._step(alert.c.opened_at, step, since)
        query = (
            select(alert.c.rule, number, func.count())
            .where(alert.c.opened_at >= since)
            .group_by(alert.c.rule, number)
        )
        found: dict[int, dict[int, int]] = {}
        for rule, at, count in self._connection.execute(query):
            found.setdefault(rule, {})[at] = count
        return found

    def latest_alerts(self) -> dict[int, datetime]:
        """When each rule was told last."""
        query = select(alert.c.rule, func.max(alert.c.opened_at, type_=alert.c.opened_at.type))
        return {rule: at for rule, at in self._connection.execute(query.group_by(alert.c.rule))}  # noqa: C416 - rows are no pairs to mypy

    def items_by(self, step: timedelta, since: datetime) -> dict[int, int]:
        """How many items were stored in each step after `since`, by its number."""
        number = self._step(item.c.stored_at, step, since)
        query = select(number, func.count()).where(item.c.stored_at >= since).group_by(number)
        return {at: count for at, count in self._connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy

    def items_by_source(self, step: timedelta, since: datetime) -> dict[int, dict[int, int]]:
        """For each source, how many items were stored in each step after `since`, by its number."""
        number = self._step(item.c.stored_at, step, since)
        query = select(item.c.source, number, func.count()).where(item.c.stored_at >= since)
        found: dict[int, dict[int, int]] = {}
        for source, at, count in self._connection.execute(query.group_by(item.c.source, number)):
            found.setdefault(source, {})[at] = count
        return found

    def unseen(self, since: datetime) -> tuple[int, int]:
        """How many alerts were opened since then, and how many of them nobody has acknowledged."""
        query = select(alert.c.state, func.count()).where(alert.c.opened_at >= since).group_by(alert.c.state)
        counts = {state: count for state, count in self._connection.execute(query)}  # noqa: C416 - see above
        return sum(counts.values()), counts.get(AlertState.OPEN, 0)

    def last_item_at(self) -> datetime | None:
        """When the newest item was stored."""
        return self._connection.execute(
            select(func.max(item.c.stored_at, type_=item.c.stored_at.type))
        ).scalar()

    def _step(self, column: object, step: timedelta, since: datetime):  # type: ignore[no-untyped-def] # noqa: ANN202
        """The number of the step that a time lies in, counted from `since`."""
        begin = literal(since, type_=column.type)  # type: ignore[attr-defined]
        length = literal(step // MICROSECOND, type_=BigInteger)
        return (cast(column, BigInteger) - cast(begin, BigInteger)) // length


def _hits(source: int | None, rule: int | None) -> Select[int]:
    """The items that were hit: those of one source, and by one rule, where it is given."""
    query = select(hit.c.item)
    if rule is not None:
        query = query.where(hit.c.rule == rule)
    if source is not None:
        # By an expression, or an engine might begin with all items of the source.
        query = query.join(item, item.c.id == hit.c.item).where(item.c.source + 0 == source)
    return query


def _by_story(rows: Sequence[Hit] | Sequence[Alert] | Sequence[Delivery]) -> dict:  # type: ignore[type-arg]
    found: dict = {}  # type: ignore[type-arg]
    for row in rows:
        found.setdefault(row.story, []).append(row)
    return found


ITEM = columns(item, Item)
DELIVERY = columns(delivery, Delivery, "message", "alerts")
