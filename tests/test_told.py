"""What is told of a story with versions: once, corrected and taken back from exactly those who were told."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.actions import alerts, rounds, rules, silences
from service.model import AlertState, DeliveryState, Priority, Status
from tests.desk import desk
from tests.newsroom import TRIP, Entry, Room, changed, newsroom
from tests.shell import Shell

KIM = '"Kim Jong Un" + Reise'
HOLDINGS = "a notice of holdings or dealings: told where the rule names genre:"
FLASH = "Kim Jong Un ist auf einer Auslandsreise."
LONG = (
    "Nordkoreas Machthaber Kim Jong Un ist zu seiner ersten Auslandsreise seit zwei Jahren aufgebrochen. "
    "Der Sonderzug verließ Pjöngjang am Abend und wird am Dienstag in Peking erwartet, hieß es aus Kreisen."
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_rule(KIM)
        yield made


def wire(
    room: Room, version: int, text: str = LONG, *, urn: str = "urn:newsml:wire.example:kim", **facts: Any
) -> None:
    """One version of a story, as an agency's digital wire brings it, read by hand."""
    entry = {
        "format": "digitalwires@0.9.1",
        "type": "composite",
        "entry_id": f"e{version}",
        "urn": urn,
        "version": version,
        "version_created": f"2026-11-24T0{version}:00:00+01:00",
        "updated": f"2026-11-24T0{version}:00:20Z",
        "pubstatus": "usable",
        "signal": None,
        "embargoed": None,
        "language": "de",
        "urgency": 4,
        "headline": "Kim Jong Un fährt im Zug nach Peking",
        "dateline": "Peking (dpa)",
        "article_html": f"<section class='main'><p>Peking (dpa) - {text}</p></section>",
        "creditline": "dpa",
        "ednotes": [],
        "keyword_names": [],
        "categories": [],
    } | facts
    file = room.folder / f"v{version}.json"
    file.write_text(json.dumps({"entries": [entry]}), encoding="utf-8")
    tally = rounds.ingest(room.app, [file])
    assert {} == tally.failures


def flash(room: Room) -> None:
    wire(room, 1, FLASH, urgency=1)


def long(room: Room) -> None:
    wire(room, 2)


def correction(room: Room) -> None:
    wire(room, 3, LONG.replace("zwei Jahren", "vier Jahren"), signal="sig:correction")


def kill(room: Room) -> None:
    wire(room, 4, LONG.replace("zwei Jahren", "vier Jahren"), pubstatus="canceled")


def expected(order: Sequence[int]) -> list[str]:
    """What the desk must have got, worked out by hand from the order of arrival."""
    told: list[str] = []
    newest = 0
    for version in order:
        if version == 4:
            return [*told, "retraction"] if told else []
        if not told:
            told.append("alert")
        elif version == 3 and version > newest:
            told.append("correction")
        newest = max(newest, version)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3, 4))))
def test_flash_long_text_correction_and_kill_are_one_story_in_any_order(
    room: Room, order: Sequence[int]
) -> None:
    """Nobody is alerted after the kill, or twice; whoever was told anything hears that it was withdrawn."""
    steps = {1: flash, 2: long, 3: correction, 4: kill}
    for version in order:
        steps[version](room)
    assert expected(order) == room.kinds()
    with room.app.store.read() as tx:
        assert 1 == len({item.story for item in tx.items.scan()})
        assert Status.CANCELED is tx.stories.get(1).status


COPY = Entry("p-1", "Kim Jong Un fährt im Zug nach Peking", LONG, "https://portal.example/1")


@pytest.mark.slow
@given(order=st.permutations(("flash", "long", "correction", "kill", "copy")))
@settings(max_examples=20, deadline=None)
def test_in_any_order_each_reader_gets_what_is_theirs(order: Sequence[str]) -> None:
    """One rule hits every version, another only what the correction says; a portal carries the long text."""
    assume(order.index("long") < order.index("copy"))  # before it, nothing says that it is a copy
    steps = {"flash": flash, "long": long, "correction": correction, "kill": kill}
    with TemporaryDirectory() as folder, newsroom(Path(folder)) as room:
        late = room.hooks.url(path="/late")
        room.restart(channels={**room.settings["channels"], "late": {"url": late}})
        room.add_rule(KIM, channels=("desk",))
        room.add_rule('"vier Jahren"', channels=("late",))
        room.wire("portal", COPY)
        room.add_source("portal")
        for step in order:
            steps.get(step, lambda room: room.poll())(room)
        versions = [
            ("flash", "long", "correction", "kill").index(step) + 1 for step in order if step != "copy"
        ]
        told: dict[str, list[str]] = {post.path: [] for post in room.hooks.posts}
        for post in room.hooks.posts:
            told[post.path].append(post.json["kind"])
    corrected = order.index("correction") < order.index("kill")
    assert expected(versions) == told.get("/hook", [])
    assert (["alert", "retraction"] if corrected else []) == told.get("/late", [])


