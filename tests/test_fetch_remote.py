"""Folders on other machines: each file once, and again when it changed."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from service.config import Http
from service.fetch.transports import Fetcher, check_url
from service.model import Failure, FailureKind, Fetched, Source, utcnow
from service.quantities import Size, duration
from tests.servers import DEADLINE, self_signed, unused_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore, which Python 3.12 took out
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import ThreadedFTPServer

STORY = b"Hafen wird ausgebaut\n\nHamburg (dpa) - Der Hafen wird ausgebaut."
LOGIN = "desk:secret"


@pytest.fixture(scope="module")
def fetcher() -> Iterator[Fetcher]:
    http = Http(allowed_networks=("127.0.0.1",), max_bytes=Size(100_000), timeout=duration("5s"))
    fetcher = Fetcher(http, clock=utcnow, agent_version="1")
    yield fetcher
    fetcher.close()


@pytest.fixture
def ftp(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Source]:
    """An FTP server whose folder /wire is tmp_path/wire."""
    (tmp_path / "wire").mkdir()
    users = DummyAuthorizer()
    users.add_anonymous(str(tmp_path))
    users.add_user("desk", "secret", str(tmp_path))

    class Handler(FTPHandler):  # type: ignore[misc]
        authorizer = users
        abstracted_fs = getattr(request, "param", AbstractedFS)
        auth_failed_timeout = 0.01

    server = ThreadedFTPServer(("127.0.0.1", 0), Handler, ioloop=IOLoop())
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.02, "handle_exit": False})
    thread.start()
    yield Source(name="wire", url=check_url(f"ftp://127.0.0.1:{server.address[1]}/wire/"))
    server.close_all()
    thread.join(DEADLINE)


@pytest.fixture
def ftps(ftp: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """The same folder behind TLS, without which nobody is let in; its certificate is trusted."""
    certificate = tmp_path / "loopback.pem"
    certificate.write_bytes(self_signed("127.0.0.1"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    users = DummyAuthorizer()
    users.add_user("desk", "secret", str(tmp_path))

    class Handler(TLS_FTPHandler):  # type: ignore[misc]
        authorizer = users
        certfile = str(certificate)
        tls_control_required = tls_data_required = True
        auth_failed_timeout = 0.01

    server = ThreadedFTPServer(("127.0.0.1", 0), Handler, ioloop=IOLoop())
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.02, "handle_exit": False})
    thread.start()
    monkeypatch.setenv("WIRE_LOGIN", LOGIN)
    url = check_url(f"ftps://127.0.0.1:{server.address[1]}/wire/")
    yield Source(name="wire", url=url, auth_env="WIRE_LOGIN")
    server.close_all()
    thread.join(DEADLINE)


class Modest(AbstractedFS):  # type: ignore[misc]
    """Files that are larger than they are said to be."""

    def stat(self, path: str) -> os.stat_result:
        stated = list(Path(path).stat())
        stated[6] = min(stated[6], 10)
        return os.stat_result(stated)

    lstat = stat


def drop(folder: Path, name: str, body: bytes = STORY, *, age: float = 3600.0) -> None:
    path = folder / name
    path.write_bytes(body)
    os.utime(path, (time.time() - age,) * 2)


def look(fetcher: Fetcher, source: Source) -> Fetched:
    result = fetcher.fetch(source)
    assert isinstance(result, Fetched), result
    return result


def after(source: Source, fetched: Fetched) -> Source:
    """The source as it is stored after a poll."""
    return replace(source, cursor=fetched.cursor, last_ok_at=utcnow())


def test_each_file_comes_once_and_again_when_it_changed(
    fetcher: Fetcher, ftp: Source, tmp_path: Path
) -> None:
    drop(tmp_path / "wire", "b.txt", age=7200)
    drop(tmp_path / "wire", "a.xml", b"<newsItem/>")
    first = look(fetcher, ftp)
    assert [(d.name, d.body) for d in first.documents] == [("b.txt", STORY), ("a.xml", b"<newsItem/>")]
    source = after(ftp, first)
    assert look(fetcher, source).documents == ()
    drop(tmp_path / "wire", "b.txt", STORY + b"!", age=1800)
    drop(tmp_path / "wire", "c.txt", age=600)
    second = look(fetcher, source)
    assert [document.name for document in second.documents] == ["b.txt", "c.txt"]
    assert look(fetcher, after(ftp, second)).documents == ()


def test_the_position_forgets_what_went_away(fetcher: Fetcher, ftp: Source, tmp_path: Path) -> None:
    for name in "abc":
        drop(tmp_path / "wire", f"{name}.txt")
    first = look(fetcher, ftp)
    assert len(first.cursor.position.split()) == 3
    (tmp_path / "wire" / "a.txt").unlink()
    assert len(look(fetcher, after(ftp, first)).cursor.position.split()) == 2


def test_the_first_look_brings_the_newest_and_the_others_count_as_read(
    fetcher: Fetcher, ftp: Source, tmp_path: Path
) -> None:
    for number in range(203):
        drop(tmp_path / "wire", f"{number:03}.txt", b"x", age=10_000 - number)
    first = look(fetcher, ftp)
    assert (first.documents[0].name, len(first.documents)) == ("003.txt", 200)
    assert look(fetcher, after(ftp, first)).documents == ()


def test_many_files_at_once_come_in_parts(fetcher: Fetcher, ftp: Source, tmp_path: Path) -> None:
    source = after(ftp, look(fetcher, ftp))
    for number in range(203):
        drop(tmp_path / "wire", f"{number:03}.txt", b"x", age=10_000 - number)
    second = look(fetcher, source)
    third = look(fetcher, after(source, second))
    assert (second.documents[0].name, len(second.documents)) == ("000.txt", 200)
    assert [document.name for document in third.documents] == ["200.txt", "201.txt", "202.txt"]
    assert [second.more, third.more] == [True, False]


def test_what_is_being_written_or_too_large_is_left_out(
    fetcher: Fetcher, ftp: Source, tmp_path: Path
) -> None:
    drop(tmp_path / "wire", ".hidden")
    drop(tmp_path / "wire", "a.part")
    drop(tmp_path / "wire", "huge.xml", b"x" * 100_001)
    (tmp_path / "wire" / "sub").mkdir()
    drop(tmp_path / "wire", "b.txt")
    assert [document.name for document in look(fetcher, ftp).documents] == ["b.txt"]


@pytest.mark.slow
def test_a_young_file_is_taken_when_its_size_stands_still(
    fetcher: Fetcher, ftp: Source, tmp_path: Path
) -> None:
    drop(tmp_path / "wire", "still.txt", age=0)
    growing = tmp_path / "wire" / "growing.txt"
    drop(tmp_path / "wire", "growing.txt", age=0)
    results: list[Fetched | Failure] = []
    fetcher.submit(ftp, results.append)
    deadline = time.monotonic() + DEADLINE
    while not results and time.monotonic() < deadline:
        with growing.open("ab") as file:
            file.write(b".")
        time.sleep(0.02)
    assert isinstance(results[0], Fetched)
    assert [document.name for document in results[0].documents] == ["still.txt"]


def test_the_login_comes_from_the_environment(
    fetcher: Fetcher, ftp: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(tmp_path / "wire", "a.txt")
    monkeypatch.setenv("WIRE_LOGIN", LOGIN)
    source = replace(ftp, auth_env="WIRE_LOGIN")
    assert len(look(fetcher, source).documents) == 1
    monkeypatch.setenv("WIRE_LOGIN", "desk:wrongsecret")
    failure = fetcher.fetch(source)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.AUTH
    assert failure.reason == "127.0.0.1 refused the login (--auth-env VAR holds user:password)"
    monkeypatch.delenv("WIRE_LOGIN")
    unset = fetcher.fetch(source)
    assert isinstance(unset, Failure)
    assert unset.reason == "the environment variable WIRE_LOGIN is not set (it holds user:password)"


def test_files_come_over_tls_from_a_server_whose_certificate_is_trusted(
    fetcher: Fetcher, ftps: Source, ftp: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "b.txt"):
        drop(tmp_path / "wire", name)
    first = look(fetcher, ftps)
    assert [(d.name, d.body) for d in first.documents] == [("a.txt", STORY), ("b.txt", STORY)]
    assert look(fetcher, after(ftps, first)).documents == ()
    plain = fetcher.fetch(replace(ftps, url=ftps.url.replace("ftps:", "ftp:")))
    assert isinstance(plain, Failure)
    none = fetcher.fetch(replace(ftps, url=ftp.url.replace("ftp:", "ftps:")))
    assert isinstance(none, Failure)
    assert none.reason == "127.0.0.1 speaks no TLS (ftp:// asks for none)"
    monkeypatch.delenv("SSL_CERT_FILE")
    strange = fetcher.fetch(ftps)
    assert isinstance(strange, Failure)
    assert strange.reason == "the certificate of 127.0.0.1 is not trusted"


@pytest.mark.parametrize("answer", ["500 Unknown.", "502 Not implemented.", "504 Not for that."])
def test_a_server_that_speaks_no_tls_is_told_from_one_without_the_folder(
    fetcher: Fetcher, answer: str
) -> None:
    """RFC 4217, 4: what a server may say that knows no AUTH TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("r") as commands:
                connection.sendall(b"220 ready\r\n")
                for _ in commands:
                    connection.sendall(f"{answer}\r\n".encode())

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        failure = fetcher.fetch(Source(name="wire", url=f"ftps://127.0.0.1:{port}/wire"))
        thread.join(DEADLINE)
    assert isinstance(failure, Failure)
    assert failure.reason == "127.0.0.1 speaks no TLS (ftp:// asks for none)"


