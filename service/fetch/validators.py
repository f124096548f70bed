"""What is kept of an HTTP answer so that the next one can be "unchanged", and who has moved for good.

Source: RFC 9110 8.8 (validators); RFC 9111 4.3.4 (refreshing what a 304 answers for).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from service.model import Cursor

TRUSTED = timedelta(days=7)  # then all of it is asked for once: some servers answer 304 for ever


def are_stale(cursor: Cursor, now: datetime) -> bool:
    """Whether the validators are too old to be trusted; `position` holds when all of it was read."""
    try:
        return now - datetime.fromisoformat(cursor.position) > TRUSTED
    except (ValueError, TypeError):
        return False


def advanced(
    cursor: Cursor, headers: Mapping[str, str], moved: str, now: datetime, *, unchanged: bool
) -> Cursor:
    """The cursor after an answer, a 304 if `unchanged`; `moved` is where a permanent redirect led."""
    kept = cursor if unchanged else Cursor()
    return replace(
        cursor,
        etag=_validator(headers.get("ETag", kept.etag)),
        last_modified=_validator(headers.get("Last-Modified", kept.last_modified)),
        position=kept.position or now.isoformat(timespec="seconds"),
        moved_to=moved,
        moved_seen=0 if not moved else cursor.moved_seen + 1 if moved == cursor.moved_to else 1,
        found="",
    )


def _validator(text: str) -> str:
    """The validator, where it can be sent back byte for byte; else none."""
    return text if text.isascii() and text.isprintable() else ""
