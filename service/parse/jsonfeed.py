"""JSON Feed 1.0 and 1.1 (jsonfeed.org)."""

from __future__ import annotations

from datetime import datetime, tzinfo
from urllib.parse import urljoin

from service.model import Document, Feed, Item, Parsed, Source
from service.parse.dates import iso, zone
from service.parse.formats import UnreadableError
from service.parse.objects import Object, child, objects, read, text, texts
from service.text.html import to_text


def parse(document: Document, source: Source) -> Parsed:
    """The items of a JSON Feed; of one that was cut off, those that came whole."""
    feed, problems = read(document, "items")
    if isinstance(feed, list) and problems:
        feed = {"items": feed}
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise UnreadableError("not a JSON feed: it has no list of items")
    place = zone(source.timezone)
    return Parsed(
        items=tuple(_item(item, document, place, document.received_at) for item in objects(feed["items"])),
        problems=tuple(problems),
        feed=Feed(
            title=text(feed, "title"),
            language=text(feed, "language"),
            link=text(feed, "home_page_url"),
            hub=next(
                (text(hub, "url") for hub in objects(feed.get("hubs")) if text(hub, "type") == "WebSub"), ""
            ),
            topic=text(feed, "feed_url"),
        ),
    )


def _item(item: Object, document: Document, place: tzinfo, now: datetime) -> Item:
    """One item."""
    authors = objects(item.get("authors")) or [child(item, "author")]
    body = to_text(text(item, "content_html")) or text(item, "content_text") or to_text(text(item, "summary"))
    link = text(item, "url", "external_url")
    return Item(
        headline=to_text(text(item, "title")),
        body=body,
        external_id=text(item, "id"),
        keywords=texts(item, "tags"),
        language=text(item, "language"),
        published_at=iso(text(item, "date_published"), place, now),
        updated_at=iso(text(item, "date_modified"), place, now),
        byline=", ".join(name for author in authors if (name := text(author, "name"))),
        link=_join(document.url, link),
    )


def _join(base: str, link: str) -> str:
    """A link made absolute, as it is where that cannot be; where there is none, none (not the feed's own)."""
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        return link
