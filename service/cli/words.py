"""The words of the command line, in the language of whoever reads them.

    _("rule {name} added", name=safe(rule.name))
    ngettext("{n} message sent", "{n} messages sent", number)

Text for a person goes through here; answers to `--json` and the log are English, whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations
from pathlib import Path

from service.locale.catalogue import FALLBACK, SEPARATORS, catalogue
from service.locale.reasons import reasons

HERE = Path(__file__).parent / "locale"

_language = ContextVar("language", default=FALLBACK)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within the block, say everything in this language, until somebody wants another."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def speak(language: str) -> None:
    """From now on, say everything in this language."""
    _language.set(language)


def language() -> str:
    """The language that is spoken."""
    return _language.get()


def _(message: str, /, **facts: object) -> str:
    """The message in the reader's language, its gaps filled."""
    said = _words().gettext(message) if message else ""
    return said.format(**facts) if facts else said


def ngettext(one: str, many: str, count: int, /, **facts: object) -> str:
    """The message for one thing or for several; `{n}` in it is how many."""
    return _words().ngettext(one, many, count).format(n=number(count), **facts)


def number(value: float) -> str:
    """`1,204` or `1.204`: with the separators of the language."""
    return f"{value:,}".translate(SEPARATORS.get(_language.get(), {}))


def told(sentence: str) -> str:
    """What was decided, refused or met, said in the reader's language; see `locale.reasons`."""
    return reasons(_language.get()).said(sentence)


def _words() -> NullTranslations:
    return catalogue(HERE, _language.get())
