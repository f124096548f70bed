"""Mailboxes, against a real IMAP server: what comes out of a mail, and where reading goes on."""

from __future__ import annotations

import imaplib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from pathlib import Path

import pytest

from service.config import Http
from service.errors import UsageError
from service.fetch.transports import Fetcher, check_url
from service.model import Document, Failure, FailureKind, Fetched, Source, utcnow
from service.parse.formats import parse
from tests.newsroom import TRIP, newsroom, rss
from tests.servers import DEADLINE, self_signed, unused_port

pytestmark = pytest.mark.slow

LOGIN = ("demouser", "demopass")  # of the server's own example account
LOOPBACK = ("127.0.0.1",)


class Mailbox:
    """A running IMAP server, and the mails that are put into it."""

    def __init__(self, port: int) -> None:
        self.port = port

    @contextmanager
    def _door(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port) as box:
            if "STARTTLS" in box.capabilities:
                box.starttls(ssl._create_unverified_context())
            box.login(*LOGIN)
            yield box

    def make(self, folder: str) -> None:
        with self._door() as box:
            box.create(folder)

    def put(self, *mails: EmailMessage | bytes, folder: str = "Wire") -> None:
        with self._door() as box:
            for mail in mails:
                status, answer = box.append(folder, "", "", bytes(mail))
                assert status == "OK", answer

    def flags(self, folder: str = "Wire") -> list[bytes]:
        """The flags of all mails of a folder."""
        with self._door() as box:
            box.select(folder, readonly=True)
            return [part for part in box.fetch("1:*", "(FLAGS)")[1] if isinstance(part, bytes)]


