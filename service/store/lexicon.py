"""The lexicons on disk: derived once from simplemma's tables, then mapped and shared by all processes.

Deriving takes some 15 seconds and several hundred megabytes for a large language. It happens on the first
use of a language, in a process of its own, and its fruit is kept in the cache directory. For German and
English an installation brings the fruit along: `hatch_build.py` derives it when the package is built.
"""

from __future__ import annotations

import fcntl
import gc
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TypeAlias
from zlib import crc32

from service.text.families import GRAMMARS, LISTED, Families, learn
from service.text.fold import fold
from service.text.lexicon import Entry, Lexicon, ending, pack

FORMAT = 9  # of the derivation: another number derives anew
LANGUAGES = frozenset(["de", "en", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "pl", "ru", "uk"])
SHIPPED = Path(__file__).parent / "lexicons"  # in an installed package
ALIASES = {"no": "nb", "nn": "nb"}
ADJECTIVE_COST = 8  # bits of a listed last part of adjectives (steuer-frei)

Forms: TypeAlias = dict[str, tuple[str, ...]]  # a folded form, and its folded lemmas


def load(languages: Sequence[str], cache: Path | None = None) -> Mapping[str, Lexicon]:
    """The lexicons of these languages, each opened on its first use; what has no tables is left out.

    `cache` is a directory; without one it is `$CACHE_DIRECTORY`, else `wire-monitor` in the user's. Where it
    cannot be written the tables are derived into memory.
    """
    known = [code for code in languages if ALIASES.get(code, code) in LANGUAGES]
    return _Lexicons(known, cache or cache_directory())


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where derived tables are kept: the directory systemd gives, else the user's (XDG Base Directory)."""
    if given := environment.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0])
    try:
        return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wire-monitor"
    except RuntimeError:  # no home directory, as in a bare container
        return Path(tempfile.gettempdir()) / "wire-monitor"


class _Lexicons(Mapping[str, Lexicon]):
    """Opens a lexicon when it is first asked for; safe to share among threads."""

    def __init__(self, languages: Sequence[str], cache: Path) -> None:
        self._languages = dict.fromkeys(languages)
        self._cache = cache
        self._open: dict[str, Lexicon] = {}
        self._lock = Lock()

    def __getitem__(self, language: str) -> Lexicon:
        if found := self._open.get(language):
            return found
        if language not in self._languages:
            raise KeyError(language)
        with self._lock:
            if language not in self._open:
                self._open[language] = _open(ALIASES.get(language, language), self._cache)
            return self._open[language]

    def __iter__(self) -> Iterator[str]:
        return iter(self._languages)

    def __len__(self) -> int:
        return len(self._languages)


def _open(language: str, directory: Path) -> Lexicon:
    """The lexicon from its file; where that is missing, old or broken, derived first."""
    path = directory / file_name(language)
    for kept in (SHIPPED / path.name, path):
        with suppress(OSError, ValueError):
            return _map(language, kept)
    try:
        with _alone(directory / f"{language}.lock"):
            try:
                return _map(language, path)  # another process may have made it meanwhile
            except (OSError, ValueError):
                _derive(language, path)
            return _map(language, path)
    except (OSError, ValueError, subprocess.SubprocessError):
        return Lexicon.read(language, build(language))


def file_name(language: str) -> str:
    """The name of the file, of all that its content depends on: simplemma's data, our lists, the format."""
    return f"{language}-{version('simplemma')}-{FORMAT}-{crc32(_own_text(language).encode()):08x}.lexicon"


