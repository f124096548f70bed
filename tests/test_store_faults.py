"""What the database does when it fails: all of a transaction is there, or none of it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, event

from service.errors import StoreError, UsageError
from service.model import (
    Alert,
    Attempt,
    Cursor,
    Delivery,
    DeliveryState,
    Evidence,
    Hit,
    Item,
    Link,
    Message,
    Outcome,
    Placement,
    Rule,
    Source,
    SourceState,
    Verdict,
)
from service.store.db import ConflictError, Store, Transaction
from tests.clock import ManualClock
from tests.postgres import Cluster
from tests.stored import stored

LEASE = timedelta(seconds=90)


@pytest.fixture
def watched(store: Store) -> Store:
    """A store with one source that is due, and one rule."""
    with store.begin() as tx:
        tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now())
        tx.rules.add(Rule(name="korea", query="Kim"), store.now())
    return store


def take_in(tx: Transaction, store: Store, source: Source) -> Delivery:
    """All that one poll teaches."""
    now = store.now()
    assert tx.items.seen(source.id, [1, 2]) == {}
    tx.stories.candidates(canonical_link="", text_hash=1, fingerprints=range(5), since=now - LEASE)
    item = tx.items.add(
        Item(headline="Kim reist", source=source.id),
        Placement(link=Link.FIRST),
        keys=[1, 2],
        content=1,
        text_hash=1,
        fingerprints=range(5),
        now=now,
    )
    rule = tx.rules.get("korea")
    evidence = (Evidence("headline", 0, 3, "Kim", "Kim", "exact"),)
    tx.alerts.hit(
        Hit(rule=rule.id, rule_version=1, item=item.id, story=item.story, evidence=evidence, at=now)
    )
    alert = tx.alerts.open(Alert(rule=rule.id, story=item.story, opened_at=now, updated_at=now))
    delivery = tx.outbox.add(Delivery(channel="desk", story=item.story, due_at=now), [alert.id])
    assert tx.sources.settle(
        source.id,
        source.epoch,
        cursor=Cursor(etag="1"),
        state=SourceState.OK,
        failures=0,
        last_error="",
        last_polled_at=now,
        last_ok_at=now,
        last_item_at=now,
        next_poll_at=now + timedelta(hours=1),
        rhythm=None,
    )
    return delivery


def round_of(store: Store) -> None:
    """Claim, take in, render, claim, settle: the whole path of one item, in five transactions."""
    with store.begin() as tx:
        sources = tx.sources.claim(store.now(), 1, LEASE, 1)
    for source in sources:
        with store.begin() as tx:
            take_in(tx, store, source)
    with store.begin() as tx:
        for held in tx.outbox.held_due(store.now()):
            tx.outbox.rendered(held.id, Message(id=f"d{held.id}", subject="s", text="t"), store.now())
    with store.begin() as tx:
        claimed = tx.outbox.claim("desk", store.now(), 10, LEASE, 1)
    for delivery in claimed:
        attempt = Attempt(
            delivery=delivery.id,
            number=delivery.attempts,
            started_at=store.now(),
            took=timedelta(0),
            outcome=Outcome(verdict=Verdict.SENT),
        )
        with store.begin() as tx:
            assert tx.outbox.settle(
                delivery.id,
                delivery.epoch,
                state=DeliveryState.SENT,
                sent_at=store.now(),
                attempt=attempt,
            )


def whole(store: Store) -> bool:
    """Whether the item was taken in; if so, all of it was, and if not, nothing."""
    with store.read() as tx:
        source, count = tx.sources.get("dpa"), tx.items.count()
        stored = [
            count,
            len(tx.items.seen(source.id, [1, 2])) / 2,
            len(tx.postings.under(range(5)).stored) / 5,
            len(tx.alerts.list()),
            len(tx.alerts.hits_of_rule(tx.rules.get("korea").id)),
            len(tx.outbox.list()),
            source.cursor == Cursor(etag="1"),
        ]
        deliveries = tx.outbox.list()
        for delivery in deliveries:
            assert (delivery.message is None) is (delivery.state is DeliveryState.HELD)
            assert (delivery.sent_at is not None) is (delivery.state is DeliveryState.SENT)
            sent = delivery.state is DeliveryState.SENT
            assert len(tx.outbox.attempts(delivery.id)) == sent
            assert delivery.alerts
    assert stored in ([0] * 7, [1] * 7)
    return count == 1


class PulledPlug(Exception):  # noqa: N818 - it is no error of the program
    """The database is gone in the middle of a call."""


@contextmanager
def plug_pulled_at(call: int) -> Iterator[list[int]]:
    """The `call`-th call of any engine fails, commits included; the list holds what is left to go."""
    left = [call]

    def pull(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise PulledPlug

    event.listen(Engine, "before_cursor_execute", pull)
    event.listen(Engine, "commit", pull)
    try:
        yield left
    finally:
        event.remove(Engine, "before_cursor_execute", pull)
        event.remove(Engine, "commit", pull)


@pytest.mark.slow
def test_whatever_call_fails_the_state_is_whole_and_the_next_round_completes_it(
    watched: Store, clock: ManualClock
) -> None:
    """The n-th call fails, for every n until a round meets no failure; then everything was sent once.

    Source: SQLite, "How SQLite Is Tested", 3.2, I/O error testing.
    """
    for call in count(1):
        with plug_pulled_at(call) as left, suppress(PulledPlug):
            round_of(watched)
        whole(watched)
        clock.advance(seconds=91)  # the lease of what the round held
        round_of(watched)
        assert whole(watched)
        with watched.begin() as tx:
            assert tx.outbox.counts() == {DeliveryState.SENT: 1}
            _forget(tx, clock)
        if left[0] > 0:  # the round ended before the plug was pulled
            break
    assert call > 20


def _forget(tx: Transaction, clock: ManualClock) -> None:
    """Delete what was taken in, and let the source be due."""
    later = clock() + timedelta(days=1)
    tx.outbox.prune_attempts(later, 10)
    tx.outbox.prune(later, 10)
    tx.items.prune(later, 10)
    tx.stories.prune(later, 10)
    tx.stories.prune_postings(later, None, 1000)
    tx.sources.remove("dpa", clock())
    tx.sources.prune(10)
    tx.sources.add(Source(name="dpa", url="https://dpa.example/"), clock())


def test_a_connection_that_is_cut_undoes_its_transaction_and_the_next_one_works(
    postgres: Cluster, postgres_url: str
) -> None:
    store = Store(postgres_url)
    store.open()

    def cut() -> None:
        with store.begin() as tx:
            tx.sources.add(Source(name="cut", url="https://cut.example/"), store.now())
            postgres.empty(postgres_url, ["source"])  # which ends all other connections
            tx.sources.list()

    with pytest.raises(StoreError, match=r"terminating connection|closed"):
        cut()
    with store.begin() as tx:
        assert list(tx.sources.list()) == []
    store.close()


def test_a_server_that_was_restarted_is_met_again_without_an_error(
    postgres: Cluster, postgres_url: str
) -> None:
    store = Store(postgres_url)
    store.open()
    for transaction in (store.begin, store.read):
        with transaction() as tx:
            tx.sources.list()
        postgres.empty(postgres_url, [])  # which ends the connections that wait in the pool
        with transaction() as tx:
            tx.sources.list()
    store.close()


@pytest.mark.slow
def test_two_that_wait_for_each_other_are_told_to_try_again(postgres: Cluster, postgres_url: str) -> None:
    """A deadlock is a ConflictError for one of the two; the other one goes on."""
    postgres.empty(postgres_url, ["source"])
    store = Store(postgres_url)
    store.open()
    with store.begin() as tx:
        for name in ("a", "b"):
            tx.sources.add(Source(name=name, url=f"https://{name}.example/"), store.now())
    both = Barrier(2)

    def pause(first: str, second: str) -> bool:
        try:
            with store.begin() as tx:
                tx.sources.pause(first)
                both.wait(timeout=30)
                tx.sources.pause(second)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(pause, "ab", "ba")) == [False, True]
    store.close()


def test_a_name_that_two_nodes_give_at_once_is_given_once(store: Store, stores: Callable[[], Store]) -> None:
    nodes = [store, stores()]
    both = Barrier(2)

    def add(node: Store) -> bool:
        both.wait(timeout=30)
        try:
            with node.begin() as tx:
                tx.sources.add(Source(name="dpa", url="https://dpa.example/"), node.now())
        except (ConflictError, UsageError):
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, nodes)) == [False, True]


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'monitor.db'}")
    store.open()
    yield store
    store.close()


def test_a_writer_waits_for_another_process_to_finish(file_store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "monitor.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = Event()

        def add() -> None:
            begun.set()
            with file_store.begin() as tx:
                tx.sources.add(Source(name="dpa", url="https://dpa.example/"), file_store.now())

        writing = Thread(target=add)
        writing.start()
        assert begun.wait(timeout=30)
        with file_store.read() as tx:  # readers do not wait
            assert tx.sources.counts() == {}
        other.execute("COMMIT")
        writing.join(timeout=30)
    with file_store.read() as tx:
        assert sum(tx.sources.counts().values()) == 1


@pytest.mark.slow
def test_a_database_that_another_process_locks_for_too_long_says_so_and_works_afterwards(
    file_store: Store, tmp_path: Path
) -> None:
    def add() -> None:
        with file_store.begin() as tx:
            tx.sources.add(Source(name="dpa", url="https://dpa.example/"), file_store.now())

    with closing(sqlite3.connect(tmp_path / "monitor.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has been writing for too long"):
            add()
    add()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from service.errors import StoreError, UsageError
from service.model import Source
from service.store.db import Store
from tests.test_store_faults import add_items
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(sys.argv[1])
store.open()
with store.begin() as tx:
    source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now())
largest = max(path.stat().st_size for path in Path(sys.argv[2]).iterdir())
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 300_000, unlimited[1]))
committed, failed = 0, ""
while not failed:
    try:
        add_items(store, source.id, 10)
        committed += 10
    except StoreError as error:
        failed = str(error)
with store.read() as tx:
    print(committed, tx.items.count(), sum(1 for _ in tx.items.scan()))
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
add_items(store, source.id, 10)
with store.read() as tx:
    print(tx.items.count())
print(failed)
store.close()
"""


def add_items(store: Store, source: int, number: int) -> None:
    with store.begin() as tx:
        for _ in range(number):
            stored(tx, Item(headline="Kim reist", body="x" * 500, source=source), store.now())


@pytest.mark.slow
def test_a_full_disk_undoes_the_transaction_and_the_next_one_works_when_there_is_room(
    tmp_path: Path,
) -> None:
    path = tmp_path / "monitor.db"
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, f"sqlite:///{path}", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    counts, later, failed = run.stdout.splitlines()
    committed, stored, scanned = map(int, counts.split())
    assert committed == stored == scanned > 0
    assert int(later) == committed + 10
    assert failed == f"{path}: the disk cannot be written (full or failing; nothing was half written)"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
