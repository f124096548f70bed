"""Stories put together and taken apart by hand: everything that names a story moves with its items.

Whoever was told stays told once: an alert that both stories have becomes one, and what is split off keeps the
messages that told of it, so that a correction still finds them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, distinct, func, insert, select, update

from service.model import AlertState, DeliveryKind, DeliveryState, Link
from service.store.rows import slices, upsert
from service.store.schema import alert, delivery, delivery_alert, hit, item, seen, story

UNSENT = (DeliveryState.HELD, DeliveryState.PENDING)
WORSE = (AlertState.RETRACTED, AlertState.ACKNOWLEDGED, AlertState.OPEN, AlertState.SUPPRESSED)


class Joining:
    """Merging and splitting in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def merge(self, kept: int, other: int, reason: str, now: datetime) -> int:
        """Move all of `other` into `kept`, and drop it; how many messages that waited are not needed now."""
        first = (item.c.story == other, item.c.how == Link.FIRST)
        self._run(update(item).where(*first).values(how=Link.BY_HAND, reason=reason))
        for table in (item, hit, delivery):
            self._run(update(table).where(table.c.story == other).values(story=kept))
        # By no index: it happens once in a while, and by hand.
        self._run(update(seen).where(seen.c.story == other).values(story=kept))
        self._merge_alerts(kept, other, now)
        self._run(delete(story).where(story.c.id == other))
        self._recount(kept, now)
        return self._told_once(kept)

    def split(self, of: int, items: Collection[int], reason: str, now: datetime) -> int:
        """The story that those items of `of` are from now on; its alerts are those that told of them."""
        newest = select(item.c.headline, item.c.status).where(item.c.id == max(items))
        headline, status = self._connection.execute(newest).one()
        opened = insert(story).values(headline=headline, status=status, opened_at=now, updated_at=now)
        new: int = self._connection.execute(opened.returning(story.c.id)).scalar_one()
        for part in slices(items):
            # A version stays one of what it moves along with; what led out of the group is cut.
            outside = (item.c.nearest.is_(None)) | (item.c.nearest.not_in(part))
            cut = {"how": Link.BY_HAND, "nearest": None, "score": 0.0, "reason": reason}
            self._run(update(item).where(item.c.id.in_(part), outside).values(cut))
            for table, column in ((item, item.c.id), (hit, hit.c.item), (delivery, delivery.c.item)):
                moved = update(table).where(column.in_(part), table.c.story == of)
                self._run(moved.values(story=new))
            self._run(update(seen).where(seen.c.item.in_(part)).values(story=new))
        self._split_alerts(of, new, reason, now)
        self._recount(of, now)
        self._recount(new, now)
        return new

    # ------------------------------------------------------------ alerts

    def _merge_alerts(self, kept: int, other: int, now: datetime) -> None:
        there = self._alerts(kept)
        for rule, (number, state) in self._alerts(other).items():
            if rule not in there:
                self._run(update(alert).where(alert.c.id == number).values(story=kept, updated_at=now))
                continue
            mine, own = there[rule]
            self._link(self._deliveries_of(number), mine)
            worse = min(state, own, key=WORSE.index)
            self._run(update(alert).where(alert.c.id == mine).values(state=worse, updated_at=now))
            self._run(delete(alert).where(alert.c.id == number))

    def _split_alerts(self, of: int, new: int, reason: str, now: datetime) -> None:
        """An alert goes along where the old story keeps no hit of its rule; else moved messages get one."""
        still = set(self._connection.execute(select(hit.c.rule).where(hit.c.story == of)).scalars())
        for rule, (number, state) in self._alerts(of).items():
            if rule not in still:
                self._run(update(alert).where(alert.c.id == number).values(story=new, updated_at=now))
                continue
            moved = self._deliveries_of(number, delivery.c.story == new)
            if not moved:
                continue
            row = {"rule": rule, "story": new, "state": state, "reason": reason}
            added = insert(alert).values(**row, opened_at=now, updated_at=now).returning(alert.c.id)
            self._link(moved, self._connection.execute(added).scalar_one())
            gone = (delivery_alert.c.alert == number, delivery_alert.c.delivery.in_(moved))
            self._run(delete(delivery_alert).where(*gone))

    def _alerts(self, of: int) -> Mapping[int, tuple[int, AlertState]]:
        """The alerts about a story by their rule."""
        rows = self._connection.execute(
            select(alert.c.rule, alert.c.id, alert.c.state).where(alert.c.story == of)
        )
        return {row.rule: (row.id, row.state) for row in rows}

    def _deliveries_of(self, number: int, *where: ColumnElement[bool]) -> list[int]:
        told = select(delivery.c.id).join(delivery_alert, delivery_alert.c.delivery == delivery.c.id)
        return list(self._connection.execute(told.where(delivery_alert.c.alert == number, *where)).scalars())

    def _link(self, deliveries: Collection[int], to: int) -> None:
        for number in deliveries:
            linked = upsert(self._connection, delivery_alert).values(delivery=number, alert=to)
            self._run(linked.on_conflict_do_nothing())

    # ------------------------------------------------------------ what follows

    def _told_once(self, of: int) -> int:
        """Close first messages that wait for somebody who was told already, or is about to be; how many."""
        query = select(delivery.c.id, delivery.c.channel, delivery.c.recipient, delivery.c.state)
        first = (delivery.c.story == of, delivery.c.kind == DeliveryKind.ALERT)
        known: set[tuple[str, str]] = set()
        closed = []
        rows = self._connection.execute(query.where(*first)).all()
        for row in sorted(rows, key=lambda one: (one.state is not DeliveryState.SENT, one.id)):
            if row.state in UNSENT and (row.channel, row.recipient) in known:
                closed.append(row.id)
            elif row.state is DeliveryState.SENT or row.state in UNSENT:
                known.add((row.channel, row.recipient))
        gone = {"state": DeliveryState.SUPPRESSED, "reason": "told already: the stories were merged by hand"}
        for part in slices(closed):
            self._run(update(delivery).where(delivery.c.id.in_(part)).values(gone))
        return len(closed)

    def _recount(self, of: int, now: datetime) -> None:
        counted = select(func.count(), func.count(distinct(item.c.source))).where(item.c.story == of)
        items, sources = self._connection.execute(counted).one()
        self._run(
            update(story)
            .where(story.c.id == of)
            .values({"items": items, "sources": sources, "updated_at": now})
        )

    def _run(self, statement: object) -> None:
        self._connection.execute(statement)  # type: ignore[call-overload]
