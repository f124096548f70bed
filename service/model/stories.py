"""Items, and the stories they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from service.model.wires import Freshness, Problem


class Status(StrEnum):
    """Whether an item may be used (IPTC pubStatus)."""

    USABLE = "usable"
    WITHHELD = "withheld"
    CANCELED = "canceled"


class Signal(StrEnum):
    """What this version is to the one before it (IPTC signal, and the marks in headlines)."""

    NONE = "none"
    UPDATE = "update"
    CORRECTION = "correction"
    REPEAT = "repeat"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Instrument:
    """A security that the item names: `kind` is isin, wkn or ticker."""

    kind: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One version of one wire item; immutable.

    `research` of the formats maps each to these fields; a format leaves empty what it does not carry.
    `headline` and `body` are plain text: markup removed, paragraphs parted by a blank line.
    """

    headline: str
    body: str = ""
    id: int = 0
    source: int = 0  # Source.id
    story: int = 0  # Story.id
    external_id: str = ""  # the format's own identity; "" where it has none
    version: str = ""  # the format's own version; ordered by `story.identity.order`
    slug: str = ""
    keywords: tuple[str, ...] = ()
    places: tuple[str, ...] = ()  # the dateline
    agency: str = ""
    language: str = ""  # BCP 47 primary tag; "": unknown
    published_at: datetime | None = None
    updated_at: datetime | None = None
    received_at: datetime | None = None
    embargo_until: datetime | None = None
    urgency: int = 0  # 1 flash to 9; 0: the format says nothing
    status: Status = Status.USABLE
    signal: Signal = Signal.NONE
    marks: tuple[str, ...] = ()  # version and genre marks as they stood in the headline
    genre: str = ""
    subjects: tuple[str, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    byline: str = ""
    sign_off: str = ""
    note: str = ""  # the desk's note to desks; never matched, never public
    link: str = ""  # as given, for the reader
    canonical_link: str = ""  # for identity, see `text.url`
    rights: str = ""

    @property
    def lead(self) -> str:
        """The first paragraph of the body."""
        return self.body.split("\n\n", 1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a document says about itself."""

    title: str = ""
    language: str = ""
    link: str = ""
    hub: str = ""  # WebSub: who tells subscribers what is new
    topic: str = ""  # the name of the feed at its hub
    freshness: Freshness = field(default_factory=Freshness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a document held: whole items, and the problems met on the way."""

    items: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()
    feed: Feed = Feed()
    format: str = ""  # the name of the format that read it


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store remembers of an item under one of its keys; it outlives the item."""

    key: int  # signed 64 bit, see `story.identity`
    item: int  # the newest version stored under this key
    story: int
    content: int  # signed 64 bit: the normalised headline and text of that version


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored item that a new one may belong to, with why it was looked at."""

    item: int  # Item.id
    source: int  # Source.id
    story: int  # Story.id
    shared: int = 0  # fingerprints in common
    link: bool = False  # the same canonical link
    text: bool = False  # the same normalised text
    named: bool = False  # a withdrawal names it, see `story.naming`


class Link(StrEnum):
    """How an item belongs to its story."""

    FIRST = "first"  # it opened the story
    VERSION = "version"  # a later or earlier version of an item in it
    EQUAL = "equal"  # the same text, or the same canonical link, on another source
    TEASER = "teaser"  # the beginning of a longer text, or the longer text of a teaser
    COPY = "copy"  # nearly the same text
    NUMBER_CHANGED = (
        "number-changed"  # nearly the same text with another number: shown, never merged silently
    )
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where an item goes, and why. `story` 0 opens a new one."""

    link: Link
    story: int = 0
    nearest: int = 0  # Item.id of the item it was linked to
    score: float = 0.0  # containment, 0 to 1, where the text decided
    reason: str = ""
    late: bool = False  # a version that is older than one that is stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The thread of items about one report: versions, and copies on other sources."""

    headline: str
    id: int = 0
    opened_at: datetime | None = None
    updated_at: datetime | None = None
    status: Status = Status.USABLE
    items: int = 0
    sources: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A story as one source carried it."""

    source: str
    at: datetime
    link: str = ""
    headline: str = ""
    how: Link = Link.FIRST
    embargo_until: datetime | None = None