def hush(of: str, room: Room) -> None:
    """Keep everything about the story quiet."""
    rule, hour = "kim-jong-un-reise", timedelta(hours=1)
    now = datetime.now(UTC)
    if of == "silence":
        silences.add(room.app, [f"rule={rule}"], hour, "Parteitag")
    elif of == "channel":
        silences.add(room.app, ["channel=desk"], hour, "Umzug")
    elif of == "mute":
        alerts.mute(room.app, 1, "anna")
    elif of == "acknowledgement":
        alerts.acknowledge(room.app, 1, "anna")
    elif of == "disabled":
        rules.switch(room.app, rule, on=False)
    elif of == "digest":
        rules.edit(room.app, rule, digest="daily")
    elif of == "limits":
        room.restart(alerts={"throttle": 1, "storm_limit": 1})
    else:
        begin, end = (f"{now + span:%H:%M}" for span in (-hour, hour))
        room.restart(quiet_hours={"from": begin, "to": end, "timezone": "UTC"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "of",
    ["silence", "channel", "mute", "acknowledgement", "disabled", "digest", "limits", "quiet hours"],
)
def test_nothing_that_keeps_quiet_swallows_a_retraction(of: str, room: Room) -> None:
    long(room)
    hush(of, room)
    kill(room)
    assert ["alert", "retraction"] == room.kinds()


def test_a_flash_and_its_long_version_are_one_alert(room: Room) -> None:
    flash(room)
    long(room)
    assert ["alert"] == room.kinds()


def test_a_correction_reaches_those_who_were_told_though_the_rule_no_longer_matches(room: Room) -> None:
    long(room)
    wire(room, 3, "Der Machthaber ist nicht gereist, sondern ein Gesandter.", signal="sig:correction",
         headline="Gesandter fährt nach Peking")  # fmt: skip
    assert ["alert", "correction"] == room.kinds()


def test_a_correction_that_a_portal_carries_after_the_agency_is_not_told_again(room: Room) -> None:
    long(room)
    correction(room)
    corrected = LONG.replace("zwei Jahren", "vier Jahren")
    copy = Entry(
        "p-1", "KORREKTUR: Kim Jong Un fährt im Zug nach Peking", corrected, "https://portal.example/1"
    )
    room.wire("portal", copy)
    room.add_source("portal")
    room.poll()
    assert ["alert", "correction"] == room.kinds()


@pytest.mark.slow
def test_a_copy_with_another_number_is_shown_on_the_story_and_never_sent(room: Room) -> None:
    wire(room, 2, LONG.replace("zwei", "2"))
    other = Entry(
        "p-1", "Kim Jong Un fährt nach Peking", LONG.replace("zwei", "12"), "https://portal.example/1"
    )
    room.wire("portal", other)
    room.add_source("portal")
    room.poll()
    assert ["alert"] == room.kinds()
    with desk(room) as web:
        _, copy = web.get("/api/v1/stories/1").json()["versions"]
        assert ("number-changed", 1) == (copy["link"], copy["nearest"])
        assert "12 where it had 2" in copy["link_reason"]
        assert "copy with another number" in web.get("/stories/1").text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("priority", "quiet", "digest", "told"),
    [
        (Priority.FLASH, True, "", ["alert"]),
        (Priority.HIGH, True, "daily", ["alert"]),
        (Priority.NORMAL, False, "", ["alert"]),
        (Priority.NORMAL, True, "", []),
        (Priority.LOW, False, "daily", []),
    ],
)
def test_a_bulletin_goes_out_by_the_priority_of_the_rule(
    tmp_path: Path, priority: Priority, quiet: bool, digest: str, told: list[str]
) -> None:
    """As a flash on one of high priority or above; on a normal one at once, but not into quiet hours."""
    with newsroom(tmp_path) as room:
        room.add_rule(KIM, priority=priority, digest=digest)
        if quiet:
            hush("quiet hours", room)
        flash(room)
        assert told == room.kinds()


def test_urgency_that_rises_is_told_and_urgency_that_falls_is_not(room: Room) -> None:
    long(room)
    wire(room, 3, LONG + " Chinas Staatschef empfängt ihn.", urgency=2)
    wire(room, 5, LONG + " Chinas Staatschef empfängt ihn am Bahnhof.", urgency=4)
    assert ["alert", "update"] == room.kinds()


