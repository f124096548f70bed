"""What is odd about a query is said before it is stored, and why it does not hit can be asked."""

from __future__ import annotations

import pytest

from service.model import Item
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.lint import Explanation, explain, lint
from service.text.morphology import Morphology


@pytest.mark.parametrize(
    ("query", "marked", "said"),
    [
        ("WHO + Genf", "WHO", "==WHO"),
        ("Genf IT", "IT", "also hits the common word it"),
        ("Kim der", "der", "one of the commonest words"),
        ("Kim oder Xi", "oder", "the operator is written ODER"),
        ("Kim+Reise", "Kim+Reise", "Kim + Reise"),
        ("Xi|Putin Kim|Reise", "Kim|Reise", "Kim | Reise"),
        ("Kim near/8 Peking", "near/8", "NEAR/8"),
        ("Kim NEAR Peking", "NEAR", "the operator says how near: NEAR/8"),
        ('"Kim BEFORE Peking"', '"Kim BEFORE Peking"', "BEFORE/8"),
        ("Kim *ist*", "*ist*", "is broad"),
        (r"Kim /\w+/", r"/\w+/", r"\pL"),
        ("title:(Kim WHO)", "WHO", "==WHO"),
        ("WHO -Who WHO", "Who", "==Who"),
    ],
)
def test_a_term_that_may_not_be_meant_is_named(query: str, marked: str, said: str) -> None:
    node = parse(query)
    advice = [each for each in lint(node) if said in each.sentence]
    assert marked in [str(node)[slice(*each.span)] for each in advice]


@pytest.mark.parametrize(
    "query", ['"Kim Jong Un" + Reise', "K+S", "==WHO", "==IT", "Zins -EZB", "*minister", "/DE[0-9]+/"]
)
def test_a_sound_query_is_not_spoken_of(query: str) -> None:
    assert not lint(parse(query))


def test_the_archive_tells_of_terms_that_hit_too_much_or_never() -> None:
    shares = {"Kim": 0.01, "Prozent": 0.31, "Zebra": 0.0, "@tiere": 0.0}
    node = parse("Kim Prozent (Zebra | @tiere)", {"tiere": ["Yak", "Gnu"]})
    advice = lint(node, shares.__getitem__)
    assert [
        ("Prozent", "Prozent hits 31% of the archive"),
        ("Zebra", "Zebra never occurred in the archive"),
        ("@tiere", "@tiere never occurred in the archive"),
    ] == [(str(node)[slice(*each.span)], each.sentence) for each in advice]


def _explained(query: str, morphology: Morphology, **item: str) -> Explanation:
    document = Document.of(Item(**{"headline": "", "language": "de", **item}), morphology)  # type: ignore[arg-type]
    return explain(parse(query, {"kim": ["Kim Jong Un", "Kim Dschong Un"]}), document)


def test_a_query_that_misses_says_which_part_and_what_came_nearest(morphology: Morphology) -> None:
    explained = _explained('"Kim Jong Un" + "Reise" -EZB', morphology, body="Kim Jong Un senkt die Preise")
    assert ('"Kim Jong Un" + Reise -EZB', False) == (explained.text, explained.hit)
    assert [('"Kim Jong Un"', True, ""), ("Reise", False, "Preise"), ("-EZB", True, "")] == [
        (part.text, part.hit, part.nearest) for part in explained.parts
    ]
    assert ["Kim Jong Un"] == [one.text for one in explained.parts[0].evidence]


@pytest.mark.parametrize(
    ("query", "item", "nearest"),
    [
        ('"Kim Jong Un"', {"body": "Kim Yong Un"}, "Yong"),
        ('"Kim Jong Un"', {"body": "Jong und Kim Un"}, "the words are there, but not together"),
        ("==WHO", {"body": "Who is it?"}, "Who"),
        ("title:Reise", {"headline": "Preise", "body": "Reise"}, "Preise"),
        ("Kim NEAR/2 Peking", {"body": "Kim fuhr am Montag nach Peking"}, "5 tokens apart in body"),
        ("*zins*", {"body": "Ziege"}, ""),
        ("lang:en", {"body": "Kim"}, "de"),
        ("/a+/", {"body": "b"}, ""),
    ],
)
def test_the_nearest_is_named(query: str, item: dict[str, str], nearest: str, morphology: Morphology) -> None:
    explained = _explained(query, morphology, **item)
    assert not explained.hit
    below = explained.parts[0] if explained.parts and not explained.nearest else explained
    assert nearest == below.nearest


def test_a_negated_part_that_is_there_shows_where(morphology: Morphology) -> None:
    explained = _explained("Zins -EZB", morphology, body="Leitzins: EZB wartet ab")
    assert not explained.hit
    assert ["EZB"] == [one.text for one in explained.parts[1].evidence]


def test_a_list_shows_the_entries_that_hit(morphology: Morphology) -> None:
    explained = _explained("@kim", morphology, body="Kim Dschong Un")
    assert explained.hit
    assert ['"Kim Dschong Un"'] == [part.text for part in explained.parts]
