"""Many nodes on one database: each source and each message in one hand, one story for one event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import IO

import pytest

from service.model import (
    Cursor,
    Delivery,
    DeliveryState,
    Item,
    Link,
    Message,
    Node,
    Placement,
    Source,
    SourceState,
    utcnow,
)
from service.store.db import Store, Transaction
from tests.stored import stored

LEASE = timedelta(seconds=90)
SOURCES = 300


@pytest.fixture
def due(store: Store) -> Store:
    with store.begin() as tx:
        for number in range(SOURCES):
            tx.sources.add(Source(name=f"s{number}", url=f"https://{number}.example/"), store.now())
    return store


def poll_all(store: Store, node: int) -> Iterator[int]:
    """The ids of the sources that this node claims, until nothing is due; each is settled for an hour."""
    while True:
        with store.begin() as tx:
            claimed = tx.sources.claim(store.now(), 7, LEASE, node)
        if not claimed:
            return
        for source in claimed:
            with store.begin() as tx:
                assert tx.sources.settle(
                    source.id,
                    source.epoch,
                    cursor=Cursor(etag=str(node)),
                    state=SourceState.OK,
                    failures=0,
                    last_error="",
                    last_polled_at=store.now(),
                    last_ok_at=store.now(),
                    last_item_at=None,
                    next_poll_at=store.now() + timedelta(hours=1),
                    rhythm=None,
                )
            yield source.id


@pytest.mark.slow
def test_threads_of_two_nodes_poll_each_source_once(due: Store, stores: Callable[[], Store]) -> None:
    nodes = [due, stores()]
    with ThreadPoolExecutor(4) as pool:
        polled = pool.map(lambda node: list(poll_all(nodes[node % 2], node + 1)), range(4))
    assert Counter(source for part in polled for source in part) == Counter(range_of(due))


def range_of(store: Store) -> list[int]:
    with store.read() as tx:
        return list(tx.sources.names())


NODE = """
import sys
from tests.test_store_shared import poll_all
from service.store.db import Store
store = Store(sys.argv[1], clock=eval(sys.argv[2], {"datetime": __import__("datetime")}).astimezone)
store.open()
print("ready", flush=True)
sys.stdin.readline()
print(*poll_all(store, int(sys.argv[3])))
"""


def start(program: str, store_url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, store_url, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


@pytest.mark.slow
def test_processes_poll_each_source_once(due: Store, database_url: str) -> None:
    nodes = [start(NODE, database_url, repr(due.now()), str(number)) for number in (1, 2, 3)]
    for node in nodes:
        assert pipes(node)[1].readline() == "ready\n"
    for node in nodes:  # all at once
        pipes(node)[0].write("go\n")
        pipes(node)[0].flush()
    polled = Counter(int(word) for node in nodes for word in node.communicate(timeout=60)[0].split())
    assert polled == Counter(range_of(due))
    assert [node.returncode for node in nodes] == [0, 0, 0]


def test_threads_of_two_nodes_send_each_message_once(store: Store, stores: Callable[[], Store]) -> None:
    nodes = [store, stores()]
    message = Message(id="m", subject="s", text="t")
    pending = Delivery(channel="desk", state=DeliveryState.PENDING, message=message, due_at=store.now())
    with store.begin() as tx:
        ids = [tx.outbox.add(pending).id for _ in range(100)]

    def send_all(number: int) -> list[int]:
        sent: list[int] = []
        node = nodes[number % 2]
        while True:
            with node.begin() as tx:
                claimed = tx.outbox.claim("desk", node.now(), 5, LEASE, number + 1)
            if not claimed:
                return sent
            for one in claimed:
                with node.begin() as tx:
                    assert tx.outbox.settle(one.id, one.epoch, state=DeliveryState.SENT, sent_at=node.now())
                sent.append(one.id)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(one for part in pool.map(send_all, range(4)) for one in part) == ids


def test_one_event_on_two_nodes_is_one_story(store: Store, stores: Callable[[], Store]) -> None:
    """Who places an item waits for whoever is placing one, and sees what that one has placed."""
    other = stores()
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now()).id
    looked, found = Event(), list[int]()

    def like(node: Store, tx: Transaction) -> list[int]:
        since = node.now() - LEASE
        return [
            one.story
            for one in tx.stories.candidates(canonical_link="", text_hash=7, fingerprints=(), since=since)
        ]

    def look() -> None:
        with other.begin() as tx:
            found.extend(like(other, tx))
            looked.set()

    looking = Thread(target=look)
    with store.begin() as tx:
        assert like(store, tx) == []
        looking.start()
        assert not looked.wait(timeout=0.3)
        item = tx.items.add(
            Item(headline="Kim reist", source=source),
            Placement(link=Link.FIRST),
            keys=(),
            content=0,
            text_hash=7,
            fingerprints=(),
            now=store.now(),
        )
    looking.join(timeout=30)
    assert found == [item.story]


def test_what_one_node_places_while_another_prunes_is_found(
    store: Store, stores: Callable[[], Store]
) -> None:
    """A posting list is read and written back; what is entered in between may not be lost."""
    other, now, fingerprints = stores(), store.now(), (5, 6, 7, 8)
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), now).id

    def place(tx: Transaction, number: int, stored_at: datetime) -> int:
        return tx.items.add(
            Item(headline="Kim reist", source=source),
            Placement(link=Link.FIRST),
            keys=(),
            content=0,
            text_hash=number,
            fingerprints=fingerprints,
            now=stored_at,
        ).story

    def prune() -> None:
        with other.begin() as tx:
            tx.stories.prune_postings(now - timedelta(days=7), None, 100)

    with store.begin() as tx:
        place(tx, 1, now - timedelta(days=9))
        young = place(tx, 2, now)
    pruning = Thread(target=prune)
    with store.begin() as tx:
        placed = place(tx, 3, now)
        pruning.start()
        pruning.join(timeout=0.3)
    pruning.join(timeout=30)
    with store.begin() as tx:
        found = tx.stories.candidates(
            canonical_link="", text_hash=4, fingerprints=fingerprints, since=now - timedelta(days=30)
        )
    assert {young, placed} == {one.story for one in found}


def test_a_rule_joins_a_message_or_finds_it_rendered_never_in_between(
    store: Store, stores: Callable[[], Store]
) -> None:
    """While one node renders a message, another that wants to join it waits, and then starts a new one."""
    other = stores()
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now()).id
        item = stored(tx, Item(headline="Kim reist", source=source), store.now())
        held = tx.outbox.add(Delivery(channel="desk", story=item.story, due_at=store.now()))
    found: list[Delivery | None] = []

    def join() -> None:
        with other.begin() as tx:
            found.append(tx.outbox.waiting(item.story, "desk", ""))

    joining = Thread(target=join)
    with store.begin() as tx:
        assert [one.id for one in tx.outbox.held_due(store.now())] == [held.id]
        joining.start()
        tx.outbox.rendered(held.id, Message(id="m", subject="s", text="t"), store.now())
    joining.join(timeout=30)
    assert found == [None]


HOLDER = """
import sys, os
from datetime import datetime, timedelta
from service.model import Node, Source, utcnow
from service.store.db import Store
store = Store(sys.argv[1])
store.open()
with store.begin() as tx:
    node = tx.nodes.register(Node(host="wire1", boot_id="b", pid=os.getpid(), started_at=utcnow()))
with store.begin() as tx:
    claimed = tx.sources.claim(store.now(), 10, timedelta(hours=1), node.id)
with store.begin() as tx:
    tx.sources.add(Source(name="half", url="https://half.example/"), store.now())
    print(len(claimed), flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_what_a_killed_process_held_is_free_at_once_and_what_it_began_is_undone(
    store: Store, database_url: str
) -> None:
    now = utcnow()
    with store.begin() as tx:
        tx.sources.add(Source(name="dpa", url="https://dpa.example/", next_poll_at=now), now)
    process = start(HOLDER, database_url)
    assert pipes(process)[1].readline() == "1\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)

    def alive(pid: int, _started_at: object) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    with store.begin() as tx:
        assert tx.sources.claim(utcnow(), 10, LEASE, 99) == []
        mine = Node(host="wire1", boot_id="b", pid=os.getpid(), started_at=now)
        mine = tx.nodes.register(mine)
        assert tx.nodes.free_dead("wire1", "b", alive) == 1
        assert [one.name for one in tx.sources.claim(utcnow(), 10, LEASE, mine.id)] == ["dpa"]
        assert [node.id for node in tx.nodes.list()] == [mine.id]
        assert list(tx.sources.names().values()) == ["dpa"]
