"""From the result of a poll to the row of its source, and from that of an attempt to the row of its message.

A source is settled in the transaction that stores what its poll brought, or in one with many that brought
nothing. When it is due again is decided in `fetch.schedule`, what a habit is in `alerts.blind`, and whether a
message is tried again in `deliver.retry`.
"""

from __future__ import annotations

import contextlib
import random
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from service.alerts import blind
from service.config import Poll
from service.deliver.retry import Next, next_try
from service.fetch.schedule import Due, next_poll, unwatched_since
from service.model import (
    Attempt,
    Delivery,
    DeliveryState,
    Failure,
    FailureKind,
    Feed,
    Fetched,
    Freshness,
    Gap,
    Source,
    SourceState,
    Subscription,
)
from service.store.db import Transaction
from service.store.sources import Settlement

SECRET_BYTES = 32  # of an address or a secret that is given to a hub: nobody guesses 256 bits
UNWATCHED = "it was not polled: no monitor was running, or the source was paused"


class FencedError(Exception):
    """The source was claimed again meanwhile: what this poll brought is rolled back."""


class Polled(NamedTuple):
    """What a poll brought: its result, what the document said about coming back, how many new items."""

    result: Fetched | Failure
    feed: Freshness = Freshness()
    new: int = 0


def settle(tx: Transaction, polls: Sequence[Polled], now: datetime, poll: Poll) -> Sequence[Due]:
    """When each source is due, written down with all that its poll taught about it.

    Raises FencedError where another node has one of the sources by now.
    """
    dues = [_due(*one, now, poll) for one in polls]
    learned = [_settlement(result, due, new, now) for (result, _, new), due in zip(polls, dues, strict=True)]
    if tx.sources.settle_many(learned) < len(learned):
        raise FencedError
    for (result, _, new), due in zip(polls, dues, strict=True):
        if isinstance(result, Failure) and result.rest:
            tx.sources.rest(result.source.url, now + result.rest)
        _note_gap(tx, result, now, poll)
        _remember(tx, result.source, due, new, now)
    return dues


def settle_many(
    tx: Transaction, results: Sequence[Fetched | Failure], now: datetime, poll: Poll
) -> Sequence[tuple[Fetched | Failure, Due]]:
    """The same for many that brought nothing; of most of them there is nothing else to note: one statement.

    Those that another node has by now are left out.
    """
    told, quiet = [], []
    for result in results:
        due = _due(*Polled(result), now, poll)
        if _is_quiet(result, due, now, poll):
            quiet.append(_settlement(result, due, 0, now))
            continue
        with contextlib.suppress(FencedError):
            told.append((result, settle(tx, [Polled(result)], now, poll)[0]))
    tx.sources.settle_many(quiet)
    return told


def settle_delivery(tx: Transaction, delivery: Delivery, attempt: Attempt, now: datetime) -> Next:
    """What becomes of a message after an attempt, written down; if it was claimed anew, the attempt alone."""
    after = next_try(delivery, attempt.outcome, now, jitter=random.random())
    sent = after.state is DeliveryState.SENT
    tx.outbox.settle(
        delivery.id,
        delivery.epoch,
        state=after.state,
        reason=after.reason,
        last_error="" if sent else attempt.outcome.reason,
        due_at=after.due_at,
        sent_at=now if sent else None,
        attempt=attempt,
    )
    return after


def note_hubs(tx: Transaction, brought: Sequence[tuple[Fetched, Feed, int]], now: datetime) -> None:
    """Write down the hubs that feeds name, to be asked; and which brought nothing of what a poll found.

    `brought` are what was fetched, what the document said of itself, and the number of new items.
    """
    without: list[int] = []
    for fetched, feed, new in brought:
        source, offered = fetched.source, False
        if not fetched.status:  # it was brought, not polled
            continue
        if hub := fetched.hub or feed.hub:
            topic = (fetched.topic if fetched.hub else feed.topic) or source.url
            token, secret = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
            offered = tx.subscriptions.offer(
                Subscription(source=source.id, hub=hub, topic=topic, token=token, secret=secret, due_at=now)
            )
        else:
            without.append(source.id)
        if source.pushed_until and (new or offered or not hub):
            tx.subscriptions.distrust(source.id)
    tx.subscriptions.withdraw(without, now)


def _due(result: Fetched | Failure, feed: Freshness, new: int, now: datetime, poll: Poll) -> Due:
    return next_poll(result.source, result, feed, now, poll, new_items=new, jitter=random.random())


def _is_quiet(result: Fetched | Failure, due: Due, now: datetime, poll: Poll) -> bool:
    """Whether the source went on as it was."""
    source = result.source
    changed = isinstance(result, Failure) or due.url or due.state is not source.state or source.failures
    return not changed and unwatched_since(source, poll, now) is None


def _settlement(result: Fetched | Failure, due: Due, new: int, now: datetime) -> Settlement:
    source = result.source
    asked: datetime | None = now
    ok_at: datetime | None = now
    error = ""
    if isinstance(result, Failure):
        error, ok_at = result.reason, source.last_ok_at
        if result.kind is FailureKind.DEFERRED:  # nothing was asked, nothing is known
            error, asked = source.last_error, source.last_polled_at
    return Settlement(
        source_id=source.id,
        epoch=source.epoch,
        cursor=result.cursor or source.cursor,
        state=due.state,
        failures=due.failures,
        last_error=error,
        last_polled_at=asked,
        last_ok_at=ok_at,
        last_item_at=now if new else source.last_item_at,
        next_poll_at=due.at,
        rhythm=due.rhythm,
        url=due.url,
    )


def _remember(tx: Transaction, source: Source, due: Due, new: int, now: datetime) -> None:
    """What a poll teaches about when to worry; the first, which brings all at once, teaches nothing."""
    if new and source.last_ok_at and source.state is not SourceState.PAUSED:
        habit = blind.learn(tx.outages.habit(source.id), now, source.timezone)
        tx.outages.learn(source.id, habit, blind.missed_at(habit, source.timezone))
    if due.url:
        tx.outages.moved(source.id, due.url, now)


def _note_gap(tx: Transaction, result: Fetched | Failure, now: datetime, poll: Poll) -> None:
    """Write down from when to when the source was not read; nothing, while it is."""
    source = result.source
    if isinstance(result, Failure):
        if result.kind is not FailureKind.DEFERRED:
            tx.gaps.fail(source.id, result.reason, now)
    elif source.failures:
        tx.gaps.end(source.id, now)
    elif since := unwatched_since(source, poll, now):
        tx.gaps.add(Gap(source=source.id, began_at=since, ended_at=now, polls=0, reason=UNWATCHED))
