"""What a text cannot match, told from its chunks alone: most of an archive is passed over without a token.

A query names keys without which it cannot match, and the keys of a chunk between two blanks are always the
same. So each distinct chunk is looked at once, and then an item costs a split and a look into a set. What
the sieve lets through is evaluated as ever: it answers faster, never otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.rules.document import GAP, reading
from service.rules.nodes import Anchor, Anchoring, Node
from service.rules.patterns import needle
from service.rules.presearch import is_regex, is_value, is_wildcard
from service.text.morphology import Morphology

REMEMBERED = 300_000  # chunks of one language, some 40 MB; then it begins anew


class Sieve:
    """For each of some queries, whether an item may match it. Not for two threads at once."""

    def __init__(self, queries: Sequence[Node], morphology: Morphology) -> None:
        self._queries, self._morphology = queries, morphology
        self._tongues: dict[str, _Tongue] = {}

    def tells(self) -> list[bool]:
        """For each query in turn, whether there is any text that cannot match it."""
        return [bool(needed) for needed in self._tongue("").needed]

    def may_match(self, text: str, language: str) -> list[bool]:
        """For each query in turn, whether an item of this text may match it in this language.

        `text` holds headline, body and places, parted by blanks or line breaks.
        """
        return self._tongue(language).may_match(text)

    def _tongue(self, language: str) -> _Tongue:
        tongue = self._tongues.get(language)
        if tongue is None:
            tongue = self._tongues[language] = _Tongue(self._queries, self._morphology, language)
        return tongue


class _Tongue:
    """The sieve in one language: each anchor is a bit, and a chunk has those that it meets."""

    def __init__(self, queries: Sequence[Node], morphology: Morphology, language: str) -> None:
        self._reading = reading(morphology, language)
        anchoring = Anchoring((self._reading,), _weight)
        self._anchors: dict[Anchor, int] = {}
        self.needed = [
            sum({self._bit(anchor) for anchor in query.anchors(anchoring) if _told_by_words(anchor)})
            for query in queries
        ]
        self._nothing = [not needed for needed in self.needed]
        self._keys = {
            key: sum(bit for anchor, bit in self._anchors.items() if key in anchor)
            for anchor in self._anchors
            for key in anchor
        }
        self._needles = [(needle(key), bits) for key, bits in self._keys.items() if is_wildcard(key)]
        # What has no letter has keys without a letter.
        self._numbers = any(key.upper() == key.lower() for key in self._keys) or bool(self._needles)
        self._known: set[str] = set()
        self._bits: dict[str, int] = {}  # of the chunks that meet an anchor
        self._telling: set[str] = set()  # the same chunks

    def may_match(self, text: str) -> list[bool]:
        """For each query, whether the chunks of the text meet all its anchors."""
        chunks = text.split()
        if not self._known.issuperset(chunks):
            self._learn(chunks)
        telling = self._telling.intersection(chunks)
        if not telling:
            return self._nothing
        met = 0
        for chunk in telling:
            met |= self._bits[chunk]
        return [needed & met == needed for needed in self.needed]

    def _bit(self, anchor: Anchor) -> int:
        return self._anchors.setdefault(anchor, 1 << len(self._anchors))

    def _learn(self, chunks: Iterable[str]) -> None:
        if len(self._known) > REMEMBERED:
            self._known.clear()
        new = set(chunks) - self._known
        if not self._numbers:  # figures are new in every item, and would only fill the memory
            new = {chunk for chunk in new if not (chunk.isascii() and chunk.upper() == chunk.lower())}
        self._known |= new
        for chunk in new:
            keys = self._reading.chunks[chunk]
            bits = 0
            for key in keys & self._keys.keys():
                bits |= self._keys[key]
            if self._needles:
                haystack = GAP.join(["", *keys, ""])
                for sought, meets in self._needles:
                    bits |= meets if sought in haystack else 0
            if bits:
                self._bits[chunk] = bits
                self._telling.add(chunk)


def _told_by_words(anchor: Anchor) -> bool:
    """Whether the words of an item tell if it meets the anchor; values and expressions are not among them."""
    return not any(is_value(key) or is_regex(key) for key in anchor)


def _weight(anchor: Anchor) -> float:
    """How common an anchor may be: long words are rare."""
    return sum(1 / (len(key) + 1) ** 2 for key in anchor)
