"""What the grammar hands to a term operator, how a term is refused, and how words are written back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol

from service.rules.document import FIELDS
from service.rules.nodes import Term
from service.text import tokens

QUOTES = '"„“”«»'  # what counts as a double quote
FEWEST_LETTERS = 3  # that a wildcard must give
KEYWORD = re.compile(r"OR|ODER|AND|UND|NOT|NICHT|(?:NEAR|BEFORE)/.*", re.DOTALL)
KNOWN_FIELD = re.compile(rf"(?:{'|'.join(FIELDS)}):")
NAMED_FIELD = re.compile(rf"{KNOWN_FIELD.pattern}|[^\W\d_]+:[^\W\d_]")
BARE = re.compile(rf"[^\W_][^\s(),*{QUOTES}]*\*?")

NO_WORD = {
    "&": 'AND is +, and a name with & is quoted, as in "Procter & Gamble"',
    "&&": "AND is +",
    "||": "OR is |",
    "!": "NOT is -",
    "–": "NOT is a hyphen before its word",
}


class TermError(ValueError):
    """A term that cannot be meant: the problem, and a hint. The grammar adds the place."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


@dataclass(frozen=True, slots=True)
class Operand:
    """What stands after a sign: the text, whether it was quoted, and the distance after its quotes."""

    sign: str
    text: str
    quoted: bool = False
    distance: int | None = None

    @property
    def words(self) -> list[str]:
        """Its tokens."""
        return tokens.words(self.text)

    @property
    def trimmed(self) -> str:
        """From its first token to its last, blanks alike; raises TermError where there is none."""
        spans = tokens.spans(self.text)
        if not spans:
            raise nothing_to_find(self.text)
        return " ".join(self.text[spans[0][0] : spans[-1][1]].split())


class Operator(Protocol):
    """What the grammar knows of a term operator."""

    sign: ClassVar[str]

    @classmethod
    def read(cls, operand: Operand) -> Term | None:
        """The term, or None where the form is another operator's; raises TermError."""


def nothing_to_find(text: str) -> TermError:
    """Why a text without a letter or digit is no term."""
    hint = NO_WORD.get(text.strip(), "a sign is found by a regular expression, such as /€/")
    return TermError("there is no letter or digit to look for", hint)


def starred(text: str) -> bool:
    """Whether a star of a quoted text is a wildcard: at its end, or before its first letter."""
    stem = text.strip("*")
    return bool(stem) and (text.endswith("*") or text.startswith("*")) and stem == stem.strip()


def without_star(operand: Operand) -> Operand:
    """The operand of an exact form; raises TermError where it has a wildcard."""
    if "*" in operand.text and (not operand.quoted or starred(operand.text)):
        raise TermError("an exact form takes no wildcard", "write Reise* without the =")
    return operand


def need_letters(stem: str) -> None:
    """Raises TermError where a wildcard gives too few letters."""
    if sum(map(str.isalnum, stem)) < FEWEST_LETTERS:
        raise TermError(f"a wildcard needs at least {FEWEST_LETTERS} letters")


def written(text: str) -> str:
    """The words as a query writes them: bare where they read back as the same word, else quoted."""
    plain = BARE.fullmatch(text) and not KEYWORD.fullmatch(text) and not NAMED_FIELD.match(text)
    return text if plain else f'"{text}"'
