"""What tests of several rooms share: a clock, a shell, a wire, and databases of both engines."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.clock import ManualClock

if TYPE_CHECKING:
    from service.store.db import Store
    from service.text.morphology import Morphology
    from tests.postgres import Cluster
    from tests.servers import FeedServer
    from tests.shell import Shell

os.environ["MONITOR_UI_LANG"] = "en"  # whatever whoever runs the tests speaks
# A shell without job control has its background jobs ignore Ctrl-C, and what they start inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until it is moved."""
    return ManualClock()


@pytest.fixture
def monitor(tmp_path: Path) -> Shell:
    """The command line, in a folder of its own with a configuration."""
    from tests.shell import Shell

    shell = Shell(tmp_path)
    shell.configure()
    return shell


@pytest.fixture
def feeds() -> Iterator[FeedServer]:
    """A server of feeds."""
    from tests.servers import FeedServer

    with FeedServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server; a missing wheel is an error, since a skipped engine is an untested one."""
    from tests.postgres import Cluster

    # Not in pytest's own folder: where root runs the tests, the server is another user, and every pytest
    # that starts closes that folder to other users.
    with TemporaryDirectory(prefix="monitor-postgres-") as folder, Cluster(Path(folder)) as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table, on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.database()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "monitor.db"
    _create(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_url(postgres: Cluster) -> str:
    """The URL of a migrated PostgreSQL database, to be emptied."""
    return _create(postgres.database())


def _create(url: str) -> str:
    from service.store.db import Store

    store = Store(url)
    store.open()
    store.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows, on each engine."""
    from service.store.db import Store
    from service.store.schema import metadata

    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        url: str = request.getfixturevalue("postgres_url")
        kept = {"installation"}
        cluster.empty(url, [t.name for t in reversed(metadata.sorted_tables) if t.name not in kept])
        return url
    path = tmp_path / "monitor.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    store = Store(f"sqlite:///{path}")
    store.open()
    with store.begin() as tx:
        tx.installation.resume_sending()  # it is a copy, and would send nothing
    store.close()
    return f"sqlite:///{path}"


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


@pytest.fixture(scope="session")
def morphology() -> Morphology:
    """The words of some languages, as the monitor knows them."""
    from service.store import lexicon
    from service.text.morphology import Morphology

    return Morphology(lexicon.load(("de", "en", "fr")))
