"""News sitemaps (sitemaps.org 0.9 with Google's news extension 0.9): headlines and links, no text."""

from __future__ import annotations

from service.model import Document, Instrument, Item, Parsed, Problem, Source
from service.parse.dates import iso, zone
from service.parse.formats import UnreadableError
from service.parse.xml import elements, every, first, text
from service.text.html import to_text


def parse(document: Document, source: Source) -> Parsed:
    """The pages that have news on them; raises UnreadableError for a sitemap of other pages alone.

    In a quiet night there is none: news leave a sitemap after two days.
    """
    found, broken = elements(document, "url", may_lack=True)
    problems = [Problem(f"cut off or not well-formed: {broken}")] if broken else []
    place, now = zone(source.timezone), document.received_at
    items = []
    for url in found:
        if (news := first(url, "news")) is None:
            continue
        published = iso(text(news, "publication_date"), place, now)
        items.append(
            Item(
                headline=to_text(text(news, "title")),  # many escape it twice
                external_id=text(url, "loc"),
                keywords=tuple(word.strip() for word in text(news, "keywords").split(",")),
                agency=text(news, "publication/name"),
                language=text(news, "publication/language"),
                published_at=published,
                updated_at=iso(text(url, "lastmod"), place, now) or published,
                subjects=tuple(word.strip() for word in text(news, "genres").split(",")),
                instruments=tuple(
                    Instrument("ticker", ticker.strip().rpartition(":")[2])
                    for field in every(news, "stock_tickers")
                    for ticker in text(field).split(",")
                    if ticker.strip()
                ),
                link=text(url, "loc"),
            )
        )
    if found and not items:
        raise UnreadableError("a sitemap without news (only Google News sitemaps carry headlines)")
    return Parsed(items=tuple(items), problems=tuple(problems))
