"""The term operators: each is one class with its own reading, keys and places, and one line in `OPERATORS`.

To add one: write a class with `read`, `anchors`, `places` and `__str__`, give it a `sign` if it has one,
and put it in the table at the end. The grammar, the index and the evaluator take it from there.
"""

# ruff: noqa: ARG002 - each term answers the same questions, whether it needs all that they carry or not
from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar
from unicodedata import normalize

from service.rules.document import GAP, Document, Place, Reading, Stream, surface
from service.rules.nodes import Anchor, Anchoring, Term
from service.rules.operand import (
    Operand,
    Operator,
    TermError,
    need_letters,
    nothing_to_find,
    without_star,
    written,
)
from service.rules.patterns import Regex, Wildcard, with_solid
from service.text import tokens

UNSPACED = re.compile(
    "[\u2e80-\u318f\u31a0-\u9fff\uf900-\ufaff\uff66-\uff9f\u0e01-\u0e7f\U00020000-\U0003347f]+"
)  # Han, Kana and Thai, where a phrase of adjacent tokens is a substring
INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
HANGUL = re.compile("[\uac00-\ud7a3]")


@dataclass(frozen=True, slots=True)
class Word(Term):
    """`Reise`: the word, its inflections, and compounds that contain it as a morpheme."""

    text: str

    sign: ClassVar[str] = ""

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """One token alone."""
        return cls(operand.trimmed) if len(operand.words) == 1 else None

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Its keys in every reading."""
        keys = frozenset().union(*(reading.term(self.text) for reading in anchoring.readings))
        return [_in_field(keys, field)]

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether a token shares a key with it; no position is needed for that."""
        if not field:
            keys = document.keys
            return any(key in keys for key in document.reading.term(self.text))
        return any(
            not stream.keys.isdisjoint(stream.reading.term(self.text)) for stream in document.streams(field)
        )

    def places(self, stream: Stream) -> Iterator[Place]:
        """Tokens, and hyphenated words whose solid form matches where no piece of them does."""
        return _keyed(stream, stream.reading.term(self.text), self.text, self.text)

    def __str__(self) -> str:
        return written(self.text)


