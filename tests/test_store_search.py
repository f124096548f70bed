"""Words in the archive: both engines give the same answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import UsageError
from service.model import Item, Source
from service.store.db import Store
from service.store.vocabulary import parts, words
from tests.clock import ManualClock
from tests.stored import stored


@pytest.fixture
def add(store: Store) -> Callable[..., Item]:
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now()).id

    def item(headline: str, **fields: Any) -> Item:
        with store.begin() as tx:
            return stored(tx, Item(headline=headline, source=source, **fields), store.now())

    return item


def found(store: Store, query: str, **page: Any) -> list[str]:
    with store.read() as tx:
        return [item.headline for item in tx.items.search(query, **page)]


def test_all_words_of_a_search_stand_in_the_item(store: Store, add: Callable[..., Item]) -> None:
    add("Kim reist", body="Pjöngjang (dpa)\n\nKim Jong Un fährt nach Peking.")
    add("Kim bleibt", keywords=("Nordkorea",), slug="Kim/Reise")
    add("Zinsen steigen")
    assert found(store, "kim") == ["Kim bleibt", "Kim reist"]
    assert found(store, "Kim Peking") == ["Kim reist"]
    assert found(store, "nordkorea") == ["Kim bleibt"]
    assert found(store, "kim reise") == ["Kim bleibt"]
    assert found(store, "kim zinsen") == []


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("PJOENGJANG", True),
        ("pjöngjang", True),
        ("Pjöng*", True),
        ("jang*", False),
        ("pjong", False),
        ("dpa-AFX", True),
        ("afx", True),
        ("dpa-A*", True),
        ("0,25", True),
        ("25", True),
        ("москва", True),
        ("example.org", True),
        ("' OR 1=1 --", False),
        ('"kim" AND NOT (', False),
        ("words:x NEAR(a b) ^c", False),
        ("kim & !kim | :*", True),
    ],
)
def test_a_search_means_the_same_on_both_engines(
    store: Store, add: Callable[..., Item], query: str, hit: bool
) -> None:
    add("Kim", body="Pjöngjang (dpa-AFX) um 0,25 Prozent, Москва, https://www.example.org/a?b")
    assert found(store, query) == ["Kim"] * hit


@pytest.mark.parametrize("query", ["", "  ", "*", "-- ' \" ()", "_"])
def test_a_search_without_a_word_is_refused(store: Store, query: str) -> None:
    with store.read() as tx, pytest.raises(UsageError, match="at least one word"):
        tx.items.search(query)


def test_a_search_comes_page_by_page(store: Store, add: Callable[..., Item]) -> None:
    items = [add(f"Kim {number}") for number in range(5)]
    assert found(store, "kim", limit=2) == ["Kim 4", "Kim 3"]
    assert found(store, "kim", limit=2, before_id=items[3].id) == ["Kim 2", "Kim 1"]


def test_what_was_pruned_is_found_no_more(store: Store, add: Callable[..., Item], clock: ManualClock) -> None:
    add("Kim old")
    clock.advance(days=10)
    add("Kim new")
    with store.begin() as tx:
        assert tx.items.prune(clock() - timedelta(days=1), 10) == 1
    assert found(store, "kim") == ["Kim new"]
    assert found(store, "old") == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(headline=st.text(), body=st.text())
def test_every_item_is_found_by_each_of_its_words(
    store: Store, add: Callable[..., Item], headline: str, body: str
) -> None:
    item = add(headline, body=body)
    with store.read() as tx:
        stored = tx.items.get(item.id)
        for word in words(stored).split():
            assert item.id in {one.id for one in tx.items.search(word)}
            assert item.id in {one.id for one in tx.items.search(word[:1] + "*", limit=10_000)}


def test_a_hostile_item_has_a_bound_number_of_words() -> None:
    assert len(words(Item(headline="", body=" ".join(map(str, range(100_000))))).split()) == 5000
    assert words(Item(headline="x" * 1_000_000)) == "x" * 64
    assert parts("x" * 100) == [("x" * 64, False)]
