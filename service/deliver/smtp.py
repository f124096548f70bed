"""Mail over SMTP: a message and an address in, what the server said out (RFC 5321, RFC 5322).

Own, since a mail library hides the two things an alert lives by: the code of the server, which says
whether to try again, and the Message-ID, which lets a receiver fold a repeat. One mail goes to one
recipient; connections are kept for a while.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from service.deliver import redact
from service.deliver.dialect import clean
from service.errors import UsageError
from service.model import Channel, Clock, Message, Outcome, Verdict, utcnow

REPLY_TIMEOUT = 15.0  # seconds for one answer of the server; some let newcomers wait for the first one
SEND_TIMEOUT = 30.0  # seconds for a whole mail, the login included
IDLE = 30.0  # seconds after which a connection is not trusted any more
MAILS_PER_CONNECTION = 50  # many servers cut the line at 100

# How we call ourselves (RFC 5321, 4.1.3): smtplib would ask the name server, and wait where there is none.
HERE = socket.gethostname() if "." in socket.gethostname() else "[127.0.0.1]"

# Codes that blame the channel: its login is refused (530 to 538, RFC 4954, section 6).
LOGIN_CODES = frozenset({530, 534, 535, 538})
TOO_LARGE = 552  # may come before the content, and is about this mail alone

ADDRESS = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.\[\]:-]+")  # printable ASCII without blanks and angle brackets


class Mode(StrEnum):
    """How a connection is protected."""

    PLAIN = "plain"
    STARTTLS = "starttls"
    SSL = "ssl"


WAYS = "in the channel's URL, smtps:// is TLS from the start, and mode=plain none at all"
PORTS = {Mode.PLAIN: 25, Mode.STARTTLS: 587, Mode.SSL: 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where mail is handed in, as whom, and for whom."""

    host: str
    port: int
    mode: Mode
    sender: str  # with a name, as in a From line
    user: str = ""
    password: str = field(default="", repr=False)
    to: tuple[str, ...] = ()
    reply_to: str = ""
    ca: str = ""  # a file with the certificates to trust, instead of the system's
    verify: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


def account(url: str) -> Account:
    """The account of `smtp(s)://user:pass@host:port?from=…&to=…&mode=plain|starttls|ssl&ca=FILE`.

    `smtps` means `mode=ssl`. Plain `smtp` means STARTTLS where there is a password, which is never sent in
    the clear unless `mode=plain` says so. Raises UsageError with one line that shows no secret.
    """
    try:
        parts = urlsplit(url)
        given = parse_qs(parts.query, keep_blank_values=True)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError("not a mail URL: the host or the port cannot be read (smtp://host:587)") from error
    if not host:
        raise UsageError("a mail URL needs a host (smtp://user:password@host:587?from=…&to=…)")
    if unknown := given.keys() - {"from", "to", "mode", "ca", "verify", "reply"}:
        raise UsageError(f"a mail URL has no {min(unknown)}= (from, to, mode, ca, verify, reply)")
    first = {key: values[0] for key, values in given.items()}
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    usual = Mode.SSL if parts.scheme == "smtps" else Mode.STARTTLS if password else Mode.PLAIN
    mode = first.get("mode") or usual
    if mode not in set(Mode):
        raise UsageError(f"mode={mode} is none of {', '.join(Mode)}")
    sender = first.get("from") or (user if "@" in user else "")
    if not ADDRESS.fullmatch(parseaddr(sender)[1]):
        raise UsageError("a mail URL needs the sender's address (from=monitor@example.org)")
    to = tuple(
        address.strip() for text in given.get("to", ()) for address in text.split(",") if address.strip()
    )
    for address in to:
        if not ADDRESS.fullmatch(address):
            raise UsageError(f"not a mail address: to={address}")
    return Account(
        host=host,
        port=port or PORTS[Mode(mode)],
        mode=Mode(mode),
        sender=sender,
        user=user,
        password=password,
        to=to,
        reply_to=first.get("reply", ""),
        ca=first.get("ca", ""),
        verify=first.get("verify", "yes") not in {"no", "false", "0"},
    )


def compose(message: Message, account: Account, to: str, date: str) -> bytes:
    """The mail as it goes over the wire: plain text and HTML, threaded, seven bits wide.

    The Message-ID is that of the message, so a repeat carries it again (RFC 5322, 3.6.4). It is marked as
    written by a machine, so that no absence notice answers it (RFC 3834).
    """
    name, address = parseaddr(account.sender)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((clean(name) or "Wire Monitor", address))
    mail["To"] = to
    mail["Date"] = date
    mail["Message-ID"] = f"<{_id(message.id)}>"
    if message.thread and message.thread != message.id:
        mail["In-Reply-To"] = mail["References"] = f"<{_id(message.thread)}>"
    if account.reply_to:
        mail["Reply-To"] = account.reply_to
    mail["Auto-Submitted"] = "auto-generated"
    lines = [b"Subject: " + _unstructured("Subject", message.subject)]
    for key, value in {**account.headers, **message.headers}.items():
        lines.append(key.encode("ascii") + b": " + _unstructured(key, value))
    mail.set_content(message.text, cte="quoted-printable")
    if message.html:
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return b"".join(line + b"\r\n" for line in lines) + mail.as_bytes()


