"""dpa wireQ: entries are deleted from the queue after they are safe, and not before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.config import Http
from service.fetch.transports import Fetcher, check_url
from service.model import Failure, FailureKind, Fetched, Source, utcnow
from tests.servers import Answer, FeedServer, Request


class Queue:
    """A wireQ: entries are shown with a receipt each, and go when it is given back."""

    def __init__(self, server: FeedServer, *numbers: int) -> None:
        self.entries = {f"AQ/EB+{n}==": {"entry_id": f"e{n}", "urn": f"urn:newsml:{n}"} for n in numbers}
        server.script("/q/abc/entries.json", self.show)
        for receipt in self.entries:
            server.script(f"/q/abc/entry/{receipt}", self.delete)

    def show(self, _request: Request) -> Answer:
        shown = [{**entry, "_wireq_receipt": receipt} for receipt, entry in self.entries.items()]
        return Answer(body=json.dumps({"entries": shown}), headers={"Retry-After": "42"}, etag=False)

    def delete(self, request: Request) -> Answer:
        assert request.method == "DELETE"
        self.entries.pop(request.path.removeprefix("/q/abc/entry/"))
        return Answer(status=204)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture(scope="module")
def fetcher() -> Iterator[Fetcher]:
    fetcher = Fetcher(Http(allowed_networks=("127.0.0.1",)), clock=utcnow, agent_version="1")
    yield fetcher
    fetcher.close()


def queue_at(server: FeedServer) -> Source:
    return Source(name="dpa", url=check_url("wireq+" + server.url("/q/abc/")))


def test_an_entry_is_a_document_and_leaves_the_queue_when_it_is_acknowledged(
    fetcher: Fetcher, server: FeedServer
) -> None:
    queue, source = Queue(server, 1, 2), queue_at(server)
    fetched = fetcher.fetch(source)
    assert isinstance(fetched, Fetched)
    assert [document.name for document in fetched.documents] == ["e1", "e2"]
    expected = {"entries": [{"entry_id": "e1", "urn": "urn:newsml:1"}]}
    assert json.loads(fetched.documents[0].body) == expected
    assert fetched.freshness.retry_after == timedelta(seconds=42)
    assert (fetched.source, fetched.cursor) == (source, source.cursor)
    assert len(queue.entries) == 2
    assert fetched.acknowledge
    fetched.acknowledge()
    assert not queue.entries
    empty = fetcher.fetch(source)
    assert isinstance(empty, Fetched)
    assert (empty.documents, empty.acknowledge) == ((), None)


def test_an_entry_that_was_not_acknowledged_comes_again(fetcher: Fetcher, server: FeedServer) -> None:
    Queue(server, 1)
    for _ in range(2):
        fetched = fetcher.fetch(queue_at(server))
        assert isinstance(fetched, Fetched)
        assert len(fetched.documents) == 1


def test_an_entry_that_cannot_be_read_stays_in_the_queue(fetcher: Fetcher, server: FeedServer) -> None:
    queue = Queue(server, 1, 2)
    fetched = fetcher.fetch(queue_at(server))
    assert isinstance(fetched, Fetched)
    assert fetched.reject
    assert fetched.acknowledge
    fetched.reject("e1", "no headline")
    fetched.acknowledge()
    assert [entry["entry_id"] for entry in queue.entries.values()] == ["e1"]


def test_a_delete_that_fails_raises_nothing(fetcher: Fetcher, server: FeedServer) -> None:
    queue = Queue(server, 1)
    fetched = fetcher.fetch(queue_at(server))
    assert isinstance(fetched, Fetched)
    assert fetched.acknowledge
    server.script("/q/abc/entry/AQ/EB+1==", Answer(status=500))
    fetched.acknowledge()
    assert len(queue.entries) == 1


def test_the_credentials_go_with_the_deletes(
    fetcher: Fetcher, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DPA", "Bearer token")
    Queue(server, 1)
    source = Source(name="dpa", url=check_url("wireq+" + server.url("/q/abc")), auth_env="DPA")
    fetched = fetcher.fetch(source)
    assert isinstance(fetched, Fetched)
    assert fetched.acknowledge
    fetched.acknowledge()
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer token"] * 2


@pytest.mark.parametrize("body", ["<html>", "[]", '{"entries": 1}', '{"entries": ["x"]}', "[" * 100_000])
def test_an_answer_that_is_no_queue_is_a_reason(fetcher: Fetcher, server: FeedServer, body: str) -> None:
    server.serve("/q/abc/entries.json", body)
    failure = fetcher.fetch(queue_at(server))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.UNREADABLE
    assert failure.reason.startswith("the queue's answer is not what wireQ sends: ")


def test_a_queue_that_fails_is_a_failure_of_its_source(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/q/abc/entries.json", status=429, headers={"Retry-After": "5"})
    source = queue_at(server)
    failure = fetcher.fetch(source)
    assert isinstance(failure, Failure)
    assert (failure.source, failure.kind) == (source, FailureKind.THROTTLED)
    assert failure.retry_after == timedelta(seconds=5)
