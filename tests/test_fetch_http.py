"""HTTP sources: what is asked, what an answer means, and that nothing a server does goes beyond a reason."""

from __future__ import annotations

import gzip
import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.config import Http
from service.fetch.http import SLOTS
from service.fetch.transports import Fetcher
from service.model import Cursor, Failure, FailureKind, Fetched, Source
from service.quantities import Size, duration
from tests.servers import (
    DEADLINE,
    DROP,
    STALL,
    Answer,
    ConnectProxy,
    FeedServer,
    drip,
    gzip_bomb,
    self_signed,
    unused_port,
)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FEED = b'<rss version="2.0"><channel><title>Hafen</title></channel></rss>'
LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture(scope="module")
def fetcher() -> Iterator[Fetcher]:
    http = Http(allowed_networks=LOOPBACK, contact="mailto:desk@example.org")
    fetcher = Fetcher(http, clock=lambda: NOW, agent_version="1.2")
    yield fetcher
    fetcher.close()


@pytest.fixture(scope="module")
def impatient() -> Iterator[Fetcher]:
    """A fetcher that waits three seconds and takes a megabyte."""
    http = Http(allowed_networks=LOOPBACK, timeout=duration("3s"), max_bytes=Size(10**6))
    fetcher = Fetcher(http, clock=lambda: NOW, agent_version="1.2")
    yield fetcher
    fetcher.close()


def source(url: str, **fields: object) -> Source:
    return replace(Source(name="hafen", url=url), **fields)  # type: ignore[arg-type]


def read(fetcher: Fetcher, url: str, **fields: object) -> Fetched:
    result = fetcher.fetch(source(url, **fields))
    assert isinstance(result, Fetched), result
    return result


def fail(fetcher: Fetcher, url: str, **fields: object) -> Failure:
    result = fetcher.fetch(source(url, **fields))
    assert isinstance(result, Failure), result
    return result


# ---------------------------------------------------------------- what is asked, and what comes


def test_a_feed_comes_with_its_type_its_charset_and_its_address(fetcher: Fetcher, server: FeedServer) -> None:
    url = server.serve("/feed", FEED, headers={"Content-Type": "Application/RSS+XML; charset=ISO-8859-15"})
    [document] = read(fetcher, url).documents
    assert (document.body, document.url, document.received_at) == (FEED, url, NOW)
    assert (document.media_type, document.charset) == ("application/rss+xml", "iso-8859-15")


def test_a_request_names_us_and_carries_neither_cookie_nor_referrer(
    fetcher: Fetcher, server: FeedServer
) -> None:
    url = server.serve("/feed", FEED, headers={"Set-Cookie": "id=1; Path=/"})
    read(fetcher, url)
    read(fetcher, url)
    for request in server.requests:
        assert request.headers["user-agent"] == "wire-monitor/1.2 (+mailto:desk@example.org)"
        assert not {"cookie", "referer"} & set(request.headers)
        assert "application/rss+xml" in request.headers["accept"]
        assert (
            request.headers["accept-encoding"] == "gzip, deflate"
        )  # br and zstd have no bound that we trust


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"', "unquoted", '"a b,c"', '""'])
def test_validators_go_back_byte_for_byte(fetcher: Fetcher, server: FeedServer, etag: str) -> None:
    dated = "Mon,  02 Mar 2026 07:00:00 +0000"  # not as we would write it
    url = server.serve("/feed", FEED, headers={"ETag": etag, "Last-Modified": dated})
    first = read(fetcher, url)
    second = read(fetcher, url, cursor=first.cursor)
    sent = server.requests[-1].headers
    assert (sent["if-none-match"], sent["if-modified-since"]) == (etag, dated)
    assert (second.status, second.documents) == (304, ())


def test_a_304_refreshes_the_validators_that_it_carries_and_keeps_the_others(
    fetcher: Fetcher, server: FeedServer
) -> None:
    url = server.script("/feed", Answer(status=304, headers={"ETag": '"new"', "Cache-Control": "max-age=90"}))
    known = Cursor(etag='"old"', last_modified="yesterday", body_hash="ab", position=NOW.isoformat())
    fetched = read(fetcher, url, cursor=known)
    assert fetched.cursor == replace(known, etag='"new"')
    assert fetched.freshness.max_age == timedelta(seconds=90)


