"""Words of a text, and where they stand.

The index of a token is the coordinate that phrases and distances use; a token is a slice of the original
text. A text without ideographs, marks and joiners, which is nearly every wire item, takes a fast path.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from unicodedata import category

# Scripts written without blanks: each base character is a token, so that a term is a phrase of adjacent ones.
_UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003347f"  # Han
    "\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d"
    "\U0001aff0-\U0001b16f"  # Kana
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46"  # Thai
)
# Where a line may break, or letters join, inside one word.
_SOFT_HYPHEN = "\u00ad"
_JOINERS = f"{_SOFT_HYPHEN}\u200b-\u200d\u2060\ufeff"

_PLAIN = re.compile(r"[^\W_]+")
# The same of Latin-1: what is no letter or digit becomes a blank, which takes a quarter of the time.
_LATIN_WORDS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(256))
# Everything beyond the fast path lies in here; letters of other scripts only cost the slow path.
_SPECIAL = re.compile(
    "[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u1aff\u1cd0-\u1dff\u200b-\u200d\u2060\u20d0-\uabff\ud7b0-\uffff\U00010000-\U0010ffff]"
)

_WORDLY = re.compile(rf"\w|{_SPECIAL.pattern}")
_RUN = 16  # characters beyond Latin-1 that are judged, and remembered, at once

# A hyphen that joins words without a blank: hyphen-minus, hyphen, non-breaking hyphen, en dash.
_GLUE = frozenset("-‐‑–")
_PIECES = 4  # the longest solid form that is built: Atom-U-Boot-Bau


def words(text: str) -> list[str]:
    """The tokens of a text in their order, each a slice of it.

    A token is a maximal run of letters and digits, with the combining marks, soft hyphens and
    zero-width characters inside it; everything else parts tokens. Each base character of Han, Kana and
    Thai is a token of its own.
    """
    if _SOFT_HYPHEN in text:  # alone in Latin-1 it may stand inside a word
        return _full_pattern().findall(text)
    return _latin_words(text) or _pattern(text).findall(text)


def runs(text: str) -> list[str]:
    """The maximal runs of letters and digits in a text: its words, where a script asks for no more."""
    return _latin_words(text) or _PLAIN.findall(text)


def spans(text: str) -> list[tuple[int, int]]:
    """Where the tokens of `words(text)` stand: half-open ranges of characters, in the same order."""
    return [found.span() for found in _pattern(text).finditer(text)]


def joined(text: str) -> list[tuple[int, int, str]]:
    """The solid forms of hyphenated words: first token index, last token index, the pieces in one word.

    For each run of tokens glued by single hyphens these are all its stretches of 2 to 4 pieces, so
    that Nordkorea is found in Nord-Korea-Reise. Stretches of digits alone (2024-25) are left out.
    """
    if _GLUE.isdisjoint(text):
        return []
    places = spans(text)
    return [
        (first, last, solid)
        for start, end in _runs(text, places)
        for first in range(start, end)
        for last in range(first + 1, min(first + _PIECES, end + 1))
        if not (solid := "".join(text[a:b] for a, b in places[first : last + 1])).isdigit()
    ]


def _latin_words(text: str) -> list[str]:
    """The words of a text, if all of its letters are of Latin-1; else none."""
    try:
        plain = text.encode("latin-1", "blank-where-words-part")
    except UnicodeEncodeError:
        return []
    return plain.translate(_LATIN_WORDS).decode("latin-1").split()


def _blank_where_words_part(error: UnicodeError) -> tuple[bytes, int]:
    """Error handler of `str.encode`: a blank for quotation marks and the like; it fails at a letter."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    start, end = error.start, error.end
    if end - start > _RUN:
        end = start + _RUN
    if not _parts_words(error.object[start:end]):
        raise error
    return b" ", end


codecs.register_error("blank-where-words-part", _blank_where_words_part)


@lru_cache(maxsize=4096)
def _parts_words(run: str) -> bool:
    return not _WORDLY.search(run)


def _runs(text: str, places: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of two or more tokens with a single hyphen between them."""
    start = 0
    for index in range(1, len(places) + 1):
        if index < len(places):
            gap = text[places[index - 1][1] : places[index][0]]
            if len(gap) == 1 and gap in _GLUE:
                continue
        if start < index - 1:
            yield start, index - 1
        start = index


def _pattern(text: str) -> re.Pattern[str]:
    """The cheapest pattern that reads this text rightly."""
    return _PLAIN if text.isascii() or not _SPECIAL.search(text) else _full_pattern()


@cache
def _full_pattern() -> re.Pattern[str]:
    """Tokens of any script. Built on first need: it walks the whole of Unicode (about 0.1 s)."""
    marks = f"{_marks()}\uff9e\uff9f"  # the half-width voicing signs of Kana are marks in all but name
    letters = rf"[^\W_{_UNSPACED}\uff9e\uff9f]"
    return re.compile(rf"[{_UNSPACED}][{marks}]*|{letters}+(?:[{marks}{_JOINERS}]+{letters}+)*[{marks}]*")


def _marks() -> str:
    """All combining marks (general categories Mn and Mc) as ranges for a character class."""
    points = (point for point in range(sys.maxunicode + 1) if category(chr(point)) in {"Mn", "Mc"})
    runs = (list(run) for _, run in groupby(enumerate(points), lambda pair: pair[1] - pair[0]))
    return "".join(f"{chr(run[0][1])}-{chr(run[-1][1])}" for run in runs)
