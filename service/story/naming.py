"""Which report a withdrawal names: by its headline, or by its number on the wire.

A desk that works without keys writes its withdrawal as an item of its own: `KILL KILL KILL. Please kill item
dpa 157 "Minister tritt zurück"`. It shares hardly a word with what it takes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from service.model import Item
from service.story import marks
from service.text.fold import fold
from service.text.tokens import words

LEAST_WORDS = 4  # of a headline that a running text can hold by no chance
NEAR = timedelta(days=1)  # numbers begin anew every day, and a night's report is taken back in the morning

_NUMBER = re.compile(r"(?i)\b(?:dpa(?:-AFX)?|item|story|Meldung|Beitrag)(?: Nr\.?)? ?0*(\d{2,5})\b")
_QUOTED = re.compile("[\"„“”»«‚‘'](.{3,300}?)[\"„“”»«‚‘'](?!\\w)", re.DOTALL)
_SEQUENCE = re.compile(r"[a-z]{2,4}0*(\d+)-\d{8}")  # of an external id, see `parse.iptc7901`


def named(withdrawal: Item, stored: Iterable[Item]) -> Item | None:
    """The newest of the stored items of one desk that it names; None where it names no story, or several."""
    text = f"{withdrawal.headline}\n{withdrawal.body}"
    whole, quoted = _normal(text), {_normal(passage) for passage in _QUOTED.findall(text)}
    numbers = set(map(int, _NUMBER.findall(text)))
    by_headline, by_number = [], []
    for item in stored:
        headline = _normal(marks.bare(item.headline, item.agency))
        if headline in quoted or (len(headline.split()) >= LEAST_WORDS and f" {headline} " in f" {whole} "):
            by_headline.append(item)
        elif _number(item) in numbers and _is_near(withdrawal, item):
            by_number.append(item)
    found = by_headline or by_number
    return max(found, key=lambda item: item.id) if len({item.story for item in found}) == 1 else None


def _normal(text: str) -> str:
    return " ".join(words(fold(text)))


def _number(item: Item) -> int | None:
    match = _SEQUENCE.fullmatch(item.external_id)
    return int(match[1]) if match else None


def _is_near(withdrawal: Item, item: Item) -> bool:
    here, there = withdrawal.published_at, item.published_at
    return here is not None and there is not None and abs(here - there) <= NEAR
