"""Feeds that a web page names, and addresses at which a site usually has one.

Source: RSS Autodiscovery (RSS Advisory Board, 2006); WHATWG HTML, 4.6.7.1 (`rel=alternate`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml import etree

from service.model import Document
from service.parse.encoding import utf8
from service.text.html import one_line
from service.text.url import safe

MOST = 20  # feeds of one page; portals name one for every section
FEED_TYPES = frozenset({
    "application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json",
    "application/x-rss+xml", "application/x-atom+xml", "text/rss+xml", "text/atom+xml",
})  # fmt: skip
LOOKS_LIKE_ONE = re.compile(
    r"(?:^|[/._?=-])(?:rss|atom|feed|feeds|rdf)(?:$|[/._?&-]|\.xml|\.php)", re.IGNORECASE
)
AS_FEED = re.compile(r"^feed:(?://)?(?=https?:)", re.IGNORECASE)  # an address with `feed:` before it
OF_READERS = re.compile(r"comment|kommentar|reply", re.IGNORECASE)  # what readers write is no news
USUAL = ("feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "index.rss", "news.rss")


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a page names."""

    url: str
    title: str = ""


def feeds(document: Document) -> tuple[FeedLink, ...]:
    """The feeds that the page declares, then those that it only links to; readers' comments last.

    Absolute http and https addresses, each once. Whether they are feeds is known when they are read.
    """
    page = _Page()
    with suppress(etree.LxmlError):  # it ends before anything stands in it: what was met counts
        parser = etree.HTMLParser(target=page, encoding="utf-8")
        parser.feed(utf8(document.body, document.charset))
        parser.close()
    base = urljoin(document.url, page.base) if page.base else document.url
    found: dict[str, FeedLink] = {}
    for href, title in (*page.declared, *page.linked):
        url = _absolute(base, href)
        if url and url != document.url:
            found.setdefault(url, FeedLink(url, one_line(title)[:200]))
    ranked = sorted(found.values(), key=lambda link: bool(OF_READERS.search(link.title + link.url)))
    return tuple(ranked[:MOST])


def usual(url: str) -> Iterator[str]:
    """Addresses at which a site may have a feed unsaid: beside the page `url`, then at the root."""
    parts = urlsplit(url)
    folders = dict.fromkeys((parts.path.rpartition("/")[0] + "/", "/"))
    for folder in folders:
        for name in USUAL:
            yield parts._replace(path=folder + name, query="", fragment="").geturl()


def pages(url: str) -> Iterator[str]:
    """The pages above an address, the nearest first, the front page last."""
    parts = urlsplit(url)
    steps = parts.path.strip("/").split("/")[:-1]
    for count in range(len(steps), -1, -1):
        path = "/".join(("", *steps[:count], ""))
        yield parts._replace(path=path, query="", fragment="").geturl()


def _absolute(base: str, href: str) -> str:
    """The http or https address that `href` names on a page at `base`, without fragment; "" if none."""
    try:
        url = urljoin(base, AS_FEED.sub("", href.strip()).replace("feed://", "http://", 1))
        return safe(urlsplit(url)._replace(fragment="").geturl()) if url.startswith("http") else ""
    except ValueError:
        return ""


class _Page:
    """Receives the parser's events and keeps what names a feed."""

    def __init__(self) -> None:
        self.base = ""
        self.declared: list[tuple[str, str]] = []
        self.linked: list[tuple[str, str]] = []

    def start(self, tag: str | bytes, attributes: Mapping[str | bytes, str | bytes]) -> None:
        said = {str(name): str(value) for name, value in attributes.items()}
        href = said.get("href", "")
        if not href:
            return
        if tag == "base":
            self.base = self.base or href
        elif tag == "link" and "alternate" in said.get("rel", "").lower().split():
            if said.get("type", "").partition(";")[0].strip().lower() in FEED_TYPES:
                self.declared.append((href, said.get("title", "")))
        elif tag == "a" and len(self.linked) < MOST and LOOKS_LIKE_ONE.search(href):
            self.linked.append((href, said.get("title", "")))

    def end(self, _tag: str | bytes) -> None:
        """Nothing hangs on where an element ends."""

    def data(self, _data: str | bytes) -> None:
        """Nor on what stands in it."""

    def comment(self, _text: str | bytes) -> None:
        """Nor on what is commented out."""

    def close(self) -> None:
        """Nor on the end."""
