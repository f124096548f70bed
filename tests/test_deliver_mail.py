"""Mail, against a server that really speaks SMTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.deliver.drivers import Driver, driver
from service.deliver.smtp import Account, Mail, Mode, account, compose
from service.errors import UsageError
from service.model import Channel, Message, Verdict
from tests.inbox import ACCEPT, DROP, HANG, MailServer, certificate, tls_server

DESK = "desk@example.org"
MESSAGE = Message(
    id="alert-7.0.3@monitor.example.org",
    subject="[Nordkorea] „Große Reise“: Kim Jong Un in Peking",
    text="Kim Jong Un ist zu einer Auslandsreise aufgebrochen.\n",
    html="<p>Kim Jong Un ist zu einer <mark>Auslandsreise</mark> aufgebrochen.</p>",
    headers={"List-Id": "<nordkorea.monitor.example.org>"},
)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


Opening: TypeAlias = Callable[..., Driver]


@pytest.fixture
def open_channel() -> Iterator[Opening]:
    opened: list[Driver] = []

    def open_(server: MailServer, query: str = "", scheme: str = "smtp", login: str = "") -> Driver:
        url = f"{scheme}://{login}{server.host}:{server.port}?from=monitor@example.org{query}"
        opened.append(driver(Channel(name="desk", url=url)))
        return opened[-1]

    yield open_
    for channel in opened:
        channel.close()


@pytest.mark.parametrize("scheme", ["smtp", "mailto"])
def test_a_mail_arrives_as_text_and_as_html_with_its_own_id(
    open_channel: Opening, mail: MailServer, scheme: str
) -> None:
    outcome = open_channel(mail, f"&to={DESK}", scheme).send(MESSAGE, "")
    assert (outcome.verdict, outcome.code) == (Verdict.SENT, "250")
    [letter] = mail.wait(1)
    assert letter.recipients == (DESK,)
    assert letter.message["Message-ID"] == "<alert-7.0.3@monitor.example.org>"
    assert letter.message["Subject"] == MESSAGE.subject
    assert letter.message["From"] == "Wire Monitor <monitor@example.org>"
    assert letter.message["List-Id"] == "<nordkorea.monitor.example.org>"
    assert letter.message["Auto-Submitted"] == "auto-generated"
    assert "Auslandsreise" in letter.part("plain")
    assert "<mark>Auslandsreise</mark>" in letter.part("html")


def test_a_repeat_carries_the_same_id(open_channel: Opening, mail: MailServer) -> None:
    mail.answer(DROP)
    channel = open_channel(mail)
    lost = channel.send(MESSAGE, DESK)
    assert lost.verdict is Verdict.AMBIGUOUS
    assert channel.send(MESSAGE, DESK).verdict is Verdict.SENT
    first, second = mail.wait(2)
    assert first.message.get_all("Message-ID") == second.message.get_all("Message-ID")
    assert len(first.message.get_all("Message-ID", [])) == 1


def test_a_later_message_joins_the_thread_of_the_first(open_channel: Opening, mail: MailServer) -> None:
    update = Message(id="alert-7.1.9@host", subject="UPDATE: x", text="x", thread=MESSAGE.id)
    open_channel(mail).send(update, DESK)
    [letter] = mail.wait(1)
    assert letter.message["In-Reply-To"] == letter.message["References"] == f"<{MESSAGE.id}>"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("451 4.7.1 greylisted, come back", Verdict.TRANSIENT),
        ("421 4.3.2 going down", Verdict.TRANSIENT),
        ("554 5.7.1 looks like spam", Verdict.PERMANENT),
        ("552 5.3.4 too large", Verdict.PERMANENT),
    ],
)
def test_the_answer_of_the_server_decides(
    open_channel: Opening, mail: MailServer, answer: str, verdict: Verdict
) -> None:
    mail.answer(answer, answer)
    outcome = open_channel(mail).send(MESSAGE, DESK)
    assert (outcome.verdict, outcome.code) == (verdict, answer[:3])
    assert outcome.reason == answer[4:]
    assert mail.letters == []


def test_an_unknown_recipient_is_final_and_the_connection_goes_on(
    open_channel: Opening, mail: MailServer
) -> None:
    mail.refused["gone@example.org"] = "550 5.1.1 no such user"
    channel = open_channel(mail)
    assert channel.send(MESSAGE, "gone@example.org").verdict is Verdict.PERMANENT
    assert channel.send(MESSAGE, DESK).verdict is Verdict.SENT
    assert mail.connections == 1


def test_one_bad_address_of_a_channel_keeps_the_mail_from_nobody_else(
    open_channel: Opening, mail: MailServer
) -> None:
    mail.refused["gone@example.org"] = "550 5.1.1 no such user"
    outcome = open_channel(mail, f"&to=gone@example.org,{DESK}").send(MESSAGE, "")
    assert outcome.verdict is Verdict.SENT
    assert "gone@example.org" in outcome.reason
    assert [letter.recipients for letter in mail.wait(1)] == [(DESK,)]


def test_a_second_try_leaves_out_who_had_the_mail(open_channel: Opening, mail: MailServer) -> None:
    mail.answer(ACCEPT, "451 later")
    channel = open_channel(mail, f"&to={DESK},night@example.org")
    assert channel.send(MESSAGE, "").verdict is Verdict.TRANSIENT
    assert channel.send(MESSAGE, "").verdict is Verdict.SENT
    assert [letter.recipients for letter in mail.wait(2)] == [(DESK,), ("night@example.org",)]


def test_a_server_that_takes_a_mail_and_never_answers_may_have_it(mail: MailServer) -> None:
    mail.answer(HANG)
    to = account(f"smtp://{mail.host}:{mail.port}?from=monitor@example.org&to={DESK}")
    with closing(Mail(to, reply_timeout=0.2)) as channel:
        lost = channel.send(MESSAGE, "")
        assert lost.verdict is Verdict.AMBIGUOUS
        assert lost.reason.startswith("no answer after the mail was sent: ")
        assert Verdict.SENT is channel.send(MESSAGE, "").verdict
    [letter] = mail.wait(1)
    assert f"<{MESSAGE.id}>" == letter.message["Message-ID"]


def test_mails_share_a_connection_up_to_fifty(open_channel: Opening, mail: MailServer) -> None:
    channel = open_channel(mail)
    for _ in range(51):
        assert channel.send(MESSAGE, DESK).verdict is Verdict.SENT
    assert [letter.connection for letter in mail.wait(51)] == [1] * 50 + [2]


def test_a_server_that_hung_up_meanwhile_is_called_again(open_channel: Opening, mail: MailServer) -> None:
    channel = open_channel(mail)
    mail.answer(DROP)
    channel.send(MESSAGE, DESK)
    channel.close()
    assert channel.send(MESSAGE, DESK).verdict is Verdict.SENT
    mail.hang_up()
    assert channel.send(MESSAGE, DESK).verdict is Verdict.SENT
    assert mail.connections == 3


def test_a_dead_server_is_a_transient_failure(open_channel: Opening) -> None:
    with MailServer() as server:
        channel = open_channel(server)
    outcome = channel.send(MESSAGE, DESK)
    assert outcome.verdict is Verdict.TRANSIENT
    assert f"127.0.0.1:{server.port}" in outcome.reason


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


def test_a_login_goes_over_starttls(open_channel: Opening, pem: Path) -> None:
    with MailServer(tls=tls_server(pem), users={"desk": "geheim-1"}) as server:
        channel = open_channel(server, f"&ca={pem}", login="desk:geheim-1@")
        assert channel.send(MESSAGE, DESK).verdict is Verdict.SENT
        [letter] = server.wait(1)
        assert (letter.user, letter.encrypted) == ("desk", True)


def test_a_refused_login_blames_the_channel_and_shows_no_password(open_channel: Opening, pem: Path) -> None:
    with MailServer(tls=tls_server(pem), users={"desk": "right"}) as server:
        channel = open_channel(server, f"&ca={pem}", login="desk:verkehrt-77@")
        outcome = channel.send(MESSAGE, DESK)
        assert (outcome.verdict, outcome.code) == (Verdict.AUTH, "535")
        assert "verkehrt-77" not in repr(outcome)


def test_a_server_that_repeats_the_password_does_not_bring_it_into_the_record(open_channel: Opening) -> None:
    with MailServer(users={"desk": "geheim-77"}) as server:
        server.answer("554 5.7.1 desk:geheim-77 may not send")
        outcome = open_channel(server, "&mode=plain", login="desk:geheim-77@").send(MESSAGE, DESK)
        assert (outcome.code, outcome.reason) == ("554", "5.7.1 desk:*** may not send")


def test_a_wrapped_connection_is_checked_against_the_authority(open_channel: Opening, pem: Path) -> None:
    with MailServer(tls=tls_server(pem), wrapped=True) as server:
        trusted = open_channel(server, f"&ca={pem}", scheme="smtps")
        assert trusted.send(MESSAGE, DESK).verdict is Verdict.SENT
        outcome = open_channel(server, scheme="smtps").send(MESSAGE, DESK)
        assert outcome.verdict is Verdict.AUTH
        assert "not trusted" in outcome.reason


def test_a_password_is_not_sent_to_a_server_without_starttls(open_channel: Opening, mail: MailServer) -> None:
    outcome = open_channel(mail, login="desk:geheim-1@").send(MESSAGE, DESK)
    assert outcome.verdict is Verdict.AUTH
    assert "offers no STARTTLS (in the channel's URL, smtps:// is TLS from the start" in outcome.reason


@pytest.mark.parametrize("recipient", ["no-at-sign", "a@b>\r\nRCPT TO:<c@d", "ä@example.org", "a b@c.de"])
def test_what_is_no_address_never_reaches_the_server(
    open_channel: Opening, mail: MailServer, recipient: str
) -> None:
    assert open_channel(mail).send(MESSAGE, recipient).verdict is Verdict.PERMANENT
    assert mail.connections == 0


def test_line_ends_in_a_subject_cannot_make_a_header(open_channel: Opening, mail: MailServer) -> None:
    forged = Message(id="a@b", subject="x\r\nBcc: thief@example.org\x07", text="x")
    open_channel(mail).send(forged, DESK)
    [letter] = mail.wait(1)
    assert letter.message["Bcc"] is None
    assert letter.message["Subject"] == "x Bcc: thief@example.org"


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=180))
def test_every_subject_comes_back_as_it_was(subject: str) -> None:
    """Law: a subject survives its encoding, and no line is longer than RFC 5322 wants."""
    plain = Account(host="h", port=25, mode=Mode.PLAIN, sender="monitor@example.org")
    message = Message(id="a@b", subject=subject, text="x")
    raw = compose(message, plain, DESK, "Tue, 24 Nov 2026 13:02:00 +0000")
    head = raw.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    assert " ".join(str(message_from_bytes(raw, policy=default)["Subject"]).split()) == " ".join(
        subject.split()
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mx.example.org?from=m@example.org", (25, Mode.PLAIN)),
        ("smtp://u:p@mx.example.org?from=m@example.org", (587, Mode.STARTTLS)),
        ("smtps://u:p@mx.example.org?from=m@example.org", (465, Mode.SSL)),
        ("smtp://u:p@mx.example.org:2525?from=m@example.org&mode=plain", (2525, Mode.PLAIN)),
    ],
)
def test_port_and_protection_follow_from_the_url(url: str, expected: tuple[int, Mode]) -> None:
    read = account(url)
    assert (read.port, read.mode) == expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("smtp://?from=m@example.org", "needs a host"),
        ("smtp://mx.example.org", "from=monitor@example.org"),
        ("smtp://mx.example.org?from=m@example.org&mode=tls", "none of plain, starttls, ssl"),
        ("smtp://mx.example.org?from=m@example.org&to=nobody", "to=nobody"),
        ("smtp://mx.example.org?from=m@example.org&form=x", "no form="),
        ("smtp://mx.example.org:port?from=m@example.org", "port"),
    ],
)
def test_a_mail_url_that_cannot_work_says_what_is_missing(url: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        account(url)


def test_an_apprise_mail_url_knows_the_great_providers() -> None:
    opened = driver(Channel(name="desk", url="mailtos://someone:app-password@gmail.com?cc=night@example.org"))
    assert isinstance(opened, Mail)
    read = opened.account
    assert (read.host, read.port, read.mode) == ("smtp.gmail.com", 587, Mode.STARTTLS)
    assert read.to == ("someone@gmail.com", "night@example.org")
