"""What a text is known by: its normal words, a hash of all of them, and a few of its shingles.

A shingle is four words in a row. Copies of a wire story share most of theirs, whatever a portal cuts away
or adds; a teaser shares its own with the beginning of the story. So the store keeps the opening shingles of
every text and a sample of the rest, finds candidates by them, and `containment` then compares whole texts.

Sources: Broder, "On the resemblance and containment of documents", SEQUENCES 1997 (shingles, containment,
sampling by the hash modulo m); Silcock et al., "Noise-robust de-duplication at scale", arXiv 2210.04261
(what survives of a wire story in its reprints).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from math import fsum
from zlib import crc32

from service.model import Item, Link
from service.story import marks
from service.story.figures import Figures, compare
from service.text.fold import fold
from service.text.tokens import words

SHINGLE = 4  # words
OPENING = 24  # shingles of the body that are always kept: teasers lie there
MIDDLE = 200  # shingles: up to here the sample is denser, so that short texts have enough of one
SAMPLING = 8, 16  # of the other shingles one of so many is kept, in the middle and behind it
SHORT = 12  # words: a body below it says too little without its headline
COMMON = 6  # items: a shingle in more of them than a story has copies is boilerplate
MOST_KEPT = 600  # fingerprints of one item, however long
LEAST_SHARED = 4  # shingles: less in common is chance, or a quotation
THRESHOLD = 0.6  # of the smaller text, by weight
TEASER = 0.5  # words of the smaller text over words of the larger
RECENT = 32  # texts that are kept ready: identity, hash and fingerprints ask for the same one in turn


# ---------------------------------------------------------------- the normal text

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
# "BERLIN/PJÖNGJANG (dpa-AFX) - ", "LONDON, Sept 2 (Reuters) - ", "SEOUL (AP) _ "
_DATELINE = re.compile(r"\A\s*(?:[^\W\d_][^\n()]{0,60} )?\([A-Za-z][A-Za-z0-9 ./&-]{1,24}\) ?[-–—_:] ?")
_STAMP = re.compile(  # a line that is nothing but a date, and a time of day: "Di, 02.09.2025, 05:24 Uhr"
    r"(?:\w{2,12},? )?\d{1,2}[./-] ?\w{1,9}[./-]? ?\d{2,4},?(?: \d{1,2}[:.]\d{2}(?: Uhr| ?[ap]m)?)?"
)
_LONGEST_STAMP = 50  # characters
_CREDIT = re.compile(
    r"\bdpa:\d{6}-\d{2,3}-\d{3,6}/\d{1,2}\b|"
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
    """What a text is found and compared by, in some four kilobytes: normal words, shingles as CRC-32."""

    headline: str  # words parted by blanks
    body: str
    length: int  # words of the body
    hash: int  # of what the item tells, see `text_hash`
    head: array[int]  # the shingles of the headline
    run: array[int]  # the shingles of the body, in their order
    kept: array[int]  # those under which the store finds it, see `fingerprints`

    @property
    def told(self) -> str:
        """What the item tells, see `Text.told`."""
        return self.body if self.length >= SHORT else f"{self.headline} {self.body}".strip()

    @property
    def told_length(self) -> int:
        """The same in words."""
        return self.length if self.length >= SHORT else len(self.told.split())


def fingerprints(item: Item) -> Sequence[int]:
    """The shingles under which the store finds an item: about 55 for a story of 300 words, at most 600.

    These are those of the headline, the opening of the body, and a sample of the rest; four bytes each, so
    that a row of the store stays short. A collision costs a look at a candidate, never a wrong link:
    whole texts are compared.
    """
    return sketch(item).kept


def sketch(item: Item) -> Sketch:
    """The normal text of an item with its shingles: all that comparing it takes."""
    return _sketch(normal(item))


@lru_cache(maxsize=RECENT)
def _sketch(text: Text) -> Sketch:
    head, run = _shingled(text.headline), _shingled(text.body)
    if not head and not run:  # a flash of a few words, cut in two by headline and body
        head = _shingled(text.whole)
    return Sketch(
        headline=" ".join(text.headline),
        body=" ".join(text.body),
        length=len(text.body),
        hash=digest("text", *text.told) if text.told else 0,
        head=head,
        run=run,
        kept=_kept(head, run),
    )


def _kept(head: array[int], run: array[int]) -> array[int]:
    kept = [*head, *run[:OPENING]]
    for part, sampling in zip((run[OPENING:MIDDLE], run[MIDDLE:]), SAMPLING, strict=True):
        kept += [h for h in part if h % sampling == 0]
    return array("I", dict.fromkeys(kept[:MOST_KEPT]))


def _shingled(run: Sequence[str]) -> array[int]:
    joined = " ".join(run).encode("utf-8", "replace")
    starts = list(accumulate(map(len, run), lambda start, length: start + length + 1, initial=0))
    if starts[-1] != len(joined) + 1:  # words beyond ASCII
        encoded = (word.encode("utf-8", "replace") for word in run)
        starts = list(accumulate((len(word) + 1 for word in encoded), initial=0))
    return array("I", [crc32(joined[a : b - 1]) for a, b in zip(starts, starts[SHINGLE:], strict=False)])


@lru_cache(maxsize=RECENT)
def _told(text: Sketch) -> frozenset[int]:
    """The shingles of what the item tells."""
    return frozenset(text.run if text.length >= SHORT else text.run + text.head)


# ---------------------------------------------------------------- the comparison


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much of the smaller text stands in the larger one.

    `score` is the share by weight, 0 to 1; `shared` counts shingles. `kind` is None where the texts are no
    versions of each other. `numbers_changed` pairs what the other text had with what stands there now.
    `common` says that most of what they share stands in many items.
    """

    score: float
    shared: int
    kind: Link | None
    numbers_changed: tuple[tuple[str, str], ...] = ()
    common: bool = False


