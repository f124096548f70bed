"""The keys under which words meet: a token matches a term where their key sets share a key.

A token has all that can be said of it: its folded form, its lemmas, the parts of a solid compound and
theirs. A term has only what it is meant to find. So matching is set arithmetic, and each distinct word is
analysed once and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from sys import intern

from service.text.compounds import LANGUAGES as COMPOUNDING
from service.text.compounds import parts
from service.text.fold import fold
from service.text.lexicon import Entry, Lexicon, apply

__all__ = ["Analysis", "Lexicon", "Morphology"]

REMEMBERED = 100_000  # words of one language; about 40 MB when full
NAME_LETTERS = 2  # what a name keeps at least before its genitive -s: Xis, Uns


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a token is made of, folded: so that a hit can be told as exact, inflected, or in a compound."""

    surface: str
    lemmas: frozenset[str] = frozenset()  # and a name without its genitive -s
    parts: frozenset[str] = frozenset()  # of a solid compound


class Morphology:
    """Analyses words by the lexicons it was given; a language without one gets folding alone.

    Languages are BCP 47 primary tags. May be shared among threads.
    """

    def __init__(self, lexicons: Mapping[str, Lexicon]) -> None:
        self._lexicons = lexicons
        self.languages = frozenset(lexicons)
        self._keys: dict[str, _Memory] = {}
        self._inflections: dict[str, _Memory] = {}

    def table(self, language: str) -> Mapping[str, frozenset[str]]:
        """The keys of each token of a language, computed on first use: `table[word]` is `keys(word)`."""
        if (memory := self._keys.get(language)) is None:
            memory = self._keys.setdefault(language, _Memory(lambda word: self._all_keys(word, language)))
        return memory

    def keys(self, word: str, language: str) -> frozenset[str]:
        """All keys of a token: its folded form, its lemmas, its parts and theirs."""
        return self.table(language)[word]

    def inflections(self, word: str, language: str) -> frozenset[str]:
        """The keys of a token inside a phrase: its folded form and its lemmas, no parts."""
        if (memory := self._inflections.get(language)) is None:
            compute = _Memory(lambda token: self._whole_keys(token, language))
            memory = self._inflections.setdefault(language, compute)
        return memory[word]

    def analyse(self, word: str, language: str) -> Analysis:
        """The keys of a token, told apart."""
        surface = fold(word)
        whole = self.inflections(word, language)
        return Analysis(surface, whole - {surface}, self.keys(word, language) - whole)

    def term(self, word: str, language: str) -> frozenset[str]:
        """The keys of a rule's word: a token matches where it shares one.

        A word that is its own lemma is not widened to another (Reise is not Reis); an inflected one
        is taken back to its lemma. Written small, it is read in both cases. A German agent noun finds
        its feminine, not the other way round.
        """
        surface = fold(word)
        keys = {surface}
        if entry := self._entry(surface, language):
            small = not word[:1].isupper()
            readings = (entry.nouns, entry.others) if small else (entry.nouns or entry.others,)
            for lemmas in (apply(surface, endings) for endings in readings):
                if surface not in lemmas:
                    keys.update(lemmas)
        if language == "de" and language in self.languages:
            keys.update(self._feminine(surface))
        return _frozen(keys)

    def phrase_word(self, word: str, language: str) -> frozenset[str]:
        """The keys of a word inside a phrase, to compare with `inflections` of a token.

        Any inflection, and always itself with an s; never a compound that contains it.
        """
        surface = fold(word)
        keys = {surface, f"{surface}s"}
        if entry := self._entry(surface, language):
            keys.update(apply(surface, entry.nouns + entry.others))
        return _frozen(keys)

    def _entry(self, surface: str, language: str) -> Entry | None:
        lexicon = self._lexicons.get(language)
        return lexicon.entry(surface) if lexicon else None

    def _feminine(self, surface: str) -> Iterable[str]:
        """Ministerin for Minister, Expertin for Experte: after -er, or where the plural is known."""
        stem = surface.removesuffix("e")
        if surface.endswith("er") or self._entry(f"{stem}innen", "de"):
            yield f"{stem}in"

    def _whole_keys(self, word: str, language: str) -> frozenset[str]:
        """The keys of a token as a whole."""
        surface = fold(word)
        keys = {surface}
        capital = word[:1].isupper()
        entry = self._entry(surface, language)
        if entry:
            first, second = (entry.nouns, entry.others) if capital else (entry.others, entry.nouns)
            keys.update(apply(surface, first or second))
        # A capital that is no known noun is most often a name; so Uns may be the genitive of Un.
        is_name = capital and language in self.languages and not (entry and entry.nouns)
        if is_name and surface.endswith("s") and len(surface) > NAME_LETTERS:
            keys.add(surface[:-1])
        return _frozen(keys)

    def _all_keys(self, word: str, language: str) -> frozenset[str]:
        """The keys of a token and of its parts."""
        keys = self.inflections(word, language)
        surface = fold(word)
        if "\uac00" <= surface[:1] <= "\ud7a3":
            # Korean particles follow without a blank: a token has all that it begins with.
            keys |= {surface[:end] for end in range(1, len(surface))}
        lexicon = self._lexicons.get(language)
        if lexicon is not None and lexicon.language in COMPOUNDING:
            keys |= parts(surface, lexicon, adjective=_is_adjective(word, surface, lexicon))
        return _frozen(keys)


def _is_adjective(word: str, surface: str, lexicon: Lexicon) -> bool:
    """Whether a German word is no noun: by its small letter, or as it is only known without a capital."""
    if lexicon.language != "de":
        return False
    entry = lexicon.entry(surface)
    if word[:1].islower():
        return entry is None or bool(entry.others) or not entry.nouns
    return entry is not None and bool(entry.others) and not entry.nouns


def _frozen(keys: Iterable[str]) -> frozenset[str]:
    """The keys, each string kept once in the process: the same few lemmas come back in many words."""
    return frozenset(map(intern, keys))


class _Memory(dict[str, frozenset[str]]):
    """Remembers what was computed for a word; when full, the older half goes."""

    def __init__(self, compute: Callable[[str], frozenset[str]]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, word: str) -> frozenset[str]:
        if len(self) >= REMEMBERED:
            for old in list(self)[: REMEMBERED // 2]:
                self.pop(old, None)
        keys = self[word] = self._compute(word)
        return keys
