"""Laws of every format: whatever comes, it ends in items within bounds or in one line that says why not."""

from __future__ import annotations

import json
import pickle
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.model import Document, Item, Parsed
from service.parse.dates import german, iso, local
from service.parse.embargo import written
from service.parse.encoding import decode, utf8
from service.parse.formats import FORMATS, UnreadableError, sniff
from service.parse.instruments import instruments, is_isin
from service.text.html import tidy
from service.text.url import canonical
from tests.wires import NAMES, NOW, body, read

BERLIN = ZoneInfo("Europe/Berlin")
# What parsers stumble over, to be thrown into sound documents.
STONES = [
    b"<", b">", b"&", b'"', b"\x00", b"\x01", b"\x02", b"\x03", b"{", b"}", b"[", b"]", b"null", b"\xff\xfe",
    b"&#xFFFFFFFF;", b"&#55296;", b"\\ud800", b"<![CDATA[", b"<!--", b"]]>", b"1e999", b"-1", b"9" * 50,
    b"\n\n", b"^", b"\t", b"https://[", b"99-99-99 9999GMT", b"Sperrfrist: ", b"(", b"<item>", b"</item>",
    b"<?xml version='1.0' encoding='utf-7'?>", b"<!DOCTYPE a [", b"0000-00-00", b"9999-12-31T23:59:59Z",
]  # fmt: skip
edits = st.lists(
    st.tuples(
        st.integers(0, 100_000), st.integers(0, 40), st.sampled_from([*STONES, b""]) | st.binary(max_size=4)
    ),
    min_size=1,
    max_size=8,
)


def outcome(data: bytes, **how: str) -> Parsed | str:
    """What came of it; any exception but the one that is promised fails the test."""
    try:
        return read(data, **how)  # type: ignore[arg-type]
    except UnreadableError as error:
        return str(error)


def holds(parsed: Parsed | str) -> None:
    """What the rest of the service relies on."""
    if isinstance(parsed, str):
        assert parsed
        assert "\n" not in parsed
        return
    assert parsed.format in FORMATS
    assert pickle.loads(pickle.dumps(parsed)) == parsed
    for item in parsed.items:
        assert item.headline or item.status != "usable" or item.signal == "kill"
        assert "\n" not in item.headline
        assert len(item.headline) <= 1_000
        assert tidy(item.headline) == item.headline
        assert tidy(item.body) == item.body
        assert item.received_at == NOW
        assert all(moment is None or moment <= NOW for moment in (item.published_at, item.updated_at))
        assert re.fullmatch(r"[a-z]{0,3}", item.language)
        assert 0 <= item.urgency <= 9
        assert item.canonical_link == canonical(item.link)


def test_what_is_cut_does_not_end_in_a_blank() -> None:
    long = b"<rss version='2.0'><channel><item><title>" + b"a" * 999 + b" b</title></item></channel></rss>"
    holds(outcome(long, name="feed.rss"))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(edits=edits)
def test_a_damaged_document_ends_in_items_or_a_reason(name: str, edits: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(body(name))
    for position, length, stone in edits:
        at = position % (len(data) + 1)
        data[at : at + length] = stone
    holds(outcome(bytes(data), name=name))
    holds(outcome(bytes(data), name=name, format=sniff(Document(body=body(name), name=name))))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(share=st.floats(0, 1))
def test_a_document_cut_anywhere_ends_in_items_or_a_reason(name: str, share: float) -> None:
    """And of formats that have an end of their own it gives the first of what the whole gives."""
    data = body(name)
    cut = outcome(data[: int(len(data) * share)], name=name)
    holds(cut)
    if isinstance(cut, Parsed) and name.endswith((".xml", ".json")):
        whole = read(data, name).items
        assert [item.external_id for item in cut.items] == [item.external_id for item in whole][
            : len(cut.items)
        ]


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=400) | st.lists(st.sampled_from(STONES), max_size=30).map(b"".join))
def test_any_bytes_end_in_items_or_a_reason(format_: str, data: bytes) -> None:
    holds(outcome(data))
    holds(outcome(data, format=format_))


@pytest.mark.parametrize("name", NAMES)
def test_every_document_is_known_by_its_content_alone(name: str) -> None:
    """Neither the file's name nor the media type is needed."""
    named = {
        "rss": "feed",
        "atom": "feed",
        "rdf": "feed",
        "feed": "jsonfeed",
        "ninjs1": "ninjs",
        "ninjs3": "ninjs",
    }
    kind = name.split(".")[1]
    assert sniff(Document(body=body(name))) == named.get(kind, kind)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("xml")])
def test_the_encoding_of_a_document_changes_nothing(name: str) -> None:
    text = re.sub(r"<\?xml[^>]*\?>", "", decode(body(name)))
    items = read(text.encode()).items
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        assert read(text.encode(encoding)).items == items, encoding


@given(st.text(max_size=80))
def test_text_in_utf_8_is_read_as_such_whatever_it_claims(text: str) -> None:
    for charset in ("", "utf-8", "iso-8859-1", "us-ascii", "utf-16", "no such", "zip", "idna"):
        if not text.isascii() and text[:1] != "\ufeff":
            assert decode(text.encode(), charset) == text


