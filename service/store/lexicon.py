"""The lexicons on disk: derived once from simplemma's tables, then mapped and shared by all processes."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Lock

from service.text.compounds import LINKS
from service.text.fold import fold
from service.text.lexicon import Ending, Entry, Lexicon, ending, pack

FORMAT = 1  # of the derivation; a new number builds anew
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
    """The buffer of a language's lexicon."""
    from simplemma.strategies.dictionaries import DefaultDictionaryFactory

    capitals = language == "de"
    nouns: defaultdict[str, dict[Ending, None]] = defaultdict(dict)
    others: defaultdict[str, dict[Ending, None]] = defaultdict(dict)
    for form, lemma in DefaultDictionaryFactory(1).get_dictionary(language).items():
        if not (form.isalpha() and lemma.isalpha()):
            continue
        folded = fold(form)
        group = nouns if form[0].isupper() and capitals else others
        group[folded][ending(folded, fold(lemma))] = None
    entries = {}
    for form in nouns.keys() | others.keys():
        noun, other = tuple(sorted(nouns.get(form, ()))), tuple(sorted(others.get(form, ())))
        usable = noun if capitals else other
        cost = 10 if len(form) > 4 else 20
        part = cost if language in LINKS and usable and len(form) > 3 else 0
        entries[form] = Entry(noun, other, part, part)
    return pack(entries)