@dataclass(frozen=True, slots=True)
class Phrase(Term):
    """`"Kim Jong Un"`, `K+S`: the words in that order, adjacent, each in any inflection.

    The last word also matches with an s; with a star it matches what begins so. A hyphenated word also
    matches its solid form.
    """

    text: str
    pieces: tuple[str, ...] = field(init=False, compare=False, repr=False)
    solid: str = field(init=False, compare=False, repr=False)  # "" where it is no hyphenated word

    sign: ClassVar[str] = ""

    def __post_init__(self) -> None:
        pieces = tuple(tokens.words(self.text))
        whole = (0, len(pieces) - 1)
        joined = () if self.open else tokens.joined(self.text)
        solid = next((word for first, last, word in joined if (first, last) == whole), "")
        object.__setattr__(self, "pieces", pieces)
        object.__setattr__(self, "solid", solid)

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """Two or more tokens, perhaps with a star at the end."""
        pieces = operand.words
        if len(pieces) < 2:
            return None
        if re.search(r"\*\s|\s\*", operand.text.strip()):
            raise TermError("in a phrase a * stands at the end of the last word", 'as in "Kim Jong*"')
        if not operand.text.rstrip().endswith(f"{pieces[-1]}*"):
            return cls(operand.trimmed)
        need_letters(pieces[-1])
        return cls(f"{operand.trimmed}*")

    @property
    def open(self) -> bool:
        """Whether its last word is a prefix."""
        return self.text.endswith("*")

    def _keys(self, reading: Reading) -> list[frozenset[str]]:
        """The inflection keys of each piece; a prefix has none."""
        return [reading.phrase_word(piece) for piece in self.pieces[: -1 if self.open else None]]

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """The keys of each piece, or of the solid form."""
        by_reading = [self._keys(reading) for reading in anchoring.readings]
        anchors = [frozenset().union(*keys) for keys in zip(*by_reading, strict=True)]
        if self.solid:
            keys = frozenset().union(*(reading.term(self.solid) for reading in anchoring.readings))
            anchors = [min(anchors, key=anchoring.weight) | keys]
        return [_in_field(anchor, field) for anchor in anchors]

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether it stands anywhere; the keys of the document nearly always say no."""
        if not field and not self.solid:
            keys = document.keys
            if any(keys.isdisjoint(piece) for piece in self._keys(document.reading)):
                return False
        return Term.holds(self, document, field)

    def places(self, stream: Stream) -> Iterator[Place]:
        """Runs of adjacent tokens, and tokens that are its solid form."""
        size = len(self.pieces)
        at = [_inflected(stream, keys) for keys in self._keys(stream.reading)]
        if self.open:
            stem = surface(self.pieces[-1])
            at.append(set(stream.where(lambda word: surface(word).startswith(stem))))
        how = "substring" if UNSPACED.fullmatch(self.text) else "phrase"
        for start in sorted(at[0]):
            if all(start + offset in at[offset] for offset in range(1, size)):
                yield stream.place(start, start + size - 1, self.text, how)
        if self.solid:
            yield from _keyed(stream, stream.reading.term(self.solid), self.text, self.solid)

    def __str__(self) -> str:
        return written(self.text)


@dataclass(frozen=True, slots=True)
class Proximity(Term):
    """`"Kim Peking"~8`: all the words within a span, in any order, each in any inflection."""

    text: str
    distance: int

    sign: ClassVar[str] = ""

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """Quoted words with a distance after them."""
        if operand.distance is None:
            return None
        if operand.distance < 1:
            raise TermError("a distance of at least 1 is needed")
        if len(operand.words) < 2:
            raise TermError("a distance needs two words or more", 'as in "Kim Peking"~8')
        if operand.text.endswith("*"):
            raise TermError("a wildcard does not go with a distance", "write Kim NEAR/8 Pek*")
        return cls(operand.trimmed, operand.distance)

    def _keys(self, reading: Reading) -> list[frozenset[str]]:
        return [reading.phrase_word(piece) for piece in tokens.words(self.text)]

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """The keys of each word."""
        by_reading = zip(*(self._keys(reading) for reading in anchoring.readings), strict=True)
        return [_in_field(frozenset().union(*keys), field) for keys in by_reading]

    def places(self, stream: Stream) -> Iterator[Place]:
        """The shortest spans that hold a token for each word, from left to right, without overlap."""
        at = [sorted(_inflected(stream, keys)) for keys in self._keys(stream.reading)]
        after = 0
        while all(at):
            taken = _windowed(at, after, self.distance)
            if taken is None:
                return
            yield stream.place(taken[0], taken[1], self.text, "near")
            after = taken[1] + 1

    def __str__(self) -> str:
        return f'"{self.text}"~{self.distance}'


@dataclass(frozen=True, slots=True)
class Exact(Term):
    """`=Reise`: this word form alone, or these forms adjacent, in any case."""

    text: str
    form: str = field(init=False, compare=False, repr=False)  # the surfaces, a gap between them

    sign: ClassVar[str] = "="

    def __post_init__(self) -> None:
        # Rules and the index name the same words: kept once, a rule is an eighth smaller.
        object.__setattr__(self, "form", sys.intern(GAP.join(map(surface, tokens.words(self.text)))))

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """Any words, but no wildcard."""
        return None if operand.sign != cls.sign else cls(without_star(operand).trimmed)

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Its surfaces."""
        return [_in_field(frozenset((form,)), field) for form in self.form.split(GAP)]

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether the surfaces stand in a stream; the keys nearly always say no."""
        if field:
            return any(self._within in stream.folded for stream in document.streams(field))
        form, keys = self.form, document.keys
        if form in keys or (GAP in form and keys.issuperset(form.split(GAP))):
            return f"{GAP}{form}{GAP}" in document.folded
        return False

    @property
    def _within(self) -> str:
        """The form as it stands in the folded text of a stream."""
        return f"{GAP}{self.form}{GAP}"

    def places(self, stream: Stream) -> Iterator[Place]:
        """Runs of tokens with these surfaces."""
        folded, form = stream.folded, self._within
        size, at = form.count(GAP) - 1, folded.find(form)
        while at >= 0:
            first = folded.count(GAP, 0, at)  # each token before it has one gap in front
            yield stream.place(first, first + size - 1, self.text, "exact")
            at = folded.find(form, at + 1)

    def __str__(self) -> str:
        return f"={written(self.text)}"


@dataclass(frozen=True, slots=True)
class ExactCase(Term):
    """`==WHO`: this form in this case, compared after NFC, without folding."""

    text: str

    sign: ClassVar[str] = "=="

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """Any words, but no wildcard."""
        return None if operand.sign != cls.sign else cls(without_star(operand).trimmed)

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Its surfaces."""
        return [_in_field(frozenset((surface(word),)), field) for word in tokens.words(self.text)]

    def places(self, stream: Stream) -> Iterator[Place]:
        """Runs of tokens with these letters."""
        at: dict[str, list[int]] = {_composed(word): [] for word in tokens.words(self.text)}
        for word, indices in stream.positions.items():
            if (form := _composed(word)) in at:
                at[form] += indices
        return _runs(stream, [at[_composed(word)] for word in tokens.words(self.text)], self.text)

    def __str__(self) -> str:
        return f"=={written(self.text)}"


