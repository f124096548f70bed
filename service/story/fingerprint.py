"""What a text is known by: its normal words, a hash of all of them, and a few of its shingles.

A shingle is four words in a row. Copies of a wire story share most of theirs, whatever a portal cuts away
or adds; a teaser shares its own with the beginning of the story. So the store keeps the opening shingles of
every text and a sample of the rest, finds candidates by them, and whole texts are compared then, see
`story.containment`.

Sources: Broder, "On the resemblance and containment of documents", SEQUENCES 1997 (shingles, containment,
sampling by the hash modulo m); Silcock et al., "Noise-robust de-duplication at scale", arXiv 2210.04261
(what survives of a wire story in its reprints).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from sys import getsizeof
from zlib import crc32

from service.model import Item
from service.story import marks
from service.text.fold import fold
from service.text.tokens import words

SHINGLE = 4  # words
OPENING = 24  # shingles of the body that are always kept: teasers lie there
MIDDLE = 200  # shingles: up to here the sample is denser, so that short texts have enough of one
SAMPLING = 8, 16  # of the other shingles one of so many is kept, in the middle and behind it
SHORT = 12  # words: a body below it says too little without its headline
MOST_KEPT = 600  # fingerprints of one item, however long
BITMAP = 2048  # bits: a text of 300 words marks some 280 of them
RECENT = 2  # texts that are kept ready: the names of an item and its sketch ask for the same one in turn


# ---------------------------------------------------------------- the normal text

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
# "BERLIN/PJÖNGJANG (dpa-AFX) - ", "LONDON, Sept 2 (Reuters) - ", "SEOUL (AP) _ "
_DATELINE = re.compile(r"\A\s*(?:[^\W\d_][^\n()]{0,60} )?\([A-Za-z][A-Za-z0-9 ./&-]{1,24}\) ?[-–—_:] ?")
_STAMP = re.compile(  # a line that is nothing but a date, and a time of day: "Di, 02.09.2025, 05:24 Uhr"
    r"(?:\w{2,12},? )?\d{1,2}[./-] ?\w{1,9}[./-]? ?\d{2,4},?(?: \d{1,2}[:.]\d{2}(?: Uhr| ?[ap]m)?)?"
)
_LONGEST_STAMP = 50  # characters
_CREDIT = re.compile(  # a letter first, then the look back: it is found six times as fast
    r"d(?<!\wd)pa:\d{6}-\d{2,3}-\d{3,6}/\d{1,2}\b|"
    r"\((?:dpa(?:-AFX)?|AFP|Reuters|AP|APA|sda|epd|KNA|Bloomberg)(?:/[A-Za-z-]{2,12}){0,4}\)"
)
# What stands behind the last sentence: "… mehr", "/fkr/DP/zb", "© 2025 dpa GmbH".
_CLOSING = re.compile(
    r"(?:\[?(?:…|\.\.\.)\]?|(?:/ ?)?\bmehr\b|"
    r"\b(?:[Mm]ehr lesen|[Ww]eiterlesen|[Ll]esen Sie (?:hier )?(?:mehr|weiter)|[Rr]ead (?:more|on)|"
    r"[Cc]ontinue reading|[Ll]ire la suite)|(?:/[A-Za-z0-9]{2,4}){2,4}|"
    r"(?:©|\([cC]\)|Copyright)[^\n]{0,60})[\s>»→.]*\Z"
)
_CLOSING_CHARACTERS = 100  # how far from the end such a thing begins


@dataclass(frozen=True, slots=True)
class Text:
    """The words of an item, folded, without what changes on the way of a copy."""

    headline: tuple[str, ...]
    body: tuple[str, ...]

    @property
    def whole(self) -> tuple[str, ...]:
        """Headline and body."""
        return self.headline + self.body

    @property
    def told(self) -> tuple[str, ...]:
        """What the item tells: the body, with the headline only where the body is short.

        Portals write headlines of their own over the agency's text.
        """
        return self.body if len(self.body) >= SHORT else self.whole


def normal(item: Item) -> Text:
    """The normal text: without marks, dateline, credits, sign-off, addresses, stamps and "read more"."""
    return _normal(item.headline, item.body, item.agency)


@lru_cache(maxsize=RECENT)
def _normal(headline: str, body: str, agency: str) -> Text:
    body = _without_noise(body)
    return Text(tuple(words(fold(marks.bare(headline, agency)))), tuple(words(fold(_unclosed(body)))))


def _without_noise(body: str) -> str:
    """The text without what changes on the way of a copy; each pattern is tried only where it may match."""
    if "://" in body or "www." in body:
        body = _ADDRESS.sub(" ", body)
    if framed := _DATELINE.match(body):
        body = f" {body[framed.end() :]}"
    lines = body.split("\n")
    if any(map(_is_stamp, lines)):
        body = "\n".join(" " if _is_stamp(line) else line for line in lines)
    return _CREDIT.sub(" ", body) if "(" in body or "dpa:" in body else body


def _is_stamp(line: str) -> bool:
    return 0 < len(line) <= _LONGEST_STAMP and bool(_STAMP.fullmatch(line))


def _unclosed(body: str) -> str:
    """The text without what a desk or a portal put behind its last sentence."""
    text = body.rstrip()
    for _ in range(3):  # a sign-off, a copyright and a "read more"
        start = max(0, len(text) - _CLOSING_CHARACTERS)
        if not (closing := _CLOSING.search(text, start)):
            break
        text = text[: closing.start()].rstrip()
    return text


def text_hash(item: Item) -> int:
    """A signed 64-bit hash of what the item tells; 0, which is equal to nothing, where it tells nothing."""
    return sketch(item).hash


def digest(*parts: str) -> int:
    """The first eight bytes of BLAKE2b over the parts, as the signed integer that databases store."""
    hashed = blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(hashed, "big", signed=True)


# ---------------------------------------------------------------- shingles


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What a text is found and compared by, in some two kilobytes: its shingles as CRC-32, each once."""

    headline: str  # words parted by blanks
    figures: (
        str  # what the item tells, where it has a number: nothing else of a text is compared by its words
    )
    hash: int  # of what the item tells, see `text_hash`
    length: int  # words of the body
    told_length: int  # words of what the item tells
    shingles: array[int]  # those of the body in their order, then those of the headline alone
    told_shingles: int  # how many of them, from the first, are of what the item tells
    bits: int  # the shingles as a bitmap, each at its number modulo the length of that
    kept: array[int]  # those under which the store finds it, see `fingerprints`

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return _FRAME + sum(
            map(getsizeof, (self.headline, self.figures, self.shingles, self.bits, self.kept))
        )

    @property
    def told(self) -> array[int]:
        """The shingles of what the item tells, see `Text.told`."""
        return self.shingles[: self.told_shingles]


