"""What a newsroom looks back on: silences, gaps, changes, and why something was missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.actions.shapes.alerts import alert, attempt, delivery
from service.actions.shapes.rules import explanation, hit, rule
from service.actions.shapes.stories import item
from service.actions.shapes.written import Shape, when
from service.model import Change, Gap, Silence

if TYPE_CHECKING:
    from service.actions.why import Absent, Why


def gap(one: Gap) -> Shape:
    """A time in which a source was not read."""
    return {
        "from": when(one.began_at),
        "to": when(one.ended_at),
        "failed_polls": one.polls,
        "reason": one.reason or None,
    }


def silence(one: Silence) -> Shape:
    """A silence."""
    return {
        "id": one.id,
        "matchers": [f"{kind}={value}" for kind, value in one.matchers],
        "starts_at": when(one.starts_at),
        "ends_at": when(one.ends_at),
        "comment": one.comment,
        "author": one.author or None,
    }


def change(one: Change) -> Shape:
    """Who changed what."""
    return {
        "id": one.id,
        "at": when(one.at),
        "who": one.who or None,
        "what": one.what,
        "subject": one.subject or None,
        "detail": dict(one.detail),
    }


def why(one: Why) -> Shape:
    """An item, and what became of it under a rule."""
    placement = one.placement
    return {
        "answer": one.sentence,
        "fate": one.fate.value,
        "item": item(one.item, one.source),
        "gaps": [gap(each) for each in one.gaps],
        "placement": {
            "story": one.item.story,
            "headline": one.headline,
            "link": placement.link.value,
            "nearest": placement.nearest or None,
            "score": round(placement.score, 3),
            "reason": placement.reason or None,
        },
        "rule_version": one.rule.version if one.rule else None,
        "rule": rule(one.rule) if one.rule else None,
        "explained": explanation(one.explained),
        "hits_now": one.hits_now,
        "hit": hit(one.hit, one.item) | {"action": one.hit.action, "reason": one.hit.reason}
        if one.hit
        else None,
        "alert": alert(one.alert, one.rule.name if one.rule else "", one.headline) if one.alert else None,
        "silences": [silence(each) for each in one.silences],
        "deliveries": [
            delivery(each)
            | {"tries": [attempt(tried) for tried in one.attempts if tried.delivery == each.id]}
            for each in one.deliveries
        ],
    }


def absent(one: Absent) -> Shape:
    """A story that never came."""
    return {
        "sources": [
            {
                "name": each.source.name,
                "state": each.source.state.value,
                "last_ok_at": when(each.source.last_ok_at),
                "last_item_at": when(each.source.last_item_at),
                "same_site": each.same_site,
                "gaps": [gap(hole) for hole in each.gaps],
            }
            for each in one.watched
        ],
        "close": [item(each, name) for each, name in one.close],
        "embargoed": one.veiled,
    }
