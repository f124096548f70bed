"""The live rules: stored rules in, hits of an item out, kept up to date change by change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from service.errors import QueryError
from service.model import Evidence, Item, Rule
from service.rules.document import Document
from service.rules.grammar import LONGEST, KnownLists, parse
from service.rules.index import RuleFailure, RuleIndex, Tally
from service.rules.nodes import ListRef, Node
from service.text.morphology import Morphology

# The canonical text of a query may be longer than what was typed: it has blanks and signs of its own.
LONGEST_CANONICAL = 4 * LONGEST


class Watchlist:
    """The rules that are matched now. Not for two threads at once."""

    def __init__(self, morphology: Morphology) -> None:
        self._morphology = morphology
        self._index = RuleIndex(morphology)
        self._rules: dict[int, Rule] = {}
        self._broken: dict[int, str] = {}
        self._lists: dict[str, tuple[str, ...]] = {}
        self._known: KnownLists = {}  # each list is read once for all rules
        self._named: dict[int, frozenset[str]] = {}  # the lists that a rule names, directly or by another

    @property
    def rules(self) -> Mapping[int, Rule]:
        """The enabled rules by id, those that are broken included."""
        return self._rules

    @property
    def broken(self) -> Mapping[int, str]:
        """Why a rule is not matched: its query is refused, as after a list that it names has gone."""
        return self._broken

    @property
    def failures(self) -> Sequence[RuleFailure]:
        """The rules that failed on the last item."""
        return self._index.failures

    @property
    def counters(self) -> Mapping[int, Tally]:
        """How often each rule was evaluated, and how often it matched, since it was loaded."""
        return self._index.counters

    def update(
        self, rules: Iterable[Rule], removed: Iterable[int], lists: Mapping[str, Sequence[str]]
    ) -> None:
        """Take in rules that are new or changed, drop those `removed`, and what changed in `lists`.

        A disabled rule is dropped. A rule that names a changed list is compiled anew.
        """
        for rule_id in removed:
            self._drop(rule_id)
        changed = {rule.id: rule for rule in rules}
        stale = self._take_in(lists)
        again = [
            rule for rule in self._rules.values() if rule.id not in changed and self._is_stale(rule, stale)
        ]
        for rule in (*changed.values(), *again):
            if rule.enabled:
                self._compile(rule)
            else:
                self._drop(rule.id)

    def match(self, item: Item, source: str = "") -> list[tuple[Rule, tuple[Evidence, ...]]]:
        """The rules that the item matches, by id, each with its places; `source` is the source's name."""
        if not self._rules:
            return []
        document = Document.of(item, self._morphology, source=source)
        return [(self._rules[match.rule], match.evidence) for match in self._index.match(document)]

    def _take_in(self, lists: Mapping[str, Sequence[str]]) -> frozenset[str]:
        """The names of the lists that came, went or changed."""
        now = {name: tuple(entries) for name, entries in lists.items()}
        stale = {name for name in now.keys() | self._lists.keys() if now.get(name) != self._lists.get(name)}
        self._lists = now
        if stale:
            self._known.clear()
        return frozenset(stale)

    def _is_stale(self, rule: Rule, lists: frozenset[str]) -> bool:
        if rule.id in self._broken:
            return bool(lists)
        return not lists.isdisjoint(self._named.get(rule.id, ()))

    def _compile(self, rule: Rule) -> None:
        self._drop(rule.id)
        self._rules[rule.id] = rule
        try:
            query = parse(rule.query, self._lists, longest=LONGEST_CANONICAL, known=self._known)
        except QueryError as error:
            self._broken[rule.id] = f"{error.problem} ({error.hint})" if error.hint else error.problem
            return
        if named := frozenset(_lists_of(query)):
            self._named[rule.id] = named
        self._index.add(rule.id, query, rule.language)

    def _drop(self, rule_id: int) -> None:
        self._rules.pop(rule_id, None)
        self._broken.pop(rule_id, None)
        self._named.pop(rule_id, None)
        self._index.remove(rule_id)


def _lists_of(query: Node) -> Iterator[str]:
    """The names of the lists in a query, those inside of lists too."""
    for node in query.walk():
        if isinstance(node, ListRef):
            yield node.name
            yield from _lists_of(node.entries)
