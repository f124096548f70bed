"""poll -> parse -> place -> store -> match -> alert -> deliver: the path of an item. Read this first.

    poll      claim the sources that are due, send them out to be fetched          one statement
    intake    what arrived: unchanged sources are settled together; what changed
              is parsed in a worker process, and then, in one transaction for a few documents:
              identity -> place in a story -> store -> source settled -> match -> alert -> outbox
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
import logging
import queue
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import NamedTuple

from service.config import Config
from service.deliver.dispatch import Dispatcher
from service.deliver.templating import Stylist
from service.errors import StoreError
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
from service.settling import FencedError, Polled, note_hubs, settle, settle_delivery, settle_many
from service.store.db import Store, Transaction
from service.telling import Teller, set_aside
from service.workers import Workers

DELIVERY_LEASE = timedelta(seconds=60)  # twice the longest attempt: connect 5 s, read 15 s, total 30 s
ARRIVALS = 200  # unchanged sources settled in one transaction
TOGETHER = 8  # documents stored in one transaction, of those that are there already
KEPT = 16  # places in the fetcher that sources which fail may not take
RELEASE_BATCH = 200  # messages rendered in one transaction

Report = Callable[..., None]  # report(event: str, **facts): one line of log, a counter, a picture

log = logging.getLogger(__name__)


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


class Changed(NamedTuple):
    """What was fetched, read: it is to be stored."""

    fetched: Fetched
    contents: Contents


class Kept(NamedTuple):
    """What of it was new, what the fetch was in the end, and when the source is due again."""

    taken: Sequence[Taken]
    result: Fetched | Failure
    due: Due


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
        """What has arrived: many results without a document, a few with one; empty after `timeout` seconds.

        Nobody waits for more to come, and of several documents each who takes in has a share.
        """
        results: list[Fetched | Failure] = []
        with contextlib.suppress(queue.Empty):
            results.append(self.arrived.get(timeout=timeout))
            room = min(TOGETHER, 1 + self.arrived.qsize() // self.parts.config.poll.workers)
            while len(results) < ARRIVALS and (room := room - _is_changed(results[-1])):
                results.append(self.arrived.get_nowait())
        return results

    def intake(self, results: Iterable[Fetched | Failure]) -> int:
        """How many new items came in with what arrived. Raises StoreError where the database is away."""
        changed: list[Fetched] = []
        plain: list[Fetched | Failure] = []
        for result in results:
            if isinstance(result, Fetched) and _is_changed(result):
                changed.append(result)
            else:
                plain.append(result)
        self._settle(plain)
        return self._take_in(list(chain.from_iterable(map(self._read, changed))))

    def _read(self, fetched: Fetched) -> list[Changed]:
        """What was fetched, read; nothing, where it cannot be, which its source is told."""
        passes("fetched")
        try:
            contents = self.reader.read(fetched)
        except Exception as error:  # noqa: BLE001 - no worker starts, or the document cannot be laid aside
            contents = _broken(fetched.source, error)
        if isinstance(contents, Failure):
            self._settle([contents])
            return []
        passes("parsed")
        return [Changed(fetched, contents)]

    def _take_in(self, read: Sequence[Changed]) -> int:
        """Store what these documents teach; where that fails for one, each is stored by itself."""
        if not read:
            return 0
        source = read[0].fetched.source
        try:
            kept = self._store(read)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are stored
            if len(read) > 1:
                return sum(self._take_in([each]) for each in read)
            if isinstance(error, FencedError):
                self.parts.report("source.taken-over", source=source.name)
                return 0
            if isinstance(error, StaleError):
                self.reader.forget(source)
                return self._take_in(self._read(read[0].fetched))
            self._settle([_broken(source, error)])
            return 0
        passes("committed")
        return sum(map(self._finish, read, kept))

    def _store(self, read: Sequence[Changed]) -> list[Kept]:
        """What was new in each of these documents and what became of its source, in one transaction."""
        parts, now = self.parts, self.parts.store.now()
        entries = chain.from_iterable(contents.entries for _, contents in read)
        parts.teller.prepare(entry.item for entry in entries if isinstance(entry, Reading))
        taken: list[Sequence[Taken]] = []
        try:
            with parts.store.begin() as tx:
                parts.teller.refresh(tx)
                for fetched, contents in read:
                    new = take_in(tx, fetched.source, contents.entries, self.sketches, now)
                    taken.append(new)
                    self.sketches.keep(new)
                passes("stored")
                # Before anything is told: where it is too late for one of them, nothing of this is true.
                kept = self._settle_read(tx, read, taken, now)
                for each, one in zip(read, kept, strict=True):
                    for item, placement, _ in one.taken:
                        parts.teller.tell(tx, item, placement, each.fetched.source, now)
                passes("matched")
        except BaseException:
            self.sketches.forget(chain.from_iterable(taken))
            raise
        return kept

    def _settle_read(
        self, tx: Transaction, read: Sequence[Changed], taken: Sequence[Sequence[Taken]], now: datetime
    ) -> list[Kept]:
        """Write down what these documents taught about their sources."""
        config, polls, brought = self.parts.config, [], []
        for (fetched, contents), new in zip(read, taken, strict=True):
            result = aged(fetched, (entry.published_at for entry in contents.entries), len(new), now)
            polls.append(Polled(result, contents.feed.freshness, len(new)))
            brought.append((fetched, contents.feed, len(new)))
            set_aside(tx, config, fetched.source, contents.aside, now)
        dues = settle(tx, polls, now, config.poll)
        note_hubs(tx, brought, now)
        return [Kept(new, one.result, due) for new, one, due in zip(taken, polls, dues, strict=True)]

    def _finish(self, read: Changed, kept: Kept) -> int:
        """Say what came in, now that it is safe; the number of new items."""
        (fetched, contents), source = read, read.fetched.source
        if fetched.status:
            self.reader.remember(source, contents)
        self._report(kept.result, kept.due)
        self._acknowledge(fetched)
        if isinstance(kept.result, Failure):
            return 0
        new, problems = len(kept.taken), list(contents.problems)
        self.parts.report(
            "source.read", source=source.name, items=len(contents.entries), new=new, problems=problems
        )
        return new

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
            if isinstance(result, Fetched):
                self._acknowledge(result)

    def _acknowledge(self, fetched: Fetched) -> None:
        """Let go of what was fetched, now that it is safe; where that fails, it comes again and is known."""
        try:
            if fetched.acknowledge:
                fetched.acknowledge()
        except Exception as error:  # noqa: BLE001 - a folder may be anything by now
            self._settle([_broken(fetched.source, error)])

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


def _is_changed(result: Fetched | Failure) -> bool:
    return isinstance(result, Fetched) and bool(result.documents or result.aside)


def _broken(source: Source, error: Exception) -> Failure:
    """What nobody expected, as a failure of the source that it came from: the others go on."""
    log.error("what %s brought could not be taken in", source.name, exc_info=error)
    reason = f"could not be taken in: {type(error).__name__}: {error}"
    return Failure(source=source, kind=FailureKind.UNREADABLE, reason=reason)
