"""How the monitor is doing: one screen for a look, one list of faults for whoever mends them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from service import __version__
from service.actions import ledger, recipients
from service.actions.shapes import Shape, when
from service.app import App, alive, build, check_policies, this_process
from service.config import Config, find, load
from service.deliver.drivers import check
from service.errors import ConfigError, MonitorError, UsageError
from service.model import DeliveryState, Node, Rule, Source, SourceState
from service.store.db import Transaction

RECENT = timedelta(hours=24)
IDLE = timedelta(days=7)  # a rule that told nothing for so long may be wrong
FLOOD = 50  # alerts of one rule in 24 hours that nobody reads any more
MANY = 10_000  # alerts that are counted one by one
STALE = timedelta(days=8)  # a weekly backup that did not come
MISSED = timedelta(seconds=90)  # a running daemon says every 20 s that it lives
LOW_BYTES, FULL_BYTES = 2 * 10**9, 200 * 10**6  # of free disk: a warning, a fault
LISTED = 20  # sources that are well, a line each
SKEW = timedelta(seconds=5)  # between this machine's clock and the database's


# ---------------------------------------------------------------- status


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The monitor at one moment."""

    at: datetime
    database: str
    nodes: Sequence[Node]  # those that live
    sources: Mapping[SourceState, int]
    next_poll_at: datetime | None
    items: int
    last_item_at: datetime | None
    rules: int
    rules_disabled: int
    alerts: int  # opened in the last 24 hours
    deliveries: Mapping[DeliveryState, int]
    last_backup_at: datetime | None
    stopped: str  # why nothing is sent; "" where messages go out
    never_fired: Sequence[str]  # rules at work for a week, and never told
    flooding: Mapping[str, int]  # rules with very many alerts in the last 24 hours, and how many
    latency: ledger.Latency

    def shape(self) -> Shape:
        """As programs see it."""
        return {
            "version": __version__,
            "at": when(self.at),
            "database": self.database,
            "last_backup_at": when(self.last_backup_at),
            "daemons": [node.name for node in self.nodes],
            "sources": {state.value: self.sources.get(state, 0) for state in SourceState},
            "next_poll_at": when(self.next_poll_at),
            "items": self.items,
            "last_item_at": when(self.last_item_at),
            "rules": {"enabled": self.rules - self.rules_disabled, "disabled": self.rules_disabled},
            "never_fired": list(self.never_fired),
            "flooding": dict(self.flooding),
            "alerts_24h": self.alerts,
            "deliveries": {state.value: self.deliveries.get(state, 0) for state in DeliveryState},
            "sending": not self.stopped,
            "stopped": self.stopped or None,
            "latency_24h": self.latency.shape(),
        }


def status(app: App) -> Status:
    """The monitor now."""
    now = app.store.now()
    with app.store.read() as tx:
        newest = tx.items.list(limit=1, versions=True)
        rules = tx.rules.list()
        return Status(
            at=now,
            database=app.store.name,
            nodes=[node for node in tx.nodes.list() if lives(node, now)],
            sources=tx.sources.counts(),
            next_poll_at=tx.sources.next_due(),
            items=tx.items.count(),
            last_item_at=newest[0].received_at if newest else None,
            rules=len(rules),
            rules_disabled=sum(not rule.enabled for rule in rules),
            alerts=len(tx.alerts.list(since=now - RECENT, limit=MANY)),
            deliveries=tx.outbox.counts(),
            last_backup_at=tx.audit.last("backup"),
            stopped=tx.installation.reason(),
            never_fired=_never_fired(tx, rules, now),
            flooding=_flooding(tx, now),
            latency=ledger.read(app, tx, RECENT),
        )


def _never_fired(tx: Transaction, rules: Sequence[Rule], now: datetime) -> list[str]:
    told = tx.board.latest_alerts()
    return [
        rule.name
        for rule in rules
        if rule.enabled and rule.id not in told and rule.created_at and now - rule.created_at > IDLE
    ]


def _flooding(tx: Transaction, now: datetime) -> dict[str, int]:
    counts = {rule: sum(steps.values()) for rule, steps in tx.board.alerts_by(RECENT, now - RECENT).items()}
    names = tx.rules.names(counts)
    many = sorted(((number, rule) for rule, number in counts.items() if number >= FLOOD), reverse=True)
    return {names[rule]: number for number, rule in many}


