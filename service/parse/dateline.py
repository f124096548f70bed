"""The frame of an agency text: where and by whom at its beginning, who wrote it at its end."""

from __future__ import annotations

import re
from typing import NamedTuple

DATELINE = re.compile(
    r"(?P<places>[A-ZÄÖÜ][^\W\d_]*\.?(?:[ .'/-]{1,2}(?:am|an|der|im|in|of|[A-ZÄÖÜ(][^\W\d_]*\)?)){0,8}) ?"
    r"\((?P<agency>[A-Za-z][\w./ -]{1,30})\) ?[-–—_]{1,2} "
)
# What follows a slash is a place of its own, but for the towns that are told apart by their river.
RIVERS = frozenset({"main", "oder", "saale", "havel", "neiße", "spree"})
SIGN_OFF = re.compile(r"(?:(?<=[.!?…»“”\"'’)\]])|\s)\s*(?P<sign>(?:/[A-Za-z0-9]{2,4}){2,4})$")


class Framed(NamedTuple):
    """A text without its frame, and the frame."""

    places: tuple[str, ...]
    agency: str
    text: str


def dateline(body: str) -> Framed:
    """The places, the agency and the rest of a text that begins with `PLACE/PLACE (agency) - `."""
    if not (found := DATELINE.match(body)):
        return Framed((), "", body)
    places: list[str] = []
    for name in (part.strip() for part in found["places"].split("/")):
        if places and name.lower() in RIVERS:
            places[-1] += f"/{name}"
        else:
            places.append(name)
    return Framed(tuple(places), found["agency"].strip(), body[found.end() :])


def without_sign_off(body: str) -> tuple[str, str]:
    """The text and the desk's sign-off, which sticks to its last sentence: `… said./abc/DE/fg`."""
    if not (found := SIGN_OFF.search(body, max(0, len(body) - 60))):
        return body, ""
    return body[: found.start()].rstrip(), found["sign"].strip("/")
