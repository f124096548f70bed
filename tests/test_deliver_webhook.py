"""Webhooks, against a server that really speaks HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from service.deliver.drivers import driver
from service.deliver.webhook import Webhook, hook, retry_after
from service.errors import UsageError
from service.model import Channel, Message, Verdict
from tests.inbox import CUT, HookServer

NOW = datetime(2026, 11, 24, 13, 2, tzinfo=UTC)
MESSAGE = Message(
    id="alert-7.0.3@host", subject="x", text="x", data={"schema_version": 1, "subject": "Große Reise"}
)


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


def test_a_webhook_gets_the_json_with_its_key(hooks: HookServer) -> None:
    outcome = driver(Channel(name="hook", url=hooks.url())).send(MESSAGE, "")
    assert (outcome.verdict, outcome.code) == (Verdict.SENT, "HTTP 204")
    [post] = hooks.wait(1)
    assert post.path == "/hook"
    assert post.json == {"schema_version": 1, "subject": "Große Reise"}
    assert post.headers["content-type"] == "application/json; charset=utf-8"
    assert post.headers["idempotency-key"] == "alert-7.0.3@host"
    assert "x-monitor-signature" not in post.headers


def test_a_receiver_can_check_the_signature_with_either_secret(hooks: HookServer) -> None:
    url = hooks.url() + "?secret=old-secret&secret=new-secret&token=abc"
    driver(Channel(name="hook", url=url)).send(MESSAGE, "")
    [post] = hooks.wait(1)
    signed = post.headers["x-monitor-timestamp"].encode() + b"." + post.body
    expected = [hmac.new(key, signed, hashlib.sha256).hexdigest() for key in (b"old-secret", b"new-secret")]
    assert post.headers["x-monitor-signature"] == ",".join(f"v1={value}" for value in expected)
    assert post.path == "/hook?token=abc"


def test_a_repeat_has_the_same_body_and_a_new_timestamp(hooks: HookServer) -> None:
    hooks.answer(503)
    clock = iter([NOW, NOW + timedelta(seconds=5)])
    receiver = Webhook(hook(hooks.url() + "?secret=s3cret-word"), clock=lambda: next(clock))
    assert receiver.send(MESSAGE, "").verdict is Verdict.TRANSIENT
    assert receiver.send(MESSAGE, "").verdict is Verdict.SENT
    first, second = hooks.wait(2)
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.headers["x-monitor-timestamp"] != second.headers["x-monitor-timestamp"]
    assert first.headers["x-monitor-signature"] != second.headers["x-monitor-signature"]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.SENT),
        (202, Verdict.SENT),
        (400, Verdict.PERMANENT),
        (404, Verdict.PERMANENT),
        (410, Verdict.PERMANENT),
        (401, Verdict.AUTH),
        (403, Verdict.AUTH),
        (408, Verdict.TRANSIENT),
        (429, Verdict.TRANSIENT),
        (500, Verdict.TRANSIENT),
        (503, Verdict.TRANSIENT),
    ],
)
def test_the_status_decides(hooks: HookServer, status: int, verdict: Verdict) -> None:
    hooks.answer(status, retry_after="7")
    outcome = driver(Channel(name="hook", url=hooks.url())).send(MESSAGE, "")
    assert (outcome.verdict, outcome.code) == (verdict, f"HTTP {status}")
    assert outcome.retry_after == (timedelta(seconds=7) if verdict is Verdict.TRANSIENT else None)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(hooks: HookServer, status: int) -> None:
    hooks.answer(status, location=hooks.url("http", "/elsewhere"))
    assert driver(Channel(name="hook", url=hooks.url())).send(MESSAGE, "").verdict is Verdict.PERMANENT
    assert [post.path for post in hooks.posts] == ["/hook"]


def test_a_dead_receiver_is_a_transient_failure_and_shows_no_secret() -> None:
    with HookServer() as server:
        url = server.url(path="/T0KENT0KEN") + "?secret=s3cret-word"
    outcome = driver(Channel(name="hook", url=url)).send(MESSAGE, "")
    assert outcome.verdict is Verdict.TRANSIENT
    assert "T0KENT0KEN" not in repr(outcome)
    assert "s3cret-word" not in repr(outcome)


def test_a_receiver_that_hangs_up_may_have_taken_it(hooks: HookServer) -> None:
    hooks.answer(CUT)
    outcome = driver(Channel(name="hook", url=hooks.url())).send(MESSAGE, "")
    assert outcome.verdict is Verdict.AMBIGUOUS


def test_login_and_headers_stand_in_the_url_and_go_into_the_request(hooks: HookServer) -> None:
    url = f"webhook://me:p%40ss@{hooks.host}:{hooks.port}/in?+X-Team=night%20desk&keep=1"
    driver(Channel(name="hook", url=url)).send(MESSAGE, "")
    [post] = hooks.wait(1)
    assert post.headers["authorization"] == "Basic bWU6cEBzcw=="
    assert post.headers["x-team"] == "night desk"
    assert post.path == "/in?keep=1"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("webhook:///path", "needs a host"),
        ("webhook://host:port/", "port"),
        ("webhook://host/?secret=", "none is empty"),
        ("webhook://host/?secret=a&secret=b&secret=c", "two"),
        ("webhook://host/?+X-A=%0d%0aB:c", "printable"),
    ],
)
def test_a_webhook_url_that_cannot_work_says_why(url: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        hook(url)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("Tue, 24 Nov 2026 13:04:00 GMT", timedelta(minutes=2)),
        ("Tue, 24 Nov 2026 12:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_a_pause_may_be_asked_for_in_seconds_or_as_a_date(value: str, expected: timedelta | None) -> None:
    assert retry_after(value, NOW) == expected
