"""Who may do what: names that are not ours, forged origins, sessions, tokens, roles, proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.actions import people, sources
from service.app import App
from service.errors import UsageError
from service.model import Account, Role, Scope
from service.web.server import Server
from tests.desk import Visitor, busy_desk, desk
from tests.newsroom import newsroom

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def doorless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A desk without users, of which nothing is changed."""
    with busy_desk(tmp_path_factory.mktemp("door")) as (_, visitor):
        yield visitor


def users(app: App, **roles: Role) -> None:
    """Users whose password is the same; one hash is enough for all."""
    for name, role in roles.items():
        people.add(app, Account(name=name, role=role), PASSWORD)


@pytest.mark.slow
def test_without_users_the_desk_is_open_and_the_first_user_closes_it(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        assert visitor.get("/").status_code == 200
        users(room.app, anna=Role.ADMIN)
        away = visitor.get("/rules?x=1")
        assert (303, "/sign-in?next=/rules%3Fx%3D1") == (away.status_code, away.headers["location"])
        assert visitor.client.get("/api/v1/rules").status_code == 401
        assert visitor.post("/stories/1/ack").status_code == 401


@pytest.mark.slow
def test_whoever_signs_in_is_led_on_and_whoever_signs_out_is_out(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        users(room.app, anna=Role.ADMIN)
        assert visitor.sign_in("anna", "wrong").status_code == 401
        answer = visitor.post("/sign-in", name="anna", password=PASSWORD, next="/rules")
        assert (303, "/rules") == (answer.status_code, answer.headers["location"])
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert visitor.get("/rules").status_code == 200
        session = visitor.client.cookies["session"]
        visitor.post("/sign-out")
        visitor.client.cookies.set("session", session)
        assert visitor.get("/rules").status_code == 303, "a session that ended opens nothing"


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/\\evil.example", "https://evil.example/", "x", "/a\nb"]
)
def test_the_door_leads_to_no_other_house(doorless: Visitor, path: str) -> None:
    assert doorless.get("/sign-in", next=path).headers["location"] == "/"


@pytest.mark.slow
def test_a_session_of_before_signing_in_is_never_taken_over(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        users(room.app, anna=Role.ADMIN)
        visitor.client.cookies.set("session", "chosen-by-another")
        visitor.sign_in("anna", PASSWORD)
        jar = {cookie.value for cookie in visitor.client.cookies.jar if cookie.name == "session"}
        assert any(len(value or "") > 40 for value in jar)
        thief = visitor.another()
        thief.client.cookies.set("session", "chosen-by-another")
        assert thief.get("/").status_code == 303


@pytest.mark.slow
def test_a_password_cannot_be_found_by_trying(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room, desk(room) as visitor:
        users(room.app, anna=Role.ADMIN)
        tries = [visitor.sign_in("anna", f"guess {number}").status_code for number in range(6)]
        assert tries == [401] * 5 + [429]
        late = visitor.sign_in("anna", PASSWORD)
        assert (429, "300") == (late.status_code, late.headers.get("retry-after", "300"))


@pytest.mark.slow
def test_a_viewer_looks_an_editor_changes_and_an_admin_sees_to_people(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        users(room.app, anna=Role.ADMIN, ed=Role.EDITOR, vic=Role.VIEWER)
        seen = {}
        for name in ("vic", "ed", "anna"):
            who = visitor.another()
            who.sign_in(name, PASSWORD)
            seen[name] = (
                who.get("/").status_code,
                who.get("/rules/new").status_code,
                who.post("/stories/1/ack").status_code,
                who.get("/people").status_code,
            )
        assert seen == {"vic": (200, 403, 403, 403), "ed": (200, 200, 303, 403), "anna": (200, 200, 303, 200)}


@pytest.mark.slow
def test_an_editor_names_no_folder_and_no_variable_of_the_machine(tmp_path: Path) -> None:
    """What lies in a folder is read and moved, and a variable is sent to whatever server the source names."""
    with busy_desk(tmp_path) as (room, visitor):
        users(room.app, anna=Role.ADMIN, ed=Role.EDITOR)
        (drop := tmp_path / "drop").mkdir()
        sources.edit(room.app, "wire", auth_env="WIRE_LOGIN")
        outlines = "".join(
            f'<outline text="a" xmlUrl="{url}"/>' for url in ("https://a.example/", f"folder://{drop}")
        )

        within = ('url = "/"', f'url = "{drop}"', 'url = "http://127.0.0.1:9/d"\nauth_env = "WIRE_LOGIN"')

        def tried(who: Visitor) -> list[int]:
            api = who.client
            return [
                api.get("/api/v1/check-source", params={"of": f"folder://{drop}"}).status_code,
                api.patch("/api/v1/sources/wire", json={"url": "http://127.0.0.1:9/"}).status_code,
                api.post(
                    "/api/v1/sources", json={"url": "http://127.0.0.1:9/a", "auth_env": "HOME"}
                ).status_code,
                api.post("/api/v1/import-opml", content=f"<opml><body>{outlines}</body></opml>").status_code,
                api.post("/api/v1/sources", json={"url": f"FOLDER://{drop}"}).status_code,
                api.post("/api/v1/sources", json={"url": "http://127.0.0.1:9/b"}).status_code,
                who.post("/sources", url=f" {drop}", name="c", every="").status_code,
                *(
                    api.post("/api/v1/apply", content=f"[sources.wire]\n{text}").status_code
                    for text in within
                ),
            ]

        ed, anna = visitor.another(), visitor.another()
        ed.sign_in("ed", PASSWORD)
        for who in (ed, anna):
            who.client.headers["Origin"] = who.url
        assert tried(ed) == [403, 403, 403, 403, 403, 201, 403, 403, 403, 403]
        assert {"wire", "127-0-0-1-b"} == {one.name for one in sources.listed(room.app)}
        sources.remove(room.app, "127-0-0-1-b")
        anna.sign_in("anna", PASSWORD)
        assert 403 not in tried(anna)


@pytest.mark.slow
def test_a_token_may_what_its_scopes_say_until_it_is_revoked(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        users(room.app, anna=Role.ADMIN, vic=Role.VIEWER)

        def with_token(text: str) -> Visitor:
            program = visitor.another()
            program.client.headers["Authorization"] = f"Bearer {text}"
            return program

        reads = people.add_token(room.app, "reader", [Scope.READ])
        metrics = people.add_token(room.app, "prometheus", [Scope.METRICS])
        more = people.add_token(room.app, "more than its user", [Scope.READ, Scope.WRITE], user="vic")
        reader = with_token(reads.text)
        assert reader.get("/api/v1/rules").status_code == 200
        assert reader.client.post("/api/v1/stories/1/ack").status_code == 403
        assert reader.get("/api/v1/users").status_code == 403
        assert with_token(metrics.text).get("/metrics").status_code == 200
        assert with_token(metrics.text).get("/api/v1/rules").status_code == 403
        assert with_token(more.text).client.post("/api/v1/stories/1/ack").status_code == 403
        people.revoke_token(room.app, reads.secret.id)
        assert reader.get("/api/v1/rules").status_code == 401
        assert reads.text not in (room.folder / "monitor.db").read_bytes().decode("latin-1")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),
    ],
)
def test_only_a_page_of_this_desk_changes_anything(
    doorless: Visitor, headers: dict[str, str], status: int
) -> None:
    assert doorless.client.post("/stories/1/ack", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:1", 200), ("localhost", 200), ("[::1]:8640", 200), ("evil.example", 421), ("", 421)],
)
def test_a_name_that_is_not_ours_is_refused(doorless: Visitor, host: str, status: int) -> None:
    assert doorless.client.get("/healthz", headers={"Host": host}).status_code == status


def test_beyond_this_machine_it_listens_only_once_there_are_users(tmp_path: Path) -> None:
    with newsroom(tmp_path, web={"listen": "0.0.0.0:0"}) as room:
        said: list[str] = []
        room.app.listen(lambda event, **facts: said.append(f"{event} {facts.get('reason')}"))
        server = Server(room.app)
        reason, listener = server._listener()
        assert listener is None
        assert "monitor user add" in reason
        users(room.app, anna=Role.ADMIN)
        _, listener = server._listener()
        assert listener is not None
        listener.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxy", "name", "status"),
    [("127.0.0.1", "anna", 200), ("127.0.0.1", "bob", 403), ("10.0.0.9", "anna", 303)],
)
def test_only_a_proxy_that_is_trusted_names_who_has_signed_on(
    tmp_path: Path, proxy: str, name: str, status: int
) -> None:
    trusted = {"trusted_proxies": [proxy], "user_header": "Remote-User"}
    with busy_desk(tmp_path, web=trusted) as (room, visitor):
        users(room.app, anna=Role.ADMIN)
        assert visitor.client.get("/people", headers={"Remote-User": name}).status_code == status


@pytest.mark.slow
@pytest.mark.parametrize(("proxy", "begins"), [("127.0.0.1", "__Host-session="), ("10.0.0.9", "session=")])
def test_behind_tls_the_browser_holds_a_session_to_this_host(tmp_path: Path, proxy: str, begins: str) -> None:
    with busy_desk(tmp_path, web={"trusted_proxies": [proxy]}) as (room, visitor):
        users(room.app, anna=Role.ADMIN)
        answer = visitor.post("/sign-in", {"X-Forwarded-Proto": "https"}, name="anna", password=PASSWORD)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(begins)
        assert ("; Secure" in cookie, "; Path=/;" in cookie) == (proxy == "127.0.0.1", True)


@pytest.mark.slow
def test_an_invitation_sets_a_password_once(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room, desk(room) as visitor:
        led = visitor.post("/people", name="anna", role="admin").headers["location"]
        assert "anna" in visitor.get(led).text
        assert visitor.post(led, password="short").status_code == 422
        assert visitor.post(led, password=PASSWORD).status_code == 303
        assert visitor.get("/people").status_code == 200
        assert visitor.another().get(led).status_code == 404
        assert visitor.another().sign_in("anna", PASSWORD).status_code == 303


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        lambda app: people.add(app, Account(name="vic", role=Role.VIEWER), PASSWORD),
        lambda app: people.add(app, Account(name="anna", role=Role.ADMIN), "short"),
        lambda app: people.add(app, Account(name="a/b", role=Role.ADMIN)),
        lambda app: people.add(app, Account(name="\u202eadmin", role=Role.ADMIN)),
        lambda app: people.add_token(app, "t", []),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, wrong: Callable[[App], object]) -> None:
    with newsroom(tmp_path) as room:
        with pytest.raises(UsageError):
            wrong(room.app)
        assert people.listed(room.app) == []


def test_the_last_admin_stays(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        people.add(room.app, Account(name="anna", role=Role.ADMIN))
        people.add(room.app, Account(name="vic"))
        with pytest.raises(UsageError, match="last admin"):
            people.remove(room.app, "anna")
        with pytest.raises(UsageError, match="last admin"):
            people.edit(room.app, "anna", role=Role.EDITOR)


@pytest.mark.slow
def test_every_answer_carries_a_strict_policy(doorless: Visitor) -> None:
    for path in ("/", "/static/desk.css", "/healthz", "/nowhere", "/api/v1/rules"):
        headers = doorless.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(doorless: Visitor) -> None:
    answer = doorless.client.post("/api/v1/ingest", content=b"x" * 12_000_001)
    assert answer.status_code == 413


def test_a_browser_keeps_scripts_and_styles_and_asks_whether_they_are_new(doorless: Visitor) -> None:
    first = doorless.get("/static/desk.css")
    assert "no-cache" == first.headers["cache-control"]
    again = doorless.client.get("/static/desk.css", headers={"If-None-Match": first.headers["etag"]})
    assert (304, b"") == (again.status_code, again.content)
    assert "no-store" == doorless.get("/").headers["cache-control"]
