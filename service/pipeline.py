"""poll -> parse -> place -> store -> match -> alert -> deliver: the path of an item. Read this first.

    poll      claim the sources that are due, send them out to be fetched          one statement
    intake    what arrived: unchanged sources are settled together; a changed one
              is parsed in a worker process, and then, in one transaction:
              identity -> place in a story -> store -> match -> alert -> outbox -> source settled
    release   messages whose time has come are rendered                            one transaction
    deliver   claim messages, send them outside any transaction, settle each at once

The pipeline only orders. What an item is, which story it belongs to, what hits and who is told is decided
in the rooms, by functions that know no database; network and workers stand outside every transaction.
All that a poll learned commits together or not at all, so a crash at any point repeats work and loses none:
an item that was not committed is fetched again, a message that was sent but not settled goes out once more
with the same id.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from service.config import Config
from service.deliver.dispatch import Dispatcher
from service.deliver.templating import Stylist
from service.failpoints import passes
from service.fetch.caching import aged
from service.fetch.schedule import Due
from service.fetch.transports import Fetcher
from service.intake import Sketches, Taken, take_in
from service.model import (
    Attempt,
    Channel,
    Delivery,
    DeliveryState,
    Failure,
    FailureKind,
    Fetched,
    Node,
    Source,
    SourceState,
)
from service.reading import Contents, Reader, Reading, StaleError
from service.release import Releaser
from service.settling import FencedError, note_hub, settle, settle_delivery, settle_many
from service.store.db import Store
from service.telling import Teller, set_aside
from service.workers import Workers

DELIVERY_LEASE = timedelta(seconds=60)  # twice the longest attempt: connect 5 s, read 15 s, total 30 s
ARRIVALS = 200  # unchanged sources settled in one transaction
KEPT = 16  # places in the fetcher that sources which fail may not take
RELEASE_BATCH = 200  # messages rendered in one transaction

Report = Callable[..., None]  # report(event: str, **facts): one line of log, a counter, a picture


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pipeline is made of; `app.build` puts them together."""

    config: Config
    store: Store
    fetcher: Fetcher
    workers: Workers
    dispatcher: Dispatcher
    channels: Mapping[str, Channel]
    teller: Teller
    stylist: Stylist
    node: Node
    report: Report


