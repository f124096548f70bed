"""The part of a text that shows why a rule hit, and what changed between two versions; pure.

Both answer with `Piece`s: stretches of the original text, each with its mark. Whoever writes a message
escapes every piece first and puts the mark around it then, so that a text cannot forge one. Places come
from the evidence of the matcher; nothing is searched again here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from service.deliver.dialect import clean
from service.model import Evidence

WINDOW = 240  # characters of an excerpt: three lines of a mail on a phone
GRACE = 0.25  # how much longer it may grow for the sake of a whole sentence
CONTEXT = 8  # unchanged words kept on each side of a change
LONGEST_CHANGE = 160  # pieces of a difference that are shown; a rewritten text is shown by its beginning

# A sentence ends at a stop before white space and a capital, a quote or a number; not after a number or a
# single letter, since "am 3. Oktober" and "J. Smith" go on.
SENTENCE_END = re.compile(r"(?<![\s.]\w)(?<!\d)[.!?…][\"»“”’)]*\s+(?=[\"»„“‘(]?[A-ZÄÖÜ0-9])|\n\s*\n")
WORD = re.compile(r"\S+|\s+")


class Mark(StrEnum):
    """Why a piece stands out."""

    NONE = ""
    HIT = "hit"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, without control characters, with its mark."""

    text: str
    mark: Mark = Mark.NONE


def marked(text: str, evidence: Iterable[Evidence]) -> tuple[Piece, ...]:
    """All of `text` with the places of the evidence marked; places beyond its end are cut."""
    return _cut(text, 0, len(text), _spans(text, evidence))


def excerpt(text: str, evidence: Iterable[Evidence], window: int = WINDOW) -> tuple[Piece, ...]:
    """About `window` characters of `text` around the densest evidence, its places marked.

    It begins and ends with a sentence where one ends nearby, else with a word and an ellipsis. Without
    evidence in this text it is the beginning.
    """
    spans = _spans(text, evidence)
    first, last = _densest(spans, window)
    start, end = _edges(text, first, last, window)
    pieces = list(_cut(text, start, end, spans))
    if pieces and text[:start].strip() and not _begins_sentence(text, start):
        pieces.insert(0, Piece("… "))
    if pieces and text[end:].strip() and not _ends_sentence(text, end):
        pieces.append(Piece(" …"))
    return tuple(pieces)


def difference(before: str, after: str) -> tuple[Piece, ...]:
    """`after` with the words that are new, and those that are gone, marked; unchanged stretches shortened.

    Empty where the two say the same.
    """
    if before.split() == after.split():
        return ()
    pieces: list[Piece] = []
    old_parts, new_parts = _paragraphs(before), _paragraphs(after)
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old_parts, new_parts, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if pieces:
            pieces.append(Piece(" "))
        pieces += _words(" ".join(old_parts[i1:i2]), " ".join(new_parts[j1:j2]))
        if len(pieces) > LONGEST_CHANGE:
            return (*pieces[:LONGEST_CHANGE], Piece(" …"))
    return tuple(pieces)


