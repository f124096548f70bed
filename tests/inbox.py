"""Inboxes on loopback that say what they were told to say: a mail server and a webhook receiver.

    with MailServer() as mail, HookServer() as hooks:
        mail.answer("451 4.7.1 greylisted", ACCEPT)     # the first mail is put off, the second taken
        hooks.answer(429, retry_after="7")              # then 204 again
        ...
        [letter] = mail.wait(1)
        [post] = hooks.wait(1)

Both record what came, in order, and `wait` returns as soon as that many have come.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

ACCEPT = "250 2.0.0 taken"
DROP = "drop"  # the mail is taken, and the connection cut before the answer
HANG = "hang"  # the mail is read, and no answer comes until the server closes

CUT = 0  # as a status: the request is taken, and the connection cut before the answer

DEADLINE = 10.0  # seconds a test waits for what must come


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    connection: int  # counts from 1: two letters with the same number came over one connection
    user: str = ""  # who logged in
    encrypted: bool = False

    @property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def part(self, kind: str) -> str:
        """The text of the `plain` or `html` body."""
        body = self.message.get_body((kind,))
        assert body is not None, f"no {kind} part"
        return str(body.get_content())


class MailServer:
    """An SMTP server on loopback; it takes every mail unless it is told otherwise.

    `tls` offers STARTTLS, or wraps the connection from its first byte where `wrapped`. With `users`
    (name -> password) a login is needed. `refused` maps an address to the answer to its RCPT.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        wrapped: bool = False,
        users: Mapping[str, str] | None = None,
        refused: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.letters: list[Letter] = []
        self.refused = dict(refused or {})
        self.connections = 0
        self.port = port  # 0: a free one
        self._tls, self._wrapped, self._users = tls, wrapped, users
        self._answers: deque[str] = deque()
        self._open: list[SMTP] = []
        self._came = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail-server", daemon=True)

    host = "127.0.0.1"

    def answer(self, *answers: str) -> None:
        """What the next mails are answered, one each: a reply line, ACCEPT, DROP or HANG."""
        self._answers.extend(answers)

    def wait(self, number: int, deadline: float = DEADLINE) -> list[Letter]:
        """The letters, once there are `number`; fails where they do not come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.letters) >= number, deadline), (
                f"{len(self.letters)} of {number} letters came"
            )
            return list(self.letters)

    def hang_up(self) -> None:
        """Cut every open connection, as a server does that has waited long enough."""
        done = threading.Event()

        def cut() -> None:
            self._cut()
            done.set()

        self._loop.call_soon_threadsafe(cut)
        assert done.wait(DEADLINE)

    def __enter__(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        assert self._ready.wait(DEADLINE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut every connection and stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.create_server(
            self._connection, self.host, self.port, ssl=self._tls if self._wrapped else None
        )
        server = self._loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        self._loop.run_until_complete(server.wait_closed())
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0.01))  # transports close in a later turn
        self._loop.close()

    def _cut(self) -> None:
        for connection in self._open:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        self._open.clear()

    def _connection(self) -> SMTP:
        self.connections += 1
        connection = SMTP(
            _Mailbox(self, self.connections),
            loop=self._loop,
            hostname="localhost",
            tls_context=None if self._wrapped else self._tls,
            auth_require_tls=self._tls is not None and not self._wrapped,
            authenticator=self._authenticate,
        )
        self._open.append(connection)
        return connection

    def _authenticate(
        self, _server: SMTP, session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        known = (self._users or {}).get(given.login.decode())
        session.user = given.login.decode()  # type: ignore[attr-defined]
        # `handled=False` is what makes aiosmtpd send the 535 itself; otherwise the client would wait.
        return AuthResult(success=known == given.password.decode(), handled=False)


@dataclass(slots=True)
class _Mailbox:
    """The hooks of aiosmtpd for one connection."""

    server: MailServer
    connection: int

    async def handle_RCPT(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.server._users is not None and not session.authenticated:
            return "530 5.7.0 log in first"
        if refusal := self.server.refused.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answers = self.server._answers
        answer = answers.popleft() if answers else ACCEPT
        if answer == HANG:
            await asyncio.Event().wait()
        if answer in {ACCEPT, DROP}:
            assert isinstance(envelope.content, bytes)
            letter = Letter(
                sender=envelope.mail_from or "",
                recipients=tuple(envelope.rcpt_tos),
                raw=envelope.content,
                connection=self.connection,
                user=getattr(session, "user", "") if session.authenticated else "",
                encrypted=session.ssl is not None or self.server._wrapped,
            )
            with self.server._came:
                self.server.letters.append(letter)
                self.server._came.notify_all()
        if answer == DROP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer


@dataclass(frozen=True, slots=True)
class Post:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    at: float  # monotonic seconds

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    hang: bool


class HookServer:
    """An HTTP receiver on loopback; it answers 204 unless it is told otherwise."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self._answers: deque[_Answer] = deque()
        self._came = threading.Condition()
        self._closing = threading.Event()
        self._server = _Receiver((self.host, 0), _Hook)
        self._server.hooks = self
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="hooks", daemon=True
        )

    def url(self, scheme: str = "webhook", path: str = "/hook") -> str:
        """The address of this receiver under a channel's scheme."""
        return f"{scheme}://{self.host}:{self.port}{path}"

    def answer(self, *statuses: int, retry_after: str = "", location: str = "", hang: bool = False) -> None:
        """What the next requests are answered, one status each; `hang` keeps the answer back till the end."""
        headers = {"Retry-After": retry_after, "Location": location}
        said = {name: value for name, value in headers.items() if value}
        self._answers.extend(_Answer(status, said, hang) for status in statuses)

    def recover(self) -> None:
        """Forget what the next requests were to be answered: from now on each is taken."""
        self._answers.clear()

    def wait(self, number: int, deadline: float = DEADLINE) -> list[Post]:
        """The requests, once there are `number`; fails where they do not come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.posts) >= number, deadline), (
                f"{len(self.posts)} of {number} requests came"
            )
            return list(self.posts)

    def __enter__(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of whoever hangs, and stop."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, post: Post) -> _Answer:
        """Record a request; the answer to it."""
        with self._came:
            self.posts.append(post)
            self._came.notify_all()
            answer = self._answers.popleft() if self._answers else _Answer(204, {}, hang=False)
        if answer.hang:
            self._closing.wait(60)
        return answer


class _Receiver(ThreadingHTTPServer):
    daemon_threads = True
    hooks: HookServer


class _Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.hooks.take(Post(self.path, headers, body, time.monotonic()))
        if answer.status == CUT:
            self.close_connection = True
            return
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:  # whoever asked has given up
            self.close_connection = True

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Say nothing."""


def certificate(folder: Path) -> Path:
    """A PEM file with a fresh key and a certificate for 127.0.0.1 that signs itself (needs `openssl`)."""
    path = folder / "loopback.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def tls_server(pem: Path) -> ssl.SSLContext:
    """A server's context with the key and certificate of `pem`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
