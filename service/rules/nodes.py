"""The parts of a query: and, or, not, count, field, list. `near` is next door, terms are in `operators`.

A node answers four questions: what must an item hold so that it can match (`anchors`), does it match
(`holds`), where (`find`), and could it match an item that holds nothing (`absent`). `str` is its
canonical text, and parsing that gives the same node again.
"""

# ruff: noqa: ARG002 - each node answers the same questions, whether it needs all that they carry or not
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import NamedTuple, TypeAlias

from service.model import Evidence
from service.rules.document import Document, Place, Reading, Stream

MOST_EVIDENCE = 20  # places reported for one term

# A key without which a node cannot match is one of an anchor's keys: the item must hold at least one.
Anchor: TypeAlias = frozenset[str]


class Anchoring(NamedTuple):
    """What anchors depend on: the readings that items may be read in, and how common keys are."""

    readings: tuple[Reading, ...]
    weight: Callable[[Anchor], float]


class Node(ABC):
    """A part of a query."""

    __slots__ = ()

    absent: bool = False

    @abstractmethod
    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Anchors that all must be met, or the node cannot match; none: it may match anything."""

    @abstractmethod
    def holds(self, document: Document, field: str = "") -> bool:
        """Whether the node matches the document, looking at `field` alone where one is named."""

    @abstractmethod
    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The places that make the node match, for a document where it does."""

    def parts(self) -> tuple[Node, ...]:
        """The nodes right below."""
        return ()

    def walk(self) -> Iterator[Node]:
        """This node and all below, in the order of the text; what stands in a list is left out."""
        yield self
        for part in self.parts():
            yield from part.walk()


class Term(Node):
    """A node without parts, which stands at places of a stream."""

    __slots__ = ()

    @abstractmethod
    def places(self, stream: Stream) -> Iterator[Place]:
        """Where it stands in a stream, each place once, in order."""

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether it stands anywhere."""
        return any(True for stream in document.streams(field) for _ in self.places(stream))

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """Its first places."""
        return evidence(document, field, self.places)


@dataclass(frozen=True, slots=True)
class And(Node):
    """All of its parts match."""

    members: tuple[Node, ...]

    @property
    def absent(self) -> bool:  # type: ignore[override]
        """Whether nothing in it must be there."""
        return all(part.absent for part in self.members)

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Those of every part."""
        return [anchor for part in self.members for anchor in part.anchors(anchoring, field)]

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether all match."""
        for part in self.members:  # noqa: SIM110 - a generator costs more than most terms
            if not part.holds(document, field):
                return False
        return True

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The places of every part."""
        return chain.from_iterable(part.find(document, field) for part in self.members)

    def parts(self) -> tuple[Node, ...]:
        """Its members."""
        return self.members

    def __str__(self) -> str:
        shown = [f"({part})" if isinstance(part, Or) else str(part) for part in self.members]
        return shown[0] + "".join(
            f" {text}" if isinstance(part, Not) else f" + {text}"
            for part, text in zip(self.members[1:], shown[1:], strict=True)
        )


@dataclass(frozen=True, slots=True)
class Or(Node):
    """At least one of its parts matches."""

    members: tuple[Node, ...]

    @property
    def absent(self) -> bool:  # type: ignore[override]
        """Whether one of them needs nothing to be there."""
        return any(part.absent for part in self.members)

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """One: the rarest of each part together."""
        return _either(self.members, anchoring, field)

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether one matches."""
        for part in self.members:  # noqa: SIM110 - likewise
            if part.holds(document, field):
                return True
        return False

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The places of those that match."""
        matching = (part for part in self.members if part.holds(document, field))
        return chain.from_iterable(part.find(document, field) for part in matching)

    def parts(self) -> tuple[Node, ...]:
        """Its members."""
        return self.members

    def __str__(self) -> str:
        return " | ".join(map(str, self.members))