def test_a_304_to_whoever_asked_for_all_of_it_is_no_answer(fetcher: Fetcher, server: FeedServer) -> None:
    failure = fail(fetcher, server.serve("/feed", status=304))
    assert failure.reason == "the server answers 304 Not Modified, though all of it was asked for"


def test_the_same_body_is_not_handed_on_twice_even_where_its_etag_lies(
    fetcher: Fetcher, server: FeedServer
) -> None:
    url = server.script(
        "/feed",
        Answer(body=FEED, headers={"ETag": '"1"'}),
        Answer(body=gzip.compress(FEED), headers={"ETag": '"2"', "Content-Encoding": "gzip"}),
        Answer(body=FEED + b" ", headers={"ETag": '"3"'}),
    )
    first = read(fetcher, url)
    second = read(fetcher, url, cursor=first.cursor)
    third = read(fetcher, url, cursor=second.cursor)
    assert [len(fetched.documents) for fetched in (first, second, third)] == [1, 0, 1]
    assert second.cursor.etag == '"2"'


def test_after_a_week_of_304_the_whole_feed_is_asked_for_once(fetcher: Fetcher, server: FeedServer) -> None:
    url = server.serve("/feed", FEED, headers={"ETag": '"stuck"'})
    old = Cursor(etag='"stuck"', position=(NOW - timedelta(days=8)).isoformat())
    fetched = read(fetcher, url, cursor=old)
    assert (fetched.status, "if-none-match" in server.requests[-1].headers) == (200, False)
    assert read(fetcher, url, cursor=fetched.cursor).status == 304


def test_a_validator_that_cannot_be_sent_back_is_not_kept(fetcher: Fetcher, server: FeedServer) -> None:
    raw = b'HTTP/1.1 200 OK\r\nETag: "\xe9"\r\nContent-Length: 1\r\n\r\nx'
    first = read(fetcher, server.script("/feed", Answer(raw=raw)))
    assert first.cursor.etag == ""


@pytest.mark.parametrize(
    "stated",
    ["", ";;;", "text", 'text/xml; charset="', "text/xml; charset=;", 'text/xml; charset="utf\\"', "/"],
)
def test_a_strange_type_harms_nobody(fetcher: Fetcher, server: FeedServer, stated: str) -> None:
    [document] = read(fetcher, server.serve("/feed", FEED, headers={"Content-Type": stated})).documents
    assert document.body == FEED


# ---------------------------------------------------------------- packed bodies


def _headless(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(FEED)),
        ("x-gzip", gzip.compress(FEED)),
        ("gzip", gzip.compress(FEED[:20]) + gzip.compress(FEED[20:])),
        ("gzip", gzip.compress(FEED) + b"\0" * 9),
        ("deflate", zlib.compress(FEED)),
        ("deflate", _headless(FEED)),
        ("identity", FEED),
        ("", gzip.compress(FEED)),
    ],
    ids=["gzip", "x-gzip", "two members", "padded", "zlib", "raw deflate", "identity", "undeclared gzip"],
)
def test_a_packed_feed_is_unpacked(fetcher: Fetcher, server: FeedServer, coding: str, packed: bytes) -> None:
    url = server.serve("/feed", packed, headers={"Content-Encoding": coding} if coding else {})
    [document] = read(fetcher, url).documents
    assert document.body == FEED


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(FEED * 50)[:-20]),
        ("gzip", gzip.compress(FEED)[:12] + b"\xff" * 40),
        ("gzip", FEED),
        ("deflate", b"\xff\xff\xff\xff"),
        ("gzip", gzip.compress(b"") * 1000),
        ("br", b"\x0b\x02\x80abc\x03"),
        ("zstd", b"\x28\xb5\x2f\xfd\x24\x03\x19\x00\x00abc"),
        ("gzip, gzip", gzip.compress(gzip.compress(FEED))),
    ],
    ids=["cut", "damaged", "not packed", "no deflate", "empty members", "br", "zstd", "twice"],
)
def test_a_body_that_cannot_be_unpacked_is_a_failure(
    fetcher: Fetcher, server: FeedServer, coding: str, body: bytes
) -> None:
    failure = fail(fetcher, server.serve("/feed", body, headers={"Content-Encoding": coding}))
    assert failure.kind is FailureKind.NETWORK
    assert failure.reason.startswith("the answer cannot be unpacked: ")


