"""The reader's language: which one it is, and sentences of decisions said in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.locale.catalogue import UI_LANGUAGES, catalogue, compiled_from, wanted
from service.locale.reasons import Reasons, reasons
from tests.wording import sentences

PARROT = Reasons(
    {
        "quiet hours": "Ruhezeit",
        "no rule named {name}": "keine Regel namens {name}",
        "`monitor list-rules` shows all": "`monitor list-rules` zeigt alle",
        "given up after {tries} tries: {reason}": "nach {tries} Versuchen aufgegeben: {reason:said}",
        "given up after {tries} tries: no answer": "{tries} Versuche, keine Antwort",
        "{host} is private (a setting opens it)": "{host} ist privat (eine Einstellung öffnet es)",
        "{name}: a rule of this name exists": "{name}: Es gibt schon eine Regel dieses Namens",
    }
)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_AT"}, "de"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "fr:de:en"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LC_ALL": "de_CH.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "de"),
        ({"LC_ALL": "", "LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "MONITOR_UI_LANG": "de-DE"}, "de"),
        ({"LANG": "de_DE.UTF-8", "MONITOR_UI_LANG": "fr"}, "en"),
    ],
)
def test_the_environment_says_the_language_as_posix_has_it(
    environment: dict[str, str], language: str
) -> None:
    assert language == wanted(environment)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("quiet hours", "Ruhezeit"),
        ("no rule named kim", "keine Regel namens kim"),
        ("no rule named a {b} %s", "keine Regel namens a {b} %s"),
        (
            "no rule named kim (`monitor list-rules` shows all)",
            "keine Regel namens kim (`monitor list-rules` zeigt alle)",
        ),
        ("given up after 3 tries: quiet hours", "nach 3 Versuchen aufgegeben: Ruhezeit"),
        ("given up after 3 tries: 451 no\nthank you", "nach 3 Versuchen aufgegeben: 451 no\nthank you"),
        ("given up after 3 tries: no answer", "3 Versuche, keine Antwort"),
        (
            "given up after 3 tries: 10.0.0.1 is private (a setting opens it)",
            "nach 3 Versuchen aufgegeben: 10.0.0.1 ist privat (eine Einstellung öffnet es)",
        ),
        (
            "given up after 3 tries: no rule named kim (`monitor list-rules` shows all)",
            "nach 3 Versuchen aufgegeben: keine Regel namens kim (`monitor list-rules` zeigt alle)",
        ),
        ("a sentence of somebody else", "a sentence of somebody else"),
        ("a sentence of somebody else (quiet hours)", "a sentence of somebody else (quiet hours)"),
        ("", ""),
    ],
)
def test_a_sentence_is_said_by_the_form_that_fits_it_best(sentence: str, said: str) -> None:
    assert said == PARROT.said(sentence)


@given(st.text(max_size=30))
def test_what_stands_in_a_gap_is_shown_as_it_stood(name: str) -> None:
    assert PARROT.said(f"{name}: a rule of this name exists") == (
        f"{name}: Es gibt schon eine Regel dieses Namens"
    )


def test_a_sentence_that_nests_itself_without_end_is_left_alone() -> None:
    endless = Reasons({"again: {reason}": "noch einmal: {reason:said}"})
    assert endless.said("again: " * 100 + "x").startswith("noch einmal: ")
    assert "again: " * 1000 == endless.said("again: " * 1000)


# What a person types or a program names is the same in every language; parts of sentences are said as wholes.
UNSAID = re.compile(
    r"\W*(?:\{\}\W*)*|(?:monitor|chmod|export) .*|(?:[a-z_]+|\{\})\.[a-z_]+|.*\blexicon\b.*"
    r"|(?:is it|a field is) .*|\{\}(?:as text, quote| as item| item).*|.*\w\{\}(?: as in)?"
    r"|\{\} h \{\} min|\{\} of \{\} stored items, \{\}, \{\}"
)


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(set(UI_LANGUAGES) - {"en"}))
def test_every_sentence_of_a_decision_is_in_the_catalogue(language: str) -> None:
    said = reasons(language).said
    left = {
        text: place
        for text, place in sentences().items()
        if not UNSAID.fullmatch(text) and said(sample := text.replace("{}", "Xy1")) == sample
    }
    assert {} == left, "not translated"


def test_english_is_what_the_sentences_are_in() -> None:
    assert "quiet hours" == reasons("en").said("quiet hours")
    assert "Ruhezeit" == reasons("de").said("quiet hours")


def test_a_compiled_catalogue_is_read_where_there_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "messages.po"
    source.write_text('msgid "yes"\nmsgstr "ja"\n', encoding="utf-8")
    (folder / "messages.mo").write_bytes(compiled_from(source))
    source.unlink()
    assert "ja" == catalogue(tmp_path, "de").gettext("yes")
    assert "yes" == catalogue(tmp_path, "fr").gettext("yes")