_FRAME = 350  # bytes of a sketch without texts and shingles: its numbers, and its place among others


def fingerprints(item: Item) -> Sequence[int]:
    """The shingles under which the store finds an item: about 55 for a story of 300 words, at most 600.

    These are those of the headline, the opening of the body, and a sample of the rest; four bytes each, so
    that a row of the store stays short. A collision costs a look at a candidate, never a wrong link:
    whole texts are compared.
    """
    return sketch(item).kept


def sketch(item: Item) -> Sketch:
    """The normal text of an item with its shingles: all that comparing it takes."""
    text = normal(item)
    head, run = _shingled(text.headline), _shingled(text.body)
    if not head and not run:  # a flash of a few words, cut in two by headline and body
        head = _shingled(text.whole)
    shingles = dict.fromkeys(run)
    of_body = len(shingles)
    shingles.update(dict.fromkeys(head))
    told = text.told
    joined = " ".join(told)
    return Sketch(
        headline=" ".join(text.headline),
        figures=joined if any(map(str.isdecimal, told)) else "",
        hash=digest(joined) if told else 0,
        length=len(text.body),
        told_length=len(told),
        shingles=array("I", shingles),
        told_shingles=of_body if len(text.body) >= SHORT else len(shingles),
        bits=_bitmap(shingles),
        kept=_kept(head, run),
    )


def _kept(head: Sequence[int], run: Sequence[int]) -> array[int]:
    kept = [*head, *run[:OPENING]]
    for part, sampling in zip((run[OPENING:MIDDLE], run[MIDDLE:]), SAMPLING, strict=True):
        kept += [h for h in part if h % sampling == 0]
    return array("I", dict.fromkeys(kept[:MOST_KEPT]))


def _bitmap(shingles: Iterable[int]) -> int:
    one, bits = ord("1"), bytearray(b"0" * BITMAP)
    for h in shingles:
        bits[h % BITMAP] = one
    return int(bits, 2)


def _shingled(run: Sequence[str]) -> list[int]:
    encoded = " ".join(run).encode("utf-8", "replace").split(b" ")
    in_a_row = zip(*(encoded[start:] for start in range(SHINGLE)), strict=False)
    return list(map(crc32, map(b" ".join, in_a_row)))