def test_a_withheld_story_is_taken_back_and_may_come_again(room: Room) -> None:
    long(room)
    wire(room, 3, pubstatus="withheld")
    assert ["alert", "retraction"] == room.kinds()
    wire(room, 5, LONG + " Nun bestätigt.")
    assert ["alert", "retraction", "update"] == room.kinds()
    with room.app.store.read() as tx:
        assert Status.USABLE is tx.stories.get(1).status
        assert [AlertState.OPEN] == [alert.state for alert in tx.alerts.of_story(1)]


def test_a_kill_that_names_no_known_story_is_shown_to_a_person(tmp_path: Path) -> None:
    with newsroom(tmp_path, alerts={"operators": ["desk"]}) as asked:
        asked.add_rule(KIM)
        headline = "KILL KILL KILL: Minister tritt zurück"
        asked.wire("wire", Entry("k-1", headline, "Bitte nicht verwenden."))
        asked.add_source("wire")
        asked.poll()
        [post] = asked.hooks.posts
        assert "operator" == post.json["kind"]
        assert headline in post.body.decode()


@pytest.mark.slow
def test_a_kill_reaches_whoever_was_told_of_a_copy_alone(room: Room) -> None:
    rules.remove(room.app, "kim-jong-un-reise")
    room.add_rule("source:portal + Kim")
    long(room)
    room.wire("portal", COPY)
    room.add_source("portal")
    room.poll()
    kill(room)
    assert ["alert", "retraction"] == room.kinds()


def test_a_kill_of_its_own_that_names_the_story_takes_it_back(room: Room) -> None:
    room.wire("wire", TRIP)
    room.add_source("wire")
    room.poll()
    asked_to = f"Bitte verwenden Sie die Meldung dpa 157 „{TRIP.headline}“ nicht. Sie ist falsch."
    room.wire("wire", TRIP, Entry("k-1", "KILL KILL KILL", asked_to))
    room.poll()
    assert ["alert", "retraction"] == room.kinds()


def test_a_kill_that_comes_first_is_a_tombstone(room: Room) -> None:
    kill(room)
    long(room)
    correction(room)
    assert [] == room.kinds()


def test_a_copy_that_comes_after_the_kill_is_stored_and_not_told(room: Room) -> None:
    long(room)
    kill(room)
    room.wire("portal", COPY)
    room.add_source("portal")
    tally = room.poll()
    assert 1 == tally.items
    assert ["alert", "retraction"] == room.kinds()
    with room.app.store.read() as tx:
        [hit] = [hit for hit in tx.alerts.hits_of_story(1) if hit.action == "suppress"]
        assert "the original was withdrawn" == hit.reason


@pytest.mark.slow
def test_a_copy_of_what_was_withdrawn_is_marked_wherever_it_is_shown(room: Room, tmp_path: Path) -> None:
    long(room)
    kill(room)
    room.wire("portal", COPY)
    room.add_source("portal")
    room.poll()
    monitor = Shell(tmp_path)
    monitor.configure()
    listed = monitor("list-items", "--json").json
    assert [True, False] == [item["original_withdrawn"] for item in listed], "the copy, not the kill"
    assert "original withdrawn: Kim" in monitor("list-items").out
    assert "original withdrawn – Kim" in monitor("show-story", "1").out
    assert [True, False, True] == [
        item["original_withdrawn"] for item in monitor("show-story", "1", "--json").json["versions"]
    ]
    with desk(room) as web:
        assert 1 == web.get("/search").text.count("original withdrawn")
        assert "original withdrawn" in web.get("/stories/1").text
        assert [True, False] == [one["original_withdrawn"] for one in web.get("/api/v1/items").json()]


def test_a_removed_rule_swallows_no_retraction(room: Room) -> None:
    long(room)
    with room.app.store.begin() as tx:
        [rule] = tx.rules.list()
        tx.rules.remove(rule.name, room.app.store.now())
    kill(room)
    assert ["alert", "retraction"] == room.kinds()


def test_the_same_version_twice_and_an_older_one_late_change_nothing(room: Room) -> None:
    correction(room)
    correction(room)
    long(room)
    long(room)
    assert ["alert"] == room.kinds()
    with room.app.store.read() as tx:
        [newest] = tx.items.list()
        assert "vier Jahren" in newest.body


def test_what_only_an_older_version_says_is_not_told_when_that_comes_late(room: Room) -> None:
    wire(room, 3, "Der Machthaber Kim Jong Un bleibt in Pjöngjang.", headline="Kim Jong Un bleibt zu Hause")
    long(room)
    assert [] == room.kinds()


