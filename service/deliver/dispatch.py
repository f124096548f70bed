"""One worker for each channel: deliveries in, attempts out.

A channel that hangs holds nobody but itself: its thread, its queue, its bucket and its breaker are its own.
Nothing here decides what becomes of a delivery (`retry.next_try` does) and nothing is written down; the
caller's `done` does that, and is called exactly once for every delivery that was tried.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from service.deliver.drivers import Driver, driver
from service.deliver.retry import BATCH, Breaker, Bucket
from service.errors import UsageError
from service.model import Attempt, Channel, Clock, Delivery, Message, Outcome, Verdict, utcnow

log = logging.getLogger(__name__)

IDLE = 30.0  # seconds without work after which a driver lets go of its connection
PATIENCE = timedelta(seconds=25)  # in a queue: with the longest attempt it stays under a delivery's lease

Done: TypeAlias = Callable[[Delivery, Attempt], None]


@dataclass(frozen=True, slots=True)
class BreakerState:
    """How a channel is doing: `closed` works, `open` rests until `until`, `probing` has to prove itself."""

    state: str
    until: datetime | None = None
    failures: int = 0
    reason: str = ""


class Dispatcher:
    """The channels of a process. Methods may be called from any thread."""

    def __init__(self, channels: Mapping[str, Channel], *, clock: Clock = utcnow) -> None:
        self._channels = dict(channels)
        self._clock = clock
        self._lock = threading.Lock()
        self._workers: dict[str, _Worker] = {}
        self._leaving: list[_Worker] = []  # of channels that have changed: they finish what they hold
        self._closed = False

    def room(self, channel: str) -> int:
        """How many deliveries the channel takes now: at most a batch, 0 while it rests or is at its rate."""
        worker = self._worker(channel)
        return worker.room() if worker else 0

    def send(self, delivery: Delivery, done: Done) -> None:
        """Queue a delivery; `done` is called with the attempt, from the worker's thread.

        Beyond `room` it is taken, too, and waits its turn. After `close` it is left to its lease.
        """
        worker = self._worker(delivery.channel)
        if worker:
            worker.put(delivery, done)

    def reload(self, channels: Mapping[str, Channel]) -> None:
        """Use these channels from now on; one that has changed starts afresh, its breaker closed."""
        with self._lock:
            before, self._channels = self._channels, dict(channels)
            for name in list(self._workers):
                if before.get(name) != self._channels.get(name):
                    worker = self._workers.pop(name)
                    worker.finish()
                    self._leaving.append(worker)
            self._leaving = [worker for worker in self._leaving if worker.alive]

    def states(self) -> Mapping[str, BreakerState]:
        """How each channel is doing; one that was not used yet is closed."""
        with self._lock:
            workers = dict(self._workers)
            names = list(self._channels)
        return {name: workers[name].state() if name in workers else BreakerState("closed") for name in names}

    def drain(self, timeout: float) -> bool:
        """Wait until everything in hand is done; whether it was, within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._lock:
            workers = [*self._workers.values(), *self._leaving]
        return all(worker.wait(deadline) for worker in workers)

    def close(self, timeout: float) -> tuple[Delivery, ...]:
        """Let running attempts finish, for at most `timeout` seconds, and end the workers.

        Answers with the deliveries that were handed back untried: `done` was not called for them.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            self._closed = True
            workers = [*self._workers.values(), *self._leaving]
            self._workers, self._leaving = {}, []
        untried = [delivery for worker in workers for delivery in worker.abandon()]
        for worker in workers:
            worker.join(deadline)
        return tuple(untried)

    def _worker(self, name: str) -> _Worker | None:
        with self._lock:
            if self._closed:
                return None
            worker = self._workers.get(name)
            if worker is None:
                worker = self._workers[name] = _Worker(name, self._channels.get(name), self._clock)
            return worker


@dataclass(frozen=True, slots=True)
class _Mute:
    """The driver of a channel that cannot be used: it says why."""

    verdict: Verdict
    reason: str

    def send(self, message: Message, recipient: str) -> Outcome:  # noqa: ARG002 - nothing is sent
        return Outcome(verdict=self.verdict, reason=self.reason)

    def close(self) -> None:
        pass


def _driver(channel: Channel | None) -> Driver:
    if channel is None:
        return _Mute(Verdict.PERMANENT, "no such channel in the configuration")
    try:
        return driver(channel)
    except UsageError as error:
        return _Mute(Verdict.AUTH, str(error))


@dataclass(frozen=True, slots=True)
class _Job:
    delivery: Delivery
    done: Done
    queued_at: datetime


class _Worker:
    """The thread of one channel, started with its first delivery."""

    def __init__(self, name: str, channel: Channel | None, clock: Clock) -> None:
        self._channel, self._clock = channel, clock
        self._bucket = Bucket.full(channel.rate, clock()) if channel else None
        self._breaker = Breaker()
        self._jobs: deque[_Job] = deque()
        self._busy = False
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"deliver-{name}", daemon=True)
        self._started = False

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def room(self) -> int:
        now = self._clock()
        with self._changed:
            if self._ending or self._breaker.rests(now):
                return 0
            held = len(self._jobs) + self._busy
            # A channel in doubt gets one message at a time: should it hang, the others need not wait with it.
            free = (1 if self._breaker.probing else BATCH) - held
            if self._bucket:
                free = min(free, int(self._bucket.at(now).tokens))
            return max(free, 0)

    def put(self, delivery: Delivery, done: Done) -> None:
        now = self._clock()
        with self._changed:
            if self._ending:
                return
            if self._bucket:
                self._bucket = self._bucket.take(now)
            self._jobs.append(_Job(delivery, done, now))
            if not self._started:
                self._started = True
                self._thread.start()
            self._changed.notify_all()

    def state(self) -> BreakerState:
        now = self._clock()
        with self._changed:
            breaker = self._breaker
        if breaker.rests(now):
            return BreakerState("open", breaker.until, breaker.failures, breaker.reason)
        if breaker.opened:
            return BreakerState("probing", None, breaker.failures, breaker.reason)
        return BreakerState("closed", None, breaker.failures, breaker.reason)

    def finish(self) -> None:
        """Take nothing more; end when the queue is empty."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def abandon(self) -> list[Delivery]:
        """Take nothing more, and hand back what was not begun."""
        with self._changed:
            self._ending = True
            untried = [job.delivery for job in self._jobs]
            self._jobs.clear()
            self._changed.notify_all()
        return untried

    def wait(self, deadline: float) -> bool:
        with self._changed:
            left = max(deadline - time.monotonic(), 0)
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, left)

    def join(self, deadline: float) -> None:
        if self._started:
            self._thread.join(max(deadline - time.monotonic(), 0))

    def _run(self) -> None:
        sender: Driver | None = None
        while job := self._next(sender):
            if sender is None:
                sender = _driver(self._channel)
            attempt = self._attempt(sender, job)
            try:
                job.done(job.delivery, attempt)
            except Exception:  # the worker must outlive a database that is away
                log.exception("the outcome of delivery %d could not be recorded", job.delivery.id)
            with self._changed:
                self._busy = False
                self._changed.notify_all()
        if sender:
            sender.close()

    def _next(self, sender: Driver | None) -> _Job | None:
        """The next delivery, or None at the end. An idle driver is closed on the way."""
        with self._changed:
            waiting = not self._changed.wait_for(lambda: self._jobs or self._ending, IDLE)
        if waiting and sender:
            sender.close()
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._ending)
            if not self._jobs:
                return None
            self._busy = True
            return self._jobs.popleft()

    def _attempt(self, sender: Driver, job: _Job) -> Attempt:
        started, clicked = self._clock(), time.monotonic()
        outcome = self._held_back(job, started) or self._try(sender, job.delivery)
        return Attempt(
            delivery=job.delivery.id,
            number=max(job.delivery.attempts, 1),
            started_at=started,
            took=timedelta(seconds=time.monotonic() - clicked),
            outcome=outcome,
        )

    def _held_back(self, job: _Job, now: datetime) -> Outcome | None:
        """Why this delivery is not even tried, if it is not."""
        if self._breaker.until and self._breaker.rests(now):
            reason = f"the channel rests: {self._breaker.reason}"
            rest = self._breaker.until - now
            return Outcome(verdict=Verdict.TRANSIENT, code="resting", reason=reason, retry_after=rest)
        if now - job.queued_at > PATIENCE:
            reason = "the channel was too slow to come to it"
            return Outcome(verdict=Verdict.TRANSIENT, code="late", reason=reason, retry_after=timedelta(0))
        return None

    def _try(self, sender: Driver, delivery: Delivery) -> Outcome:
        if delivery.message is None:
            return Outcome(verdict=Verdict.PERMANENT, reason="the message was never written")
        try:
            outcome = sender.send(delivery.message, delivery.recipient)
        except Exception as error:
            log.exception("the driver of channel %s failed", delivery.channel)
            outcome = Outcome(
                verdict=Verdict.TRANSIENT, reason=f"a fault in the driver: {type(error).__name__}"
            )
        now = self._clock()
        with self._changed:
            self._breaker = breaker = self._breaker.after(outcome, now)
        if breaker.until and outcome.retry_after is None:
            # It waits as long as its channel rests, not longer: so the oldest message is the one that probes.
            return replace(outcome, retry_after=breaker.until - now)
        return outcome