def test_what_grows_as_only_a_trap_does_is_given_up_early(fetcher: Fetcher, server: FeedServer) -> None:
    url = server.serve("/feed", gzip_bomb(8), headers={"Content-Encoding": "gzip"})
    failure = fail(fetcher, url)
    assert failure.kind is FailureKind.TOO_LARGE
    assert failure.reason == "it unpacks to more than 200 times its size, as only a trap does"


# ---------------------------------------------------------------- redirects


def test_a_permanent_redirect_is_counted_while_it_is_the_same(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/new", FEED)
    url = server.redirect("/old", "/new", status=301)
    first = read(fetcher, url)
    second = read(fetcher, url, cursor=first.cursor)
    assert (second.cursor.moved_to, second.cursor.moved_seen) == (server.url("/new"), 2)
    server.serve("/newer", FEED)
    server.redirect("/old", "/newer", status=308)
    third = read(fetcher, url, cursor=second.cursor)
    assert (third.cursor.moved_to, third.cursor.moved_seen) == (server.url("/newer"), 1)
    server.serve("/old", FEED)
    fourth = read(fetcher, url, cursor=third.cursor)
    assert (fourth.cursor.moved_to, fourth.cursor.moved_seen) == ("", 0)


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_temporary_redirect_moves_nothing(fetcher: Fetcher, server: FeedServer, status: int) -> None:
    server.serve("/elsewhere", FEED)
    fetched = read(fetcher, server.redirect("/feed", "/elsewhere", status=status))
    assert fetched.cursor.moved_to == ""
    assert fetched.documents[0].url == server.url("/elsewhere")


def test_a_way_from_https_to_http_is_not_kept_for_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: FeedServer
) -> None:
    with (
        secure_server(tmp_path, monkeypatch) as secure,
        closing(Fetcher(Http(allowed_networks=LOOPBACK), clock=lambda: NOW, agent_version="1")) as fetcher,
    ):
        url = secure.redirect("/feed", server.serve("/plain", FEED), status=301)
        assert read(fetcher, url).cursor.moved_to == ""


def test_what_is_permanent_ends_at_the_first_temporary_hop(fetcher: Fetcher, server: FeedServer) -> None:
    server.redirect("/1", "/2", status=301)
    server.redirect("/2", "/3", status=302)
    server.redirect("/3", "/4", status=301)
    server.serve("/4", FEED)
    assert read(fetcher, server.url("/1")).cursor.moved_to == server.url("/2")


def test_five_redirects_are_followed_and_six_are_not(fetcher: Fetcher, server: FeedServer) -> None:
    for hop in range(100):
        server.redirect(f"/{hop}", f"/{hop + 1}")
    server.serve("/100", FEED)
    assert read(fetcher, server.url("/95")).documents
    server.requests.clear()
    failure = fail(fetcher, server.url("/0"))
    assert (failure.kind, failure.reason) == (FailureKind.REFUSED, "more than 5 redirects")
    assert len(server.requests) == 6