def _composed(word: str) -> str:
    return normalize("NFC", INVISIBLE.sub("", word))


def _in_field(keys: Iterable[str], field: str) -> Anchor:
    """Keys as the index has them: those of an author's name are apart from those of the text."""
    return frozenset(f"author:{key}" for key in keys) if field == "author" else frozenset(keys)


def _inflected(stream: Stream, keys: Iterable[str]) -> set[int]:
    """The tokens with one of these inflection keys."""
    return {index for key in keys for index in stream.inflected.get(key, ())}


def _keyed(stream: Stream, keys: frozenset[str], term: str, word: str) -> Iterator[Place]:
    """The tokens and solid forms with one of these keys, and how they came to it."""
    table = stream.reading.keys
    own = surface(word)

    def how(token: str) -> str:
        if surface(token) == own:
            return "exact"
        if not keys.isdisjoint(stream.reading.inflections(token)) or HANGUL.match(token):
            return "inflection"
        return "compound"

    if keys.isdisjoint(stream.keys):
        return iter(())
    single = sorted({index for key in keys for index in stream.keyed.get(key, ())})
    return with_solid(stream, single, lambda token: not keys.isdisjoint(table[token]), how, term)


def _runs(stream: Stream, at: list[list[int]], term: str) -> Iterator[Place]:
    """Where tokens of each list stand side by side."""
    front, *rest = map(set, at)
    for start in sorted(front):
        if all(start + offset in where for offset, where in enumerate(rest, 1)):
            yield stream.place(start, start + len(rest), term, "exact")


def _windowed(at: list[list[int]], after: int, distance: int) -> tuple[int, int] | None:
    """The next shortest span, from `after` on, that holds an index of each list; None: there is none."""
    while True:
        heads = []
        for number, where in enumerate(at):
            # A word that stands twice in the term needs two tokens.
            index = bisect_left(where, after) + at[:number].count(where)
            if index >= len(where):
                return None
            heads.append(where[index])
        first, last = min(heads), max(heads)
        if last - first <= distance:
            return first, last
        after = first + 1


# Asked in this order; the first that reads an operand has it. Signs of one another's beginning are told
# apart by the grammar, which tries the longest first.
OPERATORS: tuple[type[Operator], ...] = (ExactCase, Exact, Regex, Proximity, Wildcard, Phrase, Word)
SIGNS = sorted({kind.sign for kind in OPERATORS if kind.sign}, key=len, reverse=True)


def term(operand: Operand) -> Term:
    """The term that an operand means; raises TermError."""
    for kind in OPERATORS:
        if (found := kind.read(operand)) is not None:
            return found
    raise nothing_to_find(operand.text)
