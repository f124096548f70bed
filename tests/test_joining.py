"""Stories put together and taken apart by hand, and the time line that shows what happened to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.actions import joining, rounds
from service.actions.timeline import condensed, timeline
from service.errors import NotFoundError, UsageError
from service.model import AlertState, Exit, Link, Status
from tests.newsroom import MARKET, PRICES, TRIP, Room, changed, newsroom, rss
from tests.shell import Shell

COPY = changed(TRIP, key="copy", link="https://other.example/kim")
FIXED = changed(
    TRIP, headline=f"KORREKTUR: {TRIP.headline}", text=TRIP.text.replace("zwei Jahren", "vier Jahren")
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_source("wire")
        made.add_source("portal")
        made.add_rule('"Kim Jong Un"', name="kim")
        made.wire("portal")
        yield made


def stories(room: Room) -> dict[int, int]:
    """The number of items in each story."""
    with room.app.store.read() as tx:
        found = [item.story for item in tx.items.list(versions=True)]
    return {story: found.count(story) for story in sorted(found)}


def test_two_alerts_of_one_rule_become_one_and_a_later_version_is_told_to_nobody_anew(room: Room) -> None:
    room.wire("wire", TRIP, PRICES)
    room.poll()
    assert {1: 1, 2: 1} == stories(room)
    story, spared = joining.merge(room.app, 1, 2, by="anna")
    assert ({1: 2}, 2, 1, 0) == (stories(room), story.items, story.sources, spared)
    with room.app.store.read() as tx:
        [alert] = tx.alerts.of_story(1)
        assert {alert.id} == {number for message in tx.outbox.of_story(1) for number in message.alerts}
        assert (Link.BY_HAND, "merged by anna, of story 2") == (
            tx.items.placement(2).link,
            tx.items.placement(2).reason,
        )
        assert ("anna", "merge-stories") == (tx.audit.list()[0].who, tx.audit.list()[0].what)
    before = room.told()
    room.wire("wire", TRIP, changed(PRICES, text=PRICES.text + " Das gilt ab Montag."))
    room.poll()
    assert {1: 3} == stories(room)
    assert before == room.told()


def test_a_kill_of_a_merged_story_reaches_whoever_was_told_of_either(room: Room) -> None:
    room.wire("wire", TRIP, PRICES)
    room.poll()
    joining.merge(room.app, 1, 2)
    room.wire("wire", changed(PRICES, headline=f"KILL: {PRICES.headline}"))
    room.poll()
    assert 1 == room.kinds().count("retraction")
    with room.app.store.read() as tx:
        assert Status.CANCELED is tx.stories.get(1).status


def test_what_was_withdrawn_is_not_merged_with_what_stands(room: Room) -> None:
    room.wire("wire", TRIP, PRICES)
    room.poll()
    room.wire("wire", TRIP, changed(PRICES, headline=f"KILL: {PRICES.headline}"))
    room.poll()
    with pytest.raises(UsageError, match="story 2 is canceled"):
        joining.merge(room.app, 1, 2)
    with pytest.raises(NotFoundError):
        joining.merge(room.app, 1, 99)
    with pytest.raises(UsageError, match="one story already"):
        joining.merge(room.app, 1, 1)


@pytest.mark.slow
def test_a_copy_that_is_another_report_goes_with_its_versions(room: Room) -> None:
    room.wire("wire", TRIP)
    room.poll()
    room.wire("portal", COPY)
    room.poll()
    room.wire("portal", changed(COPY, text=TRIP.text + " Ein zweiter Zug folgt."))
    room.poll()
    assert {1: 3} == stories(room)
    new, moved = joining.split(room.app, 1, [2], by="bob")
    rounds.deliver(room.app)
    assert ["alert"] == room.kinds(), "a split tells nobody"
    assert ({1: 1, new.id: 2}, [2, 3]) == (stories(room), [item.id for item in moved])
    with room.app.store.read() as tx:
        assert [Link.BY_HAND, Link.VERSION] == [tx.items.placement(n).link for n in (2, 3)]
        assert [(1, 1)] == [(alert.rule, alert.story) for alert in tx.alerts.of_story(1)]
        assert [] == tx.alerts.of_story(new.id)  # nobody was told of the copy
    room.wire("portal", changed(COPY, text=TRIP.text + " Ein dritter Zug folgt."))
    room.poll()
    assert 3 == stories(room)[new.id]


def test_what_was_told_of_goes_along_with_its_messages(room: Room) -> None:
    room.wire("wire", TRIP, PRICES)
    room.poll()
    joining.merge(room.app, 1, 2)
    new, _ = joining.split(room.app, 1, [2])
    with room.app.store.read() as tx:
        [alert] = tx.alerts.of_story(new.id)
        assert AlertState.OPEN is alert.state
        assert [[alert.id]] == [list(message.alerts) for message in tx.outbox.of_story(new.id)]
        assert 1 == len(tx.outbox.of_story(1))
    room.wire("wire", TRIP, changed(PRICES, headline=f"KILL: {PRICES.headline}"))
    room.poll()
    with room.app.store.read() as tx:
        assert [Status.USABLE, Status.CANCELED] == [tx.stories.get(n).status for n in (1, new.id)]
    assert 1 == room.kinds().count("retraction")


def test_nothing_is_split_where_nothing_would_be_left(room: Room) -> None:
    room.wire("wire", TRIP, MARKET)
    room.poll()
    with pytest.raises(UsageError, match="nothing would be left"):
        joining.split(room.app, 1, [1])
    with pytest.raises(UsageError, match="item 2 is not in story 1"):
        joining.split(room.app, 1, [2])
    with pytest.raises(UsageError, match="say which items"):
        joining.split(room.app, 1, [])


def test_a_time_line_tells_who_had_it_first_what_was_corrected_and_who_heard_of_it(room: Room) -> None:
    room.wire("wire", TRIP)
    room.poll()
    room.wire("portal", COPY)
    room.poll()
    room.wire("wire", FIXED)
    room.poll()
    line = timeline(room.app, 1)
    assert ("wire", 1) == (line.first, line.copies)
    assert {"first", "copy", "alert", "correction"} <= {event.what for event in line.events}
    assert sorted(event.at for event in line.events) == [event.at for event in line.events]
    [fixed] = [event for event in line.events if event.what == "correction" and event.who == "wire"]
    marks = {(piece.text.strip(), piece.mark.value) for piece in fixed.body}
    assert {("zwei", "removed"), ("vier", "added")} <= marks
    assert ["desk"] == [e.who for e in line.events if e.what == "correction" and e.who != "wire"]
    assert [] == [event.what for event, more in condensed(line.events) if more]


@pytest.mark.slow
def test_the_commands_show_merge_and_split(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    monitor.configure()
    monitor("add-rule", "Kim", "--name", "kim")
    wire = tmp_path / "wire.xml"
    wire.write_bytes(rss(TRIP, PRICES))
    monitor("ingest", str(wire))
    merged = monitor("merge-stories", "1", "2", "--json")
    assert (Exit.DONE, 2, 0) == (merged.code, merged.json["items"], merged.json["messages_spared"])
    shown = monitor("show-story", "1")
    assert "first      ingest" in shown.out
    assert "by hand" in shown.out
    assert {"first", "by hand", "alert"} == {
        e["what"] for e in monitor("show-story", "1", "--json").json["timeline"]
    }
    parted = monitor("split-story", "1", "--item", "2", "--json")
    assert (Exit.DONE, [2]) == (parted.code, parted.json["moved"])
    assert Exit.NOT_FOUND == monitor("merge-stories", "1", "77").code
    assert Exit.USAGE == monitor("split-story", "1", "--item", "2").code
