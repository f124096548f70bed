"""Real servers on loopback for the tests of the whole project.

    with FeedServer() as server:
        server.serve("/feed", body)  # 200 with an ETag, and 304 to whoever sends it back
        server.script("/busy", Answer(status=429), body)  # one answer a request; the last one stays
        fetcher.fetch(Source(name="a", url=server.url("/feed")))
        assert [r.path for r in server.requests] == ["/feed"]

A path without an answer is 404. What an answer does beyond the ordinary is its `body`: bytes, or an
iterator of chunks that may take its time (`drip`), or one of the constants `STALL` and `DROP`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from types import TracebackType
from typing import Self, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BLOCK = 2**16  # bytes
DEADLINE = 10.0  # seconds that a test waits for what must happen; never reached by one that passes


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent. Header names are lower case."""

    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    body: bytes = b""


class _Fault:
    """A body that is no body."""


STALL = _Fault()  # headers, then nothing until the server closes
DROP = _Fault()  # the connection is closed without an answer

Body: TypeAlias = bytes | str | Callable[[], Iterable[bytes]] | _Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says. With `raw`, exactly those bytes and a closed connection."""

    body: Body = b""
    status: int = 200
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    etag: bool = True  # of a body in bytes: send one, and 304 to whoever has it
    raw: bytes = b""


Script: TypeAlias = Answer | bytes | str | Callable[[Request], Answer]


def drip(chunk: bytes = b"x", *, every: float = 0.05, times: int = 10_000) -> Callable[[], Iterator[bytes]]:
    """A body that comes in small pieces, `every` seconds one."""

    def chunks() -> Iterator[bytes]:
        for _ in range(times):
            yield chunk
            time.sleep(every)

    return chunks


def gzip_bomb(megabytes: int) -> bytes:
    """A gzip stream, about a thousandth of the size it unpacks to."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as stream:
        for _ in range(megabytes):
            stream.write(b" " * 2**20)
    return packed.getvalue()


def unused_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def self_signed(address: str) -> bytes:
    """A key and a certificate for an address, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return private + certificate.public_bytes(serialization.Encoding.PEM)


class ConnectProxy:
    """A proxy that tunnels (RFC 9110, 9.3.6), for whoever sends `login` in its Basic form; a context manager.

    `tunnels` are the targets that were asked for, in order.
    """

    def __init__(self, login: str = "") -> None:
        self.tunnels: list[str] = []
        self._expected = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE)
        self._listener.close()

    @property
    def address(self) -> str:
        """Host and port."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):  # of whoever hangs up
            head = b""
            while b"\r\n\r\n" not in head and (part := client.recv(BLOCK)):
                head += part
            lines = head.decode().split("\r\n")
            _, target, _ = lines[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            if headers.get("proxy-authorization", "") != self._expected:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            self.tunnels.append(target)
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                ends = {client: server, server: client}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        part = end.recv(BLOCK)
                        if not part:
                            return
                        ends[end].sendall(part)


class FeedServer:
    """An HTTP server with a log of its requests; a context manager.

    `requests` is all that was asked so far, in order; `wait(n)` returns when it holds n.
    """

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._scripts: dict[str, list[Script]] = {}
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._server = _Server((host, 0), self)
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join(DEADLINE)
        self._server.server_close()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host, port = self._server.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}"

    def url(self, path: str = "/") -> str:
        return self.origin + path

    def serve(
        self,
        path: str,
        body: Body = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str | list[str]] | None = None,
        etag: bool = True,
    ) -> str:
        """Answer `path` like this from now on; its URL."""
        return self.script(path, Answer(body=body, status=status, headers=headers or {}, etag=etag))

    def redirect(self, path: str, to: str, *, status: int = 302) -> str:
        return self.serve(path, status=status, headers={"Location": to})

    def script(self, path: str, *answers: Script) -> str:
        """Answer `path` with these in turn, the last one for ever; its URL.

        A function is given the request and returns the answer.
        """
        self._scripts[path] = list(answers)
        return self.url(path)

    def wait(self, count: int, path: str = "", *, timeout: float = DEADLINE) -> list[Request]:
        """The requests (to `path`, if given) as soon as there are `count`; fails after `timeout`."""
        with self._arrived:
            reached = self._arrived.wait_for(lambda: len(self.asked(path)) >= count, timeout)
        assert reached, f"{len(self.asked(path))} of {count} requests came within {timeout} s"
        return self.asked(path)

    def asked(self, path: str = "") -> list[Request]:
        """The requests for `path` so far, whatever their query; for any path without one."""
        return [r for r in self.requests if path in ("", r.path, r.path.partition("?")[0])]

    def answer(self, request: Request) -> Answer:
        """Log the request and choose what is said to it."""
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            script = self._scripts.get(request.path) or self._scripts.get(request.path.partition("?")[0])
            if not script:
                return Answer(status=404, body=b"no such path")
            chosen = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(chosen, (bytes, str)):
            return Answer(body=chosen)
        return chosen if isinstance(chosen, Answer) else chosen(request)


class _Server(ThreadingHTTPServer):
    """Threads, one a connection, that all end when the server closes."""

    daemon_threads = False  # joined on close, so that no test leaves a thread behind
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], feeds: FeedServer) -> None:
        self.feeds = feeds
        super().__init__(address, _Handler)

    def server_close(self) -> None:
        for connection in list(self.feeds._sockets):
            try:
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            except OSError:
                continue  # it is closed already
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.feeds._sockets.add(self.connection)
        if self.server.feeds._closing.is_set():
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        self.server.feeds._sockets.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
        """Keep quiet."""

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.feeds.answer(Request(self.command, self.path, headers, self.rfile.read(size))))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the library's names

    def _send(self, answer: Answer) -> None:
        if answer.raw or answer.body is DROP:
            self.close_connection = True
            self.wfile.write(answer.raw)
            return
        headers = {name.title(): value for name, value in answer.headers.items()}
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        status = answer.status
        if isinstance(body, bytes):
            if answer.etag and status == 200:
                headers.setdefault("Etag", f'"{hashlib.blake2b(body, digest_size=6).hexdigest()}"')
            if status == 200 and self._has(headers):
                status, body = 304, b""
            if status != 304:
                headers.setdefault("Content-Length", str(len(body)))
        else:
            self.close_connection = True
            headers.setdefault("Connection", "close")
        headers.setdefault("Date", self.date_time_string())
        self.send_response_only(status)
        for name, value in headers.items():
            for one in [value] if isinstance(value, str) else value:
                self.send_header(name, one)
        self.end_headers()
        if body is STALL:
            self.server.feeds._closing.wait()
        elif callable(body):
            for chunk in body():
                if self.server.feeds._closing.is_set():
                    return
                self.wfile.write(chunk)
        elif isinstance(body, bytes) and self.command != "HEAD":
            self.wfile.write(body)

    def _has(self, headers: Mapping[str, str | list[str]]) -> bool:
        """Whether the client has this already (RFC 9110, 13.2.2: an ETag goes before a date)."""
        if known := self.headers.get("If-None-Match"):
            return known == headers.get("Etag")
        since = self.headers.get("If-Modified-Since")
        return since is not None and since == headers.get("Last-Modified")