def _id(text: str) -> str:
    return re.sub(r"[^!-;=?-~]", "", text)


def _unstructured(name: str, text: str) -> bytes:
    """A header's value in encoded words (RFC 2047).

    Not by `EmailMessage`: where ASCII and other letters mix, CPython 3.11 folds a blank too many into it.
    """
    line = clean(text).strip()
    charset = "us-ascii" if line.isascii() else "utf-8"
    return Header(line, charset, header_name=name).encode(linesep="\r\n").encode("ascii")


class Mail:
    """The driver for one account. Not for several threads at once: each channel has its own."""

    def __init__(
        self, account: Account, clock: Clock = utcnow, *, reply_timeout: float = REPLY_TIMEOUT
    ) -> None:
        self.account = account
        self._clock = clock
        self._reply_timeout = reply_timeout
        self._smtp: smtplib.SMTP | None = None
        self._mails = 0  # over this connection
        self._used = 0.0  # monotonic
        self._tls: ssl.SSLContext | None = None
        self._had: dict[str, frozenset[str]] = {}  # message id: who had it, while others have not

    def send(self, message: Message, recipient: str) -> Outcome:
        """What became of the mail; every failure of the network or the server is an answer.

        Without a recipient it goes to every address of the channel's URL, to each on its own. A later try
        leaves out those that had it, and one bad address does not keep it from the others.
        """
        if recipient:
            return self._mail(message, recipient)
        if not self.account.to:
            return Outcome(verdict=Verdict.PERMANENT, reason="no recipient: the channel's URL has no to=")
        had = self._had.pop(message.id, frozenset())
        outcomes: dict[str, Outcome] = {}
        for to in self.account.to:
            if to not in had:
                outcomes[to] = self._mail(message, to)
                if self._smtp is None and outcomes[to].verdict is not Verdict.SENT:
                    break  # the server is away: the others would only wait for it, too
        had |= {to for to, outcome in outcomes.items() if outcome.verdict is Verdict.SENT}
        failed = {to: outcome for to, outcome in outcomes.items() if outcome.verdict is not Verdict.SENT}
        if not failed:
            return next(iter(outcomes.values()), Outcome(verdict=Verdict.SENT))
        missing = [to for to in self.account.to if to not in had]
        open_ends = [to for to in failed if failed[to].verdict is not Verdict.PERMANENT]
        if open_ends and had:
            self._had[message.id] = had
        worst = failed[open_ends[0]] if open_ends else next(iter(failed.values()))
        if len(self.account.to) == 1:
            return worst
        reason = redact.line(f"not to {', '.join(missing)}: {worst.code} {worst.reason}")
        verdict = worst.verdict if open_ends or not had else Verdict.SENT
        return replace(worst, verdict=verdict, reason=reason)

    def _mail(self, message: Message, to: str) -> Outcome:
        """One mail to one address, over the kept connection if it still holds."""
        if not ADDRESS.fullmatch(to):
            return Outcome(verdict=Verdict.PERMANENT, reason=redact.line(f"not a mail address: {to}"))
        mail = compose(message, self.account, to, format_datetime(self._clock()))
        deadline = time.monotonic() + SEND_TIMEOUT
        kept = self._smtp is not None
        outcome = self._try(mail, to, deadline)
        if kept and self._smtp is None and outcome.verdict is Verdict.TRANSIENT:
            # The server had hung up on a kept connection before it saw the mail: that is no failure yet.
            outcome = self._try(mail, to, deadline)
        return outcome

    def close(self) -> None:
        """Say goodbye; the next mail opens a new connection."""
        smtp, self._smtp = self._smtp, None
        if smtp is None:
            return
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(1.0)
            smtp.quit()
        except OSError:
            smtp.close()

    def _try(self, mail: bytes, to: str, deadline: float) -> Outcome:
        try:
            smtp = self._connection(deadline)
        except smtplib.SMTPException as error:
            return self._refused(error, connecting=True)
        except ssl.SSLCertVerificationError as error:
            reason = f"the certificate of {self.account.host} is not trusted: {error.verify_message}"
            return self._drop(Verdict.AUTH, reason=reason)
        except (OSError, ValueError) as error:
            where = f"{self.account.host}:{self.account.port}"
            return self._drop(Verdict.TRANSIENT, reason=f"no connection to {where}: {_told(error)}")
        try:
            refused = self._envelope(smtp, to, deadline)
            if refused is not None:
                return refused
        except OSError as error:
            return self._refused(error)
        return self._content(smtp, mail)

    def _envelope(self, smtp: smtplib.SMTP, to: str, deadline: float) -> Outcome | None:
        """Announce sender and recipient; the refusal, if there is one."""
        self._within(smtp, deadline)
        code, said = smtp.mail(parseaddr(self.account.sender)[1])
        if code != 250:
            blame = Verdict.AUTH if 500 <= code < 600 and code != TOO_LARGE else None
            return self._answer(smtp, code, said, blame)
        self._within(smtp, deadline)
        code, said = smtp.rcpt(to)
        if code not in {250, 251}:
            return self._answer(smtp, code, said)
        self._within(smtp, deadline)
        return None

    def _content(self, smtp: smtplib.SMTP, mail: bytes) -> Outcome:
        """Hand over the mail. Once it is on its way, silence does not mean that it was not taken."""
        try:
            code, said = smtp.data(mail)
        except smtplib.SMTPDataError as error:
            return self._answer(smtp, error.smtp_code, error.smtp_error)
        except OSError as error:
            return self._drop(Verdict.AMBIGUOUS, reason=f"no answer after the mail was sent: {_told(error)}")
        if code != 250:
            return self._answer(smtp, code, said)
        self._mails += 1
        self._used = time.monotonic()
        return Outcome(verdict=Verdict.SENT, code=str(code), reason=self._line(said))

    def _answer(
        self, smtp: smtplib.SMTP, code: int, said: bytes | str, verdict: Verdict | None = None
    ) -> Outcome:
        """An answer other than yes; the connection is kept, if the server still listens."""
        if code == 421:
            self._drop(Verdict.TRANSIENT)
        else:
            try:
                smtp.rset()
                self._used = time.monotonic()
            except OSError:
                self._drop(Verdict.TRANSIENT)
        return Outcome(verdict=verdict or judge(code), code=str(code), reason=self._line(said))

    def _refused(self, error: Exception, *, connecting: bool = False) -> Outcome:
        """An exception of smtplib before the mail was on its way."""
        if isinstance(error, smtplib.SMTPNotSupportedError):
            wanted = "STARTTLS" if self.account.mode is Mode.STARTTLS else "login"
            return self._drop(Verdict.AUTH, reason=f"{self.account.host} offers no {wanted} ({WAYS})")
        if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
            # Whom the server does not greet, or does not let in, is at fault as a channel.
            blame = connecting and 500 <= error.smtp_code < 600
            verdict = Verdict.AUTH if blame else judge(error.smtp_code)
            return self._drop(verdict, code=str(error.smtp_code), reason=self._line(error.smtp_error))
        return self._drop(Verdict.TRANSIENT, reason=f"the connection broke: {_told(error)}")

    def _drop(self, verdict: Verdict, *, code: str = "", reason: str = "") -> Outcome:
        """Let go of the connection without a word, and answer."""
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None
        return Outcome(verdict=verdict, code=code, reason=self._line(reason))

    def _line(self, text: bytes | str) -> str:
        return redact.line(text, {self.account.password} - {""})

    def _connection(self, deadline: float) -> smtplib.SMTP:
        """The kept connection, or a new one that is protected and logged in."""
        stale = self._mails >= MAILS_PER_CONNECTION or time.monotonic() - self._used > IDLE
        if self._smtp is not None and not stale:
            return self._smtp
        self.close()
        account = self.account
        smtp = self._connect()
        try:
            self._within(smtp, deadline)
            smtp.ehlo_or_helo_if_needed()
            if account.mode is Mode.STARTTLS:
                smtp.starttls(context=self._context())
                self._within(smtp, deadline)
                smtp.ehlo_or_helo_if_needed()
            if account.user and account.password:
                smtp.login(account.user, account.password)
        except BaseException:
            smtp.close()
            raise
        self._smtp, self._mails, self._used = smtp, 0, time.monotonic()
        return smtp

    def _within(self, smtp: smtplib.SMTP, deadline: float) -> None:
        """Give the next answer its time, but not beyond the deadline of the whole mail."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not done within {SEND_TIMEOUT:.0f} s")
        if smtp.sock is not None:
            smtp.sock.settimeout(min(self._reply_timeout, left))

    def _connect(self) -> smtplib.SMTP:
        host, port = self.account.host, self.account.port
        if self.account.mode is Mode.SSL:
            context = self._context()
            return smtplib.SMTP_SSL(host, port, HERE, timeout=self._reply_timeout, context=context)
        return smtplib.SMTP(host, port, HERE, timeout=self._reply_timeout)

    def _context(self) -> ssl.SSLContext:
        """Built once: reading the certificates of the system takes tens of milliseconds."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self.account.ca or None)
            if not self.account.verify:
                self._tls.check_hostname = False
                self._tls.verify_mode = ssl.CERT_NONE
        return self._tls


def judge(code: int) -> Verdict:
    """What a reply code means for the mail (RFC 5321, 4.2.1: 4 is for now, 5 is for good)."""
    if code in LOGIN_CODES:
        return Verdict.AUTH
    return Verdict.PERMANENT if 500 <= code < 600 else Verdict.TRANSIENT


def _told(error: Exception) -> str:
    """An exception in words, where it has any."""
    if isinstance(error, TimeoutError):
        return "timed out"
    return str(getattr(error, "strerror", "") or error) or type(error).__name__


def open_mail(channel: Channel) -> Mail:
    """The driver of an `smtp(s)://` channel; raises UsageError."""
    return Mail(account(channel.url))
