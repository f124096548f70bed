"""What a query just misses: items where one word is missing, and stands there in a longer or another form.

Only ever a suggestion: nothing is matched by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.rules.document import Document, surface
from service.rules.nodes import And, Node
from service.rules.operators import Word

LOOKED_AT = 2000  # items whose words are looked through, in constant memory and time
FORMS = 10_000  # different forms that are counted
SHOWN = 3
LETTERS = 4  # that a stem has at least: shorter ones begin very many words
ENDING = 2  # letters at the end of a word that may be another form's


@dataclass(frozen=True, slots=True)
class NearMiss:
    """How many more items there would be, if a term might also be another word."""

    term: str
    form: str
    items: int

    @property
    def sentence(self) -> str:
        """One line for a person."""
        return f"{self.items:,} more if {self.term} might also be {self.form}"


class NearMisses:
    """Counts the near misses of one query; it has any where it joins two parts or more."""

    def __init__(self, query: Node) -> None:
        self.parts: Sequence[Node] = query.members if isinstance(query, And) else ()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._spelled: dict[tuple[str, str], str] = {}
        self._looked = 0

    @property
    def full(self) -> bool:
        """Whether enough was looked at."""
        return not self.parts or self._looked >= LOOKED_AT

    def count(self, document: Document) -> None:
        """Take in an item that the query does not hit; nothing, where enough was looked at."""
        if self.full:
            return
        self._looked += 1
        missing = [part for part in self.parts if not part.holds(document)]
        if len(missing) != 1 or not isinstance(missing[0], Word):
            return
        term = missing[0].text
        for form in {surface(word): word for word in _forms(term, document)}.items():
            counted = (term, form[0])
            if len(self._counts) < FORMS or counted in self._counts:
                self._counts[counted] += 1
                self._spelled.setdefault(counted, form[1])

    def found(self) -> list[NearMiss]:
        """The commonest of them."""
        return [
            NearMiss(term, self._spelled[term, form], items)
            for (term, form), items in self._counts.most_common(SHOWN)
        ]


def _forms(term: str, document: Document) -> Iterator[str]:
    """Words of the item that begin as the term does, or hold it."""
    own = surface(term)
    stem = own[: max(LETTERS, len(own) - ENDING)]
    if len(own) < LETTERS:
        return
    for stream in document.streams():
        for word in stream.positions:
            folded = surface(word)
            if folded.startswith(stem) or own in folded:
                yield word
