"""The running processes that share the database, and what a dead one held."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from service.model import Node
from service.store import lease as leases
from service.store.rows import columns, values
from service.store.schema import delivery, source
from service.store.schema import node as table


class Nodes:
    """The nodes of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register(self, node: Node) -> Node:
        """The node with its id, under which it claims."""
        node = replace(node, seen_at=node.seen_at or node.started_at)
        added = insert(table).values(values(node)).returning(table.c.id)
        return replace(node, id=self._connection.execute(added).scalar_one())

    def beat(self, node_id: int, now: datetime) -> None:
        """The node is alive."""
        self._connection.execute(update(table).where(table.c.id == node_id).values(seen_at=now))

    def list(self) -> Sequence[Node]:
        """All nodes that did not stop cleanly, by id; `seen_at` tells which of them live."""
        rows = self._connection.execute(select(*SHOWN).order_by(table.c.id))
        return [Node(**row._asdict()) for row in rows]

    def living(self, since: datetime) -> int:
        """How many nodes were heard of since then."""
        counted = select(func.count()).where(table.c.seen_at >= since)
        return self._connection.execute(counted).scalar_one()

    def free_dead(self, host: str, boot_id: str, alive: Callable[[int, datetime], bool]) -> int:
        """Free what dead nodes of this host hold; the number of polls and deliveries.

        A node is dead where the host was booted since, or `alive(pid, started_at)` says so. Nodes of other
        hosts cannot be judged from here: their leases end by themselves.
        """
        rows = self._connection.execute(select(*SHOWN).where(table.c.host == host))
        nodes = [Node(**row._asdict()) for row in rows]
        dead = [n.id for n in nodes if n.boot_id != boot_id or not alive(n.pid, n.started_at)]
        return self._free(dead, clean=False)

    def forget(self, node_id: int) -> int:
        """The node stops cleanly: give back what it holds. The number of polls and deliveries."""
        return self._free([node_id], clean=True)

    def clear(self) -> int:
        """Forget all nodes: they worked on another copy of this database. What they held is due again."""
        return self._free(self._connection.execute(select(table.c.id)).scalars().all(), clean=False)

    def prune(self, before: datetime) -> int:
        """Forget nodes that were last heard of before then; the number of them."""
        silent = self._connection.execute(select(table.c.id).where(table.c.seen_at < before))
        nodes = silent.scalars().all()
        self._free(nodes, clean=False)
        return len(nodes)

    def _free(self, nodes: Collection[int], *, clean: bool) -> int:
        if not nodes:
            return 0
        freed = sum(leases.release(self._connection, held, nodes, clean=clean) for held in (source, delivery))
        self._connection.execute(delete(table).where(table.c.id.in_(nodes)))
        return freed


SHOWN = columns(table, Node)
