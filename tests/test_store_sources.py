"""The table of sources is the schedule: claims, leases, the fence, and what people do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.errors import NotFoundError, UsageError
from service.model import Cursor, Node, Source, SourceState
from service.store.db import Store
from service.store.sources import Settlement
from tests.clock import ManualClock

LEASE = timedelta(seconds=90)
MINUTE = timedelta(minutes=1)


def add(store: Store, name: str = "dpa", **fields: Any) -> Source:
    with store.begin() as tx:
        return tx.sources.add(
            replace(Source(name=name, url=f"https://{name}.example/feed"), **fields), store.now()
        )


def claim(store: Store, limit: int = 10, node: int = 1) -> list[Source]:
    with store.begin() as tx:
        return list(tx.sources.claim(store.now(), limit, LEASE, node))


def learned(now: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "cursor": Cursor(etag='W/"1"'),
        "state": SourceState.OK,
        "failures": 0,
        "last_error": "",
        "last_polled_at": now,
        "last_ok_at": now,
        "last_item_at": None,
        "next_poll_at": now + MINUTE,
        "rhythm": timedelta(minutes=7),
    } | fields


def settle(store: Store, source: Source, **fields: Any) -> bool:
    with store.begin() as tx:
        return tx.sources.settle(source.id, source.epoch, **learned(store.now(), **fields))


def get(store: Store, name: str = "dpa") -> Source:
    with store.read() as tx:
        return tx.sources.get(name)


def test_a_source_comes_back_as_it_was_stored(store: Store) -> None:
    stored = add(
        store,
        format="nitf",
        language="de",
        timezone="Europe/Zurich",
        every=timedelta(seconds=90),
        cron="*/5 * * * *",
        tags=("agency", "größe"),
        auth_env="DPA_AUTH",
        cursor=Cursor(etag='"\xff"', moved_seen=2),
        rhythm=timedelta(microseconds=1),
    )
    assert stored.id
    assert stored.added_at == stored.next_poll_at == store.now()
    assert get(store) == stored


def test_a_name_or_url_that_is_taken_is_refused(store: Store) -> None:
    add(store)
    with pytest.raises(UsageError, match="a source of this name exists"):
        add(store, url="https://other.example/")
    with pytest.raises(UsageError, match="is polled already, as dpa"):
        add(store, name="other", url="https://dpa.example/feed")


def test_a_name_or_url_that_no_index_can_hold_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="1 to 200 characters"):
        add(store, name="x" * 201, url="https://a.example")
    with pytest.raises(UsageError, match="1 to 2000 bytes"):
        add(store, url="https://a.example/" + "ä" * 1000)


@pytest.mark.slow
def test_an_unknown_name_is_answered_with_names_that_come_close(store: Store) -> None:
    add(store, "reuters-world")
    with pytest.raises(NotFoundError, match=r"no source named reuter-world \(did you mean reuters-world"):
        get(store, "reuter-world")


def test_a_removed_source_leaves_its_name_free(store: Store) -> None:
    first = add(store)
    with store.begin() as tx:
        tx.sources.remove("dpa", store.now())
        assert list(tx.sources.list()) == []
        assert tx.sources.counts() == {}
    second = add(store)
    assert second.id != first.id
    with store.read() as tx:
        assert tx.sources.names() == {first.id: "dpa", second.id: "dpa"}
        assert tx.sources.names([first.id, 99]) == {first.id: "dpa"}


def test_claims_come_longest_due_first_and_at_most_as_many_as_asked_for(
    store: Store, clock: ManualClock
) -> None:
    for name, late in (("a", 1), ("b", 3), ("c", 2), ("d", -1)):
        add(store, name, next_poll_at=clock() - late * MINUTE)
    assert [source.name for source in claim(store, 2)] == ["b", "c"]
    assert [source.name for source in claim(store)] == ["a"]


def test_sources_that_fail_come_after_those_that_are_well_and_leave_them_places(
    store: Store, clock: ManualClock
) -> None:
    for name in ("bad-1", "bad-2", "bad-3", "good-1", "good-2"):
        add(store, name)
    for source in claim(store, 3):
        settle(store, source, failures=1)
    clock.advance(days=2)
    with store.begin() as tx:
        first = tx.sources.claim(store.now(), 4, LEASE, 1, kept=1)
        second = tx.sources.claim(store.now(), 1, LEASE, 1, kept=1)
    assert [source.name for source in first] == ["good-1", "good-2", "bad-1"]
    assert [] == second
    assert 2 == len(claim(store))


def test_a_claimed_source_is_nobody_elses_until_its_lease_ends(store: Store, clock: ManualClock) -> None:
    add(store)
    assert [source.epoch for source in claim(store)] == [1]
    assert claim(store, node=2) == []
    clock.advance(seconds=90)
    assert [source.epoch for source in claim(store, node=2)] == [2]


def test_a_settled_source_has_learned_and_is_free_when_due(store: Store, clock: ManualClock) -> None:
    add(store)
    source = claim(store)[0]
    assert settle(store, source, last_error="a hint")
    assert get(store) == replace(source, **learned(clock(), last_error="a hint"))
    assert claim(store) == []
    clock.advance(minutes=1)
    assert [one.epoch for one in claim(store)] == [2]


def test_a_node_that_was_paused_beyond_its_lease_is_fenced_off(store: Store, clock: ManualClock) -> None:
    add(store)
    old = claim(store)[0]
    clock.advance(seconds=91)
    new = claim(store, node=2)[0]
    assert not settle(store, old, cursor=Cursor(etag="old"))
    assert get(store).cursor == Cursor()
    assert settle(store, new, cursor=Cursor(etag="new"))
    assert not settle(store, old)
    assert get(store).cursor == Cursor(etag="new")


def test_many_settle_at_once_and_only_those_that_still_hold(store: Store, clock: ManualClock) -> None:
    for number in range(5):
        add(store, f"s{number}")
    claimed = claim(store)
    clock.advance(seconds=91)
    with store.begin() as tx:
        tx.sources.claim(store.now(), 2, LEASE, 2)
        settlements = [
            Settlement(source_id=one.id, epoch=one.epoch, **learned(clock())) for one in reversed(claimed)
        ]
        assert tx.sources.settle_many(settlements) == 3
        assert tx.sources.settle_many([]) == 0


def test_a_pause_during_a_poll_outlives_the_poll(store: Store, clock: ManualClock) -> None:
    add(store)
    source = claim(store)[0]
    with store.begin() as tx:
        tx.sources.pause("dpa")
    assert settle(store, source)
    paused = get(store)
    assert (paused.state, paused.next_poll_at) == (SourceState.PAUSED, None)
    assert paused.cursor.etag == 'W/"1"'
    clock.advance(days=1)
    assert claim(store) == []
    with store.begin() as tx:
        tx.sources.resume("dpa", store.now())
    assert [one.state for one in claim(store)] == [SourceState.OK]


def test_a_removal_during_a_poll_outlives_the_poll(store: Store, clock: ManualClock) -> None:
    add(store)
    source = claim(store)[0]
    with store.begin() as tx:
        tx.sources.remove("dpa", store.now())
    settle(store, source)
    clock.advance(days=1)
    assert claim(store) == []


def test_an_edit_during_a_poll_outlives_the_poll(store: Store) -> None:
    add(store)
    source = claim(store)[0]
    with store.begin() as tx:
        tx.sources.edit(replace(source, name="dpa-afx", every=timedelta(seconds=30)))
    assert settle(store, source)
    edited = get(store, "dpa-afx")
    assert (edited.every, edited.cursor.etag) == (timedelta(seconds=30), 'W/"1"')


def test_a_new_url_is_read_from_its_beginning(store: Store) -> None:
    settle(store, add(store))
    with store.begin() as tx:
        edited = tx.sources.edit(replace(get(store), url="https://new.example/"))
    assert edited.cursor == Cursor()
    assert edited == get(store)


def test_a_poll_of_a_url_that_was_edited_meanwhile_is_fenced_off(store: Store) -> None:
    add(store)
    old = claim(store)[0]
    with store.begin() as tx:
        tx.sources.edit(replace(old, url="https://new.example/"))
    assert not settle(store, old)
    assert [(one.url, one.cursor) for one in claim(store)] == [("https://new.example/", Cursor())]


def test_an_edit_cannot_take_the_name_of_another_source(store: Store) -> None:
    add(store, "afp")
    mine = add(store)
    with store.begin() as tx, pytest.raises(UsageError):
        tx.sources.edit(replace(mine, name="afp"))


def test_a_redirect_moves_the_source_but_never_onto_another_one(store: Store) -> None:
    add(store, "afp")
    moved = add(store)
    assert settle(store, moved, url="https://moved.example/")
    assert get(store).url == "https://moved.example/"
    assert settle(store, moved, url="https://afp.example/feed")
    assert get(store).url == "https://moved.example/"


def test_a_source_that_kills_its_process_is_tried_less_often(store: Store, clock: ManualClock) -> None:
    """Claims that are never settled are counted; from the fourth on, the next one is an hour away."""
    add(store)
    for _ in range(4):
        assert len(claim(store)) == 1
        clock.advance(seconds=91)
    assert claim(store) == []
    clock.advance(hours=1)
    again = claim(store)[0]
    assert settle(store, again, next_poll_at=clock())
    assert len(claim(store)) == 1


def test_a_round_by_hand_takes_everything_that_is_in_nobodys_hand(store: Store, clock: ManualClock) -> None:
    for name in ("held", "later", "due"):
        add(store, name, next_poll_at=clock() + (name == "later") * MINUTE)
    add(store, "paused", state=SourceState.PAUSED)
    with store.begin() as tx:
        assert [one.name for one in tx.sources.claim_all(clock(), LEASE, 1, ["held"])] == ["held"]
        assert {one.name for one in tx.sources.claim_all(clock(), LEASE, 2)} == {"due", "later"}
        assert [one.name for one in tx.sources.claim_all(clock(), LEASE, 2, ["paused", "held"])] == ["paused"]
        with pytest.raises(NotFoundError):
            tx.sources.claim_all(clock(), LEASE, 2, ["nobody"])


def test_what_a_node_gives_back_is_due_at_once(store: Store) -> None:
    add(store)
    claim(store, node=7)
    with store.begin() as tx:
        assert tx.sources.release(8) == 0
        assert tx.sources.release(7) == 1
    assert len(claim(store)) == 1


def test_the_next_time_that_something_is_due(store: Store, clock: ManualClock) -> None:
    with store.read() as tx:
        assert tx.sources.next_due() is None
    add(store, "a", next_poll_at=clock() + 2 * MINUTE)
    add(store, "b", next_poll_at=clock() + MINUTE)
    with store.read() as tx:
        assert tx.sources.next_due() == clock() + MINUTE
    clock.advance(minutes=1)
    claim(store)
    with store.read() as tx:
        assert tx.sources.next_due() == clock() + MINUTE
    clock.advance(seconds=1)
    with store.begin() as tx:
        tx.sources.claim_all(clock(), LEASE, 1)
        assert tx.sources.next_due() == clock() + LEASE - timedelta(seconds=1)  # if its holder is gone
        tx.sources.pause("a")
        tx.sources.pause("b")
        assert tx.sources.next_due() is None


def test_a_host_that_rests_has_no_source_that_is_due_and_no_other_host_rests(
    store: Store, clock: ManualClock
) -> None:
    now, until = clock(), clock() + 10 * MINUTE
    rests = ("https://a_b.example/x", "http://a_b.example/y", "https://a_b.example:8443/z")
    works = (
        "https://a_b.example.org/",
        "https://x.a_b.example/",
        "https://aab.example/",
        "https://other.example/https://a_b.example/",
        "wireq://a_b.example/q",
    )
    for url in (*rests, *works):
        add(store, url, url=url)
    add(store, "later", url="https://a_b.example/later", next_poll_at=until + MINUTE)
    add(store, "paused", url="https://a_b.example/paused", state=SourceState.PAUSED)
    add(store, "held", url="https://a_b.example/held", next_poll_at=now - MINUTE)
    [held] = claim(store, limit=1)
    with store.begin() as tx:
        tx.sources.rest("http://a_b.example:80/gone", until)
        tx.sources.rest("ftp://other.example/", until)
    assert {until} == {get(store, url).next_poll_at for url in rests}
    assert {now} == {get(store, url).next_poll_at for url in works}
    assert (until + MINUTE, None) == (get(store, "later").next_poll_at, get(store, "paused").next_poll_at)
    assert settle(store, held)
    assert set(works) == {source.name for source in claim(store)}


def test_sources_are_listed_and_counted_by_state(store: Store) -> None:
    for name in ("b", "a", "c"):
        add(store, name)
    with store.begin() as tx:
        tx.sources.pause("c")
    with store.read() as tx:
        assert [one.name for one in tx.sources.list()] == ["a", "b", "c"]
        assert [one.name for one in tx.sources.list(limit=1)] == ["a"]
        assert [one.name for one in tx.sources.list(state=SourceState.PAUSED)] == ["c"]
        assert tx.sources.counts() == {SourceState.OK: 2, SourceState.PAUSED: 1}


@pytest.fixture
def node(store: Store) -> Callable[..., Node]:
    def register(host: str = "wire1", boot_id: str = "b1", pid: int = 100) -> Node:
        with store.begin() as tx:
            return tx.nodes.register(Node(host=host, boot_id=boot_id, pid=pid, started_at=store.now()))

    return register


@pytest.mark.parametrize(
    ("boot_id", "alive", "freed"), [("b1", True, 0), ("b1", False, 1), ("b2", True, 1), ("b2", False, 1)]
)
def test_leases_of_a_dead_process_on_this_host_are_free_at_once(
    store: Store, node: Callable[..., Node], boot_id: str, alive: bool, freed: int
) -> None:
    add(store)
    claim(store, node=node().id)
    asked: list[tuple[int, datetime]] = []

    def judged(pid: int, started_at: datetime) -> bool:
        asked.append((pid, started_at))
        return alive

    with store.begin() as tx:
        assert tx.nodes.free_dead("other", boot_id, lambda *_: False) == 0
        assert tx.nodes.free_dead("wire1", boot_id, judged) == freed
        assert len(tx.nodes.list()) == 1 - freed
    assert asked == ([(100, store.now())] if boot_id == "b1" else [])
    assert len(claim(store, node=2)) == freed


def test_a_node_that_stops_gives_back_what_it_holds(
    store: Store, node: Callable[..., Node], clock: ManualClock
) -> None:
    add(store)
    mine, other = node(), node(pid=101)
    clock.advance(seconds=5)
    with store.begin() as tx:
        tx.nodes.beat(other.id, clock())
    claim(store, node=mine.id)
    with store.begin() as tx:
        assert tx.nodes.forget(mine.id) == 1
        assert list(tx.nodes.list()) == [replace(other, seen_at=clock())]
    assert len(claim(store, node=other.id)) == 1


def test_nodes_that_are_heard_of_are_counted(
    store: Store, node: Callable[..., Node], clock: ManualClock
) -> None:
    node()
    other = node(pid=101)
    clock.advance(minutes=5)
    with store.begin() as tx:
        tx.nodes.beat(other.id, clock())
        assert tx.nodes.living(clock() - timedelta(minutes=1)) == 1
        assert tx.nodes.living(clock() - timedelta(minutes=6)) == 2
