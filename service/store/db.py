"""The door to the database: open it, migrate it, and work in transactions.

What differs between SQLite and PostgreSQL stands in this module, but for the two advisory locks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from service.errors import ConfigError, SchemaError, StoreError
from service.model import Clock, utcnow
from service.store import installation
from service.store.accounts import Accounts
from service.store.aged import Aged
from service.store.alerts import Alerts
from service.store.applied import Applied
from service.store.aside import Asides
from service.store.audit import Audit
from service.store.board import Board
from service.store.gaps import Gaps
from service.store.installation import Installation
from service.store.items import Items
from service.store.joining import Joining
from service.store.ledger import Ledger
from service.store.nodes import Nodes
from service.store.once import Once
from service.store.outages import Outages
from service.store.outbox import Outbox
from service.store.people import People
from service.store.postings import Postings
from service.store.rules import Rules
from service.store.schema import REVISION
from service.store.secrets import Secrets
from service.store.sources import Sources
from service.store.stories import Stories
from service.store.subscriptions import Subscriptions
from service.store.tables import Tables
from service.store.traffic import Traffic
from service.store.veil import Label, Sight, Veil

BUSY = timedelta(seconds=5)  # how long a writer waits for another process
TURN = timedelta(seconds=60)  # and for another thread of its own, which is known to go on
WRITER_CACHE_KB = 8_000  # an item's fingerprints go to sixty pages, and the next one's to many of the same
LOG_PAGES = 4_000  # of SQLite's write-ahead log, 16 MB, are copied at once: many were written again by then
MIGRATING = 0x4D494752  # the key of PostgreSQL's advisory lock around migrations

# A node that hangs or is stopped inside a transaction must not hold the others up for longer than this.
POSTGRES = {
    "application_name": "wire-monitor",
    "client_encoding": "utf8",  # what an environment says is of no account
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "options": "-c timezone=UTC -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s",
}
# Serialization failure, deadlock, a lock that another node held for too long, a row that it wrote first.
RETRY = {"40001", "40P01", "55P03", "23505"}
SECRET = re.compile(r"(?i)((?:ssl)?password=)[^&\s]*")


class ConflictError(StoreError):
    """Another node was faster; nothing was written, and the same transaction may be tried again."""


class Transaction:
    """Everything that is read and written together, by noun."""

    def __init__(self, connection: Connection, place: str, veil: Veil) -> None:
        self.veil = veil
        self.sources = Sources(connection)
        self.outages = Outages(connection)
        self.asides = Asides(connection)
        self.gaps = Gaps(connection)
        self.subscriptions = Subscriptions(connection)
        self.ledger = Ledger(connection)
        self.joining = Joining(connection)
        self.postings = Postings(connection)
        self.stories = Stories(connection, self.postings, veil)
        self.items = Items(connection, self.stories, self.postings, veil)
        self.rules = Rules(connection)
        self.alerts = Alerts(connection, veil)
        self.outbox = Outbox(connection, veil)
        self.traffic = Traffic(connection)
        self.once = Once(connection)
        self.nodes = Nodes(connection)
        self.installation = Installation(connection, place)
        self.accounts = Accounts(connection)
        self.secrets = Secrets(connection)
        self.people = People(connection)
        self.audit = Audit(connection)
        self.aged = Aged(connection)
        self.applied = Applied(connection)
        self.board = Board(connection, veil)
        self.tables = Tables(connection)


@dataclass(slots=True)
class _Time:
    """A clock, and how far the server's is ahead of it; shared by all views of a store."""

    clock: Clock
    offset: timedelta = timedelta(0)


