"""What an HTTP status says that brings no document: a failure, its kind, and one line for a person.

Source: RFC 9110, 15 (status codes), 10.2.3 (Retry-After).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http.client import responses

from service.fetch import caching
from service.model import Failure, FailureKind, Source

UNWELCOME = frozenset({403, 429, 503})  # 403: what several large sites answer where they mean 429
LOST = frozenset({404, 410})
NO_ANSWER = "the server answers "


def failed(source: Source, status: int, headers: Mapping[str, str], now: datetime) -> Failure:
    """An answer that is none, by its status."""
    shown = f"{status} {responses.get(status, '')}".strip()  # the server's own words are anything but plain
    if status == 410:
        kind, reason = FailureKind.GONE, f"{NO_ANSWER}{shown}: it is gone for good"
    elif status in (401, 407):
        held = f"the credentials in {source.auth_env} were refused" if source.auth_env else ""
        kind, reason = FailureKind.AUTH, f"{shown}: {held or 'it wants credentials (--auth-env VAR)'}"
    elif status in UNWELCOME:
        kind, reason = FailureKind.THROTTLED, f"{shown}: the server does not want to be asked"
    elif status == 304:
        kind, reason = FailureKind.STATUS, f"{NO_ANSWER}{shown}, though all of it was asked for"
    else:
        kind, reason = FailureKind.STATUS, f"{NO_ANSWER}{shown}"
    if status in LOST and source.cursor.found:
        reason += f"; {elsewhere(source.cursor.found)}"
    wait = caching.retry_after(headers, now)
    return Failure(source=source, kind=kind, reason=reason, status=status, retry_after=wait)


def lost(source: Source) -> bool:
    """Whether the source's last answer was that it is not there."""
    return source.last_error.startswith(tuple(f"{NO_ANSWER}{status}" for status in LOST))


def elsewhere(url: str) -> str:
    """The words for a feed that was found at another address."""
    return f"its site now names {url} (monitor edit-source NAME --url URL)"
