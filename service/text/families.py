"""Which words build compounds, and how readily: learnt from the compounds that a dictionary lists.

A dictionary names no parts, but it holds hundreds of thousands of compounds, and their families tell:
Kreditmarkt, Arbeitsmarkt and Marktlage share a word, Kreis and Preis and Greis share none. Two
observations do the work.

* A compound inflects as its head. The plural of Standort ends like that of Ort, the plural of Antwort
  does not; the genitive Hamburgs is not one of Burg.
* A part of a chance split has no family. The weights are estimated by expectation maximization over
  all two-part covers of all listed nouns, each against the reading that the noun is no compound.

Sources: Dempster, Laird, Rubin, "Maximum likelihood from incomplete data via the EM algorithm", JRSS B
1977; Koehn, Knight, "Empirical methods for compound splitting", EACL 2003 (splits ranked by parts seen).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import log2
from typing import NamedTuple

from service.text.lexicon import Ending, ending

SHORTEST = 2  # letters of a part, after folding
LISTED = 3  # letters up to which a part must be listed: a chance split has room for many short words
ROUNDS = 4  # of the estimation; the weights change by less than a bit after three
OPEN = -1  # the tail of a noun that is too long for no compound, and has no cover by two listed words
OPEN_LETTERS = 12
UNSEEN = 0.1  # members that a family without any counts as
FOREIGN_FORM = 8.0  # bits, times the share of a compound's forms that its head does not have
OUT_OF_REACH = 1e9  # bits: dearer than anything
MISSING_FORM = 4.0  # bits, times the share of the head's forms that the compound does not have


class Shape(NamedTuple):
    """How a word looks as a modifier: a word in `tail` loses `cut` letters and takes `add`."""

    tail: str
    cut: int
    add: str
    cost: float  # bits: how unusual it is


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a language builds compounds."""

    nouns: tuple[Shape, ...] = ()
    others: tuple[Shape, ...] = ()  # adjectives and verbs as modifiers
    forms: Mapping[str, float] = field(default_factory=dict)  # endings of inflected nouns as modifiers
    participle: str = ""  # what a verb takes to name who does it: Reisende is no Ende
    endings: tuple[str, ...] = ()  # regular inflections, where the table may name another lemma alone


GRAMMARS: Mapping[str, Grammar] = {
    "de": Grammar(
        nouns=(
            *(
                Shape(tail, 0, "s", 0)
                for tail in ("ung", "heit", "keit", "schaft", "ion", "taet", "tum", "ling")
            ),
            Shape("t", 0, "s", 1),
            Shape("", 0, "s", 4),
            Shape("e", 1, "", 3),
            Shape("e", 1, "s", 3),
        ),
        others=(Shape("en", 2, "", 2), Shape("en", 1, "", 3), Shape("n", 1, "", 3), Shape("", 0, "", 2)),
        forms={"s": 1, "n": 1, "er": 1, "e": 3},
        participle="de",
    ),
    "nl": Grammar(nouns=(Shape("", 0, "s", 1), Shape("", 0, "e", 4)), forms={"en": 1, "er": 2, "": 4}),
    "sv": Grammar(
        nouns=(
            Shape("", 0, "s", 1),
            Shape("a", 1, "", 1),
            Shape("a", 1, "e", 1),
            Shape("a", 1, "u", 3),
            Shape("a", 1, "o", 3),
            Shape("e", 1, "", 2),
        ),
        endings=("en", "et", "er", "erna"),
    ),
    "da": Grammar(nouns=(Shape("", 0, "s", 1), Shape("", 0, "e", 3)), endings=("en", "et", "er", "erne")),
    "nb": Grammar(nouns=(Shape("", 0, "s", 1), Shape("", 0, "e", 3)), endings=("en", "et", "er", "ene")),
}


@dataclass(frozen=True, slots=True)
class Families:
    """What was learnt. Costs are in bits: the negative binary logarithm of the share of all compounds."""

    modifiers: Mapping[str, float]
    heads: Mapping[str, float]
    tails: Mapping[str, int]  # of a listed compound: the letters of its head, or OPEN
    stems: Mapping[str, tuple[Ending, ...]]  # of a modifier that is no form of a noun
    unseen: float  # cost of a word that no listed compound contains


def simplex_cost(letters: int) -> float:
    """Bits for the reading that a word of so many letters is no compound: long words seldom are none."""
    return 8 + 3.0 * letters


class _Split(NamedTuple):
    modifier: str
    head: str
    cost: float  # bits, without the weights of the parts