def weights(frequency: Mapping[int, float]) -> Mapping[int, float]:
    """What fingerprints weigh, by the number of stored items they stand in.

    One in more than a handful of them belongs to a template or a footer and weighs `1 / (1 + df - 6)`.
    """
    return {h: 1 / (1 + max(0, count - COMMON)) for h, count in frequency.items()}


def containment(new: Sketch, old: Sketch, weighs: Mapping[int, float]) -> Comparison:
    """Whether two texts tell the same, by the weighted share of the smaller one in the larger one.

    `weighs` are the `weights` of fingerprints of the new one. A shingle whose weight is not known, since only
    a sample is stored, weighs what its like weighs on average. Reports from one template share their
    sentences but not their figures, see `story.figures`. A teaser begins in the opening of the longer text;
    what stands only further down there is a quotation.
    """
    small, large = sorted((new, old), key=lambda each: (each.told_length, each.told, each.headline))
    told = _told(small)
    shared = told.intersection(large.run) | told.intersection(large.head)
    if len(shared) < LEAST_SHARED:
        return Comparison(0.0, len(shared), None)
    known = weighs.keys() & told
    weight, other = _mean(weighs, known & shared), _mean(weighs, known - shared)
    mass = len(shared) * weight
    score = mass / (mass + (len(told) - len(shared)) * other)
    if score < THRESHOLD:
        return Comparison(score, len(shared), None)
    figures = _figures(new, old)
    kind = Link.TEASER if small.told_length < TEASER * large.told_length else Link.COPY
    opening = large.run[: 2 * OPENING]
    quoted = small.length >= SHORT and frozenset(small.run[:OPENING]).isdisjoint(opening)
    if not figures.agree or (quoted and kind is Link.TEASER):
        return Comparison(score, len(shared), None)
    return Comparison(
        score,
        len(shared),
        kind=Link.NUMBER_CHANGED if figures.changed else kind,
        numbers_changed=figures.changed,
        common=weight < 0.5,
    )


def _figures(new: Sketch, old: Sketch) -> Figures:
    """What became of the numbers, of which most texts have none in common."""
    if not (_DIGIT.search(new.told) and _DIGIT.search(old.told)):
        return Figures(agree=True)
    return compare(new.told.split(), old.told.split())


_DIGIT = re.compile(r"\d")


def _mean(weighs: Mapping[int, float], shingles: Collection[int]) -> float:
    """The mean weight of those shingles whose weight is known; they stand for the others of their sort."""
    return fsum(map(weighs.__getitem__, shingles)) / len(shingles) if shingles else 1.0
