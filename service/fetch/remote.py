"""Folders on other machines, read through fsspec: FTP, SFTP and S3.

    ftp://HOST/FOLDER     nothing is changed on the server
    ftps://HOST/FOLDER    the same after AUTH TLS (RFC 4217), with a certificate that is checked
    sftp://HOST/FOLDER    the host's key has to stand in known_hosts; needs the extra `sftp`
    s3://BUCKET/PREFIX    needs the extra `s3`; without --auth-env the usual AWS settings hold

A file is read once, and again when its size or date changes; the cursor's position holds a short hash of each
file that was read and still lies there. Only a file whose size stands still is taken.
"""

from __future__ import annotations

import ftplib
import io
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import fsspec

from service.fetch import causes, credentials
from service.fetch.http import Client, Result
from service.model import Document, Failure, FailureKind, Fetched, Problem, Source

STABLE = 2.0  # seconds between two lists, for a file whose date does not say that it is old enough
OLD_ENOUGH = timedelta(minutes=1)  # by its date on the server; more than two clocks usually differ
MOST_FILES = 200  # at one look
MOST_BYTES = 20_000_000  # likewise
MOST_LISTED = 5000  # the newest ones; the position grows with them
LONGEST_VISIT = 60.0  # seconds, well within the lease of a poll
ENOUGH = 30.0  # seconds, after which the rest is left for the next look
WRITING = (".tmp", ".part", ".filepart")
BLOCK = 2**16  # bytes
FTP_BYTES = "latin-1"  # names go back byte for byte: a server may write them in any character set

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file as the server lists it; `mark` changes with its content."""

    path: str
    size: int
    modified: datetime | None

    @property
    def name(self) -> str:
        """The file's name as a person reads it."""
        name = self.path.rpartition("/")[2]
        try:
            return name.encode(FTP_BYTES).decode()
        except UnicodeError:
            return name

    @property
    def mark(self) -> str:
        """A short hash of name, size and date."""
        text = f"{self.path}\0{self.size}\0{self.modified}"
        return blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()


class _TooLargeError(Exception):
    """A file is larger than the server said."""


class _Sink(io.BytesIO):
    """A file's content, as long as it stays within its size and the visit within its time."""

    def __init__(self, size: int, until: float) -> None:
        super().__init__()
        self._size, self._until = size, until

    def write(self, part: Any) -> int:  # noqa: ANN401 - any buffer
        if self.tell() + len(part) > self._size:
            raise _TooLargeError
        if time.monotonic() > self._until:
            raise TimeoutError
        return super().write(part)


def read(source: Source, client: Client) -> Result:
    """The files that are new since the cursor's position; on the first look the newest ones."""
    parts = urlsplit(source.url)
    files = None
    try:
        files = CONNECT[parts.scheme](source, parts, client)
        return _look(source, client, files, _folder(parts))
    except ImportError:
        reason = f"{parts.scheme}: needs a package (pip install 'wire-monitor[{parts.scheme}]')"
        return Failure(source=source, kind=FailureKind.REFUSED, reason=reason)
    except Exception as error:  # noqa: BLE001 - three libraries, each with errors of its own
        kind, reason = _explain(error, parts.hostname or "")
        return Failure(source=source, kind=kind, reason=reason)
    finally:
        _close(files)


def _look(source: Source, client: Client, files: Any, folder: str) -> Fetched:  # noqa: ANN401 - fsspec has no types
    began, taken = time.monotonic(), 0
    done = set(source.cursor.position.split())
    listed, fresh = _fresh(files, folder, done, client.clock())
    if source.last_ok_at is None:  # what has lain there for long is no news
        done |= {file.mark for file in fresh[:-MOST_FILES]}
        fresh = fresh[-MOST_FILES:]
    documents: list[Document] = []
    aside: list[Problem] = []
    refused: list[_Listed] = []
    more = len(fresh) > MOST_FILES
    for file in fresh[:MOST_FILES]:
        taken += file.size
        if documents and (taken > MOST_BYTES or time.monotonic() - began > ENOUGH):
            more = True
            break
        if file.size > client.settings.max_bytes:
            limit = client.settings.max_bytes / 10**6
            aside.append(Problem(f"larger than {limit:g} MB (http.max_bytes)", file.name))
            done.add(file.mark)
            continue
        sink = _Sink(file.size, began + LONGEST_VISIT)
        try:
            _fetch(files, file.path, sink)
        except (ftplib.error_perm, FileNotFoundError, PermissionError):
            refused.append(file)
            continue
        except Exception:
            if not documents:
                raise
            more = True
            break  # what came so far is kept, and the next look begins with this file
        done.add(file.mark)
        documents.append(Document(body=sink.getvalue(), name=file.name, received_at=client.clock()))
    for file in _still_there(files, folder, refused):
        aside.append(Problem("its server lists it, and does not hand it out", file.name))
        done.add(file.mark)
    position = " ".join(sorted(done & {file.mark for file in listed}))
    return Fetched(
        source=source,
        cursor=replace(source.cursor, position=position),
        documents=tuple(documents),
        reject=lambda name, reason: log.warning("%s: %s is left out: %s", source.name, name, reason),
        aside=tuple(aside),
        more=more,
    )


