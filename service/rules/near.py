"""`Kim NEAR/8 Peking`, `Kim BEFORE/3 Peking`: operands within so many tokens of each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

from service.model import Evidence
from service.rules.document import Document, Place, Stream
from service.rules.nodes import Anchor, Anchoring, And, ListRef, Node, Or, Term, evidence

# Places of one operand in one field that are looked at. A story has a handful; the bound keeps a hostile
# page of a single word, repeated, from costing the square of its length.
MOST_PLACES = 300


class Step(NamedTuple):
    """What stands between two operands of NEAR: at most so many tokens apart, perhaps in order."""

    distance: int
    ordered: bool

    def __str__(self) -> str:
        return f"{'BEFORE' if self.ordered else 'NEAR'}/{self.distance}"

    def joins(self, left: Chained, right: Place) -> bool:
        """Whether the place is within reach of the span found so far."""
        if self.ordered:
            return 0 < right.first - left.last <= self.distance
        return right.first - left.last <= self.distance and left.first - right.last <= self.distance


class Chained(NamedTuple):
    """A span of tokens that a chain of NEAR covers so far, with the places that make it."""

    first: int
    last: int
    places: tuple[Place, ...]

    def with_(self, place: Place) -> Chained:
        """The span that covers this place too."""
        return Chained(min(self.first, place.first), max(self.last, place.last), (*self.places, place))


@dataclass(frozen=True, slots=True)
class Near(Node):
    """Its operands stand near each other in one field.

    Tokens at indices i and j are |i - j| apart. A chain runs from left to right: each operand is
    measured against the nearer end of the span that covers those before it.
    """

    members: tuple[Node, ...]
    steps: tuple[Step, ...]

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Those of every operand."""
        return And(self.members).anchors(anchoring, field)

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether a chain is found in any stream."""
        if not And(self.members).holds(document, field):
            return False  # cheaper than positions, and nearly always the answer
        return any(True for stream in document.streams(field) for _ in self._chains(stream))

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The places of the operands that stand near, as `near`."""
        return evidence(document, field, self._places)

    def _places(self, stream: Stream) -> Iterator[Place]:
        found = (place for chained in self._chains(stream) for place in chained.places)
        return (place._replace(how="near") for place in dict.fromkeys(found))

    def _chains(self, stream: Stream) -> Iterable[Chained]:
        chains = [
            Chained(place.first, place.last, (place,))
            for place in islice(places(self.members[0], stream), MOST_PLACES)
        ]
        for step, member in zip(self.steps, self.members[1:], strict=True):
            found = list(islice(places(member, stream), MOST_PLACES)) if chains else []
            chains = _widest(
                left.with_(right) for right in found for left in chains if step.joins(left, right)
            )
        return chains

    def parts(self) -> tuple[Node, ...]:
        """Its operands."""
        return self.members

    def __str__(self) -> str:
        shown = [f"({part})" if isinstance(part, Or) else str(part) for part in self.members]
        return " ".join(
            chain(shown[:1], chain.from_iterable(zip(map(str, self.steps), shown[1:], strict=True)))
        )


def places(node: Node, stream: Stream) -> Iterator[Place]:
    """The places of an operand of NEAR: a term, a list, or alternatives of them."""
    match node:
        case Term():
            return node.places(stream)
        case ListRef():
            return (place._replace(list=node.name) for place in places(node.entries, stream))
        case Or():
            found = dict.fromkeys(place for part in node.members for place in places(part, stream))
            return iter(sorted(found))
    raise TypeError(f"{node} is no operand of NEAR")


def is_operand(node: Node) -> bool:
    """Whether a node may stand beside NEAR."""
    match node:
        case ListRef():
            return is_operand(node.entries)
        case Or():
            return all(map(is_operand, node.members))
    return isinstance(node, Term)


def _widest(chains: Iterable[Chained]) -> list[Chained]:
    """Of the spans with the same end, the one that begins first.

    What comes next is measured against the end, or against the beginning from its left: the widest
    reaches all that a narrower one would.
    """
    widest: dict[int, Chained] = {}
    for chained in chains:
        known = widest.get(chained.last)
        if known is None or chained.first < known.first:
            widest[chained.last] = chained
    return list(widest.values())
