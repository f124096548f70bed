"""Mailboxes: what agencies send by mail, read over IMAP and left as it is.

    imaps://HOST/FOLDER   TLS from the first byte; FOLDER is INBOX where none is named
    imap://HOST/FOLDER    TLS after STARTTLS; without it only where `http.allowed_networks` opens the host

Attachments that are text, XML or JSON are documents; a mail without one is a story: its subject, its date,
its text. Nothing is marked as read, moved or deleted: the cursor's position is the mailbox and the number of
the last mail that was read in it.

Source: RFC 9051 (IMAP4rev2) 2.3.1.1 (UID and UIDVALIDITY), 6.3.3 (EXAMINE); RFC 3501 5.1.3 (names of
mailboxes); RFC 8314 (TLS).
"""

from __future__ import annotations

import base64
import email
import email.policy
import imaplib
import logging
import os
import re
import socket
import ssl
import time
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage, MIMEPart
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from service.fetch import causes, credentials
from service.fetch.http import Client, Result
from service.model import Document, Failure, FailureKind, Fetched, Source
from service.text.html import to_text

MOST_MAILS = 200  # at one look
MOST_BYTES = 20_000_000  # likewise
ENOUGH = 30.0  # seconds, after which the rest is left for the next look
READABLE = re.compile(r"text/(?!html|calendar|x-vcard)|application/(?:.*\+)?(?:xml|json)\b", re.IGNORECASE)
WIRE_NAME = re.compile(r"\.(?:xml|json|txt|iptc|anpa|nitf|ninjs|newsml|g2|7901)$", re.IGNORECASE)
AGENCY_FORM = re.compile(r"\A\s*\x01|^\s*\d\d\.\d\d\.(?:\d\d|\d{4}) \d\d:\d\d Uhr\s*$", re.MULTILINE)

log = logging.getLogger(__name__)


class _LeftOutError(Exception):
    """Why a mail is not read; the others are."""


class _InTheClearError(Exception):
    """The server offers no TLS, and its network is not ours."""


def read(source: Source, client: Client) -> Result:
    """The mails that are new since the cursor's position; on the first look the newest ones."""
    host = urlsplit(source.url).hostname or ""
    try:
        login = credentials.login(source.auth_env, os.environ)
        if login is None:
            reason = "a mailbox needs credentials (--auth-env VAR holds user:password)"
            return Failure(source=source, kind=FailureKind.AUTH, reason=reason)
        with _connect(source.url, client) as box:
            try:
                box.login(*login)
            except imaplib.IMAP4.error:
                reason = f"{host} refused the login (--auth-env VAR holds user:password)"
                return Failure(source=source, kind=FailureKind.AUTH, reason=reason)
            return _look(source, client, box)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's server provokes ends here, as a value
        kind, reason = _explain(error, host)
        return Failure(source=source, kind=kind, reason=reason)


def _look(source: Source, client: Client, box: imaplib.IMAP4) -> Result:
    """The new mails of an open mailbox."""
    folder = unquote(urlsplit(source.url).path).strip("/") or "INBOX"
    status, _ = box.select(_quoted(folder), readonly=True)
    if status != "OK":
        reason = f"there is no mailbox {folder!r}"
        return Failure(source=source, kind=FailureKind.STATUS, reason=reason)
    _, answer = box.response("UIDVALIDITY")
    validity = bytes(answer[-1] or b"0").decode("ascii", "replace")
    box_then, _, last = source.cursor.position.partition(":")
    after = int(last) if box_then == validity and last.isdecimal() else 0
    numbers = [number for number in _search(box, after) if number > after]
    if not after:  # what has lain there for long is no news
        numbers = numbers[-MOST_MAILS:]
    documents: list[Document] = []
    began, taken = time.monotonic(), 0
    more = len(numbers) > MOST_MAILS
    for number in numbers[:MOST_MAILS]:
        if documents and (taken > MOST_BYTES or time.monotonic() - began > ENOUGH):
            more = True
            break
        after = number
        try:
            raw = _mail(box, number, client.settings.max_bytes)
            documents += _documents(raw, number, ZoneInfo(source.timezone), client.clock())
        except _LeftOutError as reason:
            log.warning("%s: mail %d is left out: %s", source.name, number, reason)
        else:
            taken += len(raw)
    return Fetched(
        source=source,
        cursor=replace(source.cursor, position=f"{validity}:{after}"),
        documents=tuple(documents),
        reject=lambda name, reason: log.warning("%s: %s is left out: %s", source.name, name, reason),
        more=more,
    )


def _quoted(folder: str) -> str:
    """The name of a mailbox as the protocol has it: in quotes, what is beyond ASCII in its own UTF-7."""

    def shifted(run: re.Match[str]) -> str:
        return f"&{base64.b64encode(run[0].encode('utf-16-be')).decode().rstrip('=').replace('/', ',')}-"

    ascii_ = re.sub(r"[^\x20-\x7e]+", shifted, folder.replace("&", "&-"))
    return '"' + ascii_.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _search(box: imaplib.IMAP4, after: int) -> list[int]:
    """The numbers of the mails from `after` on, in order; `*` always answers the last one."""
    _, answer = box.uid("SEARCH", f"UID {after + 1}:*")
    words = b" ".join(part for part in answer if isinstance(part, bytes)).split()
    return sorted(int(word) for word in words if word.isdigit())


