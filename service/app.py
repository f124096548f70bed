"""`build(config) -> App`: the one place where the parts meet.

Each part is made when it is first asked for, so that a command that lists rules loads no HTTP client, no
Apprise and no lexicon.
"""

from __future__ import annotations

import gc
import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from zoneinfo import ZoneInfo

import msgspec

from service import __version__
from service.config import Config
from service.errors import ConfigError, MonitorError, UsageError
from service.model import Channel, Clock, Item, Node, Status, utcnow
from service.store.db import Store
from service.store.veil import Label, veiled

if TYPE_CHECKING:  # each is imported where it is made: half of the time of a short command otherwise
    from service.deliver.dispatch import Dispatcher
    from service.deliver.templating import Stylist
    from service.fetch.transports import Fetcher
    from service.pipeline import Pipeline
    from service.telling import Teller
    from service.text.morphology import Morphology
    from service.workers import Workers

# Lexicons that are enabled; each is loaded when the first item or rule in its language comes.
LANGUAGES = ("de", "en", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "pl", "ru", "uk")

PARSE_DEADLINE = timedelta(seconds=10)  # a 10 MB feed takes feedparser 2.5 s on one core
PARSE_MEMORY_BYTES = 512 * 2**20  # address space; the resident part of an idle worker is under a tenth

CLOCK_SLACK = timedelta(seconds=2)  # the kernel's boot time moves by a second when the clock is set

Listener = TypeVar("Listener", bound=Callable[..., None])


class App:
    """The parts of a monitor, made on demand and closed together."""

    def __init__(self, config: Config, *, clock: Clock, migrate: bool) -> None:
        self.config, self.clock = config, clock
        self._migrate = migrate
        self._listeners: list[Callable[..., None]] = []
        self._open: list[Callable[[], None]] = []

    def listen(self, listener: Listener) -> Listener:
        """`listener`, called from now on for every event as `listener(event, **facts)`."""
        self._listeners.append(listener)
        return listener

    def report(self, event: str, **facts: object) -> None:
        """Tell every listener of an event: a log, a counter, a terminal."""
        for listener in self._listeners:
            listener(event, **facts)

    def warm(self, languages: Iterable[str]) -> None:
        """Load what every item will need: the lexicons of these languages, and the rules.

        What is loaded stays for as long as the process lives. Whoever looks for garbage passes it over from
        now on, which else takes some 70 ms each time, and every thread waits for it.
        """
        self.teller.warm(languages)  # may take a while on a new machine: in no transaction
        with self.store.read() as tx:
            self.teller.refresh(tx)
        gc.collect()
        gc.freeze()

    def reload(self, config: Config) -> None:
        """Take the channels and their policy from a new configuration; the old ones stay if it is wrong.

        Raises ConfigError. The database, the listener and the workers stay as they were started.
        """
        channels = checked_channels(config)
        self.config = msgspec.structs.replace(
            self.config,
            alerts=config.alerts,
            quiet_hours=config.quiet_hours,
            digest=config.digest,
            routes=config.routes,
        )
        self.channels = channels
        self.teller.config = self.config
        self.pipeline.parts = replace(self.pipeline.parts, config=self.config, channels=channels)
        self.dispatcher.reload(channels)

    @cached_property
    def store(self) -> Store:
        """The opened database; raises StoreError or SchemaError."""
        settings = self.config.database
        store = Store(
            self.config.database_url(),
            clock=self.clock,
            synchronous=settings.synchronous,
            label=self._label,
        )
        store.open(migrate=self._migrate)
        self._open.append(store.close)
        return store

    @cached_property
    def morphology(self) -> Morphology:
        """The words of every enabled language."""
        from service.store import lexicon
        from service.text.morphology import Morphology

        return Morphology(lexicon.load(LANGUAGES))

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """Every configured channel, checked; raises ConfigError that names the key."""
        return checked_channels(self.config)

    @cached_property
    def fetcher(self) -> Fetcher:
        """All transports behind one door."""
        from service.fetch.transports import Fetcher

        fetcher = Fetcher(self.config.http, clock=self.clock, agent_version=__version__)
        self._open.append(lambda: fetcher.close(timeout=5.0))
        return fetcher

    @cached_property
    def workers(self) -> Workers:
        """The processes that parse."""
        from service.workers import Workers

        workers = Workers(self.config.poll.workers, memory_bytes=PARSE_MEMORY_BYTES, deadline=PARSE_DEADLINE)
        self._open.append(workers.close)
        return workers

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """The channels' workers."""
        from service.deliver.dispatch import Dispatcher

        dispatcher = Dispatcher(self.channels, clock=self.clock)

        def close() -> None:
            dispatcher.close(timeout=10.0)  # what it hands back stays claimable: the node is forgotten next

        self._open.append(close)
        return dispatcher

    @cached_property
    def stylist(self) -> Stylist:
        """Who fills the channels' own templates; its process starts with the first of them."""
        from service.deliver.templating import Stylist

        stylist = Stylist()
        self._open.append(stylist.close)
        return stylist

    @cached_property
    def teller(self) -> Teller:
        """From hits to messages."""
        from service.telling import Teller

        return Teller(self.config, self.morphology, self.report)

    @cached_property
    def node(self) -> Node:
        """This process, known to the database, so that its leases are freed when it dies."""
        with self.store.begin() as tx:
            node = tx.nodes.register(replace(this_process(), seen_at=self.store.now()))
            tx.nodes.free_dead(node.host, node.boot_id, alive)

        def leave() -> None:
            with self.store.begin() as tx:
                tx.nodes.forget(node.id)

        self._open.append(leave)
        return node

    @cached_property
    def pipeline(self) -> Pipeline:
        """The path of an item."""
        from service.pipeline import Parts, Pipeline

        return Pipeline(
            Parts(
                config=self.config,
                store=self.store.unveiled(),
                node=self.node,
                fetcher=self.fetcher,
                workers=self.workers,
                dispatcher=self.dispatcher,
                channels=self.channels,
                teller=self.teller,
                stylist=self.stylist,
                report=self.report,
            )
        )

    def trusted(self) -> App:
        """This monitor for somebody who may see what is embargoed: the same parts, seen without the veil."""
        return cast(App, _Trusted(self))

    def untrusted(self) -> App:
        """This monitor as anybody sees it."""
        return self

    def shown(self, item: Item) -> Item:
        """An item that was read and not stored, as whoever asks may see it."""
        withheld = item.status is Status.WITHHELD
        until = None if withheld else item.embargo_until
        hidden = withheld or (until is not None and until > self.clock())
        return veiled(item, self._label(until)) if hidden else item

    @property
    def _label(self) -> Label:
        return Label(self.config.digest.timezone, self.config.alerts.language)

    def close(self) -> None:
        """Close what was opened, the last first: senders, fetchers and workers before the store."""
        while self._open:
            try:
                self._open.pop()()
            except MonitorError as error:  # the way out must not hide what happened before
                self.report("close.failed", reason=str(error))


