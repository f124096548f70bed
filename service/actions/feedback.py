"""How good a rule is, as its readers see it, and a `-term` that would make it better, tried on its hits."""

from __future__ import annotations

from dataclasses import dataclass

from service.alerts.feedback import Judged, suspects
from service.app import App
from service.errors import NotFoundError, QueryError
from service.model import Item, Relevance, Rule
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.index import evaluate
from service.rules.nodes import Node
from service.store.db import Transaction

HITS = 500  # of a rule on which a term is tried


@dataclass(frozen=True, slots=True)
class Proposal:
    """A term to exclude, and what that would have done to the hits of the rule."""

    term: str
    query: str  # with the term
    dropped: int  # of those that were not relevant
    not_relevant: int
    unjudged: int  # that would be gone, too, of those that nobody has judged


@dataclass(frozen=True, slots=True)
class Quality:
    """The precision of a rule, and the best way to raise it; None where no term helps."""

    judged: Judged
    proposal: Proposal | None = None


def quality(app: App, name: str) -> Quality:
    """How good the rule is; raises NotFoundError.

    A proposed term keeps every alert that was called relevant, and drops as many of the others as it can.
    """
    with app.store.read() as tx:
        rule = tx.rules.get(name)
        judged = tx.alerts.judged(rule.id)
        good = _items(tx, rule, {one.story for one in judged if one.relevance is Relevance.RELEVANT})
        bad = _items(tx, rule, {one.story for one in judged if one.relevance is Relevance.NOT_RELEVANT})
        known = {one.story for one in judged}
        rest = _items(tx, rule, {hit.story for hit in tx.alerts.hits_of_rule(rule.id, limit=HITS)} - known)
        lists, sources = tx.rules.lists(), tx.sources.names()
    counted = Judged(len(judged), sum(one.relevance is Relevance.RELEVANT for one in judged))
    best: Proposal | None = None
    for term in suspects([_text(item) for item in bad], map(_text, good), rule.query):
        try:
            node = parse(f"({rule.query}) -{term}", lists)
        except QueryError:
            continue
        wrongly, rightly, unknown = (_lost(app, node, rule, items, sources) for items in (good, bad, rest))
        better = best is None or (rightly, -unknown) > (best.dropped, -best.unjudged)
        if rightly and not wrongly and better:
            best = Proposal(term, str(node), rightly, len(bad), unknown)
    return Quality(counted, best)


def _items(tx: Transaction, rule: Rule, stories: set[int]) -> list[Item]:
    """The items of these stories that the rule hit, as far as they are kept."""
    found = []
    for story in sorted(stories):
        for hit in tx.alerts.hits_of_story(story):
            if hit.rule == rule.id:
                try:
                    found.append(tx.items.get(hit.item))
                except NotFoundError:
                    continue
                break
    return found


def _lost(app: App, node: Node, rule: Rule, items: list[Item], sources: dict[int, str]) -> int:
    """How many of the items a query does not hit."""
    return sum(evaluate(node, _document(app, rule, item, sources), rule.language) is None for item in items)


def _document(app: App, rule: Rule, item: Item, sources: dict[int, str]) -> Document:
    source = sources.get(item.source, "")
    return Document.of(item, app.morphology, source=source, language=rule.language)


def _text(item: Item) -> str:
    return f"{item.headline} {item.lead}"
