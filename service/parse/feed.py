"""RSS 0.9x, 1.0 (RDF) and 2.0, Atom 0.3 and 1.0 (RFC 4287), read by feedparser.

feedparser is the reference for what feeds are in practice. It gets the bytes in `BytesIO` (given bare
bytes it would open the file of that name), without its HTML cleaning and link rewriting: plain text is
all that is kept here, and they are two thirds of its time.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urljoin

import feedparser
import feedparser.api

from service.model import Document, Feed, Freshness, Item, Parsed, Problem, Source
from service.parse.dates import ZONES, iso, local, spelled, zone
from service.parse.encoding import utf8
from service.parse.finish import MOST_ITEMS
from service.parse.formats import UnreadableError
from service.parse.guard import mend
from service.text.html import one_line, to_text

feedparser.api.PREFERRED_XML_PARSERS.insert(0, "service.parse.expat")

ENTRY = frozenset({b"item", b"entry"})
LARGEST_BYTES = 16_000_000  # four times the largest honest feed that is known to us
# feedparser reads these numbers without a doubt and falls over what is none.
FRAGILE = re.compile(rb"\bsrs(Name|Dimension)(?=\s*=)")
BASE = re.compile(rb"base\s*=")
DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
# The syndication module of RSS 1.0: so many updates in a period.
PERIODS = {"hourly": 60, "daily": 1440, "weekly": 10_080, "monthly": 43_200, "yearly": 525_600}  # minutes
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SKIPPED = re.compile(rb"<skip(Hours|Days)\s*>(.{0,2000}?)</skip\1", re.DOTALL | re.IGNORECASE)
ZONED = re.compile(r"(?:Z|UTC|[+-]\d\d:?\d\d|\b[A-Z]{3,4})$")
# Zones that feedparser does not know by these names: it takes their clocks for that of UTC.
EUROPEAN = re.compile(r"\b(?:CES?T|MES?T|MES?Z|WES?T|EES?T|BST|MSK)\b")
ELLIPSIS = re.compile(
    r"(?:\[?(?:…|\.\.\.|&hellip;)\]?|\[\+\]|Weiterlesen.*|Read more.*|Continue reading.*)\s*$"
)


def parse(document: Document, source: Source) -> Parsed:
    """The entries of a feed, as items; raises UnreadableError if it is none."""
    if len(document.body) > LARGEST_BYTES:
        raise UnreadableError(f"a feed of more than {LARGEST_BYTES // 1_000_000} MB")
    body, problems = mend(utf8(document.body, document.charset), ENTRY, MOST_ITEMS)
    result = _parse(body, document.url)
    if not result.version and not result.entries:
        raise UnreadableError(f"not a feed{_complaint(result)}")
    if result.bozo:
        problems.append(Problem(f"not well-formed{_complaint(result)}"))
    place = zone(source.timezone)
    items = []
    for entry in result.entries:
        try:
            # A plain dict: feedparser's looks each key up under all the names that it had in twenty years.
            items.append(_item(dict(entry), place, document))
        except Exception as error:  # noqa: BLE001 - one odd entry is no reason to lose the others
            problems.append(
                Problem(f"an entry could not be read ({type(error).__name__}: {error})", _text(entry, "id"))
            )
    return Parsed(items=tuple(items), problems=tuple(problems), feed=_feed(result.feed, body, document.url))


def _parse(body: bytes, url: str) -> Any:  # noqa: ANN401 - feedparser has no types
    """What feedparser makes of it; a second time without what it trips over.

    It joins each tag with the base that it is under. Where the document names none, that is left to
    `_absolute`, for the few addresses that are kept; and a GUID stays what it is, wherever the feed moves.
    """
    base = url if BASE.search(body) else ""
    headers = {"content-type": "application/xml; charset=utf-8", "content-location": base}

    def attempt(data: bytes) -> Any:  # noqa: ANN401
        stream = io.BytesIO(b'<?xml version="1.0" encoding="utf-8"?>' + data)
        return feedparser.parse(
            stream, response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )

    try:
        return attempt(body)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - feedparser documents none and raises several
        try:
            return attempt(FRAGILE.sub(rb"was\1", DOCTYPE.sub(b"", body, count=1)))
        except (MemoryError, RecursionError):
            raise
        except Exception as error:
            raise UnreadableError(f"not a feed: {type(error).__name__}: {error}") from error


def _complaint(result: Any) -> str:  # noqa: ANN401 - feedparser has no types
    """What feedparser said, as the end of a line."""
    said = one_line(str(result.get("bozo_exception") or ""))
    return f": {said[:200]}" if said else ""


def _item(entry: Mapping[str, Any], place: tzinfo, document: Document) -> Item:
    """One entry."""
    now = document.received_at
    tags = [(str(term), tag.get("scheme")) for tag in entry.get("tags", ()) if (term := tag.get("term"))]
    credits_ = (one for one in entry.get("media_credit", ()) if "photo" not in str(one.get("role")))
    names = [
        one_line(to_text(name)) for author in entry.get("authors", ()) if (name := _text(author, "name"))
    ]
    updated = _moment(entry, "updated", place, now)  # the only date of RDF, and of many Atom feeds
    published = (
        _moment(entry, "published", place, now)
        or _moment(entry, "created", place, now)
        or iso(_text(entry, "prism_publicationdate"), place, now)
    )
    return Item(
        headline=one_line(to_text(_text(entry, "title"))),
        body=_body(entry),
        external_id=_text(entry, "id"),
        keywords=tuple(to_text(term) for term, _ in tags)
        + tuple(",".join(_text(entry, name) for name in ("prism_keyword", "media_keywords")).split(",")),
        subjects=tuple(term for term, scheme in tags if scheme),
        agency=one_line(
            to_text(
                _text(entry, "dc_source")
                or _text(entry.get("source") or {}, "title")
                or _text(entry, "publisher")
                or _text(next(credits_, {}), "content")
            )
        ),
        language=_text(entry, "language") or str((entry.get("title_detail") or {}).get("language") or ""),
        published_at=published or updated,
        updated_at=updated,
        byline=", ".join(names) or one_line(to_text(_text(entry, "author"))),
        link=_text(entry, "feedburner_origlink") or _absolute(_link(entry), document.url),
        rights=one_line(to_text(_text(entry, "rights"))),
    )


def _body(entry: Mapping[str, Any]) -> str:
    """The longest of the contents; a teaser that says more than its beginning stands before it."""
    texts = (to_text(str(part.get("value") or "")) for part in entry.get("content", ()) if _is_readable(part))
    body = max(texts, key=len, default="")
    teaser = to_text(_text(entry, "summary"))
    start = " ".join(ELLIPSIS.sub("", teaser).split())
    if not start or start in body.replace("\n\n", " ").replace("\n", " "):  # it has no other blanks in a row
        return body or teaser
    return f"{teaser}\n\n{body}" if body else teaser


def _is_readable(part: Mapping[str, Any]) -> bool:
    """Whether a content is text: Atom may carry anything, base64 included."""
    kind = str(part.get("type") or "text/html")
    return kind.startswith("text/") or "html" in kind or "xml" in kind


def _moment(entry: Mapping[str, Any], key: str, place: tzinfo, now: datetime) -> datetime | None:
    """A date of the entry. feedparser takes what carries no offset for UTC; it is local time at `place`."""
    text = _text(entry, key).strip()
    if not (parsed := entry.get(f"{key}_parsed")):
        return spelled(text, place, now)
    try:
        year, month, day, hour, minute, second = parsed[:6]
        stamp = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - its zone follows
        if named := EUROPEAN.search(text):
            return local(stamp, zone(ZONES[named[0]]), now)
        return stamp.replace(tzinfo=UTC) if ZONED.search(text) else local(stamp, place, now)
    except (ValueError, OverflowError):
        return None


def _link(entry: Mapping[str, Any]) -> str:
    """The link of an entry, "" where it has none: a GUID counts as one (RSS 2.0) only where it looks so."""
    link = _text(entry, "link")
    return "" if entry.get("guidislink") and "://" not in link else link


def _absolute(link: str, url: str) -> str:
    """The address that a link in the document at `url` leads to, "" if it is none."""
    try:
        return urljoin(url, link) if link else ""
    except ValueError:
        return ""


def _text(entry: Mapping[str, Any], key: str) -> str:
    """A text of the entry, "" where it has none."""
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _feed(feed: Mapping[str, Any], body: bytes, url: str) -> Feed:
    """What the feed says about itself."""
    related = {str(link.get("rel")): str(link.get("href") or "") for link in reversed(feed.get("links", ()))}
    return Feed(
        title=one_line(to_text(_text(feed, "title"))),
        language=_text(feed, "language") or str((feed.get("title_detail") or {}).get("language") or ""),
        link=_absolute(_text(feed, "link"), url),
        hub=_absolute(related.get("hub", ""), url),
        topic=_absolute(related.get("self", ""), url),
        freshness=Freshness(
            ttl=_ttl(feed), skip_hours=frozenset(_hours(body)), skip_days=frozenset(_days(body))
        ),
    )


def _ttl(feed: Mapping[str, Any]) -> timedelta | None:
    """How long the feed asks to be left alone: the longer of `ttl` (RSS 2.0) and the syndication module."""
    minutes = [float(ttl) for ttl in [_text(feed, "ttl").strip()] if re.fullmatch(r"\d{1,6}", ttl)]
    if period := PERIODS.get(_text(feed, "sy_updateperiod").strip().lower()):
        frequency = _text(feed, "sy_updatefrequency").strip()
        minutes.append(period / max(1, int(frequency)) if re.fullmatch(r"\d{1,6}", frequency) else period)
    return timedelta(minutes=max(minutes)) if any(minutes) else None


def _hours(body: bytes) -> Iterator[int]:
    """The hours (UTC, 0 to 23) that `skipHours` names; some write 24 for midnight."""
    for text in _skipped(body, b"hours"):
        if re.fullmatch(r"\d{1,2}", text) and int(text) <= 24:
            yield int(text) % 24


def _days(body: bytes) -> Iterator[int]:
    """The days (Monday is 0) that `skipDays` names."""
    return (DAYS.index(text.lower()) for text in _skipped(body, b"days") if text.lower() in DAYS)


def _skipped(body: bytes, kind: bytes) -> Iterator[str]:
    """The texts inside the first `skipHours` or `skipDays`; feedparser keeps only the last of them."""
    for found in SKIPPED.finditer(body):
        if found[1].lower() == kind:
            yield from (
                text.decode("ascii", "replace").strip()
                for text in re.findall(rb">([^<>]+)<", found[2] + b"<")
            )
            return
