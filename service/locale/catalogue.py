"""Catalogues: what is shown, word by word, in each language that there is a translation for.

Every face keeps its catalogue beside it, in `locale/de/LC_MESSAGES/messages.po`. A wheel brings the compiled
form along. In a checkout the source itself is read, so that no compiled file can be out of date.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path

UI_LANGUAGES = ("de", "en")  # the faces speak; English is what the source is written in
FALLBACK = "en"
SEPARATORS = {"de": str.maketrans(",.", ".,")}  # in numbers, as they differ from English: 1.204 and 0,5


class Catalogue(gettext.GNUTranslations):
    """The messages of one language."""

    _catalog: dict[str | tuple[str, int], str]  # read by the class above, which offers no way to list it

    @property
    def messages(self) -> Mapping[str, str]:
        """Each message with its translation; those with a plural are left out."""
        return {known: said for known, said in self._catalog.items() if isinstance(known, str) and known}


@cache
def catalogue(folder: Path, language: str) -> gettext.NullTranslations:
    """The catalogue under `folder` for a language; one that leaves all as it is, where there is none."""
    source = folder / language / "LC_MESSAGES" / "messages.po"
    compiled = source.with_suffix(".mo")
    if compiled.is_file():
        with compiled.open("rb") as file:
            return Catalogue(file)
    return Catalogue(io.BytesIO(compiled_from(source))) if source.is_file() else gettext.NullTranslations()


def compiled_from(source: Path) -> bytes:
    """The compiled form (.mo) of a catalogue's source; raises ValueError where the source is broken."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, abort_invalid=True))
    return compiled.getvalue()


def wanted(environment: Mapping[str, str]) -> str:
    """The language that an environment asks for: `MONITOR_UI_LANG`, else as POSIX has it for messages.

    Of LC_ALL, LC_MESSAGES and LANG the first that is set counts; LANGUAGE, a list, goes before them where
    they name a place at all (gettext manual, 2.3.3). English where none of ours is named.
    """
    if own := environment.get("MONITOR_UI_LANG"):
        return _ours([own]) or FALLBACK
    place = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "C")
    if place.partition(".")[0] in {"C", "POSIX"}:
        return FALLBACK
    return _ours([*environment.get("LANGUAGE", "").split(":"), place]) or FALLBACK


def _ours(names: list[str]) -> str:
    """The first of the names that is one of our languages: de_AT.UTF-8 reads German."""
    tags = (name.lower().replace("-", "_").partition(".")[0].partition("_")[0] for name in names)
    return next((tag for tag in tags if tag in UI_LANGUAGES), "")
