"""Rules, their history, the lists they name, and the revision that tells that something changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.errors import NotFoundError, UsageError
from service.model import Priority, Rule
from service.store.db import Store
from tests.clock import ManualClock


def add(store: Store, name: str = "korea", query: str = '"Kim Jong Un" + Reise', **fields: Any) -> Rule:
    with store.begin() as tx:
        return tx.rules.add(replace(Rule(name=name, query=query), **fields), store.now())


def revision(store: Store) -> int:
    with store.read() as tx:
        return tx.rules.revision()


def test_a_rule_comes_back_as_it_was_stored(store: Store, clock: ManualClock) -> None:
    stored = add(
        store,
        channels=("desk", "mail:chef@example.org"),
        priority=Priority.FLASH,
        language="de",
        digest="0 7 * * *",
        on_updates=True,
        changed_by="anna",
    )
    assert (stored.version, stored.created_at, stored.changed_at) == (1, clock(), clock())
    with store.read() as tx:
        assert tx.rules.get("korea") == stored
        assert tx.rules.with_ids([stored.id, 99]) == {stored.id: stored}


def test_a_name_that_is_taken_is_refused(store: Store) -> None:
    add(store)
    other = add(store, "china")
    with pytest.raises(UsageError, match="korea: a rule of this name exists"):
        add(store)
    with store.begin() as tx, pytest.raises(UsageError, match="korea"):
        tx.rules.edit(replace(other, name="korea"), store.now(), "anna")
    with pytest.raises(UsageError, match="1 to 200 characters"):
        add(store, "x" * 201)


def test_an_unknown_name_is_answered_with_names_that_come_close(store: Store) -> None:
    add(store)
    with store.read() as tx, pytest.raises(NotFoundError, match=r"no rule named corea \(did you mean korea"):
        tx.rules.get("corea")


def test_every_change_is_a_new_version_and_the_former_ones_stay(store: Store, clock: ManualClock) -> None:
    first = add(store)
    clock.advance(hours=1)
    with store.begin() as tx:
        second = tx.rules.edit(replace(first, query="Kim", created_at=None, version=9), clock(), "anna")
    assert second == replace(first, query="Kim", version=2, changed_at=clock(), changed_by="anna")
    clock.advance(hours=1)
    with store.begin() as tx:
        third = tx.rules.disable("korea", clock(), "ben")
        assert tx.rules.disable("korea", clock(), "ben") == third
    assert third == replace(second, enabled=False, version=3, changed_at=clock(), changed_by="ben")
    with store.read() as tx:
        assert list(tx.rules.versions(first.id)) == [third, second, first]
        assert list(tx.rules.list()) == [third]


def test_a_removed_rule_leaves_its_name_free_and_cannot_be_edited(store: Store, clock: ManualClock) -> None:
    first = add(store)
    with store.begin() as tx:
        tx.rules.remove("korea", clock())
        with pytest.raises(NotFoundError):
            tx.rules.edit(first, clock(), "anna")
    second = add(store)
    with store.read() as tx:
        assert tx.rules.names() == {first.id: "korea", second.id: "korea"}
        assert list(tx.rules.list()) == [second]


def test_every_change_moves_the_revision_and_says_what_changed(store: Store, clock: ManualClock) -> None:
    before = revision(store)
    kept, edited, removed = add(store, "a"), add(store, "b"), add(store, "c")
    with store.read() as tx:
        assert tx.rules.changed_since(before) == ([kept, edited, removed], [])
        start = tx.rules.revision()
        assert tx.rules.changed_since(start) == ([], [])
    assert start > before
    with store.begin() as tx:
        edited = tx.rules.disable("b", clock())
        tx.rules.remove("c", clock())
    with store.read() as tx:
        assert tx.rules.changed_since(start) == ([edited], [removed.id])


def test_a_change_that_was_rolled_back_did_not_move_the_revision(store: Store) -> None:
    add(store)
    before = revision(store)
    with store.begin() as tx, pytest.raises(UsageError):
        tx.rules.add(Rule(name="korea", query="x"), store.now())

    def fails_at_the_end() -> None:
        with store.begin() as tx:
            tx.rules.remove("korea", store.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_at_the_end()
    assert revision(store) == before
    with store.read() as tx:
        assert tx.rules.get("korea")


def test_lists_are_replaced_and_removed_and_move_the_revision(store: Store) -> None:
    revisions, now = [revision(store)], store.now()
    with store.begin() as tx:
        tx.rules.add_list("dax", ("Siemens", "Bayer"), now)
        revisions.append(tx.rules.revision())
        tx.rules.add_list("dax", ("Siemens", "Rheinmetall"), now)
        revisions.append(tx.rules.revision())
        tx.rules.add_list("empty", (), now)
        assert tx.rules.lists() == {"dax": ("Siemens", "Rheinmetall"), "empty": ()}
        revisions.append(tx.rules.revision())
        tx.rules.remove_list("dax")
        revisions.append(tx.rules.revision())
        assert tx.rules.lists() == {"empty": ()}
        with pytest.raises(NotFoundError, match="no list named dax"):
            tx.rules.remove_list("dax")
        with pytest.raises(UsageError):
            tx.rules.add_list("", (), now)
    assert revisions == sorted(set(revisions))


def test_lists_are_known_as_they_were(store: Store, clock: ManualClock) -> None:
    with store.begin() as tx:
        tx.rules.add_list("dax", ("Siemens",), clock())
        before = clock()
        tx.rules.add_list("dax", ("Bayer",), clock.advance(hours=1))
        tx.rules.add_list("new", ("E.ON",), clock())
    with store.read() as tx:
        assert {"dax": ("Siemens",), "new": ("E.ON",)} == tx.rules.lists_at(before)
        assert tx.rules.lists() == tx.rules.lists_at(clock())
