"""Alerts, messages, what became of a story, and who would be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.actions.shapes.rules import hit
from service.actions.shapes.stories import item, placement, sighting, story
from service.actions.shapes.written import Shape, span, when
from service.model import Alert, Attempt, Delivery

if TYPE_CHECKING:
    from service.actions.desk import AlertView, StoryView, Told
    from service.actions.preview import Planned, Preview
    from service.actions.timeline import Timeline


def alert(one: Alert, rule_name: str, headline: str) -> Shape:
    """An alert."""
    return {
        "id": one.id,
        "rule": rule_name,
        "story": one.story,
        "headline": headline,
        "state": one.state.value,
        "revision": one.revision,
        "reason": one.reason or None,
        "opened_at": when(one.opened_at),
        "acknowledged_by": one.acknowledged_by or None,
        "acknowledged_until": when(one.acknowledged_until),
        "comment": one.comment or None,
        "relevance": one.relevance.value or None,
    }


def told(one: Told) -> Shape:
    """An alert with its names."""
    return alert(one.alert, one.rule, one.headline)


def alert_view(one: AlertView) -> Shape:
    """An alert, where its rule hit, and what was sent."""
    return told(one.told) | {
        "hits": [hit(found, item) for found, item in one.hits],
        "deliveries": [delivery(each) for each in one.deliveries],
    }


def story_view(one: StoryView) -> Shape:
    """A story with all that belongs to it."""
    return story(one.story) | {
        "versions": [
            item(each, name, withdrawn=one.withdrawn(each)) | placement(one.placements[each.id])
            for each, name in one.items
        ],
        "carried_by": [sighting(each) for each in one.sightings],
        "alerts": [told(each) for each in one.alerts],
        "deliveries": [delivery(each) for each in one.deliveries],
    }


def delivery(one: Delivery) -> Shape:
    """A delivery."""
    return {
        "id": one.id,
        "channel": one.channel,
        "recipient": one.recipient or None,
        "kind": one.kind.value,
        "story": one.story or None,
        "state": one.state.value,
        "reason": one.reason or None,
        "subject": one.message.subject if one.message else None,
        "attempts": one.attempts,
        "last_error": one.last_error or None,
        "due_at": when(one.due_at),
        "sent_at": when(one.sent_at),
    }


def attempt(one: Attempt) -> Shape:
    """One try at a delivery."""
    return {
        "number": one.number,
        "started_at": when(one.started_at),
        "took_ms": round(one.took.total_seconds() * 1000),
        "outcome": one.outcome.verdict.value,
        "code": one.outcome.code or None,
        "reason": one.outcome.reason or None,
    }


def preview(one: Preview) -> Shape:
    """What a rule would send about an item."""
    return {
        "rule": one.rule.name,
        "item": one.item.id,
        "hit": one.hits,
        "reason": one.reason,
        "messages": [_planned(each) for each in one.planned],
        "escalation": [{"after": span(stage.after), "to": stage.target} for stage in one.escalation],
    }


def _planned(one: Planned) -> Shape:
    delivery, message = one.delivery, one.message
    return {
        "to": f"{delivery.channel}:{delivery.recipient}" if delivery.recipient else delivery.channel,
        "kind": delivery.kind.value,
        "priority": delivery.priority.value,
        "because": one.because or None,
        "sent": message is not None,
        "at": when(one.at),
        "waits": list(one.waits),
        "reason": one.reason or None,
        "subject": message.subject if message else None,
        "text": message.text if message else None,
    }


def timeline(one: Timeline) -> list[Shape]:
    """The events of a story, the oldest first."""
    return [
        {
            "at": when(event.at),
            "what": event.what,
            "who": event.who,
            "text": event.text or None,
            "item": event.item or None,
            "changed": {
                name: [{"text": piece.text, "mark": piece.mark.value or None} for piece in change]
                for name, change in (("headline", event.headline), ("body", event.body))
                if change
            },
        }
        for event in one.events
    ]
