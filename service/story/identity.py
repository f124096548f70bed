"""Whether an entry is new, known, or a new version of a known one.

GUIDs are missing, repeated, or made anew at every poll; links change their scheme and carry trackers. So
an entry has several keys, and is known when one of them is. What it says is compared by its own hash:
only a changed headline or text, or a version of the format's own, makes a new version.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

from service.model import Item, Seen, Signal
from service.story.fingerprint import digest, normal
from service.text.url import canonical

FLOOD = 0.8  # share of a document's entries that cannot all be new at once
FEWEST = 5  # entries of a document from which on their share says something
_TELLING_TITLE = 4  # words: a shorter headline ("Marktbericht") is used again and again
_PLACE_IN_THE_FEED = re.compile(r"\d{1,3}")  # a GUID that numbers the entries of the document
_STAMP = re.compile(r"\d{4}-?\d{2}-?\d{2}[T ]?[\d:.Z+-]*")  # ISO 8601, where a version belongs


class Kind(StrEnum):
    """What an entry is to what the store has seen of its source."""

    NEW = "new"
    SAME = "same"
    VERSION = "version"


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of an entry within its source, as signed 64-bit integers.

    `primary` is the one it is filed under. Of the `aliases` the even ones name the entry as well; the odd
    ones are hints, its link alone or its headline alone, which only `flood` believes.
    """

    primary: int
    aliases: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[int, ...]:
        """The keys that name the entry, the most trusted first."""
        return (self.primary, *(alias for alias in self.aliases if alias % 2 == 0))

    @property
    def hints(self) -> tuple[int, ...]:
        """The keys that only suggest it."""
        return tuple(alias for alias in self.aliases if alias % 2)


class Names(NamedTuple):
    """What an entry may be filed under, by itself; `identify` chooses among those of a document."""

    ladder: tuple[int, ...]  # from the shortest to the one that says everything
    others: tuple[int, ...]
    content: int  # see `content`
    version: str  # the format's own


@dataclass(frozen=True, slots=True)
class Recognition:
    """Whether an entry is known, as what, and why."""

    kind: Kind
    of: Seen | None = None
    reason: str = ""


def _name(*parts: str) -> int:
    return digest(*parts) & ~1


def _hint(*parts: str) -> int:
    return digest(*parts) | 1


# ---------------------------------------------------------------- keys


def names(item: Item) -> Names:
    """All that an entry could be filed under."""
    return Names(tuple(_ladder(item)), tuple(_other_names(item)), content(item), item.version)


def identify(entries: Sequence[Names]) -> list[Keys]:
    """The keys of the entries of one document, in their order.

    A GUID that several entries carry is no name: then it is the GUID with the link, with the headline, with
    all of the text, whichever tells them apart first. Without a GUID it is the canonical link, likewise.
    Entries with a version of the format's own may share a GUID: they are versions of one item.
    """
    chosen = _primaries(entries)
    aliases = [
        [_name("version", str(primary), str(entry.content)), *entry.others]
        for entry, primary in zip(entries, chosen, strict=True)
    ]
    owners: defaultdict[int, set[int]] = defaultdict(set)
    for primary, others in zip(chosen, aliases, strict=True):
        for name in (primary, *others):
            owners[name].add(primary)
    return [
        Keys(primary, tuple(dict.fromkeys(n for n in others if n != primary and len(owners[n]) == 1)))
        for primary, others in zip(chosen, aliases, strict=True)
    ]


def _primaries(entries: Sequence[Names]) -> list[int]:
    """For each entry the shortest of its names that no other entry of the document has."""
    chosen = [entry.ladder[0] for entry in entries]
    for step in range(1, max((len(entry.ladder) for entry in entries), default=0)):
        count = Counter(chosen)
        for at, entry in enumerate(entries):
            if count[chosen[at]] > 1 and not entry.version:
                chosen[at] = entry.ladder[min(step, len(entry.ladder) - 1)]
    return chosen


def _ladder(item: Item) -> list[int]:
    """The names of an entry from the shortest to the one that says everything."""
    guid, link = item.external_id.strip(), _link(item)
    title, text = " ".join(normal(item).headline), " ".join(normal(item).body)
    everything = _name("everything", guid, link, title, text)
    if guid and (not _PLACE_IN_THE_FEED.fullmatch(guid) or item.version):
        return [
            _name("guid", guid),
            _name("guid+link", guid, link),
            _name("guid+title", guid, title),
            everything,
        ]
    if link:
        return [_name("link", link), _name("link+title", link, title), everything]
    return [_name("text", title, text)]


