"""The mailbox of a desk: each story is one thread, in order, whatever the server did on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from mailbox import Maildir
from pathlib import Path

import pytest

from service.actions import rounds
from tests.inbox import DROP, HookServer, MailServer
from tests.newsroom import Room, newsroom
from tests.test_told import KIM, correction, flash, kill, long, wire

PREFIXES = ("UPDATE: ", "CORRECTION: ", "RETRACTED: ")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def room(tmp_path: Path, mail: MailServer) -> Iterator[Room]:
    url = f"smtp://{mail.host}:{mail.port}?from=monitor@example.org&to=desk@example.org"
    with newsroom(tmp_path, channels={"desk": {"url": url, "rate": "900000/s"}}) as made:
        yield made


def mailbox(folder: Path, mail: MailServer) -> list[EmailMessage]:
    """What lies in the desk's Maildir, in the order of delivery; a repeat is folded into its first copy."""
    box = Maildir(folder / "Maildir", factory=None)
    for letter in mail.letters:
        box.add(letter.raw)
    kept: dict[str, EmailMessage] = {}
    for key in sorted(box.keys(), key=lambda name: int(str(name).partition("Q")[2].partition(".")[0])):
        parsed = message_from_bytes(box.get_bytes(key), policy=default)
        assert isinstance(parsed, EmailMessage)
        kept.setdefault(str(parsed["Message-ID"]), parsed)
    return list(kept.values())


def threads(messages: list[EmailMessage]) -> Mapping[str, list[EmailMessage]]:
    """The messages by the one that each answers, as a mail program shows them."""
    found: dict[str, list[EmailMessage]] = {}
    for message in messages:
        root = str(message["In-Reply-To"] or message["Message-ID"])
        assert root == str(message["References"] or root)
        found.setdefault(root, []).append(message)
    return found


def core(message: EmailMessage) -> str:
    """The subject without what says that it is a later message."""
    subject = str(message["Subject"])
    return next((subject.removeprefix(each) for each in PREFIXES if subject.startswith(each)), subject)


def test_a_story_is_one_thread_from_flash_to_withdrawal(room: Room, mail: MailServer, tmp_path: Path) -> None:
    room.add_rule(KIM, name="kim", on_updates=True)
    for step in (flash, long, correction, kill):
        step(room)
    another = "Kim Jong Un wird im Herbst zu einer Reise nach Hanoi erwartet, wie Diplomaten dort sagten."
    wire(room, 1, another, urn="urn:newsml:wire.example:hanoi", headline="Hanoi bereitet einen Besuch vor")
    mail.wait(5)
    [story, other] = threads(mailbox(tmp_path, mail)).values()
    kinds = [str(message["X-Monitor-Kind"]) for message in story]
    assert ["alert", "update", "correction", "retraction"] == kinds
    assert 1 == len({core(message) for message in story})
    assert 1 == len({str(message["List-Id"]) for message in story})
    assert ["alert"] == [str(message["X-Monitor-Kind"]) for message in other]


def test_a_lost_answer_makes_a_second_copy_that_a_mailbox_folds(
    room: Room, mail: MailServer, tmp_path: Path
) -> None:
    room.add_rule(KIM)
    mail.answer(DROP)
    flash(room)
    with room.app.store.begin() as tx:
        [waiting] = tx.outbox.list()
        tx.outbox.resend(waiting.id, room.app.store.now())
    rounds.deliver(room.app)
    assert 2 == len(mail.wait(2))
    assert 1 == len(mailbox(tmp_path, mail))


def test_a_chat_without_threads_is_pointed_at_the_first_message(tmp_path: Path) -> None:
    with HookServer() as chat:
        chat.answer(200, 200)
        channel = {"url": chat.url("mmost", "/a-token-of-mattermost")}
        site = {"base_url": "https://monitor.example.org"}
        with newsroom(tmp_path, channels={"desk": channel}, web=site) as room:
            room.add_rule(KIM)
            flash(room)
            correction(room)
        first, second = (post.json["text"] for post in chat.wait(2))
    assert "Told before" not in first
    assert re.search(r"↪ Told before \(\d\d:\d\d CET, .*https://monitor\.example\.org/stories/1", second)
