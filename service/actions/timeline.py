"""A story told in the order of its events: who had it first, what each version changed, who was told when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from service.app import App
from service.deliver.excerpt import Piece, difference
from service.model import AlertState, Delivery, Item, Link, Placement, Status, Story

COMPARED = 20_000  # characters of a text whose change is shown
WITHDRAWN = "original withdrawn"  # the mark of a copy of what its agency took back


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a story."""

    at: datetime
    what: str  # first, version, copy, alert, acknowledged, or the kind of a message
    who: str  # the source, the rule, or the channel with its recipient
    text: str
    item: int = 0
    headline: tuple[Piece, ...] = ()  # what a version changed
    body: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """A story, its events in their order, and who carried it."""

    story: Story
    first: str  # "dpa-AFX 05:24" is source and time of the first item
    first_at: datetime | None
    copies: int
    events: Sequence[Event]


def timeline(app: App, story_id: int) -> Timeline:
    """The events of a story, the oldest first; raises NotFoundError."""
    with app.store.read() as tx:
        story = tx.stories.get(story_id)
        names, rules = tx.sources.names(), tx.rules.names()
        items = {item.id: item for item in tx.stories.items(story_id)}
        placed = {number: tx.items.placement(number) for number in items}
        gone = story.status is Status.CANCELED
        events = [
            _of_item(item, names.get(item.source, ""), placed[item.id], items, gone=gone)
            for item in items.values()
        ]
        for alert in tx.alerts.of_story(story_id):
            rule = rules.get(alert.rule, "")
            if alert.opened_at:
                events.append(Event(alert.opened_at, "alert", rule, alert.reason))
            if alert.acknowledged_at and alert.state is AlertState.ACKNOWLEDGED:
                said = " ".join(filter(None, (alert.acknowledged_by, alert.comment)))
                events.append(Event(alert.acknowledged_at, "acknowledged", rule, said))
        events += [event for message in tx.outbox.of_story(story_id) for event in _of_message(message)]
    first = min(items.values(), key=_came, default=None)
    return Timeline(
        story=story,
        first=names.get(first.source, "") if first else "",
        first_at=_came(first) if first else None,
        copies=sum(placement.link not in {Link.FIRST, Link.VERSION} for placement in placed.values()),
        events=sorted(events, key=lambda event: event.at),
    )


def condensed(events: Sequence[Event]) -> Iterator[tuple[Event, int]]:
    """Events, with how many of the same kind followed at once: copies that come in a row are one line."""
    for copies, run in groupby(events, key=lambda event: event.what == "copy"):
        found = list(run)
        if copies:
            yield found[0], len(found) - 1
        else:
            yield from ((event, 0) for event in found)


def _of_item(item: Item, source: str, placement: Placement, items: dict[int, Item], *, gone: bool) -> Event:
    what = {Link.FIRST: "first", Link.VERSION: "version", Link.BY_HAND: "by hand"}.get(placement.link, "copy")
    before = items.get(placement.nearest)
    signal = item.signal.value if item.signal.value != "none" else ""
    if placement.link is not Link.VERSION or before is None:
        told = placement.reason if placement.link is not Link.FIRST else ""
        mark = WITHDRAWN if gone and what == "copy" and item.status is Status.USABLE else ""
        text = " – ".join(filter(None, (signal, mark, item.headline, told)))
        return Event(_came(item), what, source, text, item.id)
    return Event(
        _came(item),
        signal or what,
        source,
        item.headline,
        item.id,
        difference(before.headline, item.headline),
        difference(before.body[:COMPARED], item.body[:COMPARED]),
    )


def _of_message(message: Delivery) -> Iterator[Event]:
    to = f"{message.channel}:{message.recipient}" if message.recipient else message.channel
    if at := message.sent_at or message.due_at or message.created_at:
        state = message.state.value
        text = " – ".join(filter(None, (state, message.last_error or message.reason)))
        yield Event(at, message.kind.value, to, text, message.item)


def _came(item: Item) -> datetime:
    assert item.received_at is not None  # every stored item has it
    return item.published_at or item.received_at
