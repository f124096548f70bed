"""Google Alerts: feeds whose links lead through a search engine, to articles that come from elsewhere too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from service.model import Item
from tests.newsroom import PRICES, TRIP, Entry, Room, newsroom

pytestmark = pytest.mark.slow
KIM = '"Kim Jong Un" + (Reise | Peking)'


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_rule(KIM)
        yield made


def alerts(*entries: Entry) -> bytes:
    """A feed as Google Alerts writes it: words in bold, and each link in a link of its own making."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:idx="urn:atom-extension:indexing">'
        "<id>tag:google.com,2005:reader/user/00000/state/com.google/alerts/1</id>"
        "<title>Google Alert – Kim Jong Un</title>"
        f"<updated>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</updated>"
        + "".join(map(_entry, entries))
        + "</feed>"
    ).encode()


def _entry(entry: Entry) -> str:
    wrapped = (
        f"https://www.google.com/url?rct=j&sa=t&url={quote(entry.link + '?utm_source=alert', safe='/:')}"
        f"&ct=ga&cd=CAIyGjQ&usg=AOvVaw{abs(hash(entry.key)) % 10**9}"
    ).replace("&", "&amp;")
    headline = entry.headline.replace("Kim Jong Un", "&lt;b&gt;Kim Jong Un&lt;/b&gt;")
    return (
        f"<entry><id>tag:google.com,2013:googlealerts/feed:{abs(hash(entry.key))}</id>"
        f'<title type="html">{headline}</title><link href="{wrapped}"/>'
        f"<published>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</published>"
        f"<updated>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</updated>"
        f'<content type="html">{headline} &amp;nbsp;...</content><author><name/></author></entry>'
    )


def stored(room: Room, source: str) -> list[Item]:
    with room.app.store.read() as tx:
        return [item for item in tx.items.scan() if item.source == room.source(source).id]


def test_the_real_address_is_stored_and_shown_and_the_words_in_bold_are_found(room: Room) -> None:
    room.feeds.serve("/alert", alerts(TRIP, PRICES))
    room.add_source("alert")
    assert room.poll().failures == {}
    items = {item.headline: item for item in stored(room, "alert")}
    assert set(items) == {TRIP.headline, PRICES.headline}
    trip = items[TRIP.headline]
    assert trip.link == "https://portal.example/kim-peking?utm_source=alert"
    assert trip.canonical_link == "portal.example/kim-peking"
    assert [TRIP.headline] == room.told()
    assert "google" not in room.hooks.posts[0].body.decode().lower()


@pytest.mark.parametrize("first", ["portal", "alert"])
def test_an_article_that_its_portal_brings_too_is_one_story_and_told_once(room: Room, first: str) -> None:
    served = {
        "portal": lambda: room.wire("portal", TRIP),
        "alert": lambda: room.feeds.serve("/alert", alerts(TRIP)),
    }
    for name in (first, "alert" if first == "portal" else "portal"):
        served[name]()
        room.add_source(name)
        room.poll(name)
    (copy,), (own,) = stored(room, "alert"), stored(room, "portal")
    assert copy.story == own.story
    assert copy.canonical_link == own.canonical_link
    assert [TRIP.headline] == room.told()
