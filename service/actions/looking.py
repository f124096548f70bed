"""A look at a source, storing nothing; and the search for the feed of a page, or of a site that moved it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import cast
from urllib.parse import urlsplit

from service.app import App
from service.errors import UsageError
from service.fetch.schedule import spoken
from service.fetch.statuses import LOST
from service.fetch.transports import check_url
from service.model import Cursor, Document, Failure, FailureKind, Freshness, Item, Parsed, Source
from service.parse import discover
from service.parse.discover import FeedLink
from service.workers import WorkerError

TRIES = 12  # requests of one search; politeness has them a second apart
PATIENCE = 20.0  # seconds, after which a search begins no further request
ENOUGH_DATES = 3  # entries that show a rhythm


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a source shows right now.

    Where a search found the feed elsewhere, `found` is its address, `sought` the failure of the source's own,
    and `others` what else the page names.
    """

    source: Source
    failure: Failure | None = None
    parsed: Parsed | None = None
    cursor: Cursor = field(default_factory=Cursor)  # what an unchanged feed is recognised by
    freshness: Freshness = field(default_factory=Freshness)
    hub: str = ""  # WebSub: who would bring what is new
    found: str = ""
    sought: Failure | None = None
    others: tuple[FeedLink, ...] = ()
    document: Document | None = field(default=None, repr=False)

    @property
    def validators(self) -> tuple[str, ...]:
        """The headers that make a conditional request possible: `ETag`, `Last-Modified`."""
        sent = (("ETag", self.cursor.etag), ("Last-Modified", self.cursor.last_modified))
        return tuple(name for name, value in sent if value)

    @property
    def newest(self) -> Sequence[Item]:
        """Its items, the newest first; undated ones in the order of the document, after the others."""
        items = self.parsed.items if self.parsed else ()
        return sorted(
            items, key=lambda item: item.published_at.timestamp() if item.published_at else 0, reverse=True
        )

    @property
    def languages(self) -> Sequence[str]:
        """The languages of its items."""
        return sorted({item.language for item in self.newest if item.language})

    @property
    def rhythm(self) -> timedelta | None:
        """The usual gap between its items: learned by polling, else as their dates show it."""
        return self.source.rhythm or _rhythm([item.published_at for item in self.newest if item.published_at])

    @property
    def is_page(self) -> bool:
        """Whether the address that was asked about is a web page that names the feed."""
        return self.sought is not None and self.sought.kind is FailureKind.UNREADABLE

    @property
    def sentence(self) -> str:
        """One line for a person."""
        if self.failure:
            return f"cannot be read yet: {self.failure.reason}"
        if self.parsed is None:
            return "nothing there yet"
        title = f"“{self.parsed.feed.title}”, " if self.parsed.feed.title else ""
        tongue = f", language {'/'.join(self.languages)}" if self.languages else ""
        gap = f", one about every {spoken(self.rhythm)}" if self.rhythm else ""
        count = "1 item" if len(self.parsed.items) == 1 else f"{len(self.parsed.items)} items"
        feed = f"{title}{self.parsed.format}, {count}{tongue}{gap}"
        if self.sought is None:
            return feed
        if self.is_page:
            return f"a web page; its feed is {self.found}: {feed}"
        return f"its site now names {self.found}: {feed} ({self.sought.reason})"


def look(app: App, source: Source) -> Look:
    """What the source shows, fetched and read once, without validators and without storing anything.

    What is embargoed in it is shown to whoever may see that.
    """
    fresh = replace(source.cursor, etag="", last_modified="", body_hash="")
    result = app.fetcher.fetch(replace(source, cursor=fresh))
    if isinstance(result, Failure):
        return Look(source=source, failure=result)
    seen = Look(source=source, cursor=result.cursor, freshness=result.freshness, hub=result.hub)
    for document in result.documents[:1]:
        seen = replace(seen, document=document)
        try:
            parsed = app.workers.run("service.parse.formats:parse", document, source)
        except WorkerError as error:
            return replace(
                seen, failure=Failure(source=source, kind=FailureKind.UNREADABLE, reason=str(error))
            )
        assert isinstance(parsed, Parsed)
        parsed = replace(parsed, items=tuple(map(app.shown, parsed.items)))
        seen = replace(seen, parsed=parsed, hub=seen.hub or parsed.feed.hub)
    return seen


def search(app: App, source: Source) -> Look:
    """What the source shows; where that is a page, or lost, the feed that its page or its site names.

    The credentials of a source stay with its origin: where it has some, feeds elsewhere are not asked.
    """
    seen = look(app, source)
    lost = seen.failure is not None and seen.failure.status in LOST
    if seen.failure is None or not source.url.startswith("http") or not (lost or seen.document):
        return seen
    until, left, tried = time.monotonic() + PATIENCE, TRIES, {source.url}
    empty, named = None, [] if lost else _links(app, seen.document)
    for place in _places(app, source, named, lost=lost):
        if left == 0 or time.monotonic() > until:
            break
        if place in tried or (source.auth_env and _origin(place) != _origin(source.url)):
            continue
        tried.add(place)
        left -= 1
        found = look(app, replace(source, url=place, cursor=Cursor()))
        if found.parsed is not None:
            others = tuple(link for link in named if link.url != place)
            found = replace(
                found, source=source, found=place, sought=seen.failure, others=others, document=None
            )
            if found.parsed and found.parsed.items:
                return found
            empty = empty or found
    return empty or seen


def _places(app: App, source: Source, named: list[FeedLink], *, lost: bool) -> Iterator[str]:
    """Where the feed may be, the likeliest first; the pages of a site that lost it are asked on the way."""
    if lost:
        for page in discover.pages(source.url):
            if not source.auth_env or _origin(page) == _origin(source.url):
                named += _links(app, look(app, replace(source, url=page, cursor=Cursor())).document)
            if named:
                break
    for link in named:
        try:
            yield check_url(link.url)
        except UsageError:  # a page may name anything
            continue
    yield from discover.usual(source.url)


def _links(app: App, document: Document | None) -> list[FeedLink]:
    """The feeds that a page names, read in a worker: the page is a stranger's."""
    if document is None:
        return []
    try:
        return list(cast(tuple[FeedLink, ...], app.workers.run("service.parse.discover:feeds", document)))
    except WorkerError:
        return []


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _rhythm(dates: list[datetime]) -> timedelta | None:
    """The usual gap between dates that are sorted from new to old; None where they are too few."""
    gaps = [(newer - older).total_seconds() for newer, older in pairwise(dates)]
    return timedelta(seconds=median(gaps)) or None if len(dates) >= ENOUGH_DATES else None
