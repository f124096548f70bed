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
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from service.alerts import blind
from service.config import Config
from service.deliver.dispatch import Dispatcher
from service.deliver.retry import next_try
from service.deliver.templating import Stylist
from service.failpoints import passes
from service.fetch.caching import aged
from service.fetch.schedule import Due, next_poll, unwatched_since
from service.fetch.transports import Fetcher
from service.intake import take_in
from service.model import (
    Attempt,
    Channel,
    Delivery,
    DeliveryState,
    Failure,
    FailureKind,
    Fetched,
    Freshness,
    Gap,
    Node,
    Parsed,
    Source,
    SourceState,
)
from service.release import Releaser
from service.store.db import Store, Transaction
from service.telling import Teller
from service.workers import WorkerError, Workers

DELIVERY_LEASE = timedelta(seconds=60)  # twice the longest attempt: connect 5 s, read 15 s, total 30 s
ARRIVALS = 200  # unchanged sources settled in one transaction
RELEASE_BATCH = 200  # messages rendered in one transaction

UNWATCHED = "it was not polled: no monitor was running, or the source was paused"

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


class _FencedError(Exception):
    """The source was claimed again meanwhile: what this poll brought is rolled back."""


class Pipeline:
    """The path of an item, from a source that is due to a message that was sent."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.arrived: queue.SimpleQueue[Fetched | Failure] = queue.SimpleQueue()

    # ------------------------------------------------------------ poll

    def poll(self, now: datetime) -> int:
        """How many due sources were claimed and sent out to be fetched; each comes back in `arrived`."""
        parts = self.parts
        room = parts.fetcher.capacity
        with parts.store.read() as tx:
            due = tx.sources.next_due()
        if not room or due is None or due > now:
            return 0
        with parts.store.begin() as tx:
            sources = tx.sources.claim(now, room, parts.config.poll.lease, parts.node.id)
        return self.fetch(sources)

    def fetch(self, sources: Sequence[Source]) -> int:
        """Send claimed sources out to be fetched."""
        if sources:
            passes("claimed")
        for source in sources:
            self.parts.fetcher.submit(source, self.arrived.put)
        return len(sources)

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
            if isinstance(result, Fetched) and result.documents:
                changed.append(result)
            else:
                plain.append(result)
        self._settle(plain)
        return sum(map(self._take_in, changed))

    def _take_in(self, fetched: Fetched) -> int:
        """Parse what was fetched, and store all it teaches in one transaction."""
        passes("fetched")
        parsed = self._parse(fetched)
        if isinstance(parsed, Failure):
            self._settle([parsed])
            return 0
        passes("parsed")
        parts, source, now = self.parts, fetched.source, self.parts.store.now()
        items = [item for document in parsed for item in document.items]
        feed = parsed[-1].feed.freshness if parsed else Freshness()
        parts.teller.prepare(items)
        try:
            with parts.store.begin() as tx:
                parts.teller.refresh(tx)
                stored = list(take_in(tx, source, items, parts.config.agencies, now))
                passes("stored")
                for item, placement in stored:
                    parts.teller.tell(tx, item, placement, source, now)
                passes("matched")
                result = aged(fetched, items, len(stored), now)
                self._settle_one(tx, result, feed, len(stored), now)
        except _FencedError:
            parts.report("source.taken-over", source=source.name)
            return 0
        passes("committed")
        if fetched.acknowledge:
            fetched.acknowledge()
        if isinstance(result, Failure):
            self._report(result)
            return 0
        problems = [problem.what for document in parsed for problem in document.problems]
        parts.report("source.read", source=source.name, items=len(items), new=len(stored), problems=problems)
        return len(stored)

    def _parse(self, fetched: Fetched) -> list[Parsed] | Failure:
        """What the documents held, read in a worker process: a hostile one kills the worker alone.

        Where a transport can put an unreadable document aside, it does, and the others go on.
        """
        source, parsed = fetched.source, []
        for document in fetched.documents:
            try:
                parsed.append(self.parts.workers.run("service.parse.formats:parse", document, source))
            except WorkerError as error:
                if fetched.reject is None:
                    # Without the cursor: a server that says "unchanged" next time must not make it look well.
                    return Failure(source=source, kind=FailureKind.UNREADABLE, reason=str(error))
                fetched.reject(document.name, str(error))
                self.parts.report("document.rejected", source=source.name, name=document.name, reason=error)
        return cast(list[Parsed], parsed)

    # ------------------------------------------------------------ settling sources

    def _settle(self, results: Sequence[Fetched | Failure]) -> None:
        """Write down unchanged and failed sources, all in one transaction."""
        if not results:
            return
        now = self.parts.store.now()
        with self.parts.store.begin() as tx:
            for result in results:
                with contextlib.suppress(_FencedError):
                    self._settle_one(tx, result, Freshness(), 0, now)
        for result in results:
            if isinstance(result, Failure):
                self._report(result)
            elif result.acknowledge:
                result.acknowledge()

    def _report(self, failure: Failure) -> None:
        if failure.kind is not FailureKind.DEFERRED:
            source, kind = failure.source.name, failure.kind
            self.parts.report("source.failed", source=source, kind=kind, reason=failure.reason)

    def _settle_one(
        self, tx: Transaction, result: Fetched | Failure, feed: Freshness, new: int, now: datetime
    ) -> None:
        """Write down one source, and when it is due again; _FencedError where another node has it by now."""
        source = result.source
        due = next_poll(
            source, result, feed, now, self.parts.config.poll, new_items=new, jitter=random.random()
        )
        asked: datetime | None = now
        ok_at: datetime | None = now
        error = ""
        if isinstance(result, Failure):
            error, ok_at = result.reason, source.last_ok_at
            if result.kind is FailureKind.DEFERRED:  # nothing was asked, nothing is known
                error, asked = source.last_error, source.last_polled_at
        settled = tx.sources.settle(
            source.id,
            source.epoch,
            cursor=result.cursor or source.cursor,
            state=due.state,
            failures=due.failures,
            last_error=error,
            last_polled_at=asked,
            last_ok_at=ok_at,
            last_item_at=now if new else source.last_item_at,
            next_poll_at=due.at,
            rhythm=due.rhythm,
            url=due.url,
        )
        if not settled:
            raise _FencedError
        self._note_gap(tx, result, now)
        self._remember(tx, source, due, new, now)
        if due.state is not source.state and SourceState.GONE in {due.state, source.state}:
            self.parts.report("source.state", source=source.name, state=due.state, reason=due.reason)

    def _remember(self, tx: Transaction, source: Source, due: Due, new: int, now: datetime) -> None:
        """What a poll teaches about when to worry; the first, which brings all at once, teaches nothing."""
        if new and source.last_ok_at and source.state is not SourceState.PAUSED:
            habit = blind.learn(tx.outages.habit(source.id), now, source.timezone)
            tx.outages.learn(source.id, habit, blind.missed_at(habit, source.timezone))
        if due.url:
            tx.outages.moved(source.id, f"has moved for good to {due.url}, and is read there", now)

    def _note_gap(self, tx: Transaction, result: Fetched | Failure, now: datetime) -> None:
        """Write down from when to when the source was not read; nothing, while it is."""
        source = result.source
        if isinstance(result, Failure):
            if result.kind is not FailureKind.DEFERRED:
                tx.gaps.fail(source.id, result.reason, now)
        elif source.failures:
            tx.gaps.end(source.id, now)
        elif since := unwatched_since(source, self.parts.config.poll, now):
            tx.gaps.add(Gap(source=source.id, began_at=since, ended_at=now, polls=0, reason=UNWATCHED))

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
        now = self.parts.store.now()
        after = next_try(delivery, attempt.outcome, now, jitter=random.random())
        with self.parts.store.begin() as tx:
            tx.outbox.settle(
                delivery.id,
                delivery.epoch,
                state=after.state,
                reason=after.reason,
                last_error="" if after.state is DeliveryState.SENT else attempt.outcome.reason,
                due_at=after.due_at,
                sent_at=now if after.state is DeliveryState.SENT else None,
                attempt=replace(attempt, node=self.parts.node.name),
            )
        passes("settled")
        self.parts.report(
            f"delivery.{after.state}" if after.state is not DeliveryState.PENDING else "delivery.retry",
            delivery=delivery.id,
            channel=delivery.channel,
            kind=delivery.kind,
            story=delivery.story,
            reason=after.reason,
        )
