"""The lease: one holder at a time for a row that is due, and a number that fences late comers.

A claim is one statement on both engines. Who holds a row may work until `lease_until`; a holder that was
paused beyond it finds another epoch when it settles, and is refused. Claims are counted when they are
made, not when they end: a row that brings its process down is seen to do so.

Source: Kleppmann, "Designing Data-Intensive Applications", 2017, chapter 8, fencing tokens;
PostgreSQL, SELECT, SKIP LOCKED ("queue-like tables with multiple consumers").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

POISONED = 3  # claims in a row that were never settled
POISONED_WAIT = timedelta(hours=1)  # then it is tried this seldom

# The lease columns of a row whose claim ended as it should, for an UPDATE.
SETTLED: dict[str, Any] = {"node": 0, "lease_until": None, "claims": 0}


def claim(
    connection: Connection,
    table: Table,
    ready: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]],
    returning: Sequence[Column[Any]],
    *,
    due: Column[datetime],
    now: datetime,
    lease: timedelta,
    node: int,
    limit: int | None = None,
    also: dict[str, Any] | None = None,
    poisoned_wait: timedelta = POISONED_WAIT,
) -> Sequence[Row[Any]]:
    """The rows that are `ready` and in nobody's hand, now held by `node`; at most `limit`, unordered."""
    picked = (
        select(table.c.id)
        .where(ready, free(table, now))
        .order_by(*order)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    poisoned = and_(table.c.claims >= POISONED, due.is_not(None))
    statement = (
        update(table)
        .where(table.c.id.in_(select(picked.c.id)))
        .values(
            {
                "node": node,
                "lease_until": now + lease,
                "epoch": table.c.epoch + 1,
                "claims": table.c.claims + 1,
                due.name: case((poisoned, literal(now + poisoned_wait, due.type)), else_=due),
                **(also or {}),
            }
        )
        .returning(*returning)
    )
    return connection.execute(statement).all()


def free(table: Table, now: datetime) -> ColumnElement[bool]:
    """Nobody holds the row at `now`."""
    return or_(table.c.lease_until.is_(None), table.c.lease_until <= now)


def next_due(
    connection: Connection, table: Table, due: Column[datetime], *waits: ColumnElement[bool]
) -> datetime | None:
    """When the next row can be claimed: it is due, and nobody's any more. None: there is none."""
    later = case((table.c.lease_until > due, table.c.lease_until), else_=due)
    free = select(func.min(due)).where(table.c.lease_until.is_(None), *waits)
    held = select(func.min(later)).where(table.c.node.is_not(None), due.is_not(None), *waits)
    times = [connection.execute(query).scalar_one() for query in (free, held)]
    return min((at for at in times if at is not None), default=None)


def release(connection: Connection, table: Table, nodes: Collection[int], *, clean: bool) -> int:
    """Free all rows that `nodes` hold; the number of them.

    `clean`: their claims were given back on purpose and do not count. The epoch stays: the next claim
    moves it on.
    """
    if not nodes:
        return 0
    changes: dict[str, Any] = {"node": 0, "lease_until": None}
    if clean:
        changes["claims"] = case((table.c.claims > 0, table.c.claims - 1), else_=0)
    return connection.execute(update(table).where(table.c.node.in_(nodes)).values(changes)).rowcount
