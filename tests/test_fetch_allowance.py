"""How long a server may take: half of the time where it brings little, all where it is slow and honest."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.config import Http
from service.fetch.allowance import AHEAD, BEGINNING, PACE, Allowance, extended
from service.fetch.transports import Fetcher
from service.model import Failure, FailureKind, Fetched, Source
from service.quantities import duration
from tests.servers import DEADLINE, STALL, Answer, Body, FeedServer, Request, drip

TIMEOUT = 20.0  # seconds, as a monitor has it that was not told otherwise
PIECES = st.lists(st.tuples(st.floats(0, TIMEOUT), st.integers(1, 10**7)), max_size=50).map(sorted)


def ends(pieces: list[tuple[float, int]]) -> float:
    """When a fetch from time 0 is given up, of whose document so many bytes come at those times."""
    until = BEGINNING * TIMEOUT
    for at, size in pieces:
        if at < until:
            until = extended(until, size, at, 0.0, TIMEOUT)
    return until


@given(PIECES)
@example([])
@example([(7.9, 10**7)])
def test_a_server_that_falls_silent_within_the_beginning_is_given_up_within_half_of_the_time(
    pieces: list[tuple[float, int]],
) -> None:
    early = [(at, size) for at, size in pieces if at <= BEGINNING * TIMEOUT]
    assert BEGINNING * TIMEOUT <= ends(early) <= TIMEOUT / 2


@given(PIECES)
def test_no_server_is_given_up_early_because_it_brought_more(pieces: list[tuple[float, int]]) -> None:
    assert ends(pieces[::2]) <= ends(pieces) <= TIMEOUT


@given(PIECES)
def test_a_silence_is_never_waited_for_longer_than_what_may_be_bought_at_once(
    pieces: list[tuple[float, int]],
) -> None:
    end = ends(pieces)
    last = max((at for at, _ in pieces if at < end), default=0.0)
    assert end <= max(BEGINNING * TIMEOUT, last + AHEAD * TIMEOUT)


@given(st.floats(0.01, 0.9 * AHEAD * TIMEOUT), st.floats(1, 1000))
def test_a_server_that_keeps_the_pace_has_the_whole_time(every: float, times: float) -> None:
    size = int(PACE * every * times) + 1
    assert ends([(n * every, size) for n in range(1, int(TIMEOUT / every) + 1)]) == TIMEOUT


@given(st.floats(0.01, 1), st.floats(0, 0.4))
def test_a_drip_is_given_up_within_half_of_the_time(every: float, share: float) -> None:
    size = int(PACE * every * share)
    assert ends([(n * every, size) for n in range(1, int(TIMEOUT / every) + 1)]) <= TIMEOUT / 2


def test_what_is_not_the_doing_of_a_server_is_not_its_time() -> None:
    async def fetched() -> str:
        allowance = Allowance(timeout=2.0, now=time.monotonic())
        async with allowance.limit:
            with allowance.pause():
                await asyncio.sleep(2 * BEGINNING)
            await asyncio.sleep(0.01)
        return allowance.reason(time.monotonic())

    assert asyncio.run(fetched()).startswith("nothing of a document came within 0.")


# ---------------------------------------------------------------- on the wire


NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as made:
        yield made


def fetch(url: str, timeout: str) -> Fetched | Failure:
    http = Http(allowed_networks=("127.0.0.1",), timeout=duration(timeout))
    with closing(Fetcher(http, clock=lambda: NOW, agent_version="1")) as fetcher:
        return fetcher.fetch(Source(name="hafen", url=url))


def burst() -> Iterator[bytes]:
    """A megabyte at once, and then next to nothing."""
    yield b"x" * 10**6
    yield from drip(every=0.1)()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (STALL, r"nothing of a document came within [01]\.\d s \(a longer http\.timeout allows for more\)"),
        (drip(every=0.05), r"its document came too slowly: \d\d bytes in [01]\.\d s \(http\.timeout\)"),
        (burst, r"its document came too slowly: 1,000,0\d\d bytes in [01]\.\d s \(http\.timeout\)"),
    ],
    ids=["a stall", "a drip", "a burst and a drip"],
)
def test_what_brings_little_is_given_up_before_its_time(server: FeedServer, body: Body, reason: str) -> None:
    failure = fetch(server.serve("/feed", body), "2s")
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.NETWORK
    assert re.fullmatch(reason, failure.reason), failure.reason


@pytest.mark.slow
def test_headers_that_come_by_drops_and_redirects_that_dawdle_are_no_beginning(server: FeedServer) -> None:
    def dawdle(request: Request) -> Answer:
        time.sleep(0.3)
        return Answer(status=302, headers={"Location": f"{request.path}x"})

    for hop in range(10):
        server.script(f"/hop{hop * 'x'}", dawdle)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        spoken = threads.submit(speak_slowly, listener)
        for url in (server.url("/hop"), f"http://127.0.0.1:{listener.getsockname()[1]}/feed"):
            failure = fetch(url, "2s")
            assert isinstance(failure, Failure)
            assert failure.reason.startswith("nothing of a document came within"), failure.reason
        assert spoken.result(DEADLINE) < len(HEADERS)


HEADERS = b"HTTP/1.1 200 OK\r\n" + b"X-Long: more\r\n" * 1000


def speak_slowly(listener: socket.socket) -> int:
    """How many bytes of the headers were sent, twenty a second, until the client hung up."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        for sent in range(len(HEADERS)):
            connection.sendall(HEADERS[sent : sent + 1])
            time.sleep(0.05)
    return sent


@pytest.mark.slow
def test_a_slow_server_that_keeps_at_it_has_more_than_half_of_the_time(server: FeedServer) -> None:
    url = server.serve("/feed", drip(b" " * 2000, every=0.05, times=65))
    fetched = fetch(url, "6s")
    assert isinstance(fetched, Fetched), fetched.reason
    assert len(fetched.documents[0].body) == 65 * 2000
