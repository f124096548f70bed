"""Large documents are few at a time, so that what servers send fits into memory however many send it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import closing

import pytest

from service.config import Http
from service.fetch.http import LARGE, PLACES
from service.fetch.transports import Fetcher
from service.model import Failure, FailureKind, Fetched, Source, utcnow
from service.quantities import Size
from tests.servers import DEADLINE, FeedServer

LARGEST = 2 * LARGE


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as made:
        made.serve("/large", b"x" * (LARGE + 1), etag=False)
        made.serve("/too-large", lambda: iter([b"x" * LARGEST, b"x"]))
        made.serve("/small", b"x" * LARGE)
        yield made


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    http = Http(allowed_networks=("127.0.0.1",), max_bytes=Size(LARGEST))
    with closing(Fetcher(http, clock=utcnow, agent_version="1")) as made:
        yield made


def test_a_large_document_waits_for_its_place_and_a_small_one_does_not(
    server: FeedServer, fetcher: Fetcher
) -> None:
    held = [fetcher.fetch(Source(name="x", url=server.url("/large"))) for _ in range(PLACES)]
    arrived: queue.SimpleQueue[Fetched | Failure] = queue.SimpleQueue()
    fetcher.submit(Source(name="x", url=server.url("/large")), arrived.put)
    server.wait(PLACES + 1, "/large")
    assert isinstance(fetcher.fetch(Source(name="x", url=server.url("/small"))), Fetched)
    assert arrived.empty()
    held.pop()
    assert isinstance(arrived.get(timeout=DEADLINE), Fetched)


def test_a_document_that_is_too_large_leaves_its_place(server: FeedServer, fetcher: Fetcher) -> None:
    for _ in range(PLACES + 1):
        failure = fetcher.fetch(Source(name="x", url=server.url("/too-large")))
        assert isinstance(failure, Failure)
        assert failure.kind is FailureKind.TOO_LARGE
    assert isinstance(fetcher.fetch(Source(name="x", url=server.url("/large"))), Fetched)
