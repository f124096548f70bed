"""Chat and push services: a message in, what the service answered out. The one home of Apprise.

Apprise knows some 180 services and how each wants to be spoken to. What it does beyond that is switched
off: it is given one URL, no retries, no redirects, no thread pool, and a fresh object for each attempt,
since it sleeps between two sends of one. It says only whether it worked; why not is read from the HTTP
answers that came by meanwhile.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formataddr
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from service.deliver import dialect, redact
from service.deliver.smtp import ADDRESS, PORTS, Account, Mail, Mode
from service.deliver.webhook import judge
from service.errors import UsageError
from service.model import Channel, Clock, Message, Outcome, Verdict, utcnow

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 15.0  # seconds

# They retry inside the call, blind to the reason, or call a failure a success.
REFUSED_PARAMETERS = ("retry", "wait", "optional")

RECIPIENT = "{recipient}"  # in a channel's URL: where the recipient of a message goes

MACHINES = frozenset({"json", "jsons", "form", "forms", "xml", "xmls"})  # they get the plain text
MARKDOWN_AS_TEXT = frozenset({"mmost", "mmosts", "zulip"})  # what they call text, they read as Markdown
MAIL_SIZE = 32_768  # characters; a service that takes as much, and HTML before all else, is a mailer


@dataclass(slots=True)
class _Heard:
    """What the network said during one attempt, the last word last."""

    answers: list[Outcome] = field(default_factory=list)
    clock: Clock = utcnow


_listening: contextvars.ContextVar[_Heard | None] = contextvars.ContextVar("listening", default=None)


_loading = threading.Lock()


def _apprise() -> Any:  # noqa: ANN401 - the package; it has types, but none for what is loaded by name
    """Apprise, imported at the first need: it takes a third of a second and 40 MB."""
    with _loading:
        return _load()


@functools.cache
def _load() -> Any:  # noqa: ANN401
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its plugins load what Python is about to drop
        import apprise
        import requests.adapters

        apprise.Apprise.instantiate("json://localhost")  # loads every plugin, and their warnings with them
    # It would print warnings with parts of URLs in them; the reason of a failure is ours to word.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    _listen(requests.adapters.HTTPAdapter, requests.RequestException)
    return apprise


def _listen(adapter: Any, failure: type[Exception]) -> None:  # noqa: ANN401
    """Hear every answer that requests gets while someone in this thread listens."""
    send = adapter.send

    @functools.wraps(send)
    def heard(self: object, request: object, *args: object, **kwargs: object) -> object:
        listener = _listening.get()
        if listener is None:
            return send(self, request, *args, **kwargs)
        try:
            response = send(self, request, *args, **kwargs)
        except failure as error:
            listener.answers.append(_failed(error))
            raise
        listener.answers.append(judge(response.status_code, response.headers, listener.clock()))
        return response

    adapter.send = heard


def _failed(error: Exception) -> Outcome:
    """What an exception of requests means; its text shows the URL, so only its kind is told."""
    from requests import ConnectTimeout, ReadTimeout
    from requests.exceptions import ProxyError, SSLError
    from urllib3.exceptions import ProtocolError

    if isinstance(error, ReadTimeout):
        return Outcome(verdict=Verdict.AMBIGUOUS, reason="no answer: timed out")
    if isinstance(error, ConnectTimeout):
        return Outcome(verdict=Verdict.TRANSIENT, reason="no connection: timed out")
    if isinstance(error, SSLError):
        return Outcome(verdict=Verdict.AUTH, reason="the certificate of the service is not trusted")
    if isinstance(error, ProxyError):
        return Outcome(verdict=Verdict.TRANSIENT, reason="no connection through the proxy")
    if error.args and isinstance(error.args[0], ProtocolError):
        return Outcome(verdict=Verdict.AMBIGUOUS, reason="the connection was cut before an answer came")
    return Outcome(verdict=Verdict.TRANSIENT, reason="no connection")


@contextmanager
def _hearing(clock: Clock) -> Iterator[_Heard]:
    heard = _Heard(clock=clock)
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)


def _service(url: str) -> Any:  # noqa: ANN401 - an Apprise plugin
    """A fresh plugin for one attempt, or None where Apprise cannot make one of this URL."""
    apprise = _apprise()
    asset = apprise.AppriseAsset(
        app_id="Wire Monitor",
        app_desc="Wire Monitor",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        async_mode=False,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is not None:
        service.socket_connect_timeout = CONNECT_TIMEOUT
        service.socket_read_timeout = READ_TIMEOUT
    return service


def _refuse(url: str) -> None:
    """Raise UsageError for parameters that would make Apprise decide what the outbox decides."""
    try:
        given = {key.lower() for key, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    except ValueError:
        given = {key.lower() for key in re.findall(r"[?&]([^=&]+)=", url)}
    for name in REFUSED_PARAMETERS:
        if name in given:
            raise UsageError(f"{name}= has no place in a channel URL: failed messages are retried anyway")


class Chat:
    """The driver for one service."""

    def __init__(self, url: str, clock: Clock = utcnow) -> None:
        self._url, self._clock = url, clock

    def send(self, message: Message, recipient: str) -> Outcome:
        """What became of one attempt."""
        if recipient and RECIPIENT not in self._url:
            reason = f"this channel takes no recipient (its URL has no {RECIPIENT})"
            return Outcome(verdict=Verdict.PERMANENT, reason=reason)
        url = self._url.replace(RECIPIENT, quote(recipient, safe=""))
        service = _service(url)
        if service is None:
            return Outcome(verdict=Verdict.AUTH, reason="the channel's URL is not understood (see doctor)")
        with _hearing(self._clock) as heard:
            try:
                sent = service.notify(**_worded(message, service, url.split(":", 1)[0].lower()))
            except Exception as error:  # noqa: BLE001 - 180 plugins, each with its own ways to fail
                reason = redact.line(f"{type(error).__name__}: {error}", redact.secrets(url))
                return Outcome(verdict=Verdict.TRANSIENT, reason=reason)
        return _verdict(bool(sent), heard.answers)

    def close(self) -> None:
        """Nothing is kept open."""


def _verdict(sent: bool, answers: list[Outcome]) -> Outcome:
    """The outcome of an attempt, from what Apprise says and what was heard."""
    last = answers[-1] if answers else None
    if sent:
        return Outcome(verdict=Verdict.SENT, code=last.code if last else "")
    troubles = [answer for answer in answers if answer.verdict is not Verdict.SENT]
    if troubles:
        return troubles[-1]
    if last:  # 200, and a body that says no
        return Outcome(verdict=Verdict.TRANSIENT, code=last.code, reason="the service did not take it")
    return Outcome(verdict=Verdict.TRANSIENT, reason="the service cannot be reached")


def _worded(message: Message, service: Any, scheme: str) -> dict[str, object]:  # noqa: ANN401
    """The arguments for `notify`: the message in the richest form that the service reads as we mean it.

    The form is always named, or Apprise would take plain text for HTML and send it unescaped.
    """
    kinds = service.notify_format if isinstance(service.notify_format, tuple) else (service.notify_format,)
    html, markdown, text = (_apprise().NotifyFormat(kind) for kind in ("html", "markdown", "text"))
    if scheme in MACHINES:
        return _fit(service, message.subject, message.text, text)
    if kinds[0] == html and service.body_maxlen >= MAIL_SIZE:
        return _fit(service, message.subject, message.html or dialect.as_html(message.chat), html)
    chat = message.chat or dialect.escape_lines(message.text)
    if scheme in MARKDOWN_AS_TEXT:
        return _fit(service, "", chat, text)
    # A service may have been told its form (`?format=text`); it has the last word.
    form = service.resolve_format(next(kind for kind in (html, markdown, text) if kind in kinds))
    if form == html:
        return _fit(service, "", dialect.as_html(chat), form)
    if form == markdown:
        return _fit(service, "", chat, form)
    headline, _, rest = dialect.plain(chat).partition("\n")
    if service.title_maxlen > 0 and rest:
        return _fit(service, headline, rest, form)
    return _fit(service, "", dialect.plain(chat), form)


def _fit(service: Any, title: str, body: str, form: object) -> dict[str, object]:  # noqa: ANN401
    """Title and body within the service's bounds, so that nothing is split into several messages."""
    title = title[: max(service.title_maxlen, 0)]
    room = service.body_maxlen
    return {
        "title": title,
        "body": body if len(body) <= room else body[: room - 1] + "…",
        "body_format": form,
    }


