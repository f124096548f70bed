"""`monitor run`: beats, threads, signals, a clean stop.

APScheduler gives the beats; the database holds what is due, so a beat only asks it. Arrived documents are
taken in by threads of their own, one for each parse worker; a channel's messages go out in the channel's
own thread. Nothing here decides anything.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from sdnotify import SystemdNotifier

from service import __version__
from service.app import App, alive
from service.config import Config, load
from service.errors import ConfigError, StoreError
from service.model import Failure, FailureKind, Fetched
from service.store.prune import prune

BEAT = timedelta(milliseconds=250)  # how late a due source or message may be seen
SWEEP = timedelta(seconds=20)  # a third of the shortest lease
WATCH = 2.0  # seconds between two looks at the beats, on the monotonic clock
PRUNE = timedelta(hours=1)
RETRY = 1.0  # seconds until a refused transaction is tried again
STOP_PATIENCE = 10.0  # seconds that what is in hand has to finish


class Daemon:
    """A running monitor, until `stop`."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.stopped = threading.Event()
        self.notifier = SystemdNotifier()
        self.scheduler = BackgroundScheduler(
            timezone=UTC,
            # A beat that is late is run once and at once: the default grace of a second drops it in silence.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self.threads: list[threading.Thread] = []

    def run(self) -> None:
        """Run until a signal or `stop`; then finish what is in hand and give the rest back."""
        self._start()
        try:
            while not self.stopped.wait(WATCH):
                self._watch()
        finally:
            self._stop()

    def stop(self) -> None:
        """Ask the daemon to end; returns at once."""
        self.stopped.set()

    # ------------------------------------------------------------ start and stop

    def _start(self) -> None:
        app, pipeline = self.app, self.app.pipeline
        with app.store.begin() as tx:
            app.teller.refresh(tx)  # the lexicons are warm and the rules are known before the first item
        self._beat("poll", BEAT, lambda: pipeline.poll(app.store.now()))
        self._beat("outbox", BEAT, self._outbox)
        self._beat("sweep", SWEEP, self._sweep)
        self._beat("prune", PRUNE, self._prune)
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a skipped beat is no news
        self.scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        for number in range(app.config.poll.workers):
            thread = threading.Thread(target=self._take_in, name=f"intake-{number}", daemon=True)
            thread.start()
            self.threads.append(thread)
        self.scheduler.start()
        app.report("started", version=__version__, node=app.node.name, database=app.store.dialect)
        self.notifier.notify("READY=1")

    def _stop(self) -> None:
        self.notifier.notify("STOPPING=1")
        self.stopped.set()
        self.scheduler.shutdown(wait=True)
        for thread in self.threads:
            thread.join(STOP_PATIENCE)
        self.app.close()
        self.app.report("stopped")

    def _beat(self, name: str, every: timedelta, function: Callable[[], object]) -> None:
        self.scheduler.add_job(
            function, "interval", seconds=every.total_seconds(), id=name, next_run_time=datetime.now(UTC)
        )

    # ------------------------------------------------------------ the beats

    def _outbox(self) -> None:
        now = self.app.store.now()
        self.app.pipeline.release(now)
        self.app.pipeline.deliver(now)

    def _sweep(self) -> None:
        """Say that this node lives, and take back what dead ones of this host held."""
        node = self.app.node
        with self.app.store.begin() as tx:
            tx.nodes.beat(node.id, self.app.store.now())
            freed = tx.nodes.free_dead(node.host, node.boot_id, alive)
        if freed:
            self.app.report("leases.freed", count=freed)

    def _prune(self) -> None:
        prune(self.app.store, self.app.store.now(), self.app.config.retention)

    def _failed(self, event: JobExecutionEvent) -> None:
        self.app.report("beat.failed", beat=event.job_id, reason=_one_line(event.exception))

    def _watch(self) -> None:
        """Keep the beats going when the wall clock was set back: APScheduler waits for the old time."""
        now = datetime.now(UTC)
        for job in self.scheduler.get_jobs():
            due = job.next_run_time
            if due and due > now + 2 * job.trigger.interval + timedelta(seconds=WATCH):
                job.modify(next_run_time=now)
                self.app.report("beat.rearmed", beat=job.id)
        self.notifier.notify("WATCHDOG=1")

    # ------------------------------------------------------------ intake

    def _take_in(self) -> None:
        """Take in what arrives, until the stop; what was fetched before it is still taken in."""
        pipeline = self.app.pipeline
        while True:
            results = pipeline.arrivals(timeout=0.5)
            if results:
                self._intake(results)
            elif self.stopped.is_set():
                return

    def _intake(self, results: list[Fetched | Failure]) -> None:
        """One intake; a database that is away is waited for, anything else is the source's failure."""
        while True:
            try:
                if self.app.pipeline.intake(results):
                    self._hurry("outbox")
            except StoreError as error:
                self.app.report("store.failed", reason=str(error))
                if self.stopped.wait(RETRY):
                    return  # not committed: the lease is freed, and the next start fetches it again
            except Exception as error:  # noqa: BLE001 - one source must not end the intake of all others
                reason = f"could not be taken in: {_one_line(error)}"
                results = [
                    Failure(source=result.source, kind=FailureKind.UNREADABLE, reason=reason)
                    for result in results
                    if isinstance(result, Fetched)
                ]
            else:
                return

    def _hurry(self, beat: str) -> None:
        """Run a beat now instead of at its time."""
        if (job := self.scheduler.get_job(beat)) and not self.stopped.is_set():
            job.modify(next_run_time=datetime.now(UTC))


def serve(app: App, config_path: Path) -> None:
    """Run a daemon that ends on SIGTERM and SIGINT and reads its channels anew on SIGHUP."""
    daemon = Daemon(app)

    def reload(*_: object) -> None:
        try:
            app.reload(_read(config_path))
        except ConfigError as error:  # the old channels stay: a typo must not end a running monitor
            app.report("config.refused", reason=str(error))
        else:
            app.report("config.read", channels=sorted(app.channels))

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    signal.signal(signal.SIGHUP, reload)
    daemon.run()


def _read(path: Path) -> Config:
    return load(path)


# ---------------------------------------------------------------- the log


class _Dropping(logging.handlers.QueueHandler):
    """Hands records to the writer's thread, and drops them where that one is blocked."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):  # a log that nobody reads must not stop the monitor
            self.queue.put_nowait(record)


def log_lines(stream: TextIO | None = None) -> Callable[..., None]:
    """A report that writes one line an event, `time event key=value …`, to standard error.

    The lines are written by a thread of their own: a blocked pipe holds that thread and nothing else.
    """
    lines: queue.Queue[logging.LogRecord] = queue.Queue(maxsize=10_000)
    writer = logging.StreamHandler(stream or sys.stderr)
    listener = logging.handlers.QueueListener(lines, writer)
    listener.start()
    if listener._thread:  # noqa: SLF001 - the interpreter must not wait for a blocked pipe
        listener._thread.daemon = True  # noqa: SLF001
    logger = logging.getLogger("monitor")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.handlers[:] = [_Dropping(lines)]

    def report(event: str, **facts: object) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        known = (f"{key}={_value(value)}" for key, value in facts.items() if value not in ("", None, []))
        logger.info(" ".join((stamp, event, *known)))

    return report


def _value(value: object) -> str:
    """A fact on one line: quoted where it holds blanks, cut where it is long."""
    if isinstance(value, (list, tuple)):
        value = "; ".join(map(str, value))
    text = _one_line(value)[:300]
    return f'"{text}"' if " " in text or not text else text


def _one_line(value: object) -> str:
    text = str(value) or type(value).__name__
    return "".join(c if c.isprintable() else " " for c in text).replace('"', "'")