@contextmanager
def server(*options: str) -> Iterator[Mailbox]:
    port = unused_port()
    where = ("--host", "127.0.0.1", "--port", str(port), "--no-service", "admin", *options)
    process = subprocess.Popen(
        [sys.executable, "-c", "from pymap.main import main; main()", *where, "dict", "--demo-data"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + DEADLINE
    try:
        while True:
            try:
                with imaplib.IMAP4("127.0.0.1", port):
                    break
            except OSError:
                assert time.monotonic() < deadline, "the IMAP server did not start"
                time.sleep(0.05)
        box = Mailbox(port)
        box.make("Wire")
        yield box
    finally:
        process.terminate()
        process.wait(DEADLINE)


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with server("--no-tls") as box:
        yield box


@pytest.fixture
def folder(mailbox: Mailbox, request: pytest.FixtureRequest) -> str:
    """An empty folder for the test alone."""
    name = f"W{abs(hash(request.node.name))}"
    mailbox.make(name)
    return name


@pytest.fixture
def fetcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetcher]:
    monkeypatch.setenv("WIRE_MAIL", ":".join(LOGIN))
    with closing(Fetcher(Http(allowed_networks=LOOPBACK), clock=utcnow, agent_version="1")) as made:
        yield made


def source_at(box: Mailbox, folder: str, scheme: str = "imap", **facts: str) -> Source:
    url = check_url(f"{scheme}://127.0.0.1:{box.port}/{folder}")
    return Source(name="mail", url=url, **{"auth_env": "WIRE_MAIL", **facts})  # type: ignore[arg-type]


def mail(text: str = "Guten Tag.", subject: str = "Kim Jong Un reist ab", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "dienst@agentur.example", "desk@example.org", subject
    for name, value in headers.items():
        made[name] = value
    made.set_content(text)
    return made


def read(fetcher: Fetcher, source: Source) -> tuple[list[Document], Source]:
    """What is new, and the source as it is read next."""
    result = fetcher.fetch(source)
    assert isinstance(result, Fetched), result
    return list(result.documents), replace(source, cursor=result.cursor, last_ok_at=utcnow())


def test_a_mail_is_a_story_with_its_subject_its_date_and_its_text(
    fetcher: Fetcher, mailbox: Mailbox, folder: str
) -> None:
    at = utcnow().replace(microsecond=0, second=0)
    mailbox.put(mail("Der Zug verließ Pjöngjang.\n\nEr rollt.", Date=format_datetime(at)), folder=folder)
    source = source_at(mailbox, folder)
    [document], _ = read(fetcher, source)
    [item] = parse(document, source).items
    assert ("Kim Jong Un reist ab", at) == (item.headline, item.published_at)
    assert "Der Zug verließ Pjöngjang.\n\nEr rollt." == item.body


def test_a_mail_in_the_agency_form_is_read_as_one(fetcher: Fetcher, mailbox: Mailbox, folder: str) -> None:
    form = "Kim zu Reise aufgebrochen\n\n02.09.25 05:24 Uhr\n\nPEKING (dpa-AFX) - Er reist./abc/DP/zb\n"
    mailbox.put(mail(form, subject="dpa-AFX 0042"), folder=folder)
    source = source_at(mailbox, folder)
    [document], _ = read(fetcher, source)
    [item] = parse(document, source).items
    assert ("Kim zu Reise aufgebrochen", "dpa-AFX", "abc/DP/zb") == (
        item.headline,
        item.agency,
        item.sign_off,
    )


def test_attachments_that_may_be_wires_are_documents_and_pictures_are_not(
    fetcher: Fetcher, mailbox: Mailbox, folder: str
) -> None:
    made = mail("Anbei.")
    made.add_attachment(rss(TRIP), maintype="application", subtype="rss+xml", filename="wire.xml")
    made.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="bild.png")
    made.add_attachment(
        b'{"entries": []}', maintype="application", subtype="octet-stream", filename="dpa.json"
    )
    mailbox.put(made, folder=folder)
    source = source_at(mailbox, folder)
    documents, _ = read(fetcher, source)
    assert ["wire.xml", "dpa.json"] == [document.name for document in documents]
    assert [TRIP.headline] == [item.headline for item in parse(documents[0], source).items]


def test_text_that_goes_on_behind_a_picture_belongs_to_the_mail_and_is_no_attachment(
    fetcher: Fetcher, mailbox: Mailbox, folder: str
) -> None:
    letter = MIMEMultipart()
    letter["Subject"] = "Kim reist"
    footer = MIMEText("__\nVerteiler der Agentur\n")
    for part in (MIMEText("Er ist da."), MIMEImage(b"x", "png"), MIMEText("Und bleibt."), footer):
        letter.attach(part)
    mailbox.put(letter.as_bytes(), folder=folder)
    documents, _ = read(fetcher, source_at(mailbox, folder))
    (item,) = parse(documents[0], Source(name="mail", url="imap://x/")).items
    assert item.headline == "Kim reist"
    assert item.body.startswith("Er ist da.\n\nUnd bleibt.")


@pytest.mark.parametrize("charset", ["us-ascii", "utf-8", "x-unheard-of", "windows-1252"])
def test_a_mail_that_does_not_say_its_character_set_is_read(
    fetcher: Fetcher, mailbox: Mailbox, folder: str, charset: str
) -> None:
    text = "„Ärger“ in Köln – 5 €".encode("cp1252")
    head = f"Subject: Größe\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode("cp1252")
    mailbox.put(head + text, folder=folder)
    documents, _ = read(fetcher, source_at(mailbox, folder))
    assert documents[0].body.decode() == "Größe\n\n„Ärger“ in Köln – 5 €"


def test_a_mailbox_may_be_named_in_german(fetcher: Fetcher, mailbox: Mailbox) -> None:
    mailbox.make("Agenturen/B&APY-rse")
    mailbox.put(mail(), folder="Agenturen/B&APY-rse")
    documents, _ = read(fetcher, source_at(mailbox, "Agenturen/Börse"))
    assert len(documents) == 1


def test_of_an_html_mail_the_text_is_read(fetcher: Fetcher, mailbox: Mailbox, folder: str) -> None:
    made = mail()
    made.set_content("<p>Der <b>Zug</b> rollt.</p><script>x()</script>", subtype="html")
    mailbox.put(made, folder=folder)
    [document], _ = read(fetcher, source_at(mailbox, folder))
    assert b"Kim Jong Un reist ab\n\nDer Zug rollt." == document.body


def test_each_mail_is_read_once_and_stays_unread_in_the_mailbox(
    fetcher: Fetcher, mailbox: Mailbox, folder: str
) -> None:
    source = source_at(mailbox, folder)
    nothing, source = read(fetcher, source)
    mailbox.put(mail(subject="Eins"), mail(subject="Zwei"), folder=folder)
    two, source = read(fetcher, source)
    none, source = read(fetcher, source)
    mailbox.put(mail(subject="Drei"), folder=folder)
    one, _ = read(fetcher, source)
    assert [0, 2, 0, 1] == [len(found) for found in (nothing, two, none, one)]
    assert b"Drei" in one[0].body
    assert not any(b"Seen" in flags for flags in mailbox.flags(folder))


def test_strange_mails_keep_no_other_from_being_read(fetcher: Fetcher, mailbox: Mailbox, folder: str) -> None:
    strange = (
        b"Subject: x\r\nContent-Type: text/plain; charset=klingon\r\n\r\nGanz fremd.\r\n",
        b"Date: Tue, 99 Xyz 0000 99:99:99 +9999\r\nSubject: =?utf-8?b?x?=\r\n\r\nOhne Zeit.\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n\r\n",
        b"\xff\xfe\x00",
    )
    mailbox.put(*strange, mail(), folder=folder)
    documents, _ = read(fetcher, source_at(mailbox, folder))
    read_from = b"\n".join(document.body for document in documents)
    assert all(words in read_from for words in (b"Ganz fremd", b"Ohne Zeit", b"Guten Tag"))


def test_mails_that_are_too_large_are_left_out(mailbox: Mailbox, folder: str, fetcher: Fetcher) -> None:
    mailbox.put(mail("x" * 70 + "\n" + "y" * 200_000), mail(), folder=folder)
    http = Http(allowed_networks=LOOPBACK, max_bytes=100_000)  # type: ignore[arg-type]
    with closing(Fetcher(http, clock=utcnow, agent_version="1")) as strict:
        documents, _ = read(strict, source_at(mailbox, folder))
    assert 1 == len(documents)


@pytest.mark.parametrize(
    ("variable", "value", "kind", "words"),
    [
        ("WIRE_MAIL", "demouser:wrong", FailureKind.AUTH, "refused the login"),
        ("", "", FailureKind.AUTH, "--auth-env"),
        ("NO_SUCH_VARIABLE", "", FailureKind.AUTH, "user:password"),
    ],
)
def test_a_login_that_fails_says_so_and_holds_no_password(
    fetcher: Fetcher, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch,
    variable: str, value: str, kind: FailureKind, words: str,
) -> None:  # fmt: skip
    if value:
        monkeypatch.setenv(variable, value)
    failure = fetcher.fetch(source_at(mailbox, "Wire", auth_env=variable))
    assert isinstance(failure, Failure)
    assert kind is failure.kind
    assert words in failure.reason
    assert "wrong" not in failure.reason


def test_a_mailbox_that_is_not_there_is_named(fetcher: Fetcher, mailbox: Mailbox) -> None:
    failure = fetcher.fetch(source_at(mailbox, "Nirgends"))
    assert isinstance(failure, Failure)
    assert (FailureKind.STATUS, "there is no mailbox 'Nirgends'") == (failure.kind, failure.reason)


def test_a_private_host_is_refused(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRE_MAIL", ":".join(LOGIN))
    with closing(Fetcher(Http(), clock=utcnow, agent_version="1")) as strict:
        failure = strict.fetch(source_at(mailbox, "Wire"))
    assert isinstance(failure, Failure)
    assert (FailureKind.REFUSED, True) == (failure.kind, "private address" in failure.reason)


def test_a_port_on_which_nobody_answers_is_a_failure(fetcher: Fetcher) -> None:
    failure = fetcher.fetch(source_at(Mailbox(unused_port()), "Wire"))
    assert isinstance(failure, Failure)
    assert (FailureKind.NETWORK, "no connection to 127.0.0.1: connection refused") == (
        failure.kind,
        failure.reason,
    )


def test_a_server_that_speaks_no_tls_where_it_has_to_is_a_failure(mailbox: Mailbox, fetcher: Fetcher) -> None:
    source = source_at(mailbox, "Wire")
    failure = fetcher.fetch(replace(source, url=source.url.replace("imap:", "imaps:")))
    assert isinstance(failure, Failure)
    assert (FailureKind.NETWORK, "no secure connection to 127.0.0.1 (TLS)") == (
        failure.kind,
        failure.reason,
    )


def test_the_certificate_is_checked_before_the_password_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetcher: Fetcher
) -> None:
    certificate = tmp_path / "loopback.pem"
    certificate.write_bytes(self_signed("127.0.0.1"))
    with server("--cert", str(certificate), "--key", str(certificate)) as box:
        box.put(mail())
        failure = fetcher.fetch(source_at(box, "Wire"))
        assert isinstance(failure, Failure)
        assert "the certificate of 127.0.0.1 is not trusted" == failure.reason
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        documents, _ = read(fetcher, source_at(box, "Wire"))
        assert 1 == len(documents)


def test_a_url_with_a_password_is_refused() -> None:
    with pytest.raises(UsageError, match="carries no user or password"):
        check_url("imaps://anna:geheim@mail.example/INBOX")


def test_a_mail_is_told_as_a_feed_is(
    tmp_path: Path, mailbox: Mailbox, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIRE_MAIL", ":".join(LOGIN))
    mailbox.put(mail(TRIP.text, subject=TRIP.headline, Date=format_datetime(utcnow())), folder=folder)
    with newsroom(tmp_path) as room:
        room.add_source("mail", source_at(mailbox, folder).url, auth_env="WIRE_MAIL")
        room.add_rule('"Kim Jong Un" + Reise')
        room.poll()
        room.poll()
        assert [TRIP.headline] == room.told()
