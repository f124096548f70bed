"""Terms by pattern: wildcards on folded words, regular expressions on the original text, values of fields."""

# ruff: noqa: ARG002 - each term answers the same questions, whether it needs all that they carry or not
from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import re2

from service.model import Evidence
from service.rules.document import GAP, Document, Place, Stream, surface
from service.rules.nodes import Anchor, Anchoring, Term
from service.rules.operand import (
    KEYWORD,
    KNOWN_FIELD,
    QUOTES,
    Operand,
    TermError,
    need_letters,
    starred,
    written,
)
from service.text import tokens
from service.text.fold import fold

REGEX_BYTES = 1 << 20  # of memory for one compiled expression; what needs more is refused
SURROGATE = re.compile("[\ud800-\udfff]")

URGENCY = re.compile(r"(<=|>=|<|>|)([1-9])")
COMPARISONS = {"": operator.eq, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
LANGUAGE = re.compile(r"[A-Za-z]{2,3}")
PLAIN_VALUE = re.compile(rf"(?:[\w/.:#$€&]|[<>]=?(?=\d))[^\s(),{QUOTES}]*")


@dataclass(frozen=True, slots=True)
class Wildcard(Term):
    """`Nordkorea*`, `*minister`, `*zins*`: a word that begins, ends or goes on so."""

    text: str

    sign: ClassVar[str] = ""

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """A star at the start or the end of one word."""
        text = " ".join(operand.text.split())
        stem = text.strip("*")
        if "*" not in text or (operand.quoted and not starred(text)):
            return None
        if "*" in stem or "**" in text:
            raise TermError(
                "a * stands at the start or the end of a word", "as in Nordkorea*, *minister, *zins*"
            )
        words = tokens.words(stem)
        if len(words) > 1 and not text.startswith("*"):
            return None  # a phrase whose last word is a prefix
        if len(words) > 1:
            raise TermError("a * at the start goes with a single word", "as in *minister")
        need_letters(stem)
        front, back = text.startswith("*"), text.endswith("*")
        return cls(f"{'*' * front}{words[0]}{'*' * back}")

    @property
    def pattern(self) -> str:
        """Its folded form with its stars, as the presearch keys it."""
        stem = surface(self.text.strip("*"))
        return f"{'*' * self.text.startswith('*')}{stem}{'*' * self.text.endswith('*')}"

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """The pattern itself; the index says which patterns an item holds."""
        return [frozenset(("author:",) if field == "author" else (self.pattern,))]

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether it fits anywhere; most often the folded text alone tells."""
        return (not field and needle(self.pattern) in document.folded) or Term.holds(self, document, field)

    def places(self, stream: Stream) -> Iterator[Place]:
        """Tokens, and solid forms of hyphenated words where no piece of them fits."""
        sought = needle(self.pattern)

        def fits(word: str) -> bool:
            return sought in f"{GAP}{surface(word)}{GAP}"

        single = stream.where(fits) if sought in stream.folded else []
        return with_solid(stream, single, fits, lambda _: "wildcard", self.text)

    def __str__(self) -> str:
        return written(self.text) if self.text[0] != "*" else self.text


@dataclass(frozen=True, slots=True)
class Regex(Term):
    r"""`/DE[0-9A-Z]{10}/`: an RE2 regular expression on the original text of a field.

    `\w`, `\d` and `\b` know ASCII alone, as RE2 has it; letters of all scripts are `\pL`.
    """

    pattern: str

    sign: ClassVar[str] = "/"

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """Whatever RE2 takes, if it needs at least one character."""
        if operand.sign != cls.sign:
            return None
        try:
            compiled = compiled_regex(operand.text)
        except re2.error as error:
            raise TermError(
                f"not a regular expression of RE2: {_said(error)}", _re2_hint(operand.text)
            ) from error
        if compiled.search("") is not None:
            raise TermError("a regular expression that matches the empty text would hit every item")
        return cls(operand.text)

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """The expression itself; the index says which ones an item holds."""
        return [frozenset(("author:",) if field == "author" else (str(self),))]

    def spans(self, stream: Stream) -> Iterator[tuple[int, int]]:
        """The characters of each match; an empty one, as of a word boundary, is none."""
        found = compiled_regex(self.pattern).finditer(encodable(stream.text))
        return (match.span() for match in found if match.end() > match.start())

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether it matches any stream; needs no tokens."""
        return any(True for stream in document.streams(field) for _ in self.spans(stream))

    def places(self, stream: Stream) -> Iterator[Place]:
        """Its matches from left to right, without overlap."""
        return (stream.around(start, end, str(self), "regex") for start, end in self.spans(stream))

    def __str__(self) -> str:
        return f"/{self.pattern}/"


@dataclass(frozen=True, slots=True)
class Value(Term):
    """`source:dpa`, `url:politik`, `urgency:<=3`: what a field by value holds, folded.

    A web address is compared by substring, urgency as a number, all else as a whole.
    """

    field: str
    text: str

    @classmethod
    def of(cls, field: str, text: str) -> Value:
        """The value, checked; raises TermError."""
        text = " ".join(text.split())
        if not text:
            raise TermError(f"{field}: needs a value", "as in source:dpa, without a blank")
        if "*" in text:
            raise TermError(
                f"a wildcard does not work on {field}:", "url: is by substring, the others as a whole"
            )
        if field == "urgency" and not URGENCY.fullmatch(text):
            raise TermError("urgency is a number from 1 to 9", "as in urgency:2 or urgency:<=3")
        if field == "lang" and not LANGUAGE.fullmatch(text):
            raise TermError("a language is a code of two or three letters", "as in lang:de")
        return cls(field, text)

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """The field with its value; for an address, that there is one."""
        if self.field == "url":
            return [frozenset(("url:",))]
        if self.field == "urgency":
            return [frozenset(f"urgency:{number}" for number in range(1, 10) if self._covers(number))]
        return [frozenset((f"{self.field}:{fold(self.text)}",))]

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether the item has the value."""
        return any(True for _ in self.find(document))

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The values that it fits; of an address the part, of all else the whole."""
        for value in document.value(self.field):
            if span := self._span(value):
                how = "substring" if self.field == "url" else "value"
                yield Evidence(self.field, *span, value[slice(*span)], f"{self.field}:{self.text}", how)

    def _span(self, value: str) -> tuple[int, int] | None:
        """The characters of the value that it fits; None: it does not."""
        whole = (0, len(value))
        if self.field == "urgency":
            return whole if self._covers(int(value)) else None
        if self.field != "url":
            return whole if fold(value) == fold(self.text) else None
        start = value.lower().find(self.text.lower())
        if start >= 0:
            return start, start + len(self.text)
        # Folding changes the length: that it is there can be told, not where.
        return whole if fold(self.text) in fold(value) else None

    def places(self, stream: Stream) -> Iterator[Place]:
        """None: a value stands in no text."""
        return iter(())

    def _covers(self, urgency: int) -> bool:
        found = URGENCY.fullmatch(self.text)
        return found is not None and COMPARISONS[found[1]](urgency, int(found[2]))

    def __str__(self) -> str:
        taken = KEYWORD.fullmatch(self.text) or KNOWN_FIELD.match(self.text)
        return self.text if PLAIN_VALUE.fullmatch(self.text) and not taken else f'"{self.text}"'


def needle(pattern: str) -> str:
    """What to look for in a haystack of folded words."""
    stem = pattern.strip("*")
    return f"{'' if pattern.startswith('*') else GAP}{stem}{'' if pattern.endswith('*') else GAP}"


def haystack(keys: Iterable[str]) -> str:
    """The keys as one text in which a needle is found."""
    return GAP.join(["", *keys, ""])


@lru_cache(maxsize=1024)
def compiled_regex(pattern: str) -> re2._Regexp:
    """The compiled expression; raises re2.error. RE2 matches in linear time, whatever the pattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = REGEX_BYTES
    return re2.compile(pattern, options)


def encodable(text: str) -> str:
    """The text without lone surrogates, which have no UTF-8; characters keep their places."""
    return SURROGATE.sub("\ufffd", text)


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _re2_hint(pattern: str) -> str:
    if re.search(r"\(\?[=!<]|\\[1-9]", pattern):
        return "RE2 has no look-around and no back-reference"
    return "a / inside is written \\/"


def with_solid(
    stream: Stream, single: list[int], matches: Callable[[str], bool], how: Callable[[str], str], term: str
) -> Iterator[Place]:
    """Places of single tokens, then of hyphenated words that match only in their solid form."""
    taken = set(single)
    found = [stream.place(index, index, term, how(stream.words[index])) for index in single]
    for first, last, word in stream.solid:
        if taken.isdisjoint(range(first, last + 1)) and matches(word):
            taken.update(range(first, last + 1))
            found.append(stream.place(first, last, term, how(word)))
    return iter(sorted(found))
