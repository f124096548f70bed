"""What tests of several rooms share: a clock, and databases of both engines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clock import ManualClock

if TYPE_CHECKING:
    from service.store.db import Store
    from tests.postgres import Cluster


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until it is moved."""
    return ManualClock()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A PostgreSQL server; a missing wheel is an error, since a skipped engine is an untested one."""
    from tests.postgres import Cluster

    with Cluster(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table, on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'monitor.db'}"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.database()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "monitor.db"
    _create(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Cluster) -> str:
    """The name of a migrated PostgreSQL database, to be copied."""
    from sqlalchemy import make_url

    url = postgres.database()
    _create(url)
    return str(make_url(url).database)


def _create(url: str) -> None:
    from service.store.db import Store

    store = Store(url)
    store.open()
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database, on each engine. It is a copy, and was told that it may send."""
    from service.store.db import Store

    if request.param == "sqlite":
        path = tmp_path / "monitor.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        cluster: Cluster = request.getfixturevalue("postgres")
        url = cluster.database(request.getfixturevalue("postgres_template"))
    store = Store(url)
    store.open()
    with store.begin() as tx:
        tx.installation.resume_sending()
    store.close()
    return url


@pytest.fixture
def stores(database_url: str, clock: ManualClock) -> Iterator[Callable[[], Store]]:
    """A function that opens the same database once more, as another process would."""
    from service.store.db import Store

    opened: list[Store] = []

    def another() -> Store:
        store = Store(database_url, clock=clock)
        store.open()
        opened.append(store)
        return store

    yield another
    for store in opened:
        store.close()


@pytest.fixture
def store(stores: Callable[[], Store]) -> Store:
    """An open store, on each engine."""
    return stores()
