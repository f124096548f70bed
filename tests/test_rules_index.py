"""The index answers as the evaluation of every rule would, whatever comes and goes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import QueryError
from service.model import Evidence, Instrument, Item
from service.rules.document import Document, Place, Stream
from service.rules.grammar import parse
from service.rules.index import SAMPLE, RuleIndex, evaluate
from service.rules.nodes import Anchor, Anchoring, Node, Term
from service.rules.presearch import FRESH
from service.text.fold import fold
from service.text.morphology import Morphology

LISTS = {"kim": ["Kim Jong Un", "Xi", "김정은"], "depot": ["DE000BASF111", "DE0007164600"]}
WORDS = [
    *(
        "Kim",
        "Jong",
        "Un",
        "Uns",
        "Xi",
        "Reise",
        "Reisen",
        "Auslandsreise",
        "Preise",
        "Nordkorea",
        "Nord-Korea",
    ),
    *("Öl", "Ölpreis", "Zins", "Bauzinsen", "Außenminister", "Aussenministerin", "Straße", "STRASSE", "WHO"),
    *(
        "who",
        "K+S",
        "dpa-AFX",
        "24/7",
        "金正恩",
        "正",
        "김정은이",
        "김정은",
        "DE000BASF111",
        "élection",
        "elections",
    ),
]
WILDCARDS = ["Reise*", "*preis", "*zins*", "*reise*", "nord*", "*minister", '"Kim Jong*"', "Nord-Kor*"]
REGEXES = ["/DE[0-9A-Z]{10}/", "/[Kk]im/", r"/\bUn\b/", "/正/", "/(?i)who/"]
VALUES = [
    "isin:@depot",
    "source:dpa",
    "lang:de",
    "url:politik",
    "urgency:<=2",
    "author:Kim",
    "author:Kim*",
    "@kim",
]
FIELDS = ["", "", "", "title", "lead", "body", "place", "text"]
MARKS = [" ", " ", " ", ", ", "-", "/", "\n\n", ". "]

Rules: TypeAlias = dict[int, tuple[Node, str]]

# The laws are drawn by dice from a seed: a query of any shape costs a hundredth of a recursive strategy.
seeds = st.integers(0, 2**32)


class Wire:
    """Rules and items from a seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.pick = self.dice.choice

    def rules(self, most: int = 8) -> Rules:
        """Queries of any shape with the languages that they lend, numbered."""
        return {rule: (self.query(), self.pick(["", "de"])) for rule in range(self.dice.randint(1, most))}

    def query(self) -> Node:
        """A query, perhaps within a field where it holds none itself."""
        text, field = self._any(self.dice.randint(0, 3)), self.pick(FIELDS)
        with suppress(QueryError):
            return parse(f"{field}:({text})" if field else text, LISTS)
        return parse(text, LISTS)

    def _any(self, depth: int) -> str:
        if not depth:
            return self._term()
        inner = [self._any(depth - 1) for _ in range(self.dice.randint(2, 3))]
        shape = self.dice.randrange(6)
        if shape == 0:
            return f"({' | '.join(inner)})"
        if shape == 1:
            return " + ".join(inner)
        if shape == 2:
            return f"{self._term()} -({inner[0]})"
        if shape == 3:
            return f"{self._term()} ({inner[0]} | -{self.pick(WORDS)})"
        if shape == 4:
            return f"{self.dice.randint(1, len(inner))} of ({', '.join(inner)})"
        first, second, third = (self._operand() for _ in range(3))
        return f"{first} {self.pick(['NEAR', 'BEFORE'])}/{self.dice.randint(1, 4)} {second} NEAR/2 {third}"

    def _term(self) -> str:
        words = self.dice.choices(WORDS, k=self.dice.randint(1, 3))
        forms = [
            words[0],
            f'"{" ".join(words)}"',
            f'"{words[0]} {words[-1]}"~{self.dice.randint(1, 5)}',
            f'="{" ".join(words)}"',
            f"=={words[0]}",
            *map(self.pick, (WILDCARDS, REGEXES, VALUES)),
        ]
        return self.pick(forms)

    def _operand(self) -> str:
        word = self.pick(WORDS)
        return self.pick([word, f"={word}", "@kim", f"({word} | Xi)", f'"Kim {word}"', "Reise*"])

    def text(self) -> str:
        """Words with all that parts them."""
        return "".join(f"{self.pick(WORDS)}{self.pick(MARKS)}" for _ in range(self.dice.randint(0, 12)))

    def item(self) -> Item:
        """An item with some of all fields."""
        return Item(
            headline=self.text(),
            body=self.text(),
            language=self.pick(["", "de", "de", "en", "fr", "xx"]),
            places=self.pick([(), ("Kim",), ("Nord-Korea", "Reise")]),
            byline=self.pick(["", "Kim Reise"]),
            link=self.pick(["", "https://example.com/Politik/1"]),
            urgency=self.dice.randint(0, 4),
            instruments=self.pick([(), (Instrument("isin", "DE000BASF111"),)]),
        )


