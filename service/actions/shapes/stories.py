"""Items and their stories."""

from __future__ import annotations

from service.actions.shapes.written import Shape, when
from service.model import Item, Placement, Sighting, Story


def item(one: Item, source_name: str, *, withdrawn: bool | None = None) -> Shape:
    """An item; `withdrawn` says whether its original was, where that is known.

    The note of desks to desks is not for everybody, and not in it.
    """
    shape: Shape = {
        "id": one.id,
        "story": one.story,
        "source": source_name,
        "external_id": one.external_id or None,
        "version": one.version or None,
        "headline": one.headline,
        "slug": one.slug or None,
        "keywords": list(one.keywords),
        "places": list(one.places),
        "agency": one.agency or None,
        "body": one.body,
        "language": one.language or None,
        "published_at": when(one.published_at),
        "updated_at": when(one.updated_at),
        "received_at": when(one.received_at),
        "embargo_until": when(one.embargo_until),
        "urgency": one.urgency or None,
        "status": one.status.value,
        "signal": one.signal.value,
        "marks": list(one.marks),
        "genre": one.genre or None,
        "subjects": list(one.subjects),
        "instruments": [{"kind": each.kind, "code": each.code} for each in one.instruments],
        "byline": one.byline or None,
        "sign_off": one.sign_off or None,
        "link": one.link or None,
        "rights": one.rights or None,
    }
    return shape if withdrawn is None else shape | {"original_withdrawn": withdrawn}


def story(one: Story) -> Shape:
    """A story."""
    return {
        "id": one.id,
        "headline": one.headline,
        "status": one.status.value,
        "opened_at": when(one.opened_at),
        "updated_at": when(one.updated_at),
        "items": one.items,
        "sources": one.sources,
    }


def placement(one: Placement) -> Shape:
    """How an item came into its story."""
    return {
        "link": one.link.value,
        "nearest": one.nearest or None,
        "score": round(one.score, 3),
        "link_reason": one.reason or None,
    }


def sighting(one: Sighting) -> Shape:
    """A story as one source carried it."""
    return {
        "source": one.source,
        "at": when(one.at),
        "headline": one.headline,
        "link": one.link or None,
        "how": one.how.value,
    }