def learn(
    nouns: Mapping[str, Collection[str]],
    others: Collection[str],
    grammar: Grammar,
    *,
    bound: Iterable[str] = (),
    barred: Iterable[str] = (),
    short: Iterable[str] = (),
) -> Families:
    """The families of a language.

    `nouns` maps each noun lemma to all its forms, `others` are lemmas of adjectives and verbs, all
    folded. `bound` are modifiers that are no words (Elektro-), `barred` words that are never parts,
    `short` the parts of up to three letters.
    """
    barred, short = frozenset(barred), frozenset(short)
    shapes, stems = _modifiers(nouns, others, grammar, short)
    shapes.update(dict.fromkeys(bound, 0.0))
    for form in [form for form in shapes if form in barred or (len(form) <= LISTED and form not in short)]:
        del shapes[form]
    heads = {
        noun: frozenset(forms)
        for noun, forms in nouns.items()
        if noun not in barred and (len(noun) > LISTED or noun in short)
    }
    open_to_question = [
        noun for noun in nouns if not (grammar.participle and noun.removesuffix(grammar.participle) in others)
    ]
    splits = {
        noun: found for noun in open_to_question if (found := list(_covers(noun, nouns[noun], shapes, heads)))
    }
    families = _estimate(splits, stems)
    unsplit = (noun for noun in open_to_question if len(noun) >= OPEN_LETTERS and noun not in splits)
    return replace(families, tails={**families.tails, **dict.fromkeys(unsplit, OPEN)})


def _modifiers(
    nouns: Mapping[str, Collection[str]], others: Collection[str], grammar: Grammar, short: Collection[str]
) -> tuple[dict[str, float], dict[str, tuple[Ending, ...]]]:
    """All strings that may stand before a head with what that costs, and what they stand for."""
    shapes: dict[str, float] = {}
    stems: dict[str, set[Ending]] = defaultdict(set)

    def allow(form: str, cost: float) -> None:
        if shapes.get(form, OUT_OF_REACH) > cost and len(form) >= SHORTEST:
            shapes[form] = cost

    inflected: set[str] = set()
    tails = tuple(grammar.forms)
    for noun, forms in nouns.items():
        allow(noun, 0)
        if len(forms) > 1:
            inflected.update(forms)
        for form in forms:
            if form != noun and form.endswith(tails):
                allow(form, min(cost for tail, cost in grammar.forms.items() if form.endswith(tail)))
    for noun in nouns:
        for shape in grammar.nouns:
            if noun.endswith(shape.tail):
                form = noun[: len(noun) - shape.cut] + shape.add
                allow(form, shape.cost)
                # Reis- is Reis and not Reise, jung- is no Junge, Haus- is no Hau with a linking s.
                linked = not shape.cut and len(noun) > LISTED
                plausible = shape.cut or (noun in short and not noun.endswith("s"))
                if linked or (plausible and form not in inflected and form not in others):
                    stems[form].add(ending(form, noun))
    for other in others:
        for shape in grammar.others:
            if other.endswith(shape.tail):
                allow(other[: len(other) - shape.cut] + shape.add, shape.cost)
    return shapes, {form: tuple(sorted(endings)) for form, endings in stems.items()}


def _covers(
    noun: str, forms: Collection[str], shapes: Mapping[str, float], heads: Mapping[str, frozenset[str]]
) -> Iterable[_Split]:
    """All covers of a noun by a modifier and a head, the cost telling how unlike its head it inflects."""
    for place in range(SHORTEST, len(noun) - SHORTEST + 1):
        modifier, head = noun[:place], noun[place:]
        cost = shapes.get(modifier)
        known = heads.get(head)
        if cost is None or known is None:
            continue
        own = {form[place:] if form.startswith(modifier) else form for form in forms}
        cost += FOREIGN_FORM * len(own - known) / len(own) + MISSING_FORM * len(known - own) / len(known)
        yield _Split(modifier, head, cost)


def _estimate(splits: Mapping[str, list[_Split]], stems: Mapping[str, tuple[Ending, ...]]) -> Families:
    """Weights of the parts by expectation maximization, and the best reading of each noun under them."""
    unseen = 12.0  # any even start will do
    modifiers: dict[str, float] = {}
    heads: dict[str, float] = {}

    def bits(split: _Split) -> float:
        return modifiers.get(split.modifier, unseen) + heads.get(split.head, unseen) + split.cost

    for _ in range(ROUNDS):
        first: Counter[str] = Counter()
        last: Counter[str] = Counter()
        total = 0.0
        for noun, covers in splits.items():
            weights = [2.0 ** -bits(cover) for cover in covers]
            whole = sum(weights) + 2.0 ** -simplex_cost(len(noun))
            for cover, weight in zip(covers, weights, strict=True):
                if (share := weight / whole) > 0.01:
                    first[cover.modifier] += share
                    last[cover.head] += share
                    total += share
        total = max(total, 1.0)
        unseen = log2(total / UNSEEN)
        modifiers = {part: log2(total / (count + UNSEEN)) for part, count in first.items()}
        heads = {part: log2(total / (count + UNSEEN)) for part, count in last.items()}
    best = {noun: min(covers, key=bits) for noun, covers in splits.items()}
    tails = {noun: len(cover.head) for noun, cover in best.items() if bits(cover) < simplex_cost(len(noun))}
    return Families(modifiers, heads, tails, stems, unseen)
