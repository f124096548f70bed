"""Webhooks: a message out as signed JSON, what the receiver answered in.

A receiver checks `X-Monitor-Signature`: for each secret that is in use it holds `v1=` and the hexadecimal
HMAC-SHA256 (RFC 2104) of the timestamp, a full stop and the body. The body of a repeat is the same to the
byte, and so is its `Idempotency-Key`; only the timestamp moves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import urllib.request
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message as Headers
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from service.deliver import redact
from service.errors import UsageError
from service.model import Channel, Clock, Message, Outcome, Verdict, utcnow

TIMEOUT = 15.0  # seconds for the connection and for each answer
SECRETS = 2  # the one in use, and the one before or after it, while a receiver changes over

TRANSIENT_STATUS = frozenset({408, 425, 429})  # of the client errors, those that pass
AUTH_STATUS = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where a message is posted, and what it is signed with."""

    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca: str = ""


def hook(url: str) -> Hook:
    """The receiver of `webhook(s)://[user:pass@]host/path?secret=…`; raises UsageError.

    `secret` may stand twice. `ca=FILE` names the certificates to trust, `+Name=value` is a header of its own;
    every other parameter belongs to the receiver and stays in the address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        given = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError as error:
        raise UsageError("not a webhook URL: the host or the port cannot be read") from error
    if not host:
        raise UsageError("a webhook URL needs a host (webhooks://host/path?secret=…)")
    secrets = tuple(value for key, value in given if key == "secret")
    if len(secrets) > SECRETS or not all(secrets):
        raise UsageError("a webhook has one secret, or two while they are exchanged, and none is empty")
    headers = {key[1:]: value for key, value in given if key[:1] in {" ", "+"}}  # a plus reads as a blank
    if not all(
        f"{name}{value}".isprintable() and f"{name}{value}".isascii() for name, value in headers.items()
    ):
        raise UsageError("a header of a webhook is printable ASCII")
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.setdefault("Authorization", "Basic " + b64encode(pair.encode()).decode())
    own = {"secret", "ca"}
    query = urlencode([(key, value) for key, value in given if key not in own and key[:1] not in {" ", "+"}])
    scheme = "https" if parts.scheme == "webhooks" else "http"
    where = f"[{host}]" if ":" in host else host
    address = (
        f"{scheme}://{where}{f':{port}' if port else ''}{quote(parts.path or '/', safe='/%:@!$&()*+,;=~')}"
    )
    ca = next((value for key, value in given if key == "ca"), "")
    return Hook(url=f"{address}?{query}" if query else address, secrets=secrets, headers=headers, ca=ca)


def sign(secrets: Sequence[str], timestamp: str, body: bytes) -> str:
    """The value of X-Monitor-Signature: a `v1=…` for each secret, parted by commas."""
    signed = timestamp.encode() + b"." + body
    return ",".join(
        f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets
    )


class Webhook:
    """The driver for one receiver."""

    def __init__(self, hook: Hook, *, hidden: frozenset[str] = frozenset(), clock: Clock = utcnow) -> None:
        self._hook, self._hidden, self._clock = hook, hidden, clock
        self._opener: urllib.request.OpenerDirector | None = None

    def send(self, message: Message, recipient: str) -> Outcome:  # noqa: ARG002 - it stands in the body
        """What became of the request. Only 2xx is a success; a redirect is not followed."""
        body = json.dumps(message.data, ensure_ascii=False, separators=(",", ":")).encode()
        now = self._clock()
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "wire-monitor",
            "Idempotency-Key": message.id,
            "X-Monitor-Timestamp": timestamp,
            **(
                {"X-Monitor-Signature": sign(self._hook.secrets, timestamp, body)}
                if self._hook.secrets
                else {}
            ),
            **self._hook.headers,
        }
        request = urllib.request.Request(self._hook.url, body, headers, method="POST")  # noqa: S310 - http(s)
        try:
            with self._director().open(request, timeout=TIMEOUT) as response:
                return Outcome(verdict=Verdict.SENT, code=f"HTTP {response.status}")
        except HTTPError as error:
            with error:
                return judge(error.code, error.headers, now)
        except URLError as error:
            return self._unreachable(error.reason)
        except (OSError, HTTPException) as error:
            # The request was on its way: it may have been taken, and only the answer lost.
            reason = f"no answer: {redact.line(error or type(error).__name__, self._hidden)}"
            return Outcome(verdict=Verdict.AMBIGUOUS, reason=reason)

    def close(self) -> None:
        """Nothing is kept open."""

    def _director(self) -> urllib.request.OpenerDirector:
        """Built once: reading the certificates of the system takes tens of milliseconds."""
        if self._opener is None:
            context = ssl.create_default_context(cafile=self._hook.ca or None)
            self._opener = urllib.request.build_opener(
                urllib.request.HTTPSHandler(context=context), _NoRedirect
            )
        return self._opener

    def _unreachable(self, error: object) -> Outcome:
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = f"the certificate is not trusted: {error.verify_message}"
            return Outcome(verdict=Verdict.AUTH, reason=redact.line(reason, self._hidden))
        told = "timed out" if isinstance(error, TimeoutError) else getattr(error, "strerror", "") or error
        return Outcome(verdict=Verdict.TRANSIENT, reason=f"no connection: {redact.line(told, self._hidden)}")


def judge(status: int, headers: Mapping[str, str] | Headers, now: datetime) -> Outcome:
    """What an HTTP status means for a delivery, with the pause that was asked for (RFC 9110, 10.2.3)."""
    code = f"HTTP {status}"
    asked = retry_after(headers.get("Retry-After") or "", now)
    if 200 <= status < 300:
        return Outcome(verdict=Verdict.SENT, code=code)
    if 300 <= status < 400:
        return Outcome(verdict=Verdict.PERMANENT, code=code, reason="a redirect, which is not followed")
    if status in AUTH_STATUS:
        return Outcome(
            verdict=Verdict.AUTH, code=code, reason="not allowed: check the channel's URL and secret"
        )
    if status in TRANSIENT_STATUS or status >= 500:
        reason = "told to slow down" if status == 429 else "the receiver has trouble"
        return Outcome(verdict=Verdict.TRANSIENT, code=code, reason=reason, retry_after=asked)
    return Outcome(verdict=Verdict.PERMANENT, code=code, reason="the receiver refuses the message")


def retry_after(value: str, now: datetime) -> timedelta | None:
    """The wait that a Retry-After asks for, given in seconds or as a date; None where it says nothing."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 10**6))
    try:
        return max(parsedate_to_datetime(text) - now, timedelta(0))
    except (ValueError, TypeError):  # no date, or one without its zone
        return None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect stays an answer: the second request would be another one, without its body."""

    def redirect_request(
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: Headers,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        """Follow nothing."""
        return


def open_webhook(channel: Channel) -> Webhook:
    """The driver of a `webhook(s)://` channel; raises UsageError."""
    return Webhook(hook(channel.url), hidden=redact.secrets(channel.url))
