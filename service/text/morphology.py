"""The keys under which words meet: a token matches a term where their key sets share a key.

Each distinct word is analysed once and remembered, so that matching is set arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.text.compounds import LANGUAGES as COMPOUNDING
from service.text.compounds import parts
from service.text.fold import fold
from service.text.lexicon import Entry, Lexicon, apply

__all__ = ["Analysis", "Lexicon", "Morphology"]

REMEMBERED = 200_000  # words of one language; about 60 MB when full
NAME_LETTERS = 2  # a name keeps at least these before its genitive -s


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a token is made of, all folded."""

    surface: str
    lemmas: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()  # of a solid compound, with their lemmas


class Morphology:
    """Analyses words by the lexicons it was given; a language without one gets folding alone."""

    def __init__(self, lexicons: Mapping[str, Lexicon]) -> None:
        self._lexicons = lexicons
        self.languages = frozenset(lexicons)
        self._keys: dict[str, _Memory] = {}
        self._inflections: dict[str, _Memory] = {}

    def table(self, language: str) -> Mapping[str, frozenset[str]]:
        """The keys of each token of a language, computed on first use: `table[word]` is `keys(word)`."""
        memory = self._keys.get(language)
        if memory is None:
            memory = self._keys.setdefault(language, _Memory(lambda word: self._all(word, language)))
        return memory

    def keys(self, word: str, language: str) -> frozenset[str]:
        """All keys of a token: its folded form, its lemmas, its parts and theirs."""
        return self.table(language)[word]

    def inflections(self, word: str, language: str) -> frozenset[str]:
        """The keys of a token inside a phrase: its folded form and lemmas, no parts."""
        memory = self._inflections.get(language)
        if memory is None:
            memory = self._inflections.setdefault(
                language, _Memory(lambda token: self._whole(token, language))
            )
        return memory[word]

    def analyse(self, word: str, language: str) -> Analysis:
        """The parts of a token's keys told apart, so that a hit can say how it came about."""
        whole = self.inflections(word, language)
        surface = fold(word)
        return Analysis(surface, whole - {surface}, self.keys(word, language) - whole)

    def term(self, word: str, language: str) -> frozenset[str]:
        """The keys of a rule's word: a token matches where it shares one.

        A word that is its own lemma is not widened to another (Reise is not Reis); an inflected one
        is taken back to its lemma. Written small, it is read in both cases.
        """
        surface = fold(word)
        entry = self._entry(surface, language)
        if entry is None:
            return frozenset((surface,))
        readings = [entry.nouns or entry.others]
        if not word[:1].isupper():
            readings = [entry.nouns, entry.others]
        keys = {surface}
        for endings in readings:
            lemmas = apply(surface, endings)
            if surface not in lemmas:
                keys.update(lemmas)
        if language == "de" and f"{surface}in" and self._entry(f"{surface}in", language):
            keys.add(f"{surface}in")
        return frozenset(keys)

    def phrase_word(self, word: str, language: str) -> frozenset[str]:
        """The keys of a word inside a phrase, to compare with `inflections` of a token.

        Any inflection, and always itself with an s; never a compound that contains it.
        """
        surface = fold(word)
        keys = {surface, f"{surface}s"}
        if entry := self._entry(surface, language):
            keys.update(apply(surface, entry.nouns + entry.others))
        return frozenset(keys)

    def _entry(self, surface: str, language: str) -> Entry | None:
        lexicon = self._lexicons.get(language)
        return lexicon.entry(surface) if lexicon else None

    def _whole(self, word: str, language: str) -> frozenset[str]:
        surface = fold(word)
        lexicon = self._lexicons.get(language)
        if lexicon is None:
            return frozenset((surface,))
        entry = lexicon.entry(surface)
        keys = {surface}
        capital = word[:1].isupper()
        if entry:
            keys.update(
                apply(surface, (entry.nouns or entry.others) if capital else (entry.others or entry.nouns))
            )
        if capital and surface.endswith("s") and len(surface) > NAME_LETTERS and not (entry and entry.nouns):
            keys.add(surface[:-1])
        return frozenset(keys)

    def _all(self, word: str, language: str) -> frozenset[str]:
        keys = set(self.inflections(word, language))
        surface = fold(word)
        if "\uac00" <= surface[:1] <= "\ud7a3":
            keys.update(surface[:end] for end in range(1, len(surface)))
        lexicon = self._lexicons.get(language)
        if lexicon is not None and lexicon.language in COMPOUNDING:
            keys |= parts(surface, lexicon, adjective=_is_adjective(word, surface, lexicon))
        return frozenset(keys)


def _is_adjective(word: str, surface: str, lexicon: Lexicon) -> bool:
    """Whether German writes the word small, so that it is no noun."""
    if lexicon.language != "de" or not word[:1].islower():
        return False
    entry = lexicon.entry(surface)
    return entry is None or bool(entry.others) or not entry.nouns


class _Memory(dict[str, frozenset[str]]):
    """Remembers what was computed for a word; when full, the older half goes."""

    def __init__(self, compute: Callable[[str], frozenset[str]]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, word: str) -> frozenset[str]:
        if len(self) >= REMEMBERED:
            for old in list(self)[: REMEMBERED // 2]:
                self.pop(old, None)
        keys = self._compute(word)
        self[word] = keys
        return keys
