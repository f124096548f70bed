"""A rule promises a number of alerts a day, wherever it is written; ten times as many are told."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.actions import rounds
from service.actions.oversight import oversee
from tests.desk import DEADLINE, Visitor, desk
from tests.newsroom import Entry, Room, newsroom
from tests.shell import Shell
from tests.test_policies import KIM, WORDS, stories

JSON = {"Accept": "application/json"}


def dull(number: int) -> list[Entry]:
    """Reports that no rule of these tests is about."""
    dice = random.Random(number)
    return [
        Entry(f"dull-{n}", " ".join(dice.sample(WORDS, 5)), " ".join(dice.choices(WORDS, k=60)), at=None)
        for n in range(number)
    ]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A monitor with an archive in which two of 112 items are about a journey of Kim's."""
    operators = {"operators": ["desk"], "storm_limit": 0, "throttle": 0}
    with newsroom(tmp_path, alerts=operators) as room:
        room.settings["channels"]["desk"]["rate"] = "900000/s"
        room.restart()
        room.wire("wire", *dull(110), *stories(2, seed=1))
        room.add_source("wire", language="de")
        room.poll()
        yield room


@pytest.fixture
def web(room: Room) -> Iterator[Visitor]:
    with desk(room) as visitor:
        yield visitor


def promised(room: Room, name: str) -> float | None:
    with room.app.store.read() as tx:
        number = tx.rules.get(name).id
        return tx.rules.forecasts([number]).get(number)


def soon(room: Room, name: str) -> float:
    """What the rule promises, as soon as that was worked out behind the page."""
    deadline = time.monotonic() + DEADLINE
    while (found := promised(room, name)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@pytest.mark.slow
def test_a_flood_of_a_rule_that_was_added_over_the_api_is_told(room: Room, web: Visitor) -> None:
    added = web.client.post("/api/v1/rules", json={"query": KIM, "name": "kim"}, headers=JSON)
    assert 201 == added.status_code
    assert added.json()["backtest"]["alerts_a_day"] == promised(room, "kim") == 2.0
    room.wire("wire", *stories(25, seed=2))
    room.poll()
    oversee(room.app)
    rounds.deliver(room.app)
    notices = [post.json for post in room.hooks.posts if post.json["kind"] == "operator"]
    assert ["Rule kim alerts more than was expected"] == [one["subject"] for one in notices]
    assert "25 alerts in 24 hours; 2.0 a day were expected" in notices[0]["text"]


@pytest.mark.slow
def test_a_rule_of_the_page_promises_too_and_a_new_query_promises_anew(room: Room, web: Visitor) -> None:
    assert 303 == web.post("/rules", query=KIM, name="kim", channels="desk").status_code
    assert 2.0 == soon(room, "kim")
    web.post("/rules/kim", saved="kim", query="Bahnhof", name="kim", channels="desk")
    assert soon(room, "kim") > 10
    edited = web.client.patch("/api/v1/rules/kim", json={"query": "Kim"}, headers=JSON)
    assert 200 == edited.status_code
    assert 2.0 == soon(room, "kim")


@pytest.mark.slow
def test_another_setting_leaves_the_promise_as_it_was(room: Room, web: Visitor) -> None:
    web.client.post("/api/v1/rules", json={"query": KIM, "name": "kim"}, headers=JSON)
    room.wire("wire", *stories(5, seed=3))
    room.poll()
    web.client.patch("/api/v1/rules/kim", json={"priority": "high"}, headers=JSON)
    web.client.patch("/api/v1/rules/kim", json={"digest": "hourly"}, headers=JSON)
    assert 2.0 == promised(room, "kim")


def test_a_rule_of_the_shell_promises_and_so_does_its_new_query(room: Room) -> None:
    monitor = Shell(room.folder)
    monitor.configure(desk="console://")
    assert 0 == monitor("add-rule", "Kim", "--name", "kim").code
    assert 2.0 == promised(room, "kim")
    assert 0 == monitor("edit-rule", "kim", "Bahnhof").code
    promise = promised(room, "kim")
    assert promise
    assert promise > 10