def test_a_redirect_loop_ends(fetcher: Fetcher, server: FeedServer) -> None:
    server.redirect("/a", "/b")
    server.redirect("/b", "/a")
    assert fail(fetcher, server.url("/a")).reason == "more than 5 redirects"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("file:///etc/passwd", "a redirect to file: is not followed"),
        ("ftp://127.0.0.1/x", "a redirect to ftp: is not followed"),
        ("http://10.1.2.3/", "10.1.2.3 is a private address (http.allowed_networks opens it)"),
        ("//169.254.169.254/latest/meta-data", "169.254.169.254 is a private address"),
        ("http://[::ffff:10.0.0.1]/", "is a private address"),
        ("http://127.0.0.1:22/", "port 22 is not a web server's"),
        ("http://user:secret@127.0.0.1/", "a URL that carries a user or a password is not fetched"),
        ("http://[::1", "its address is no URL that can be fetched"),
    ],
)
def test_a_redirect_leads_nowhere_that_a_source_may_not_be(
    fetcher: Fetcher, server: FeedServer, target: str, reason: str
) -> None:
    failure = fail(fetcher, server.redirect("/feed", target))
    assert failure.kind is FailureKind.REFUSED
    assert reason in failure.reason
    assert "secret" not in failure.reason


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize(
    ("value", "header", "sent"),
    [
        ("desk:wörd:x", "authorization", "Basic ZGVzazp3w7ZyZDp4"),
        ("Bearer abc.def", "authorization", "Bearer abc.def"),
        ("X-Api-Key: k1\nX-Desk: news", "x-api-key", "k1"),
    ],
)
def test_credentials_come_from_the_environment(
    fetcher: Fetcher,
    server: FeedServer,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    header: str,
    sent: str,
) -> None:
    monkeypatch.setenv("WIRE_LOGIN", value)
    read(fetcher, server.serve("/feed", FEED), auth_env="WIRE_LOGIN")
    assert server.requests[-1].headers[header] == sent


@pytest.mark.parametrize("value", ["", "secretwithoutcolon", "Bearer a\x00secret", "X-Key: a\nsecret"])
def test_credentials_that_cannot_be_sent_are_a_failure_that_does_not_repeat_them(
    fetcher: Fetcher, server: FeedServer, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WIRE_LOGIN", value) if "\0" not in value else None
    failure = fail(fetcher, server.serve("/feed", FEED), auth_env="WIRE_LOGIN")
    assert failure.kind is FailureKind.AUTH
    assert "WIRE_LOGIN" in failure.reason
    assert "secret" not in failure.reason
    assert not server.requests


def test_credentials_stay_with_their_origin(
    fetcher: Fetcher, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIRE_LOGIN", "X-Key: abc")
    with FeedServer() as other:
        other.serve("/feed", FEED)
        server.redirect("/near", "/far")
        server.redirect("/far", other.url("/feed"))
        read(fetcher, server.url("/near"), auth_env="WIRE_LOGIN")
        assert [r.headers.get("x-key") for r in server.requests] == ["abc", "abc"]
        assert [r.headers.get("x-key") for r in other.requests] == [None]


def test_a_source_with_credentials_does_not_move_to_another_origin_by_itself(
    fetcher: Fetcher, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIRE_LOGIN", "anna:secret")
    with FeedServer() as other:
        away = server.redirect("/away", other.serve("/feed", FEED), status=301)
        near = server.redirect("/near", server.serve("/feed", FEED), status=301)
        assert read(fetcher, away).cursor.moved_to == other.url("/feed")
        assert read(fetcher, away, auth_env="WIRE_LOGIN").cursor.moved_to == ""
        assert read(fetcher, near, auth_env="WIRE_LOGIN").cursor.moved_to == server.url("/feed")


# ---------------------------------------------------------------- what a status means


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.STATUS),
        (401, FailureKind.AUTH),
        (403, FailureKind.THROTTLED),
        (404, FailureKind.STATUS),
        (407, FailureKind.AUTH),
        (410, FailureKind.GONE),
        (429, FailureKind.THROTTLED),
        (451, FailureKind.STATUS),
        (500, FailureKind.STATUS),
        (503, FailureKind.THROTTLED),
        (300, FailureKind.STATUS),
    ],
)
def test_each_status_has_its_kind(
    fetcher: Fetcher, server: FeedServer, status: int, kind: FailureKind
) -> None:
    failure = fail(fetcher, server.serve("/feed", b"no", status=status))
    assert (failure.kind, failure.status) == (kind, status)
    assert str(status) in failure.reason