def _map(language: str, path: Path) -> Lexicon:
    with path.open("rb") as file:
        return Lexicon.read(language, memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process derives the same tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _derive(language: str, path: Path) -> None:
    """Write the file in a process of its own, so that this one does not grow by what it takes to make it."""
    home = Path(__file__).parents[2]
    subprocess.run(  # noqa: S603 - our own module, nothing of it from outside
        [sys.executable, "-m", __name__, language, str(path.absolute())],
        check=True,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _write(path: Path, buffer: bytes) -> None:
    """Put the file in its place in one step, and remove the older editions beside it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(buffer)
    Path(file.name).replace(path)
    for older in path.parent.glob(f"{path.name.partition('-')[0]}-*.lexicon"):
        if older != path:
            older.unlink(missing_ok=True)


def build(language: str) -> bytes:
    """The buffer of a language's lexicon, derived from simplemma's table and our own lists."""
    nouns, others = _forms(language)
    own = _own_lists(language)
    tails = dict.fromkeys(own["whole"], 0) | _tails(own["compounds"])
    nouns |= {word: (word,) for word in (tails.keys() | own["nouns"]) - nouns.keys()}
    if language not in GRAMMARS:
        return pack(
            {form: Entry(_endings(form, lemmas), tail=tails.get(form, 0)) for form, lemmas in nouns.items()}
        )
    families = learn(
        _paradigms(nouns),
        set(chain.from_iterable(others.values())),
        GRAMMARS[language],
        bound=own["bound"],
        barred=own["barred"],
        short=own["short"],
    )
    return pack(dict(_entries(nouns, others, replace(families, tails={**families.tails, **tails}), own)))


def _tails(compounds: Iterable[str]) -> dict[str, int]:
    """The letters of the head of each compound in our own list, which parts its words by a bar."""
    return {pair.replace("|", ""): len(pair.partition("|")[2]) for pair in compounds}


def _forms(language: str) -> tuple[Forms, Forms]:
    """The nouns of a language, and its other words; where case does not tell them apart, all are nouns."""
    from simplemma.strategies.dictionaries import DefaultDictionaryFactory

    folded = cache(fold)
    alone = cache(lambda lemma: (lemma,))
    nouns: Forms = {}
    others: Forms = {}
    for form, lemma in DefaultDictionaryFactory(1).get_dictionary(language).items():
        if form.isalpha() and lemma.isalpha():
            group = others if language == "de" and (form[0].islower() or lemma[0].islower()) else nouns
            key, found = fold(form), alone(folded(lemma))
            known = group.get(key)
            group[key] = found if known is None or known == found else tuple(sorted({*known, *found}))
    endings = GRAMMARS[language].endings if language in GRAMMARS else ()
    _add_regular(nouns, endings)
    return nouns, others


def _add_regular(nouns: Forms, endings: Iterable[str]) -> None:
    """Give an inflected form the noun back that it is regular of, where the table has another lemma alone.

    The table names one lemma for a form: Danish priser is of prise there, and of pris nowhere.
    """
    lemmas = set(chain.from_iterable(nouns.values()))
    for form, known in nouns.items():
        if form not in known:
            stems = {form.removesuffix(ending) for ending in endings if form.endswith(ending)}
            if more := (stems & lemmas) - {*known}:
                nouns[form] = tuple(sorted({*known, *more}))


def _paradigms(forms: Forms) -> dict[str, set[str]]:
    """Each lemma with all its forms."""
    paradigms: dict[str, set[str]] = {}
    for form, lemmas in forms.items():
        for lemma in lemmas:
            paradigms.setdefault(lemma, set()).add(form)
    return paradigms


def _endings(form: str, lemmas: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    if len(lemmas) == 1:
        return (ending(form, lemmas[0]),)
    return tuple(ending(form, lemma) for lemma in lemmas)


def _entries(
    nouns: Forms, others: Forms, families: Families, own: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Entry]]:
    """An entry for each form that stands alone or as a part of a compound."""
    modifiers, heads = families.modifiers, families.heads
    unseen = round(families.unseen)
    short = own["short"] | own["bound"]
    parts = nouns.keys() | modifiers.keys() | families.tails.keys()
    for form in (
        others.keys() - parts
    ):  # most of the table: forms of verbs and adjectives, which build nothing
        other = others[form]
        quality = 0 if own["adjectives"].isdisjoint(other) else ADJECTIVE_COST
        yield form, Entry((), _endings(form, other), quality=quality)
    for form in parts:
        noun, other = nouns.get(form, ()), others.get(form, ())
        part = form not in own["barred"] and (len(form) > LISTED or form in short)
        floor = unseen if noun else 0
        yield (
            form,
            Entry(
                _endings(form, noun),
                _endings(form, other),
                families.stems.get(form, ()) if form in modifiers else (),
                modifier=round(modifiers.get(form, floor)) if part else 0,
                head=round(min((heads.get(lemma, floor) for lemma in noun), default=0)) if part else 0,
                quality=0 if own["adjectives"].isdisjoint(other) else ADJECTIVE_COST,
                tail=families.tails.get(form, 0),
            ),
        )


def _own_text(language: str) -> str:
    listed = files("service.text") / f"words.{language}.txt"
    return listed.read_text(encoding="utf-8") if listed.is_file() else ""


def _own_lists(language: str) -> Mapping[str, frozenset[str]]:
    """The sections of our own list of a language, folded; a section that is not there is empty."""
    sections: dict[str, set[str]] = {
        name: set() for name in ("short", "bound", "barred", "whole", "compounds", "nouns", "adjectives")
    }
    section = ""
    for line in _own_text(language).splitlines():
        for word in line.partition("#")[0].split():
            if word.startswith("["):
                section = word.strip("[]")
            else:
                sections[section].add(fold(word))
    return {name: frozenset(listed) for name, listed in sections.items()}


if __name__ == "__main__":
    gc.disable()  # nothing here is garbage before the end, and looking for it takes an eighth of the time
    _write(Path(sys.argv[2]), build(sys.argv[1]))
