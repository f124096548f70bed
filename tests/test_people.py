"""People and groups: told by name, in their language and zone, and no more once they have left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.actions import board, recipients, rounds
from service.actions.watch import watch
from service.errors import NotFoundError, UsageError
from service.model import DeliveryState
from tests.inbox import HookServer, MailServer
from tests.newsroom import TRIP, Room, newsroom
from tests.shell import Shell

KIM = '"Kim Jong Un" + Reise'


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def room(tmp_path: Path, mail: MailServer) -> Iterator[Room]:
    url = f"smtp://127.0.0.1:{mail.port}?from=monitor@example.org"
    with (
        HookServer() as hooks,
        newsroom(tmp_path, channels={"mail": {"url": url}, "desk": {"url": hooks.url()}}) as made,
    ):
        made.wire("wire", TRIP)
        made.add_source("wire")
        recipients.add(made.app, "anna", ["mail:anna@example.org"], language="de", timezone="Asia/Tokyo")
        recipients.add(made.app, "ben", ["mail:ben@example.org"])
        yield made


def told(mail: MailServer) -> list[str]:
    return [letter.recipients[0] for letter in mail.letters]


def reasons(room: Room) -> list[str]:
    with room.app.store.read() as tx:
        return [one.reason for one in tx.outbox.list() if one.state is DeliveryState.SUPPRESSED]


def test_a_person_is_told_by_name_in_her_language_and_zone(room: Room, mail: MailServer) -> None:
    room.add_rule(KIM, channels=("mail:anna",))
    room.poll()
    [letter] = mail.wait(1)
    assert ("anna@example.org",) == letter.recipients
    assert "Treffer" in letter.part("plain")
    assert "JST" in letter.part("plain")


def test_a_test_message_goes_to_somebody_and_to_nobody_else(room: Room, mail: MailServer) -> None:
    assert DeliveryState.SENT is rounds.test_channel(room.app, "mail:anna").state
    assert ["anna@example.org"] == told(mail)
    recipients.set_group(room.app, "nightdesk", ["anna", "ben"])
    for target, problem in (
        ("mail", r"the channel mail names nobody itself \(say who is told: mail:RECIPIENT\)"),
        ("mail:nightdesk", "is a group .*mail:anna@example.org, mail:ben@example.org"),
        ("mail:anne", "did you mean anna"),
    ):
        with pytest.raises(UsageError, match=problem):
            rounds.test_channel(room.app, target)
    with pytest.raises(UsageError, match="names nobody itself"):
        room.add_rule(KIM, channels=("desk", "mail"))
    assert (["desk"], ["mail:anna", "mail:ben"]) == (
        recipients.alone(room.app), recipients.by_name(room.app, groups=False)
    )  # fmt: skip
    assert "mail:nightdesk" in recipients.by_name(room.app)
    assert [] == [one.what for one in board.glance(room.app).blind if one.what == "channel"]


def test_a_group_fans_out_and_one_address_is_told_once(room: Room, mail: MailServer) -> None:
    recipients.set_group(room.app, "nightdesk", ["anna", "ben"])
    room.add_rule(KIM, channels=("mail:nightdesk", "mail:ben", "mail:ben@example.org"))
    room.poll()
    assert ["anna@example.org", "ben@example.org"] == sorted(told(mail))


def test_whoever_has_left_gets_nothing_more_and_the_reason_is_on_record(room: Room, mail: MailServer) -> None:
    room.add_rule(KIM, channels=("mail:anna", "mail:ben"))
    recipients.leave(room.app, "anna", "moved to sports")
    room.poll()
    assert ["ben@example.org"] == told(mail)
    [reason] = reasons(room)
    assert reason.startswith("anna left on ")
    assert reason.endswith(": moved to sports")


def test_what_waits_for_somebody_who_leaves_is_stopped(room: Room, mail: MailServer) -> None:
    room.add_rule(KIM, channels=("mail:anna",), digest="daily")
    room.poll()
    _, stopped = recipients.leave(room.app, "anna", "")
    assert 1 == stopped
    rounds.deliver(room.app)
    assert [] == mail.letters
    assert reasons(room)[0].startswith("anna left on ")


def test_who_leaves_while_another_node_queues_a_message_is_not_told(room: Room, mail: MailServer) -> None:
    room.add_rule(KIM, channels=("mail:anna",), digest="daily")
    room.poll()
    with room.app.store.begin() as tx:
        tx.people.leave("anna", "", room.app.store.now())
        [held] = tx.outbox.list()
        tx.outbox.hold(held.id, room.app.store.now(), "")
    rounds.deliver(room.app)
    assert [] == mail.letters
    assert reasons(room)[0].startswith("anna left on ")


def test_the_plain_address_of_somebody_who_left_is_told_no_more(room: Room, mail: MailServer) -> None:
    room.add_rule(KIM, channels=("mail:anna@example.org",))
    recipients.leave(room.app, "anna", "")
    room.poll()
    assert [] == mail.letters


def test_an_address_that_two_share_is_told_until_both_have_left(room: Room, mail: MailServer) -> None:
    recipients.add(room.app, "annette", ["mail:anna@example.org"])
    recipients.leave(room.app, "anna", "")
    room.add_rule(KIM, channels=("mail:anna@example.org",))
    room.poll()
    assert ["anna@example.org"] == told(mail)


@pytest.mark.slow
def test_somebody_who_comes_back_is_told_again(room: Room, mail: MailServer) -> None:
    recipients.leave(room.app, "anna", "")
    recipients.add(room.app, "anna", ["mail:anna@example.org"])
    room.add_rule(KIM, channels=("mail:anna",))
    room.poll()
    assert ["anna@example.org"] == told(mail)


def test_a_message_that_is_sent_again_does_not_reach_whoever_left(room: Room, mail: MailServer) -> None:
    from service.actions import desk

    room.add_rule(KIM, channels=("mail:anna",))
    room.poll()
    recipients.leave(room.app, "anna", "")
    with room.app.store.read() as tx:
        [sent] = tx.outbox.list()
    with pytest.raises(UsageError, match="anna left on"):
        desk.resend(room.app, [sent.id])
    assert 1 == len(mail.letters)


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("mail:ana", "did you mean anna"),
        ("desk:anna", "anna has no address on desk"),
        ("desk:nightdesk", "nobody in the group nightdesk has an address on desk"),
    ],
)
def test_a_recipient_that_reaches_nobody_is_refused(room: Room, target: str, hint: str) -> None:
    recipients.set_group(room.app, "nightdesk", ["anna"])
    with pytest.raises(UsageError, match=hint):
        room.add_rule(KIM, channels=(target,))


def test_names_that_cannot_be_meant_are_refused(room: Room) -> None:
    for name in ("anna", "a b", "a@b", ""):
        with pytest.raises(UsageError):
            recipients.add(room.app, name, ["mail:x@example.org"])
    with pytest.raises(UsageError, match="not a mail address"):
        recipients.add(room.app, "carl", ["mail:carl"])
    with pytest.raises(UsageError, match="one address on a channel"):
        recipients.add(room.app, "carl", ["mail:carl@example.org", "mail:night@example.org"])
    with pytest.raises(UsageError, match="CHANNEL:ADDRESS"):
        recipients.add(room.app, "carl", ["post:carl"])
    with pytest.raises(NotFoundError, match="did you mean anna"):
        recipients.set_group(room.app, "nightdesk", ["ana"])


def test_a_group_that_a_rule_tells_stays(room: Room) -> None:
    recipients.set_group(room.app, "nightdesk", ["anna"])
    room.add_rule(KIM, channels=("mail:nightdesk",), name="kim")
    with pytest.raises(UsageError, match="told by the rule 'kim'"):
        recipients.remove_group(room.app, "nightdesk")


def test_a_route_tells_what_bears_its_tag(tmp_path: Path, room: Room, mail: MailServer) -> None:
    room.restart(routes={"korea": {"tags": ["korea"], "channels": ["mail:ben"]}})
    room.add_rule(KIM, channels=("mail:anna",), tags=("korea",))
    room.poll()
    assert ["anna@example.org", "ben@example.org"] == sorted(told(mail))


def test_people_at_the_shell(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    monitor.configure(mail="smtp://127.0.0.1:9?from=m@example.org")
    assert 0 == monitor("add-person", "anna", "mail:anna@example.org", "--lang", "de").code
    assert 0 == monitor("add-group", "nightdesk", "anna").code
    assert 0 == monitor("edit-person", "anna", "--timezone", "Europe/London").code
    listed = monitor("list-people", "--json").json
    assert [("anna", "de", "Europe/London")] == [
        (one["name"], one["language"], one["timezone"]) for one in listed["people"]
    ]
    assert [{"name": "nightdesk", "members": ["anna"]}] == listed["groups"]
    gone = monitor("remove-person", "anna", "--because", "retired")
    assert (
        "undo: monitor add-person anna mail:anna@example.org --lang de --timezone Europe/London\n" in gone.out
    )
    assert "undo: monitor add-group nightdesk anna\n" in gone.out
    assert [] == monitor("list-people", "--json").json["people"]
    assert 4 == monitor("remove-person", "anna").code


def test_an_operator_is_told_of_the_monitor_in_her_language_and_zone(room: Room, mail: MailServer) -> None:
    room.restart(alerts={"operators": ["mail:anna", "mail:ben"], "default_channels": ["mail"]})
    room.feeds.serve("/wire", status=410)
    room.poll()
    watch(room.app)
    rounds.deliver(room.app)
    german, english = sorted(mail.wait(2), key=lambda letter: letter.recipients)
    assert str(german.message["subject"]).startswith("wire: gibt es nicht mehr")
    assert "JST" in german.part("plain")
    assert str(english.message["subject"]).startswith("wire: is gone")
