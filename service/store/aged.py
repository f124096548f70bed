"""What is older than the retention, counted: how much would go, see `prune`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, exists, func, or_, select

from service.store.items import WAITED_FOR
from service.store.outbox import UNSENT
from service.store.schema import attempt, delivery, gap, item, node, seen, source, story


class Aged:
    """What is old in one transaction; each count is what the `prune` of the noun would come to in the end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def attempts(self, before: datetime) -> int:
        """Attempts that started before then."""
        return self._count(attempt, attempt.c.started_at < before)

    def deliveries(self, before: datetime) -> int:
        """Messages created before then that do not wait any more."""
        return self._count(delivery, delivery.c.created_at < before, delivery.c.state.not_in(UNSENT))

    def items(self, before: datetime) -> int:
        """Items stored before then that no message waits for."""
        return self._count(item, item.c.stored_at < before, item.c.id.not_in(WAITED_FOR))

    def stories(self, before: datetime) -> int:
        """Stories that ended before then, all of whose items are old."""
        stays = or_(item.c.stored_at >= before, item.c.id.in_(WAITED_FOR))
        kept = exists().where(item.c.story == story.c.id, stays)
        return self._count(story, story.c.updated_at < before, ~kept)

    def seen(self) -> int:
        """What was seen on sources that were removed."""
        removed = select(source.c.id).where(source.c.removed_at.is_not(None))
        return self._count(seen, seen.c.source.in_(removed))

    def gaps(self, before: datetime) -> int:
        """Gaps that ended before then."""
        return self._count(gap, gap.c.ended_at < before)

    def nodes(self, before: datetime) -> int:
        """Nodes that were last heard of before then."""
        return self._count(node, node.c.seen_at < before)

    def _count(self, table: Table, *where: ColumnElement[bool]) -> int:
        return self._connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
