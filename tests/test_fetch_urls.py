"""What a person types as a source: brought into its normal form, or refused with the way out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import UsageError
from service.fetch.transports import TRANSPORTS, check_url


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("https://example.org/feed?x=1&y=2", "https://example.org/feed?x=1&y=2"),
        ("  HTTPS://Example.ORG:443/Feed#top ", "https://example.org/Feed"),
        ("http://example.org", "http://example.org/"),
        ("http://example.org?to=a@b", "http://example.org/?to=a@b"),
        ("http://example.org:8080/a", "http://example.org:8080/a"),
        ("https://bücher.example/süß", "https://xn--bcher-kva.example/s%C3%BC%C3%9F"),
        ("http://[2001:DB8::1]:8000/", "http://[2001:db8::1]:8000/"),
        ("https://example.org/a%2Fb?q=%26", "https://example.org/a%2Fb?q=%26"),
        ("wireq://queue.example.org/abc", "wireq://queue.example.org/abc"),
        ("/srv/wire drop/../in", "folder:///srv/in"),
        ("folder:///srv/wire%20drop/", "folder:///srv/wire%20drop"),
    ],
)
def test_a_url_is_brought_into_its_normal_form(typed: str, normal: str) -> None:
    assert check_url(typed) == normal
    assert check_url(normal) == normal


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("example.org/feed", "write https://example.org/feed, or ./example.org/feed where it is a folder"),
        ("example.org:8080/feed", "write https://example.org:8080/feed"),
        ("", "not a URL"),
        ("file:///etc/passwd", "`monitor ingest` reads files"),
        ("gopher://example.org/", "nothing here fetches gopher: (there is "),
        ("javascript:alert(1)", "nothing here fetches javascript:"),
        ("https://user:secret@example.org/", "--auth-env VAR"),
        ("https://user@example.org/", "--auth-env VAR"),
        ("https://exam\tple.org/", "control characters"),
        ("https://example.org/\r\nX: y", "control characters"),
        ("https://example.org\\@127.0.0.1/", "backslashes"),
        ("https://example.org/a b", "%20"),
        ("https://", "there is no host in it"),
        ("https:///feed", "there is no host in it"),
        ("https://¨/", "there is no host in it"),
        ("https:feed", "there is no host in it"),
        ("https://[::1/", "not a URL"),
        ("https://example.org:99999/", "not a URL"),
        ("folder://srv/wire", "write folder:///srv/wire"),
        ("/srv/\x00", "control characters"),
        ("~nobody-of-that-name/x", "no such home directory"),
    ],
)
def test_what_can_never_be_fetched_is_refused_with_the_way_out(typed: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_url(typed)
    assert hint in str(refused.value)
    assert "secret" not in str(refused.value)


@given(st.text() | st.text().map("https://".__add__) | st.text().map("wireq://".__add__))
def test_whatever_is_typed_is_refused_or_normal(typed: str) -> None:
    try:
        normal = check_url(typed)
    except UsageError:
        return
    assert check_url(normal) == normal
    assert normal.partition(":")[0] in TRANSPORTS
