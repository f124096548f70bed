"""Subscriptions: offered once, asked in turn, trusted for a while, and gone with their source."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.model import Source, Subscription, SubscriptionState
from service.store.db import Store
from tests.clock import ManualClock

HOUR = timedelta(hours=1)


@pytest.fixture
def source(store: Store) -> Source:
    with store.begin() as tx:
        return tx.sources.add(Source(name="wire", url="https://wire.example/feed"), store.now())


def offered(store: Store, source: Source, **facts: Any) -> bool:
    wanted = Subscription(
        source=source.id,
        hub="https://hub.example/",
        topic=source.url,
        token="t1",
        secret="s1",
        due_at=store.now(),
    )
    with store.begin() as tx:
        return tx.subscriptions.offer(replace(wanted, **facts))


def known(store: Store, source: Source) -> Subscription:
    with store.read() as tx:
        found = tx.subscriptions.of(source.id)
    assert found is not None
    return found


def due(store: Store) -> list[str]:
    with store.begin() as tx:
        return [one.token for one in tx.subscriptions.due(store.now(), 10)]


def trusted(store: Store) -> bool:
    with store.read() as tx:
        return tx.sources.get("wire").pushed_until is not None


def test_a_hub_is_offered_once_and_another_one_takes_its_place(store: Store, source: Source) -> None:
    assert offered(store, source)
    assert not offered(store, source, token="t2", secret="s2")
    assert (known(store, source).token, due(store)) == ("t1", ["t1"])
    assert offered(store, source, hub="https://other.example/", token="t3")
    assert (known(store, source).token, due(store)) == ("t3", ["t3"])
    with store.read() as tx:
        assert tx.subscriptions.find("t1") is None
        assert tx.subscriptions.find("t3") == known(store, source)


def test_who_is_asked_is_nobody_elses_and_asked_again_later_and_later(
    store: Store, source: Source, clock: ManualClock
) -> None:
    offered(store, source)
    assert due(store) == ["t1"]
    for hours in (1, 2, 4, 8, 16, 32, 32):
        assert due(store) == []
        clock.advance(hours=hours - 0.01)
        assert due(store) == []
        clock.advance(hours=0.01)
        assert due(store) == ["t1"]


def test_a_lease_is_kept_and_trust_follows_it(store: Store, source: Source, clock: ManualClock) -> None:
    offered(store, source)
    due(store)
    with store.begin() as tx:
        tx.subscriptions.confirm(known(store, source), clock() + 3 * HOUR, clock() + 2 * HOUR)
    one = known(store, source)
    assert (one.state, one.asked, one.lease_until) == (SubscriptionState.ACTIVE, 0, clock() + 3 * HOUR)
    assert not trusted(store)
    with store.begin() as tx:
        tx.subscriptions.trust(one)
    assert trusted(store)
    clock.advance(hours=2)
    assert due(store) == ["t1"]
    with store.begin() as tx:
        tx.subscriptions.confirm(one, clock() + 5 * HOUR, clock() + 4 * HOUR)
        assert tx.sources.get("wire").pushed_until == clock() + 5 * HOUR
    with store.begin() as tx:
        tx.subscriptions.distrust(source.id)
    assert not trusted(store)


def test_a_denial_is_kept_and_the_hub_asked_once_more(
    store: Store, source: Source, clock: ManualClock
) -> None:
    offered(store, source)
    due(store)
    with store.begin() as tx:
        tx.subscriptions.deny(known(store, source), "members only", clock() + 24 * HOUR)
        assert tx.subscriptions.counts() == {SubscriptionState.DENIED: 1}
    assert (known(store, source).reason, due(store)) == ("members only", [])
    clock.advance(hours=24)
    assert due(store) == ["t1"]
    assert known(store, source).state is SubscriptionState.ASKED


@pytest.mark.parametrize("end", ["withdraw", "pause", "remove"])
def test_a_hub_that_is_left_is_told_three_times_and_forgotten(
    store: Store, source: Source, clock: ManualClock, end: str
) -> None:
    offered(store, source)
    due(store)
    with store.begin() as tx:
        if end == "withdraw":
            tx.subscriptions.withdraw([source.id], clock())
        elif end == "pause":
            tx.sources.pause("wire")
        else:
            tx.sources.remove("wire", clock())
    for _ in range(3):
        assert due(store) == ["t1"]
        assert known(store, source).state is SubscriptionState.LEAVING
        clock.advance(hours=40)
    assert due(store) == []
    with store.read() as tx:
        assert tx.subscriptions.counts() == {}


def test_a_feed_that_names_its_hub_again_stays(store: Store, source: Source) -> None:
    offered(store, source)
    with store.begin() as tx:
        tx.subscriptions.withdraw([source.id], store.now())
    assert offered(store, source, token="t2")
    assert (known(store, source).state, due(store)) == (SubscriptionState.ASKED, ["t2"])


def test_a_late_word_about_an_old_address_changes_nothing(store: Store, source: Source) -> None:
    offered(store, source)
    old = known(store, source)
    offered(store, source, topic="https://wire.example/new", token="t2")
    with store.begin() as tx:
        tx.subscriptions.failed(old, "the server answers 500")
        tx.subscriptions.confirm(old, store.now() + HOUR, store.now() + HOUR)
    assert (known(store, source).reason, known(store, source).state) == ("", SubscriptionState.ASKED)