def _fresh(
    files: Any,  # noqa: ANN401
    folder: str,
    done: set[str],
    now: datetime,
) -> tuple[list[_Listed], list[_Listed]]:
    """All files of the folder, and those of them that are not done and complete."""
    listed = _list(files, folder)
    fresh = [file for file in listed if file.mark not in done]
    if any(file.modified is None or now - file.modified < OLD_ENOUGH for file in fresh):
        time.sleep(STABLE)
        files.invalidate_cache()
        still = {file.mark for file in _list(files, folder)}
        fresh = [file for file in fresh if file.mark in still]
    return listed, fresh


def _still_there(files: Any, folder: str, refused: list[_Listed]) -> list[_Listed]:  # noqa: ANN401
    """Those that are not merely gone: somebody else may empty the folder."""
    if not refused:
        return []
    files.invalidate_cache()
    listed = {file.mark for file in _list(files, folder)}
    return [file for file in refused if file.mark in listed]


def _list(files: Any, folder: str) -> list[_Listed]:  # noqa: ANN401
    """The files of the folder, oldest first."""
    listed = [
        _Listed(info["name"], int(info["size"]), _modified(info))
        for info in files.ls(folder, detail=True)
        if info["type"] == "file"
    ]
    seen = [f for f in listed if f.name and not f.name.startswith(".") and not f.name.endswith(WRITING)]
    return sorted(seen, key=lambda f: (f.modified or datetime.min.replace(tzinfo=UTC), f.path))[-MOST_LISTED:]


