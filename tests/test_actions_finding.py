"""Feeds that are found from a page, found again after a move, and recognised when they are old copies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.actions import shapes, sources
from service.actions.watch import seek
from service.errors import UsageError
from service.model import FailureKind, Source, SourceState
from tests.newsroom import MARKET, PRICES, TRIP, Room, changed, newsroom, rss
from tests.servers import Answer, Request

KIM = '"Kim Jong Un" + Reise'
PAGE = "<!doctype html><html><head><title>Nordbote</title>{}</head><body><p>Willkommen</p></body></html>"
DECLARED = '<link rel="alternate" type="application/rss+xml" title="{}" href="{}">'


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path, poll={"first_alert_age": "36500d"}) as made:
        yield made


def page(*feeds: tuple[str, str]) -> str:
    return PAGE.format("".join(DECLARED.format(title, href) for title, href in feeds))


@pytest.mark.slow
def test_of_a_web_page_the_feed_that_it_names_is_taken(room: Room) -> None:
    room.wire("welt.rss", TRIP)
    room.feeds.serve("/news/", page(("Welt", "/welt.rss"), ("Sport", "/sport.rss")))
    look = sources.add(room.app, Source(name="nordbote", url=room.feeds.url("/news/")))
    assert room.feeds.url("/welt.rss") == room.source("nordbote").url == look.source.url
    assert "a web page; its feed is" in look.sentence
    assert [room.feeds.url("/sport.rss")] == [other.url for other in look.others]
    room.add_rule(KIM)
    room.poll()
    assert [TRIP.headline] == room.told()


def test_a_page_that_names_no_feed_may_have_one_at_a_usual_place(room: Room) -> None:
    room.feeds.serve("/", page())
    room.wire("rss.xml", TRIP)
    sources.add(room.app, Source(name="nordbote", url=room.feeds.url("/")))
    assert room.feeds.url("/rss.xml") == room.source("nordbote").url


def test_a_page_without_a_feed_is_stored_with_the_reason(room: Room) -> None:
    room.feeds.serve("/", page(("Welt", "/gone.rss")))
    look = sources.add(room.app, Source(name="nordbote", url=room.feeds.url("/")))
    assert look.failure
    assert "HTML" in look.failure.reason
    assert room.feeds.url("/") == room.source("nordbote").url


def test_a_page_whose_feed_is_polled_already_is_refused_and_leaves_nothing(room: Room) -> None:
    room.wire("welt.rss", TRIP)
    room.add_source("welt", room.feeds.url("/welt.rss"))
    room.feeds.serve("/", page(("Welt", "/welt.rss")))
    with pytest.raises(UsageError, match="is polled already, as welt"):
        sources.add(room.app, Source(name="nordbote", url=room.feeds.url("/")))
    assert ["welt"] == [source.name for source in sources.listed(room.app)]


def test_credentials_are_not_carried_to_a_feed_on_another_host(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORDBOTE", "anna:geheim")
    asked: list[Request] = []

    def elsewhere(request: Request) -> Answer:
        asked.append(request)
        return Answer(body=rss(TRIP))

    room.feeds.script("/welt.rss", elsewhere)
    other = room.feeds.url("/welt.rss").replace("127.0.0.1", "localhost")
    room.feeds.serve("/", page(("Welt", other)))
    look = sources.add(room.app, Source(name="nordbote", url=room.feeds.url("/"), auth_env="NORDBOTE"))
    assert look.failure
    assert not asked


def test_a_feed_that_is_lost_is_found_on_its_site_and_proposed(room: Room) -> None:
    room.wire("news/old.rss", TRIP)
    room.add_source("nordbote", room.feeds.url("/news/old.rss"))
    room.poll()
    room.feeds.serve("/news/old.rss", status=404)
    room.feeds.serve("/news/", page(("Welt", "welt.rss")))
    room.wire("news/welt.rss", TRIP, PRICES)
    for _ in range(3):
        room.poll()
    assert SourceState.FAILING is room.source("nordbote").state
    assert 1 == seek(room.app)
    assert 0 == seek(room.app)
    assert "monitor edit-source" in room.source("nordbote").last_error
    proposal = f"its site now names {room.feeds.url('/news/welt.rss')}"
    assert proposal in room.source("nordbote").last_error
    room.poll()
    assert proposal in room.source("nordbote").last_error
    assert room.feeds.url("/news/old.rss") == room.source("nordbote").url
    assert proposal in sources.check(room.app, "nordbote").sentence


def test_a_site_that_names_nothing_is_searched_once_a_day(room: Room) -> None:
    room.feeds.serve("/old.rss", status=410)
    room.add_source("nordbote", room.feeds.url("/old.rss"))
    room.poll()
    assert 0 == seek(room.app)
    asked = len(room.feeds.requests)
    room.restart()
    assert 0 == seek(room.app)
    assert asked == len(room.feeds.requests)


def test_a_proposal_is_forgotten_when_the_feed_is_back(room: Room) -> None:
    room.feeds.serve("/old.rss", status=410)
    room.wire("feed", TRIP)
    room.add_source("nordbote", room.feeds.url("/old.rss"))
    room.poll()
    assert 1 == seek(room.app)
    room.wire("old.rss", TRIP)
    room.poll()
    assert ("", "") == (room.source("nordbote").last_error, room.source("nordbote").cursor.found)


def test_a_new_address_keeps_history_identity_and_rhythm(room: Room) -> None:
    """The site moves to another host and https: the same entries bring nothing, a new one is told."""
    room.wire("wire", changed(TRIP, link="http://alt.example/kim"), MARKET)
    room.add_source("wire")
    room.add_rule(KIM)
    room.poll()
    room.wire("wire", changed(TRIP, link="http://alt.example/kim"), MARKET, PRICES)
    room.poll()
    before = room.source("wire")
    moved = changed(TRIP, link="https://neu.example/kim?utm_source=rss")
    room.feeds.serve("/moved", rss(moved, MARKET, PRICES))
    sources.edit(room.app, "wire", url=room.feeds.url("/moved"))
    after = room.source("wire")
    assert (before.id, before.rhythm, before.last_ok_at) == (after.id, after.rhythm, after.last_ok_at)
    assert before.last_item_at == after.last_item_at
    assert 0 == room.poll().items
    assert [TRIP.headline] == room.told()
    again = changed(TRIP, key="trip-2", headline="Kim Jong Un: Reise zu Ende", text="Er ist zurück.", link="")
    room.feeds.serve("/moved", rss(again, moved, MARKET, PRICES))
    assert 1 == room.poll().items
    assert [TRIP.headline, again.headline] == room.told()


def at(**ago: float) -> datetime:
    return datetime.now(UTC) - timedelta(**ago)


@pytest.mark.slow
def test_an_old_copy_with_status_200_is_a_failure_and_not_health(room: Room) -> None:
    old = changed(MARKET, at=at(days=2))
    room.wire("wire", changed(TRIP, at=at(minutes=5)), old)
    room.add_source("wire")
    room.poll()
    room.wire("wire", old)
    tally = room.poll()
    assert "an old copy" in tally.failures["wire"]
    assert (1, "an old copy") == (room.source("wire").failures, room.source("wire").last_error[:11])
    room.wire("wire", changed(TRIP, at=at(minutes=5)), old)
    room.poll()
    assert (0, "") == (room.source("wire").failures, room.source("wire").last_error)


def test_a_feed_that_took_its_newest_entry_back_is_no_old_copy(room: Room) -> None:
    room.wire("wire", changed(TRIP, at=at(minutes=5)), changed(MARKET, at=at(minutes=30)))
    room.add_source("wire")
    room.poll()
    room.wire("wire", changed(MARKET, at=at(minutes=30)))
    assert not room.poll().failures


def test_old_dates_on_new_entries_are_no_old_copy(room: Room) -> None:
    room.wire("wire", changed(TRIP, at=at(minutes=5)))
    room.add_source("wire")
    room.poll()
    room.wire("wire", changed(MARKET, at=at(days=2)))
    tally = room.poll()
    assert (1, {}) == (tally.items, tally.failures)


def test_a_consent_page_in_the_place_of_a_feed_is_a_failure(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.poll()
    consent = "\n<!-- cmp --><!doctype html><html><body>Bitte stimmen Sie zu, um RSS zu lesen</body></html>"
    room.feeds.serve("/wire", consent, headers={"Content-Type": "application/rss+xml"})
    for _ in range(2):  # its ETag must not make it look unchanged and well
        assert "HTML" in room.poll().failures["wire"]
    assert 2 == room.source("wire").failures


def test_a_look_shows_the_newest_items_the_headers_the_language_and_the_rhythm(room: Room) -> None:
    entries = [
        changed(TRIP, key=str(n), headline=f"Kim reist {n}", link="", at=at(hours=n)) for n in (3, 1, 2)
    ]
    headers: dict[str, str | list[str]] = {
        "Cache-Control": "max-age=600",
        "Link": '<https://hub.example/>; rel="hub"',
    }
    room.feeds.serve("/wire", rss(*entries), headers=headers)
    look = sources.check(room.app, room.feeds.url("/wire"))
    assert ["Kim reist 1", "Kim reist 2", "Kim reist 3"] == [item.headline for item in look.newest]
    assert (["de"], timedelta(hours=1)) == (look.languages, look.rhythm)
    assert (("ETag",), timedelta(seconds=600)) == (look.validators, look.freshness.max_age)
    assert "https://hub.example/" == look.hub == shapes.look(look)["hub"]
    assert "feed, 3 items, language de, one about every 1 h" in look.sentence


def test_a_feed_that_is_forbidden_is_not_looked_for_elsewhere(room: Room) -> None:
    room.feeds.serve("/wire", status=403)
    look = sources.add(room.app, Source(name="wire", url=room.feeds.url("/wire")))
    assert look.failure
    assert FailureKind.THROTTLED is look.failure.kind
    assert ["/wire"] == [request.path for request in room.feeds.requests]
