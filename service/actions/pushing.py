"""Hubs (WebSub): ask them, answer them, take in what they bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from service.app import App
from service.errors import NotFoundError, StoreError
from service.fetch import websub
from service.model import Document, Fetched, Subscription, SubscriptionState

ASKED_AT_ONCE = 20  # hubs, one after the other: the beat goes on in a minute


LONGEST_REASON = 300  # characters of why a hub will not


class BusyError(StoreError):
    """The source is being polled just now: the hub is to come back in some seconds."""


def subscribe(app: App) -> int:
    """How many hubs were asked; none, where `web.base_url` does not say how they reach us."""
    base = app.config.web.base_url
    if not base:
        return 0
    with app.store.begin() as tx:
        due = tx.subscriptions.due(app.store.now(), ASKED_AT_ONCE)
    for one in due:
        if reason := websub.ask(app.fetcher.client, one, websub.address(base, one.token)):
            with app.store.begin() as tx:
                tx.subscriptions.failed(one, reason)
            app.report("hub.failed", source=_name(app, one), hub=one.hub, reason=reason)
    return len(due)


def answer(app: App, token: str, query: Mapping[str, str]) -> str:
    """What a hub that asks whether it was us gets back; raises NotFoundError where it was not."""
    one, now = _find(app, token), app.store.now()
    mode, meant = query.get("hub.mode"), query.get("hub.topic") == one.topic
    event, reason = "", ""
    with app.store.begin() as tx:
        if mode == "denied" and meant:
            event, reason = "hub.denied", query.get("hub.reason", "")[:LONGEST_REASON]
            tx.subscriptions.deny(one, reason, now + websub.DENIED_FOR)
        elif mode == "unsubscribe" and meant and one.state is SubscriptionState.LEAVING:
            event = "hub.left"
            tx.subscriptions.end(one)
        elif mode == "subscribe" and (lease := websub.agreed(one, query)):
            event = "hub.confirmed"
            tx.subscriptions.confirm(one, now + lease, now + lease * websub.RENEWED)
    if not event:
        raise NotFoundError("subscription", token)
    app.report(event, source=_name(app, one), hub=one.hub, reason=reason)
    return query.get("hub.challenge", "")


def welcome(app: App, token: str) -> Subscription:
    """The subscription whose hub may bring something to this address; raises NotFoundError."""
    one = _find(app, token)
    if one.state is SubscriptionState.LEAVING:
        raise NotFoundError("subscription", token)
    return one


def take(app: App, one: Subscription, document: Document, signature: str) -> int:
    """How many new items a hub brought; what is not signed by it counts as nothing, and is not told to it.

    Raises BusyError while the source is being polled, StoreError where it could not be stored: the hub is to
    bring it again.
    """
    if not websub.is_signed(one.secret, document.body, signature):
        app.report("hub.unsigned", source=_name(app, one), hub=one.hub)
        return 0
    now = app.store.now()
    with app.store.begin() as tx:
        source = tx.sources.hold(one.source, now, app.config.poll.lease, app.node.id)
    if source is None:
        raise BusyError("the source is being polled")
    brought = replace(source, pushed_until=one.lease_until)
    new = app.pipeline.intake([Fetched(source=brought, cursor=source.cursor, documents=(document,))])
    if new:
        with app.store.begin() as tx:
            tx.subscriptions.trust(one)
    return new


def _find(app: App, token: str) -> Subscription:
    with app.store.read() as tx:
        one = tx.subscriptions.find(token)
    if one is None:
        raise NotFoundError("subscription", token)
    return one


def _name(app: App, one: Subscription) -> str:
    """The name of the source, for the log."""
    with app.store.read() as tx:
        return tx.sources.names([one.source]).get(one.source, "")
