"""The desk at a glance: what came in, what matched, is everything alive; and taking care of an alert."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.actions.alerts import take
from service.actions.desk import Told, told
from service.actions.health import lives
from service.app import App
from service.errors import UsageError
from service.model import (
    Alert,
    AlertState,
    Delivery,
    DeliveryState,
    Evidence,
    Item,
    Rule,
    Source,
    SourceState,
    Story,
)
from service.store.board import Pulse, Sheet
from service.store.db import Transaction

STORIES = 30  # on one page
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WEEKS = 14  # days of a rule's rhythm
OVERDUE = timedelta(minutes=2)


# ---------------------------------------------------------------- stories


@dataclass(frozen=True, slots=True)
class Card:
    """A story on the desk, with the names that a person knows things by."""

    story: Story
    item: Item  # the newest that hit; its body is cut
    source: str
    rules: Sequence[tuple[str, Alert]]
    evidence: Sequence[Evidence]  # where the rules hit that item
    deliveries: Sequence[Delivery]

    @property
    def state(self) -> AlertState:
        """Open as long as one of its alerts is."""
        states = [alert.state for _, alert in self.rules]
        return next((state for state in AlertState if state in states), AlertState.OPEN)

    @property
    def takers(self) -> list[str]:
        """Who takes care of it, or of a part of it."""
        return sorted({alert.acknowledged_by for _, alert in self.rules} - {""})

    @property
    def reported_at(self) -> datetime | None:
        """When the item came in."""
        return self.item.received_at


@dataclass(frozen=True, slots=True)
class Desk:
    """A page of the desk; `before` leads to the next, None where there is none."""

    cards: Sequence[Card]
    before: int | None
    pulse: Pulse


def desk(
    app: App,
    *,
    limit: int = STORIES,
    before: int | None = None,
    rule: str = "",
    state: AlertState | None = None,
    since: timedelta | None = None,
) -> Desk:
    """Stories with alerts, the one that was hit last first; raises NotFoundError for a rule."""
    with app.store.read() as tx:
        pulse = tx.board.pulse()
        ids, following = tx.board.page(
            limit=limit,
            before=before,
            rule=tx.rules.get(rule).id if rule else None,
            state=state,
            since=app.store.now() - since if since else None,
        )
        return Desk(_cards(tx, ids), following, pulse)


def changed(app: App, since: Pulse) -> tuple[Sequence[Card], Pulse]:
    """The stories on the desk that changed after `since`, and how far the desk has come now."""
    with app.store.read() as tx:
        pulse = tx.board.pulse()
        # A page that was away for long is sent the newest; the others are on the page when it is asked for.
        ids = sorted(tx.board.changed(since))[-STORIES:] if pulse != since else []
        return _cards(tx, ids), pulse


def cards(app: App, ids: Collection[int]) -> list[Card]:
    """Those stories, as far as they are on the desk."""
    with app.store.read() as tx:
        return _cards(tx, ids)


def _cards(tx: Transaction, ids: Collection[int]) -> list[Card]:
    if not ids:
        return []
    rules, sources = tx.rules.names(), tx.sources.names()
    return [_card(sheet, rules, sources) for sheet in tx.board.sheets(ids) if sheet.alerts]


def _card(sheet: Sheet, rules: Mapping[int, str], sources: Mapping[int, str]) -> Card:
    return Card(
        story=sheet.story,
        item=sheet.item,
        source=sources.get(sheet.item.source, ""),
        rules=[(rules.get(alert.rule, ""), alert) for alert in sheet.alerts],
        evidence=[place for hit in sheet.hits if hit.item == sheet.item.id for place in hit.evidence],
        deliveries=sheet.deliveries,
    )


# ---------------------------------------------------------------- taking care


def acknowledge(app: App, story_id: int, by: str) -> list[Told]:
    """The alerts about a story, which somebody takes care of now; raises NotFoundError for a story."""
    now = app.store.now()
    with app.store.begin() as tx:
        tx.stories.get(story_id)
        alerts = tx.alerts.of_story(story_id)
        if not alerts:
            raise UsageError(f"story {story_id} was told to nobody")
        for alert in alerts:
            if alert.state is AlertState.OPEN:
                take(tx, alert, by, None, "", now)
        return told(tx, tx.alerts.of_story(story_id))


# ---------------------------------------------------------------- at a glance


@dataclass(frozen=True, slots=True)
class Blind:
    """Something that is not seen or not told, and since when."""

    what: str  # source, daemon, channel, sending
    name: str
    reason: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """The answer at six in the morning."""

    at: datetime
    sources: int  # that are polled
    blind: Sequence[Blind]
    last_item_at: datetime | None
    items: Sequence[int]  # of each of the last 24 hours, the newest last
    alerts: int  # opened in that time
    unseen: int  # of them, that nobody takes care of
    waiting: int  # messages on their way


def glance(app: App) -> Glance:
    """What came in, what matched, and whether everything is alive."""
    now = app.store.now()
    with app.store.read() as tx:
        sources = tx.sources.list()
        alerts, unseen = tx.board.unseen(now - DAY)
        counts = tx.outbox.counts()
        return Glance(
            at=now,
            sources=sum(one.state is not SourceState.PAUSED for one in sources),
            blind=[*_blind_sources(sources), *_blind_rest(tx, now)],
            last_item_at=tx.board.last_item_at(),
            items=steps(tx.board.items_by(HOUR, now - 24 * HOUR), 24),
            alerts=alerts,
            unseen=unseen,
            waiting=counts.get(DeliveryState.PENDING, 0) + counts.get(DeliveryState.HELD, 0),
        )


def _blind_sources(sources: Sequence[Source]) -> list[Blind]:
    bad = {SourceState.FAILING, SourceState.SILENT, SourceState.GONE}
    return [
        Blind("source", one.name, one.last_error or one.state.value, one.last_ok_at or one.added_at)
        for one in sources
        if one.state in bad
    ]


def _blind_rest(tx: Transaction, now: datetime) -> list[Blind]:
    found = []
    if not any(lives(node, now) for node in tx.nodes.list()):
        found.append(Blind("daemon", "", ""))
    if stopped := tx.installation.reason():
        found.append(Blind("sending", "", stopped))
    if (due := tx.outbox.next_due()) and now - due > OVERDUE:
        found.append(Blind("outbox", "", "", due))
    found += [
        Blind("channel", one.channel, one.last_error or one.reason, one.created_at)
        for one in tx.outbox.list(failed=True, since=now - DAY, limit=1)
    ]
    return found


def steps(counts: Mapping[int, int], number: int) -> list[int]:
    """Counts by the number of their step as a row of `number`; what lies outside is left out."""
    return [counts.get(step, 0) for step in range(number)]


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule and how often it was told, day by day."""

    rule: Rule
    days: Sequence[int]  # the newest last
    last_at: datetime | None = None


def watched(app: App) -> list[Watched]:
    """All rules by name with the alerts of the last fourteen days."""
    now = app.store.now()
    with app.store.read() as tx:
        counts = tx.board.alerts_by(DAY, now - WEEKS * DAY)
        latest = tx.board.latest_alerts()
        return [
            Watched(rule, steps(counts.get(rule.id, {}), WEEKS), latest.get(rule.id))
            for rule in tx.rules.list()
        ]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A source and what it brought, hour by hour."""

    source: Source
    hours: Sequence[int]  # of the last 24, the newest last


def rhythms(app: App) -> list[Rhythm]:
    """All sources by name with the items of the last 24 hours."""
    now = app.store.now()
    with app.store.read() as tx:
        counts = tx.board.items_by_source(HOUR, now - 24 * HOUR)
        return [Rhythm(one, steps(counts.get(one.id, {}), 24)) for one in tx.sources.list()]