class Pipeline:
    """The path of an item, from a source that is due to a message that was sent."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.arrived: queue.SimpleQueue[Fetched | Failure] = queue.SimpleQueue()
        self.reader = Reader(parts.workers, parts.config.agencies, parts.report)
        self.sketches = Sketches()

    # ------------------------------------------------------------ poll

    def poll(self, now: datetime) -> int:
        """How many due sources were claimed and sent out to be fetched; each comes back in `arrived`."""
        parts, room = self.parts, self.room
        with parts.store.read() as tx:
            due = tx.sources.next_due()
        if not room or due is None or due > now:
            return 0
        with parts.store.begin() as tx:
            sources = tx.sources.claim(now, room, parts.config.poll.lease, parts.node.id, kept=KEPT)
        return self.fetch(sources)

    @property
    def room(self) -> int:
        """How many sources may be sent out now: what has arrived takes memory while it waits."""
        return max(0, self.parts.fetcher.capacity - self.arrived.qsize())

    def fetch(self, sources: Sequence[Source]) -> int:
        """Send claimed sources out to be fetched."""
        if sources:
            passes("claimed")
        for source in sources:
            self.parts.fetcher.submit(source, partial(self._arrive, time.monotonic()))
        return len(sources)

    def _arrive(self, began: float, result: Fetched | Failure) -> None:
        """It came back from the network, for whoever takes it in."""
        took, unchanged = time.monotonic() - began, isinstance(result, Fetched) and not result.documents
        if isinstance(result, Fetched) or result.kind is not FailureKind.DEFERRED:
            self.parts.report("source.fetched", source=result.source.name, took=took, unchanged=unchanged)
        self.arrived.put(result)

    # ------------------------------------------------------------ intake

    def arrivals(self, timeout: float) -> list[Fetched | Failure]:
        """What has arrived: many results without a document, or one with; empty after `timeout` seconds."""
        results: list[Fetched | Failure] = []
        with contextlib.suppress(queue.Empty):
            results.append(self.arrived.get(timeout=timeout))
            while len(results) < ARRIVALS and not getattr(results[-1], "documents", ()):
                results.append(self.arrived.get_nowait())
        return results

    def intake(self, results: Iterable[Fetched | Failure]) -> int:
        """How many new items came in with what arrived."""
        changed: list[Fetched] = []
        plain: list[Fetched | Failure] = []
        for result in results:
            if isinstance(result, Fetched) and (result.documents or result.aside):
                changed.append(result)
            else:
                plain.append(result)
        self._settle(plain)
        return sum(map(self._take_in, changed))

    def _take_in(self, fetched: Fetched) -> int:
        """Read what was fetched, and store all it teaches in one transaction."""
        passes("fetched")
        source = fetched.source
        contents = self.reader.read(fetched)
        if isinstance(contents, Failure):
            self._settle([contents])
            return 0
        passes("parsed")
        try:
            stored, result, due = self._store(fetched, contents)
        except FencedError:
            self.parts.report("source.taken-over", source=source.name)
            return 0
        except StaleError:
            self.reader.forget(source)
            return self._take_in(fetched)
        passes("committed")
        self.sketches.keep(stored)
        if fetched.status:
            self.reader.remember(source, contents)
        if fetched.acknowledge:
            fetched.acknowledge()
        self._report(result, due)
        if isinstance(result, Failure):
            return 0
        facts = {"items": len(contents.entries), "new": len(stored), "problems": list(contents.problems)}
        self.parts.report("source.read", source=source.name, **facts)
        return len(stored)

    def _store(self, fetched: Fetched, contents: Contents) -> tuple[Sequence[Taken], Fetched | Failure, Due]:
        """The items that were new, what the fetch was in the end, and when the source is due again."""
        parts, source, now = self.parts, fetched.source, self.parts.store.now()
        entries, feed = contents.entries, contents.feed
        parts.teller.prepare(entry.item for entry in entries if isinstance(entry, Reading))
        with parts.store.begin() as tx:
            parts.teller.refresh(tx)
            stored = take_in(tx, source, entries, self.sketches, now)
            passes("stored")
            for item, placement, _ in stored:
                parts.teller.tell(tx, item, placement, source, now)
            passes("matched")
            result = aged(fetched, (entry.published_at for entry in entries), len(stored), now)
            due = settle(tx, result, feed.freshness, len(stored), now, parts.config.poll)
            note_hub(tx, fetched, feed, len(stored), now)
            set_aside(tx, parts.config, source, contents.aside, now)
        return stored, result, due

    # ------------------------------------------------------------ settling sources

    def _settle(self, results: Sequence[Fetched | Failure]) -> None:
        """Write down unchanged and failed sources, all in one transaction."""
        if not results:
            return
        with self.parts.store.begin() as tx:
            told = settle_many(tx, results, self.parts.store.now(), self.parts.config.poll)
        for result, due in told:
            self._report(result, due)
        for result in results:
            if isinstance(result, Fetched) and result.acknowledge:
                result.acknowledge()

    def _report(self, result: Fetched | Failure, due: Due) -> None:
        """Say that a source failed, or is gone or back."""
        source, report = result.source, self.parts.report
        if due.state is not source.state and SourceState.GONE in {due.state, source.state}:
            report("source.state", source=source.name, state=due.state, reason=due.reason)
        if isinstance(result, Failure) and result.kind is not FailureKind.DEFERRED:
            report("source.failed", source=source.name, kind=result.kind, reason=result.reason)

    # ------------------------------------------------------------ release and deliver

    def release(self, now: datetime) -> int:
        """How many held messages were rendered, or found to be unwanted by now."""
        with self.parts.store.read() as tx:
            if not tx.outbox.held_due(now, 1):
                return 0
        with self.parts.store.begin() as tx:
            held = tx.outbox.held_due(now, RELEASE_BATCH)
            Releaser(tx, self.parts.config, self.parts.channels, now, self.parts.stylist).release(held)
            passes("released")
        return len(held)

    def deliver(self, now: datetime) -> int:
        """How many messages were handed to their channels; each is settled when its server has answered."""
        parts, handed = self.parts, 0
        with parts.store.read() as tx:
            waiting = tx.outbox.due_channels(now) if tx.installation.sending_allowed() else []
        for channel in waiting:
            if room := parts.dispatcher.room(channel):
                with parts.store.begin() as tx:
                    claimed = tx.outbox.claim(channel, now, room, DELIVERY_LEASE, parts.node.id)
                if claimed:
                    passes("delivery-claimed")
                for delivery in claimed:
                    parts.dispatcher.send(delivery, self._settle_delivery)
                handed += len(claimed)
        return handed

    def _settle_delivery(self, delivery: Delivery, attempt: Attempt) -> None:
        """Write down what the channel's server answered. Called from the channel's own thread."""
        passes("sent")
        attempt = replace(attempt, node=self.parts.node.name)
        with self.parts.store.begin() as tx:
            after = settle_delivery(tx, delivery, attempt, self.parts.store.now())
        passes("settled")
        became = "retry" if after.state is DeliveryState.PENDING else after.state
        facts = {"delivery": delivery.id, "channel": delivery.channel, "kind": delivery.kind}
        took = round(attempt.took.total_seconds(), 3)
        self.parts.report(f"delivery.{became}", **facts, story=delivery.story, reason=after.reason, took=took)
