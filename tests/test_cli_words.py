"""The command line in the reader's language: every word of it, and nothing for programs."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from babel.messages.pofile import read_po

from service.cli import terminal
from service.cli.main import COMMANDS, HOMES
from service.locale.catalogue import UI_LANGUAGES
from service.model import Exit
from tests.shell import Shell
from tests.wording import CLI, Message, messages

OTHERS = sorted(set(UI_LANGUAGES) - {"en"})


def translations(language: str) -> dict[Message, tuple[str, ...]]:
    """Each message with its translation, in all its forms."""
    with (CLI / "locale" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        found = [(one.id, one.string) for one in read_po(file, abort_invalid=True) if one.id and one.string]
    return {tuple(known) if isinstance(known, list) else known: _forms(said) for known, said in found}


def _forms(said: str | Sequence[str | None]) -> tuple[str, ...]:
    return tuple(filter(None, [said] if isinstance(said, str) else said))


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_of_the_command_line_is_in_the_catalogue(language: str) -> None:
    known, said = translations(language), messages()
    assert {message: place for message, place in said.items() if not known.get(message)} == {}, "untranslated"
    assert known.keys() - said.keys() == set(), "not used"


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_fills_the_gaps_of_its_message(language: str) -> None:
    for message, forms in translations(language).items():
        assert len(forms) == (1 if isinstance(message, str) else 2), message
        many = message if isinstance(message, str) else message[-1]
        if "{" in many:
            assert [gaps(many)] * len(forms) == [gaps(form) for form in forms], message


@pytest.mark.parametrize("command", ["list-sources", "list-alerts", "list-deliveries"])
def test_a_state_is_asked_for_in_the_words_of_programs_or_of_the_reader(monitor: Shell, command: str) -> None:
    """The German help says both; in English they are one."""
    german = ["--ui-lang", "de", command]
    told = " ".join(monitor(*german, "--help").out.split())
    [listed] = re.findall(r"Nur diese: (.+?)\.", told)
    words = re.findall(r"(\w+)(?: \(([^)]+)\))?", listed)
    assert len(words) >= 4
    for pair in words:
        for word in filter(None, pair):
            assert Exit.DONE == monitor(*german, "--state", word).code, word
    assert Exit.USAGE == monitor(command, "--state", words[1][1]).code
    assert Exit.USAGE == monitor(*german, "--state", "nosuch").code


@pytest.mark.parametrize("language", UI_LANGUAGES)
def test_the_help_of_every_command_fits_80_columns(monitor: Shell, language: str) -> None:
    for name in HOMES:
        answer = monitor("--ui-lang", language, name, "--help")
        assert (Exit.DONE, "") == (answer.code, answer.err), name
        assert max(map(len, answer.out.splitlines())) <= 80, name
    answer = monitor("--help", "--ui-lang", language)
    assert max(map(len, answer.out.splitlines())) <= 80
    # A summary is one line of the list of commands.
    assert len(answer.out.split("\n\n")) >= len(COMMANDS)
    assert sum(line.startswith("  ") and line.split()[0] in HOMES for line in answer.out.splitlines()) == len(
        HOMES
    )
    assert not [line for line in answer.out.splitlines() if line.startswith(" " * 12)]


def test_the_option_says_the_language_before_and_after_the_command(monitor: Shell) -> None:
    for arguments in (("--ui-lang", "de", "list-rules"), ("list-rules", "--ui-lang", "de")):
        assert "keine Regeln (monitor add-rule ABFRAGE)\n" == monitor(*arguments).err
    assert "no rules (monitor add-rule QUERY)\n" == monitor("list-rules").err


def test_one_call_does_not_change_the_language_of_the_next(monitor: Shell) -> None:
    assert "keine Regeln" in monitor("list-rules", "--ui-lang", "de").err
    assert "no rules" in monitor("list-rules").err
    monitor("list-rules", "--ui-lang", "de")
    assert "never" == terminal.ago(None, datetime.now(UTC))


def test_a_german_is_told_in_german_how_a_command_is_typed(monitor: Shell) -> None:
    assert monitor("--ui-lang", "de", "--help").out.startswith("Aufruf: monitor [OPTIONEN] BEFEHL …\n")
    assert monitor("--help").out.startswith("Usage: monitor [OPTIONS] COMMAND …\n")


def test_a_german_reads_german(monitor: Shell) -> None:
    added = monitor("--ui-lang", "de", "add-rule", "Zins", "-EZB")
    assert added.out.startswith("Regel zins-ezb hinzugefügt\n  Abfrage      Zins -EZB\n")
    assert "träfe        noch ist nichts gespeichert" in added.out
    listed = monitor("--ui-lang", "de", "list-rules").out.splitlines()
    assert ["Name", "Zustand", "Vorrang", "meldet", "an", "Abfrage"] == listed[0].split()
    screen = monitor("--ui-lang", "de", "status").out
    assert "Dienst       keiner läuft (monitor run)" in screen
    assert "Quellen      keine (monitor add-source URL)\n" in screen
    assert "Meldungen    noch keine\n" in screen
    shown = monitor("--ui-lang", "de", "show-rule", "zins-ezb").out
    assert "Fassung 1" in shown
    tested = monitor("--ui-lang", "de", "test-channel", "console").out.splitlines()[-1]
    assert re.search(r" gesendet +Probe +console ", tested)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["show-rule", "kim"], "keine Regel namens kim (`monitor list-rules` zeigt alle)"),
        (["add-rule", "Zins", "--to", "fax"], "kein Kanal namens 'fax' (es gibt: console)"),
        (["nosuch"], "kein Befehl 'nosuch' (siehe `monitor --help`)"),
        (["list-rule"], "kein Befehl 'list-rule'; war list-rules"),
        (["show-story"], "es fehlt 'ID' (siehe `monitor show-story --help`)"),
        (["show-story", "eins"], "falscher Wert für 'ID': 'eins' ist keine ID"),
        (["list-items", "--limit", "0"], "falscher Wert für '--limit': '0' ist keine Zahl von 1 bis 10000"),
        (["list-items", "--since", "5"], "falscher Wert für '--since': keine Dauer: '5'"),
        (["list-sources", "--state", "gut"], "falscher Wert für '--state': 'gut' ist keines von ok, failing"),
        (["silence", "rule=kim", "--for", "2h"], "es fehlt die Option '--comment'"),
        (["list-rules", "mehr"], "überzähliges Argument (mehr)"),
        (["list-rules", "--config"], "die Option '--config' verlangt einen Wert"),
    ],
)
def test_an_error_is_said_in_the_readers_language(monitor: Shell, arguments: list[str], line: str) -> None:
    answer = monitor("--ui-lang", "de", *arguments)
    assert "" == answer.out
    assert answer.err.startswith(f"monitor: {line}")
    assert answer.err.count("\n") == 1


def test_a_refused_query_is_explained_in_the_readers_language(monitor: Shell) -> None:
    answer = monitor("--ui-lang", "de", "add-rule", "Kim", "NEAR/0", "Reise")
    assert Exit.USAGE == answer.code
    first, *_, last = answer.err.splitlines()
    assert "monitor: die Abfrage ist so nicht möglich" == first
    assert "ein Abstand von mindestens 1" in last


def test_programs_get_the_same_whatever_the_language(monitor: Shell) -> None:
    monitor("add-rule", "Zins")
    for command in ("list-rules", "status", "list-sources"):
        english, german = monitor("--json", command), monitor("--json", "--ui-lang", "de", command)
        shapes = [json.loads(answer.out) for answer in (english, german)]
        for shape in shapes:
            if isinstance(shape, dict):
                shape.pop("at", None)
        assert shapes[0] == shapes[1]


def test_numbers_have_the_separators_of_the_language(monitor: Shell) -> None:
    story = monitor.folder / "story.txt"
    story.write_text("Zins steigt\n\n" + "Die Zentralbank hebt den Zins. " * 3, encoding="utf-8")
    assert "1 von 1 Meldung" in monitor("--ui-lang", "de", "test-rule", "Zins", "--file", str(story)).out


@pytest.mark.slow
def test_the_environment_says_the_language(monitor: Shell) -> None:
    def said(own: str, place: str) -> str:
        return monitor.process(
            "--config", "config.toml", "list-rules",
            MONITOR_UI_LANG=own, LC_ALL="", LC_MESSAGES="", LANGUAGE="", LANG=place,
        ).err  # fmt: skip

    assert "keine Regeln" in said("", "de_DE.UTF-8")
    assert "no rules" in said("", "C.UTF-8")
    assert "keine Regeln" in said("de", "en_US.UTF-8")


@pytest.mark.slow
def test_the_demo_speaks_the_readers_language(monitor: Shell) -> None:
    said = monitor.process("--ui-lang", "de", "demo", "--exit-after-first-alert").out
    assert "Probe am Archiv: 1 von 5 gespeicherten Meldungen" in said
    assert "s nach Veröffentlichung gesendet an console" in said
    assert "Treffer: „Kim Jong Un“ (Titel, Text)" in said
