"""The lexicons on disk: derived once from simplemma's tables, then mapped and shared by all processes."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from service.text.families import GRAMMARS, SHORTEST, Families, learn
from service.text.fold import fold
from service.text.lexicon import Entry, Lexicon, ending, pack

FORMAT = 3  # of the derivation; a new number builds anew
LANGUAGES = ("de", "en", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "pl", "ru", "uk")
ALIASES = {"no": "nb", "nn": "nb"}


def load(languages: Sequence[str], cache: Path | None = None) -> Mapping[str, Lexicon]:
    """The lexicons of these languages, each opened on first use; those without tables are left out."""
    return _Lexicons(
        [code for code in languages if ALIASES.get(code, code) in LANGUAGES], cache or cache_directory()
    )


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where derived tables are kept: systemd's cache directory, else the user's."""
    if given := environment.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wire-monitor"


class _Lexicons(Mapping[str, Lexicon]):
    """Opens a lexicon when it is first asked for."""

    def __init__(self, languages: Sequence[str], cache: Path) -> None:
        self._languages = dict.fromkeys(languages)
        self._cache = cache
        self._open: dict[str, Lexicon] = {}
        self._lock = Lock()

    def __getitem__(self, language: str) -> Lexicon:
        if language not in self._languages:
            raise KeyError(language)
        if language not in self._open:
            with self._lock:
                if language not in self._open:
                    self._open[language] = _open(ALIASES.get(language, language), self._cache)
        return self._open[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self._languages)

    def __len__(self) -> int:
        return len(self._languages)


def _open(language: str, cache: Path) -> Lexicon:
    path = cache / f"{language}-{version('simplemma')}-{FORMAT}.lexicon"
    try:
        return _map(language, path)
    except (OSError, ValueError):
        buffer = build(language)
    try:
        _write(path, buffer)
        return _map(language, path)
    except OSError:
        return Lexicon.read(language, buffer)


def _map(language: str, path: Path) -> Lexicon:
    with path.open("rb") as file:
        return Lexicon.read(language, memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


def _write(path: Path, buffer: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(buffer)
    Path(file.name).replace(path)


def build(language: str) -> bytes:
    """The buffer of a language's lexicon, derived from simplemma's table and our own lists."""
    nouns, others = _forms(language)
    own = _own_lists(language)
    families = None
    if language in GRAMMARS:
        for word in own["whole"] | {pair.replace("|", "") for pair in own["compounds"]}:
            nouns.setdefault(word, {word})
        families = learn(
            _paradigms(nouns),
            {lemma for lemmas in others.values() for lemma in lemmas},
            GRAMMARS[language],
            bound=own["bound"],
            barred=own["barred"],
            short=own["short"],
        )
    return pack(dict(_entries(nouns, others, families, own)))


Forms: TypeAlias = dict[str, set[str]]  # a folded form, and its folded lemmas


def _forms(language: str) -> tuple[Forms, Forms]:
    """The nouns of a language, and its other words; where case does not tell them apart, all are nouns."""
    from simplemma.strategies.dictionaries import DefaultDictionaryFactory

    nouns: Forms = defaultdict(set)
    others: Forms = defaultdict(set)
    for form, lemma in DefaultDictionaryFactory(1).get_dictionary(language).items():
        if form.isalpha() and lemma.isalpha():
            is_noun = language != "de" or (form[0].isupper() and lemma[0].isupper())
            (nouns if is_noun else others)[fold(form)].add(fold(lemma))
    return nouns, others


def _paradigms(forms: Forms) -> Forms:
    """Each lemma with all its forms."""
    paradigms: Forms = defaultdict(set)
    for form, lemmas in forms.items():
        for lemma in lemmas:
            paradigms[lemma].add(form)
    return paradigms


def _entries(
    nouns: Forms, others: Forms, families: Families | None, own: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Entry]]:
    """An entry for each form that stands alone or as a part."""
    empty: set[str] = set()
    modifiers = families.modifiers if families else {}
    tails = dict(families.tails) if families else {}
    tails |= dict.fromkeys(own["whole"], 0)
    tails |= {pair.replace("|", ""): len(pair.partition("|")[2]) for pair in own["compounds"]}
    for form in nouns.keys() | others.keys() | modifiers.keys():
        noun = tuple(ending(form, lemma) for lemma in sorted(nouns.get(form, empty)))
        other = tuple(ending(form, lemma) for lemma in sorted(others.get(form, empty)))
        if families is None:
            yield form, Entry(noun, other)
            continue
        barred = form in own["barred"] or (len(form) <= SHORTEST and form not in own["short"])
        floor = round(families.unseen) if noun and not barred else 0
        heads = [families.heads.get(lemma, floor) for lemma in nouns.get(form, empty)]
        yield (
            form,
            Entry(
                noun,
                other,
                families.stems.get(form, ()) if form in modifiers else (),
                modifier=0 if barred else round(modifiers.get(form, floor)),
                head=0 if barred else round(min(heads, default=0)),
                quality=8 if not own["adjectives"].isdisjoint(others.get(form, empty)) else 0,
                tail=tails.get(form, 0),
            ),
        )


def _own_lists(language: str) -> Mapping[str, frozenset[str]]:
    """The sections of our own list of a language, folded; a section that is not there is empty."""
    sections: defaultdict[str, set[str]] = defaultdict(set)
    listed = files("service.text") / f"words.{language}.txt"
    section = ""
    for line in listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else ():
        for word in line.partition("#")[0].split():
            if word.startswith("["):
                section = word.strip("[]")
            else:
                sections[section].add(fold(word))
    return defaultdict(frozenset, {name: frozenset(listed) for name, listed in sections.items()})
