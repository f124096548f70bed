"""Who looks at a page, and how: the language, the zone, light or dark, with or without keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache, lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from babel import Locale, negotiate_locale
from fastapi import Depends, Request

from service.locale.catalogue import UI_LANGUAGES
from service.model import Scope
from service.web.auth import Caller, Door, Identity

THEMES = ("auto", "light", "dark")
NOBODY = Caller("", frozenset())
FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Viewer:
    """How a page is drawn for whoever asked."""

    caller: Caller
    language: str = FALLBACK
    zone: str = "UTC"
    theme: str = "auto"
    shortcuts: bool = True

    @property
    def may_write(self) -> bool:
        """Whether there are buttons."""
        return Scope.WRITE in self.caller.scopes

    @property
    def sees_embargoed(self) -> bool:
        """Whether the text of what is embargoed is shown."""
        return Scope.EMBARGOED in self.caller.scopes

    @property
    def sees(self) -> tuple[object, ...]:
        """Two who are equal in this see the same."""
        return (self.language, self.zone, self.may_write, self.sees_embargoed)

    @property
    def locale(self) -> Locale:
        """For dates and numbers; English is British, since the desk counts 24 hours."""
        return _locale("en_GB" if self.language == "en" else self.language)

    @property
    def tzinfo(self) -> tzinfo:
        """The reader's zone."""
        return ZoneInfo(self.zone)

    def local(self, at: datetime) -> datetime:
        """A time as it is read here."""
        return at.astimezone(self.tzinfo)


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


def viewer(request: Request, app: Door, found: Identity) -> Viewer:
    """How whoever asks wants the page: by its account, its browser's cookies, its headers."""
    caller, cookies = found or NOBODY, request.cookies
    account = caller.account
    language = (account.language if account else "") or cookies.get("language", "")
    zone = (account.timezone if account else "") or cookies.get("zone", "")
    theme = cookies.get("theme", "auto")
    return Viewer(
        caller=caller,
        language=language
        if language in UI_LANGUAGES
        else accepted(request.headers.get("accept-language", "")),
        zone=zone if is_zone(zone) else app.config.digest.timezone,
        theme=theme if theme in THEMES else "auto",
        shortcuts=account.shortcuts if account else cookies.get("shortcuts", "on") != "off",
    )


def accepted(header: str) -> str:
    """The first of our languages that a browser asks for (RFC 9110, 12.5.4); English where for none."""
    wanted: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, quality = part.partition(";q=")
        try:
            wanted.append((-float(quality or 1), tag.strip().replace("-", "_")))
        except ValueError:
            continue
    names = [tag for _, tag in sorted(wanted, key=lambda one: one[0]) if tag]
    # A language without its country is meant too: de_AT reads German.
    return negotiate_locale([*names, *(name.partition("_")[0] for name in names)], UI_LANGUAGES) or FALLBACK


@lru_cache(1000)  # names come from cookies
def is_zone(name: str) -> bool:
    """Whether there is such a time zone."""
    try:
        return bool(name) and len(name) < 64 and bool(ZoneInfo(name))
    except (OSError, ValueError, KeyError):
        return False


Asking = Annotated[Viewer, Depends(viewer)]
