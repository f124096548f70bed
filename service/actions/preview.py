"""What a rule would send about an item: the real path, in a transaction that is undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.actions.trials import readable
from service.alerts import escalation, policy
from service.alerts.escalation import Stage
from service.alerts.policy import Action, Step
from service.app import App
from service.deliver.links import keyless
from service.errors import UsageError
from service.model import Alert, Delivery, DeliveryState, Hit, Item, Message, Rule, Source
from service.release import Releaser
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.index import evaluate
from service.store.db import Transaction
from service.telling import directory

STEPS = 10  # holds after one another; more is a circle


@dataclass(frozen=True, slots=True)
class Planned:
    """A message as it would go out, or why it would not. `waits` says what would hold it, in order."""

    delivery: Delivery
    because: str  # why it goes to this recipient
    waits: tuple[str, ...]
    at: datetime
    message: Message | None = None  # None: it would not go out
    reason: str = ""  # why not, or with what together


@dataclass(slots=True)
class Preview:
    """A rule and an item, and what would come of them, as if the story were new and came in now."""

    rule: Rule
    item: Item
    hits: bool
    reason: str  # of the alert, or why there would be none
    planned: list[Planned] = field(default_factory=list)
    escalation: Sequence[Stage] = ()  # who else is told, while nobody acknowledges


def preview(app: App, name: str, item_id: int) -> Preview:
    """What would be sent; nothing is, and nothing is written.

    Raises NotFoundError, or UsageError for an item that may not be read yet.
    """
    with app.store.rehearse() as tx:
        return _preview(app, tx, name, item_id)


def _preview(app: App, tx: Transaction, name: str, item_id: int) -> Preview:
    now = app.store.now()
    rule, item = tx.rules.get(name), readable(tx, item_id)
    source = next((one for one in tx.sources.list() if one.id == item.source), Source(name="", url=""))
    node = parse(rule.query, tx.rules.lists())
    document = Document.of(item, app.morphology, source=source.name, language=rule.language)
    evidence = evaluate(node, document, rule.language)
    if evidence is None:
        return Preview(rule, item, hits=False, reason="no hit (test-rule --explain says why)")
    admission = policy.admit(
        rule,
        item,
        tx.items.placement(item_id),
        None,
        story=tx.stories.get(item.story).status,
        new_to_rule=True,
        baseline=False,
        now=now,
        base_url=app.config.web.base_url,
    )
    seen = Preview(rule, item, hits=True, reason=admission.reason)
    if admission.action is not Action.OPEN:
        return seen
    tx.outbox.set_aside(item.story)
    alert = tx.alerts.open(Alert(rule=rule.id, story=item.story, opened_at=now, updated_at=now))
    tx.alerts.hit(
        Hit(
            rule=rule.id,
            rule_version=rule.version,
            item=item.id,
            story=item.story,
            evidence=evidence,
            at=now,
            action=admission.action,
        )
    )
    app.teller.queue(tx, alert, rule, item, source.tags, now)
    told = _reasons(app, tx, rule, source)
    seen.planned = [
        _plan(app, tx, delivery, told.get((delivery.channel, delivery.recipient), ""))
        for delivery in tx.outbox.of_story(item.story)
    ]
    seen.escalation = escalation.stages(rule.escalate)
    return seen


def _reasons(app: App, tx: Transaction, rule: Rule, source: Source) -> dict[tuple[str, str], str]:
    """Why each address on each channel is told."""
    known, found = directory(tx), dict[tuple[str, str], str]()
    for target, why in policy.targets(rule, source.tags, app.config.routes).items():
        for one in known.resolve([target]):
            found.setdefault((one.channel, one.address), why)
    return found


def _plan(app: App, tx: Transaction, delivery: Delivery, because: str) -> Planned:
    """The way of one message from hold to hold, by the decisions that will be made on it."""
    at = delivery.due_at or app.store.now()
    if delivery.state is DeliveryState.SUPPRESSED:
        return Planned(delivery, because, (), at, reason=delivery.reason)
    waits: Sequence[str] = [delivery.reason] if delivery.reason else []
    for _ in range(STEPS):
        releaser = Releaser(tx, app.config, app.channels, at, app.stylist)
        decision = releaser.decide(delivery)
        if decision.step is Step.SUPPRESS:
            return Planned(delivery, because, tuple(waits), at, reason=decision.reason)
        if decision.step is not Step.HOLD or decision.until is None:
            gathers = decision.reason if decision.step is Step.GATHER else ""
            message = releaser.message(delivery)
            # Its number will be that of the next message that there is: nobody may hold the keys to that.
            seen = Message(id=message.id, subject=message.subject, text=keyless(message.text))
            return Planned(delivery, because, tuple(waits), at, seen, gathers)
        at, waits = decision.until, [*waits, decision.reason]
        delivery = replace(delivery, reason=decision.reason)
    raise UsageError("its holds do not end (are the quiet hours the whole day?)")
