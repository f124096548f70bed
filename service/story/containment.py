"""How much of one text stands in another, and whether the two are one report.

A new text is compared with each of the few that the store finds for it, see `story.fingerprint`; nearly all
of them share no more than a paragraph, or a footer.

Sources: Broder, "On the resemblance and containment of documents", SEQUENCES 1997 (containment); Sandes,
Teodoro, Melo, "Bitmap filter: speeding up exact set similarity joins with bitwise operations", Information
Systems 88, 2020 (what two sets share at most).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import fsum

from service.model import Link
from service.story.figures import Figures, compare
from service.story.fingerprint import OPENING, SHORT, Sketch

COMMON = 6  # items: a shingle in more of them than a story has copies is boilerplate
LEAST_SHARED = 4  # shingles: less in common is chance, or a quotation
THRESHOLD = 0.6  # of the smaller text, by weight
TEASER = 0.5  # words of the smaller text over words of the larger


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much of the smaller text stands in the larger one, of two that may be one report.

    `score` is the share by weight, 0.6 to 1; `shared` counts shingles. `numbers_changed` pairs what the other
    text had with what stands there now. `common` says that most of what they share stands in many items.
    """

    score: float
    shared: int
    kind: Link
    numbers_changed: tuple[tuple[str, str], ...] = ()
    common: bool = False


@dataclass(frozen=True, slots=True)
class Weights:
    """What the fingerprints of a new text weigh: above 0, at most 1."""

    by: Mapping[int, float]
    spread: float  # the largest over the smallest


def weights(frequency: Mapping[int, int], outside: Callable[[int], float] = float) -> Weights:
    """What fingerprints weigh by the number of stored items they stand in, of which `outside` are to count.

    One in more than a handful of them belongs to a template or a footer and weighs `1 / (1 + df - 6)`.
    """
    weighs = {count: 1 / (1 + max(0.0, outside(count) - COMMON)) for count in set(frequency.values())}
    by = {h: weighs[count] for h, count in frequency.items()}
    return Weights(by, max(weighs.values()) / min(weighs.values()) if weighs else 1.0)


class Probe:
    """A new text, laid out once to be compared with each of many."""

    def __init__(self, text: Sketch) -> None:
        self._text = text
        self._told = frozenset(text.told)
        self._shingles = self._told.union(text.shingles[text.told_shingles :])

    def containment(self, old: Sketch, weighs: Weights) -> Comparison | None:
        """How much it has of an old text, or that of it; None where they are no versions of each other.

        Counted is the weighted share of the smaller one in the larger one. `weighs` says what fingerprints
        of the new one weigh. A shingle whose weight is not known, since only a sample is stored, weighs what
        its like weighs on average. Reports from one template share their sentences but not their figures,
        see `story.figures`. A teaser begins in the opening of the longer text; what stands only further down
        there is a quotation.
        """
        new = self._text
        small, large = (new, old) if _size(new) < _size(old) else (old, new)
        # Of an old text no weights are known but of what it shares, and none is above that of the rest.
        spread = weighs.spread if small is new else 1.0
        if _share(_most_shared(small, large), small.told_shingles, spread) < THRESHOLD:
            return None
        if small is new:
            shared, known = self._told.intersection(old.shingles), self._told.intersection(weighs.by)
        else:
            shared = self._shingles.intersection(old.told)
            known = shared.intersection(weighs.by)
        typical = _mean(weighs.by, (known & shared) or known)
        score = _share(len(shared), small.told_shingles, typical / _mean(weighs.by, known - shared))
        if len(shared) < LEAST_SHARED or score < THRESHOLD or _is_quoted(small, large):
            return None
        figures = _figures(new, old)
        if not figures.agree:
            return None
        kind = Link.TEASER if _is_teaser(small, large) else Link.COPY
        return Comparison(
            score,
            len(shared),
            kind=Link.NUMBER_CHANGED if figures.changed else kind,
            numbers_changed=figures.changed,
            common=typical < 0.5,
        )


def _size(text: Sketch) -> tuple[int, int, str]:
    """By this one of two texts is the smaller, from whichever side they are compared."""
    return text.told_length, text.hash, text.headline


def _most_shared(small: Sketch, large: Sketch) -> int:
    """How many shingles two texts share at most, at the price of a few machine instructions.

    Each that they share is marked in both bitmaps; those that share a mark inside one text may do so as well.
    """
    unmarked = len(small.shingles) - small.bits.bit_count()
    return min((small.bits & large.bits).bit_count() + unmarked, small.told_shingles)


def _share(part: int, whole: int, ratio: float) -> float:
    """The share of a part by weight, where each of it weighs `ratio` times what each of the rest does."""
    return part * ratio / (part * ratio + whole - part) if part else 0.0


def _mean(by: Mapping[int, float], shingles: Collection[int]) -> float:
    """The mean weight of those shingles whose weight is known; they stand for the others of their sort."""
    return fsum(map(by.__getitem__, shingles)) / len(shingles) if shingles else 1.0


def _is_teaser(small: Sketch, large: Sketch) -> bool:
    return small.told_length < TEASER * large.told_length


def _is_quoted(small: Sketch, large: Sketch) -> bool:
    """Whether a passage of the longer text stands for itself, far from the opening of that."""
    if small.length < SHORT or not _is_teaser(small, large):
        return False
    return frozenset(small.told[:OPENING]).isdisjoint(large.told[: 2 * OPENING])


def _figures(new: Sketch, old: Sketch) -> Figures:
    """What became of the numbers, of which most texts have none in common."""
    if not (new.figures and old.figures):
        return Figures(agree=True)
    return compare(new.figures.split(), old.figures.split())
