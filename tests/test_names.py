"""Spellings of names: proposed, made a list of by one command, and never matched in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.actions import names
from service.errors import NotFoundError
from service.model import Exit, Item
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.names import GROUPS
from service.text.fold import fold
from service.text.morphology import Morphology
from tests.shell import Shell


def test_every_group_is_a_list_that_the_language_takes_and_has_no_spelling_twice() -> None:
    for name, spellings in GROUPS.items():
        assert f"@{name}" == str(parse(f"@{name}", GROUPS)), name
        assert len(spellings) == len({fold(spelling) for spelling in spellings}), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ('"Kim Dschong Un" + Reise', "`monitor add-list kim-jong-un --starter`, then @kim-jong-un"),
        ("Zelensky", "Zelensky is also written Selenskyj"),
        ("Nordkorea -Zug", "`monitor add-list kp --country KP`, then @kp in its place"),
        ('"North Korea"', "Nordkorea"),
    ],
)
def test_a_term_that_is_one_spelling_of_several_brings_a_hint(query: str, said: str) -> None:
    assert said in "\n".join(names.suggestions(parse(query)))


def test_a_hint_matches_nothing_by_itself(morphology: Morphology) -> None:
    query = parse('"Kim Jong Un"')
    item = Item(headline="Kim Dschong Un reist", language="de")
    assert not query.holds(Document.of(item, morphology))
    assert parse("@kim-jong-un", GROUPS).holds(Document.of(item, morphology))


def test_other_words_bring_none() -> None:
    assert [] == list(names.suggestions(parse("Reise + Preise -Zug")))


def test_a_country_is_known_by_its_code_and_its_names() -> None:
    found = names.country("KP")
    assert {"Nordkorea", "North Korea", "Corée du Nord", "КНДР", "북한"} <= set(found)
    assert found == names.country("nordkorea") == names.country("North Korea")
    with pytest.raises(NotFoundError, match="did you mean nordkorea"):
        names.country("Nordkorae")
    with pytest.raises(NotFoundError):
        names.country("ZZ")


def test_the_commands_make_lists_of_them(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    monitor.configure()
    added = monitor("add-list", "kim-jong-un", "--starter", "Marschall Kim", "--json")
    assert [*GROUPS["kim-jong-un"], "Marschall Kim"] == added.json["terms"]
    assert "Corée du Nord" in monitor("add-list", "kp", "--country", "KP").out
    rule = monitor("add-rule", "@kim-jong-un", "+", "@kp")
    assert (Exit.DONE, "") == (rule.code, rule.err)
    assert set(GROUPS) == {one["name"] for one in monitor("list-lists", "--starter", "--json").json}
    assert Exit.NOT_FOUND == monitor("add-list", "nobody", "--starter").code
    assert Exit.USAGE == monitor("add-list", "empty").code
    assert "is also written" in monitor("add-rule", "Selenskyj").out
