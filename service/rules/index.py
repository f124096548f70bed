"""All rules against one item: a presearch by keys, then the exact evaluation of the few that are left.

Each rule stands in the index under the two rarest keys that an item must hold so that it can match; an
item is a set of keys, and finding its candidates is set arithmetic. A rule is added and removed in place.

Source: the two steps are those of Lucene's Monitor (presearcher and matcher); the second key, which
halves the candidates, is our own measurement.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from service.model import Evidence
from service.rules.document import Document, Reading, reading
from service.rules.nodes import Anchor, Anchoring, Node, Or
from service.rules.presearch import Regexes, Wildcards, is_regex, is_value, is_wildcard
from service.text.morphology import Morphology

MOST_PAIRS = 64  # keys that one alternative of a rule stands under; above it the second key is left out

# The share of items that are thought to hold a key of which no frequency is known.
SHARE_OF_WILDCARDS = 0.05
SHARE_OF_VALUES = 0.2
SHARE_OF_REGEXES = 1.0  # each costs a search of its own in every item
SHARE_PER_RULE = 1e-4  # a word that many rules name is common on the wire too


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
    if language and not document.language:
        document = document.read_as(language)
    if not query.holds(document):
        return None
    return tuple(dict.fromkeys(query.find(document)))


class RuleIndex:
    """Finds the rules that an item matches. Not for two threads at once.

    `frequency` gives the share of items that hold a key, where it is known; it only makes the presearch
    cheaper, never the answer another.
    """

    def __init__(self, morphology: Morphology, frequency: Callable[[str], float] | None = None) -> None:
        self._morphology = morphology
        self._frequency = frequency
        self._entries: dict[int, _Entry] = {}
        # First key -> second key -> rules. "" is a key that every item holds.
        self._rules: dict[str, dict[str, tuple[int, ...]]] = {}
        self._wildcards = Wildcards()
        self._regexes = Regexes()
        self._values = 0  # keys of fields by value in use; without any, no item is asked for them
        self._own: Counter[str] = Counter()  # languages that rules lend
        self._readings: dict[str, Reading] = {"": reading(morphology, "")}
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
        """The rules that the item matches, by id. A rule that fails is in `failures`."""
        self._learn(document.language)
        candidates = self._find(self._keys(document))
        self._candidates.update(candidates)
        self.failures = []
        read: dict[str, Document] = {"": document}
        matches = []
        for rule in candidates:
            entry = self._entries[rule]
            try:
                evidence = evaluate(entry.query, self._read(document, entry.language, read))
            except Exception as error:  # noqa: BLE001 - one rule must not silence the others
                self.failures.append(RuleFailure(rule, f"{type(error).__name__}: {error}"))
                continue
            if evidence is not None:
                matches.append(Match(rule, evidence))
        self._hits.update(match.rule for match in matches)
        return matches

    @staticmethod
    def _read(document: Document, language: str, read: dict[str, Document]) -> Document:
        """The item in a rule's language where it does not say its own, read once for all rules."""
        if document.language:
            return document
        if language not in read:
            read[language] = document.read_as(language)
        return read[language]

    def _find(self, keys: set[str]) -> list[int]:
        """The rules that may match an item with these keys."""
        found: set[int] = set()
        for bucket in filter(None, map(self._rules.get, keys)):
            for second in bucket.keys() & keys:
                found.update(bucket[second])
        return sorted(found)

    def _keys(self, document: Document) -> set[str]:
        """All keys of an item that rules may stand under."""
        keys = {"", *document.keys}
        if not document.language:
            for language in self._own:
                keys |= document.read_as(language).keys
        patterns = [*self._wildcards.found(keys), *self._regexes.found(document)]
        if self._values:
            keys |= document.values
        keys.update(patterns)
        return keys

    def _learn(self, language: str) -> None:
        """Take a language in that was not met before: rules then stand under its keys too.

        Languages that no item has are never opened, which spares their tables and time.
        """
        if language in self._readings or language not in self._morphology.languages:
            return
        self._readings[language] = reading(self._morphology, language)
        for rule, entry in list(self._entries.items()):
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
        for alternative in query.members if isinstance(query, Or) else (query,):
            anchors = sorted(set(alternative.anchors(anchoring)), key=self._share)
            first, second, *_ = (*anchors, frozenset({""}), frozenset({""}))
            if len(first) * len(second) > MOST_PAIRS:
                second = frozenset({""})
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
        if self._frequency:
            return self._frequency(key)
        rules = len(self._rules.get(key, ()))
        return 1 / (len(key) + 1) ** 2 + rules * SHARE_PER_RULE