# ---------------------------------------------------------------- opening a channel


def open_chat(channel: Channel) -> Chat:
    """The driver of any other URL that Apprise knows; raises UsageError without a secret."""
    _refuse(channel.url)
    if _service(channel.url.replace(RECIPIENT, "12345678")) is None:
        scheme = channel.url.split(":", 1)[0]
        if scheme.lower() in _schemes():
            raise UsageError(f"{scheme}://… is not complete (see the page of that service in Apprise's wiki)")
        raise UsageError(f"not a channel URL that anything here understands: {scheme}://…")
    return Chat(channel.url)


@functools.cache
def _schemes() -> frozenset[str]:
    """Every scheme that Apprise knows."""
    listed = _apprise().Apprise().details()["schemas"]
    groups = ("protocols", "secure_protocols")
    return frozenset(scheme for service in listed for group in groups for scheme in service[group] or ())


def open_mailto(channel: Channel) -> Mail:
    """The mail driver for an Apprise mail URL, `mailto(s)://user:pass@host?to=…`; raises UsageError."""
    _refuse(channel.url)
    return Mail(mailbox(channel.url))


def mailbox(url: str) -> Account:
    """The account that an Apprise mail URL names; Apprise knows the servers of the great providers.

    `ca=FILE` is understood beside its own parameters. Copies (`cc`, `bcc`) are further recipients, since each
    gets a mail of its own. Raises UsageError.
    """
    service = _service(url)
    if service is None:
        raise UsageError("not a mail URL: write mailto(s)://user:password@host:port?from=…&to=…")
    if service.pgp_mode != "no":
        raise UsageError("pgp= is not offered for mail channels")
    name, address = service.from_addr
    sender = formataddr((name if name and name != "Apprise" else "Wire Monitor", address))
    to = dict.fromkeys([*(address for _, address in service.targets), *sorted(service.cc | service.bcc)])
    for recipient in (address, *to):
        if not ADDRESS.fullmatch(recipient):
            raise UsageError(f"not a mail address: {redact.line(recipient)}")
    mode = Mode.PLAIN if service.secure_mode == "insecure" else Mode(service.secure_mode)
    return Account(
        host=service.smtp_host,
        port=service.port or PORTS[mode],
        mode=mode,
        sender=sender,
        user=service.user or "",
        password=service.password or "",
        to=tuple(to),
        reply_to=", ".join(sorted(service.reply_to)),
        ca=dict(parse_qsl(urlsplit(url).query)).get("ca", ""),
        verify=bool(service.verify_certificate),
        headers=dict(service.headers),
    )
