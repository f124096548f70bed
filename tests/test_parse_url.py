"""Addresses: one key for one page, and nothing dangerous to click on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from url_normalize import url_normalize

from service.text.url import NORMAL, canonical, safe, unwrap

PAGE = "nordbote.example/ausland/kim-4712.html"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.nordbote.example/ausland/kim-4712.html",
        "http://nordbote.example/ausland/kim-4712.html",
        "HTTPS://WWW.Nordbote.Example:443/ausland/kim-4712.html/",
        "https://nordbote.example./ausland/./a/../kim-4712.html",
        "https://m.nordbote.example/ausland/kim-4712.html#kommentare",
        "https://amp.nordbote.example/ausland/kim-4712.amp.html",
        "https://www.nordbote.example/ausland/kim-4712.html?utm_source=rss&utm_medium=feed&fbclid=x1",
        "https://www.nordbote.example/ausland/kim-4712.html?wt_mc=rss.red&sara_ref=re&xtor=1&CMP=x&ns_mchannel=y",
        "https://www.nordbote.example/ausland/kim-4712.html?at_medium=RSS&mtm_campaign=a&pk_kwd=b&smid=tw",
        "https://www.nordbote.example/ausland/kim-4712.html?ref=rss&referringSource=articleShare",
        "https://www.nordbote.example/ausland/kim-4712.html;jsessionid=AB12?PHPSESSID=9",
        "https://www.nordbote.example/%61usland/kim-4712.html",
        "https://www.nordbote.example/ausland/kim-4712.html/amp/",
        "https://www-nordbote-example.cdn.ampproject.org/c/s/www.nordbote.example/ausland/kim-4712.html",
        "https://www.google.com/amp/s/www.nordbote.example/ausland/kim-4712.html",
        "https://www.google.de/url?rct=j&url=https%3A%2F%2Fwww.nordbote.example%2Fausland%2Fkim-4712.html&ct=ga",
        "https://www.google.com/url?q=https://www.nordbote.example/ausland/kim-4712.html&sa=D",
    ],
)
def test_one_page_has_one_key_however_it_is_reached(url: str) -> None:
    assert canonical(url) == PAGE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/x?news_id=41", "https://a.example/x?news_id=42"),
        ("https://a.example/x?id=1", "https://a.example/x?id=2"),
        ("https://a.example/x?ref=1234", "https://a.example/x?ref=1235"),
        ("https://a.example/x?p=1", "https://a.example/x"),
        ("https://a.example/#!/kim", "https://a.example/#!/xi"),
        ("https://a.example:8080/x", "https://a.example/x"),
        ("https://amp.example/x", "https://m.example/x"),
    ],
)
def test_what_may_name_another_page_stays(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_parameters_have_no_order() -> None:
    assert canonical("https://a.example/x?b=2&a=1") == canonical("https://a.example/x?a=1&b=2")


def test_an_international_host_is_one_with_its_encoded_form() -> None:
    assert canonical("https://münchen.example/") == canonical("https://xn--mnchen-3ya.example")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "Kim",
        "/ausland/kim",
        "//a.example/x",
        "mailto:a@b.example",
        "javascript:alert(1)",
        "http://",
        "http://[::1",
        "https://a.example:99999/",
        "https://a.example/" + "x" * 9000,
        "http://" + "a" * 70 + ".example/",
        "ftp://a.example/x",
    ],
)
def test_what_is_no_web_address_has_no_key(url: str) -> None:
    assert canonical(url) == ""


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-z.%@:\[\]0-9]{1,20}/[^\n]{0,30}", fullmatch=True))
def test_no_address_makes_them_fail(url: str) -> None:
    """Whatever is linked: a key is text, and what is safe to show is safe again."""
    assert isinstance(canonical(url), str)
    assert safe(safe(url)) == safe(url)


def test_a_search_engine_is_unwrapped_and_others_are_left_as_they_are() -> None:
    target = "https://www.a.example/x?id=42&utm_campaign=alert"
    wrapped = "https://www.google.com/url?rct=j&url=https%3A%2F%2Fwww.a.example%2Fx%3Fid%3D42%26utm_campaign%3Dalert"
    assert unwrap(wrapped) == target
    assert unwrap(target) == target
    assert unwrap("https://www.google.com/url?x=1") == "https://www.google.com/url?x=1"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        " JAVASCRIPT:x",
        "data:text/html,x",
        "//a.example",
        "/x",
        "ftp://a/x",
        "mailto:nobody",
        "https://",
        "http://a.example:99999/",
        "vbscript:x",
        "file:///etc/passwd",
        "http://[::1",
    ],
)
def test_what_a_click_must_not_open_is_not_shown(url: str) -> None:
    assert safe(url) == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
        ("https://a.example/ü", "https://a.example/ü"),
        (' https://a.example/x y"onload=', "https://a.example/x%20y%22onload="),
        ("https://bank.example@evil.example/", "https://evil.example/"),
        ("https://user:secret@a.example:8443/x", "https://a.example:8443/x"),
        ("mailto:desk@a.example", "mailto:desk@a.example"),
    ],
)
def test_a_shown_address_hides_nothing_and_ends_no_attribute(url: str, shown: str) -> None:
    assert safe(url) == shown


@given(st.from_regex(NORMAL, fullmatch=True))
def test_an_address_that_is_not_normalized_was_normal(url: str) -> None:
    assert url_normalize(url) == url