def _brute(rules: Rules, document: Document) -> dict[int, tuple[Evidence, ...]]:
    """What the evaluation of every rule answers."""
    answers = {rule: evaluate(query, document, language) for rule, (query, language) in rules.items()}
    return {rule: evidence for rule, evidence in sorted(answers.items()) if evidence is not None}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(seeds)
def test_the_index_matches_what_the_evaluation_of_every_rule_matches(
    morphology: Morphology, seed: int
) -> None:
    wire = Wire(seed)
    rules, index = wire.rules(), RuleIndex(morphology)
    for rule, (query, language) in rules.items():
        index.add(rule, query, language)
    for _ in range(5):
        document = Document.of(wire.item(), morphology, source="dpa")
        assert _brute(rules, document) == dict(index.match(document))
        assert not index.failures


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_rules_come_and_go_one_by_one(morphology: Morphology, seed: int) -> None:
    """After any change the index answers as one that was built at once."""
    wire = Wire(seed)
    rules: Rules = {}
    index = RuleIndex(morphology)
    for _ in range(12):
        for rule, (query, language) in wire.rules(3).items():
            index.add(rule, query, language)
            rules[rule] = (query, language)
        gone = wire.dice.randrange(5)
        index.remove(gone)
        rules.pop(gone, None)
        document = Document.of(wire.item(), morphology, source="dpa")
        assert _brute(rules, document) == dict(index.match(document))
    assert len(rules) == len(index)


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_a_term_holds_exactly_where_it_has_a_place(morphology: Morphology, seed: int) -> None:
    """What decides and what shows are two ways through the same terms; they never disagree."""
    wire = Wire(seed)
    document = Document.of(wire.item(), morphology, source="dpa")
    query = wire.query()
    for node in query.walk():
        if isinstance(node, Term):
            for field in ("", "title", "lead", "body"):
                assert node.holds(document, field) == any(node.find(document, field))
    found = evaluate(query, document)
    assert found is None or found


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_the_keys_of_chunks_are_those_of_their_tokens(morphology: Morphology, seed: int) -> None:
    """The presearch reads blank-separated chunks, the evaluation tokens: both see the same words."""
    document = Document.of(Wire(seed).item(), morphology)
    table = morphology.table(document.language)
    expected = {""}
    for stream in document.streams():
        for token in [*stream.words, *(solid for _, _, solid in stream.solid)]:
            expected |= table[token]
    assert expected == document.keys


@given(st.text(max_size=80))
def test_any_text_is_read_alike_by_chunks_and_by_tokens(text: str) -> None:
    """Ligatures that fold to a sentence, marks, ideographs, line separators: both see the same words."""
    morphology = Morphology({})
    document = Document.of(Item(headline="", body=text), morphology)
    (stream,) = document.streams("body")
    assert document.keys == {"", *stream.keys}
    for token in stream.words:
        assert fold(token) in document.keys
        with suppress(QueryError):
            for query in (f'="{token}"', f'"{token}"', f'=="{token}"'):
                assert evaluate(parse(query), document), query


