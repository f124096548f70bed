"""What is odd about a query that may be meant, and why a query does or does not hit an item."""

# ruff: noqa: ARG001 - the default of a dispatched function answers for what has no answer
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import singledispatch
from itertools import islice, pairwise

from service.model import Evidence
from service.rules.document import Document, Stream, surface
from service.rules.near import Near, places
from service.rules.nodes import MOST_EVIDENCE, Field, ListRef, Node, Not, Term
from service.rules.operators import Exact, ExactCase, Phrase, Proximity, Word
from service.rules.patterns import Regex, Value, Wildcard
from service.text import tokens
from service.text.fold import fold

COMMON = 0.05  # of the archive: a term that hits more of it tells little
BROAD = 5  # letters of a wildcard below which it fits very many words
NAMED = 3  # letters on both sides of a sign that make it look like an operator: Kim+Reise, not K+S
ALIKE = 0.6  # of 1, by difflib: what still counts as near

NEARNESS = frozenset({"NEAR", "BEFORE"})
KEYWORDS = frozenset({"and", "und", "or", "oder", "not", "nicht"})
STOP_WORDS = frozenset(
    tokens.words(
        """
        ab aber als am an auch auf aus bei bin bis da das dem den der des die doch du ein eine einer er es für
        hat ich ihr im in ist ja man mit nach nicht noch nun nur ob oder so um und uns vom von vor war was wer
        wie wir wird zu zum zur
        a all and any are as at be been but by can do for from had has have he her him his how i if into is it
        its me my no nor not of on one or our out she that the their them they this to too up us was we were
        what when who why will with you
        au aux avec ce de du elle en est et il la le les leur lui mais ne nous ou par pas pour que qui sa se
        ses son sur un une vous
        """
    )
)


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence about a query, and the characters of its canonical text that it is about."""

    sentence: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A part of a query on an item: whether it holds, where, or what came nearest."""

    text: str
    hit: bool
    evidence: tuple[Evidence, ...] = ()
    nearest: str = ""
    parts: tuple[Explanation, ...] = ()


# ---------------------------------------------------------------- a query alone


def lint(node: Node, frequency: Callable[[str], float | None] | None = None) -> list[Advice]:
    """What to think over before a rule is stored, in the order of the query; nothing here is refused.

    `frequency` gives the share of the archive that a term hits by itself, from its canonical text; None
    where that is not known.
    """
    text = str(node)
    advice: list[Advice] = []
    after = 0
    for part in node.walk():
        if isinstance(part, (Term, ListRef)):
            start = text.index(str(part), after)
            after = start + len(str(part))
            sentences = [*_of_form(part), *(_of_frequency(part, frequency) if frequency else ())]
            advice += [Advice(sentence, (start, after)) for sentence in sentences]
    return advice


@singledispatch
def _of_form(term: Node) -> Iterator[str]:
    """What the form of a term alone tells."""
    yield from ()


@_of_form.register
def _of_word(term: Word) -> Iterator[str]:
    folded = fold(term.text)
    if term.text in NEARNESS:
        yield f"{term.text} is looked for as a word; the operator says how near: {term.text}/8"
    elif term.text in KEYWORDS:
        yield f"{term.text} is looked for as a word; the operator is written {term.text.upper()}"
    elif term.text != folded and folded in STOP_WORDS:
        yield f"{term.text} also hits the common word {folded}; write =={term.text} for these letters alone"
    elif folded in STOP_WORDS:
        yield f"{term.text} is one of the commonest words, and hits nearly every item"


@_of_form.register
def _of_phrase(term: Phrase) -> Iterator[str]:
    if found := re.search(rf"[^\W_]{{{NAMED},}}([+|])[^\W_]{{{NAMED},}}", term.text):
        apart = re.sub(r"\s*[+|]\s*", f" {found[1]} ", term.text)
        yield f"{term.text} is read as one name; for two terms put blanks around the sign: {apart}"
    for word in sorted(NEARNESS & set(term.text.split())):
        yield f"{word} is looked for as a word; the operator says how near: {word}/8"
    if re.fullmatch(r"(?:near|before)/[0-9]+", term.text):
        yield f"{term.text} is looked for as words; the operator is written {term.text.upper()}"


