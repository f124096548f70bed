"""What the desk looks at: items, stories, alerts and deliveries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.actions.page import Page
from service.app import App
from service.errors import NotFoundError, UsageError
from service.model import (
    Alert,
    AlertState,
    Attempt,
    Delivery,
    DeliveryState,
    Hit,
    Item,
    Placement,
    Sighting,
    Status,
    Story,
)
from service.store.db import Transaction
from service.telling import directory


def items(app: App, page: Page, *, source: str = "", versions: bool = False) -> list[tuple[Item, str]]:
    """Items with the names of their sources, the newest first; raises NotFoundError for a source."""
    with app.store.read() as tx:
        names = tx.sources.names()
        found = tx.items.list(
            since=page.begins(app.store.now()),
            before_id=page.before,
            limit=page.limit,
            source=tx.sources.get(source).id if source else None,
            versions=versions,
        )
    return [(item, names.get(item.source, "")) for item in found]


def withdrawn(app: App, of: Iterable[Item]) -> set[int]:
    """The ids of those items whose story was taken back, while they themselves say nothing of it."""
    standing = [item for item in of if item.status is Status.USABLE]
    with app.store.read() as tx:
        gone = tx.board.withdrawn({item.story for item in standing})
    return {item.id for item in standing if item.story in gone}


def source_names(app: App) -> dict[int, str]:
    """The name of every source by its id, removed ones included."""
    with app.store.read() as tx:
        return tx.sources.names()


@dataclass(frozen=True, slots=True)
class Told:
    """An alert with the names that a person knows it by."""

    alert: Alert
    rule: str
    headline: str


@dataclass(frozen=True, slots=True)
class StoryView:
    """A report: its versions and copies, the oldest first, and whom it was told to."""

    story: Story
    items: Sequence[tuple[Item, str]]
    sightings: Sequence[Sighting]
    alerts: Sequence[Told]
    deliveries: Sequence[Delivery]
    placements: Mapping[int, Placement]  # how each item came into the story

    def withdrawn(self, item: Item) -> bool:
        """Whether the story was taken back, while this item of it says nothing of that."""
        return self.story.status is Status.CANCELED and item.status is Status.USABLE


def story(app: App, story_id: int) -> StoryView:
    """All about one story; raises NotFoundError."""
    with app.store.read() as tx:
        found = tx.stories.get(story_id)
        names, items = tx.sources.names(), tx.stories.items(story_id)
        return StoryView(
            found,
            [(item, names.get(item.source, "")) for item in items],
            tx.stories.sightings(story_id),
            told(tx, tx.alerts.of_story(story_id)),
            tx.outbox.of_story(story_id),
            {item.id: tx.items.placement(item.id) for item in items},
        )


def alerts(app: App, page: Page, *, rule: str = "", state: AlertState | None = None) -> list[Told]:
    """Alerts, the newest first; raises NotFoundError for a rule."""
    with app.store.read() as tx:
        found = tx.alerts.list(
            since=page.begins(app.store.now()),
            before_id=page.before,
            limit=page.limit,
            rule=tx.rules.get(rule).id if rule else None,
            state=state,
        )
        return told(tx, found)


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert: where the rule hit, and what was sent."""

    told: Told
    hits: Sequence[tuple[Hit, Item]]
    deliveries: Sequence[Delivery]


def alert(app: App, alert_id: int) -> AlertView:
    """All about one alert; raises NotFoundError."""
    with app.store.read() as tx:
        found = tx.alerts.show(alert_id)
        hits = [hit for hit in tx.alerts.hits_of_story(found.story) if hit.rule == found.rule]
        return AlertView(
            told(tx, [found])[0],
            _with_items(tx, hits),
            [one for one in tx.outbox.of_story(found.story) if alert_id in one.alerts],
        )


def rule_names(app: App) -> dict[int, str]:
    """The name of every rule by its id, removed ones included."""
    with app.store.read() as tx:
        return tx.rules.names()


def story_hits(app: App, story_id: int) -> Sequence[Hit]:
    """Where rules hit the items of a story, in the order in which they were found."""
    with app.store.read() as tx:
        return tx.alerts.hits_of_story(story_id)


def hits(app: App, rule: str, limit: int) -> Sequence[tuple[Hit, Item]]:
    """What a rule hit lately, the newest first; raises NotFoundError."""
    with app.store.read() as tx:
        return _with_items(tx, tx.alerts.hits_of_rule(tx.rules.get(rule).id, limit=limit))


def deliveries(
    app: App, page: Page, *, failed: bool = False, state: DeliveryState | None = None
) -> Sequence[Delivery]:
    """Messages, the newest first; `failed` are those that are dead, or failed and are tried again."""
    with app.store.read() as tx:
        return tx.outbox.list(
            failed=failed,
            state=state,
            since=page.begins(app.store.now()),
            before_id=page.before,
            limit=page.limit,
        )


def delivery(app: App, delivery_id: int) -> tuple[Delivery, Sequence[Attempt]]:
    """A message and every try at it; raises NotFoundError."""
    with app.store.read() as tx:
        return tx.outbox.get(delivery_id), tx.outbox.attempts(delivery_id)


def resend(app: App, ids: Collection[int]) -> list[Delivery]:
    """The messages, due again now under their old ids.

    Raises NotFoundError, or UsageError where the recipient has left; then none is sent.
    """
    with app.store.begin() as tx:
        known = directory(tx)
        for number in ids:
            message = tx.outbox.get(number)
            if gone := known.gone(message.channel, message.recipient):
                raise UsageError(f"message {number} is not sent again: {gone}")
        return [tx.outbox.resend(number, app.store.now()) for number in ids]


def told(tx: Transaction, found: Sequence[Alert]) -> list[Told]:
    """Alerts with the names of their rules and the headlines of their stories."""
    names = tx.rules.names()
    headlines = tx.stories.headlines({one.story for one in found})
    return [Told(one, names.get(one.rule, ""), headlines.get(one.story, "")) for one in found]


def _with_items(tx: Transaction, found: Sequence[Hit]) -> list[tuple[Hit, Item]]:
    """Hits with their items; those whose item is past its retention are left out."""
    pairs = []
    for hit in found:
        try:
            pairs.append((hit, tx.items.get(hit.item)))
        except NotFoundError:
            continue
    return pairs