def _spans(text: str, evidence: Iterable[Evidence]) -> list[tuple[int, int]]:
    """The places as disjoint ranges within the text, in order."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(e.start, 0), min(e.end, len(text))) for e in evidence):
        if end <= start:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _densest(spans: Sequence[tuple[int, int]], window: int) -> tuple[int, int]:
    """From the first to the last place of the group with the most places in one window; the earliest such."""
    best = (0, 0)
    most = 0
    for i, (start, _) in enumerate(spans):
        group = [end for _, end in spans[i:] if end <= start + window] or [spans[i][1]]
        if len(group) > most:
            most, best = len(group), (start, group[-1])
    return best


def _edges(text: str, first: int, last: int, window: int) -> tuple[int, int]:
    """Where an excerpt that must hold `first` to `last` begins and ends."""
    spare, grace = max(window - (last - first), 0), int(window * GRACE)
    ends = [match.end() for match in SENTENCE_END.finditer(text, max(first - window, 0), first)]
    begins = ends[-1] if ends else 0
    start = begins if first - begins <= spare + grace else _word_start(text, first - spare // 2, first)
    reach = max(start + window, last)
    if len(text) <= reach + grace:
        return start, len(text)
    stops = [match.start() + 1 for match in SENTENCE_END.finditer(text, last, reach + grace)]
    # A sentence that would leave most of the window empty is no better than a cut.
    if stops and stops[-1] - start >= window // 2:
        return start, stops[-1]
    return start, _word_end(text, last, reach)


def _word_start(text: str, at: int, latest: int) -> int:
    space = re.compile(r"\s+").search(text, at, latest)
    return space.end() if space else at


def _word_end(text: str, earliest: int, at: int) -> int:
    spaces = list(re.compile(r"\s+").finditer(text, earliest, at))
    return spaces[-1].start() if spaces else at


def _begins_sentence(text: str, at: int) -> bool:
    return any(match.end() == at for match in SENTENCE_END.finditer(text, max(at - 8, 0), at + 2))


def _ends_sentence(text: str, at: int) -> bool:
    return text[:at].rstrip('"»“”’) \n')[-1:] in {".", "!", "?", "…"}


def _cut(text: str, start: int, end: int, spans: Sequence[tuple[int, int]]) -> tuple[Piece, ...]:
    """The text from `start` to `end` in pieces, white space at the edges dropped."""
    pieces: list[Piece] = []
    at = start
    for left, right in spans:
        left, right = max(left, start), min(right, end)  # noqa: PLW2901 - the part that is inside
        if right <= left:
            continue
        pieces += [Piece(_flat(text[at:left])), Piece(_flat(text[left:right]), Mark.HIT)]
        at = right
    pieces.append(Piece(_flat(text[at:end])))
    return _trim(pieces)


def _flat(text: str) -> str:
    """On one line: any run of white space is one blank."""
    return re.sub(r"\s+", " ", clean(text))


def _trim(pieces: list[Piece]) -> tuple[Piece, ...]:
    full = [piece for piece in pieces if piece.text]
    if full:
        full[0] = Piece(full[0].text.lstrip(), full[0].mark)
        full[-1] = Piece(full[-1].text.rstrip(), full[-1].mark)
    return tuple(piece for piece in full if piece.text)


def _paragraphs(text: str) -> list[str]:
    return [_flat(part).strip() for part in text.split("\n\n") if part.strip()]


def _words(before: str, after: str) -> list[Piece]:
    """One changed stretch, word by word."""
    old, new = before.split(), after.split()
    pieces: list[Piece] = []
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for number, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag == "equal":
            kept = _shorten(new[j1:j2], first=number == 0, last=number == len(codes) - 1)
            pieces.append(Piece(kept))
        if i2 > i1 and tag != "equal":
            pieces.append(Piece(" ".join(old[i1:i2]), Mark.REMOVED))
        if j2 > j1 and tag != "equal":
            pieces.append(Piece(" ".join(new[j1:j2]), Mark.ADDED))
    return _spaced(pieces)


def _shorten(words: list[str], *, first: bool, last: bool) -> str:
    """Unchanged words: only those next to a change."""
    if first and len(words) > CONTEXT:
        return "… " + " ".join(words[-CONTEXT:])
    if last and len(words) > CONTEXT:
        return " ".join(words[:CONTEXT]) + " …"
    if len(words) > 2 * CONTEXT:
        return " ".join(words[:CONTEXT]) + " … " + " ".join(words[-CONTEXT:])
    return " ".join(words)


def _spaced(pieces: list[Piece]) -> list[Piece]:
    """A blank between pieces, outside the marks."""
    spaced: list[Piece] = []
    for piece in pieces:
        if spaced:
            spaced.append(Piece(" "))
        spaced.append(piece)
    return spaced
