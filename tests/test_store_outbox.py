"""The outbox: every message from its decision to its acceptance, and the fence between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.errors import NotFoundError
from service.model import (
    Alert,
    Attempt,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Item,
    Message,
    Outcome,
    Priority,
    Rule,
    Source,
    Verdict,
)
from service.store.db import Store
from service.store.outbox import PATIENT
from tests.clock import ManualClock
from tests.stored import stored

LEASE = timedelta(seconds=60)
MESSAGE = Message(
    id="d1@wire.example",
    subject="[korea] Kim reist",
    text="Kim reist",
    html="<p>Kim reist</p>",
    chat="*[korea]* Kim reist",
    data={"schema_version": 1, "rules": ["korea"], "lag": 1.5, "nothing": None},
    thread="d0@wire.example",
    headers={"List-Id": "<korea.wire.example>"},
)


@pytest.fixture
def alerts(store: Store) -> list[Alert]:
    """Two alerts about one story, then one about another story."""
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), store.now())
        rules = [tx.rules.add(Rule(name=name, query=name), store.now()).id for name in ("a", "b")]
        items = [stored(tx, Item(headline="Kim", source=source.id), store.now()) for _ in range(2)]
        return [
            tx.alerts.open(Alert(rule=rule, story=item.story, opened_at=store.now(), updated_at=store.now()))
            for rule, item in ((rules[0], items[0]), (rules[1], items[0]), (rules[0], items[1]))
        ]


@pytest.fixture
def add(store: Store) -> Callable[..., Delivery]:
    def delivery(*alerts: Alert, **fields: Any) -> Delivery:
        given: dict[str, Any] = {
            "channel": "desk",
            "recipient": "anna@example.org",
            "story": alerts[0].story if alerts else 0,
            "created_at": store.now(),
            "due_at": store.now(),
        }
        with store.begin() as tx:
            return tx.outbox.add(Delivery(**given | fields), [alert.id for alert in alerts])

    return delivery


@pytest.fixture
def pending(add: Callable[..., Delivery]) -> Callable[..., Delivery]:
    def delivery(*alerts: Alert, **fields: Any) -> Delivery:
        return add(*alerts, **{"state": DeliveryState.PENDING, "message": MESSAGE} | fields)

    return delivery


def claim(store: Store, channel: str = "desk", limit: int = 10, node: int = 1) -> list[Delivery]:
    with store.begin() as tx:
        return list(tx.outbox.claim(channel, store.now(), limit, LEASE, node))


def get(store: Store, delivery: Delivery) -> Delivery:
    with store.read() as tx:
        return tx.outbox.get(delivery.id)


def settle(store: Store, delivery: Delivery, state: DeliveryState, **fields: Any) -> bool:
    with store.begin() as tx:
        return tx.outbox.settle(delivery.id, delivery.epoch, state=state, **fields)


def test_a_delivery_comes_back_as_it_was_stored(
    store: Store, alerts: list[Alert], pending: Callable[..., Delivery]
) -> None:
    stored = pending(alerts[1], alerts[0], kind=DeliveryKind.CORRECTION, priority=Priority.LOW, item=7)
    assert stored.alerts == (alerts[0].id, alerts[1].id)
    assert get(store, stored) == stored
    with store.read() as tx, pytest.raises(NotFoundError, match="no delivery named 99"):
        tx.outbox.get(99)


def test_a_message_about_no_story_needs_none(store: Store, pending: Callable[..., Delivery]) -> None:
    stored = pending(kind=DeliveryKind.DIGEST)
    assert get(store, stored) == stored
    assert (stored.story, stored.alerts) == (0, ())


def test_a_rule_that_hits_later_joins_the_message_that_waits(
    store: Store, alerts: list[Alert], add: Callable[..., Delivery]
) -> None:
    held = add(alerts[0])
    with store.begin() as tx:
        waiting = tx.outbox.waiting(held.story, "desk", "anna@example.org")
        assert waiting == held
        assert tx.outbox.waiting(held.story, "desk", "ben@example.org") is None
        assert tx.outbox.waiting(alerts[2].story, "desk", "anna@example.org") is None
        tx.outbox.join(held.id, alerts[1].id)
        tx.outbox.join(held.id, alerts[1].id)
    assert get(store, held).alerts == (alerts[0].id, alerts[1].id)


def test_a_held_message_is_rendered_when_it_is_due_and_only_once(
    store: Store, clock: ManualClock, alerts: list[Alert], add: Callable[..., Delivery]
) -> None:
    held = add(alerts[0], due_at=clock() + timedelta(seconds=15), reason="group wait")
    with store.begin() as tx:
        assert list(tx.outbox.held_due(clock())) == []
    clock.advance(seconds=15)
    with store.read() as tx:  # to look is allowed where nothing is written
        assert list(tx.outbox.held_due(clock())) == [held]
        assert tx.outbox.waiting(held.story, "desk", "anna@example.org") == held
    with store.begin() as tx:
        assert list(tx.outbox.held_due(clock(), 10)) == [held]
        assert tx.outbox.rendered(held.id, MESSAGE, clock())
        assert not tx.outbox.rendered(held.id, replace(MESSAGE, id="other"), clock())
        assert tx.outbox.waiting(held.story, "desk", "anna@example.org") is None
    assert get(store, held) == replace(
        held, state=DeliveryState.PENDING, message=MESSAGE, due_at=clock(), reason=""
    )


def test_a_hold_says_why_and_until_when(
    store: Store, clock: ManualClock, add: Callable[..., Delivery]
) -> None:
    held = add()
    morning = clock() + timedelta(hours=8)
    with store.begin() as tx:
        assert tx.outbox.hold(held.id, morning, "quiet hours")
        assert list(tx.outbox.held_due(clock())) == []
        assert tx.outbox.next_due() == morning
        assert tx.outbox.suppress(held.id, "silenced")
        assert not tx.outbox.hold(held.id, morning, "quiet hours")
    assert (get(store, held).state, get(store, held).reason) == (DeliveryState.SUPPRESSED, "silenced")


def test_the_thread_is_what_was_sent_or_will_be(
    store: Store,
    clock: ManualClock,
    alerts: list[Alert],
    add: Callable[..., Delivery],
    pending: Callable[..., Delivery],
) -> None:
    first, second, held, gone = pending(alerts[0]), pending(alerts[0]), add(alerts[0]), pending(alerts[0])
    pending(alerts[0], recipient="ben@example.org")
    with store.begin() as tx:
        tx.outbox.suppress(gone.id, "killed")
        tx.outbox.settle(first.id, 0, state=DeliveryState.SENT, sent_at=clock())
        thread = tx.outbox.thread(held.story, "desk", "anna@example.org")
    assert [one.id for one in thread] == [first.id, second.id]


def test_claims_come_most_urgent_first_then_longest_due(
    store: Store, clock: ManualClock, pending: Callable[..., Delivery]
) -> None:
    late = pending(due_at=clock() - timedelta(hours=1))
    new = pending()
    low = pending(priority=Priority.LOW, due_at=clock() - timedelta(hours=2))
    flash = pending(priority=Priority.FLASH)
    pending(due_at=clock() + timedelta(seconds=1))
    other = pending(channel="mail")
    with store.read() as tx:
        assert list(tx.outbox.due_channels(clock())) == ["desk", "mail"]
    assert [one.id for one in claim(store, limit=2)] == [flash.id, late.id]
    assert [one.id for one in claim(store)] == [new.id, low.id]
    with store.read() as tx:
        assert list(tx.outbox.due_channels(clock())) == ["mail"]
    assert [one.id for one in claim(store, "mail")] == [other.id]


def test_an_attempt_counts_from_its_claim(
    store: Store, clock: ManualClock, pending: Callable[..., Delivery]
) -> None:
    pending()
    assert [(one.attempts, one.epoch) for one in claim(store)] == [(1, 1)]
    assert claim(store, node=2) == []
    with store.read() as tx:
        assert tx.outbox.next_due() == clock() + LEASE  # if its holder is gone
    clock.advance(seconds=60)
    assert [(one.attempts, one.epoch) for one in claim(store, node=2)] == [(2, 2)]


def test_what_was_sent_is_settled_with_its_attempt(
    store: Store, clock: ManualClock, pending: Callable[..., Delivery]
) -> None:
    pending()
    claimed = claim(store)[0]
    attempt = Attempt(
        delivery=claimed.id,
        number=1,
        started_at=clock(),
        took=timedelta(milliseconds=12.5),
        outcome=Outcome(verdict=Verdict.SENT, code="250", retry_after=timedelta(seconds=3)),
        node="wire1:100",
    )
    assert settle(store, claimed, DeliveryState.SENT, sent_at=clock(), attempt=attempt)
    assert get(store, claimed) == replace(claimed, state=DeliveryState.SENT, sent_at=clock())
    with store.read() as tx:
        assert list(tx.outbox.attempts(claimed.id)) == [attempt]
        assert tx.outbox.next_due() is None


def test_what_failed_is_tried_again_when_it_is_due(
    store: Store, clock: ManualClock, pending: Callable[..., Delivery]
) -> None:
    pending()
    again = clock() + timedelta(seconds=5)
    assert settle(store, claim(store)[0], DeliveryState.PENDING, last_error="421 try later", due_at=again)
    assert claim(store) == []
    with store.read() as tx:
        assert tx.outbox.next_due() == again
        assert [one.last_error for one in tx.outbox.list(failed=True)] == ["421 try later"]
    clock.advance(seconds=5)
    dying = claim(store)[0]
    assert settle(store, dying, DeliveryState.DEAD, last_error="550 no such user", reason="refused")
    with store.read() as tx:
        assert [one.state for one in tx.outbox.list(failed=True)] == [DeliveryState.DEAD]


def test_a_sender_that_was_paused_beyond_its_lease_is_fenced_off_but_its_attempt_is_kept(
    store: Store, clock: ManualClock, pending: Callable[..., Delivery]
) -> None:
    pending()
    old = claim(store)[0]
    clock.advance(seconds=61)
    new = claim(store, node=2)[0]
    attempt = Attempt(
        delivery=old.id,
        number=1,
        started_at=clock(),
        took=LEASE,
        outcome=Outcome(verdict=Verdict.AMBIGUOUS),
    )
    assert not settle(store, old, DeliveryState.DEAD, attempt=attempt)
    assert get(store, new).state is DeliveryState.PENDING
    assert settle(store, new, DeliveryState.SENT, sent_at=clock())
    with store.read() as tx:
        assert list(tx.outbox.attempts(old.id)) == [attempt]


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        (DeliveryState.PENDING, DeliveryState.SUPPRESSED),
        (DeliveryState.DEAD, DeliveryState.SUPPRESSED),
        (DeliveryState.SENT, DeliveryState.SENT),
    ],
)
def test_a_kill_during_an_attempt_stops_the_next_one_but_not_the_truth(
    store: Store,
    alerts: list[Alert],
    add: Callable[..., Delivery],
    pending: Callable[..., Delivery],
    outcome: DeliveryState,
    kept: DeliveryState,
) -> None:
    on_the_wire = pending(alerts[0])
    claimed = claim(store)[0]
    held, other = add(alerts[1]), add(alerts[2])
    with store.begin() as tx:
        assert tx.outbox.suppress_story(alerts[0].story, "killed by the agency") == 2
    assert settle(store, claimed, outcome, reason="tried")
    assert get(store, on_the_wire).state is kept
    assert get(store, held).reason == "killed by the agency"
    assert get(store, other).state is DeliveryState.HELD


@pytest.mark.parametrize("state", list(DeliveryState))
def test_whatever_became_of_a_message_it_can_be_sent_again_under_the_same_id(
    store: Store, clock: ManualClock, pending: Callable[..., Delivery], state: DeliveryState
) -> None:
    stored = pending(state=state, sent_at=clock(), attempts=4, reason="old", due_at=None)
    clock.advance(hours=1)
    with store.begin() as tx:
        again = tx.outbox.resend(stored.id, clock())
        with pytest.raises(NotFoundError):
            tx.outbox.resend(99, clock())
    assert (again.state, again.due_at, again.attempts) == (DeliveryState.PENDING, clock(), 0)
    claimed = claim(store)
    assert [one.message for one in claimed] == [MESSAGE]


def test_a_message_that_was_never_rendered_is_rendered_before_it_is_sent_again(
    store: Store, clock: ManualClock, add: Callable[..., Delivery]
) -> None:
    held = add()
    with store.begin() as tx:
        tx.outbox.suppress(held.id, "silenced")
        assert tx.outbox.resend(held.id, clock()).state is DeliveryState.HELD
        assert [one.id for one in tx.outbox.held_due(clock())] == [held.id]


def test_a_message_sent_again_is_fenced_from_the_attempt_under_way(
    store: Store, clock: ManualClock, pending: Callable[..., Delivery]
) -> None:
    pending()
    old = claim(store)[0]
    with store.begin() as tx:
        tx.outbox.resend(old.id, clock())
    assert not settle(store, old, DeliveryState.DEAD)
    assert len(claim(store)) == 1


def test_deliveries_are_listed_and_counted(
    store: Store, clock: ManualClock, add: Callable[..., Delivery], pending: Callable[..., Delivery]
) -> None:
    first, second = add(), pending()
    clock.advance(hours=1)
    third = pending()
    with store.read() as tx:

        def listed(**wanted: Any) -> list[int]:
            return [one.id for one in tx.outbox.list(**wanted)]

        assert listed() == [third.id, second.id, first.id]
        assert listed(limit=1) == [third.id]
        assert listed(before_id=third.id) == [second.id, first.id]
        assert listed(state=DeliveryState.HELD) == [first.id]
        assert listed(since=clock()) == [third.id]
        assert listed(failed=True) == []
        assert tx.outbox.counts() == {DeliveryState.HELD: 1, DeliveryState.PENDING: 2}


def test_the_throttle_can_count_what_was_sent(
    store: Store, clock: ManualClock, alerts: list[Alert], pending: Callable[..., Delivery]
) -> None:
    sent: dict[str, Any] = {"state": DeliveryState.SENT, "sent_at": clock()}
    pending(alerts[0], alerts[1], **sent)
    pending(alerts[2], **sent)
    pending(alerts[1], **sent)
    pending(alerts[0], **sent | {"channel": "mail"})
    pending(alerts[0], **sent | {"sent_at": clock() - timedelta(hours=2)})
    pending(alerts[0])
    with store.read() as tx:
        hour_ago = clock() - timedelta(hours=1)

        def written(rule: int | None = None) -> list[bool]:
            return [
                waits for _, waits in tx.traffic.written_since("desk", "anna@example.org", hour_ago, rule)
            ]

        assert sorted(written()) == [False, False, False, True]
        assert sorted(written(alerts[0].rule)) == [False, False, True]
        assert sorted(written(alerts[1].rule)) == [False, False]


@pytest.mark.slow
def test_what_a_node_gives_back_is_due_at_once(store: Store, pending: Callable[..., Delivery]) -> None:
    pending()
    claim(store, node=7)
    with store.begin() as tx:
        assert tx.outbox.release(7) == 1
    assert len(claim(store, node=8)) == 1


def test_a_message_waits_for_the_one_before_it_on_its_thread_but_not_for_ever(
    store: Store, alerts: list[Alert], pending: Callable[..., Delivery]
) -> None:
    first, second = pending(alerts[0]), pending(alerts[0], priority=Priority.FLASH)
    other = pending(alerts[2])
    others = pending(alerts[0], recipient="ben@example.org")
    for _ in range(PATIENT):
        assert [first.id, other.id, others.id] == [one.id for one in claim(store)]
        for one in (first, other, others):
            settle(store, get(store, one), DeliveryState.PENDING, due_at=store.now())
    assert second.id in [one.id for one in claim(store)]
    later = pending(alerts[0], recipient="ben@example.org", priority=Priority.FLASH)
    settle(store, get(store, others), DeliveryState.SENT)
    assert [later.id] == [one.id for one in claim(store)]