@_of_form.register
def _of_wildcard(term: Wildcard) -> Iterator[str]:
    if len(term.text.strip("*")) < BROAD:
        yield f"{term.text} is broad: with so few letters it fits very many words"


@_of_form.register
def _of_regex(term: Regex) -> Iterator[str]:
    if re.search(r"\\[wWbB]", term.pattern):
        yield rf"\w and \b know no letters beyond ASCII in {term}; any letter is \pL"


def _of_frequency(term: Node, frequency: Callable[[str], float | None]) -> Iterator[str]:
    """What the archive tells of a term."""
    share = frequency(str(term))
    if share is None:
        return
    if share > COMMON:
        yield f"{term} hits {share:.0%} of the archive"
    elif not share:
        yield f"{term} never occurred in the archive"


# ---------------------------------------------------------------- a query on an item


def explain(query: Node, document: Document, language: str = "") -> Explanation:
    """Each part of the query: whether it holds for the item, where, and if not what came nearest."""
    return _explain(query, document.read_as(language), "")


def _explain(node: Node, document: Document, field: str) -> Explanation:
    hit = node.holds(document, field)
    evidence = tuple(dict.fromkeys(node.find(document, field))) if hit else ()
    inner = node.name if isinstance(node, Field) else field
    below = node.parts()
    if isinstance(node, ListRef):  # a list may be long: what hits is of interest
        below = tuple(entry for entry in node.entries.parts() if entry.holds(document, inner))
    parts = tuple(_explain(part, document, inner) for part in below)
    nearest = "" if hit else _nearest(node, document, field)
    if isinstance(node, Not) and not hit:
        # What is there, and should not be, is the reason.
        evidence = tuple(dict.fromkeys(node.part.find(document, field)))
    return Explanation(str(node), hit, evidence, nearest, parts)


@singledispatch
def _nearest(node: Node, document: Document, field: str) -> str:
    """What in the item comes nearest to a part that does not hold; "" where nothing does."""
    return ""


@_nearest.register(Word)
@_nearest.register(Wildcard)
@_nearest.register(Phrase)
@_nearest.register(Proximity)
@_nearest.register(Exact)
@_nearest.register(ExactCase)
def _nearest_words(
    node: Word | Wildcard | Phrase | Proximity | Exact | ExactCase, document: Document, field: str
) -> str:
    """The word that is spelled most alike, for each that is missing; else that they stand apart."""
    streams = document.streams(field)
    pieces = tokens.words(node.text)
    missing = [piece for piece in pieces if not any(_stands(piece, stream) for stream in streams)]
    if len(pieces) > 1 and not missing:
        return "the words are there, but not together"
    alike = (_alike(piece, streams) for piece in missing or pieces)
    return ", ".join(dict.fromkeys(filter(None, alike)))


@_nearest.register
def _nearest_value(node: Value, document: Document, _field: str) -> str:
    return ", ".join(document.value(node.field))


@_nearest.register
def _nearest_distance(node: Near, document: Document, field: str) -> str:
    """How near the operands come to each other, where they all are in one field."""
    for stream in document.streams(field):
        found = [list(islice(places(member, stream), MOST_EVIDENCE)) for member in node.members]
        if all(found):
            gaps = [
                min(max(b.first - a.last, a.first - b.last) for a in left for b in right)
                for left, right in pairwise(found)
            ]
            return f"{' and '.join(map(str, gaps))} tokens apart in {stream.name}"
    return ""


def _stands(piece: str, stream: Stream) -> bool:
    keys = stream.reading.phrase_word(piece)
    return any(key in stream.inflected for key in keys)


def _alike(piece: str, streams: tuple[Stream, ...]) -> str:
    """The word of the item that is spelled most like a piece: what contains it first, else the closest."""
    words = {surface(word): word for stream in streams for word in stream.positions}
    own = surface(piece)
    holding = [form for form in words if own in form]
    close = min(holding, key=len, default="") or next(iter(get_close_matches(own, words, 1, ALIKE)), "")
    return words.get(close, "")