def lives(node: Node, now: datetime) -> bool:
    """Whether a node runs: on this host by its process, on another by its last sign of life."""
    here = this_process()
    if node.host == here.host:
        return node.boot_id == here.boot_id and alive(node.pid, node.started_at)
    return node.seen_at is not None and now - node.seen_at < MISSED


# ---------------------------------------------------------------- doctor


class Level(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and the way to mend it."""

    level: Level
    what: str
    detail: str
    fix: str = ""

    def shape(self) -> Shape:
        """As programs see it."""
        return {"level": self.level.value, "what": self.what, "detail": self.detail, "fix": self.fix or None}


def examine(given: str | None) -> Iterator[Finding]:
    """Every finding, one after the other as it is made. Nothing is sent, fetched or changed."""
    try:
        path = find(given)
        if path is None:
            yield Finding(Level.FAIL, "configuration", "no config.toml was found", "monitor init")
            return
        config = load(path)
        check_policies(config)
    except ConfigError as error:
        yield Finding(Level.FAIL, "configuration", str(error), "edit the file")
        return
    yield Finding(Level.OK, "configuration", str(path.absolute()))
    yield from _mode(path)
    yield from _channels(config)
    yield from _disk(config)
    app = build(config)
    try:
        yield Finding(Level.OK, "database", app.store.name)
        yield from _database(app)
    except MonitorError as error:
        yield Finding(Level.FAIL, "database", str(error))
    finally:
        app.close()


def _mode(path: Path) -> Iterator[Finding]:
    """Channel URLs hold passwords: others must not read the file."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding(Level.WARN, "file mode", f"{mode:04o}, others can read it", f"chmod 600 {path}")
    else:
        yield Finding(Level.OK, "file mode", f"{mode:04o}")


def _channels(config: Config) -> Iterator[Finding]:
    """Whether each channel can be understood."""
    if not config.channels:
        yield Finding(Level.FAIL, "channel", "there is none, nobody is told", f"add one to {config.name}")
    for name in config.channels:
        try:
            check(config.channel(name))
        except ConfigError as error:
            yield Finding(Level.FAIL, "channel", f"{name}: {error.problem}", f"edit {config.name}")
        except UsageError as error:
            yield Finding(Level.FAIL, "channel", f"{name}: {error}", f"edit {config.name}")
        else:
            yield Finding(Level.OK, "channel", f"{name}: understood")


def _disk(config: Config) -> Iterator[Finding]:
    """Room for the database, where it is a file."""
    prefix, _, path = config.database_url().partition(":///")
    if not prefix.startswith("sqlite") or not path:
        return
    free = shutil.disk_usage(Path(path).parent if Path(path).parent.is_dir() else config.folder).free
    level = Level.FAIL if free < FULL_BYTES else Level.WARN if free < LOW_BYTES else Level.OK
    fix = "" if level is Level.OK else "free some, or keep less: [retention]"
    yield Finding(level, "disk", f"{free / 10**9:.1f} GB free", fix)


def _database(app: App) -> Iterator[Finding]:
    """What the database says about itself, the daemons, the sources and the outbox."""
    with app.store.begin() as tx:  # a write transaction shows whether it can be written
        stopped, nodes = tx.installation.reason(), tx.nodes.list()
        sources, counts, due = tx.sources.list(), tx.outbox.counts(), tx.outbox.next_due()
        lost = list(recipients.lost(app, tx))
        unheard = _operators(app, tx)
        newest = max((node.seen_at for node in nodes if node.seen_at), default=None)
        copied_at = tx.audit.last("backup")
    now = app.store.now()
    yield (
        Finding(Level.FAIL, "sending", stopped)
        if stopped
        else Finding(Level.OK, "sending", "messages go out")
    )
    yield from _daemons([node for node in nodes if lives(node, now)])
    yield from _clock(app, newest, now)
    yield _backup(copied_at, now)
    yield from _outbox(counts, due, now)
    yield from unheard
    for rule, targets in lost:
        level = Level.FAIL if len(targets) == len(rule.channels) else Level.WARN
        detail = f"{rule.name} reaches nobody at {', '.join(targets)}"
        yield Finding(level, "rule", detail, f"monitor edit-rule {rule.name} --to CHANNEL")
    if not sources:
        yield Finding(Level.WARN, "source", "there is none", "monitor add-source URL")
    yield from _sources(sources, now)


def _operators(app: App, tx: Transaction) -> list[Finding]:
    """Whether whoever is to hear of the monitor's own troubles can be reached."""
    try:
        recipients.check(app, tx, app.config.alerts.operators)
    except ConfigError:  # a channel that cannot be understood was told of already
        return []
    except UsageError as error:
        return [Finding(Level.FAIL, "operators", str(error), f"edit {app.config.name}")]
    return []


def _daemons(nodes: Sequence[Node]) -> Iterator[Finding]:
    if nodes:
        yield Finding(Level.OK, "daemon", ", ".join(node.name for node in nodes))
    else:
        yield Finding(Level.WARN, "daemon", "none is running, nothing is polled", "monitor run")


def _clock(app: App, seen_at: datetime | None, now: datetime) -> Iterator[Finding]:
    """Whether this machine's time can be: behind what was stored, or off the database server's."""
    offset = now - app.clock()
    if abs(offset) > SKEW:
        detail = f"{offset.total_seconds():+.0f} s off the database server's"
        yield Finding(Level.WARN, "clock", detail, "let NTP set it")
    elif seen_at and seen_at > now + SKEW:
        yield Finding(Level.WARN, "clock", "behind what was stored before", "let NTP set it")
    else:
        yield Finding(Level.OK, "clock", when(now) or "")


def _backup(copied_at: datetime | None, now: datetime) -> Finding:
    """Whether backups that were made still are; there may be others than ours."""
    if copied_at is None:
        return Finding(Level.OK, "backup", "none by `monitor backup` is on record")
    if now - copied_at > STALE:
        detail = f"the last one was made {(now - copied_at).days} days ago"
        return Finding(Level.WARN, "backup", detail, "monitor backup FILE")
    return Finding(Level.OK, "backup", f"the last one was made {when(copied_at)}")


def _outbox(counts: Mapping[DeliveryState, int], due: datetime | None, now: datetime) -> Iterator[Finding]:
    dead = counts.get(DeliveryState.DEAD, 0)
    if dead:
        yield Finding(Level.WARN, "messages", f"{dead} given up", "monitor list-deliveries --failed")
    if due and now - due > MISSED:
        late = round((now - due).total_seconds() / 60)
        yield Finding(Level.WARN, "messages", f"one is {late} min overdue", "monitor list-deliveries")
    elif not dead:
        yield Finding(Level.OK, "messages", "none is late, none was given up")


def _sources(sources: Sequence[Source], now: datetime) -> Iterator[Finding]:
    """Each source; of many only those that are not well: the faults would drown among the others."""
    findings = [_source(source, now) for source in sources]
    well = sum(finding.level is Level.OK for finding in findings)
    if well > LISTED:
        yield Finding(Level.OK, "source", f"{well} are well")
    yield from (finding for finding in findings if well <= LISTED or finding.level is not Level.OK)


def _source(source: Source, now: datetime) -> Finding:
    """How one source is doing."""

    def finding(level: Level, detail: str, fix: str = "") -> Finding:
        return Finding(level, "source", f"{source.name}: {detail}", fix)

    fix = f"monitor check-source {source.name}"
    if source.auth_env and not os.environ.get(source.auth_env):
        return finding(Level.WARN, f"{source.auth_env} is not set here", f"export {source.auth_env}=…")
    if source.state in {SourceState.FAILING, SourceState.GONE}:
        return finding(Level.FAIL, f"{source.state}: {source.last_error}", fix)
    if source.state is SourceState.SILENT:
        return finding(Level.WARN, f"silent since {when(source.last_item_at) or 'ever'}", fix)
    if source.url.startswith("ingest:"):
        return finding(Level.OK, "files read by hand")
    if source.state is SourceState.PAUSED:
        return finding(Level.OK, "paused", f"monitor resume-source {source.name}")
    if source.last_ok_at is None or source.last_error:
        return finding(Level.WARN, source.last_error or "never read yet", fix)
    seconds = (now - source.last_ok_at).total_seconds()
    ago = f"read {round(seconds)} s ago" if seconds < 90 else f"read {round(seconds / 60)} min ago"
    return finding(Level.OK, ago)
