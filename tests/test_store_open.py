"""Opening a database: a new one, an old one, a foreign one, one that is not there, and a copy."""

from __future__ import annotations

import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from service.errors import ConfigError, SchemaError, StoreError
from service.model import Clock, Item, Link, Placement, Source, utcnow
from service.store import installation, migrations
from service.store.db import Store
from service.store.schema import REVISION, metadata
from tests.postgres import Cluster


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    """A door to the database beside the store."""
    engine = create_engine(empty_url.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


def opened(url: str, *, migrate: bool = False, clock: Clock = utcnow) -> Store:
    store = Store(url, clock=clock)
    try:
        store.open(migrate=migrate)
    finally:
        store.close()
    return store


def test_a_missing_database_is_created_and_its_schema_is_the_one_in_the_code(
    empty_url: str, engine: Engine
) -> None:
    """No difference of tables, columns, types, defaults, indexes or keys."""
    opened(empty_url)
    assert differences(engine) == []


def test_the_newest_migration_is_the_version_that_the_code_expects() -> None:
    assert ScriptDirectory.from_config(migrations.configuration()).get_current_head() == REVISION


@pytest.mark.slow
def test_opening_again_changes_nothing(empty_url: str) -> None:
    opened(empty_url)
    store = opened(empty_url)
    with store.read() as tx:
        first = tx.installation.id
    store.close()
    store.open(migrate=True)
    with store.read() as tx:
        assert tx.installation.id == first
    store.close()


def test_many_that_create_a_database_at_once_create_it_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: opened(empty_url), range(4)))
    with stores[0].read() as tx:
        assert tx.installation.sending_allowed()
    stores[0].close()


def differences(engine: Engine) -> list[Any]:
    """What Alembic finds to change in the database to make it the schema of the code.

    Defaults are compared on PostgreSQL only: Alembic reads SQLite's empty text as another default.
    """
    options = {
        "compare_type": True,
        "compare_server_default": engine.dialect.name == "postgresql",
        "include_name": lambda name, *_: not str(name).startswith("item_search"),  # see store/search.py
    }
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


OLDER = [f"{number:04}" for number in range(1, int(REVISION))]


@pytest.mark.slow
@pytest.mark.parametrize("version", OLDER)
def test_an_older_schema_is_migrated_only_where_that_was_asked_for(
    empty_url: str, engine: Engine, version: str
) -> None:
    with engine.begin() as connection:
        command.upgrade(migrations.configuration(connection), version)
        installation.found(connection, utcnow())
    with pytest.raises(SchemaError, match="run `monitor migrate`"):
        opened(empty_url)
    opened(empty_url, migrate=True)
    assert differences(engine) == []


def test_a_newer_schema_is_refused(empty_url: str, engine: Engine) -> None:
    opened(empty_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for migrate in (False, True):
        with pytest.raises(SchemaError, match="a newer version wrote it"):
            opened(empty_url, migrate=migrate)


def test_a_database_of_another_program_is_left_alone(empty_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE wp_posts (id INTEGER)"))
    with pytest.raises(StoreError, match="holds tables of another program"):
        opened(empty_url, migrate=True)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nonsense", "not a database URL"),
        ("postgresql://host:port/x", "not a database URL"),
        ("mysql://host/x", "mysql is not supported"),
        ("sqlite://", "a database in memory keeps nothing"),
        ("sqlite:///:memory:", "a database in memory keeps nothing"),
    ],
)
def test_a_url_that_is_none_of_ours_is_refused_with_one_that_would_do(url: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^database.url: {problem}.*write sqlite:///monitor.db"):
        Store(url)


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with closing(opened(f"sqlite:///{tmp_path}/monitor.db")) as store:
        with store.begin() as tx:
            tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now())
        assert {"0o600"} == {oct(stat.S_IMODE(file.stat().st_mode)) for file in tmp_path.iterdir()}
        assert (tmp_path / "monitor.db-wal").exists()
    (tmp_path / "monitor.db").chmod(0o640)  # as somebody wanted it
    opened(f"sqlite:///{tmp_path}/monitor.db")
    assert 0o640 == stat.S_IMODE((tmp_path / "monitor.db").stat().st_mode)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/monitor\.db: cannot be opened \(is the folder there"):
        opened(f"sqlite:///{tmp_path}/nowhere/monitor.db")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    path.write_text("minutes of the meeting\n" * 100, encoding="utf-8")
    with pytest.raises(StoreError, match=r"monitor.db: not a database"):
        opened(f"sqlite:///{path}")
    assert path.read_text(encoding="utf-8").startswith("minutes")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        opened(f"sqlite:///{tmp_path}")


def test_a_database_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    opened(f"sqlite:///{tmp_path}/monitor.db")
    store = opened(f"sqlite:///file:{tmp_path}/monitor.db?mode=ro&uri=true")
    with pytest.raises(StoreError, match="read-only"), store.begin() as tx:
        tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now())
    store.close()


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    for url in (
        "postgresql://anna:hunter2@127.0.0.1:9/wire",
        "postgresql://anna@127.0.0.1:9/wire?password=hunter2",
    ):
        with pytest.raises(StoreError, match=r"127\.0\.0\.1:9/wire") as refused:
            opened(url)
        assert "hunter2" not in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_database_that_does_not_exist_is_named(postgres: Cluster) -> None:
    url = postgres.database().replace("monitor_", "nowhere_")
    with pytest.raises(StoreError, match=r"nowhere_.* does not exist"):
        opened(url)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_on_a_server_that_does_not_hold_every_text_is_refused(
    postgres: Cluster, encoding: str
) -> None:
    url, name = postgres.database(), f"monitor_in_{encoding.lower()}"
    with psycopg.connect(url, autocommit=True) as connection:
        made = f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        connection.execute(made.encode())
    with pytest.raises(StoreError, match=rf"its encoding is {encoding} \(make one .+ createdb"):
        opened(re.sub(r"/monitor_\d+", f"/{name}", url))


