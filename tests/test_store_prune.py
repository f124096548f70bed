"""Retention: what is old goes, what it taught stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.config import Retention
from service.model import (
    Alert,
    Attempt,
    Delivery,
    DeliveryState,
    Hit,
    Item,
    Link,
    Node,
    Outcome,
    Placement,
    Rule,
    Source,
    Verdict,
)
from service.quantities import duration
from service.store.db import Store
from service.store.postings import unpacked
from service.store.prune import Pruned, due, prune
from tests.clock import ManualClock

KEEP = Retention(items=duration("100d"), attempts=duration("10d"), fingerprints=duration("2d"))


def add(store: Store, source: int, number: int, story: int = 0) -> Item:
    with store.begin() as tx:
        return tx.items.add(
            Item(headline=str(number), source=source),
            Placement(link=Link.COPY if story else Link.FIRST, story=story),
            keys=[number],
            content=number,
            text_hash=number,
            fingerprints=[-number, number, number + 1, 2**62],
            now=store.now(),
        )


def deliver(store: Store, item: Item, rule: int, state: DeliveryState) -> Delivery:
    now = store.now()
    with store.begin() as tx:
        tx.alerts.hit(Hit(rule=rule, rule_version=1, item=item.id, story=item.story, evidence=(), at=now))
        alert = tx.alerts.open(Alert(rule=rule, story=item.story, opened_at=now, updated_at=now))
        stored = Delivery(channel="desk", story=item.story, state=state, due_at=now)
        stored = tx.outbox.add(stored, [alert.id])
        outcome = Outcome(verdict=Verdict.TRANSIENT)
        attempt = Attempt(delivery=stored.id, number=1, started_at=now, took=timedelta(0), outcome=outcome)
        tx.outbox.settle(stored.id, 0, state=state, attempt=attempt)
    return stored


def test_the_old_goes_and_the_young_and_what_still_waits_stay(store: Store, clock: ManualClock) -> None:
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), clock())
        rule = tx.rules.add(Rule(name="korea", query="Kim"), clock())
        node = tx.nodes.register(Node(host="h", boot_id="b", pid=1, started_at=clock()))
    old = [add(store, source.id, number) for number in range(1, 26)]
    sent = deliver(store, old[0], rule.id, DeliveryState.SENT)
    waiting = deliver(store, old[1], rule.id, DeliveryState.PENDING)
    clock.advance(days=99)
    joined = add(store, source.id, 30, story=old[2].story)
    young = add(store, source.id, 31)
    deliver(store, young, rule.id, DeliveryState.SENT)
    clock.advance(days=2)

    aged = Pruned(items=25, stories=24, deliveries=1, attempts=2, fingerprints=4 * 25, nodes=1)
    assert due(store, clock(), KEEP, rows=7) == aged
    slices: list[int] = []
    assert prune(store, clock(), KEEP, rows=7, between=slices.append) == aged
    assert sum(slices) == 25 + 24 + 1 + 2 + 4 * 25 + 1
    assert max(slices) <= 7 * 25

    with store.read() as tx:
        assert list(tx.items.scan()) == [joined, young]
        assert [tx.stories.get(item.story).headline for item in (joined, young)] == ["3", "31"]
        assert [one.id for one in tx.outbox.list(state=DeliveryState.PENDING)] == [waiting.id]
        assert sent.id not in {one.id for one in tx.outbox.list()}
        assert tx.outbox.get(waiting.id) == replace(waiting, story=0, alerts=())
        assert [alert.story for alert in tx.alerts.list()] == [young.story]
        assert len(tx.items.seen(source.id, range(1, 26))) == 25  # they do not come back as news
        left = {h: list(unpacked(items)) for h, items in tx.postings.under([3, 31, 2**62]).stored.items()}
        assert left == {h: [joined.id, young.id] for h in (31, 2**62)}
        assert node not in tx.nodes.list()
    assert prune(store, clock(), KEEP, rows=7) == due(store, clock(), KEEP) == Pruned()


def test_what_a_waiting_message_will_tell_of_stays(store: Store, clock: ManualClock) -> None:
    """It is held over a long week-end, and the retention is short."""
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), clock())
        rule = tx.rules.add(Rule(name="korea", query="Kim"), clock())
    old = [add(store, source.id, number) for number in (1, 2)]
    held = deliver(store, old[0], rule.id, DeliveryState.HELD)
    clock.advance(days=101)
    with store.begin() as tx:
        tx.outbox.aim(held.id, old[0].id, clock())
    assert due(store, clock(), KEEP) == prune(store, clock(), KEEP)
    with store.read() as tx:
        assert list(tx.items.scan()) == [old[0]]
        assert [alert.story for alert in tx.alerts.list()] == [old[0].story]
        assert len(tx.alerts.hits(old[0].id)) == 1
    with store.begin() as tx:
        tx.outbox.suppress(held.id, "told otherwise")
    assert (
        due(store, clock(), KEEP) == prune(store, clock(), KEEP) == Pruned(items=1, stories=1, deliveries=1)
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(st.frozensets(st.integers(-3, 9)), max_size=6),
    second=st.lists(st.frozensets(st.integers(-3, 9)), max_size=6),
    floor=st.integers(1, 13),
    rows=st.integers(1, 15),
)
def test_posting_lists_hold_what_was_entered_but_for_what_is_old(
    store: Store, first: list[frozenset[int]], second: list[frozenset[int]], floor: int, rows: int
) -> None:
    entered = list(enumerate([*first, *second], 1))

    def lists(since: int) -> dict[int, list[int]]:
        expected = {h: [n for n, each in entered if h in each and n >= since] for h in range(-3, 10)}
        return {h: items for h, items in expected.items() if items}

    with store.rehearse() as tx:

        def stored() -> dict[int, list[int]]:
            return {h: list(unpacked(items)) for h, items in tx.postings.under(range(-5, 12)).stored.items()}

        for part in (entered[: len(first)], entered[len(first) :]):
            entering = tx.postings.under(range(-3, 10))
            for number, each in part:
                entering.enter(number, each)
            tx.postings.add(entering)
        assert lists(0) == stored()
        gone, start = tx.postings.prune(floor, None, rows)
        while start is not None:
            more, start = tx.postings.prune(floor, start, rows)
            gone += more
        assert lists(floor) == stored()
        assert gone == sum(len(each) for n, each in entered if n < floor)


def test_what_was_seen_on_a_removed_source_goes(store: Store, clock: ManualClock) -> None:
    with store.begin() as tx:
        gone, kept = (
            tx.sources.add(Source(name=name, url=f"https://{name}.example/"), clock()).id
            for name in ("gone", "kept")
        )
    for source in (gone, kept):
        for number in range(10):
            add(store, source, number)
    with store.begin() as tx:
        tx.sources.remove("gone", clock())
    assert due(store, clock(), KEEP).seen == 10
    assert prune(store, clock(), KEEP, rows=3).seen == 10
    with store.read() as tx:
        assert tx.items.seen(gone, range(10)) == {}
        assert len(tx.items.seen(kept, range(10))) == 10


def test_a_file_gives_its_free_pages_back(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "monitor.db"
    store = Store(f"sqlite:///{path}", clock=clock)
    store.open()
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), clock()).id
        for number in range(300):
            tx.items.add(
                Item(headline="Kim", body="x" * 4000, source=source),
                Placement(link=Link.FIRST),
                keys=[number],
                content=0,
                text_hash=0,
                fingerprints=(),
                now=clock(),
            )
    store.close()  # writes the log back into the file
    before = path.stat().st_size
    clock.advance(days=101)
    prune(store, clock(), KEEP)
    store.close()
    assert path.stat().st_size < before / 3
