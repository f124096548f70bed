"""Compounds: families are learnt from listed nouns, and an unlisted word is covered at least cost."""

import pytest

from service.text.compounds import parts
from service.text.families import GRAMMARS, OPEN, learn
from service.text.lexicon import Entry, Lexicon, pack
from service.text.morphology import Morphology

ITSELF = ((0, ""),)


def lexicon(**entries: Entry) -> Lexicon:
    return Lexicon.read("de", pack(entries))


def noun(modifier: int, head: int) -> Entry:
    return Entry(nouns=ITSELF, modifier=modifier, head=head)


def test_the_cover_of_least_cost_wins() -> None:
    known = lexicon(schatz=noun(12, 12), insel=noun(12, 12), schat=noun(20, 20), zinsel=noun(20, 20))
    assert parts("schatzinsel", known) == {"schatz", "insel", "schatzinsel"}


@pytest.mark.parametrize(("cost", "found"), [(10, {"sieg", "hof", "sieghof"}), (20, set())])
def test_a_cover_that_costs_more_than_a_name_is_none(cost: int, found: set[str]) -> None:
    assert parts("sieghof", lexicon(sieg=noun(cost, cost), hof=noun(cost, cost))) == found


def test_a_word_that_is_not_wholly_covered_is_no_compound() -> None:
    assert parts("preise", lexicon(reise=noun(5, 5))) == frozenset()


def test_a_listed_compound_is_as_it_was_decided() -> None:
    known = lexicon(
        bus=noun(9, 9),
        halt=noun(9, 9),
        bushalt=Entry(nouns=ITSELF, tail=4),
        konkurs=Entry(nouns=ITSELF, tail=0),
        konk=noun(1, 1),
        urs=noun(1, 1),
    )
    assert parts("bushalt", known) == {"bus", "halt", "bushalt"}
    assert parts("konkurs", known) == frozenset()


def test_an_adjective_gives_its_modifiers_alone() -> None:
    known = lexicon(steuer=noun(10, 10), freie=Entry(others=((1, ""),), quality=8))
    assert parts("steuerfreie", known, adjective=True) == {"steuer"}
    assert parts("steuerfreie", known) == frozenset()


def test_an_unlisted_compound_is_known_by_its_own_lemma() -> None:
    known = lexicon(china=noun(10, 10), reisen=Entry(nouns=((1, ""),), head=10))
    assert parts("chinareisen", known) == {"china", "reise", "chinareise"}


def test_a_term_that_is_a_lemma_is_not_widened_to_another() -> None:
    morphology = Morphology({"de": lexicon(reise=Entry(nouns=((0, ""), (1, ""))))})
    assert morphology.term("Reise", "de") == {"reise"}
    assert morphology.inflections("Reise", "de") == {"reise", "reis"}


def test_a_known_noun_in_s_is_no_genitive_of_a_name() -> None:
    morphology = Morphology({"de": lexicon(haus=Entry(nouns=ITSELF))})
    assert morphology.keys("Haus", "de") == {"haus"}
    assert morphology.keys("Putins", "de") == {"putins", "putin"}
    assert morphology.keys("putins", "de") == {"putins"}


def forms(word: str, *endings: str) -> set[str]:
    return {word, *(word + ending for ending in endings)}


@pytest.fixture
def listed() -> dict[str, set[str]]:
    """Nouns of which some are compounds, with all their forms."""
    ort = ("e", "en", "es", "s")
    return {
        "ort": forms("ort", *ort),
        "stand": forms("stand", "es", "s"),
        "wohn": forms("wohn"),
        "kult": forms("kult", "e", "en", "es", "s"),
        "standort": forms("standort", *ort),
        "wohnort": forms("wohnort", *ort),
        "kultort": forms("kultort", *ort),
        "reisende": forms("reisende", "n", "r"),
        "ende": forms("ende", "n", "s"),
        "unteilbarkeit": forms("unteilbarkeit"),
    }


def test_a_compound_inflects_as_its_head() -> None:
    nouns = {word: forms(word, "e") for word in ("reis", "rei", "tor", "reistor")}
    families = learn({**nouns, "stor": forms("stor")}, set(), GRAMMARS["de"], short=["rei", "tor"])
    assert families.tails["reistor"] == len("tor")
    nouns["reistor"] = forms("reistor", "en")
    families = learn({**nouns, "stor": forms("stor", "en")}, set(), GRAMMARS["de"], short=["rei", "tor"])
    assert families.tails["reistor"] == len("stor")


def test_a_word_in_many_compounds_costs_less_than_one_in_none(listed: dict[str, set[str]]) -> None:
    families = learn(listed, set(), GRAMMARS["de"], short=["ort"])
    assert families.tails["standort"] == len("ort")
    assert families.heads["ort"] < families.modifiers["stand"] < families.unseen


def test_participles_and_barred_words_are_no_compounds(listed: dict[str, set[str]]) -> None:
    assert "reisende" not in learn(listed, {"reisen"}, GRAMMARS["de"], short=["ort"]).tails
    assert "standort" not in learn(listed, set(), GRAMMARS["de"], short=["ort"], barred=["ort"]).tails


def test_short_parts_must_be_listed(listed: dict[str, set[str]]) -> None:
    assert "standort" not in learn(listed, set(), GRAMMARS["de"]).tails


def test_a_long_noun_without_a_cover_stays_open(listed: dict[str, set[str]]) -> None:
    assert learn(listed, set(), GRAMMARS["de"]).tails["unteilbarkeit"] == OPEN
