"""The durable outbox: every message from the moment it was decided to the moment it was accepted.

    held ──rendered──> pending ──claim, send, settle──> sent
      │                  │  ^                └────────> pending (tried again), dead
      └──> suppressed <──┘  └── resend ── sent, dead, suppressed

A message is never deleted for not arriving; a crash between sending and settling repeats it, under the
same id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
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

from service.errors import NotFoundError
from service.model import Attempt, Delivery, DeliveryKind, DeliveryState, Message, Outcome, Priority
from service.store import lease as leases
from service.store.rows import columns, slices, upsert, values
from service.store.schema import alert, attempt, delivery_alert, item
from service.store.schema import delivery as table
from service.store.veil import Veil

UNSENT = (DeliveryState.HELD, DeliveryState.PENDING)
URGENCY = {priority: rank for rank, priority in enumerate(Priority)}
RANK = case(*((table.c.priority == priority, rank) for priority, rank in URGENCY.items()))
STATE = table.c.state.type
# A whole batch is claimed at once: what was claimed by processes that died is most likely innocent.
POISONED_WAIT = timedelta(minutes=1)
PATIENT = 6  # tries of a message; then the later ones of its thread wait no longer: it may be at fault itself


class Outbox:
    """The deliveries of one transaction."""

    def __init__(self, connection: Connection, veil: Veil) -> None:
        self._connection = connection
        self._veil = veil

    def add(self, delivery: Delivery, alerts: Collection[int] = ()) -> Delivery:
        """The delivery as it was stored, for these alerts. It says when it was created, or is due."""
        delivery = replace(
            delivery,
            alerts=tuple(sorted({*delivery.alerts, *alerts})),
            created_at=delivery.created_at or delivery.due_at,
        )
        added = insert(table).values(values(delivery, "alerts")).returning(table.c.id)
        delivery = replace(delivery, id=self._connection.execute(added).scalar_one())
        rows = [{"delivery": delivery.id, "alert": alert_id} for alert_id in delivery.alerts]
        if rows:
            self._connection.execute(insert(delivery_alert), rows)
        return delivery

    # ------------------------------------------------------------ before it is rendered

    def waiting(self, story: int, channel: str, recipient: str) -> Delivery | None:
        """The message to that recipient about that story which is not rendered yet, to be joined.

        Nobody else renders or joins it before this transaction ends.
        """
        found = self._find(
            *_thread(story, channel, recipient),
            table.c.state == DeliveryState.HELD,
            table.c.message.is_(None),
            limit=1,
            lock=True,
        )
        return found[0] if found else None

    def hasten(self, delivery_id: int, due_at: datetime, priority: Priority, reason: str) -> None:
        """Let a message that is not rendered yet go earlier, for a rule that cannot wait as long."""
        sooner = {"due_at": due_at, "priority": priority, "reason": reason}
        self._change(delivery_id, (DeliveryState.HELD,), sooner)

    def hurry(self, story: int, channel: str, recipient: str, priority: Priority, now: datetime) -> None:
        """Let what waits on a thread go now, and as urgently as what comes after it."""
        waiting = (*_thread(story, channel, recipient), table.c.state == DeliveryState.PENDING)
        sooner = {"due_at": now, "priority": priority}
        self._connection.execute(update(table).where(*waiting).values(sooner))

    def join(self, delivery_id: int, alert_id: int) -> None:
        """One more alert is told in that message."""
        joined = upsert(self._connection, delivery_alert).values(delivery=delivery_id, alert=alert_id)
        self._connection.execute(joined.on_conflict_do_nothing())

    def thread(self, story: int, channel: str, recipient: str) -> Sequence[Delivery]:
        """What was sent, or waits to be sent, to that recipient about that story, the oldest first."""
        rendered = table.c.state.in_((DeliveryState.SENT, DeliveryState.PENDING))
        return self._find(*_thread(story, channel, recipient), rendered)

    def of_story(self, story: int) -> Sequence[Delivery]:
        """Every message about a story, on any channel, digests that told of it included, the oldest first."""
        told = (
            select(delivery_alert.c.delivery)
            .join(alert, alert.c.id == delivery_alert.c.alert)
            .where(alert.c.story == story)
        )
        return self._find(or_(table.c.story == story, table.c.id.in_(told)))

    def set_aside(self, story: int) -> None:
        """Forget the messages about a story: for a transaction that is undone."""
        self._connection.execute(delete(table).where(table.c.story == story))

    def aim(self, delivery_id: int, item_id: int, due_at: datetime) -> bool:
        """Let a message that is not rendered yet tell of another version, at another time."""
        return self._change(delivery_id, (DeliveryState.HELD,), {"item": item_id, "due_at": due_at})

    def held_due(self, now: datetime, limit: int = 100) -> Sequence[Delivery]:
        """Messages whose hold is over, to be rendered in this transaction; other nodes skip them."""
        held = (table.c.state == DeliveryState.HELD, table.c.due_at <= now)
        return self._find(*held, order=(table.c.due_at, table.c.id), limit=limit, lock=True)

    def rendered(self, delivery_id: int, message: Message, due_at: datetime) -> bool:
        """It is written, and goes out when due. False where it is held no more."""
        written = {"state": DeliveryState.PENDING, "message": message, "due_at": due_at, "reason": ""}
        return self._change(delivery_id, [DeliveryState.HELD], written)

    def hold(self, delivery_id: int, until: datetime, reason: str) -> bool:
        """It waits until then, for that reason. False where it is held no more."""
        return self._change(delivery_id, [DeliveryState.HELD], {"due_at": until, "reason": reason})

    def suppress(self, delivery_id: int, reason: str, silence: int = 0) -> bool:
        """It does not go out, for that reason, or that silence; one that is on the wire may still arrive."""
        gone = {"state": DeliveryState.SUPPRESSED, "reason": reason, "silence": silence}
        return self._change(delivery_id, UNSENT, gone)

    def silenced(self, silence: int) -> Sequence[Delivery]:
        """What a silence swallowed, the oldest first."""
        return self._find(table.c.silence == silence)

    def held_with(self, delivery: Delivery, now: datetime) -> Sequence[Delivery]:
        """Everything held for the same recipient whose hold is over, the oldest first."""
        due = (
            table.c.channel == delivery.channel,
            table.c.state == DeliveryState.HELD,
            table.c.due_at <= now,
        )
        return self._find(*due, table.c.recipient == delivery.recipient)

    def suppress_story(self, story_id: int, reason: str) -> int:
        """Nothing that waits about that story goes out; the number of messages."""
        return self._close(reason, table.c.story == story_id)

    def suppress_recipient(self, channel: str, recipient: str, reason: str) -> int:
        """Nothing that waits for that address goes out; the number of messages."""
        return self._close(reason, table.c.channel == channel, table.c.recipient == recipient)

    def suppress_old(self, before: datetime, reason: str) -> int:
        """Nothing that waits and was made before then, or tells of what was published before; how many."""
        news = exists().where(item.c.id == table.c.item, item.c.published_at < before)
        return self._close(reason, or_(table.c.created_at < before, news))

    def _close(self, reason: str, *where: ColumnElement[bool]) -> int:
        unsent = update(table).where(*where, table.c.state.in_(UNSENT))
        return self._connection.execute(unsent.values(state=DeliveryState.SUPPRESSED, reason=reason)).rowcount

    # ------------------------------------------------------------ sending

    def due_channels(self, now: datetime) -> Sequence[str]:
        """The channels with something to send now."""
        due = (table.c.state == DeliveryState.PENDING, table.c.due_at <= now, leases.free(table, now))
        query = select(table.c.channel).where(*due).distinct().order_by(table.c.channel)
        return self._connection.execute(query).scalars().all()

    def claim(
        self, channel: str, now: datetime, limit: int, lease: timedelta, node: int
    ) -> Sequence[Delivery]:
        """Up to `limit` messages of a channel that are due, the most urgent first, and of those the oldest.

        A message waits for those before it on its thread: a correction must not overtake what it corrects.
        `node` holds them until now + lease, and the attempt counts from here on.
        """
        ready = and_(
            table.c.channel == channel,
            table.c.state == DeliveryState.PENDING,
            table.c.due_at <= now,
            ~exists().where(*_before_on_thread()),
        )
        rows = leases.claim(
            self._connection,
            table,
            ready,
            (RANK, table.c.id),
            SHOWN,
            due=table.c.due_at,
            now=now,
            lease=lease,
            node=node,
            limit=limit,
            also={"attempts": table.c.attempts + 1},
            poisoned_wait=POISONED_WAIT,
        )
        claimed = self._with_alerts([row._asdict() for row in rows])
        return sorted(claimed, key=lambda one: (URGENCY[one.priority], one.id))

    def settle(
        self,
        delivery_id: int,
        epoch: int,
        *,
        state: DeliveryState,
        reason: str = "",
        last_error: str = "",
        due_at: datetime | None = None,
        sent_at: datetime | None = None,
        attempt: Attempt | None = None,
    ) -> bool:
        """Write what came of an attempt and let go of the message.

        False: another claim was made since (the fence); only the attempt was recorded, since it took place.
        A message that was suppressed meanwhile is not tried again, but if it went out, it says so.
        """
        if attempt is not None:
            self._record(attempt)
        keeps = and_(table.c.state == DeliveryState.SUPPRESSED, literal(state is not DeliveryState.SENT))
        settled = (
            update(table)
            .where(table.c.id == delivery_id, table.c.epoch == epoch)
            .values(
                state=case((keeps, table.c.state), else_=literal(state, STATE)),
                reason=case((keeps, table.c.reason), else_=literal(reason, table.c.reason.type)),
                last_error=last_error,
                due_at=due_at if due_at is not None else table.c.due_at,
                sent_at=sent_at,
                **leases.SETTLED,
            )
        )
        return self._connection.execute(settled).rowcount == 1

    def release(self, node: int) -> int:
        """Give back all messages that `node` holds, untried; they stay due. The number of them."""
        return leases.release(self._connection, table, [node], clean=True)

    def resend(self, delivery_id: int, now: datetime) -> Delivery:
        """Send it again now, with the same message and id, whatever became of it. Raises NotFoundError."""
        again = {
            "state": case(
                (table.c.message.is_(None), literal(DeliveryState.HELD, STATE)),
                else_=literal(DeliveryState.PENDING, STATE),
            ),
            "due_at": now,
            "attempts": 0,
            "reason": "",
            "sent_at": None,
            "epoch": table.c.epoch + 1,
            **leases.SETTLED,
        }
        self._connection.execute(update(table).where(table.c.id == delivery_id).values(again))
        return self.get(delivery_id)

    # ------------------------------------------------------------ looking

    def get(self, delivery_id: int) -> Delivery:
        """The delivery; raises NotFoundError."""
        found = self._find(table.c.id == delivery_id)
        if not found:
            raise NotFoundError("delivery", delivery_id, "`monitor list-deliveries` shows all")
        return found[0]

    def latest(self, kind: DeliveryKind, since: datetime) -> datetime | None:
        """When the newest message of a kind was made, if after `since`."""
        newest = select(func.max(table.c.created_at)).where(table.c.created_at > since, table.c.kind == kind)
        at: datetime | None = self._connection.execute(newest).scalar()
        return at

    def list(
        self,
        *,
        failed: bool = False,
        state: DeliveryState | None = None,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int | None = 100,
    ) -> Sequence[Delivery]:
        """Deliveries, the newest first; `failed` are those that are dead, or failed and are tried again."""
        where: list[ColumnElement[bool]] = []
        if failed:
            retried = and_(table.c.state == DeliveryState.PENDING, table.c.last_error != "")
            where.append(or_(table.c.state == DeliveryState.DEAD, retried))
        if state is not None:
            where.append(table.c.state == state)
        if since is not None:
            where.append(table.c.created_at >= since)
        if before_id is not None:
            where.append(table.c.id < before_id)
        return self._find(*where, order=(table.c.id.desc(),), limit=limit)

    def attempts(self, delivery_id: int) -> Sequence[Attempt]:
        """The attempts at a delivery, the oldest first."""
        query = select(attempt).where(attempt.c.delivery == delivery_id).order_by(attempt.c.id)
        return [
            Attempt(
                delivery=row.delivery,
                number=row.number,
                started_at=row.started_at,
                took=row.took,
                outcome=Outcome(
                    verdict=row.verdict, code=row.code, reason=row.reason, retry_after=row.retry_after
                ),
                node=row.node,
            )
            for row in self._connection.execute(query)
        ]

    def counts(self) -> dict[DeliveryState, int]:
        """How many deliveries are in each state."""
        rows = self._connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
        return {row[0]: row[1] for row in rows}

    def unsent(self) -> tuple[int, datetime | None]:
        """How many messages wait to be sent, and when the oldest of them was made."""
        waiting = select(func.count(), func.min(table.c.created_at)).where(table.c.state.in_(UNSENT))
        count, oldest = self._connection.execute(waiting).one()
        return count, oldest

    def next_due(self) -> datetime | None:
        """When the next message can be rendered or sent: it is due, and in nobody's hand. None: never."""
        return leases.next_due(self._connection, table, table.c.due_at, table.c.state.in_(UNSENT))

    # ------------------------------------------------------------ what the overseer asks

    def stranded(self, before: datetime, since: datetime) -> Sequence[Delivery]:
        """What a channel gave up, and the flashes it has not got rid of, if made between `since` and then."""
        flash = and_(
            table.c.state == DeliveryState.PENDING,
            table.c.priority == Priority.FLASH,
            table.c.created_at <= before,
        )
        dead = table.c.state == DeliveryState.DEAD
        return self._find(or_(flash, dead), table.c.created_at >= since, table.c.message.is_not(None))

    # ------------------------------------------------------------ retention

    def prune(self, before: datetime, limit: int) -> int:
        """Drop up to `limit` messages created before then that do not wait any more; the number of them."""
        ended = (table.c.created_at < before, table.c.state.not_in(UNSENT))
        old = select(table.c.id).where(*ended).order_by(table.c.created_at).limit(limit)
        return self._connection.execute(delete(table).where(table.c.id.in_(old))).rowcount

    def prune_attempts(self, before: datetime, limit: int) -> int:
        """Drop up to `limit` attempts that started before then; the number of them."""
        old = select(attempt.c.id).where(attempt.c.started_at < before).order_by(attempt.c.started_at)
        return self._connection.execute(delete(attempt).where(attempt.c.id.in_(old.limit(limit)))).rowcount

    def _find(
        self,
        *where: ColumnElement[bool],
        order: Sequence[ColumnElement[Any]] = (table.c.id,),
        limit: int | None = None,
        lock: bool = False,
    ) -> Sequence[Delivery]:
        query = select(*SHOWN).where(*where).order_by(*order).limit(limit)
        if lock and not self._connection.get_execution_options().get("postgresql_readonly"):
            query = query.with_for_update(skip_locked=limit is not None and limit > 1)
        return self._with_alerts([row._asdict() for row in self._connection.execute(query)])

    def _with_alerts(self, rows: Sequence[dict[str, Any]]) -> Sequence[Delivery]:
        told: dict[int, list[int]] = {}
        for part in slices([row["id"] for row in rows]):
            query = select(delivery_alert.c.delivery, delivery_alert.c.alert)
            query = query.where(delivery_alert.c.delivery.in_(part)).order_by(delivery_alert.c.alert)
            for delivery_id, alert_id in self._connection.execute(query):
                told.setdefault(delivery_id, []).append(alert_id)
        return [self._veil.delivery(Delivery(**row, alerts=tuple(told.get(row["id"], ())))) for row in rows]

    def _change(self, delivery_id: int, states: Collection[DeliveryState], changes: dict[str, Any]) -> bool:
        where = (table.c.id == delivery_id, table.c.state.in_(states))
        return self._connection.execute(update(table).where(*where).values(changes)).rowcount == 1

    def _record(self, tried: Attempt) -> None:
        row = values(tried, "outcome") | values(tried.outcome)
        self._connection.execute(insert(attempt).values(row))


def _thread(story: int, channel: str, recipient: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.story == story, table.c.channel == channel, table.c.recipient == recipient


def _before_on_thread() -> tuple[ColumnElement[bool], ...]:
    """Another message to the same recipient about the same story was written earlier and still waits."""
    earlier = table.alias("earlier")
    return (
        earlier.c.story == table.c.story,  # a digest has none, and waits for nothing
        earlier.c.channel == table.c.channel,
        earlier.c.recipient == table.c.recipient,
        earlier.c.state == DeliveryState.PENDING,
        earlier.c.attempts < PATIENT,
        earlier.c.id < table.c.id,
    )


SHOWN = columns(table, Delivery, "alerts")