def _modified(info: Mapping[str, Any]) -> datetime | None:
    """When the file was written, as the server says: MLSD's stamp in UTC (RFC 3659), or the library's."""
    if isinstance(stamp := info.get("mtime") or info.get("LastModified"), datetime):
        return stamp
    try:
        return datetime.strptime(str(info.get("modify", ""))[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _fetch(files: Any, path: str, sink: _Sink) -> None:  # noqa: ANN401
    if files.protocol == "ftp":
        files.get_file(path, sink)  # one RETR; its file objects begin and abort one for each block
        return
    with files.open(path, "rb") as opened:
        while part := opened.read(BLOCK):
            sink.write(part)


# ------------------------------------------------------------ connecting


def _ftp(source: Source, parts: SplitResult, client: Client) -> Any:  # noqa: ANN401
    return fsspec.filesystem("ftp", **_ftp_settings(source, parts, client))


def _ftps(source: Source, parts: SplitResult, client: Client) -> Any:  # noqa: ANN401
    from fsspec.implementations.ftp import FTPFileSystem

    class SecureFiles(FTPFileSystem):  # type: ignore[misc]
        """The library's own way with TLS checks no certificate."""

        def _connect(self) -> None:
            self.ftp = _SecureFTP(
                context=ssl.create_default_context(), timeout=self.timeout, encoding=self.encoding
            )
            self.ftp.connect(self.host, self.port)
            self.ftp.host = parts.hostname or ""  # whose name the certificate bears
            self.ftp.login(*self.cred)  # after AUTH TLS
            self.ftp.prot_p()

    return SecureFiles(**_ftp_settings(source, parts, client))


class _SecureFTP(ftplib.FTP_TLS):
    """Files come in the TLS session of the commands: many servers take it for a proof that it is still us."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - in TLS from the next line
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        wrapped = self.context.wrap_socket(connection, server_hostname=self.host, session=session)
        return wrapped, size


def _ftp_settings(source: Source, parts: SplitResult, client: Client) -> dict[str, Any]:
    user, password = credentials.login(source.auth_env, os.environ) or ("anonymous", "anonymous@")
    return {
        "host": client.guard.address(parts.hostname or ""),
        "port": parts.port or 21,
        "username": user,
        "password": password,
        "timeout": client.settings.timeout.total_seconds(),
        "encoding": FTP_BYTES,
        "skip_instance_cache": True,
        "use_listings_cache": True,
    }


def _sftp(source: Source, parts: SplitResult, client: Client) -> Any:  # noqa: ANN401
    import paramiko

    class KnownHosts(paramiko.MissingHostKeyPolicy):
        """Only a host whose key an administrator put into known_hosts."""

        def missing_host_key(self, _client: object, hostname: str, key: paramiko.PKey) -> None:
            for path in (Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts")):
                if path.is_file() and paramiko.HostKeys(str(path)).check(hostname, key):
                    return
            raise paramiko.SSHException(f"its key stands in no known_hosts (ssh-keyscan {parts.hostname})")

    seconds, port = client.settings.timeout.total_seconds(), parts.port or 22
    login = credentials.login(source.auth_env, os.environ)
    address = client.guard.address(parts.hostname or "")
    files = fsspec.filesystem(
        "sftp",
        host=parts.hostname,
        port=port,
        sock=socket.create_connection((address, port), seconds),
        host_key_policy=KnownHosts(),
        timeout=seconds,
        banner_timeout=seconds,
        auth_timeout=seconds,
        skip_instance_cache=True,
        **({"username": login[0], "password": login[1]} if login else {}),
    )
    files.ftp.get_channel().settimeout(seconds)
    return files


def _s3(source: Source, _parts: SplitResult, _client: Client) -> Any:  # noqa: ANN401
    """Of S3 a URL names a bucket, and no address: its servers are the provider's."""
    login = credentials.login(source.auth_env, os.environ)
    key, secret = login or (None, None)
    return fsspec.filesystem("s3", key=key, secret=secret, skip_instance_cache=True)


CONNECT: Mapping[str, Callable[[Source, SplitResult, Client], Any]] = {
    "ftp": _ftp,
    "ftps": _ftps,
    "sftp": _sftp,
    "s3": _s3,
}


def _folder(parts: SplitResult) -> str:
    encoding = FTP_BYTES if parts.scheme in {"ftp", "ftps"} else "utf-8"
    path = unquote(parts.path, encoding).rstrip("/")
    return f"{parts.netloc}{path}" if parts.scheme == "s3" else path or "/"


def _close(files: Any) -> None:  # noqa: ANN401
    connection = getattr(files, "client", None) or getattr(files, "ftp", None)
    if connection is not None:
        connection.close()


def _explain(error: Exception, host: str) -> tuple[FailureKind, str]:
    """The kind and the sentence; what a library says of itself is left out, for it may hold a secret."""
    match error:
        case ftplib.error_perm() if str(error).startswith("53"):
            return FailureKind.AUTH, f"{host} refused the login (--auth-env VAR holds user:password)"
        case _TooLargeError():
            return FailureKind.TOO_LARGE, "a file is larger than its server says"
        case ftplib.error_perm() if str(error).startswith(("500", "502", "504")):
            return FailureKind.NETWORK, f"{host} speaks no TLS (ftp:// asks for none)"
        case FileNotFoundError() | ftplib.error_perm():
            return FailureKind.STATUS, f"there is no such folder on {host}"
        case PermissionError():
            return FailureKind.AUTH, f"{host} does not permit it"
        case UnicodeDecodeError():  # of SFTP, whose library reads no other names
            return FailureKind.STATUS, f"a file on {host} has a name that is no UTF-8 (rename it)"
        case _ if type(error).__name__ == "AuthenticationException":
            return FailureKind.AUTH, f"{host} refused the login (--auth-env VAR holds user:password)"
        case _ if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            return FailureKind.AUTH, f"no credentials for {host} (--auth-env VAR, or the usual AWS settings)"
        case _ if type(error).__name__ in ("EndpointConnectionError", "ConnectTimeoutError"):
            return FailureKind.NETWORK, f"no connection to the servers of {host}"
        case _ if "known_hosts" in str(error):
            return FailureKind.REFUSED, f"{host}: {error}"
    strange = f"{host} answered with what could not be understood ({type(error).__name__})"
    return causes.explain(error, host) or (FailureKind.NETWORK, strange)
