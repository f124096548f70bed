"""Sources, and what a look at one finds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from service.actions.shapes.written import Shape, span, when
from service.model import Source

if TYPE_CHECKING:
    from service.actions.looking import Look


SHORTEST = timedelta(seconds=1)  # of what is called a rhythm: files that are read together have none


def source(one: Source) -> Shape:
    """A source."""
    return {
        "name": one.name,
        "url": one.url,
        "format": one.format or None,
        "language": one.language or None,
        "every": span(one.every),
        "cron": one.cron or None,
        "rhythm": span(one.rhythm) if one.rhythm and one.rhythm >= SHORTEST else None,
        "timezone": one.timezone,
        "tags": list(one.tags),
        "state": one.state.value,
        "failures": one.failures,
        "last_error": one.last_error or None,
        "last_polled_at": when(one.last_polled_at),
        "last_item_at": when(one.last_item_at),
        "next_poll_at": when(one.next_poll_at),
        "pushed_until": when(one.pushed_until),
    }


def look(one: Look) -> Shape:
    """What a source shows right now."""
    parsed, cursor = one.parsed, one.cursor
    return {
        "readable": one.failure is None and one.sought is None,
        "reason": _reason(one),
        "title": parsed.feed.title or None if parsed else None,
        "found_format": parsed.format if parsed else None,
        "found_languages": list(one.languages),
        "found_url": one.found or None,
        "other_feeds": [{"url": link.url, "title": link.title or None} for link in one.others],
        "items": len(one.newest),
        "headlines": [each.headline for each in one.newest[:5]],
        "newest": [
            {
                "headline": each.headline,
                "published_at": when(each.published_at),
                "embargo_until": when(each.embargo_until),
            }
            for each in one.newest[:5]
        ],
        "rhythm": span(one.rhythm),
        "problems": [problem.what for problem in parsed.problems] if parsed else [],
        "validators": list(one.validators),
        "etag": cursor.etag or None,
        "last_modified": cursor.last_modified or None,
        "max_age": span(one.freshness.max_age),
        "hub": one.hub or None,
    }


def _reason(one: Look) -> str | None:
    failure = one.failure or one.sought
    return failure.reason if failure else None