@dataclass(frozen=True, slots=True)
class Not(Node):
    """Its part does not match. It gives no places."""

    part: Node

    absent = True  # a double negation too, by the definition of the language

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """None: absence has no key."""
        return []

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether the part does not match."""
        return not self.part.holds(document, field)

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """Nothing."""
        return iter(())

    def parts(self) -> tuple[Node, ...]:
        """The part that must not match."""
        return (self.part,)

    def __str__(self) -> str:
        return f"-{self.part}" if isinstance(self.part, SINGLE) else f"-({self.part})"


@dataclass(frozen=True, slots=True)
class Count(Node):
    """At least `least` of its parts match."""

    least: int
    members: tuple[Node, ...]

    @property
    def absent(self) -> bool:  # type: ignore[override]
        """Whether one of them needs nothing to be there: then it counts on absence."""
        return any(part.absent for part in self.members)

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Those of every part where all must match; else the rarest among so many that one of them must."""
        if self.least == len(self.members):
            return And(self.members).anchors(anchoring, field)
        best = [_best(part.anchors(anchoring, field), anchoring) for part in self.members]
        # Of k parts any k - n + 1 contain one that matches: the rarest so many will do.
        known = sorted((anchor for anchor in best if anchor is not None), key=anchoring.weight)
        enough = len(self.members) - self.least + 1
        return [frozenset().union(*known[:enough])] if len(known) >= enough else []

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether enough match; the rest is not looked at."""
        matching = (part for part in self.members if part.holds(document, field))
        return sum(1 for _ in islice(matching, self.least)) == self.least

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The places of those that match."""
        return Or(self.members).find(document, field)

    def parts(self) -> tuple[Node, ...]:
        """Its members."""
        return self.members

    def __str__(self) -> str:
        return f"{self.least} of ({', '.join(map(str, self.members))})"


@dataclass(frozen=True, slots=True)
class Field(Node):
    """Its part matches within one field."""

    name: str
    part: Node

    @property
    def absent(self) -> bool:  # type: ignore[override]
        """Whether its part needs nothing to be there."""
        return self.part.absent

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Those of its part, in this field."""
        return self.part.anchors(anchoring, self.name)

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether its part matches in this field."""
        return self.part.holds(document, self.name)

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The places in this field."""
        return self.part.find(document, self.name)

    def parts(self) -> tuple[Node, ...]:
        """What is looked for in the field."""
        return (self.part,)

    def __str__(self) -> str:
        return f"{self.name}:{self.part}" if isinstance(self.part, SINGLE) else f"{self.name}:({self.part})"


@dataclass(frozen=True, slots=True)
class ListRef(Node):
    """A named list: one of its entries matches, and the places say its name."""

    name: str
    entries: Node

    @property
    def absent(self) -> bool:  # type: ignore[override]
        """Whether an entry needs nothing to be there."""
        return self.entries.absent

    def anchors(self, anchoring: Anchoring, field: str = "") -> list[Anchor]:
        """Those of its entries."""
        return self.entries.anchors(anchoring, field)

    def holds(self, document: Document, field: str = "") -> bool:
        """Whether an entry matches."""
        return self.entries.holds(document, field)

    def find(self, document: Document, field: str = "") -> Iterator[Evidence]:
        """The places of the entries, with the name of the list."""
        return (replace(place, list=self.name) for place in self.entries.find(document, field))

    def __str__(self) -> str:
        return f"@{self.name}"


SINGLE = (Term, Count, Field, ListRef)  # what a sign or a field may stand before without parentheses


def together(kind: type[And | Or], members: Iterable[Node]) -> Node:
    """The members as one node; those of the same kind are taken in, and one alone stays itself."""
    flat: list[Node] = []
    for member in members:
        flat += member.parts() if isinstance(member, kind) else (member,)
    return kind(tuple(flat)) if len(flat) > 1 else flat[0]


def evidence(
    document: Document, field: str, found: Callable[[Stream], Iterator[Place]]
) -> Iterator[Evidence]:
    """The first places of a term in the streams of a field."""
    everywhere = (
        Evidence(stream.name, p.start, p.end, stream.text[p.start : p.end], p.term, p.how, p.list)
        for stream in document.streams(field)
        for p in found(stream)
    )
    return islice(everywhere, MOST_EVIDENCE)


def _best(anchors: list[Anchor], anchoring: Anchoring) -> Anchor | None:
    return min(anchors, key=anchoring.weight, default=None)


def _either(members: Iterable[Node], anchoring: Anchoring, field: str) -> list[Anchor]:
    best = [_best(part.anchors(anchoring, field), anchoring) for part in members]
    known = [anchor for anchor in best if anchor is not None]
    return [frozenset().union(*known)] if len(known) == len(best) else []
