"""Markup to plain text: what a reader would see, whatever the markup, in linear time."""

from __future__ import annotations

import re
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.html import is_markup, one_line, tidy, to_text

_PIECES = [
    "<p>", "</p>", "<pre>", "<script>", "</script>", "<svg>", "<table><td>", "<!-- ", "-->", "<br", "<", ">",
    "'", "<!DOCTYPE html>", "<![CDATA[", "&lt;b&gt;", "&amp;", "Kim", " \n", "\0", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Eins&nbsp;zwei</p><p>drei<br>vier</p>", "Eins zwei\n\ndrei\nvier"),
        ("<div><p>Kim</p>\n\n  <p>reist</p></div> ab", "Kim\n\nreist\n\nab"),
        ("<ul><li>eins</li><li>zwei</li></ul>", "eins\n\nzwei"),
        ("<table><tr><td>Mo</td><td>zu</td></tr><tr><td>Fr</td><td>auf</td></tr></table>", "Mo zu\nFr auf"),
        ("<pre>DAX 1\nMDAX 2</pre>", "DAX 1\nMDAX 2"),
        ("vor<script>alert(1)</script><style>p{}</style><!-- nichts -->nach <b>allem</b>", "vornach allem"),
        ("<xhtml:p>Kim</xhtml:p><xhtml:p>Xi</xhtml:p>", "Kim\n\nXi"),
        ("Kim <a href='?a=1&b=2' onclick=\"x('>')\">reist</a>", "Kim reist"),
    ],
)
def test_tags_go_and_blocks_become_paragraphs(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("&amp;quot;Windrose&amp;quot;", '"Windrose"'),
        ("&lt;p&gt;M&amp;uuml;ller&lt;/p&gt;&lt;p&gt;Xi&lt;/p&gt;", "Müller\n\nXi"),
        ("<div>&lt;p&gt;Kim&lt;/p&gt;</div>", "Kim"),
        ("R&D, a?b=1&copy=2", "R&D, a?b=1&copy=2"),
        ("&#8222;Kim&#x201C; &#150; Xi", "„Kim“ – Xi"),
    ],
)
def test_entities_are_resolved_also_where_they_were_escaped_once_too_often(markup: str, text: str) -> None:
    assert to_text(markup) == text


@pytest.mark.parametrize("text", ["5 < 6 und 7 > 3", "Kurs <b", "Absatz\n\nzweiter\nZeile", "a<b"])
def test_text_that_is_no_markup_keeps_its_signs_and_lines(text: str) -> None:
    assert to_text(text) == text
    assert not is_markup(text)


def test_what_splits_a_word_for_machines_only_is_taken_out() -> None:
    assert to_text("Aus&shy;lands\u200breise") == "Auslandsreise"
    assert tidy("Kim\ufeff \u202eJong\u202c Un") == "Kim Jong Un"


def test_control_characters_go_and_lone_surrogates_are_replaced() -> None:
    assert tidy("Kim\x00 \x0breist\x1f ab\ud800") == "Kim reist ab\ufffd"
    assert tidy("\x84Kim\x93 \x96 Xi") == "„Kim“ – Xi", "C1 controls are Windows-1252 in disguise"
    assert to_text("Kim&#0;&#55296; reist").startswith("Kim")


def test_a_combining_accent_is_composed() -> None:
    assert tidy("Mu\u0308ller") == "Müller"


def test_a_headline_is_one_line() -> None:
    assert one_line(" Kim\r\n  reist\t\u00a0ab ") == "Kim reist ab"


@given(st.text(alphabet=st.characters(codec=None), max_size=200))
def test_any_text_becomes_clean_text_once_and_for_all(text: str) -> None:
    """Tidying is idempotent, and nothing unprintable but line breaks is left of C0, C1 and surrogates."""
    clean = tidy(text)
    assert tidy(clean) == clean
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", clean)


@given(st.lists(st.sampled_from(_PIECES)).map("".join), st.lists(st.sampled_from(_PIECES)).map("".join))
def test_what_was_read_before_leaves_no_trace(before: str, markup: str) -> None:
    """Each thread has a parser that is used again; a new thread has a new one."""
    read: list[str] = []
    fresh = threading.Thread(target=lambda: read.append(to_text(markup)))
    fresh.start()
    to_text(before)
    read.append(to_text(markup))
    fresh.join()
    assert read[0] == read[1]


@given(st.text(alphabet="<>&/!-[]a b=\"';#x0\n", max_size=300))
def test_no_markup_makes_the_reader_fail(markup: str) -> None:
    assert isinstance(to_text(markup), str)


@pytest.mark.parametrize(
    "piece", ["<a ", "<", "&amp;", "<a href='", "</", "<p>&lt;p&gt;", "<!", "&#", "<div>"]
)
def test_hostile_markup_takes_linear_time(piece: str) -> None:
    """Eight times the length takes some eight times as long, where a quadratic reader takes sixty-four."""

    def seconds(pieces: int) -> float:
        markup = piece * pieces
        took = []
        for _ in range(3):
            start = time.process_time()
            to_text(markup)
            took.append(time.process_time() - start)
        return min(took)

    assert seconds(40_000) < 24 * max(seconds(5_000), 0.002)
