"""Sources that fall silent, fail, move and come back: the operators are told once of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service import config
from service.actions import rounds, sources
from service.actions.watch import watch
from service.alerts import blind
from service.app import build
from service.model import Habit, SourceState
from tests.clock import ManualClock
from tests.newsroom import TRIP, Entry, Room, changed, newsroom


class Desk:
    """A newsroom whose clock is moved by hand, with operators who read what the desk reads."""

    def __init__(self, room: Room, clock: ManualClock) -> None:
        self.room, self.clock, self.number = room, clock, 0
        self.hand_over()

    def hand_over(self) -> None:
        """Stop the monitor and start another one."""
        self.room.app.close()
        read = config.read(self.room.settings, path=str(self.room.folder / "config.toml"))
        self.room.app = build(read, self.clock, migrate=True, group_wait=timedelta(0))

    def news(self, *wires: str) -> None:
        """Put a new entry on each wire, and poll."""
        for wire in wires:
            self.number += 1
            self.room.wire(
                wire, Entry(f"{wire}-{self.number}", f"Kurs {self.number}", f"Stand {self.number}.")
            )
        self.room.poll()

    def learn(self, wire: str, days: int = 8) -> None:
        """Let the wire have brought something every hour until now."""
        now, habit = self.clock(), Habit()
        for hour in range(days * 24, -1, -1):
            habit = blind.learn(habit, now - timedelta(hours=hour), "Europe/Berlin")
        with self.room.app.store.begin() as tx:
            missed = blind.missed_at(habit, "Europe/Berlin")
            tx.outages.learn(tx.sources.get(wire).id, habit, missed)

    def look(self) -> list[str]:
        """The subjects of the messages that the operators get now."""
        before = len(self.room.hooks.posts)
        watch(self.room.app)
        rounds.deliver(self.room.app)
        return [post.json["subject"] for post in self.room.hooks.posts[before:]]

    def wait(self, **span: float) -> list[str]:
        """What the operators are told after a while in which every source is polled."""
        self.clock.advance(**span)
        self.room.poll()
        return self.look()


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock) -> Iterator[Desk]:
    operators = {"alerts": {"operators": ["desk"]}}
    with newsroom(tmp_path, **operators) as room:
        yield Desk(room, clock)


@pytest.mark.slow
def test_a_wire_that_falls_silent_is_told_once_and_again_when_it_is_back(desk: Desk) -> None:
    desk.room.add_source("wire")
    desk.news("wire")
    desk.learn("wire")
    desk.clock.advance(hours=1)
    desk.news("wire")
    assert [] == [post for post in desk.room.hooks.posts if post.json["kind"] == "operator"]
    assert [] == desk.wait(hours=2)
    [subject] = desk.wait(hours=6)
    assert "wire: silent for 8 h" in subject
    assert SourceState.SILENT is desk.room.source("wire").state
    assert [] == desk.wait(hours=3)
    desk.hand_over()
    assert [] == desk.wait(hours=1)
    desk.clock.advance(minutes=47)
    desk.news("wire")
    [subject] = desk.look()
    assert "wire is back: silent for 12 h" in subject
    assert [] == desk.wait(minutes=30)


def test_a_monitor_that_was_stopped_itself_blames_no_source(desk: Desk) -> None:
    desk.room.add_source("wire")
    desk.news("wire")
    desk.learn("wire")
    desk.clock.advance(hours=1)
    desk.news("wire")
    desk.clock.advance(days=2)
    assert [] == desk.look()
    desk.news("wire")
    assert [] == desk.look()


def test_a_source_that_fails_is_told_once_and_when_it_is_back(desk: Desk) -> None:
    desk.room.wire("wire", TRIP)
    desk.room.add_source("wire")
    assert [] == desk.wait(minutes=1)
    desk.room.feeds.serve("/wire", status=500)
    told = [desk.wait(minutes=5) for _ in range(5)]
    assert [[], [], 1, [], []] == [len(subjects) or [] for subjects in told]
    [subject] = told[2]
    assert "wire: cannot be read for 15 min: the server answers 500" in subject
    desk.room.wire("wire", TRIP)
    [subject] = desk.wait(minutes=22)
    assert "wire is back: not to be read for 47 min" in subject


@pytest.mark.slow
def test_a_source_that_is_gone_and_one_that_has_moved_are_told_together(desk: Desk) -> None:
    for name in ("gone", "moving"):
        desk.room.wire(name, changed(TRIP, key=name, link=""))
        desk.room.add_source(name)
    desk.wait(minutes=1)
    desk.room.wire("new", changed(TRIP, key="moving", link=""))
    desk.room.feeds.redirect("/moving", desk.room.feeds.url("/new"), status=301)
    desk.room.poll("moving")
    desk.room.poll("moving")
    desk.room.feeds.serve("/gone", status=410)
    desk.room.poll()
    [subject] = desk.look()
    assert "1 of 2 sources is silent or failing, 1 has moved" in subject
    text = desk.room.hooks.posts[-1].json["text"]
    assert f"moving: has moved for good to {desk.room.feeds.url('/new')}" in text
    assert "gone: is gone: the server answers 410" in text
    assert [] == desk.wait(minutes=30)


def test_when_all_fail_at_once_there_is_one_message_that_asks_for_the_network(desk: Desk) -> None:
    for number in range(4):
        desk.room.feeds.serve(f"/wire-{number}", status=503)
        desk.room.add_source(f"wire-{number}")
    for _ in range(2):
        desk.room.poll()
    [subject] = desk.wait(minutes=1)
    assert "4 of 4 sources are silent or failing: is the network down?" in subject


def test_what_happens_within_ten_minutes_of_a_message_goes_together(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.room.feeds.serve(f"/{name}", status=410)
        desk.room.add_source(name)
    desk.room.poll("a")
    [subject] = desk.look()
    assert "a: is gone" in subject
    desk.room.poll()
    assert [] == desk.wait(minutes=5)
    [subject] = desk.wait(minutes=5)
    assert "2 of 3 sources are silent or failing" in subject


@pytest.mark.slow
def test_a_source_that_recovers_before_it_was_told_is_no_news(desk: Desk) -> None:
    desk.room.wire("wire", TRIP)
    desk.room.add_source("wire")
    desk.room.feeds.serve("/down", status=410)
    desk.room.add_source("down")
    desk.room.feeds.serve("/wire", status=410)
    desk.room.poll("down")
    assert 1 == len(desk.look())
    desk.room.poll()
    assert [] == desk.look()
    desk.room.wire("wire", TRIP)
    assert [] == desk.wait(minutes=11)


def test_a_person_who_pauses_a_blind_source_is_not_told_that_it_is_back(desk: Desk) -> None:
    desk.room.feeds.serve("/wire", status=410)
    desk.room.add_source("wire")
    desk.room.poll()
    assert 1 == len(desk.look())
    sources.pause(desk.room.app, "wire")
    assert [] == desk.wait(minutes=30)


def test_without_operators_it_is_in_the_log(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        room.feeds.serve("/wire", status=410)
        room.add_source("wire")
        room.poll()
        tally = room.app.listen(rounds.Tally())
        assert "wire: is gone" in watch(room.app)
        rounds.deliver(room.app)
        assert 1 == tally.counts["sources.blind"]
        assert [] == room.hooks.posts
