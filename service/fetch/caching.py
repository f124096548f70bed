"""What an HTTP answer says about when to come back, from its headers alone; and whether it is an old copy.

Source: RFC 9111 (HTTP caching) 4.2, 5.1 to 5.3; RFC 9110 10.2.3 (Retry-After), 5.6.7 (dates).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from service.model import Failure, FailureKind, Fetched, Freshness

BACK_IN_TIME = timedelta(hours=1)  # by which a feed may lose its newest item without being doubted
GAPS_BACK = 3  # usual gaps likewise
DOUBTED_FOR = timedelta(days=7)  # then what is there is all there is
STAMP = "%Y-%m-%d %H:%MZ"
LONGEST_WAIT = timedelta(hours=24)  # no server may silence a source for longer with one header
MAX_AGE = re.compile(r'(?:^|[,\s])max-age\s*=\s*"?(\d{1,10})', re.IGNORECASE)
FORBIDS_REUSE = re.compile(r"(?:^|[,\s])no-(?:cache|store)\b", re.IGNORECASE)


def freshness(headers: Mapping[str, str], now: datetime) -> Freshness:
    """How long the answer stays good: max-age less Age, else Expires less Date; and Retry-After."""
    return Freshness(max_age=_lifetime(headers, now), retry_after=retry_after(headers, now))


def aged(fetched: Fetched, dates: Iterable[datetime | None], new: int, now: datetime) -> Fetched | Failure:
    """What was fetched, knowing its newest item from now on; a Failure where it is an old copy of the feed.

    Caches and restored servers answer 200 with what they had days ago. One that brings something new is no
    old copy, whatever its dates; and what stays old for a week is all there is.
    """
    source = fetched.source
    newest = max(
        (date for date in dates if date and date < now), default=None
    )  # later ones were cut to the present
    before = source.cursor.newest_at
    if newest is None or not fetched.status or not source.url.startswith("http"):
        return fetched  # a hub brings single entries, old ones that changed too
    allowed = max(BACK_IN_TIME, GAPS_BACK * (source.rhythm or timedelta(0)))
    if not new and before and before - newest > allowed and now - before < DOUBTED_FOR:
        reason = f"an old copy: its newest item is of {newest:{STAMP}}, but one of {before:{STAMP}} was read"
        return Failure(source=source, kind=FailureKind.UNREADABLE, reason=reason, status=fetched.status)
    return replace(fetched, cursor=replace(fetched.cursor, newest_at=newest))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """The wait that the server asks for, in seconds or as a date, up to a day; None if it asks for none."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII):
        return timedelta(seconds=min(float(text), LONGEST_WAIT.total_seconds()))
    until = http_date(text)
    return min(max(until - now, timedelta(0)), LONGEST_WAIT) if until else None


def http_date(text: str) -> datetime | None:
    """The time that an HTTP date names, in UTC; None if it is none."""
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None


def _lifetime(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    control = headers.get("Cache-Control", "")
    if FORBIDS_REUSE.search(control):
        return None
    if stated := MAX_AGE.search(control):
        age = re.match(r"\s*(\d{1,10})", headers.get("Age", ""), re.ASCII)
        return _positive(timedelta(seconds=int(stated[1]) - int(age[1] if age else 0)))
    expires = http_date(headers.get("Expires", ""))
    return _positive(expires - (http_date(headers.get("Date", "")) or now)) if expires else None


def _positive(span: timedelta) -> timedelta | None:
    return span if span > timedelta(0) else None
