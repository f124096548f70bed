"""`monitor why`: the audit after a missed story, told from what was written down at the time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.actions import rules, silences
from service.actions.why import Fate, Why, absent, why
from service.model import DeliveryState, Exit, Link, Rule
from tests.desk import desk
from tests.newsroom import MARKET, TRIP, Room, changed, newsroom, rss
from tests.shell import Shell


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_source("wire")
        yield made


def asked(room: Room, of: str = TRIP.link) -> Why:
    [found] = why(room.app, "kim", of)
    return found


def test_a_story_that_was_told_is_followed_from_the_stamp_to_the_answer_of_the_server(room: Room) -> None:
    room.add_rule('"Kim Jong Un" + Reise', name="kim")
    room.wire("wire", TRIP)
    room.poll()
    found = asked(room)
    assert (Fate.TOLD, "it was told") == (found.fate, found.sentence)
    assert ((), Link.FIRST, 1) == (tuple(found.gaps), found.placement.link, found.rule and found.rule.version)
    assert found.hit
    assert ("open", "a new story") == (found.hit.action, found.hit.reason)
    assert [DeliveryState.SENT] == [message.state for message in found.deliveries]
    assert ["HTTP 204"] == [attempt.outcome.code for attempt in found.attempts]


@pytest.mark.parametrize("of", [TRIP.link, TRIP.headline, "Kim Peking Sonderzug", "1"])
def test_a_story_is_named_by_its_address_its_headline_some_words_or_its_number(room: Room, of: str) -> None:
    room.add_rule("Kim", name="kim")
    room.wire("wire", TRIP)
    room.poll()
    assert TRIP.headline == asked(room, of).item.headline


def test_it_says_when_the_source_was_down(room: Room) -> None:
    room.add_rule("Kim", name="kim")
    room.wire("wire", MARKET)
    room.poll()
    room.feeds.serve("/wire", b"", status=503)
    room.poll()
    room.poll()
    room.wire("wire", MARKET, changed(TRIP, at=None))
    room.poll()
    [gap] = asked(room).gaps
    assert (2, True) == (gap.polls, gap.ended_at is not None)
    assert "503" in gap.reason


@pytest.mark.slow
def test_it_shows_the_version_of_the_rule_that_was_live_and_what_in_it_failed(room: Room) -> None:
    room.add_rule('"Kim Jong Un" + Kongress', name="kim")
    room.wire("wire", TRIP)
    room.poll()
    rules.edit(room.app, "kim", query='"Kim Jong Un" + Reise')
    found = asked(room)
    assert (Fate.NO_HIT, "the rule did not hit it") == (found.fate, found.sentence)
    assert found.rule
    assert ('"Kim Jong Un" + Kongress', 2) == (found.rule.query, found.versions)
    assert {'"Kim Jong Un"': True, "Kongress": False} == {p.text: p.hit for p in found.explained.parts}
    assert found.hits_now


def test_it_reads_the_rule_with_the_lists_of_the_time(room: Room) -> None:
    rules.add_list(room.app, "orte", ["Moskau"])
    with room.app.store.read() as tx:
        node = rules.understand(tx, "Kim + @orte")
    rules.add(room.app, Rule(name="kim", query=""), node)
    room.wire("wire", TRIP)
    room.poll()
    rules.add_list(room.app, "orte", ["Peking"])
    found = asked(room)
    assert (Fate.NO_HIT, "the rule did not hit it", True) == (found.fate, found.sentence, found.hits_now)
    assert {"Kim": True, "@orte": False} == {part.text: part.hit for part in found.explained.parts}


def test_a_rule_that_came_later_is_told_from_one_that_did_not_hit(room: Room) -> None:
    room.wire("wire", TRIP)
    room.poll()
    room.add_rule("Kim", name="kim")
    found = asked(room)
    assert (Fate.BEFORE, "it came before the rule was there, which hits it now") == (
        found.fate,
        found.sentence,
    )


def test_a_disabled_rule_says_so(room: Room) -> None:
    room.add_rule("Kim", name="kim")
    rules.switch(room.app, "kim", on=False)
    room.wire("wire", TRIP)
    room.poll()
    assert "the rule was disabled when it came (version 2)" == asked(room).sentence


def test_a_withdrawal_is_told_from_an_item_that_no_rule_hit(room: Room) -> None:
    room.add_rule("Kim", name="kim")
    room.wire("wire", TRIP)
    room.poll()
    room.wire("wire", TRIP, changed(TRIP, key="kill", headline="KILL: " + TRIP.headline))
    room.poll()
    newest, first = why(room.app, "kim", TRIP.headline)
    assert "it takes back what came before, and no rule is matched against it" == newest.sentence
    assert "withdrawn by the agency" in first.sentence


def test_it_says_who_silenced_it_and_that_no_message_went_out(room: Room) -> None:
    room.add_rule("Kim", name="kim")
    silence = silences.add(room.app, ["rule=kim"], timedelta(hours=1), "Parteitag", by="anna")
    room.wire("wire", TRIP)
    room.poll()
    silences.end(room.app, silence.id)
    found = asked(room)
    assert [("anna", "Parteitag")] == [(one.author, one.comment) for one in found.silences]
    assert "Parteitag" in found.sentence
    assert [] == room.told()


@pytest.mark.slow
def test_the_page_says_when_the_source_was_blind_and_what_is_close(room: Room) -> None:
    room.add_rule("Kim", name="kim")
    room.wire("wire", MARKET)
    room.poll()
    room.feeds.serve("/wire", b"", status=503)
    room.poll()
    room.wire("wire", MARKET, changed(TRIP, at=None))
    room.poll()
    rules.edit(room.app, "kim", query="Kim + Reise")
    with desk(room) as web:
        told = web.get("/why", rule="kim", of=TRIP.headline).text
        assert all(said in told for said in ("was not read from", "503", "version 1 of 2 of the rule"))
        never = web.get("/why", rule="kim", of="Sonderzug bricht nach Moskau auf").text
        assert all(said in never for said in ("was not read from", "Close to it", TRIP.headline))


def test_of_a_story_that_never_came_it_says_what_was_watched_and_what_is_close(room: Room) -> None:
    room.add_source("dead", room.feeds.serve("/dead", b"", status=500))
    room.wire("wire", TRIP)
    room.poll()
    missing = absent(room.app, "Sonderzug bricht nach Moskau auf")
    assert {"wire": 0, "dead": 1} == {one.source.name: len(one.gaps) for one in missing.watched}
    assert [TRIP.headline] == [item.headline for item, _ in missing.close]
    site = absent(room.app, f"{room.feeds.origin}/missing")
    assert all(one.same_site for one in site.watched)


@pytest.mark.slow
def test_the_report_reads_like_one_and_is_one_document(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    monitor.configure()
    monitor("add-rule", '"Kim Jong Un"', "+", "Reise", "--name", "kim")
    wire = tmp_path / "wire.xml"
    wire.write_bytes(rss(TRIP))
    monitor("ingest", str(wire))
    answer = monitor("why", "kim", TRIP.headline)
    assert (Exit.DONE, "") == (answer.code, answer.err)
    for said in ("it was told", "opened it", "version 1", "a new story", "nobody has acknowledged it"):
        assert said in answer.out
    [shape] = monitor("why", "kim", TRIP.link, "--json").json
    assert ("told", "open", 1) == (shape["fate"], shape["hit"]["action"], shape["rule_version"])
    never = monitor("why", "kim", "Vulkan", "auf", "Island")
    assert Exit.FAILED == never.code
    assert "It was never stored." in never.out
    assert Exit.NOT_FOUND == monitor("why", "nobody", TRIP.headline).code