def test_the_address_that_was_judged_is_connected_to_and_the_name_is_what_a_certificate_must_bear(
    fetcher: Fetcher, ftps: Source, ftp: Source, tmp_path: Path
) -> None:
    """`localhost` is ::1 too, which stays closed and is passed over; the certificate is for an address."""
    drop(tmp_path / "wire", "a.txt")
    named = replace(ftp, url=ftp.url.replace("127.0.0.1", "localhost"))
    assert [document.name for document in look(fetcher, named).documents] == ["a.txt"]
    failure = fetcher.fetch(replace(ftps, url=ftps.url.replace("127.0.0.1", "localhost")))
    assert isinstance(failure, Failure)
    assert failure.reason == "the certificate of localhost is not trusted"


@pytest.mark.parametrize("ftp", [Modest], indirect=True)
def test_a_file_that_is_larger_than_was_said_is_a_reason(
    fetcher: Fetcher, ftp: Source, tmp_path: Path
) -> None:
    drop(tmp_path / "wire", "a.txt")
    failure = fetcher.fetch(ftp)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.reason) == (
        FailureKind.TOO_LARGE,
        "a file is larger than its server says",
    )


class Guarded(AbstractedFS):  # type: ignore[misc]
    """Files of which some are listed and not handed out, and one goes away when it is asked for."""

    def open(self, filename: str, mode: str) -> object:
        if "taken" in filename:
            Path(filename).unlink()
        if "denied" in filename:
            raise PermissionError(13, "Permission denied")
        return super().open(filename, mode)


