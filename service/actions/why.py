"""Why a story was told or not: what the rule makes of it, and what became of the message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Why:
    """An item, whether the rule hits it, and what was told of it."""

    item: Item
    source: str
    sentence: str
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
                    sentence=_sentence(
                        hits=evidence is not None, hit=hit, alert=alert.reason if alert else None, told=told
                    ),
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


def _sentence(*, hits: bool, hit: bool, alert: str | None, told: Sequence[Delivery]) -> str:
    """What became of it, in one line."""
    if not hits and not hit:
        return "the rule does not hit it"
    if told:
        return "the rule hit it, and it was told: see the messages"
    if alert is not None:
        return f"the rule hit its story: {alert}"
    if hit:
        return "the rule hit it, and it was not told: it was old when its source was first read"
    return "the rule hits it as it is now; when it came in, the rule was another one, or was not there yet"
