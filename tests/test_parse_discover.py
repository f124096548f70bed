"""Which feeds a web page names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.model import Document
from service.parse.discover import MOST, feeds, pages, usual

PAGE = """<!doctype html><html><head><title>Nordbote</title>
<link rel="stylesheet" href="/a.css"><link rel="ALTERNATE home" type="application/rss+xml; charset=utf-8"
 title="Nordbote – Kommentare" href="/comments/feed"><link rel=alternate hreflang=en href="/en/">
<link rel="alternate" type="application/atom+xml" title="Nordbote &amp; Welt" href="welt.atom#top">
<link rel="alternate" type="application/json" href="/wp-json/posts/1"></head>
<body><a href="/service/rss/">Alle Feeds</a><a href="/kreise/">Kreise</a><a href="mailto:rss@x.example">x</a>
<a href="feed://other.example/feed">anders</a><a href="welt.atom">noch einmal</a></body></html>"""


def found(page: str, url: str = "https://nordbote.example/news/") -> list[str]:
    return [link.url for link in feeds(Document(body=page.encode(), url=url, charset="utf-8"))]


def test_declared_feeds_come_first_then_linked_ones_and_comments_last() -> None:
    expected = [
        "https://nordbote.example/news/welt.atom",
        "https://nordbote.example/service/rss/",
        "http://other.example/feed",
        "https://nordbote.example/comments/feed",
    ]
    assert expected == found(PAGE)


def test_a_feed_has_the_title_that_the_page_gives_it() -> None:
    [first, *_] = feeds(Document(body=PAGE.encode(), url="https://nordbote.example/", charset="utf-8"))
    assert "Nordbote & Welt" == first.title


def test_addresses_are_joined_to_the_base_of_the_page() -> None:
    page = '<base href="https://cdn.example/x/"><link rel=alternate type=application/rss+xml href=a.rss>'
    assert ["https://cdn.example/x/a.rss"] == found(page)


def test_credentials_and_other_schemes_are_not_taken_over() -> None:
    page = "".join(
        f'<link rel=alternate type="application/rss+xml" href="{href}">'
        for href in (
            "javascript:feed()",
            "file:///etc/feed",
            "https://u:p@nordbote.example/feed",
            "http://[/",
        )
    )
    assert ["https://nordbote.example/feed"] == found(page)


@pytest.mark.parametrize("before", ["feed:", "feed://", "FEED:"])
def test_a_feed_may_be_named_by_its_own_scheme(before: str) -> None:
    page = f'<link rel=alternate type=application/rss+xml href="{before}https://cdn.example/rss">'
    assert ["https://cdn.example/rss"] == found(page)


def test_a_page_of_a_thousand_feeds_names_a_few() -> None:
    page = "".join(f'<link rel=alternate type="application/rss+xml" href="/{n}.rss">' for n in range(1000))
    assert MOST == len(found(page))


@given(st.binary(max_size=400), st.text(max_size=40))
def test_whatever_stands_there_is_read_without_an_error(body: bytes, url: str) -> None:
    for link in feeds(Document(body=b"<a href='/feed'>" + body, url=url, charset="latin-1")):
        assert link.url.startswith("http")


def test_the_usual_places_are_beside_the_page_and_at_the_root() -> None:
    places = list(usual("https://nordbote.example/news/index.html?a=1"))
    assert "https://nordbote.example/news/feed" == places[0]
    assert "https://nordbote.example/rss.xml" in places


def test_the_pages_above_an_address_lead_to_the_front_page() -> None:
    expected = [
        "https://nordbote.example/news/old/",
        "https://nordbote.example/news/",
        "https://nordbote.example/",
    ]
    assert expected == list(pages("https://nordbote.example/news/old/feed.rss?x"))
    assert ["https://nordbote.example/"] == list(pages("https://nordbote.example/feed"))
