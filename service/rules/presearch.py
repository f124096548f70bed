"""Which patterns an item holds, found for all rules at once: wildcards by automaton, expressions one by one.

Patterns stand in the index as keys beside words; an item is given the keys of those that it holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import ahocorasick_rs

from service.rules.document import Document
from service.rules.patterns import compiled_regex, encodable, haystack, needle

FRESH = 64  # wildcards that are looked for one by one before the automaton is built anew


def is_wildcard(key: str) -> bool:
    """Whether a key of the index is a wildcard; folded words hold no star."""
    return "*" in key and not is_regex(key)


def is_regex(key: str) -> bool:
    """Whether a key of the index is a regular expression; folded words hold no slash."""
    return key.startswith("/")


def is_value(key: str) -> bool:
    """Whether a key of the index is a field with its value; folded words hold no colon."""
    return ":" in key and not is_regex(key)


class Wildcards:
    """A set of wildcards that an item is searched for, in one pass over its keys."""

    def __init__(self) -> None:
        self._users: Counter[str] = Counter()
        self._built: list[str] = []
        self._automaton: ahocorasick_rs.AhoCorasick | None = None
        self._fresh: dict[str, str] = {}  # needle by wildcard: added since the automaton was built

    def add(self, wildcard: str) -> None:
        """Look for it from the next item on."""
        self._users[wildcard] += 1
        if self._users[wildcard] == 1:
            self._fresh[wildcard] = needle(wildcard)

    def remove(self, wildcard: str) -> None:
        """Take one user away; without any it is found no more after the next building."""
        self._users[wildcard] -= 1
        if not self._users[wildcard]:
            del self._users[wildcard]
            self._fresh.pop(wildcard, None)

    def found(self, keys: Iterable[str]) -> list[str]:
        """The wildcards that one of the keys fits."""
        if not self._users:
            return []
        if len(self._fresh) > FRESH + len(self._built) // 4 or len(self._built) > FRESH + 2 * len(
            self._users
        ):
            self._build()
        words = haystack(keys)
        found = [wildcard for wildcard, sought in self._fresh.items() if sought in words]
        if self._automaton:
            hits = self._automaton.find_matches_as_indexes(words, overlapping=True)
            found += {self._built[number] for number, _, _ in hits}
        return found

    def _build(self) -> None:
        self._built = list(self._users)
        self._automaton = ahocorasick_rs.AhoCorasick([needle(wildcard) for wildcard in self._built])
        self._fresh = {}


class Regexes:
    """A set of regular expressions that an item is searched for.

    Each runs by itself: RE2's sets may give up on memory and then find nothing, without a word.
    """

    def __init__(self) -> None:
        self._users: Counter[str] = Counter()

    def add(self, regex: str) -> None:
        """Look for it from the next item on."""
        self._users[regex] += 1

    def remove(self, regex: str) -> None:
        """Take one user away."""
        self._users[regex] -= 1
        if not self._users[regex]:
            del self._users[regex]

    def found(self, document: Document) -> Iterator[str]:
        """The expressions that match somewhere in the text."""
        if not self._users:
            return
        texts = [encodable(stream.text).encode() for stream in document.streams() if stream.text]
        for regex in self._users:
            search = compiled_regex(regex[1:-1]).search
            if any(map(search, texts)):
                yield regex
