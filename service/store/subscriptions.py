"""What the hubs of sources were asked for, and what they said (WebSub)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from service.model import SourceState, Subscription, SubscriptionState
from service.store.rows import columns, upsert, values
from service.store.schema import source
from service.store.schema import subscription as table

ASKED_AGAIN = timedelta(hours=1)  # doubled each time that the hub says nothing, up to a day
MOST_DOUBLINGS = 5
LAST_WORDS = 3  # times that a hub is asked to stop; then its lease may run out


class Subscriptions:
    """The subscriptions of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def offer(self, wanted: Subscription) -> bool:
        """The feed names this hub: it is to be asked, unless it was, under the same topic. Whether it is."""
        row = values(wanted)
        insert = upsert(self._connection, table).values(row)
        changed = or_(
            table.c.hub != wanted.hub,
            table.c.topic != wanted.topic,
            table.c.state == SubscriptionState.LEAVING,
        )
        asked = insert.on_conflict_do_update(index_elements=["source"], set_=row, where=changed)
        return self._connection.execute(asked.returning(table.c.source)).first() is not None

    def withdraw(self, sources: Collection[int], now: datetime) -> None:
        """The feeds of these sources name no hub any more: those that they named are asked to stop."""
        if sources:
            self._leave(table.c.source.in_(sources), now)

    def due(self, now: datetime, limit: int) -> Sequence[Subscription]:
        """Up to `limit` subscriptions whose hub is to be asked now; nobody else gets them for an hour.

        Those of sources that are paused or removed end. A hub that does not answer is asked less and less.
        """
        resting = select(source.c.id).where(
            or_(source.c.removed_at.is_not(None), source.c.state == SourceState.PAUSED)
        )
        self._leave(table.c.source.in_(resting), now)
        deaf = (table.c.state == SubscriptionState.LEAVING, table.c.asked >= LAST_WORDS)
        self._connection.execute(delete(table).where(*deaf, table.c.due_at <= now))
        query = select(*SHOWN).where(table.c.due_at <= now).order_by(table.c.due_at).limit(limit)
        rows = self._connection.execute(query.with_for_update(skip_locked=True)).all()
        for one in (found := [Subscription(**row._asdict()) for row in rows]):
            wait = ASKED_AGAIN * 2 ** min(one.asked, MOST_DOUBLINGS)
            again = SubscriptionState.ASKED if one.state is SubscriptionState.DENIED else one.state
            self._change(one, asked=one.asked + 1, due_at=now + wait, state=again)
        return found

    def find(self, token: str) -> Subscription | None:
        """The subscription whose hub calls that address."""
        row = self._connection.execute(select(*SHOWN).where(table.c.token == token)).one_or_none()
        return Subscription(**row._asdict()) if row else None

    def of(self, source_id: int) -> Subscription | None:
        """The subscription of a source."""
        row = self._connection.execute(select(*SHOWN).where(table.c.source == source_id)).one_or_none()
        return Subscription(**row._asdict()) if row else None

    def confirm(self, one: Subscription, lease_until: datetime, due_at: datetime) -> None:
        """The hub will tell what is new until then; before that, at `due_at`, it is asked to go on."""
        facts = {"state": SubscriptionState.ACTIVE, "lease_until": lease_until, "due_at": due_at}
        self._change(one, asked=0, reason="", **facts)
        trusted = (source.c.id == one.source, source.c.pushed_until.is_not(None))
        self._connection.execute(update(source).where(*trusted).values(pushed_until=lease_until))

    def deny(self, one: Subscription, reason: str, due_at: datetime) -> None:
        """The hub will not; at `due_at` it may be asked once more."""
        self._change(one, state=SubscriptionState.DENIED, reason=reason, lease_until=None, due_at=due_at)
        self.distrust(one.source)

    def failed(self, one: Subscription, reason: str) -> None:
        """The hub could not be asked."""
        self._change(one, reason=reason)

    def end(self, one: Subscription) -> None:
        """The hub has stopped."""
        self._connection.execute(delete(table).where(table.c.source == one.source))
        self.distrust(one.source)

    def trust(self, one: Subscription) -> None:
        """The hub has brought something: until its lease ends the source is polled less."""
        self._connection.execute(
            update(source).where(source.c.id == one.source).values(pushed_until=one.lease_until)
        )

    def distrust(self, source_id: int) -> None:
        """The hub is gone, or has brought nothing of what a poll found: the source is polled as ever."""
        self._connection.execute(update(source).where(source.c.id == source_id).values(pushed_until=None))

    def counts(self) -> dict[SubscriptionState, int]:
        """How many subscriptions are in each state."""
        rows = self._connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
        return {row[0]: row[1] for row in rows}

    def _leave(self, whose: Any, now: datetime) -> None:  # noqa: ANN401 - a condition
        leaving = {"state": SubscriptionState.LEAVING, "asked": 0, "due_at": now}
        there = table.c.state != SubscriptionState.LEAVING
        self._connection.execute(update(table).where(whose, there).values(leaving))

    def _change(self, one: Subscription, **facts: Any) -> None:  # noqa: ANN401 - columns
        # By its token: what a hub says about an address that was replaced meanwhile changes nothing.
        self._connection.execute(update(table).where(table.c.token == one.token).values(facts))


SHOWN = columns(table, Subscription)
