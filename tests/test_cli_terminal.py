"""What reaches a terminal: nothing that it would obey, times of this place, words marked where they stand."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cli import drawing, terminal

NOW = datetime(2026, 11, 24, 5, 24, tzinfo=UTC)
ANYTHING = st.text(st.characters(), max_size=40)  # controls, marks of direction and lone surrogates too
DIRECTION = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def obeyed(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or (
        unicodedata.bidirectional(character) in DIRECTION or character in "\u200e\u200f\u061c\ufeff"
    )


class Terminal(io.StringIO):
    """A place to print to that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@given(ANYTHING)
def test_safe_text_holds_nothing_that_a_terminal_obeys_and_keeps_its_places(text: str) -> None:
    shown = terminal.safe(text)
    assert len(text) == len(shown)
    assert not any(map(obeyed, shown))
    assert terminal.safe(shown) == shown
    assert all(b in {a, " ", "\ufffd"} for a, b in zip(text, shown, strict=True))


def test_letters_of_every_script_pass() -> None:
    text = "Öl für São Tomé, 김정은, 金正恩, Владимир, नमस्ते, 👩‍🚀 — „ja“"
    assert text == terminal.safe(text)


def test_an_escape_sequence_in_a_headline_is_seen_and_not_obeyed() -> None:
    assert "\ufffd]0;title\ufffd\ufffd[31mred gnp" == terminal.safe("\x1b]0;title\x07\x1b[31mred\ngnp")


@given(st.dictionaries(ANYTHING, st.lists(ANYTHING, max_size=3), max_size=3))
def test_a_json_document_means_the_same_and_is_safe(shape: dict[str, list[str]]) -> None:
    with redirect_stdout(io.StringIO()):
        document = terminal.document(shape)
    assert shape == json.loads(document)
    assert not any(map(obeyed, document.replace("\n", "")))


def test_a_json_document_is_ascii_where_the_output_is() -> None:
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="ascii")):
        document = terminal.document({"headline": "Öl 金"})
    assert document.isascii()
    assert {"headline": "Öl 金"} == json.loads(document)


@given(
    ANYTHING,
    st.lists(st.tuples(st.integers(-3, 50), st.integers(-3, 50))),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_marking_never_fails_and_shows_the_text_alone(
    text: str, places: list[tuple[int, int]], width: int, around: int
) -> None:
    with redirect_stdout(io.StringIO()):
        shown = str(terminal.marked(text.replace(">", "").replace("<", ""), places, width, around))
    assert not any(map(obeyed, shown))
    plain = re.sub("[><]", "", shown).removeprefix("… ").removesuffix(" …")
    assert plain in terminal.safe(text.replace(">", "").replace("<", ""))


def test_marked_words_are_in_angles_in_a_pipe_and_in_color_on_a_terminal() -> None:
    text, places = "Kim Jong Un auf Auslandsreise", [(16, 29), (0, 11), (4, 8)]
    with redirect_stdout(io.StringIO()):
        assert ">Kim Jong Un< auf >Auslandsreise<" == terminal.marked(text, places)
    with redirect_stdout(Terminal()):
        styled = terminal.marked(text, places)
    assert "\x1b[" in styled
    assert text == click.unstyle(styled)


def test_a_window_holds_the_place_and_ends_with_words() -> None:
    text = "Wort " * 100 + "Auslandsreise" + " Wort" * 100
    with redirect_stdout(io.StringIO()):
        shown = terminal.marked(text, [(500, 513)], 60, 500)
    assert ">Auslandsreise<" in shown
    assert shown.startswith("… Wort")
    assert shown.endswith("Wort …")
    assert len(shown) < 75


def test_a_table_in_a_pipe_is_columns_with_nothing_cut() -> None:
    long = "Überschrift " * 30
    with redirect_stdout(io.StringIO()):
        lines = list(drawing.table(("id", "headline"), [(1, long), (22, "a\x1b[2Jb"), (3, None)]))
    assert ["id  headline", "1   " + long.rstrip(), "22  a\ufffd[2Jb", "3   –"] == lines


def test_the_columns_of_a_table_are_straight_where_letters_are_wide() -> None:
    with redirect_stdout(io.StringIO()):
        lines = list(drawing.table(("name", "query"), [("日本", "Kim"), ("a", "Xi")]))
    assert ["name  query", "日本  Kim", "a     Xi"] == lines


def test_a_table_on_a_terminal_fits_it() -> None:
    screen = Terminal()
    with redirect_stdout(screen):
        rows = [(number, terminal.state("failing"), "Überschrift 金正恩 " * 20) for number in range(3)]
        lines = list(drawing.table(("id", "state", "headline"), rows))
    assert len(lines) == 5
    assert all(len(click.unstyle(line)) <= 80 for line in lines)
    assert "…" in lines[-1]


def test_an_id_stays_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ("id", "sent or due", "state", "kind", "to", "tries", "what is said about it")
    row = ("12", "2026-11-24 14:19", "sent", "alert", "mail:anna@example.org", "1", "Kim reist nach Peking")
    monkeypatch.setenv("COLUMNS", "40")
    with redirect_stdout(Terminal()):
        lines = list(drawing.table(columns, [row]))
    assert all(len(click.unstyle(line)) <= 40 for line in lines)
    assert click.unstyle(lines[-1]).startswith("12  ")


def test_times_are_of_this_place_and_distances_in_words() -> None:
    assert NOW.astimezone().strftime("%Y-%m-%d %H:%M") == terminal.local(NOW)
    assert ("–", "never", "–") == (terminal.local(None), terminal.ago(None, NOW), terminal.due(None, NOW))
    spans = {5: "5 s", 119: "119 s", 180: "3 min", 9000: "2 h", 900_000: "10 d"}
    for seconds, words in spans.items():
        assert f"{words} ago" == terminal.ago(NOW - timedelta(seconds=seconds), NOW)
        assert f"in {words}" == terminal.due(NOW + timedelta(seconds=seconds), NOW)
    assert "now" == terminal.due(NOW, NOW)


@given(st.text(st.sampled_from("ab  `\u4e2d"), max_size=120), st.integers(20, 60))
def test_a_folded_line_keeps_its_words_and_fits(line: str, width: int) -> None:
    lines = list(terminal.folded(line, width))
    assert line.split() == " ".join(lines).split()
    columns = [sum(1 + (c == "\u4e2d") for c in each) for each in lines]
    longest = max((sum(1 + (c == "\u4e2d") for c in part) for part in _unbroken(line)), default=0)
    assert max(columns) <= max(width, longest + width // 2)


def _unbroken(line: str) -> list[str]:
    """The words, and what stands in backticks as one."""
    return re.sub("`[^`]*`", lambda code: code[0].replace(" ", "_"), line).split()


def test_a_long_line_goes_on_under_its_own_column() -> None:
    hit = "  2026-11-24 06:12  Zins steigt, und die Märkte sind überrascht"
    assert [
        "  2026-11-24 06:12  Zins steigt, und die",
        "                    Märkte sind",
        "                    überrascht",
    ] == list(terminal.folded(hit, 40))
    assert ["  | a b c", "  | d"] == list(terminal.folded("  | a b c d", 10))
    assert ["see", "`monitor list-rules`"] == list(terminal.folded("see `monitor list-rules`", 20))


def test_a_line_that_somebody_will_copy_is_never_broken() -> None:
    command = terminal.Whole("undo: monitor add-rule " + "Zins " * 40)
    assert [command] == list(terminal.folded(command, 40))