class _Trusted:
    """A monitor whose store hides nothing; all the rest is that of the monitor itself."""

    def __init__(self, app: App) -> None:
        self._app, self.store = app, app.store.trusted()

    def untrusted(self) -> App:
        """The monitor as anybody sees it."""
        return self._app

    def shown(self, item: Item) -> Item:
        """The item as it is."""
        return item

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the monitor has
        return getattr(self._app, name)


def build(
    config: Config, clock: Clock = utcnow, *, migrate: bool = False, group_wait: timedelta | None = None
) -> App:
    """A monitor for this configuration; `group_wait` replaces the configured one."""
    if group_wait is not None:
        alerts = msgspec.structs.replace(config.alerts, group_wait=group_wait, group_interval=group_wait)
        config = msgspec.structs.replace(config, alerts=alerts)
    return App(config, clock=clock, migrate=migrate)


def checked_channels(config: Config) -> Mapping[str, Channel]:
    """The channels of a configuration by name; raises ConfigError that names the key, also of a policy."""
    from service.deliver.drivers import check

    check_policies(config)
    channels = {name: config.channel(name) for name in config.channels}
    for name, channel in channels.items():
        try:
            check(channel)
        except UsageError as error:
            raise ConfigError(config.name, f"channels.{name}.url", str(error)) from error
    return channels


def check_policies(config: Config) -> None:
    """Nothing, if the marks and the holidays of a configuration are known; raises ConfigError."""
    from service.alerts.hours import check_holidays
    from service.story import marks

    marks.check(config.agencies, config.name)
    if config.quiet_hours and config.quiet_hours.holidays:
        try:
            check_holidays(config.quiet_hours.holidays)
        except UsageError as error:
            raise ConfigError(config.name, "quiet_hours.holidays", str(error)) from error


def check_language(tag: str) -> None:
    """Nothing, if there are words of that language, or none is named; raises UsageError."""
    if tag and tag not in LANGUAGES:
        raise UsageError(f"no language {tag!r} (one of {', '.join(LANGUAGES)})")


def check_timezone(name: str) -> None:
    """Nothing, if there is a time zone of that name; raises UsageError."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as unknown:  # ZoneInfoNotFoundError is a KeyError
        raise UsageError(f"no time zone {name!r} (an IANA name: Europe/Berlin)") from unknown


def this_process() -> Node:
    """The node that this process is."""
    return Node(
        host=socket.gethostname(),
        boot_id=_read("/proc/sys/kernel/random/boot_id"),
        pid=os.getpid(),
        started_at=_started(os.getpid()) or utcnow(),
        version=__version__,
    )


def alive(pid: int, started_at: datetime) -> bool:
    """Whether the process that a node was still runs on this host, and is not another of the same number."""
    started = _started(pid)
    return started is not None and abs(started - started_at) < CLOCK_SLACK


def _started(pid: int) -> datetime | None:
    """When a process of this host began (proc_pid_stat(5), field 22); None where none runs."""
    stat, boot = _read(f"/proc/{pid}/stat"), re.search(r"^btime (\d+)", _read("/proc/stat"), re.MULTILINE)
    if not stat or not boot:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    if state in "ZX":  # it ended, and nobody has asked how
        return None
    ticks = int(fields[18])
    return datetime.fromtimestamp(int(boot[1]) + ticks / os.sysconf("SC_CLK_TCK"), UTC)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
