"""HTTP and HTTPS: a feed's URL in, its bytes, "unchanged", or a reason out. The one home of aiohttp.

One event loop in a thread of its own asks many hosts at once; nobody waits for a slow one. Each fetch is one
request where nothing is redirected: conditional, without cookies or referrer, bounded in time and size.

Source: RFC 9110 (HTTP semantics): 8.8 validators, 13 conditional requests, 15 status codes; RFC 9111 4.3.4.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
import weakref
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b
from ipaddress import ip_address
from typing import TypeAlias

import aiohttp
from yarl import URL

from service import config
from service.fetch import caching, credentials, statuses, validators
from service.fetch.addresses import is_literal, refusal
from service.fetch.allowance import Allowance
from service.fetch.coding import ASKED_FOR, Broken, Decoder, TooLarge
from service.fetch.guard import AddressRefused, Guard
from service.fetch.hosts import PATIENCE, Host, Hosts, Later
from service.fetch.tls import Identities
from service.model import Clock, Document, Failure, FailureKind, Fetched, Source

SLOTS = 64  # requests under way at once
LARGE = 2**20  # bytes; larger documents have places, so that not all that is under way is large
PLACES = 8  # of large documents, from their second megabyte until they are stored
CROWDED = Later(60.0, "other large documents come first")
VISIT_TIMEOUTS = 4  # what asks several times, such as FTP, may take as many timeouts
LONGEST_VISIT = 80.0  # seconds; the default lease of a poll is 90
RESOLVING = 32  # names looked up at once; each holds a thread for as long as DNS takes
DNS_MEMORY = 300  # seconds
MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})
CONDITIONS = ("If-None-Match", "If-Modified-Since")
ONE_HEADER = 2**14  # bytes of one header line; long content security policies are real
ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)

Result: TypeAlias = Fetched | Failure


class Client:
    """The HTTP client of a process; `start` may be called from any thread."""

    def __init__(self, http: config.Http, *, clock: Clock, agent: str) -> None:
        self.guard = Guard(http.networks)
        self.settings, self.clock, self._agent = http, clock, agent
        self.waiting = 0  # sources whose host has its turn later: they hold no slot
        self._hosts = Hosts(http.per_host, http.per_host_gap.total_seconds())
        self._identities = Identities()
        self._slots, self._places = asyncio.Semaphore(SLOTS), asyncio.Semaphore(PLACES)
        self._gate, self._closed = threading.Lock(), False
        self._loop = asyncio.new_event_loop()
        self._names = ThreadPoolExecutor(RESOLVING, thread_name_prefix="dns")
        self._loop.set_default_executor(self._names)
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()
        self._session = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    async def _open(self) -> aiohttp.ClientSession:
        self._resolver = aiohttp.ThreadedResolver()
        connector = aiohttp.TCPConnector(
            # A proxy has its own address, which is the administrator's choice, and judges all others.
            socket_factory=None if self.settings.proxy else self.guard.open_socket,
            resolver=self._resolver,
            ttl_dns_cache=DNS_MEMORY,
            limit=0,  # ours are the slots
            ssl=ssl.create_default_context(),
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Ours spans the look-up of names and all redirects too.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
            max_line_size=ONE_HEADER,
            max_field_size=ONE_HEADER,
        )

    def start(
        self, source: Source, *, method: str = "GET", form: Mapping[str, str] | None = None
    ) -> Future[Result]:
        """The result of asking for `source.url`, to come. What goes wrong on the way is a `Failure` in it.

        Raises RuntimeError after `close`.
        """
        # Only a visit waits for its turn; what belongs to one, as a queue's receipt does, follows at once.
        with self._gate:  # so that all that was let in is there when `close` looks
            if self._closed:
                raise RuntimeError("the client is closed")
            visit = method == "GET"
            fetch = self._in_turn(source) if visit else self._ask(source, URL(source.url), method, form)
            return asyncio.run_coroutine_threadsafe(fetch, self._loop)

    def share(self, nodes: int) -> None:
        """So many nodes ask the same hosts from now on."""
        with self._gate:
            if not self._closed:
                self._loop.call_soon_threadsafe(self._hosts.share, nodes)

    def watch(self, source: Source, work: Future[Result]) -> Future[Result]:
        """The result of work in another thread, or a failure where that takes too long.

        A thread cannot be stopped: one that a server keeps busy is lost until the server lets go.
        """
        seconds = min(VISIT_TIMEOUTS * self.settings.timeout.total_seconds(), LONGEST_VISIT)

        async def bounded() -> Result:
            try:
                async with asyncio.timeout(seconds):
                    return await asyncio.wrap_future(work)
            except TimeoutError:
                return _late(source, f"no complete answer within {seconds:g} s (http.timeout)")

        with self._gate:
            if self._closed:
                raise RuntimeError("the client is closed")
            return asyncio.run_coroutine_threadsafe(bounded(), self._loop)

    def close(self, timeout: float) -> None:
        """Give up what is under way and end the thread."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._give_up(timeout), self._loop).result(timeout)
        self._names.shutdown(wait=False, cancel_futures=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._loop.close()

    async def _give_up(self, timeout: float) -> None:  # noqa: ASYNC109 - of the tasks that are cancelled
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=timeout)
        await self._session.close()

    # ------------------------------------------------------------ one fetch

    async def _in_turn(self, source: Source) -> Result:
        """Wait for the host's turn and a free slot, then ask."""
        try:
            url = URL(source.url)
            if reason := refusal(url, self.guard):
                return _refused(source, reason)
            host = await self._host(url)
        except ValueError:
            return _refused(source, "this is no URL that can be fetched")
        except TimeoutError:
            return _late(source, f"{url.host} was not found in time (DNS, http.timeout)")
        if host.private:  # it has no turns
            return await self._visit(source, url)
        if later := host.away(time.monotonic()):
            return _deferred(source, later)
        async with AsyncExitStack() as held:
            self.waiting += 1
            try:
                async with asyncio.timeout(PATIENCE):
                    await held.enter_async_context(host.turn())
            except TimeoutError:
                return _deferred(source, host.busy(time.monotonic()))
            finally:
                self.waiting -= 1
            result = await self._visit(source, url)
        if isinstance(result, Failure) and result.status in statuses.UNWELCOME:
            return replace(result, rest=host.hold(result.retry_after, time.monotonic()))
        return result

    async def _visit(self, source: Source, url: URL) -> Result:
        """Wait for a free slot, then ask."""
        async with self._slots:
            return await self._ask(source, url, "GET")

    async def _host(self, url: URL) -> Host:
        """What is known of the URL's host; whether it is of our own house is learned once.

        Raises TimeoutError where its name is not found in time.
        """
        name = url.raw_host or ""
        host = self._hosts.of(name)
        if host.private is None and not self.settings.allowed_networks:
            host.private = False
        if host.private is None:
            addresses = [name]
            if not is_literal(name):
                async with self._allowance().limit:
                    try:
                        addresses = [a["host"] for a in await self._resolver.resolve(name, 0)]
                    except OSError:  # the request itself will say what is wrong
                        return host
            host.private = any(self.guard.opened(ip_address(a.partition("%")[0])) for a in addresses)
        return host

    def _allowance(self) -> Allowance:
        return Allowance(self.settings.timeout.total_seconds(), time.monotonic())

    async def _ask(
        self, source: Source, url: URL, method: str, form: Mapping[str, str] | None = None
    ) -> Result:
        allowance = self._allowance()
        try:
            async with allowance.limit:
                return await self._follow(source, url, method, form, allowance)
        except TimeoutError:
            if allowance.paused:
                return _deferred(source, CROWDED)
            return _late(source, allowance.reason(time.monotonic()))
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server provokes ends here, as a value
            kind, reason = _explain(error)
            return Failure(source=source, kind=kind, reason=reason)

    async def _follow(
        self, source: Source, url: URL, method: str, form: Mapping[str, str] | None, allowance: Allowance
    ) -> Result:
        """Ask, and ask again where the answer sends us; each hop is judged and gets only what is its own."""
        origin, moved, permanent = url.origin(), "", True
        for _ in range(MAX_REDIRECTS + 1):
            if reason := refusal(url, self.guard):
                return _refused(source, reason)
            own = url.origin() == origin
            headers = self._headers(source, own_origin=own)
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=form,
                allow_redirects=False,
                ssl=self._identities.of(source.auth_env) if own else True,
                proxy=self.settings.proxy or None,
            ) as response:
                location = response.headers.get("Location", "")
                if response.status not in REDIRECTS or not location:
                    # Where it moves, a source takes its credentials along: elsewhere a person moves it.
                    if source.auth_env and moved and URL(moved).origin() != origin:
                        moved = ""
                    return await self._take(source, response, moved, allowance)
                target = url.join(URL(location)).with_fragment(None)
            downgrade = url.scheme == "https" and target.scheme == "http"
            permanent = permanent and response.status in PERMANENT and not downgrade
            url, moved = target, str(target) if permanent else moved
        return _refused(source, f"more than {MAX_REDIRECTS} redirects")

    def _headers(self, source: Source, *, own_origin: bool) -> dict[str, str]:
        headers = {"User-Agent": self._agent, "Accept": ACCEPT, "Accept-Encoding": ASKED_FOR}
        cursor = source.cursor
        if not validators.are_stale(cursor, self.clock()):
            if cursor.etag:
                headers["If-None-Match"] = cursor.etag
            if cursor.last_modified:
                headers["If-Modified-Since"] = cursor.last_modified
        if own_origin:
            headers |= credentials.headers(source.auth_env, os.environ)
        return headers

    # ------------------------------------------------------------ its answer

    async def _take(
        self, source: Source, response: aiohttp.ClientResponse, moved: str, allowance: Allowance
    ) -> Result:
        """What the final answer means."""
        now, status = self.clock(), response.status
        conditional = any(name in response.request_info.headers for name in CONDITIONS)
        if not (200 <= status < 300 or (status == 304 and conditional)):
            return statuses.failed(source, status, response.headers, now)
        cursor = validators.advanced(source.cursor, response.headers, moved, now, unchanged=status == 304)
        fresh = caching.freshness(response.headers, now)
        if status == 304:
            return Fetched(source=source, cursor=cursor, freshness=fresh, status=status)
        body = await self._read(response, allowance)
        digest = blake2b(body, digest_size=16).hexdigest()
        unchanged = digest == source.cursor.body_hash
        hub, topic = _related(response, "hub"), _related(response, "self")
        document = Document(
            body=body,
            url=str(response.url),
            media_type=response.content_type if "Content-Type" in response.headers else "",
            charset=(response.charset or "").lower(),
            received_at=now,
        )
        if len(body) > LARGE:
            weakref.finalize(document, self._leave)
        return Fetched(
            source=source,
            cursor=replace(cursor, body_hash=digest),
            documents=() if unchanged else (document,),
            freshness=fresh,
            status=status,
            hub=hub,
            topic=topic,
        )

    async def _read(self, response: aiohttp.ClientResponse, allowance: Allowance) -> bytes:
        """The decoded body, which has a place if it is large; raises TooLarge or Broken."""
        limit = self.settings.max_bytes
        decoder = Decoder(response.headers.get("Content-Encoding", ""), limit)
        if (response.content_length or 0) > limit:
            raise TooLarge(f"more than {limit / 10**6:g} MB (http.max_bytes)")
        large = False
        async with AsyncExitStack() as place:
            async for chunk in response.content.iter_any():
                decoder.feed(chunk)
                allowance.earn(len(chunk), time.monotonic())
                if not large and decoder.size > LARGE:
                    large = True
                    with allowance.pause():
                        await place.enter_async_context(self._places)
            body = decoder.document()
            place.pop_all()
        return body

    def _leave(self) -> None:
        """A large document is nobody's any more."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._places.release)


def _related(response: aiohttp.ClientResponse, relation: str) -> str:
    """What the Link headers name under that relation (RFC 8288); "" where there is none that can be read."""
    try:
        return str(response.links[relation]["url"]) if "Link" in response.headers else ""
    except (KeyError, ValueError):
        return ""


def _deferred(source: Source, later: Later) -> Failure:
    return Failure(
        source=source,
        kind=FailureKind.DEFERRED,
        reason=later.reason,
        retry_after=timedelta(seconds=later.seconds),
    )


def _late(source: Source, reason: str) -> Failure:
    return Failure(source=source, kind=FailureKind.NETWORK, reason=reason)


def _refused(source: Source, reason: str) -> Failure:
    return Failure(source=source, kind=FailureKind.REFUSED, reason=reason)


def _explain(error: Exception) -> tuple[FailureKind, str]:
    """The kind and the sentence for what went wrong; none of them repeats a URL, which may hold a secret."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match error:
        case _ if isinstance(cause, AddressRefused):
            return FailureKind.REFUSED, str(cause)
        case credentials.NoCredentials():
            return FailureKind.AUTH, str(error)
        case TooLarge():
            return FailureKind.TOO_LARGE, str(error)
        case Broken():
            return FailureKind.NETWORK, f"the answer cannot be unpacked: {error}"
        case aiohttp.ClientConnectorCertificateError():
            return FailureKind.NETWORK, f"the certificate of {error.host} is not trusted"
        case aiohttp.ClientConnectorDNSError():
            return FailureKind.NETWORK, f"{error.host} has no address (DNS)"
        case aiohttp.ClientConnectorSSLError():
            return FailureKind.NETWORK, f"no secure connection to {error.host} (TLS)"
        case aiohttp.ClientHttpProxyError(status=407):
            return FailureKind.AUTH, "the proxy wants credentials (http.proxy)"
        case aiohttp.ClientProxyConnectionError():
            return FailureKind.NETWORK, "the proxy cannot be reached (http.proxy)"
        case aiohttp.ClientConnectorError():
            why = os.strerror(error.os_error.errno).lower() if error.os_error.errno else "no answer"
            return FailureKind.NETWORK, f"no connection to {error.host}:{error.port}: {why}"
        case aiohttp.ServerDisconnectedError():
            return FailureKind.NETWORK, "the server closed the connection without an answer"
        case aiohttp.ClientPayloadError() | aiohttp.ClientOSError():
            return FailureKind.NETWORK, "the answer broke off"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | ValueError():
            return FailureKind.REFUSED, "its address is no URL that can be fetched"
        case aiohttp.ClientResponseError():
            return FailureKind.NETWORK, "the answer is no proper HTTP, or its headers are too long"
        case _:
            return FailureKind.NETWORK, f"the fetch failed ({type(error).__name__})"
