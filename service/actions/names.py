"""Spellings of names and countries: ready lists, and the hint that a query names only one of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache

from babel import Locale, UnknownLocaleError

from service.app import LANGUAGES
from service.errors import NotFoundError
from service.rules.names import GROUPS
from service.rules.nodes import Node
from service.rules.operators import Exact, Phrase, Word
from service.text.fold import fold

# Where a country is written in a script of its own, a rule wants that too.
SCRIPTS = ("zh", "ja", "ko", "ar", "he", "fa")
ASKED = ("de", "en")  # the languages in which a term of a query is known as a country: two tables, not twenty
NO_COUNTRY = frozenset({"ZZ", "XA", "XB"})  # of CLDR: the unknown region, and tongues that test a layout
SHOWN = 3  # other spellings that a hint names


def starters() -> Mapping[str, tuple[str, ...]]:
    """The ready groups of spellings, by the name of their list."""
    return GROUPS


def starter(name: str) -> tuple[str, ...]:
    """The spellings of a ready group; raises NotFoundError with the names that come close."""
    if name in GROUPS:
        return GROUPS[name]
    close = get_close_matches(name, list(GROUPS), n=3)
    hint = f"did you mean {', '.join(close)}?" if close else "`monitor list-lists --starter` shows all"
    raise NotFoundError("starter list", name, hint)


def country(of: str) -> tuple[str, ...]:
    """The names of a country in every enabled language and some scripts, from its code or a name of it.

    Source: Unicode CLDR, territories, as Babel carries it. Raises NotFoundError.
    """
    code = of.upper() if of.upper() in _territories("en") else _codes().get(fold(of), "")
    if not code:
        close = get_close_matches(fold(of), list(_codes()), n=1)
        hint = f"did you mean {close[0]}?" if close else "give its code: KP, or its name in German or English"
        raise NotFoundError("country", of, hint)
    found: dict[str, str] = {}
    for language in (*LANGUAGES, *SCRIPTS):
        name = _territories(language).get(code, "").partition(" (")[0]
        if name:
            found.setdefault(fold(name), name)
    return tuple(found.values())


def suggestions(node: Node) -> Iterator[str]:
    """For each term that is one spelling of a known name: how else it is written, and the list to use."""
    for part in node.walk():
        if not isinstance(part, (Word, Phrase, Exact)):
            continue
        term = fold(part.text)
        if name := _spellings().get(term):
            others = [each for each in GROUPS[name] if fold(each) != term]
            yield _hint(part.text, others, f"monitor add-list {name} --starter", name)
        elif code := _codes().get(term):
            others = [each for each in country(code) if fold(each) != term]
            name = code.lower()
            yield _hint(part.text, others, f"monitor add-list {name} --country {code}", name)


def _hint(term: str, others: list[str], command: str, name: str) -> str:
    shown = ", ".join(others[:SHOWN]) + (" …" if len(others) > SHOWN else "")
    return f"{term} is also written {shown}: `{command}`, then @{name} in its place"


@cache
def _spellings() -> Mapping[str, str]:
    """The group of each spelling, folded."""
    return {fold(spelling): name for name, spellings in GROUPS.items() for spelling in spellings}


@cache
def _codes() -> Mapping[str, str]:
    """The ISO 3166 code of each country by its folded name."""
    return {
        fold(name): code
        for language in ASKED
        for code, name in _territories(language).items()
        if len(code) == 2 and code.isalpha()
    }


@cache
def _territories(language: str) -> Mapping[str, str]:
    try:
        return {code: name for code, name in Locale(language).territories.items() if code not in NO_COUNTRY}
    except UnknownLocaleError:
        return {}
