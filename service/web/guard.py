"""What every request must pass, and what every answer carries.

Whoever asks under a foreign name is refused: a page of another site whose name was bound to this address
(DNS rebinding) would otherwise read the desk. A change must come from a page of the desk itself: browsers
say where a request was made (Fetch Metadata, and Origin of RFC 6454); programs say neither and carry no
cookie that could be misused.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.actions.doorplate import HEADER
from service.config import Config

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BODY_BYTES = 12 * 10**6  # an ingested document of http.max_bytes and some air

ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def known_hosts(config: Config) -> frozenset[str]:
    """The names under which this desk may be asked, beside plain addresses."""
    names = {
        "localhost",
        split_host(config.web.listen)[0],
        socket.gethostname().lower(),
        socket.getfqdn().lower(),
    }
    names.add((urlsplit(config.web.base_url).hostname or "").lower())
    return frozenset(names - {""})


def split_host(text: str) -> tuple[str, str]:
    """Host, without the brackets of IPv6, and port of `host:port`; the port may be missing."""
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, ""
    return host.strip("[]").lower(), port


def refusal(method: str, headers: Headers, hosts: frozenset[str]) -> tuple[int, str] | None:
    """Why a request is refused, with its status; None where it may pass."""
    given = headers.get("host", "")
    host, _ = split_host(given)
    if host not in hosts and not _is_address(host):
        return 421, "this name is not served here (set web.base_url in config.toml)"
    if method in SAFE_METHODS:
        return None
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length[:18]) > MAX_BODY_BYTES:
        return 413, "too large"
    if site := headers.get("sec-fetch-site"):
        # Sent over TLS and to this machine; elsewhere the Origin has to do.
        return None if site in {"same-origin", "none"} else (403, "this was sent from another site")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != given.lower():
        return 403, "this was sent from another site"
    return None


def _is_address(host: str) -> bool:
    """An address cannot be bound to another machine by whoever owns a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Guard:
    """The first thing a request meets."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], doorplate: str) -> None:
        self.app, self.hosts, self.doorplate = app, hosts, doorplate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with headers added to the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        wanted = headers.get(HEADER, "")
        refused = refusal(scope["method"], headers, self.hosts)
        if wanted not in {"", self.doorplate}:
            refused = 421, "this is the desk of another monitor"
        if refused:
            status, reason = refused
            await PlainTextResponse(f"{reason}\n", status)(scope, receive, _adding(send))
        else:
            await self.app(scope, _bounded(receive), _adding(send, wanted))


def _adding(send: Send, doorplate: str = "") -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers.setdefault(name, value)
            if doorplate:
                headers[HEADER] = doorplate
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return with_headers


def _bounded(receive: Receive) -> Receive:
    """A body that says no length is cut off where it grows too long."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        return message if read <= MAX_BODY_BYTES else {"type": "http.disconnect"}

    return bounded


class Peer:
    """Remembers who really connected, before the headers of a trusted proxy replace it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the peer in the state."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["peer"] = (scope.get("client") or ("", 0))[0]
        await self.app(scope, receive, send)
