"""The times of what came in last, for the ledger: two statements, each bounded whatever the archive holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from service.model import DeliveryKind, DeliveryState, Passage
from service.store.schema import alert, delivery, delivery_alert, item

LAST = 5000  # items, and messages, that are looked at


class Ledger:
    """The passages of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def passages(self, since: datetime, limit: int = LAST) -> list[Passage]:
        """The last items and first messages since then: an item once for itself, once for each message."""
        return [*self._items(since, limit), *self._messages(since, limit)]

    def _items(self, since: datetime, limit: int) -> list[Passage]:
        query = (
            select(item.c.source, item.c.published_at, item.c.received_at, item.c.stored_at)
            .where(item.c.stored_at >= since)
            .order_by(item.c.stored_at.desc())
            .limit(limit)
        )
        return [
            Passage(source=source, stamped_at=stamped, seen_at=seen, stored_at=stored)
            for source, stamped, seen, stored in self._connection.execute(query)
        ]

    def _messages(self, since: datetime, limit: int) -> list[Passage]:
        """Messages of new stories that were sent; when the first of their alerts was taken care of."""
        taken = (
            select(func.min(alert.c.acknowledged_at, type_=alert.c.acknowledged_at.type))
            .join(delivery_alert, delivery_alert.c.alert == alert.c.id)
            .where(delivery_alert.c.delivery == delivery.c.id)
            .scalar_subquery()
        )
        sent = (
            delivery.c.created_at >= since,
            delivery.c.kind == DeliveryKind.ALERT,
            delivery.c.state == DeliveryState.SENT,
        )
        query = (
            select(item.c.source, item.c.published_at, item.c.received_at, item.c.stored_at)
            .add_columns(delivery.c.created_at, delivery.c.sent_at, taken)
            .join(item, item.c.id == delivery.c.item)
            .where(*sent)
            .order_by(delivery.c.created_at.desc())
            .limit(limit)
        )
        return [
            Passage(
                source=row[0],
                stamped_at=row[1],
                seen_at=row[2],
                stored_at=row[3],
                matched_at=row[4],
                sent_at=row[5],
                acknowledged_at=row[6],
            )
            for row in self._connection.execute(query)
        ]