def soon(**span: float) -> str:
    """A time that many seconds, minutes … from now, as a wire writes it."""
    return (datetime.now(UTC) + timedelta(**span)).isoformat(timespec="milliseconds")


@pytest.mark.slow
def test_an_embargoed_story_waits_for_its_time_and_is_looked_at_again(room: Room) -> None:
    wire(room, 1, embargoed=soon(seconds=1.5))
    assert [] == room.kinds()
    with room.app.store.read() as tx:
        [held] = tx.outbox.list()
        assert (DeliveryState.HELD, "embargoed") == (held.state, held.reason)
        assert held.due_at
        due = held.due_at
    while room.app.store.now() < due:
        pass
    rounds.deliver(room.app)
    assert ["alert"] == room.kinds()


def test_a_lifted_embargo_lets_the_story_go(room: Room) -> None:
    wire(room, 1, embargoed=soon(hours=3))
    wire(room, 2, embargoed=None)
    assert ["alert"] == room.kinds()


def test_a_kill_under_embargo_is_heard_by_nobody(room: Room) -> None:
    wire(room, 1, embargoed=soon(hours=3))
    wire(room, 2, pubstatus="canceled")
    assert [] == room.kinds()
    with room.app.store.read() as tx:
        assert [DeliveryState.SUPPRESSED] == [delivery.state for delivery in tx.outbox.list()]


def test_an_embargoed_text_is_in_no_event(room: Room) -> None:
    """Events become lines of log, figures and pages."""
    events: list[str] = []
    room.app.listen(lambda event, **facts: events.append(f"{event} {facts}"))
    wire(room, 1, embargoed=soon(hours=3))
    assert events
    assert "Peking" not in "".join(events)


@pytest.mark.slow
def test_notices_of_holdings_are_told_to_rules_that_name_the_genre(room: Room) -> None:
    room.add_rule("Kim + genre:holdings", name="holdings")
    headline = "EQS-PVR: Kim Holding AG: Veröffentlichung gemäß § 40 WpHG"
    room.wire("wire", Entry("pvr-1", headline, "Kim Jong Un auf Reise: 3,1 Prozent der Stimmrechte."))
    room.add_source("wire")
    room.poll()
    assert [["holdings"]] == [[rule["name"] for rule in post.json["rules"]] for post in room.hooks.posts]
    with room.app.store.read() as tx:
        held = [hit.reason for hit in tx.alerts.hits_of_story(1) if hit.action == "suppress"]
        assert [HOLDINGS] == held
    assert {HOLDINGS: 1} == rules.held_back(room.app, "kim-jong-un-reise")
    monitor = Shell(room.folder)
    monitor.configure("desk")
    assert f"held back 1: {HOLDINGS}" in monitor("show-rule", "kim-jong-un-reise").out
    assert {HOLDINGS: 1} == monitor("show-rule", "kim-jong-un-reise", "--json").json["held_back"]
    with desk(room) as web:
        assert f"1× {HOLDINGS}" in web.get("/rules/kim-jong-un-reise").text
        assert {HOLDINGS: 1} == web.get("/api/v1/rules/kim-jong-un-reise").json()["held_back"]


@pytest.mark.slow
def test_twenty_portals_carry_one_story_and_the_desk_is_told_once(room: Room) -> None:
    for number in range(20):
        copy = changed(TRIP, key=f"c-{number}", link=f"https://portal-{number}.example/kim")
        room.wire(f"portal-{number}", copy)
        room.add_source(f"portal-{number}")
    room.poll()
    assert ["alert"] == room.kinds()
    with room.app.store.read() as tx:
        assert 20 == len(tx.stories.sightings(1))
    monitor = Shell(room.folder)
    monitor.configure("desk")
    assert "19 copies, 20 sources in all" in monitor("show-story", "1").out


def test_a_correction_that_comes_as_a_file_of_its_own_is_told(room: Room) -> None:
    """A plain file has no number, and its correction bears the headline that is known already."""
    first, second = room.folder / "a.txt", room.folder / "b.txt"
    first.write_text(f"{TRIP.headline}\n\n{LONG}\n", encoding="utf-8")
    fixed = LONG.replace("zwei Jahren", "vier Jahren")
    second.write_text(f"KORREKTUR: {TRIP.headline}\n\n{fixed}\n", encoding="utf-8")
    rounds.ingest(room.app, [first])
    rounds.ingest(room.app, [second])
    assert ["alert", "correction"] == room.kinds()