# ---------------------------------------------------------------- an oracle that knows none of our code


@dataclass(frozen=True)
class Case:
    """A query of exact words, as text and as a naive predicate over the folded tokens of one text."""

    text: str
    holds: str  # a Python expression over `at(word)`, the positions of a word


exact = st.sampled_from(["kim", "xi", "zug", "ab"])
naive_terms = exact.map(lambda one: Case(f"={one}", f"bool(at('{one}'))"))
naive = st.recursive(
    st.one_of(
        naive_terms,
        st.builds(
            lambda a, b: Case(f'="{a} {b}"', f"any(i + 1 in at('{b}') for i in at('{a}'))"),
            exact,
            exact,
        ),
        st.builds(
            lambda a, b, n: Case(
                f"={a} NEAR/{n} ={b}", f"any(abs(i - j) <= {n} for i in at('{a}') for j in at('{b}'))"
            ),
            exact,
            exact,
            st.integers(1, 4),
        ),
        st.builds(
            lambda a, b, n: Case(
                f"={a} BEFORE/{n} ={b}", f"any(0 < j - i <= {n} for i in at('{a}') for j in at('{b}'))"
            ),
            exact,
            exact,
            st.integers(1, 4),
        ),
    ),
    lambda inner: st.one_of(
        st.builds(lambda a, b: Case(f"({a.text} {b.text})", f"({a.holds} and {b.holds})"), inner, inner),
        st.builds(lambda a, b: Case(f"({a.text} | {b.text})", f"({a.holds} or {b.holds})"), inner, inner),
        st.builds(
            lambda a, b: Case(f"({a.text} -({b.text}))", f"({a.holds} and not {b.holds})"), inner, inner
        ),
        st.builds(
            lambda a, b, c: Case(
                f"2 of ({a.text}, {b.text}, {c.text})", f"(({a.holds}) + ({b.holds}) + ({c.holds}) >= 2)"
            ),
            inner,
            inner,
            inner,
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(naive, min_size=1, max_size=5),
    st.lists(st.sampled_from(["Kim", "xi", "ZUG", "ab", "so"]), max_size=10),
)
def test_words_distances_and_signs_mean_what_a_naive_reading_says(cases: list[Case], text: list[str]) -> None:
    folded = [one.casefold() for one in text]

    def at(one: str) -> set[int]:
        return {index for index, token in enumerate(folded) if token == one}

    morphology = Morphology({})
    index = RuleIndex(morphology)
    for rule, case in enumerate(cases):
        index.add(rule, parse(case.text))
    found = index.hits(Document.of(Item(headline="", body=" ".join(text)), morphology))
    expected = [rule for rule, case in enumerate(cases) if eval(case.holds, {"at": at})]
    assert expected == found


# ---------------------------------------------------------------- what the index does beside matching


def documents(morphology: Morphology, *bodies: str, language: str = "") -> Iterator[Document]:
    for body in bodies:
        yield Document.of(Item(headline="", body=body, language=language), morphology)


class Broken(Term):
    """A term whose evaluation fails, as a bug in an operator would."""

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        return []

    def places(self, stream: Stream) -> Iterator[Place]:
        raise RuntimeError("no such thing")


def test_a_rule_that_fails_is_reported_and_the_others_go_on() -> None:
    morphology = Morphology({})
    index = RuleIndex(morphology)
    index.add(1, parse("Kim"))
    index.add(2, Broken())
    index.add(3, parse("Zug"))
    (document,) = documents(morphology, "Kim im Zug")
    assert [1, 3] == [match.rule for match in index.match(document)]
    assert [(2, "RuntimeError: no such thing")] == list(index.failures)
    index.remove(2)
    assert [1, 3] == index.hits(document)
    assert not index.failures


def test_each_rule_counts_its_candidates_and_hits() -> None:
    morphology = Morphology({})
    index = RuleIndex(morphology)
    index.add(1, parse('"Kim Zug"'))
    index.add(2, parse("Peking"))
    for document in documents(morphology, "Kim Zug", "Zug Kim", "Seoul"):
        index.match(document)
    assert {1: (2, 1), 2: (0, 0)} == dict(index.counters)


def test_a_rule_is_no_candidate_without_both_of_its_rarest_keys() -> None:
    """Wildcards and expressions are keys too: they make no other item a candidate."""
    morphology = Morphology({})
    index = RuleIndex(morphology)
    for rule, query in enumerate(
        ["Kim Zug", "*minister Kim", "/DE[0-9]{4}/", "*zins*", "source:afp Kim", "Kim (Xi | Zug)"]
    ):
        index.add(rule, parse(query))
    for document in documents(morphology, "Kim allein", "Zug allein", "DE123 Minis Zin"):
        index.match(document)
    assert {(0, 0)} == set(index.counters.values())


def test_rules_are_placed_anew_once_the_wire_is_known() -> None:
    """The longer word is thought the rarer one, until the wire says otherwise."""
    morphology = Morphology({})
    index = RuleIndex(morphology)
    index.add(1, parse("Nachrichtenagentur Yak (Meldung | Fernsehen)"))
    everyday = "Die Nachrichtenagentur bringt eine Meldung für das Fernsehen"
    (document,) = documents(morphology, everyday)
    index.match(document)
    assert 1 == index.counters[1].candidates
    for _ in range(SAMPLE + 1):
        index.match(document)
    seen = index.counters[1].candidates
    index.match(document)
    assert seen == index.counters[1].candidates
    (hit,) = documents(morphology, f"{everyday} über ein Yak")
    assert [1] == index.hits(hit)


def test_a_language_that_is_met_later_is_learned(morphology: Morphology) -> None:
    index = RuleIndex(morphology)
    index.add(1, parse("Reisen"))
    (plain,) = documents(morphology, "Eine Reise")
    (german,) = documents(morphology, "Eine Reise", language="de")
    assert not index.hits(plain)
    assert [1] == index.hits(german)
    assert not index.hits(plain)


def test_many_wildcards_come_and_go() -> None:
    """Beyond some, an automaton finds them; those that came later and those that went are minded."""
    morphology = Morphology({})
    index = RuleIndex(morphology)
    names = [f"wort{number}x" for number in range(3 * FRESH)]
    for rule, name in enumerate(names):
        index.add(rule, parse(f"{name}*"))
        (document,) = documents(morphology, f"{name}er {name}")
        assert [rule] == index.hits(document)
    for rule, name in enumerate(names[:-2]):
        index.remove(rule)
        (document,) = documents(morphology, f"{name}er")
        assert not index.hits(document)
    (document,) = documents(morphology, " ".join(names))
    assert [len(names) - 2, len(names) - 1] == index.hits(document)


def test_a_word_of_many_rules_finds_them_all() -> None:
    morphology = Morphology({})
    index = RuleIndex(morphology)
    for rule in range(500):
        index.add(rule, parse(f'="deutsche bank" + =name{rule}'))
    (document,) = documents(morphology, "Die Deutsche Bank und name7, name499")
    assert [7, 499] == index.hits(document)
    assert 2 == sum(tally.candidates for tally in index.counters.values())


def test_folding_is_the_same_for_rules_and_items(morphology: Morphology) -> None:
    for one in WORDS:
        if re.fullmatch(r"\w+", one):
            (document,) = documents(morphology, one, language="de")
            assert evaluate(parse(f"={fold(one)}"), document), one


def test_the_evidence_of_a_match_is_that_of_the_evaluation(morphology: Morphology) -> None:
    query = parse('"Kim Jong Un" + Reise -Xi')
    index = RuleIndex(morphology)
    index.add(7, query)
    (document,) = documents(morphology, "Kim Jong Un auf Auslandsreise", language="de")
    (match,) = index.match(document)
    assert (7, evaluate(query, document)) == match
