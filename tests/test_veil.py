"""The veil over embargoed text where a story has more than one item, and over what goes on to others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.actions import desk, handover, rounds
from service.actions.oversight import oversee
from service.model import Item, Signal, Source, Status, utcnow
from service.store.db import Store
from service.store.veil import Label, veiled
from tests.clock import ManualClock
from tests.newsroom import Entry, Room, newsroom
from tests.stored import stored
from tests.test_embargo import HEADLINE, HOUR, TEXT, LateClock, ingest, secrets, trust

# ---------------------------------------------------------------- stories with more than one item


def free(room: Room, headline: str = "Notenbank erntet Quitten") -> None:
    """The same report on a portal that knows of no embargo."""
    room.wire("portal", Entry("p-1", headline, TEXT.partition(" - ")[2], "https://portal.example/1"))
    room.add_source("portal")
    room.poll()


def test_a_story_that_a_portal_has_is_read_there_and_not_where_it_is_embargoed(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        room.add_rule("Quittenernte", name="Quitten")
        ingest(room, 1, utcnow() + HOUR)
        free(room)
        [post] = room.hooks.posts
        assert "Notenbank erntet Quitten" == post.json["item"]["headline"]
        assert HEADLINE not in post.body.decode(), "the sources of a message are no way around"
        assert ["portal"] == [one["source"] for one in post.json["sources"]]
        seen = desk.story(room.app, 1)
        assert "Notenbank erntet Quitten" == seen.story.headline
        assert {"", TEXT.partition(" - ")[2]} == {item.body for item, _ in seen.items}
        assert [HEADLINE] == [
            one.headline for one in desk.story(room.app.trusted(), 1).sightings if one.source == "ingest"
        ]


@pytest.mark.slow
def test_a_digest_lists_it_to_whoever_may_see_it_alone(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        clock = LateClock(timedelta(0))
        trust(room, clock)
        room.add_rule("Notenbank*", digest="hourly", channels=("desk", "chief"))
        ingest(room, 1, utcnow() + 3 * HOUR)
        room.wire("wire", Entry("w-1", "Notenbank senkt den Zins", "Die Notenbank senkt den Leitzins."))
        room.add_source("wire")
        room.poll()
        clock.behind -= HOUR
        rounds.deliver(room.app)
        said = {post.path: post.body.decode() for post in room.hooks.posts}
        assert {"/desk", "/chief"} == said.keys()
        assert all("senkt den Zins" in each for each in said.values())
        assert ([], True) == (secrets(said["/desk"]), bool(secrets(said["/chief"])))
        assert "embargo" in said["/chief"].casefold()
        clock.behind -= 2 * HOUR
        rounds.deliver(room.app)
        assert [["/desk", True]] == [[p.path, bool(secrets(p.body.decode()))] for p in room.hooks.posts[2:]]


def test_a_handover_that_is_sent_holds_nothing_embargoed_whoever_sends_it(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        room.add_rule("Notenbank*")
        ingest(room, 1, utcnow() + HOUR)
        app = room.app.trusted()
        seen = handover.handover(app, utcnow() - HOUR)
        assert secrets(str(seen.shape()))
        handover.send(app, seen, ["desk"])
        rounds.deliver(room.app)
        [post] = room.hooks.posts
        assert "Embargoed until" in post.body.decode()
        assert [] == secrets(post.body.decode())


@pytest.mark.slow
def test_a_fallback_that_may_not_see_it_gets_it_in_its_time(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        clock = LateClock(timedelta(0))
        trust(room, clock, fallback="desk")
        room.add_rule("Notenbank*", channels=("chief",))
        room.hooks.answer(410)
        ingest(room, 1, utcnow() + HOUR)
        for passed in (timedelta(0), 2 * HOUR):
            clock.behind -= passed
            oversee(room.app)
            rounds.deliver(room.app)
            paths = [post.path for post in room.hooks.posts]
            assert (["/chief", "/desk"] if passed else ["/chief"]) == paths


def test_a_copy_with_another_number_does_not_tell_the_embargoed_one(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        room.add_rule("Lohn", name="Lohn")
        text = "Frankfurt (dpa) - Der Lohn der Gärtner steigt um {} Prozent, hieß es bei der Gewerkschaft."
        ingest(room, 1, utcnow() + HOUR, article_html=f"<p>{text.format('siebzehn 17')}</p>")
        room.wire("portal", Entry("p-1", "Mehr Lohn", text.format("siebzehn 71"), "https://portal.example/1"))
        room.add_source("portal")
        room.poll()
        for app, told in ((room.app, False), (room.app.trusted(), True)):
            with app.store.read() as tx:
                reasons = [tx.items.placement(2).reason, *(hit.reason for hit in tx.alerts.hits_of_story(1))]
                assert told is ("17" in "".join(reasons))


def test_an_embargo_that_is_lifted_early_opens_the_story(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        ingest(room, 1, utcnow() + HOUR)
        assert Label("Europe/Berlin")(utcnow() + HOUR) == desk.story(room.app, 1).story.headline
        ingest(room, 2, None)
        assert HEADLINE == desk.story(room.app, 1).story.headline


def test_an_embargo_that_nobody_can_read_is_one_without_an_end(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        ingest(room, 1, "bis zum Beginn der Ernte")
        seen = desk.story(room.app, 1)
        assert "Withheld until further notice" == seen.story.headline
        assert ("Withheld until further notice", "") == (seen.items[0][0].headline, seen.items[0][0].body)
        assert HEADLINE == desk.story(room.app.trusted(), 1).items[0][0].headline


def test_a_story_that_was_told_can_be_read_after_it_was_withheld(tmp_path: Path) -> None:
    """Its own reason may stand in it."""
    with newsroom(tmp_path) as room:
        ingest(room, 1, None)
        ingest(room, 2, None, pubstatus="withheld")
        assert [HEADLINE, HEADLINE] == [item.headline for item, _ in desk.story(room.app, 1).items]


# ---------------------------------------------------------------- the veil itself


def test_each_reader_finds_what_is_theirs_until_the_hour_has_come(store: Store, clock: ManualClock) -> None:
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), clock()).id
        item = stored(
            tx,
            Item(headline="Quitten", body="Im Falkenhof.", source=source, embargo_until=clock() + HOUR),
            clock(),
        )
    for passed in (False, True):
        for reader, whole in ((store, passed), (store.trusted(), True), (store.unveiled(), True)):
            with reader.read() as tx:
                assert ([item.id] if whole else []) == [one.id for one in tx.items.search("falkenhof")]
                assert whole is (tx.items.get(item.id).body == "Im Falkenhof.")
                assert whole is ("Quitten" in tx.stories.get(item.story).headline)
                assert whole is bool([*tx.items.wordings(since=clock() - 2 * HOUR)])
        clock.advance(hours=1)
    with store.trusted().read() as tx:
        assert "Quitten" == tx.stories.get(item.story).headline, "the label goes with the embargo"


def test_a_veiled_item_keeps_what_a_newsroom_plans_by_and_nothing_of_its_text() -> None:
    at = datetime(2026, 11, 24, 5, tzinfo=UTC)
    kept: dict[str, Any] = {
        "id": 7,
        "source": 2,
        "story": 3,
        "version": "2",
        "agency": "dpa",
        "language": "de",
        "published_at": at,
        "updated_at": at,
        "received_at": at,
        "embargo_until": at + HOUR,
        "urgency": 2,
        "status": Status.USABLE,
        "signal": Signal.UPDATE,
    }
    whole = Item(
        headline="h",
        body="b",
        external_id="e",
        slug="s",
        keywords=("k",),
        places=("p",),
        marks=("m",),
        genre="g",
        subjects=("s",),
        byline="b",
        sign_off="s",
        note="n",
        link="l",
        canonical_link="c",
        rights="r",
        **kept,
    )
    assert replace(Item(headline="until six"), **kept) == veiled(whole, "until six")


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (Label("Europe/Berlin", "de"), "Sperrfrist bis 25.11.2026, 06:00 Uhr"),
        (Label("Europe/Berlin", "en"), "Embargoed until 2026-11-25 06:00 CET"),
    ],
)
def test_the_label_speaks_the_language_and_the_zone_of_the_newsroom(label: Label, words: str) -> None:
    assert words == label(datetime(2026, 11, 25, 5, tzinfo=UTC))
