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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from statistics import fmean
from zlib import crc32

from service.model import Item, Link
from service.story import marks
from service.story.figures import compare
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


# ---------------------------------------------------------------- the normal text

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
# "BERLIN/PJÖNGJANG (dpa-AFX) - ", "LONDON, Sept 2 (Reuters) - ", "SEOUL (AP) _ "
_DATELINE = re.compile(r"\A\s*(?:[^\W\d_][^\n()]{0,60} )?\([A-Za-z][A-Za-z0-9 ./&-]{1,24}\) ?[-–—_:] ?")
_STAMP = re.compile(  # a line that is nothing but a date, and a time of day: "Di, 02.09.2025, 05:24 Uhr"
    r"^(?:\w{2,12},? )?\d{1,2}[./-] ?\w{1,9}[./-]? ?\d{2,4},?(?: \d{1,2}[:.]\d{2}(?: Uhr| ?[ap]m)?)?$",
    re.MULTILINE,
)
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


@lru_cache(maxsize=512)  # the same few texts are asked for by identity, hash, fingerprints and comparison
def _normal(headline: str, body: str, agency: str) -> Text:
    for noise in (_ADDRESS, _DATELINE, _STAMP, _CREDIT):
        body = noise.sub(" ", body)
    return Text(tuple(words(fold(marks.bare(headline, agency)))), tuple(words(fold(_unclosed(body)))))


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
    return digest("text", *normal(item).told) if normal(item).told else 0


def digest(*parts: str) -> int:
    """The first eight bytes of BLAKE2b over the parts, as the signed integer that databases store."""
    hashed = blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(hashed, "big", signed=True)


# ---------------------------------------------------------------- shingles


def fingerprints(item: Item) -> tuple[int, ...]:
    """The shingles under which the store finds an item: about 55 for a story of 300 words, at most 600.

    These are those of the headline, the opening of the body, and a sample of the rest; four bytes each, so
    that a row of the store stays short. A collision costs a look at a candidate, never a wrong link:
    whole texts are compared.
    """
    return _sketch(normal(item)).kept


@dataclass(frozen=True, slots=True)
class _Sketch:
    """The shingles of a text, as CRC-32 of their words."""

    everything: frozenset[int]
    told: frozenset[int]  # of what the item tells
    start: frozenset[int]  # of the first sentence or two
    opening: frozenset[int]  # of the first paragraphs
    kept: tuple[int, ...]


@lru_cache(maxsize=512)
def _sketch(text: Text) -> _Sketch:
    headline, body = _shingled(text.headline), _shingled(text.body)
    if not headline and not body:  # a flash of a few words, cut in two by headline and body
        headline = _shingled(text.whole)
    kept = [*headline, *body[:OPENING]]
    for run, sampling in zip((body[OPENING:MIDDLE], body[MIDDLE:]), SAMPLING, strict=True):
        kept += [h for h in run if h % sampling == 0]
    everything = frozenset(headline) | frozenset(body)
    return _Sketch(
        everything=everything,
        told=frozenset(body) if len(text.body) >= SHORT else everything,
        start=frozenset(body[:OPENING]),
        opening=frozenset(body[: 2 * OPENING]),
        kept=tuple(dict.fromkeys(kept[:MOST_KEPT])),
    )


def _shingled(run: Sequence[str]) -> list[int]:
    encoded = [word.encode("utf-8", "replace") for word in run]
    return [crc32(b" ".join(encoded[at : at + SHINGLE])) for at in range(len(run) - SHINGLE + 1)]


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


def containment(a: Item, b: Item, frequency: Mapping[int, float]) -> Comparison:
    """Whether `a` and `b` tell the same text, by the weighted share of the smaller one in the larger one.

    `frequency` says in how many stored items a fingerprint stands. A shingle in more than a handful of them
    belongs to a template or a footer and weighs `1 / (1 + df - 6)`; one whose frequency is not known, since
    only a sample is stored, weighs what its like weighs on average. Reports from one template share their
    sentences but not their figures, see `story.figures`. A teaser begins in the opening of the longer text;
    what stands only further down there is a quotation.
    """
    new, old = normal(a), normal(b)
    small, large = sorted((new, old), key=lambda text: (len(text.told), text.told, text.headline))
    mine, other = _sketch(small), _sketch(large)
    shared = mine.told & other.everything
    if len(shared) < LEAST_SHARED:
        return Comparison(0.0, len(shared), None)
    weight, rest = _mean_weight(shared, frequency), mine.told - shared
    mass = len(shared) * weight
    score = mass / (mass + len(rest) * _mean_weight(rest, frequency))
    kind = Link.TEASER if len(small.told) < TEASER * len(large.told) else Link.COPY
    figures = compare(new.told, old.told) if score >= THRESHOLD else None
    quoted = kind is Link.TEASER and len(small.body) >= SHORT and not mine.start & other.opening
    if not figures or not figures.agree or quoted:
        return Comparison(score, len(shared), None)
    return Comparison(
        score,
        len(shared),
        kind=Link.NUMBER_CHANGED if figures.changed else kind,
        numbers_changed=figures.changed,
        common=weight < 0.5,
    )


def _mean_weight(shingles: frozenset[int], frequency: Mapping[int, float]) -> float:
    """The mean weight of shingles; those whose frequency is known stand for the others of their sort."""
    known = [1 / (1 + max(0, frequency[h] - COMMON)) for h in frequency.keys() & shingles]
    return fmean(known) if known else 1.0
