"""What a solid compound is made of: the cheapest way to cover the whole word with known parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from service.text.families import GRAMMARS, OPEN, SHORTEST, simplex_cost
from service.text.lexicon import Entry, Lexicon, apply

LANGUAGES = frozenset(GRAMMARS) | {"en"}  # English by its own short list alone
LONGEST = 60  # letters of a word that is looked into
MOST_PARTS = 6  # stretches of more parts than this are not built


def parts(form: str, lexicon: Lexicon, *, adjective: bool = False) -> frozenset[str]:
    """The lemmas of all parts of a folded word, and of all stretches of them; empty: it is no compound.

    Atomwaffensperrvertrag has Atom, Waffe, Vertrag, and Atomwaffe. Of an adjective the last part is left
    out: steuerfrei has Steuer.
    """
    cuts = [0, *_cuts(form, lexicon, adjective=adjective), len(form)]
    leaves = list(pairwise(cuts))
    if len(leaves) < 2:
        return frozenset()
    found: set[str] = set()
    for first, (start, _) in enumerate(leaves):
        for head, stop in leaves[first : first + MOST_PARTS]:
            if (stop < len(form) or not adjective) and stop - start < len(form):
                found.update(_lemmas(form[start:stop], lexicon, final=stop == len(form)))
            elif not adjective:
                found.update(form[:head] + lemma for lemma in _lemmas(form[head:], lexicon, final=True))
    return frozenset(found)


def _lemmas(part: str, lexicon: Lexicon, *, final: bool) -> list[str]:
    """What a part stands for: its lemmas as a noun, or the noun that it is short for.

    A part that the lexicon has only as a modifier of its own (Elektro-) stands for itself; an adjective or
    a verb stem stands for nothing, and so does a stretch that is no word.
    """
    entry = lexicon.entry(part)
    if entry is None:
        return []
    if endings := entry.nouns if final else entry.nouns + entry.stems:
        return apply(part, endings)
    return [part] if not entry.others else []


def _cuts(form: str, lexicon: Lexicon, *, adjective: bool) -> Iterator[int]:
    """Where the parts of a word meet, in order."""
    entry = lexicon.entry(form)
    if not adjective and entry and (entry.nouns or entry.stems):
        place = _listed(form, entry, lexicon)
        places = _cover(form, lexicon, adjective=False) if place == OPEN else [place] if place else []
    else:
        places = _cover(form, lexicon, adjective=adjective)
    start = 0
    for place in places:
        yield from (start + cut for cut in _cuts(form[start:place], lexicon, adjective=False))
        yield place
        start = place
    if places and not adjective:
        yield from (start + cut for cut in _cuts(form[start:], lexicon, adjective=False))


def _listed(form: str, entry: Entry, lexicon: Lexicon) -> int:
    """Where the head of a listed compound begins; 0: it is none; OPEN: that was not decided.

    It was decided for its lemma when the lexicon was made, with all its forms at hand.
    """
    for lemma in apply(form, entry.nouns + entry.stems):
        known = lexicon.entry(lemma)
        if known and known.tail:
            place = len(lemma) - known.tail
            if known.tail == OPEN or form.startswith(lemma[:place]):
                return OPEN if known.tail == OPEN else place
    return 0


def _cover(form: str, lexicon: Lexicon, *, adjective: bool) -> list[int]:
    """Where the parts of a word that is not listed meet; empty: it is best taken as no compound.

    The whole word is covered by modifiers and a head. Of all covers the one of least cost wins, so that a
    chance substring loses against the reading of the whole word; and any cover must cost less than the
    reading that the word is a name of its own.
    """
    end = len(form)
    if end > LONGEST:
        return []
    reached: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    best: tuple[float, list[int]] = (simplex_cost(end), [])
    for start in range(end - SHORTEST + 1):
        if start not in reached:
            continue
        cost, places = reached[start]
        for stop in range(start + SHORTEST, end + 1):
            entry = lexicon.entry(form[start:stop])
            if entry is None:
                continue
            if stop < end:
                total = cost + entry.modifier
                if entry.modifier and total < reached.get(stop, best)[0]:
                    reached[stop] = (total, [*places, stop])
            elif start:
                weight = entry.quality if adjective else entry.head
                if weight and cost + weight < best[0]:
                    best = (cost + weight, places)
    return best[1]
