"""All rules against one item: a presearch by keys, then the exact evaluation of the few that are left.

Each rule stands in the index under the two rarest keys that an item must hold so that it can match; an
item is a set of keys, and finding its candidates is set arithmetic. A rule is added and removed in place.

Source: the two steps are those of Lucene's Monitor (presearcher and matcher); the second key, which
halves the candidates, is our own measurement.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from service.model import Evidence
from service.rules.document import Document, Reading, reading
from service.rules.nodes import Anchor, Anchoring, And, ListRef, Node, Or
from service.rules.presearch import Regexes, Wildcards, is_regex, is_value, is_wildcard
from service.text.morphology import Morphology

MOST_PAIRS = 64  # keys that one alternative of a rule stands under; above it the second key is left out

# The share of items that are thought to hold a key of which no frequency is known.
SHARE_OF_WILDCARDS = 0.05
SHARE_OF_VALUES = 0.2
SHARE_OF_REGEXES = 1.0  # each costs a search of its own in every item
SHARE_PER_RULE = 1e-4

SAMPLE = 500  # items whose keys are counted: a key in one of a hundred is told from one in a thousand
SETTLED_PER_ITEM = 50  # rules placed anew with one item, well under a millisecond


ANYTHING: Anchor = frozenset({""})  # the key that every item holds


class Match(NamedTuple):
    """A rule that an item matches, with the places."""

    rule: int
    evidence: tuple[Evidence, ...]


class RuleFailure(NamedTuple):
    """A rule that could not be evaluated; the others went on."""

    rule: int
    reason: str


class Tally(NamedTuple):
    """How often a rule was evaluated, and how often it matched."""

    candidates: int
    hits: int


@dataclass(frozen=True, slots=True)
class _Entry:
    query: Node
    language: str
    pairs: tuple[tuple[str, str], ...]


def evaluate(query: Node, document: Document, language: str = "") -> tuple[Evidence, ...] | None:
    """The places where a query matches, each once, in the order of the query; None where it does not.

    `language` is the rule's own: an item that does not say its language is read in it.
    """
    document = document.read_as(language)
    return _places(query, document) if query.holds(document) else None


def _places(query: Node, document: Document) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(query.find(document)))


class RuleIndex:
    """Finds the rules that an item matches. Not for two threads at once.

    Which keys are rare it learns from the first items; then every rule is placed anew, some with each
    item. That only makes the search cheaper, never the answer another.
    """

    def __init__(self, morphology: Morphology) -> None:
        self._morphology = morphology
        self._entries: dict[int, _Entry] = {}
        # First key -> second key -> rules. "" is a key that every item holds.
        self._rules: dict[str, dict[str, tuple[int, ...]]] = {}
        self._wildcards = Wildcards()
        self._regexes = Regexes()
        self._values = 0  # keys of fields by value in use; without any, no item is asked for them
        self._own: Counter[str] = Counter()  # languages that rules lend
        self._readings: dict[str, Reading] = {"": reading(morphology, "")}
        self._seen: Counter[str] = Counter()  # how many of the sampled items hold a key
        self._sampled = 0
        self._unsettled: list[int] = []  # rules that were placed before the sample was whole
        self._candidates: Counter[int] = Counter()
        self._hits: Counter[int] = Counter()
        self.failures: list[RuleFailure] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def counters(self) -> Mapping[int, Tally]:
        """What was counted for each rule since it was added."""
        return {rule: Tally(self._candidates[rule], self._hits[rule]) for rule in self._entries}

    def add(self, rule_id: int, query: Node, language: str = "") -> None:
        """Match the rule from the next item on; one that is there already is replaced."""
        self.remove(rule_id)
        if language:
            self._own[language] += 1
            self._learn(language)
        self._insert(rule_id, query, language)

    def remove(self, rule_id: int) -> None:
        """Match the rule no more; nothing happens where it is not there."""
        entry = self._entries.pop(rule_id, None)
        if entry is None:
            return
        self._withdraw(rule_id, entry)
        del self._candidates[rule_id], self._hits[rule_id]
        if entry.language:
            self._own[entry.language] -= 1
            self._own += Counter()  # drops what is zero

    def match(self, document: Document) -> list[Match]:
        """The rules that the item matches, by id, with the places. A rule that fails is in `failures`."""
        matches = []
        for rule in self.hits(document):
            entry = self._entries[rule]
            try:
                matches.append(Match(rule, _places(entry.query, document.read_as(entry.language))))
            except Exception as error:  # noqa: BLE001 - one rule must not silence the others
                self._fail(rule, error)
        return matches

    def hits(self, document: Document) -> list[int]:
        """The rules that the item matches, by id, without the places: what is asked for is found out."""
        self._learn(document.language)
        self._settle(document)
        candidates = self._find(self._keys(document))
        self.failures = []
        hits = []
        for rule in candidates:
            entry = self._entries[rule]
            try:
                if entry.query.holds(document.read_as(entry.language)):
                    hits.append(rule)
            except Exception as error:  # noqa: BLE001 - likewise
                self._fail(rule, error)
        self._candidates.update(candidates)
        self._hits.update(hits)
        return hits

    def _fail(self, rule: int, error: Exception) -> None:
        self.failures.append(RuleFailure(rule, f"{type(error).__name__}: {error}"))

    def _find(self, keys: set[str]) -> list[int]:
        """The rules that may match an item with these keys."""
        found: set[int] = set()
        for bucket in filter(None, map(self._rules.get, keys)):
            if not bucket.keys().isdisjoint(keys):  # nearly always they are, and no set need be made
                for second in bucket.keys() & keys:
                    found.update(bucket[second])
        return sorted(found)

    def _keys(self, document: Document) -> set[str]:
        """All keys of an item that rules may stand under."""
        keys = document.keys
        if not document.language and self._own:
            keys = keys.union(*(document.read_as(language).keys for language in self._own))
        more = {*self._wildcards.found(keys), *self._regexes.found(document)}
        if self._values:
            more |= document.values
        return keys | more if more else keys

    def _learn(self, language: str) -> None:
        """Take a language in that was not met before: rules then stand under its keys too.

        Languages that no item has are never opened, which spares their tables and time.
        """
        if language in self._readings or language not in self._morphology.languages:
            return
        self._readings[language] = reading(self._morphology, language)
        for rule in list(self._entries):
            self._replace(rule)

    def _settle(self, document: Document) -> None:
        """Count the keys of the first items; once there are enough, place some rules anew by them."""
        if self._sampled < SAMPLE:
            self._seen.update(document.keys)
            self._sampled += 1
            if self._sampled == SAMPLE:
                self._unsettled = list(self._entries)
        elif self._unsettled:
            for rule in self._unsettled[-SETTLED_PER_ITEM:]:
                self._replace(rule)
            del self._unsettled[-SETTLED_PER_ITEM:]

    def _replace(self, rule: int) -> None:
        if entry := self._entries.get(rule):
            self._withdraw(rule, entry)
            self._insert(rule, entry.query, entry.language)

    def _insert(self, rule: int, query: Node, language: str) -> None:
        pairs = tuple(dict.fromkeys(self._choose(query)))
        self._entries[rule] = _Entry(query, language, pairs)
        for first, second in pairs:
            bucket = self._rules.setdefault(first, {})
            bucket[second] = (*bucket.get(second, ()), rule)
            self._watch(first)
            self._watch(second)

    def _withdraw(self, rule: int, entry: _Entry) -> None:
        for first, second in entry.pairs:
            bucket = self._rules[first]
            bucket[second] = tuple(other for other in bucket[second] if other != rule)
            if not bucket[second]:
                del bucket[second]
            if not bucket:
                del self._rules[first]
            self._forget(first)
            self._forget(second)

    def _watch(self, key: str) -> None:
        if is_regex(key):
            self._regexes.add(key)
        elif is_wildcard(key):
            self._wildcards.add(key)
        elif is_value(key):
            self._values += 1

    def _forget(self, key: str) -> None:
        if is_regex(key):
            self._regexes.remove(key)
        elif is_wildcard(key):
            self._wildcards.remove(key)
        elif is_value(key):
            self._values -= 1

    def _choose(self, query: Node) -> Iterator[tuple[str, str]]:
        """The pairs of keys to stand under: for each alternative those of its two rarest anchors."""
        anchoring = Anchoring(tuple(self._readings.values()), self._share)
        for alternative in _alternatives(query):
            anchors = sorted(set(alternative.anchors(anchoring)), key=self._share)
            first, second, *_ = (*anchors, ANYTHING, ANYTHING)
            if len(first) * len(second) > MOST_PAIRS:
                second = ANYTHING
            yield from product(map(sys.intern, first), map(sys.intern, second))

    def _share(self, anchor: Anchor) -> float:
        """The share of items that hold one of these keys, as far as it is known."""
        return sum(map(self._share_of, anchor))

    def _share_of(self, key: str) -> float:
        if is_regex(key):
            return SHARE_OF_REGEXES
        if is_wildcard(key):
            return SHARE_OF_WILDCARDS
        if is_value(key):
            return SHARE_OF_VALUES
        if self._sampled == SAMPLE:
            return self._seen[key] / SAMPLE
        # A long word is rare, and one that many rules name is common on the wire too.
        rules = len(self._rules.get(key, ()))
        return 1 / (len(key) + 1) ** 2 + rules * SHARE_PER_RULE


def _alternatives(query: Node) -> list[Node]:
    """Queries one of which must hold, each with rare keys of its own: the first `or` is multiplied out."""
    if isinstance(query, ListRef):
        return _alternatives(query.entries)
    if isinstance(query, Or):
        return list(query.members)
    if isinstance(query, And):
        for number, part in enumerate(query.members):
            branches = _alternatives(part) if isinstance(part, (Or, ListRef)) else []
            if 1 < len(branches) <= MOST_PAIRS:
                rest = query.members[:number] + query.members[number + 1 :]
                return [And((*rest, branch)) for branch in branches]
    return [query]