@pytest.mark.parametrize("ftp", [Guarded], indirect=True)
def test_a_file_that_is_not_handed_out_keeps_no_other_from_being_read(
    fetcher: Fetcher, ftp: Source, tmp_path: Path
) -> None:
    for age, name in enumerate(["last.txt", "taken.txt", "denied.txt", "first.txt"]):
        drop(tmp_path / "wire", name, age=1000 + age)
    fetched = look(fetcher, ftp)
    assert [document.name for document in fetched.documents] == ["first.txt", "last.txt"]
    assert [problem.where for problem in fetched.aside] == ["denied.txt"]
    again = look(fetcher, after(ftp, fetched))
    assert (again.documents, again.aside) == ((), ())


class Breaking(AbstractedFS):  # type: ignore[misc]
    """The line breaks at the third file."""

    def open(self, filename: str, mode: str) -> object:
        if "3" in Path(filename).name:
            raise SystemError
        return super().open(filename, mode)


@pytest.mark.parametrize("ftp", [Breaking], indirect=True)
def test_what_came_before_the_line_broke_is_kept(fetcher: Fetcher, ftp: Source, tmp_path: Path) -> None:
    for number in range(1, 5):
        drop(tmp_path / "wire", f"{number}.txt", age=1000 - number)
    fetched = look(fetcher, ftp)
    assert [document.name for document in fetched.documents] == ["1.txt", "2.txt"]
    assert isinstance(fetcher.fetch(after(ftp, fetched)), Failure)
    (tmp_path / "wire" / "3.txt").unlink()
    rest = look(fetcher, after(ftp, fetched))
    assert [document.name for document in rest.documents] == ["4.txt"]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_and_folders_in_any_character_set_are_read(
    fetcher: Fetcher, tmp_path: Path, encoding: str
) -> None:
    users = DummyAuthorizer()
    users.add_anonymous(str(tmp_path))
    handler = type("Handler", (FTPHandler,), {"authorizer": users, "encoding": encoding})
    (tmp_path / "Börse").mkdir()
    drop(tmp_path / "Börse", "Größe 7 %20.txt")
    server = ThreadedFTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop())
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.02, "handle_exit": False})
    thread.start()
    try:
        folder = quote("Börse", encoding=encoding)
        source = Source(name="wire", url=check_url(f"ftp://127.0.0.1:{server.address[1]}/{folder}"))
        assert [document.name for document in look(fetcher, source).documents] == ["Größe 7 %20.txt"]
    finally:
        server.close_all()
        thread.join(DEADLINE)


def test_a_folder_that_is_not_there_is_a_reason(fetcher: Fetcher, ftp: Source) -> None:
    failure = fetcher.fetch(replace(ftp, url=ftp.url.replace("/wire", "/nowhere")))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.reason) == (FailureKind.STATUS, "there is no such folder on 127.0.0.1")


