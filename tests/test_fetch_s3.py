"""S3, against a real server that speaks its protocol: a bucket is a drop like every other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from service.config import Http
from service.fetch.transports import Fetcher, check_url
from service.model import Failure, FailureKind, Fetched, Source, utcnow
from service.parse.formats import parse
from tests.newsroom import MARKET, TRIP, rss
from tests.servers import unused_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the libraries on both ends
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    port = unused_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("WIRE_S3", "key:secret")
    store = boto3.resource("s3", aws_access_key_id="key", aws_secret_access_key="secret")
    made = store.Bucket("wire")
    made.create()
    yield made
    made.objects.all().delete()
    made.delete()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with closing(Fetcher(Http(), clock=utcnow, agent_version="1")) as made:
        yield made


SOURCE = Source(name="drop", url=check_url("s3://wire/in"), auth_env="WIRE_S3")


def test_each_object_below_a_prefix_is_read_once(fetcher: Fetcher, bucket: Any) -> None:
    bucket.put_object(Key="in/one.xml", Body=rss(TRIP))
    bucket.put_object(Key="in/one.xml.part", Body=b"<rss")
    bucket.put_object(Key="other/two.xml", Body=rss(MARKET))
    first = fetcher.fetch(SOURCE)
    assert isinstance(first, Fetched), first
    [document] = first.documents
    assert "one.xml" == document.name
    assert [TRIP.headline] == [item.headline for item in parse(document, SOURCE).items]
    later = replace(SOURCE, cursor=first.cursor, last_ok_at=utcnow())
    again = fetcher.fetch(later)
    assert isinstance(again, Fetched)
    assert () == again.documents
    bucket.put_object(Key="in/two.xml", Body=rss(MARKET))
    second = fetcher.fetch(later)
    assert isinstance(second, Fetched)
    assert ["two.xml"] == [document.name for document in second.documents]
    assert 4 == len(list(bucket.objects.all()))  # nothing was taken away


def test_a_bucket_that_is_not_there_is_a_failure_with_a_reason(fetcher: Fetcher, bucket: Any) -> None:
    failure = fetcher.fetch(replace(SOURCE, url=check_url("s3://no-such-bucket/in")))
    assert isinstance(failure, Failure)
    assert "there is no such folder" in failure.reason


def test_without_its_credentials_nothing_is_asked(
    fetcher: Fetcher, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIRE_S3")
    failure = fetcher.fetch(SOURCE)
    assert isinstance(failure, Failure)
    assert "WIRE_S3" in failure.reason


def test_without_any_credentials_and_without_a_server_the_reason_says_so(
    fetcher: Fetcher, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    bare = fetcher.fetch(replace(SOURCE, auth_env=""))
    assert isinstance(bare, Failure)
    assert bare.kind is FailureKind.AUTH
    assert bare.reason == "no credentials for wire (--auth-env VAR, or the usual AWS settings)"
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    lonely = fetcher.fetch(SOURCE)
    assert isinstance(lonely, Failure)
    assert (lonely.kind, lonely.reason) == (FailureKind.NETWORK, "no connection to the servers of wire")