class Store:
    """A database, on SQLite or PostgreSQL, that threads and processes share.

    `url` is an SQLAlchemy URL, `synchronous` SQLite's (full or normal). On PostgreSQL `now()` follows the
    server, so that nodes agree; a `clock` of one's own is taken as it is unless `follow_server`. `label` is
    what stands where embargoed text will be.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = utcnow,
        synchronous: str = "full",
        follow_server: bool | None = None,
        label: Label = Label(),  # noqa: B008 - frozen
    ) -> None:
        self._url = _understood(url)
        self._time = _Time(clock)
        self._synchronous = synchronous
        self._label, self._sight = label, Sight.VEILED
        self._follow = clock is utcnow if follow_server is None else follow_server
        self._place = ""
        self._writer = Lock()
        self._writing = self._engine()
        self._reading = self._engine(reading=True)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    @property
    def name(self) -> str:
        """The file, or the URL without its secrets, for people and logs."""
        if self.dialect == "sqlite":
            return str(self._url.database)
        return SECRET.sub(r"\1***", self._url.render_as_string(hide_password=True))

    def now(self) -> datetime:
        """The time that all nodes of this database share."""
        return self._time.clock() + self._time.offset

    def open(self, migrate: bool = False) -> None:
        """Make the database ready: a missing one is created, an older schema migrated if `migrate`.

        Raises SchemaError where the schema is of another version, StoreError where the database cannot be
        reached, read or written, or holds something else.
        """
        if self.dialect == "sqlite":
            _keep_private(self.name)
        with self.translated():
            found = self._revision()
            if found == "" or (migrate and found < REVISION):
                self.migrate()
            elif found < REVISION:
                raise SchemaError(f"{self.name}: an older version wrote it (run `monitor migrate`)")
            elif found > REVISION:
                raise SchemaError(f"{self.name}: a newer version wrote it (install that version)")
            with self._reading.connect() as connection:
                self._place = installation.place(connection)
        self.follow_server()

    def is_empty(self) -> bool:
        """Whether nothing is in the database, not even a table; StoreError where another program's are."""
        with self.translated():
            return not self._revision()

    def migrate(self) -> None:
        """Bring the schema to this version, in one transaction, under a lock that all nodes share."""
        from service.store import migrations

        # Batch migrations on SQLite copy tables, and foreign keys would empty what points to them.
        engine = self._engine(migrating=True)
        try:
            with self.translated(), engine.begin() as connection:
                if self.dialect == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
                new = not inspect(connection).get_table_names()
                migrations.upgrade(connection)
                if new:
                    installation.found(connection, self.now())
        finally:
            engine.dispose()

    def follow_server(self) -> timedelta:
        """Measure how far the server's clock is ahead of ours, and follow it; zero on SQLite."""
        if self.dialect == "postgresql" and self._follow:
            with self.translated(), self._reading.connect() as connection:
                before = self._time.clock()
                server = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
                after = self._time.clock()
            self._time.offset = datetime.fromtimestamp(float(server), UTC) - (before + (after - before) / 2)
        return self._time.offset

    def close(self) -> None:
        """Let go of all connections; the store may be used again afterwards."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """A transaction that writes: committed at the end of the block, undone by an exception.

        SQLite has one writer at a time, and this one waits for its turn. Raises ConflictError where
        another node was faster, StoreError where the database failed.
        """
        with self._turn(), self.translated(), self._writing.begin() as connection:
            yield self._transaction(connection)

    @contextmanager
    def rehearse(self) -> Iterator[Transaction]:
        """A transaction that may write, and is undone at the end of the block."""
        turn, translated = self._turn(), self.translated()
        with turn, translated, self._writing.connect() as connection, connection.begin() as undone:
            yield self._transaction(connection)
            undone.rollback()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads, and sees one state of the database throughout."""
        with self.translated(), self._reading.begin() as connection:
            yield self._transaction(connection)

    def trusted(self) -> Store:
        """The same store for somebody who may see what is embargoed."""
        return self._seen(Sight.TRUSTED)

    def unveiled(self) -> Store:
        """The same store for the path of an item, which decides by itself who sees what."""
        return self._seen(Sight.PLAIN)

    def _seen(self, sight: Sight) -> Store:
        other = copy(self)
        other._sight = sight  # noqa: SLF001 - its own kind
        return other

    def _transaction(self, connection: Connection) -> Transaction:
        return Transaction(connection, self._place, Veil(connection, self.now(), self._sight, self._label))

    def vacuum(self, pages: int = 500) -> int:
        """Give up to `pages` free pages back to the file system; how many. PostgreSQL does so by itself."""
        if self.dialect != "sqlite":
            return 0
        with self._turn(), self.translated(), self._writing.begin() as connection:
            free: int = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            for _ in range(min(free, pages)):  # Python's driver makes one step of it, which is one page
                connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
        return min(free, pages)

    # ------------------------------------------------------------ what the engines want

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The threads of this process take turns as SQLite's one writer, and do not poll for its lock."""
        if self.dialect != "sqlite":
            yield
        elif self._writer.acquire(timeout=TURN.total_seconds()):
            try:
                yield
            finally:
                self._writer.release()
        else:
            raise StoreError(f"{self.name}: another thread of this process has been writing for too long")

    def _engine(self, *, reading: bool = False, migrating: bool = False) -> Engine:
        options: dict[str, Any] = {"json_serializer": _json, "json_deserializer": msgspec.json.decode}
        if migrating:
            options["poolclass"] = NullPool
        if self.dialect == "sqlite":
            engine = create_engine(self._url, **options)
            event.listen(engine, "connect", self._pragmas(reading=reading, foreign_keys=not migrating))
            event.listen(engine, "begin", _begin if reading else _begin_immediate)
            return engine
        if not migrating:
            options["pool_pre_ping"] = True  # a server that was restarted is met again without an error
        try:
            engine = create_engine(self._url, connect_args=dict(POSTGRES), **options)
        except ImportError as error:
            raise StoreError(f"{self.name}: needs psycopg (pip install 'wire-monitor[postgres]')") from error
        if reading:
            return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return engine

    def _pragmas(self, *, reading: bool, foreign_keys: bool) -> Any:  # noqa: ANN401 - a listener
        def connect(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - DBAPI
            connection.isolation_level = None  # BEGIN is ours, see the listener
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {BUSY // timedelta(milliseconds=1)}")
            # Asked first: to set either waits for the writer, even where nothing changes.
            if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",) and not reading:
                cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before WAL, which writes the first page
                cursor.execute("PRAGMA journal_mode = WAL")
            if not reading:
                cursor.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KB}")
                cursor.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
            cursor.execute(f"PRAGMA synchronous = {self._synchronous}")
            cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
            cursor.execute(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
            cursor.close()

        return connect

    def _revision(self) -> str:
        """The schema version of the database, "" for one that is empty; StoreError for a foreign one."""
        with self._reading.connect() as connection:
            tables = inspect(connection).get_table_names()
            if "alembic_version" in tables:
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                return str(found or "")
            if self.dialect == "postgresql":
                encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
                if encoding != "UTF8":
                    raise StoreError(
                        f"{self.name}: its encoding is {encoding} (make one that holds every text: "
                        "createdb --encoding UTF8 --template template0 NAME)"
                    )
        if tables:
            raise StoreError(f"{self.name}: holds tables of another program (give a database of its own)")
        return ""

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Errors of the engine in the block as one line for a person, with the name of this database."""
        try:
            yield
        except sa_exc.DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state in RETRY or (isinstance(error, sa_exc.IntegrityError) and state is None):
                raise ConflictError(f"{self.name}: {_first_line(error.orig)}") from error
            raise StoreError(f"{self.name}: {_reason(error.orig)}") from error
        except sa_exc.TimeoutError as error:
            raise StoreError(f"{self.name}: all connections are in use") from error


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _keep_private(file: str) -> None:
    """Make a file that is missing, for its owner alone: it will hold keys, and text under embargo."""
    with suppress(OSError):  # whoever opens it next says why that cannot be
        os.close(os.open(file, os.O_CREAT | os.O_RDONLY, 0o600))


def _understood(url: str) -> URL:
    """The URL with its driver; raises ConfigError where it is none of ours."""
    key, hint = "database.url", "write sqlite:///monitor.db or postgresql://user@host/name"
    try:
        parsed = make_url(url)
    except (sa_exc.ArgumentError, ValueError) as error:
        raise ConfigError("", key, f"not a database URL ({hint})") from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise ConfigError("", key, f"{parsed.drivername} is not supported ({hint})")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigError("", key, f"a database in memory keeps nothing ({hint})")
    return parsed


WAY_OUT = {
    "database is locked": "another process has been writing for too long (try again)",
    "unable to open database file": "cannot be opened (is the folder there, and may this user write to it?)",
    "file is not a database": "not a database (give another file)",
    "attempt to write a readonly database": "read-only (this user needs to write to it)",
    "database or disk is full": "the disk is full (nothing was lost; make room)",
    "disk I/O error": "the disk cannot be written (full or failing; nothing was half written)",
}


def _reason(error: BaseException | None) -> str:
    line = _first_line(error)
    return WAY_OUT.get(line, line)


def _first_line(error: BaseException | None) -> str:
    return SECRET.sub(r"\1***", (str(error).strip().splitlines() or ["failed"])[0])
