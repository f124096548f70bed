"""The work of a shift at the shell: acknowledge, judge, hand over, look ahead."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.actions import alerts, feedback, handover, preview, recipients, rounds, silences
from service.errors import UsageError
from service.model import AlertState, Exit, Priority, Relevance
from tests.inbox import DEADLINE, HookServer
from tests.newsroom import MARKET, TRIP, Entry, Room
from tests.servers import FeedServer
from tests.shell import Shell
from tests.test_policies import KIM, Desk, Shifted, bring, desk, stories


@pytest.fixture
def clock() -> Shifted:
    return Shifted(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))


@pytest.fixture
def make(tmp_path: Path, clock: Shifted) -> Iterator[Desk]:
    with ExitStack() as stack:

        def opened(**settings: Any) -> Room:
            return stack.enter_context(desk(tmp_path, clock, **settings))

        yield opened


# ---------------------------------------------------------------- handover


@pytest.mark.slow
def test_a_handover_says_what_was_told_what_waits_what_was_silenced_and_what_is_blind(
    make: Desk, clock: Shifted
) -> None:
    room = make()
    room.add_rule(KIM, name="kim")
    room.add_rule("Dax", name="dax")
    bring(room, *stories(2))
    silences.add(room.app, ["rule=dax"], timedelta(hours=4), "market holiday", "anna")
    bring(room, MARKET)
    alerts.acknowledge(room.app, 1, "anna")
    room.feeds.serve("/wire", b"", status=500)
    clock.advance(hours=1)
    room.poll()
    seen = handover.handover(room.app, handover.since(room.app, "12:00"))
    assert 3 == len(seen.told)
    assert [2, 3] == sorted(one.alert.id for one in seen.waiting)
    assert [MARKET.headline] == list(seen.silenced)
    title, sections = seen.sections()
    assert "3 alerts, 2 not acknowledged" in title
    assert ["Not acknowledged", "Taken or withdrawn", "Silenced", "Blind"] == [
        heading for heading, _ in sections
    ]
    assert [line.endswith("(alert 1) – anna") for line in dict(sections)["Taken or withdrawn"]] == [True]
    assert any("market holiday (anna)" in line for _, lines in sections for line in lines)
    later = handover.handover(room.app, handover.since(room.app, "30m"))
    assert [] == list(later.told)


def test_since_names_the_last_such_time(make: Desk, clock: Shifted) -> None:
    room = make()
    assert datetime(2026, 11, 23, 21, 0, tzinfo=UTC) == handover.since(room.app, "22:00")
    assert datetime(2026, 11, 24, 9, 0, tzinfo=UTC) == handover.since(room.app, "10:00")
    with pytest.raises(UsageError, match="not a time"):
        handover.since(room.app, "yesterday")


def test_a_handover_goes_out_as_a_message(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule(KIM)
    bring(room, *stories(1))
    assert 1 == handover.send(room.app, handover.handover(room.app, clock() - timedelta(hours=8)), ["desk"])
    rounds.deliver(room.app)
    post = room.hooks.posts[-1].json
    assert ("operator", True) == (post["kind"], post["subject"].startswith("Handover since "))
    assert stories(1)[0].headline in post["text"]


# ---------------------------------------------------------------- preview


def item(room: Room) -> int:
    with room.app.store.read() as tx:
        return tx.items.list()[0].id


@pytest.mark.slow
def test_a_preview_is_what_is_sent(make: Desk, clock: Shifted) -> None:
    room = make()
    bring(room, *stories(1))
    room.add_rule(KIM, name="kim")
    seen = preview.preview(room.app, "kim", item(room))
    [planned] = seen.planned
    assert planned.message
    assert [] == room.hooks.posts
    with room.app.store.read() as tx:
        assert not tx.outbox.list()
        assert not tx.alerts.list()
        assert not tx.alerts.hits(item(room))
    assert f"[kim] {stories(1)[0].headline}" == planned.message.subject


def test_a_preview_hands_out_no_links_that_act(make: Desk, clock: Shifted) -> None:
    """Whoever may look would hold the keys of the next message: its number is that of the preview."""
    room = make(web={"base_url": "https://monitor.example.org"})
    bring(room, *stories(1))
    room.add_rule(KIM, name="kim")
    [planned] = preview.preview(room.app, "kim", item(room)).planned
    assert planned.message
    assert "I take care of it: https://monitor.example.org/l/…" in planned.message.text
    assert not re.search(r"/l/\w", f"{planned.message}")


def test_a_preview_of_what_was_told_is_made_as_if_it_were_new(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule(KIM, name="kim")
    bring(room, *stories(1))
    [planned] = preview.preview(room.app, "kim", item(room)).planned
    assert planned.message
    assert room.hooks.posts[0].json["subject"] == planned.message.subject
    with room.app.store.read() as tx:
        assert 1 == len(tx.outbox.list())


def test_a_preview_says_what_holds_a_message_and_what_stops_it(make: Desk, clock: Shifted) -> None:
    quiet = {"from": "11:00", "to": "15:00", "timezone": "UTC"}
    room = make(quiet_hours=quiet)
    recipients.add(room.app, "anna", ["desk:anna"])
    bring(room, *stories(1))
    room.add_rule(KIM, name="kim", channels=("desk", "desk:anna"))
    recipients.leave(room.app, "anna", "retired")
    held, gone = preview.preview(room.app, "kim", item(room)).planned
    assert ("quiet hours",) == held.waits
    assert datetime(2026, 11, 24, 15, 0, tzinfo=UTC) == held.at
    assert gone.message is None
    assert gone.reason.endswith(": retired")
    flash = room.add_rule(KIM, name="flash", priority=Priority.FLASH)
    [at_once] = preview.preview(room.app, flash.name, item(room)).planned
    assert () == at_once.waits


def test_a_preview_says_why_each_recipient_is_told_and_who_is_next(make: Desk, clock: Shifted) -> None:
    room = make(routes={"korea": {"tags": ["asia"], "channels": ["desk:ben"]}})
    recipients.add(room.app, "anna", ["desk:anna@example.org"])
    recipients.set_group(room.app, "night", ["anna"])
    bring(room, *stories(1))
    steps = ("10m=desk:chief", "1h=desk")
    room.add_rule(KIM, name="kim", channels=("desk", "desk:night"), tags=("asia",), escalate=steps)
    seen = preview.preview(room.app, "kim", item(room))
    assert {
        "": "the rule tells desk",
        "anna@example.org": "the rule tells desk:night",
        "ben": "the route korea tells desk:ben of what bears the tag asia",
    } == {one.delivery.recipient: one.because for one in seen.planned}
    assert [("desk:chief", timedelta(minutes=10)), ("desk", timedelta(hours=1))] == [
        (stage.target, stage.after) for stage in seen.escalation
    ]


@pytest.mark.slow
def test_a_preview_says_when_the_throttle_lets_it_through_and_that_others_come_along(
    make: Desk, clock: Shifted
) -> None:
    room = make(alerts={"throttle": 2, "storm_limit": 0})
    room.add_rule(KIM, name="kim")
    bring(room, *stories(3))
    told = clock()
    [planned] = preview.preview(room.app, "kim", item(room)).planned
    throttled = "throttle: 2 messages of kim within an hour"
    assert ((throttled,), throttled) == (planned.waits, planned.reason)
    assert timedelta(minutes=59) < planned.at - told <= timedelta(hours=1)
    assert planned.message


def test_a_preview_says_that_a_storm_holds_it_for_a_minute(make: Desk, clock: Shifted) -> None:
    room = make(alerts={"storm_limit": 2})
    room.add_rule(KIM, name="kim")
    bring(room, *stories(3))
    [planned] = preview.preview(room.app, "kim", item(room)).planned
    assert ("storm: 2 messages within a minute",) == planned.waits


def test_a_preview_names_the_digest_and_the_night_that_it_falls_into(make: Desk, clock: Shifted) -> None:
    quiet = {"from": "06:00", "to": "08:00", "timezone": "UTC"}
    room = make(quiet_hours=quiet, digest={"daily_at": "07:00", "timezone": "UTC"})
    bring(room, *stories(1))
    room.add_rule(KIM, name="kim", digest="daily")
    [planned] = preview.preview(room.app, "kim", item(room)).planned
    assert ("digest daily", "quiet hours") == planned.waits
    assert datetime(2026, 11, 25, 8, 0, tzinfo=UTC) == planned.at
    assert "quiet hours" == planned.reason


def test_a_preview_names_the_silence_that_would_swallow_it(make: Desk, clock: Shifted) -> None:
    room = make()
    bring(room, *stories(1))
    room.add_rule(KIM, name="kim")
    silences.add(room.app, ["rule=kim"], timedelta(hours=1), "summit, we are there", "anna")
    [planned] = preview.preview(room.app, "kim", item(room)).planned
    assert planned.message is None
    assert "silenced until 2026-11-24 13:00Z: summit, we are there" == planned.reason


def test_a_preview_of_what_does_not_hit_says_so(make: Desk, clock: Shifted) -> None:
    room = make()
    bring(room, *stories(1))
    room.add_rule("Preise", name="prices")
    seen = preview.preview(room.app, "prices", item(room))
    assert not seen.hits
    assert [] == seen.planned


# ---------------------------------------------------------------- feedback


@pytest.mark.slow
def test_a_rule_has_a_precision_and_a_term_that_would_raise_it(make: Desk, clock: Shifted) -> None:
    room = make()
    room.add_rule("Reise", name="trips")
    text = "<p>Der Minister reist ab. {}</p><p>Ein Gewinnspiel begleitet die Fahrt.</p>"
    good = [Entry(f"g{n}", f"Minister auf Reise {n}", text.format(n * 7), at=None) for n in range(3)]
    bad = [
        Entry(
            f"b{n}",
            f"Gewinnspiel: eine Reise für {n} Personen",
            f"Mitmachen und gewinnen, {n * 11}!",
            at=None,
        )
        for n in range(4)
    ]
    bring(room, *good, *bad)
    assert feedback.quality(room.app, "trips").judged.precision is None
    with room.app.store.read() as tx:
        judged = [(one.id, tx.stories.get(one.story).headline) for one in tx.alerts.list()]
    for number, headline in judged:
        wrong = headline.startswith("Gewinnspiel")
        alerts.judge(room.app, number, Relevance.NOT_RELEVANT if wrong else Relevance.RELEVANT, "anna")
    seen = feedback.quality(room.app, "trips")
    assert (len(judged), 3) == (seen.judged.judged, seen.judged.relevant)
    assert seen.proposal
    assert (len(judged) - 3, len(judged) - 3) == (seen.proposal.dropped, seen.proposal.not_relevant)
    # Not -Gewinnspiel: that stands in the text of what was relevant.
    assert seen.proposal.term in {"Personen", "Mitmachen", "gewinnen"}


# ---------------------------------------------------------------- at the shell


@pytest.mark.slow
def test_rounds_by_cron_escalate_and_tell_operators_as_a_daemon_does(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    with HookServer() as chief, FeedServer() as feeds:
        monitor.configure(desk="console://", chief=chief.url())
        with monitor.config.open("a", encoding="utf-8") as file:
            file.write('\n[alerts]\noperators = ["chief"]\ndefault_channels = ["desk"]\n')
        feeds.serve("/gone", status=410)
        monitor("add-source", feeds.url("/gone"), "--name", "gone")
        monitor("add-rule", "Kim", "--name", "kim", "--escalate", "1s=chief")
        story = tmp_path / "story.txt"
        story.write_text(f"{TRIP.headline}\n\n{TRIP.text}", encoding="utf-8")
        monitor("ingest", str(story))
        deadline = time.monotonic() + DEADLINE
        while len(chief.posts) < 2:
            assert Exit.DONE == monitor("poll", "--all").code
            assert time.monotonic() < deadline
    told = {post.json["kind"]: post.json for post in chief.posts}
    assert "Nobody has acknowledged this" in told["alert"]["text"]
    assert told["operator"]["subject"].startswith("gone: is gone: the server answers 410")


@pytest.mark.slow
def test_a_shift_at_the_shell(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    monitor.configure()
    story = tmp_path / "story.txt"
    story.write_text(f"{TRIP.headline}\n\n{TRIP.text}", encoding="utf-8")
    assert (
        Exit.DONE
        == monitor("add-rule", "Kim", "--name", "kim", "--escalate", "10m=console", "--tag", "korea").code
    )
    assert Exit.DONE == monitor("ingest", str(story)).code
    taken = monitor("ack", "1", "--comment", "on it", "--not-relevant", "--json")
    assert [AlertState.ACKNOWLEDGED.value] == [one["state"] for one in taken.json]
    assert "precision  0% of 1 judged" in monitor("show-rule", "kim").out
    handed = monitor("handover", "--since", "1h")
    assert (Exit.DONE, True) == (handed.code, "1 alert, 0 not acknowledged" in handed.out)
    seen = monitor("preview", "kim", "--item", "1", "--json").json
    assert [("console", True)] == [(one["to"], one["sent"]) for one in seen["messages"]]
    shown = monitor("preview", "kim", "--item", "1").out
    for words in ("after group wait", ": the rule tells console", "while nobody acknowledges: 10m=console"):
        assert words in shown
    assert Exit.NOT_FOUND == monitor("ack", "99").code
    assert Exit.USAGE == monitor("handover", "--since", "noon").code
    rule = monitor("show-rule", "kim", "--json").json
    assert (["korea"], ["10m=console"]) == (rule["tags"], rule["escalate"])
