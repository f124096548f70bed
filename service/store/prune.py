"""Retention: what is old goes, in slices that hold the writers up for milliseconds only.

What `seen` knows stays, so that an old entry does not come back as news; and so do an item that a message
which waits will tell of, its story, and the alerts of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.config import Retention
from service.store.db import Store, Transaction

SLICE = 1000  # rows a transaction
FORGOTTEN = timedelta(days=1)  # a node that has not been heard of for so long is not coming back


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows went."""

    items: int = 0
    stories: int = 0
    deliveries: int = 0
    attempts: int = 0
    fingerprints: int = 0
    seen: int = 0  # of sources that were removed
    gaps: int = 0
    nodes: int = 0


def prune(
    store: Store,
    now: datetime,
    retention: Retention,
    *,
    rows: int = SLICE,
    between: Callable[[int], None] = lambda _: None,
) -> Pruned:
    """Drop what is older than the retention, and give its pages back; how many rows went.

    `between` is called after each transaction with the number of rows that went in it.
    """
    before = now - retention.items

    def all_of(slice_of: Callable[[Transaction], int]) -> int:
        total = 0
        while True:
            with store.begin() as tx:
                gone = slice_of(tx)
            total += gone
            between(gone)
            if not gone:
                return total

    pruned = Pruned(
        attempts=all_of(lambda tx: tx.outbox.prune_attempts(now - retention.attempts, rows)),
        deliveries=all_of(lambda tx: tx.outbox.prune(before, rows)),
        items=all_of(lambda tx: tx.items.prune(before, rows)),
        stories=all_of(lambda tx: tx.stories.prune(before, rows)),
        fingerprints=_fingerprints(store, now - retention.fingerprints, rows, between),
        seen=all_of(lambda tx: tx.sources.prune(rows)),
        gaps=all_of(lambda tx: tx.gaps.prune(before, rows)),
        nodes=all_of(lambda tx: tx.nodes.prune(now - FORGOTTEN)),
    )
    while store.vacuum():
        between(0)
    return pruned


def due(store: Store, now: datetime, retention: Retention, *, rows: int = SLICE) -> Pruned:
    """How many rows `prune` would drop; nothing is written."""
    before = now - retention.items
    with store.read() as tx:
        aged = Pruned(
            attempts=tx.aged.attempts(now - retention.attempts),
            deliveries=tx.aged.deliveries(before),
            items=tx.aged.items(before),
            stories=tx.aged.stories(before),
            seen=tx.aged.seen(),
            gaps=tx.aged.gaps(before),
            nodes=tx.aged.nodes(now - FORGOTTEN),
        )
    return replace(aged, fingerprints=_postings(store, now - retention.fingerprints, rows))


def _postings(store: Store, before: datetime, rows: int) -> int:
    total, start = 0, None
    while True:
        with store.read() as tx:
            old, start = tx.stories.old_postings(before, start, rows)
        total += old
        if start is None:
            return total


def _fingerprints(store: Store, before: datetime, rows: int, between: Callable[[int], None]) -> int:
    """Walk the posting lists once, in their order: an index by age would cost more than they do."""
    total, start = 0, None
    while True:
        with store.begin() as tx:
            gone, start = tx.stories.prune_postings(before, start, rows)
        total += gone
        between(gone)
        if start is None:
            return total
