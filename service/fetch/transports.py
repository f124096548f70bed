"""From the scheme of a source's URL to what reads it: one table, one door.

    fetcher.submit(source, done)    done(Fetched | Failure), exactly once, whatever happens
    fetcher.fetch(source)           the same, waited for

A new transport is a function `(source, client) -> Fetched | Failure` and a line in TRANSPORTS.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import TypeAlias

from service import config
from service.errors import UsageError
from service.fetch import folder, imap, remote, wireq
from service.fetch.addresses import normal_url
from service.fetch.http import SLOTS, Client, Result
from service.model import Clock, Failure, FailureKind, Source

SCHEME = re.compile(r"[a-z][a-z0-9+-]*:(?!\d)", re.IGNORECASE)  # no dot, no port: those begin a host
STOPPED = "the monitor was stopped before it was read"
MOST = 4 * SLOTS  # with those that wait for the turn of their host

Done: TypeAlias = Callable[[Result], None]
Start: TypeAlias = "Callable[[Fetcher, Source], Future[Result]]"

log = logging.getLogger(__name__)


def _in_thread(read: Callable[[Source, Client], Result]) -> Start:
    """Start a transport that blocks, in a thread of its own, watched.

    No pool: threads that a server keeps busy would fill it, and its threads are waited for at the end of the
    program, for as long as that server likes.
    """

    def start(fetcher: Fetcher, source: Source) -> Future[Result]:
        work: Future[Result] = Future()

        def run() -> None:
            if work.set_running_or_notify_cancel():
                try:
                    work.set_result(read(source, fetcher.client))
                except Exception as error:  # noqa: BLE001 - `_result` tells it
                    work.set_exception(error)

        result = fetcher.client.watch(source, work)
        threading.Thread(target=run, name=f"fetch {source.name}", daemon=True).start()
        return result

    return start


TRANSPORTS: Mapping[str, Start] = {
    "http": lambda fetcher, source: fetcher.client.start(source),
    "https": lambda fetcher, source: fetcher.client.start(source),
    "folder": _in_thread(folder.read),
    "ftp": _in_thread(remote.read),
    "ftps": _in_thread(remote.read),
    "sftp": _in_thread(remote.read),
    "s3": _in_thread(remote.read),
    "imap": _in_thread(imap.read),
    "imaps": _in_thread(imap.read),
    "wireq": _in_thread(wireq.read),
    "wireq+http": _in_thread(wireq.read),
}


class Fetcher:
    """All transports of a process. Its methods may be called from any thread."""

    def __init__(self, http: config.Http, *, clock: Clock, agent_version: str) -> None:
        contact = f" (+{http.contact})" if http.contact and http.contact.isprintable() else ""
        self.client: Client = Client(http, clock=clock, agent=f"wire-monitor/{agent_version}{contact}")
        self._under_way = 0
        self._lock = threading.Lock()

    @property
    def capacity(self) -> int:
        """How many more sources may be submitted now without waiting for one another."""
        under_way = self._under_way
        return max(0, min(SLOTS - (under_way - self.client.waiting), MOST - under_way))

    def submit(self, source: Source, done: Done) -> None:
        """Begin to fetch. `done` gets the result, once, in a thread of the fetcher: it must not wait."""
        with self._lock:
            self._under_way += 1

        def settle(future: Future[Result]) -> None:
            with self._lock:
                self._under_way -= 1
            done(_result(source, future))

        self._start(source).add_done_callback(settle)

    def fetch(self, source: Source) -> Result:
        """Fetch, and wait for the result."""
        return _result(source, self._start(source))

    def close(self, timeout: float = 5.0) -> None:
        """Give up what is under way (each is told as a failure) and end."""
        self.client.close(timeout)

    def _start(self, source: Source) -> Future[Result]:
        """The result to come; what cannot even begin is a failure that has come already."""
        failure = Failure(source=source, kind=FailureKind.NETWORK, reason=STOPPED)
        try:
            if begin := TRANSPORTS.get(scheme := _scheme(source.url)):
                return begin(self, source)
            failure = replace(failure, kind=FailureKind.REFUSED, reason=_unknown(scheme))
        except RuntimeError:  # the client is closed
            log.debug("%s came after the end", source.name)
        future: Future[Result] = Future()
        future.set_result(failure)
        return future


def _result(source: Source, future: Future[Result]) -> Result:
    """The result of a future, where it was given up or broke too."""
    try:
        return future.result()
    except CancelledError:
        return Failure(source=source, kind=FailureKind.NETWORK, reason=STOPPED)
    except Exception as error:
        log.exception("the fetch of %s broke", source.name)
        reason = f"the fetch broke ({type(error).__name__}; the log holds the place)"
        return Failure(source=source, kind=FailureKind.NETWORK, reason=reason)


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()


def _unknown(scheme: str) -> str:
    return f"nothing here fetches {scheme}: (there is {', '.join(sorted(TRANSPORTS))})"


def check_url(url: str) -> str:
    """The URL in its normal form, of what a person typed; raises UsageError where it can never be fetched."""
    url = url.strip()
    if url.startswith(("/", "./", "../", "~")):
        return folder.url_of(url)
    if not url.isprintable() or "\\" in url or " " in url:
        raise UsageError("a URL holds no blanks, backslashes or control characters (write %20 for a blank)")
    scheme, rest = _scheme(url), url.partition(":")[2]
    if scheme == "file":
        raise UsageError(
            f"file: is not fetched (folder:{rest} watches a folder; `monitor ingest` reads files)"
        )
    if not SCHEME.match(url):
        raise UsageError(f"not a URL: {url!r} (write https://{url}, or ./{url} where it is a folder)")
    if scheme not in TRANSPORTS:
        raise UsageError(_unknown(scheme))
    if "@" in re.split("[/?#]", rest.removeprefix("//"), maxsplit=1)[0]:
        raise UsageError("a URL carries no user or password (name an environment variable: --auth-env VAR)")
    return folder.url_of(url) if scheme == "folder" else normal_url(f"{scheme}:{rest}")