@given(
    st.binary(max_size=200),
    st.sampled_from(["", "utf-8", "latin-1", "big5", "iso-2022-jp", "utf-7", "rot13", "x\x00"]),
)
def test_any_bytes_have_a_text(data: bytes, charset: str) -> None:
    assert isinstance(decode(data, charset), str)
    assert utf8(data, charset).decode() is not None


@given(st.text(alphabet="Sperfist 0123456789.:Uhrpm,bGMT-ambo", max_size=60))
def test_no_notice_makes_the_reader_fail(text: str) -> None:
    for notice in (text, f"Sperrfrist: {text}", f"Embargoed until {text}"):
        until, status, problems = written(notice, BERLIN, NOW)
        assert until is None or until.tzinfo is UTC
        assert (status == "withheld") == bool(problems)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)),  # noqa: DTZ001 - a clock on the wall has no zone
    st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_a_wall_clock_stamp_is_one_of_its_two_moments(stamp: datetime, late: timedelta) -> None:
    """Whenever it is read; read at once, it is the moment that it was written at."""
    both = {stamp.replace(tzinfo=BERLIN, fold=fold).astimezone(UTC) for fold in (0, 1)}
    for moment in both:
        assert local(stamp, BERLIN, moment + late) in both
        if moment.astimezone(BERLIN).replace(tzinfo=None) == stamp:
            assert local(stamp, BERLIN, moment) == moment


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_none(text: str) -> None:
    for moment in (iso(text, BERLIN, NOW), german(text, BERLIN, NOW)):
        assert moment is None or moment.tzinfo is UTC


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_survives_being_written_in_iso_8601(moment: datetime) -> None:
    if datetime(2, 1, 1, tzinfo=UTC) < moment.astimezone(UTC):
        assert iso(moment.isoformat(), BERLIN, NOW) == moment.astimezone(UTC)


@given(st.from_regex(r"[A-Z]{2}[A-Z0-9]{9}", fullmatch=True))
def test_exactly_one_check_digit_makes_an_isin(code: str) -> None:
    """ISO 6166; and a wrong digit anywhere is noticed."""
    right = [code + digit for digit in "0123456789" if is_isin(code + digit)]
    assert len(right) == 1
    assert [one.code for one in instruments(f"(ISIN {right[0]})")] == right
    wrong = str((int(right[0][-1]) + 1) % 10)
    assert not instruments(f"(ISIN {code}{wrong})")


def test_the_language_is_the_items_the_feeds_the_sources_or_the_one_it_looks_like() -> None:
    feed = (
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>{feed}'
        "<item><title>Der Minister reist nach Berlin und bleibt</title>{item}</item></channel></rss>"
    )

    def language(feed_says: str = "", item_says: str = "", source_says: str = "") -> str:
        data = feed.format(
            feed=f"<language>{feed_says}</language>" if feed_says else "",
            item=f"<dc:language>{item_says}</dc:language>" if item_says else "",
        )
        return read(data.encode(), language=source_says).items[0].language

    assert language("fr-FR", "es", "it") == "es"
    assert language("fr_FR", source_says="it") == "fr"
    assert language(source_says="dut") == "nl"
    assert language() == "de"
    assert language("en-US", source_says="fr") == "en", "a headline alone is too short to doubt it"


def test_a_feed_that_nobody_has_told_its_language_is_known_by_its_text() -> None:
    """Software writes "en-US" of itself; compounds and inflections of German would be lost by it."""
    feed = (
        "<rss version='2.0'><channel><language>en-US</language>"
        "<item><title>Kim</title><description>{}</description></item></channel></rss>"
    )
    german = (
        "Der Machthaber ist am Dienstag mit dem Zug zu einer seltenen Auslandsreise nach Peking aufgebrochen"
    )
    english = (
        "The ruler has left for a rare trip abroad on Tuesday, and he will be in the capital by noon at last."
    )
    assert read(feed.format(german).encode()).items[0].language == "de"
    assert read(feed.format(english).encode()).items[0].language == "en"
    assert read(feed.format("1234 " * 40).encode()).items[0].language == "en"


def test_what_goes_beyond_its_bounds_is_cut_and_said() -> None:
    item = {
        "uri": "u", "pubstatus": "usable", "headline": "K" * 5_000, "body_text": "Kim. " * 200_000,
        "keywords": [f"k{number}" for number in range(500)], "urgency": 77, "language": "Deutsch",
    }  # fmt: skip
    parsed = read(json.dumps(item).encode())
    (one,) = parsed.items
    assert isinstance(one, Item)
    assert (len(one.headline), len(one.keywords), one.urgency) == (1_000, 100, 0)
    assert len(one.body) == 500_000 - len(" ")  # what is cut does not end in a blank
    assert "cut" in parsed.problems[0].what


@pytest.mark.parametrize("year", ["0001", "1969", "1989", "2050", "9999"])
def test_a_date_that_cannot_be_is_dropped_and_said(year: str) -> None:
    parsed = read(body("news.sitemap.xml").replace(b"2025-09-02T05", f"{year}-09-02T05".encode()))
    assert parsed.items[0].published_at is None
    assert year.lstrip("0") in parsed.problems[0].what
