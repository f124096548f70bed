"""`monitor user` and `monitor token`, as an operator types them."""

from __future__ import annotations

import io
import sys

import pytest

from tests.shell import Shell


def test_a_user_is_invited_given_a_role_and_removed(monitor: Shell) -> None:
    anna = monitor("user", "add", "anna", "--invite")
    assert (0, "") == (anna.code, anna.err)
    assert "anna added, admin" in anna.out
    assert "http://127.0.0.1:8640/welcome/" in anna.out
    assert monitor("user", "add", "ben", "--role", "viewer", "--invite").code == 0
    assert "editor" in monitor("user", "role", "ben", "--role", "editor").out
    users = monitor("user", "list", "--json").json
    assert [("anna", "admin"), ("ben", "editor")] == [(one["name"], one["role"]) for one in users]
    assert monitor("user", "remove", "anna").code == 2, "the last admin stays"
    assert monitor("user", "remove", "ben").code == 0
    assert monitor("user", "remove", "ben").code == 4


def test_a_password_comes_from_a_pipe_and_is_never_shown(monitor: Shell) -> None:
    password = "correct horse battery staple"
    before = sys.stdin
    try:
        sys.stdin = io.StringIO("")
        none = monitor("user", "add", "anna")
        assert (2, True) == (none.code, "no password came in" in none.err)
        assert (
            [] == monitor("user", "list", "--json").json
        )  # the desk would be closed, and nobody could enter
        sys.stdin = io.StringIO(f"{password}\n")
        answer = monitor("user", "add", "anna")
        sys.stdin = io.StringIO("short\n")
        refused = monitor("user", "passwd", "anna")
    finally:
        sys.stdin = before
    assert answer.code == 0
    assert password not in answer.out + answer.err
    assert (2, True) == (refused.code, "at least 10" in refused.err)
    assert password.encode() not in (monitor.folder / "monitor.db").read_bytes()


def test_a_token_is_shown_once_listed_and_revoked(monitor: Shell) -> None:
    made = monitor("token", "add", "prometheus", "--scope", "metrics", "--for", "30d", "--json").json
    assert len(made["token"]) > 40
    listed = monitor("token", "list", "--json").json
    assert [("prometheus", ["metrics"])] == [(one["name"], one["scopes"]) for one in listed]
    assert made["token"] not in monitor("token", "list").out
    assert monitor("token", "revoke", str(made["id"])).code == 0
    assert monitor("token", "revoke", str(made["id"])).code == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add"),
        ("user", "explode", "anna"),
        ("user", "role", "anna"),
        ("user", "add", "a/b", "--invite"),
        ("user", "add", "vic", "--role", "viewer", "--invite"),
        ("token", "add"),
        ("token", "add", "t"),
        ("token", "add", "t", "--scope", "everything"),
        ("token", "revoke", "first"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_line(monitor: Shell, arguments: tuple[str, ...]) -> None:
    answer = monitor(*arguments)
    assert (2, "") == (answer.code, answer.out)
    assert answer.err.startswith("monitor: ")
