"""What went over the channels: to whom, when, and what did not get through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, false, func, select, true

from service.model import DeliveryState
from service.store.schema import alert, delivery_alert
from service.store.schema import delivery as table

ROLLED_UP = "told in the roll-up"  # how the reason begins of what was told with others in a storm


class Traffic:
    """The traffic as one transaction sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def written_since(
        self, channel: str, recipient: str, since: datetime, rule: int | None = None
    ) -> Sequence[tuple[datetime, bool]]:
        """When each message to a recipient went out or is to go, in order, and whether it still waits."""
        pending = (table.c.state == DeliveryState.PENDING, table.c.due_at.label("at"), true())
        sent = (table.c.sent_at >= since, table.c.sent_at.label("at"), false())
        found: list[tuple[datetime, bool]] = []
        for which, at, waits in (pending, sent):
            query = select(at, waits).where(table.c.channel == channel, which, table.c.recipient == recipient)
            if rule is not None:
                told = delivery_alert.join(alert, alert.c.id == delivery_alert.c.alert)
                about = (delivery_alert.c.delivery == table.c.id, alert.c.rule == rule)
                query = query.where(exists().select_from(told).where(*about))
            found += [(row[0], bool(row[1])) for row in self._connection.execute(query)]
        return sorted(found)

    def rolled_up(self, channel: str, recipient: str, since: datetime) -> datetime | None:
        """When something was last told to a recipient in a roll-up, if after `since`."""
        told = (table.c.channel == channel, table.c.state == DeliveryState.SUPPRESSED, table.c.due_at > since)
        roll_up = (table.c.recipient == recipient, table.c.reason.startswith(ROLLED_UP))
        newest = select(func.max(table.c.due_at)).where(*told, *roll_up)
        at: datetime | None = self._connection.execute(newest).scalar()
        return at

    def troubled(self) -> Sequence[tuple[str, datetime, int, str]]:
        """Channels with messages that failed and are tried again: since when, how many wait, and why."""
        waiting = (table.c.state == DeliveryState.PENDING, table.c.last_error != "")
        query = (
            select(table.c.channel, func.min(table.c.created_at), func.count(), func.max(table.c.last_error))
            .where(*waiting)
            .group_by(table.c.channel)
        )
        return [tuple(row) for row in self._connection.execute(query)]

    def last_sent(self, channel: str) -> datetime | None:
        """When the channel last took a message."""
        newest = select(func.max(table.c.sent_at)).where(table.c.channel == channel)
        at: datetime | None = self._connection.execute(newest).scalar()
        return at

    def count_sent(self, since: datetime) -> int:
        """How many messages were sent since then, on all channels."""
        sent = (table.c.created_at >= since, table.c.state == DeliveryState.SENT)
        return self._connection.execute(select(func.count(table.c.id)).where(*sent)).scalar_one()