def test_a_new_file_keeps_a_log_of_writes_and_gives_pages_back(tmp_path: Path) -> None:
    opened(f"sqlite:///{tmp_path}/monitor.db")
    with closing(sqlite3.connect(tmp_path / "monitor.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental


def test_a_reader_does_not_wait_for_the_writer(stores: Callable[[], Store]) -> None:
    """A transaction that reads sees the state of its beginning, whatever is written meanwhile."""
    writer, reader = stores(), stores()
    with reader.read() as before:
        assert before.sources.counts() == {}
        with writer.begin() as tx:
            tx.sources.add(Source(name="dpa", url="https://dpa.example/"), writer.now())
            with reader.read() as during:
                assert during.sources.counts() == {}
        assert before.sources.counts() == {}
    with reader.read() as after:
        assert sum(after.sources.counts().values()) == 1


def test_a_transaction_that_reads_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError, match="read-only"), store.read() as tx:
        tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now())


def test_the_time_is_that_of_the_server_for_all_nodes(postgres: Cluster) -> None:
    store = Store(postgres.database(), clock=lambda: utcnow() + timedelta(hours=3), follow_server=True)
    store.open()
    assert abs(store.now() - utcnow()) < timedelta(minutes=1)
    store.close()


def test_a_clock_of_ones_own_is_taken_as_it_is(empty_url: str) -> None:
    at = utcnow() - timedelta(days=1000)
    assert opened(empty_url, clock=lambda: at).now() == at


def test_a_file_that_was_copied_sends_nothing_until_a_person_says_so(tmp_path: Path) -> None:
    opened(f"sqlite:///{tmp_path}/monitor.db")
    shutil.copy(tmp_path / "monitor.db", tmp_path / "copy.db")
    original = opened(f"sqlite:///{tmp_path}/monitor.db")
    with original.read() as tx:
        assert tx.installation.sending_allowed()
        assert tx.installation.reason() == ""
    original.close()
    copy = opened(f"sqlite:///{tmp_path}/copy.db")
    with copy.begin() as tx:
        assert not tx.installation.sending_allowed()
        assert "monitor resume-sending" in tx.installation.reason()
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), copy.now())
        tx.items.add(
            Item(headline="stored all the same", source=source.id),
            Placement(link=Link.FIRST),
            keys=[1],
            content=1,
            text_hash=1,
            fingerprints=[1],
            now=copy.now(),
        )
        tx.installation.resume_sending()
    with copy.read() as tx:
        assert tx.installation.sending_allowed()
    copy.close()


def test_another_path_to_the_same_file_is_no_copy(tmp_path: Path) -> None:
    opened(f"sqlite:///{tmp_path}/monitor.db")
    (tmp_path / "link").symlink_to(tmp_path)
    store = opened(f"sqlite:///{tmp_path}/link/monitor.db")
    with store.read() as tx:
        assert tx.installation.sending_allowed()
    store.close()


@pytest.mark.slow
def test_a_database_that_was_copied_on_a_server_sends_nothing(postgres: Cluster) -> None:
    url = postgres.database()
    opened(url)
    store = opened(postgres.copy(url))
    with store.read() as tx:
        assert not tx.installation.sending_allowed()
    store.close()


def test_sending_that_was_stopped_by_hand_says_why(empty_url: str) -> None:
    store = opened(empty_url)
    with store.begin() as tx:
        tx.installation.stop_sending("restored from a backup of 2026-11-23")
        assert not tx.installation.sending_allowed()
        assert tx.installation.reason().startswith("restored from a backup of 2026-11-23; `monitor resume")
        tx.installation.resume_sending()
        assert tx.installation.sending_allowed()
    store.close()


def test_a_database_says_how_large_it_is(store: Store) -> None:
    with store.read() as tx:
        assert tx.installation.size_bytes() > 50_000
