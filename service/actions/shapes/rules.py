"""Rules and lists, what they hit, and what they would have hit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from service.actions.shapes.stories import item
from service.actions.shapes.written import Shape, when
from service.model import Evidence, Hit, Item, Rule

if TYPE_CHECKING:
    from service.actions.archive import Search
    from service.actions.backtest import Backtest
    from service.actions.feedback import Quality
    from service.actions.following import News
    from service.actions.trials import Result, Trial
    from service.rules.lint import Explanation

NEWEST = 5  # hits of a back-test that are shown


def rule(one: Rule) -> Shape:
    """A rule."""
    return {
        "name": one.name,
        "query": one.query,
        "channels": list(one.channels),
        "priority": one.priority.value,
        "language": one.language or None,
        "digest": one.digest or None,
        "on_updates": one.on_updates,
        "tags": list(one.tags),
        "escalate": list(one.escalate),
        "enabled": one.enabled,
        "version": one.version,
        "created_at": when(one.created_at),
        "changed_at": when(one.changed_at),
        "changed_by": one.changed_by or None,
    }


def evidence(one: Evidence) -> Shape:
    """One place that made a rule hit."""
    shape: Shape = {
        "field": one.field,
        "start": one.start,
        "end": one.end,
        "text": one.text,
        "term": one.term,
        "how": one.how,
    }
    return shape | {"list": one.list} if one.list else shape


def hit(one: Hit, of: Item) -> Shape:
    """A hit with its item and its places."""
    return {
        "item": one.item,
        "headline": of.headline,
        "embargo_until": when(of.embargo_until),
        "at": when(one.at),
        "rule_version": one.rule_version,
        "evidence": [evidence(place) for place in one.evidence],
    }


def trial(one: Trial) -> Shape:
    """What a query did; stored items are named by their id too."""

    def hits(results: Sequence[Result]) -> list[Shape]:
        return [result(one) for one in results if one.evidence is not None]

    shape: Shape = {"query": str(one.query.node), "items": one.items, "hits": hits(one.results)}
    if one.other:
        shape |= {"gained": hits(one.gained.results), "lost": hits(one.lost.results)}
    if one.explain:
        shape["explained"] = [
            {"headline": result.item.headline, "parts": explanation(result.explained)}
            for result in one.results
            if result.explained
        ]
    return shape


def result(one: Result) -> Shape:
    """An item that a query hits; a stored one is named by its id too."""
    shape: Shape = {
        "headline": one.item.headline,
        "evidence": [evidence(place) for place in one.evidence or ()],
    }
    if not one.item.id:
        return shape
    return shape | {"item": one.item.id, "source": one.source, "embargo_until": when(one.item.embargo_until)}


def search(found: Search, query: str) -> Shape:
    """What a search found, in how many items, how far back that was, and before which item it goes on."""
    return {
        "query": query,
        "items": found.items,
        "reached_at": when(found.reached),
        "before": found.before,
        "hits": [
            item(one.item, one.source) | {"evidence": [evidence(place) for place in one.evidence or ()]}
            for one in found.results
        ],
    }


def news(found: News) -> Shape:
    """What came in, the oldest first, with what hit it, and the mark to go on from."""
    return {
        "items": [
            item(one.item, one.source, withdrawn=one.withdrawn)
            | {
                "evidence": [evidence(place) for place in one.evidence],
                "hits": [
                    {
                        "rule": name,
                        "action": hit.action,
                        "reason": hit.reason or None,
                        "evidence": [evidence(place) for place in hit.evidence],
                    }
                    for name, hit in one.hits
                ],
            }
            for one in found.arrivals
        ],
        "after": str(found.mark),
        "more": found.more,
    }


def explanation(one: Explanation) -> Shape:
    """A part of a query on an item: whether it holds, where, or what came nearest."""
    return {
        "text": one.text,
        "hit": one.hit,
        "evidence": [evidence(place) for place in one.evidence],
        "nearest": one.nearest or None,
        "parts": [explanation(part) for part in one.parts],
    }


def backtest(one: Backtest) -> Shape:
    """What a rule would have hit, by the time of publication."""
    busiest = one.busiest
    return {
        "items": one.items,
        "hits": one.hits,
        "stories": one.stories,
        "alerts_a_day": round(one.per_day, 2),
        "from": when(one.first),
        "to": when(one.last),
        "days": {day.isoformat(): stories for day, stories in sorted(one.days.items())},
        "busiest_hour": {"at": when(busiest[0]), "stories": busiest[1]} if busiest else None,
        "terms": {term: round(share, 4) for term, share in one.shares.items()},
        "wildcards": {term: dict(words) for term, words in one.words.items()},
        "near_misses": [{"term": near.term, "form": near.form, "items": near.items} for near in one.near],
        "newest": [
            {
                "item": result.item.id,
                "headline": result.item.headline,
                "evidence": [evidence(place) for place in result.evidence or ()],
            }
            for result in one.newest[:NEWEST]
        ],
    }


def quality(one: Quality) -> Shape:
    """How good a rule is, and a term that would make it better."""
    proposal = one.proposal
    return {
        "judged": one.judged.judged,
        "relevant": one.judged.relevant,
        "precision": one.judged.precision,
        "proposal": {
            "term": f"-{proposal.term}",
            "query": proposal.query,
            "drops_not_relevant": proposal.dropped,
            "of_not_relevant": proposal.not_relevant,
            "drops_unjudged": proposal.unjudged,
        }
        if proposal
        else None,
    }


def word_list(name: str, terms: tuple[str, ...]) -> Shape:
    """A named list of alternatives."""
    return {"name": name, "terms": list(terms)}


def lists(known: Mapping[str, tuple[str, ...]]) -> list[Shape]:
    """Every list, by name."""
    return [word_list(name, terms) for name, terms in sorted(known.items())]
