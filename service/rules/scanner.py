"""The tokens of a query: signs, keywords, terms with their quotes, regular expressions.

A token runs to the next blank, quote or parenthesis, and within a count to the next comma; what is an
operator at its start is a letter like any other inside it. All that is refused raises `QueryError`.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from service.errors import QueryError
from service.rules.operand import QUOTES, Operand
from service.rules.patterns import Regex

EITHER = ("OR", "ODER")
BOTH = ("AND", "UND")
NEGATION = ("NOT", "NICHT")
DISTANCE = re.compile(r"(NEAR|BEFORE)/(.*)", re.DOTALL)
REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/", re.DOTALL)
SPAN = re.compile(r"~([0-9]{0,9})")
TOKEN = re.compile(rf"[^\s(){QUOTES}]+")
TOKEN_IN_COUNT = re.compile(rf"[^\s(),{QUOTES}]+")


class Token(NamedTuple):
    """What comes next: a sign or its keyword, "(" ")" ",", "NEAR", "end", or "" for a part; and where."""

    kind: str
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands, at least one character wide."""
        return self.start, max(self.end, self.start + 1)


class Scanner:
    """Reads a query token by token; `at` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.closers: list[str] = []  # of the parentheses around: ")" or, of a count, ","

    def next(self) -> Token:
        """The token that comes next, without taking it."""
        text = self.text
        start = self.at
        while start < len(text) and text[start].isspace():
            start += 1
        if start == len(text):
            return Token("end", start, start)
        first = text[start]
        if first in "()" or (first == "," and self.closers[-1:] == [","]):
            return Token(first, start, start + 1)
        if first in QUOTES:
            return Token("", start, start + 1)
        if first in "+-|":
            return Token(first, start, start + 1)
        end = self._run(start)
        run = text[start:end]
        if run in EITHER:
            return Token("|", start, end)
        if run in BOTH:
            return Token("+", start, end)
        if run in NEGATION:
            return Token("-", start, end)
        return Token("NEAR" if DISTANCE.fullmatch(run) else "", start, end)

    def _run(self, start: int) -> int:
        """Where the token from here ends."""
        pattern = TOKEN_IN_COUNT if self.closers[-1:] == [","] else TOKEN
        found = pattern.match(self.text, start)
        return found.end() if found else start

    def operand(self, sign: str, start: int) -> Operand:
        """The word or the quoted words from here on, with the distance after the quote."""
        text = self.text
        if text[start : start + 1] not in tuple(QUOTES):
            self.at = self._run(start)
            if self.at == start:
                self.refuse(f"nothing stands after {sign}", (start - len(sign), start), f"as in {sign}Reise")
            return Operand(sign, text[start : self.at])
        end = next((i for i in range(start + 1, len(text)) if text[i] in QUOTES), None)
        if end is None:
            self.refuse(
                "this quote is not closed", (start, start + 1), "add a quote at the end of the phrase"
            )
        self.at = end + 1
        distance = None
        if not sign and (span := SPAN.match(text, self.at)):
            if not span[1]:
                self.refuse("a distance is a number of tokens", span.span(), 'as in "Kim Peking"~8')
            self.at, distance = span.end(), int(span[1])
        return Operand(sign, text[start + 1 : end], quoted=True, distance=distance)

    def regex(self, token: Token) -> Operand:
        """What stands between two slashes; blanks, quotes and parentheses belong to it."""
        found = REGEX.match(self.text, token.start)
        if not found:
            self.refuse(
                "this regular expression is not closed",
                (token.start, token.start + 1),
                "add /, or quote the text",
            )
        self.at = found.end()
        after = self.text[self.at : self.at + 1]
        if after.strip() and after not in f"(),{QUOTES}":
            self.refuse(
                "a regular expression ends at this /", (self.at - 1, self.at), "a / inside it is written \\/"
            )
        return Operand(Regex.sign, found[1])

    def refuse(self, problem: str, span: tuple[int, int], hint: str = "") -> NoReturn:
        """Say what is wrong with the text, and where."""
        raise QueryError(problem, self.text, span, hint)
