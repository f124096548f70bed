"""What readers said about a rule's alerts: its precision, and the words that would have made it better."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WORD = re.compile(r"[^\W\d_]{4,}")
TRIED = 8  # words that are worth a try


@dataclass(frozen=True, slots=True)
class Judged:
    """How many alerts of a rule were judged, and how many of them were relevant."""

    judged: int = 0
    relevant: int = 0

    @property
    def precision(self) -> float | None:
        """The share of relevant ones, 0 to 1; None where nobody has judged any."""
        return self.relevant / self.judged if self.judged else None


def suspects(irrelevant: Sequence[str], relevant: Iterable[str], query: str) -> list[str]:
    """Words that stand in irrelevant texts alone, those in the most of them first.

    Words of the query itself are none: they stand everywhere. Each is written as it first stood.
    """
    fine = {word for text in (*relevant, query) for word in _words(text)}
    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for text in irrelevant:
        for word, shown in _words(text).items():
            if word not in fine:
                counts[word] += 1
                spelled.setdefault(word, shown)
    order = sorted(counts, key=lambda word: (-counts[word], -len(word), word))
    return [spelled[word] for word in order[:TRIED]]


def _words(text: str) -> dict[str, str]:
    return {word.casefold(): word for word in reversed(WORD.findall(text))}