def _other_names(item: Item) -> list[int]:
    guid, link, headline = item.external_id.strip(), _link(item), normal(item).headline
    title = " ".join(headline)
    names: list[int] = []
    if address := link if guid == item.link.strip() else canonical(guid):
        names.append(_name("guid address", address))
    if link and title:
        names.append(_name("link+title", link, title))
    if not link and not guid and len(normal(item).body) >= 3 * _TELLING_TITLE:
        names.append(_name("body", *normal(item).body))
    if link:
        names.append(_hint("link", link))
    if len(headline) >= _TELLING_TITLE:
        names.append(_hint("title", title))
    return names


def _link(item: Item) -> str:
    return item.canonical_link or canonical(item.link) or item.link.strip()


def content(item: Item) -> int:
    """A signed 64-bit hash of what makes a version: the normal headline and text, and the format's own word.

    Dates, links, GUIDs, credits, sign-offs and marks are no part of it. The format's version, a status
    other than usable, a kill and an embargo are: a recall repeats the text and takes it back.
    """
    text = normal(item)
    version = "" if _STAMP.fullmatch(item.version) else item.version  # a date is no version
    embargo = item.embargo_until.isoformat() if item.embargo_until else ""
    kill = "kill" if item.signal is Signal.KILL else ""
    return digest(*text.headline, "\x1e", *text.body, "\x1e", version, item.status, kill, embargo)


# ---------------------------------------------------------------- recognition


def recognise(keys: Keys, entry: Names, known: Mapping[int, Seen]) -> Recognition:
    """Whether the entry is new, the same as before, or a version of a known one, with the reason.

    `known` is what the source has shown under any of the keys. A version that was seen once is never new
    again: servers behind one name serve an older and a newer document in turn.
    """
    seen = [known[name] for name in keys.names if name in known]
    if not seen:
        return Recognition(Kind.NEW, None, "none of its keys is known")
    for each in seen:
        if each.content == entry.content:
            return Recognition(Kind.SAME, each, "headline and text are unchanged")
    if _name("version", str(keys.primary), str(entry.content)) in known:
        return Recognition(Kind.SAME, seen[0], "this version was seen before")
    what = f"version {entry.version} of" if entry.version else "another headline or text for"
    how = "its key" if keys.primary in known else "its link and headline"
    return Recognition(Kind.VERSION, seen[0], f"{what} item {seen[0].item}, known by {how}")


def flood(keys: Sequence[Keys], recognitions: Iterable[Recognition], known: Mapping[int, Seen]) -> bool:
    """Whether a known source only seems new: over 80 % new entries, whose links or headlines are known.

    Such a feed has changed its GUIDs and more besides; to tell of its entries again would help nobody. A
    document of very few entries is no feed that changed: it is a later version of a report, in a file.
    """
    if len(keys) < FEWEST:
        return False
    strangers = [
        any(hint in known for hint in each.hints)
        for each, recognition in zip(keys, recognitions, strict=True)
        if recognition.kind is Kind.NEW
    ]
    return sum(strangers) > FLOOD * len(keys)


# ---------------------------------------------------------------- order


def order(a: Item, b: Item) -> int:
    """-1, 0 or 1: whether `a` is an earlier version than `b`, the same, or a later one.

    By the format's version, read as people count (2 before 10, `1st Ld` before `2nd Ld`); then by the time
    of the update; then by that of publication. The order of arrival says nothing, so it may be 0.
    """
    return (
        _compare(_natural(a.version), _natural(b.version))
        or _compare(a.updated_at, b.updated_at)
        or _compare(a.published_at, b.published_at)
    )


_Ordered = TypeVar("_Ordered", datetime, tuple[tuple[int, str], ...])


def _compare(a: _Ordered | None, b: _Ordered | None) -> int:
    """-1, 0 or 1; 0 as well where one of them is not known."""
    if not a or not b:
        return 0
    return (a > b) - (a < b)


def _natural(version: str) -> tuple[tuple[int, str], ...]:
    """Digits as numbers, the rest as text: a key under which `2` comes before `10`."""
    return tuple(
        (int(piece), "") if piece.isdecimal() else (-1, piece.casefold())
        for piece in re.findall(r"\d{1,18}|\D+", version)
    )