@pytest.mark.parametrize(
    ("stated", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("Mon, 02 Mar 2026 08:30:00 GMT", timedelta(minutes=30)),
        ("Mon, 02 Mar 2026 07:30:00 GMT", timedelta(0)),
        ("99999999", timedelta(hours=24)),
        ("9" * 400, timedelta(hours=24)),
        ("7.5", timedelta(seconds=7.5)),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
        ("soon", None),
        ("-5", None),
        ("Mon, 99 Mar 2026 99:30:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms_up_to_a_day(
    fetcher: Fetcher, server: FeedServer, stated: str, wait: timedelta | None
) -> None:
    failure = fail(fetcher, server.serve("/feed", status=503, headers={"Retry-After": stated}))
    assert failure.retry_after == wait


@pytest.mark.parametrize(
    ("headers", "max_age"),
    [
        ({"Cache-Control": "public, max-age=600"}, 600),
        ({"Cache-Control": "Max-Age = 600", "Age": "100"}, 500),
        ({"Cache-Control": "max-age=600", "Age": "700"}, None),
        ({"Cache-Control": "max-age=600", "Expires": "Mon, 02 Mar 2026 23:00:00 GMT"}, 600),
        ({"Cache-Control": "s-maxage=600"}, None),
        ({"Cache-Control": "no-cache, max-age=600"}, None),
        (
            {"Expires": "Mon, 02 Mar 2026 09:00:00 GMT", "Date": "Mon, 02 Mar 2026 08:50:00 GMT"},
            600,
        ),
        ({"Expires": "0"}, None),
        ({"Cache-Control": "max-age=" + "9" * 400}, 9999999999),
    ],
)
def test_freshness_is_read_from_the_headers(
    fetcher: Fetcher, server: FeedServer, headers: dict[str, str], max_age: int | None
) -> None:
    fresh = read(fetcher, server.serve("/feed", FEED, headers=headers)).freshness
    assert fresh.max_age == (None if max_age is None else timedelta(seconds=max_age))


# ---------------------------------------------------------------- what servers do in the night


HOSTILE = {
    "a gzip bomb": (
        Answer(body=gzip_bomb(16), headers={"Content-Encoding": "gzip"}),
        FailureKind.TOO_LARGE,
    ),
    "50 MB": (Answer(body=b"x" * 50_000_000), FailureKind.TOO_LARGE),
    "an endless body": (Answer(body=drip(b"x" * 2**16, every=0)), FailureKind.TOO_LARGE),
    "a length of 50 MB": (
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\nabc"),
        FailureKind.TOO_LARGE,
    ),
    "a length that is too long": (
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
        FailureKind.NETWORK,
    ),
    "a length that is no number": (
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc"),
        FailureKind.NETWORK,
    ),
    "a length of many digits": (
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\nabc"),
        FailureKind.NETWORK,
    ),
    "a broken chunk": (
        Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
        FailureKind.NETWORK,
    ),
    "a chunk that breaks off": (
        Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"),
        FailureKind.NETWORK,
    ),
    "a header of 1 MB": (Answer(headers={"X-Long": "a" * 10**6}), FailureKind.NETWORK),
    "a flood of cookies": (Answer(headers={"Set-Cookie": ["a=b"] * 5000}), FailureKind.NETWORK),
    "gzip padding without end": (
        Answer(
            body=lambda: iter([gzip.compress(FEED), *[b"\0" * 2**16] * 100]),
            headers={"Content-Encoding": "gzip"},
        ),
        FailureKind.TOO_LARGE,
    ),
    "a redirect to bytes": (
        Answer(raw=b"HTTP/1.1 302 F\r\nLocation: http://\xff\xfe/\xe9\r\nContent-Length: 0\r\n\r\n"),
        FailureKind.REFUSED,
    ),
    "a redirect to a terminal": (
        Answer(raw=b"HTTP/1.1 302 F\r\nLocation: http://a\x07.example/\r\nContent-Length: 0\r\n\r\n"),
        FailureKind.REFUSED,
    ),
    "a status line of bytes": (
        Answer(raw=b"HTTP/1.1 500 \xff\xfe\x1b[2J\r\nContent-Length: 0\r\n\r\n"),
        FailureKind.STATUS,
    ),
    "headers cut": (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Le"), FailureKind.NETWORK),
    "noise": (Answer(raw=b"\x00\xff\x16\x03\x01 noise\r\n\r\n"), FailureKind.NETWORK),
    "no answer": (Answer(body=DROP), FailureKind.NETWORK),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_answer_is_a_reason(impatient: Fetcher, server: FeedServer, case: str) -> None:
    answer, kind = HOSTILE[case]
    failure = fail(impatient, server.script("/feed", answer))
    assert failure.kind is kind, failure.reason
    assert failure.reason.isprintable()


def test_a_connection_that_is_reset_is_a_reason(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset() -> None:
            for _ in range(2):  # a request on a fresh connection may be tried again once
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.recv(1000)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        failure = fail(fetcher, f"http://127.0.0.1:{listener.getsockname()[1]}/feed")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(DEADLINE)
    assert failure.kind is FailureKind.NETWORK


def test_a_port_where_nobody_listens_is_a_reason(fetcher: Fetcher) -> None:
    port = unused_port()
    failure = fail(fetcher, f"http://127.0.0.1:{port}/feed")
    assert failure.kind is FailureKind.NETWORK
    assert failure.reason == f"no connection to 127.0.0.1:{port}: connection refused"


def test_a_name_without_an_address_is_a_reason(fetcher: Fetcher) -> None:
    failure = fail(fetcher, "http://wire.invalid/feed")
    assert (failure.kind, failure.reason) == (FailureKind.NETWORK, "wire.invalid has no address (DNS)")


def test_a_proxy_that_is_not_there_is_a_reason() -> None:
    http = Http(proxy=f"http://127.0.0.1:{unused_port()}")
    with closing(Fetcher(http, clock=lambda: NOW, agent_version="1")) as fetcher:
        failure = fail(fetcher, "http://feeds.example.org/")
    assert failure.reason == "the proxy cannot be reached (http.proxy)"


@pytest.mark.parametrize("url", ["http://[::1", "http://example.org:99999/", "http://", "http:///x"])
def test_what_is_no_url_is_a_reason(fetcher: Fetcher, url: str) -> None:
    assert fail(fetcher, url).kind is FailureKind.REFUSED


def test_a_plain_server_behind_https_is_a_reason(fetcher: Fetcher, server: FeedServer) -> None:
    failure = fail(fetcher, server.url("/feed").replace("http:", "https:"))
    assert (failure.kind, failure.reason) == (FailureKind.NETWORK, "no secure connection to 127.0.0.1 (TLS)")


def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with secure_server(tmp_path, monkeypatch) as server:
        url = server.serve("/feed", FEED)
        http = Http(allowed_networks=LOOPBACK)
        with closing(Fetcher(http, clock=lambda: NOW, agent_version="1")) as fetcher:
            assert read(fetcher, url).documents[0].body == FEED
        monkeypatch.delenv("SSL_CERT_FILE")
        with closing(Fetcher(http, clock=lambda: NOW, agent_version="1")) as fetcher:
            assert fail(fetcher, url).reason == "the certificate of 127.0.0.1 is not trusted"


def test_a_server_that_wants_to_know_who_we_are_gets_our_certificate_and_no_other_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    ours.write_bytes(self_signed("127.0.0.2"))
    with (
        secure_server(tmp_path, monkeypatch, clients=ours) as strict,
        secure_server(tmp_path, monkeypatch, clients=ours) as other,
        closing(Fetcher(Http(allowed_networks=LOOPBACK), clock=lambda: NOW, agent_version="1")) as fetcher,
    ):
        url = strict.serve("/feed", FEED)
        assert fail(fetcher, url).reason == "no secure connection to 127.0.0.1 (TLS)"
        monkeypatch.setenv("HAFEN", f"Client-Certificate: {ours}\nX-Desk: 7")
        assert read(fetcher, url, auth_env="HAFEN").documents[0].body == FEED
        sent = strict.requests[0].headers
        assert sent["x-desk"] == "7"
        assert not [name for name in sent if name.startswith("client-")]
        # Another server that wants one does not get it, not even where ours sends us there.
        strict.redirect("/away", other.serve("/feed", FEED))
        assert fail(fetcher, strict.url("/away"), auth_env="HAFEN").reason.startswith("no secure connection")
        assert other.requests == []
        theirs.write_bytes(self_signed("127.0.0.3"))
        monkeypatch.setenv("HAFEN", f"Client-Certificate: {theirs}")
        assert fail(fetcher, url, auth_env="HAFEN").reason == "no secure connection to 127.0.0.1 (TLS)"
        theirs.write_bytes(ours.read_bytes())  # renewed, under the same name
        assert read(fetcher, url, auth_env="HAFEN").documents[0].body == FEED


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("Client-Certificate: {folder}/none.pem", "there is no such file"),
        (
            "Client-Certificate: {folder}/loopback.pem\nClient-Key: {folder}/other.pem",
            "it holds no certificate",
        ),
        ("Client-Certificate: {folder}/text.pem", "it holds no certificate"),
        ("Client-Certificate: {folder}", "it cannot be read"),
    ],
)
def test_a_certificate_that_cannot_be_used_says_so_and_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, why: str
) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    (tmp_path / "other.pem").write_bytes(self_signed("127.0.0.2"))
    with (
        secure_server(tmp_path, monkeypatch) as server,
        closing(Fetcher(Http(allowed_networks=LOOPBACK), clock=lambda: NOW, agent_version="1")) as fetcher,
    ):
        monkeypatch.setenv("HAFEN", value.format(folder=tmp_path))
        failure = fail(fetcher, server.serve("/feed", FEED), auth_env="HAFEN")
        assert failure.kind is FailureKind.AUTH
        assert failure.reason.startswith(f"the client certificate in HAFEN cannot be used: {why}")
        assert server.requests == []


def secure_server(folder: Path, monkeypatch: pytest.MonkeyPatch, clients: Path | None = None) -> FeedServer:
    """A server with TLS, whose certificate is trusted as long as SSL_CERT_FILE names it.

    It lets in only those with the certificate in `clients`, if that is given.
    """
    certificate = folder / "loopback.pem"
    if not certificate.exists():
        certificate.write_bytes(self_signed("127.0.0.1"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if clients:
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # refuses within the handshake, and says so
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return FeedServer(tls=context)


def test_slow_sources_hold_nobody(fetcher: Fetcher, server: FeedServer) -> None:
    """All but one of the slots wait for a server that says nothing; the last one is served at once."""
    server.serve("/stall", STALL)
    server.serve("/feed", FEED)
    results: queue.SimpleQueue[Fetched | Failure] = queue.SimpleQueue()
    for number in range(SLOTS - 1):
        fetcher.submit(source(server.url(f"/stall?{number}")), results.put)
    server.wait(SLOTS - 1, "/stall")
    fetcher.submit(source(server.url("/feed")), results.put)
    assert isinstance(results.get(timeout=DEADLINE), Fetched)
    assert fetcher.capacity == 1
    server.__exit__(None, None, None)  # lets the stalled ones go
    for _ in range(SLOTS - 1):
        results.get(timeout=DEADLINE)
    assert fetcher.capacity == SLOTS


# ---------------------------------------------------------------- the fetcher itself


def test_what_is_under_way_at_the_end_is_told_as_a_failure(server: FeedServer) -> None:
    fetcher = Fetcher(Http(allowed_networks=LOOPBACK), clock=lambda: NOW, agent_version="1")
    results: queue.SimpleQueue[Fetched | Failure] = queue.SimpleQueue()
    fetcher.submit(source(server.serve("/stall", STALL)), results.put)
    server.wait(1)
    fetcher.close(timeout=DEADLINE)
    fetcher.submit(source(server.url("/stall")), results.put)
    for _ in range(2):
        failure = results.get(timeout=DEADLINE)
        assert isinstance(failure, Failure)
        assert failure.reason == "the monitor was stopped before it was read"
    assert fetcher.capacity == SLOTS


def test_a_scheme_that_nobody_fetches_is_refused(fetcher: Fetcher) -> None:
    failure = fail(fetcher, "gopher://example.org/")
    assert failure.kind is FailureKind.REFUSED
    assert failure.reason.startswith("nothing here fetches gopher: (there is ")


@pytest.fixture
def proxied(server: FeedServer) -> Iterator[Fetcher]:
    """A fetcher for which `server` is the proxy to the public internet."""
    http = Http(proxy=server.origin, per_host_gap=duration("1s"))
    with closing(Fetcher(http, clock=lambda: NOW, agent_version="1")) as fetcher:
        yield fetcher


def test_through_a_proxy_the_proxy_is_asked(proxied: Fetcher, server: FeedServer) -> None:
    server.script("http://feeds.example.org/feed", Answer(body=FEED))
    assert read(proxied, "http://feeds.example.org/feed").documents[0].body == FEED
    assert fail(proxied, "http://10.0.0.1/feed").kind is FailureKind.REFUSED


def test_a_secure_feed_goes_through_a_tunnel_that_the_proxy_lets_us_dig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secure_server(tmp_path, monkeypatch) as server, ConnectProxy("desk:geheim") as proxy:
        url = server.serve("/feed", FEED)

        def through(address: str) -> Fetched | Failure:
            http = Http(allowed_networks=LOOPBACK, proxy=address)
            with closing(Fetcher(http, clock=lambda: NOW, agent_version="1")) as fetcher:
                return fetcher.fetch(source(url))

        read_through = through(f"http://desk:geheim@{proxy.address}")
        assert isinstance(read_through, Fetched), read_through
        assert read_through.documents[0].body == FEED
        assert proxy.tunnels == [url.removeprefix("https://").removesuffix("/feed")]
        assert "proxy-authorization" not in server.requests[0].headers
        refused = through(f"http://desk:falsch@{proxy.address}")
        assert isinstance(refused, Failure)
        assert (refused.kind, refused.reason) == (
            FailureKind.AUTH,
            "the proxy wants credentials (http.proxy)",
        )
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_public_host_that_asks_for_a_pause_gets_it_from_all_its_sources(
    proxied: Fetcher, server: FeedServer, status: int
) -> None:
    server.script("http://feeds.example.org/a", Answer(status=status, headers={"Retry-After": "30"}))
    assert fail(proxied, "http://feeds.example.org/a").kind is FailureKind.THROTTLED
    failure = fail(proxied, "http://feeds.example.org/b")
    assert failure.kind is FailureKind.DEFERRED
    assert failure.reason == "its host asked for a pause"
    assert failure.retry_after
    assert timedelta(seconds=20) < failure.retry_after <= timedelta(seconds=30)
    assert len(server.requests) == 1


def test_who_waits_for_the_turn_of_a_host_holds_no_slot(proxied: Fetcher, server: FeedServer) -> None:
    results: queue.SimpleQueue[Fetched | Failure] = queue.SimpleQueue()
    for path in "abcdefgh":
        server.script(f"http://feeds.example.org/{path}", Answer(body=STALL))
        proxied.submit(source(f"http://feeds.example.org/{path}"), results.put)
    server.wait(1)
    deadline = time.monotonic() + DEADLINE
    while proxied.capacity != SLOTS - 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert proxied.capacity == SLOTS - 1
    assert len(server.requests) == 1


def test_a_host_of_our_own_house_is_never_left_alone(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/a", status=429, headers={"Retry-After": "30"})
    server.serve("/b", FEED)
    assert fail(fetcher, server.url("/a")).kind is FailureKind.THROTTLED
    assert read(fetcher, server.url("/b")).documents
