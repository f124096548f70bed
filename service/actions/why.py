"""Why a story was told or not: what the rule makes of it, and what became of the message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.actions.trials import of_rule
from service.app import App
from service.errors import UsageError
from service.model import Delivery, Evidence, Item
from service.rules import lint
from service.rules.document import Document
from service.rules.index import evaluate
from service.store.db import Transaction
from service.text.url import canonical

FOUND = 5  # items that a headline or an address may mean
LOOKED_AT = 200


class Fate(StrEnum):
    """What became of an item at a rule."""

    NO_HIT = "no-hit"
    TOLD = "told"
    ALERTED = "alerted"  # its story was told before, or is held
    OLD = "old"  # it was older than what the first poll of a source alerts on
    BEFORE = "before"  # the rule was another one, or not there, when it came in


@dataclass(frozen=True, slots=True)
class Why:
    """An item, whether the rule hits it, and what was told of it."""

    item: Item
    source: str
    fate: Fate
    reason: str  # of the alert
    evidence: Sequence[Evidence]
    explained: lint.Explanation
    deliveries: Sequence[Delivery]


def why(app: App, rule: str, of: str) -> list[Why]:
    """What became of the items with that headline or address, the newest first; empty where there is none.

    Raises NotFoundError for a rule.
    """
    query = of_rule(app, rule, "")
    with app.store.read() as tx:
        known, names = tx.rules.get(rule), tx.sources.names()
        found = []
        for item in _items(tx, of.strip()):
            source = names.get(item.source, "")
            document = Document.of(item, app.morphology, source=source, language=query.language)
            evidence = evaluate(query.node, document, query.language)
            told = [one for one in tx.outbox.of_story(item.story) if _about(tx, one, known.id)]
            alert = tx.alerts.get(known.id, item.story)
            hit = any(one.rule == known.id for one in tx.alerts.hits(item.id))
            found.append(
                Why(
                    item=item,
                    source=source,
                    fate=_fate(
                        hits=evidence is not None, hit=hit, alerted=alert is not None, told=bool(told)
                    ),
                    reason=alert.reason if alert else "",
                    evidence=evidence or (),
                    explained=lint.explain(query.node, document, query.language),
                    deliveries=told,
                )
            )
        return found


def _items(tx: Transaction, of: str) -> list[Item]:
    """The stored items that a headline or an address means."""
    if of.isascii() and of.isdigit() and len(of) < 19:
        return [tx.items.get(int(of))]
    if of.startswith(("http://", "https://")):
        wanted = canonical(of)
        recent = tx.items.list(limit=5000, versions=True)
        return [one for one in recent if one.link == of or (wanted and one.canonical_link == wanted)][:FOUND]
    try:
        found = tx.items.search(of, limit=LOOKED_AT)
    except UsageError:  # not a word in it
        return []
    folded = of.casefold()
    return sorted(found, key=lambda one: (folded not in one.headline.casefold(), -one.id))[:FOUND]


def _about(tx: Transaction, delivery: Delivery, rule: int) -> bool:
    return any(tx.alerts.show(number).rule == rule for number in delivery.alerts)


def _fate(*, hits: bool, hit: bool, alerted: bool, told: bool) -> Fate:
    if told:
        return Fate.TOLD
    if alerted:
        return Fate.ALERTED
    if hit:
        return Fate.OLD
    return Fate.BEFORE if hits else Fate.NO_HIT
