"""What a solid compound is made of: the cheapest way to cover the whole word with known parts."""

from __future__ import annotations

from collections.abc import Mapping

from service.text.lexicon import Lexicon

# Letters between two parts (Fugenelemente), with their cost; the folded languages that build compounds.
LINKS: Mapping[str, Mapping[str, int]] = {
    "de": {"": 0, "s": 1, "es": 3, "n": 3, "en": 3, "er": 5, "ens": 4, "ns": 5, "e": 5},
    "nl": {"": 0, "s": 1, "e": 3, "en": 2, "er": 6},
    "sv": {"": 0, "s": 1, "e": 4, "o": 5, "u": 5, "a": 5},
    "da": {"": 0, "s": 1, "e": 3, "er": 4, "n": 6},
    "nb": {"": 0, "s": 1, "e": 3, "er": 4},
}
SHORTEST = 2  # letters of a part


def split(form: str, lexicon: Lexicon) -> tuple[tuple[int, int], ...]:
    """The parts of a folded word as half-open ranges, links left out; one part: it is no compound.

    The whole word is covered by modifiers, each with its link, and a head; of all covers the one of
    least cost wins, so that a chance substring loses against the reading of the whole word.
    """
    links = LINKS[lexicon.language]
    end = len(form)
    best: list[tuple[int, tuple[tuple[int, int], ...]] | None] = [None] * (end + 1)
    best[0] = (0, ())
    answer: tuple[int, tuple[tuple[int, int], ...]] | None = None
    for start in range(end - SHORTEST + 1):
        if (reached := best[start]) is None:
            continue
        cost, parts = reached
        for stop in range(start + SHORTEST, end + 1):
            entry = lexicon.entry(form[start:stop])
            if entry is None:
                continue
            if stop == end:
                if start and entry.head and (answer is None or cost + entry.head < answer[0]):
                    answer = (cost + entry.head, (*parts, (start, stop)))
            elif entry.modifier:
                for link, price in links.items():
                    after = stop + len(link)
                    if after <= end - SHORTEST and form.startswith(link, stop):
                        total = cost + entry.modifier + price
                        known = best[after]
                        if known is None or total < known[0]:
                            best[after] = (total, (*parts, (start, stop)))
    return answer[1] if answer else ()
