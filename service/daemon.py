"""`monitor run`: beats, threads, signals, a clean stop.

APScheduler gives the beats; the database holds what is due, so a beat only asks it. Arrived documents are
taken in by threads of their own, one for each parse worker; a channel's messages go out in the channel's
own thread. Nothing here decides anything.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_SUBMITTED,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.schedulers.background import BackgroundScheduler
from sdnotify import SystemdNotifier

from service import __version__
from service.actions import readiness
from service.actions.drops import Drops
from service.actions.oversight import oversee
from service.actions.pushing import subscribe
from service.actions.rules import keep_counts
from service.actions.watch import seek, watch
from service.app import App, alive
from service.config import Config, load
from service.deliver.heartbeat import ping, stalled
from service.errors import ConfigError, StoreError
from service.model import Failure, FailureKind, Fetched, Verdict
from service.store.prune import prune
from service.web.server import Server

USUAL_LANGUAGES = {"de", "en"}  # what a source that names none most likely speaks
BEAT = timedelta(milliseconds=250)  # how late a due source or message may be seen
SWEEP = timedelta(seconds=20)  # a third of the shortest lease
WATCH = 2.0  # seconds between two looks at the beats, on the monotonic clock
PRUNE = timedelta(hours=1)
OVERSEE = timedelta(seconds=10)
DROPS = timedelta(seconds=10)  # between two looks for folders that are sources
HUBS = timedelta(seconds=60)  # between two looks for hubs that are to be asked
WATCHMAN = timedelta(seconds=60)  # between two looks for sources that are blind or back
RETRY = 1.0  # seconds until a refused transaction is tried again
UNLOGGED = frozenset({"source.fetched", "beat.began", "beat.skipped"})  # too many; they are counted
LOG_LINES = 10_000  # that wait to be written, before new ones are dropped
LOG_PATIENCE = 1.0  # seconds for the last lines of a log
STOP_PATIENCE = 10.0  # seconds that what is in hand has to finish


class Daemon:
    """A running monitor, until `stop`."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.pipeline = app.pipeline  # made before anything runs: a fault of the configuration ends the start
        self.stopped = threading.Event()
        self.notifier = SystemdNotifier()
        self.scheduler = BackgroundScheduler(
            timezone=UTC,
            # A beat that is late is run once and at once: the default grace of a second drops it in silence.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self.threads: list[threading.Thread] = []
        self.failing: dict[str, str] = {}  # beats that end in an error, and in which
        self.more = threading.Event()  # something was put into the outbox
        self.progress = dict.fromkeys(("polling", "delivering"), time.monotonic())
        self.web = Server(app)
        self.drops = Drops(app)

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
        app = self.app
        with app.store.read() as tx:
            spoken = {source.language for source in tx.sources.list()}
        app.warm(spoken | USUAL_LANGUAGES)
        self._beat("poll", BEAT, self._poll)
        self._beat("outbox", BEAT, self._outbox)
        self._beat("sweep", SWEEP, self._sweep)
        self._beat("prune", PRUNE, self._prune)
        self._beat("watch", WATCHMAN, self._watch_sources)
        self._beat("drops", DROPS, self.drops.look)
        self._beat("hubs", HUBS, lambda: subscribe(app))
        self._beat("oversee", OVERSEE, lambda: oversee(app))
        if app.config.heartbeat.url:
            self._beat("heartbeat", app.config.heartbeat.every, self._heartbeat)
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what becomes of a beat is told below
        self.scheduler.add_listener(self._ended, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)
        self.scheduler.add_listener(self._began, EVENT_JOB_SUBMITTED | EVENT_JOB_MAX_INSTANCES)
        for number in range(app.config.poll.workers):
            thread = threading.Thread(target=self._take_in, name=f"intake-{number}", daemon=True)
            thread.start()
            self.threads.append(thread)
        self.scheduler.start()
        self.web.start()
        app.report("started", version=__version__, node=app.node.name, database=app.store.dialect)
        with app.store.read() as tx:
            if stopped := tx.installation.reason():
                app.report("sending.stopped", reason=stopped)
        self.notifier.notify("READY=1")

    def _stop(self) -> None:
        self.notifier.notify("STOPPING=1")
        self.stopped.set()
        self.web.stop()
        self.scheduler.shutdown(wait=True)
        self.drops.close()
        for thread in self.threads:
            thread.join(STOP_PATIENCE)
        self.app.close()
        self.app.report("stopped")

    def _beat(self, name: str, every: timedelta, function: Callable[[], object]) -> None:
        self.scheduler.add_job(
            function, "interval", seconds=every.total_seconds(), id=name, next_run_time=datetime.now(UTC)
        )

    # ------------------------------------------------------------ the beats

    def _poll(self) -> None:
        self.pipeline.poll(self.app.store.now())
        self.progress["polling"] = time.monotonic()

    def _heartbeat(self) -> None:
        """Tell whoever waits for it that all is well; silence tells them that it is not."""
        wrong = [f"{part}: no progress" for part in stalled(self.progress, time.monotonic())]
        wrong += readiness.faults(self.app)
        if wrong:
            self.app.report("heartbeat.withheld", reason="; ".join(wrong))
        elif (outcome := ping(self.app.config.heartbeat.url)).verdict is not Verdict.SENT:
            self.app.report("heartbeat.failed", reason=f"{outcome.code} {outcome.reason}".strip())

    def _outbox(self) -> None:
        """Render and send what is due; again, where more came in: a beat that runs cannot be hurried."""
        while True:
            self.more.clear()
            now = self.app.store.now()
            self.pipeline.release(now)
            self.pipeline.deliver(now)
            self.progress["delivering"] = time.monotonic()
            if not self.more.is_set():
                return

    def _sweep(self) -> None:
        """Say that this node lives, and take back what dead ones of this host held."""
        node = self.app.node
        with self.app.store.begin() as tx:
            tx.nodes.beat(node.id, self.app.store.now())
            freed = tx.nodes.free_dead(node.host, node.boot_id, alive)
            nodes = tx.nodes.living(self.app.store.now() - 3 * SWEEP)
        self.app.fetcher.client.share(nodes)
        if freed:
            self.app.report("leases.freed", count=freed)

    def _prune(self) -> None:
        prune(self.app.store, self.app.store.now(), self.app.config.retention)

    def _watch_sources(self) -> None:
        """Look for lost feeds, then tell the operators which sources are blind or back."""
        keep_counts(self.app)
        seek(self.app)
        watch(self.app)

    def _ended(self, event: JobExecutionEvent) -> None:
        """Say that a beat fails, once for each reason, and that it works again; some come often."""
        before = self.failing.pop(event.job_id, "")
        if event.exception is not None:
            self.failing[event.job_id] = reason = _one_line(event.exception)
            if reason != before:
                self.app.report("beat.failed", beat=event.job_id, reason=reason)
        elif before:
            self.app.report("beat.recovered", beat=event.job_id)

    def _began(self, event: JobSubmissionEvent) -> None:
        late = max(0.0, (datetime.now(UTC) - event.scheduled_run_times[-1]).total_seconds())
        what = "beat.skipped" if event.code == EVENT_JOB_MAX_INSTANCES else "beat.began"
        self.app.report(what, beat=event.job_id, late=late)

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
        part = f"matching ({threading.current_thread().name})"
        while True:
            self.progress[part] = time.monotonic()
            results = self.pipeline.arrivals(timeout=0.5)
            if results:
                self._intake(results)
            elif self.stopped.is_set():
                return

    def _intake(self, results: list[Fetched | Failure]) -> None:
        """One intake; a database that is away is waited for, anything else is the source's failure."""
        said = ""
        while True:
            try:
                if self.pipeline.intake(results):
                    self.more.set()
                    self._hurry("outbox")
            except StoreError as error:
                if str(error) != said:
                    said = str(error)
                    self.app.report("store.failed", reason=said)
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
    log = app.listen(LogLines(sys.stderr))
    logging.getLogger().addHandler(log)
    daemon = Daemon(app)

    def reload(*_: object) -> None:
        try:
            app.reload(_read(config_path))
        except ConfigError as error:  # the old channels stay: a typo must not end a running monitor
            app.report("config.refused", reason=str(error))
        else:
            app.report("config.read", channels=sorted(app.channels))

    signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # in the background, Ctrl-C is meant for others
        signal.signal(signal.SIGINT, lambda *_: daemon.stop())
    signal.signal(signal.SIGHUP, reload)
    try:
        daemon.run()
    finally:
        log.finish()


def _read(path: Path) -> Config:
    return load(path)


# ---------------------------------------------------------------- the log


class LogLines(logging.Handler):
    """Writes one line an event, `time event key=value …`, and what libraries log, to a stream.

    The lines are written by a thread of their own, and dropped where that one falls behind: a pipe that
    nobody reads must not stop the monitor, nor its end.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(logging.WARNING)
        self._stream = stream
        self._lines: queue.Queue[str] = queue.Queue(LOG_LINES)
        threading.Thread(target=self._write, name="log", daemon=True).start()

    def __call__(self, event: str, **facts: object) -> None:
        """One event of the monitor."""
        if event in UNLOGGED:
            return
        known = (f"{key}={_value(value)}" for key, value in facts.items() if value not in ("", None, []))
        self._put(" ".join((event, *known)))

    def emit(self, record: logging.LogRecord) -> None:
        """What a library says."""
        self._put(f"library logger={record.name} message={_value(record.getMessage())}")

    def finish(self) -> None:
        """Wait a little for the last lines."""
        deadline = time.monotonic() + LOG_PATIENCE
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)

    def _put(self, words: str) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {words}\n")

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            with contextlib.suppress(OSError, ValueError):  # whoever read it is gone
                self._stream.write(line)
                self._stream.flush()
            self._lines.task_done()


def _value(value: object) -> str:
    """A fact on one line: quoted where it holds blanks, cut where it is long."""
    if isinstance(value, (list, tuple)):
        value = "; ".join(map(str, value))
    text = _one_line(value)[:300]
    return f'"{text}"' if " " in text or not text else text


def _one_line(value: object) -> str:
    text = str(value) or type(value).__name__
    return "".join(c if c.isprintable() else " " for c in text).replace('"', "'")
