"""The path of an item from the wire to the desk: told once, with the reason, and never for nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.actions import rounds
from service.model import DeliveryState, SourceState
from tests.inbox import MailServer
from tests.newsroom import MARKET, OLD, PRICES, TRIP, Entry, Room, changed, newsroom, rss
from tests.servers import Answer, unused_port

KIM = '"Kim Jong Un" + Reise'


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        yield made


@pytest.mark.slow
def test_the_story_is_told_once_and_the_prices_never(room: Room) -> None:
    """What it all began with: "Auslandsreise" is a Reise, "Preise" and "Landkreise" are none."""
    room.wire("wire", TRIP, PRICES, MARKET)
    room.add_source("wire")
    room.add_rule(KIM, name="kim")
    first = room.poll()
    assert (3, 1, 1) == (first.items, first.counts["hit.open"], first.counts["delivery.sent"])
    [post] = room.hooks.posts
    assert TRIP.headline == post.json["item"]["headline"]
    assert ["kim"] == [rule["name"] for rule in post.json["rules"]]
    assert {"Auslandsreise"} <= {place["text"] for place in post.json["rules"][0]["evidence"]}


def test_a_second_poll_and_a_restart_are_silent(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.add_rule(KIM)
    room.poll()
    room.feeds.serve("/wire", rss(TRIP, title="Wire, built anew"))  # other bytes, the same entries
    assert 0 == room.poll().items
    room.restart()
    assert 0 == room.poll().items
    assert 1 == len(room.hooks.posts)


def test_what_came_in_is_found_by_its_words_until_it_is_pruned(room: Room) -> None:
    room.wire("wire", TRIP, PRICES)
    room.add_source("wire")
    room.poll()
    store = room.app.store
    with store.read() as tx:
        assert [TRIP.headline] == [item.headline for item in tx.items.search("kim sonderzug")]
    with store.begin() as tx:
        assert 2 == tx.items.prune(store.now() + timedelta(days=1), 10)
        assert [] == tx.items.search("kim sonderzug")


def test_the_same_link_on_another_source_joins_the_story_and_stays_silent(room: Room) -> None:
    room.wire("wire", TRIP)
    room.wire("portal", changed(TRIP, key="p-9", headline="Nordkoreas Machthaber Kim Jong Un auf Reise"))
    room.add_source("wire")
    room.add_source("portal")
    room.add_rule(KIM)
    room.poll("wire")
    tally = room.poll("portal")
    assert (1, 1) == (tally.items, tally.counts["hit.join"])
    assert [TRIP.headline] == room.told()


def test_the_same_text_on_another_source_joins_the_story_and_stays_silent(room: Room) -> None:
    room.wire("wire", TRIP)
    room.wire("portal", changed(TRIP, key="p-9", link="https://other.example/4711"))
    room.add_source("wire")
    room.add_source("portal")
    room.add_rule(KIM)
    room.poll("wire")
    assert 1 == room.poll("portal").counts["hit.join"]
    assert [TRIP.headline] == room.told()
    with room.app.store.read() as tx:
        assert ["wire", "portal"] == [sighting.source for sighting in tx.stories.sightings(1)]


def test_old_items_of_a_first_poll_are_stored_and_not_told_and_undated_ones_are(room: Room) -> None:
    old = changed(TRIP, at=datetime.now(UTC) - OLD)
    undated = Entry("u-1", "Kim Jong Un: Reise nach Wladiwostok", "Kim Jong Un plant eine Reise.", at=None)
    room.wire("wire", old, undated)
    room.add_source("wire")
    room.add_rule(KIM)
    assert 2 == room.poll().items
    assert [undated.headline] == room.told()


def test_after_the_first_poll_an_old_date_holds_nothing_back(room: Room) -> None:
    room.wire("wire", MARKET)
    room.add_source("wire")
    room.add_rule(KIM)
    room.poll()
    room.wire("wire", MARKET, changed(TRIP, at=datetime.now(UTC) - OLD))
    room.poll()
    assert [TRIP.headline] == room.told()


def test_a_new_rule_is_silent_on_what_was_stored_before_it(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.poll()
    room.add_rule(KIM)
    room.poll()
    assert [] == room.told()


def test_rules_that_hit_one_story_make_one_message_that_lists_them(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.add_rule(KIM, name="kim")
    room.add_rule("Sonderzug", name="trains")
    room.poll()
    [post] = room.hooks.posts
    assert {"kim", "trains"} == {rule["name"] for rule in post.json["rules"]}


def test_a_rule_that_joins_later_is_an_update_on_the_same_thread(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.add_rule(KIM, name="kim")
    room.add_rule("Dandong", name="border")
    room.poll()
    room.wire("wire", changed(TRIP, text=TRIP.text + " Der Zug passierte Dandong."))
    room.poll()
    assert ["alert", "update"] == room.kinds()
    first, second = (post.json for post in room.hooks.posts)
    assert ["border"] == [rule["name"] for rule in second["rules"]]
    assert first["story"] == second["story"]


def test_a_correction_goes_to_those_who_were_told(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.add_rule(KIM)
    room.poll()
    corrected = changed(
        TRIP, headline=f"KORREKTUR: {TRIP.headline}", text=TRIP.text.replace("zwei Jahren", "vier Jahren")
    )
    room.wire("wire", corrected)
    room.poll()
    assert ["alert", "correction"] == room.kinds()


@pytest.mark.slow
def test_a_withdrawn_story_is_taken_back_from_those_who_were_told(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.add_rule(KIM)
    room.poll()
    room.wire("wire", changed(TRIP, headline=f"KILL KILL KILL: {TRIP.headline}"))
    room.poll()
    room.wire("wire", changed(TRIP, headline=f"ROUNDUP: {TRIP.headline}", text=TRIP.text + " Mehr folgt."))
    room.poll()
    assert ["alert", "retraction"] == room.kinds()


def test_nobody_is_told_of_a_withdrawal_who_was_not_told_of_the_story(room: Room) -> None:
    room.wire("wire", MARKET)
    room.add_source("wire")
    room.add_rule(KIM)
    room.poll()
    room.wire("wire", changed(MARKET, headline=f"KILL KILL KILL: {MARKET.headline}"))
    room.poll()
    assert [] == room.kinds()


def test_a_dead_channel_loses_nothing(tmp_path: Path) -> None:
    """The mail server is down when the story comes; the mail goes out when it is back."""
    port = unused_port()
    channels = {"mail": {"url": f"smtp://127.0.0.1:{port}?from=monitor@example.org&to=desk@example.org"}}
    with newsroom(tmp_path, channels=channels) as room:
        room.wire("wire", TRIP)
        room.add_source("wire")
        room.add_rule(KIM)
        tally = room.poll()
        assert (0, 1) == (tally.counts["delivery.sent"], tally.counts["delivery.retry"])
        with MailServer(port=port) as mail:
            with room.app.store.begin() as tx:
                [waiting] = tx.outbox.list()
                assert DeliveryState.PENDING is waiting.state
                assert waiting.last_error
                tx.outbox.resend(waiting.id, room.app.store.now())
            rounds.deliver(room.app)
            [letter] = mail.wait(1)
        assert TRIP.headline in str(letter.message["Subject"])
        with room.app.store.read() as tx:
            [sent] = tx.outbox.list()
            assert DeliveryState.SENT is sent.state
            assert 2 == len(tx.outbox.attempts(sent.id))


def test_a_copied_database_sends_nothing_until_it_is_told_to(room: Room) -> None:
    """A clone must not flood the desk: it stores and lists."""
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.add_rule(KIM)
    room.app.close()
    copy = room.folder / "copy"
    copy.mkdir()
    shutil.copy(room.folder / "monitor.db", copy / "monitor.db")
    room.folder = copy
    room.restart()
    room.poll()
    assert [] == room.told()
    with room.app.store.begin() as tx:
        assert 1 == len(tx.alerts.list())
        tx.installation.resume_sending()
    rounds.deliver(room.app)
    assert [TRIP.headline] == room.told()


def test_what_a_file_says_is_told_whatever_its_age(room: Room) -> None:
    old = rss(changed(TRIP, at=datetime.now(UTC) - OLD))
    file = room.folder / "wire.xml"
    file.write_bytes(old)
    room.add_rule(KIM)
    tally = rounds.ingest(room.app, [file])
    assert (1, 1) == (tally.items, tally.counts["delivery.sent"])
    assert 0 == rounds.ingest(room.app, [file]).items


def test_a_plain_agency_story_is_read_and_told(room: Room) -> None:
    file = room.folder / "story.txt"
    file.write_text(
        "Kim Jong Un zu Auslandsreise aufgebrochen\n\n02.09.25 05:24 Uhr\n\n"
        "PEKING/PJÖNGJANG (dpa-AFX) - Nordkoreas Machthaber ist im Zug unterwegs, hieß es./abc/DP/xy\n",
        encoding="utf-8",
    )
    room.add_rule(KIM)
    rounds.ingest(room.app, [file])
    [post] = room.hooks.posts
    assert "dpa-AFX" == post.json["item"]["agency"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(body=b"<html><body>Please accept our cookies</body></html>"), "HTML"),
        (Answer(body=b""), "empty"),
        (Answer(body=b"%PDF-1.7 \xe2\xe3\xcf\xd3"), "feed"),
        (Answer(status=500, body=b"oops"), "500"),
        (Answer(status=404), "404"),
    ],
)
def test_a_feed_that_is_none_is_marked_with_a_reason_and_the_others_go_on(
    room: Room, answer: Answer, reason: str
) -> None:
    room.feeds.script("/bad", answer)
    room.wire("wire", TRIP)
    room.add_source("bad")
    room.add_source("wire")
    room.add_rule(KIM)
    tally = room.poll()
    assert [TRIP.headline] == room.told()
    assert reason in tally.failures["bad"]
    bad = room.source("bad")
    assert reason in bad.last_error
    assert 1 == bad.failures
    assert SourceState.OK is room.source("wire").state


@pytest.mark.slow
def test_a_source_that_keeps_failing_says_so_and_comes_back(room: Room) -> None:
    room.feeds.serve("/wire", status=503)
    room.add_source("wire")
    for _ in range(3):
        room.poll()
    assert SourceState.FAILING is room.source("wire").state
    room.wire("wire", TRIP)
    room.poll()
    assert (SourceState.OK, 0, "") == (
        room.source("wire").state,
        room.source("wire").failures,
        room.source("wire").last_error,
    )


def test_an_unchanged_feed_is_asked_for_once_and_not_read_again(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.poll()
    room.poll()
    first, second = room.feeds.asked("/wire")
    assert "if-none-match" not in first.headers
    assert "if-none-match" in second.headers


def test_both_messages_of_two_channels_go_out_though_one_is_dead(tmp_path: Path) -> None:
    with newsroom(tmp_path) as made:
        made.settings["channels"]["dead"] = {"url": f"webhook://127.0.0.1:{unused_port()}/x"}
        made.restart()
        made.wire("wire", TRIP)
        made.add_source("wire")
        made.add_rule(KIM, channels=("dead", "desk"))
        tally = made.poll()
        assert [TRIP.headline] == made.told()
        assert 1 == tally.counts["delivery.retry"]


def test_a_node_is_heard_from_the_moment_it_registers(room: Room) -> None:
    """Its process may be old by then; the beats count from now."""
    before = room.app.store.now()
    node = room.app.node
    assert node.seen_at
    assert node.seen_at >= before
    assert node.started_at < node.seen_at
