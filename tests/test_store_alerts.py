"""Hits, alerts and silences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.errors import NotFoundError
from service.model import Alert, AlertState, Evidence, Hit, Item, Rule, Silence, Source
from service.store.db import Store
from tests.clock import ManualClock
from tests.stored import stored

HOUR = timedelta(hours=1)
EVIDENCE = (
    Evidence("headline", 0, 3, "Kim", "Kim", "exact"),
    Evidence("body", 9, 21, "Auslandsreise", "Reise", "compound", "travel"),
)


@pytest.fixture
def rules(store: Store) -> tuple[int, int]:
    with store.begin() as tx:
        first, second = (tx.rules.add(Rule(name=name, query=name), store.now()) for name in ("a", "b"))
    return first.id, second.id


@pytest.fixture
def item(store: Store) -> Callable[[], Item]:
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now())

    def another() -> Item:
        with store.begin() as tx:
            return stored(tx, Item(headline="Kim", source=source.id), store.now())

    return another


def hit(store: Store, rule: int, item: Item, **fields: Any) -> Hit:
    found = Hit(rule=rule, rule_version=1, item=item.id, story=item.story, evidence=EVIDENCE, at=store.now())
    with store.begin() as tx:
        return tx.alerts.hit(replace(found, **fields))


def open_alert(store: Store, rule: int, item: Item) -> Alert:
    alert = Alert(rule=rule, story=item.story, opened_at=store.now(), updated_at=store.now())
    with store.begin() as tx:
        return tx.alerts.open(alert)


@pytest.mark.slow
def test_a_hit_comes_back_with_its_evidence(
    store: Store, rules: tuple[int, int], item: Callable[[], Item]
) -> None:
    first, second = item(), item()
    stored = hit(store, rules[0], first)
    others = [hit(store, rules[1], first, evidence=()), hit(store, rules[0], second)]
    with store.read() as tx:
        assert list(tx.alerts.hits(first.id)) == [stored, others[0]]
        assert list(tx.alerts.hits_of_story(second.story)) == [others[1]]
        assert list(tx.alerts.hits_of_rule(rules[0])) == [others[1], stored]
        assert list(tx.alerts.hits_of_rule(rules[0], before_id=others[1].id, limit=1)) == [stored]


def test_a_rule_hits_an_item_once(store: Store, rules: tuple[int, int], item: Callable[[], Item]) -> None:
    one = item()
    first = hit(store, rules[0], one)
    assert hit(store, rules[0], one, evidence=(), rule_version=2) == first


def test_a_rule_alerts_a_story_once(store: Store, rules: tuple[int, int], item: Callable[[], Item]) -> None:
    one = item()
    first = open_alert(store, rules[0], one)
    assert open_alert(store, rules[0], one) == first
    other = open_alert(store, rules[1], one)
    with store.read() as tx:
        assert tx.alerts.get(rules[0], one.story) == first
        assert tx.alerts.get(rules[0], 99) is None
        assert list(tx.alerts.of_story(one.story)) == [first, other]
        assert tx.alerts.show(other.id) == other
        with pytest.raises(NotFoundError, match="no alert named 99"):
            tx.alerts.show(99)


def test_an_alert_changes_its_state_and_nothing_else(
    store: Store, clock: ManualClock, rules: tuple[int, int], item: Callable[[], Item]
) -> None:
    alert = open_alert(store, rules[0], item())
    changed = replace(
        alert,
        state=AlertState.ACKNOWLEDGED,
        revision=2,
        reason="anna has seen it",
        updated_at=clock.advance(minutes=1),
    )
    with store.begin() as tx:
        tx.alerts.update(replace(changed, opened_at=clock() + HOUR, rule=rules[1]))
    with store.read() as tx:
        assert tx.alerts.show(alert.id) == changed


def test_alerts_are_listed_newest_first(
    store: Store, clock: ManualClock, rules: tuple[int, int], item: Callable[[], Item]
) -> None:
    one, two, three = item(), item(), item()
    alerts = [open_alert(store, rules[0], one)]
    clock.advance(hours=1)
    alerts += [open_alert(store, rules[0], two), open_alert(store, rules[1], three)]
    with store.begin() as tx:
        tx.alerts.update(replace(alerts[0], state=AlertState.RETRACTED))
    with store.read() as tx:

        def listed(**wanted: Any) -> list[int]:
            return [alert.id for alert in tx.alerts.list(**wanted)]

        ids = [alert.id for alert in alerts]
        assert listed() == ids[::-1]
        assert listed(limit=1) == ids[2:]
        assert listed(before_id=ids[2]) == [ids[1], ids[0]]
        assert listed(since=clock()) == [ids[2], ids[1]]
        assert listed(rule=rules[1]) == [ids[2]]
        assert listed(state=AlertState.RETRACTED) == [ids[0]]


def test_a_silence_ends_by_itself_or_by_hand(store: Store, clock: ManualClock) -> None:
    def silence(hours: int) -> Silence:
        return Silence(
            matchers=(("rule", "korea"), ("source", "dpa")),
            starts_at=clock(),
            ends_at=clock() + hours * HOUR,
            comment="summit",
            author="anna",
        )

    with store.begin() as tx:
        long, short = tx.alerts.add_silence(silence(3)), tx.alerts.add_silence(silence(1))
        assert list(tx.alerts.silences(clock())) == [short, long]
    clock.advance(hours=1)
    with store.begin() as tx:
        assert list(tx.alerts.silences(clock())) == [long]
        tx.alerts.end_silence(long.id, clock())
        assert list(tx.alerts.silences(clock())) == []
        with pytest.raises(NotFoundError, match=f"no silence named {long.id}"):
            tx.alerts.end_silence(long.id, clock())