def _mail(box: imaplib.IMAP4, number: int, limit: int) -> bytes:
    """A mail as it was sent; it stays unread. Raises _LeftOutError."""
    _, sizes = box.uid("FETCH", str(number), "(RFC822.SIZE)")
    answer = b" ".join(part for part in sizes if isinstance(part, bytes))
    size = re.search(rb"RFC822\.SIZE (\d{1,12})", answer)
    if size and int(size[1]) > limit:
        raise _LeftOutError("larger than http.max_bytes")
    _, parts = box.uid("FETCH", str(number), "(BODY.PEEK[])")
    raw: bytes | None = next((part[1] for part in parts if isinstance(part, tuple)), None)
    if raw is None:
        raise _LeftOutError("it is gone by now")
    return raw


# ---------------------------------------------------------------- from a mail to documents


def _documents(raw: bytes, number: int, zone: ZoneInfo, now: datetime) -> list[Document]:
    """The attachments of a mail that may be wire items; else the mail itself, as a plain story.

    Raises _LeftOutError for what the parser of the standard library falls over: a mail may nest without end.
    """
    try:
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        attached = [part for part in mail.iter_attachments() if _is_readable(part)]
        documents = [_attachment(part, f"mail-{number}", now) for part in attached]
        if not documents and (text := _text(mail)):
            told = text if AGENCY_FORM.search(text[:2000]) else _story(mail, text, zone)
            body = told.encode("utf-8", "replace")
            documents = [Document(body=body, name=f"mail-{number}.txt", charset="utf-8", received_at=now)]
    except Exception as error:
        raise _LeftOutError(f"it cannot be taken apart ({type(error).__name__})") from error
    return documents


def _attachment(part: EmailMessage, mail: str, now: datetime) -> Document:
    body = part.get_payload(decode=True)
    return Document(
        body=body if isinstance(body, bytes) else b"",
        name=part.get_filename() or f"{mail}.txt",
        charset=str(part.get_content_charset() or ""),
        received_at=now,
    )


def _is_readable(part: EmailMessage) -> bool:
    kind = part.get_content_type()
    return not _goes_on(part) and bool(READABLE.match(kind) or WIRE_NAME.search(part.get_filename() or ""))


def _goes_on(part: EmailMessage) -> bool:
    """Whether a part is none that was attached: text goes on behind a picture, a list adds its footer."""
    return part.get_content_type() == "text/plain" and not (part.get_filename() or part.is_attachment())


def _text(mail: EmailMessage) -> str:
    """What the mail says: its plain text, else what is to be read of its HTML, and the text that goes on."""
    body = mail.get_body(("plain", "html"))
    parts = [part for part in (body, *filter(_goes_on, mail.iter_attachments())) if part is not None]
    return "\n\n".join(map(_words, parts)).strip()


def _words(part: MIMEPart) -> str:
    """The text of a part."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    text = _decoded(payload, part.get_content_charset() or "utf-8")
    return to_text(text) if part.get_content_type() == "text/html" else text.replace("\r\n", "\n")


def _decoded(payload: bytes, charset: str) -> str:
    """The text in its character set; where that is not true, or nobody knows it, what it nearly always is."""
    for name in (charset, "utf-8"):
        try:
            return payload.decode(name)
        except (LookupError, UnicodeError):
            continue
    return payload.decode("cp1252", "replace")


def _subject(mail: EmailMessage) -> str:
    """The subject on one line; many a mailer sends it bare, in a character set that it does not name."""
    bare = next((str(value) for name, value in mail.raw_items() if name.lower() == "subject"), "")
    if not bare.isascii():
        return " ".join(_decoded(bare.encode("utf-8", "surrogateescape"), "utf-8").split())
    return " ".join(str(mail["Subject"] or "").split())


def _story(mail: EmailMessage, text: str, zone: ZoneInfo) -> str:
    """Subject, date and text in the form in which agencies pass stories on."""
    sent = getattr(mail["Date"], "datetime", None)
    stamp = f"{sent.astimezone(zone):%d.%m.%Y %H:%M} Uhr\n\n" if sent and sent.tzinfo else ""
    return f"{_subject(mail)}\n\n{stamp}{text}"


# ---------------------------------------------------------------- the connection


def _connect(url: str, client: Client) -> imaplib.IMAP4:
    """A connection to a checked address, with TLS; raises what goes wrong."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "imaps"
    port = parts.port or (993 if secure else 143)
    seconds = client.settings.timeout.total_seconds()
    tls = ssl.create_default_context()
    address = client.guard.address(host)

    class Box(imaplib.IMAP4):
        """IMAP to the address that was judged, and no other."""

        def _create_socket(self, timeout: float | None) -> socket.socket:
            plain = socket.create_connection((address, port), timeout)
            return tls.wrap_socket(plain, server_hostname=host) if secure else plain

    box = Box(host, port, timeout=seconds)
    if secure:
        return box
    if "STARTTLS" in box.capabilities:
        box.starttls(tls)
    elif not client.guard.opened(ip_address(address)):
        box.shutdown()
        raise _InTheClearError
    return box


def _explain(error: Exception, host: str) -> tuple[FailureKind, str]:
    """The kind and the sentence; what a server says of itself is left out."""
    if isinstance(error, _InTheClearError):
        return FailureKind.REFUSED, f"{host} offers no TLS, and a password is not sent without (imaps://)"
    strange = f"{host} answered with what is no IMAP ({type(error).__name__})"
    return causes.explain(error, host) or (FailureKind.NETWORK, strange)
