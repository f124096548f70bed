"""The JSON that a webhook gets: all of a notice that a program may want, under a version; pure.

`schema_version` 1. Keys are only ever added; a change of meaning is a new version. Times are UTC in
RFC 3339, spans are seconds, places are half-open ranges of characters in the named field of `item`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from service.model import Item, Notice, Sighting, Telling

SCHEMA_VERSION = 1

# What a receiver sees of an item: the desk's note to desks is not among it.
TEXTS = (
    "headline",
    "lead",
    "body",
    "slug",
    "agency",
    "language",
    "version",
    "genre",
    "byline",
    "link",
    "rights",
)
LISTS = ("keywords", "places", "marks", "subjects")
TIMES = ("published_at", "updated_at", "received_at", "embargo_until")


def payload(notice: Notice, message_id: str, subject: str, text: str) -> Mapping[str, object]:
    """The body of the webhook, made of texts, numbers, lists and mappings alone."""
    return {
        "schema_version": SCHEMA_VERSION,
        "id": message_id,
        "thread": notice.thread or message_id,
        "kind": notice.kind.value,
        "sent_for": _time(notice.now),
        "channel": notice.channel,
        "recipient": notice.recipient,
        "priority": notice.priority.value,
        "revision": notice.revision,
        "subject": subject,
        "text": text,
        "late_seconds": int(notice.late.total_seconds()) if notice.late else 0,
        **_told(notice),
        "previous": _item(notice.previous) if notice.previous else None,
        "title": notice.title,
        "entries": [_told(entry) for entry in notice.entries],
    }


def _told(notice: Notice) -> dict[str, object]:
    """What was told: the story, the rules with their evidence, the item, the sources."""
    shown = notice.item or notice.previous
    return {
        "story": shown.story if shown else 0,
        "rules": [_rule(telling) for telling in notice.tellings],
        "item": _item(notice.item) if notice.item else None,
        "source": notice.source,
        "sources": [_sighting(sighting) for sighting in notice.sightings],
    }


def _item(item: Item) -> dict[str, object]:
    return {
        "id": item.id,
        "story": item.story,
        **{name: getattr(item, name) for name in TEXTS},
        **{name: list(getattr(item, name)) for name in LISTS},
        **{name: _time(getattr(item, name)) for name in TIMES},
        "urgency": item.urgency,
        "status": item.status.value,
        "signal": item.signal.value,
        "instruments": [asdict(instrument) for instrument in item.instruments],
    }


def _rule(telling: Telling) -> dict[str, object]:
    return {
        "name": telling.rule,
        "alert": telling.alert,
        "evidence": [asdict(evidence) for evidence in telling.evidence],
    }


def _sighting(sighting: Sighting) -> dict[str, object]:
    return {
        "source": sighting.source,
        "at": _time(sighting.at),
        "link": sighting.link,
        "headline": sighting.headline,
        "how": sighting.how.value,
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