def test_a_server_that_is_not_there_is_a_reason(fetcher: Fetcher) -> None:
    failure = fetcher.fetch(Source(name="x", url=f"ftp://127.0.0.1:{unused_port()}/"))
    assert isinstance(failure, Failure)
    assert failure.reason == "no connection to 127.0.0.1: connection refused"


@pytest.mark.parametrize("scheme", ["ftp", "ftps", "sftp"])
def test_a_private_server_is_refused_where_its_network_is_not_open(fetcher: Fetcher, scheme: str) -> None:
    failure = fetcher.fetch(Source(name="x", url=f"{scheme}://10.1.2.3/"))
    assert isinstance(failure, Failure)
    assert failure.reason == "10.1.2.3 is a private address (http.allowed_networks opens it)"


@pytest.mark.parametrize(
    "greeting", [b"\xff\xfe\x00\r\n", b"", b"220 hello\r\n", b"500 go away\r\n", b"220-" + b"x" * 10**6]
)
def test_a_server_that_speaks_nonsense_is_a_reason(fetcher: Fetcher, greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):  # it may hang up before it has heard all
                connection.sendall(greeting)

        thread = threading.Thread(target=speak)
        thread.start()
        failure = fetcher.fetch(Source(name="x", url=f"ftp://127.0.0.1:{listener.getsockname()[1]}/"))
        thread.join(DEADLINE)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.NETWORK


@pytest.mark.slow
def test_a_server_that_speaks_too_slowly_is_given_up() -> None:
    http = Http(allowed_networks=("127.0.0.1",), timeout=duration("1s"))
    fetcher = Fetcher(http, clock=utcnow, agent_version="1")
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                while not stop.wait(0.1):
                    connection.sendall(b"2")

        thread = threading.Thread(target=speak)
        thread.start()
        failure = fetcher.fetch(Source(name="x", url=f"ftp://127.0.0.1:{listener.getsockname()[1]}/"))
        stop.set()
        thread.join(DEADLINE)
    fetcher.close()
    assert isinstance(failure, Failure)
    assert failure.reason == "no complete answer within 4 s (http.timeout)"


# ---------------------------------------------------------------- SFTP


class Desk(paramiko.ServerInterface):
    """Lets the desk in."""

    def check_auth_password(self, username: str, password: str) -> int:
        known = f"{username}:{password}" == LOGIN
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED


class Files(paramiko.SFTPServerInterface):
    """A folder, read only."""

    root = Path()

    def _path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        entries = self._path(path).iterdir()
        names = ((entry.stat(), os.fsencode(entry.name)) for entry in entries)  # as they are, byte for byte
        return [paramiko.SFTPAttributes.from_stat(stat, name) for stat, name in names]  # type: ignore[arg-type]

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle:
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = self._path(path).open("rb")  # type: ignore[attr-defined]
        return handle


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """An SFTP server whose folder /wire is tmp_path/wire; its key is known."""
    (tmp_path / "wire").mkdir()
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(
        f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WIRE_LOGIN", LOGIN)
    transports = []

    class Here(Files):
        root = tmp_path

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Here)
            transport.start_server(event=threading.Event(), server=Desk())

    thread = threading.Thread(target=serve)
    thread.start()
    yield Source(name="wire", url=check_url(f"sftp://127.0.0.1:{port}/wire"), auth_env="WIRE_LOGIN")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(DEADLINE)
    for transport in transports:
        transport.close()


def test_sftp_files_come_once(fetcher: Fetcher, sftp: Source, tmp_path: Path) -> None:
    drop(tmp_path / "wire", "a.txt")
    first = look(fetcher, sftp)
    assert [(document.name, document.body) for document in first.documents] == [("a.txt", STORY)]
    assert look(fetcher, after(sftp, first)).documents == ()


def test_a_name_on_an_sftp_server_that_is_no_utf_8_is_a_reason(
    fetcher: Fetcher, sftp: Source, tmp_path: Path
) -> None:
    drop(tmp_path / "wire", os.fsdecode(b"b\xf6rse.txt"))
    failure = fetcher.fetch(sftp)
    assert isinstance(failure, Failure)
    assert failure.reason == "a file on 127.0.0.1 has a name that is no UTF-8 (rename it)"


def test_an_sftp_host_whose_key_is_unknown_is_refused(fetcher: Fetcher, sftp: Source, tmp_path: Path) -> None:
    (tmp_path / ".ssh" / "known_hosts").unlink()
    failure = fetcher.fetch(sftp)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.REFUSED
    assert failure.reason == "127.0.0.1: its key stands in no known_hosts (ssh-keyscan 127.0.0.1)"


def test_a_refused_sftp_login_is_a_reason(
    fetcher: Fetcher, sftp: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIRE_LOGIN", "desk:wrongsecret")
    failure = fetcher.fetch(sftp)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.AUTH
    assert "wrongsecret" not in failure.reason
