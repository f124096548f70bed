"""What is polled, and what a fetch brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from service.model.process import utcnow


class SourceState(StrEnum):
    """How a source is doing."""

    OK = "ok"
    FAILING = "failing"
    SILENT = "silent"
    PAUSED = "paused"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a source was read up to: what the next fetch sends so that it gets only what is new."""

    etag: str = ""  # byte for byte as the server sent it, quotes included (RFC 9110, 8.8.3)
    last_modified: str = ""  # likewise verbatim: never a date of our own making
    body_hash: str = ""  # blake2b of the decoded body, hex: the same body is not parsed twice
    position: str = ""  # the transport's own mark (folder, FTP, IMAP, queue), opaque to everyone else
    moved_to: str = ""  # the target of a permanent redirect, while it is being confirmed
    moved_seen: int = 0  # how often in a row it was seen
    found: str = ""  # where its site says the feed is, after it was lost here; only proposed
    newest_at: datetime | None = None  # the newest date in what was read: an older copy is no news


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is polled."""

    name: str
    url: str
    id: int = 0
    format: str = ""  # a name of `parse.formats`; "": sniffed
    language: str = ""  # BCP 47 primary tag; "": from the feed or detected
    timezone: str = "Europe/Berlin"  # for wire stamps that carry none
    every: timedelta | None = None  # None: adaptive, within the bounds of the configuration
    cron: str = ""  # five fields, in `timezone`
    tags: tuple[str, ...] = ()
    auth_env: str = ""  # the environment variable that holds its credentials, never the credentials
    state: SourceState = SourceState.OK
    cursor: Cursor = Cursor()
    failures: int = 0  # in a row
    last_error: str = ""
    last_polled_at: datetime | None = None
    last_ok_at: datetime | None = None  # None: never read yet, the next poll is its first
    last_item_at: datetime | None = None
    next_poll_at: datetime | None = None
    rhythm: timedelta | None = None  # learned: the usual gap between new items
    pushed_until: datetime | None = None  # learned: so long its hub is trusted to bring what is new
    added_at: datetime | None = None
    epoch: int = 0  # the claim it was handed out under; a settle with an older one is refused


@dataclass(frozen=True, slots=True)
class Slot:
    """An hour of the week (Monday at midnight is 0): what came in it, older weeks counting less."""

    hour: int
    arrivals: float  # polls that brought something
    weeks: float  # weeks in which any did


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """When a source usually brings something, see `alerts.blind`."""

    since: datetime | None = None  # the first arrival that counted
    last_at: datetime | None = None
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A source that cannot be seen, or has moved: from when it began until it is told that it is over.

    `kind` is silent, failing, gone or moved; of the last, `reason` is the new address.
    """

    source: int
    kind: str
    since: datetime
    name: str = ""  # of the source
    reason: str = ""
    told_at: datetime | None = None
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which a source was not read: from the first poll that failed to the next that did not."""

    source: int
    began_at: datetime
    ended_at: datetime | None = None  # None: it lasts
    polls: int = 1  # that failed
    reason: str = ""  # of the last one
    id: int = 0


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class Document:
    """Bytes as they were fetched, decoded from their transfer encoding only."""

    body: bytes
    url: str = ""  # where it came from in the end; relative links are joined to it
    media_type: str = ""  # without parameters, lower case
    charset: str = ""  # as declared by the transport; "" if it was not
    name: str = ""  # a file's name
    received_at: datetime = field(default_factory=utcnow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What the server and the feed said about when to come back. None: nothing."""

    max_age: timedelta | None = None  # Cache-Control, else Expires
    retry_after: timedelta | None = None
    ttl: timedelta | None = None  # RSS <ttl>, sy:updatePeriod
    skip_hours: frozenset[int] = frozenset()  # UTC, RSS 2.0
    skip_days: frozenset[int] = frozenset()  # Monday is 0, RSS 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A fetch that went well. Without documents the source is unchanged."""

    source: Source
    cursor: Cursor
    documents: tuple[Document, ...] = ()
    freshness: Freshness = Freshness()
    status: int = 0  # HTTP status, where there was one
    hub: str = ""  # WebSub, as the server names it in its headers; the feed may name one too
    topic: str = ""  # likewise: the name of the feed at its hub
    acknowledge: Callable[[], None] | None = None  # called after the commit, for queues and folders
    reject: Callable[[str, str], None] | None = None  # before it: (Document.name, why) of what is no wire
    aside: tuple[Problem, ...] = ()  # documents that were put aside, by name: too large, or no wire
    more: bool = False  # lies there than one look may bring


class SubscriptionState(StrEnum):
    """How far we are with a hub."""

    ASKED = "asked"  # it was asked, or is about to be; it has not confirmed
    ACTIVE = "active"  # it tells us what is new
    DENIED = "denied"  # it will not
    LEAVING = "leaving"  # it is asked to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a source's hub was asked for (WebSub)."""

    source: int
    hub: str
    topic: str  # the feed, as the hub calls it
    token: str  # of the address that the hub calls; nobody can guess it
    secret: str  # signs what the hub brings
    state: SubscriptionState = SubscriptionState.ASKED
    asked: int = 0  # times in a row without a word from the hub
    due_at: datetime | None = None  # when the hub is asked (again)
    lease_until: datetime | None = None
    reason: str = ""  # of a denial, or why it could not be asked


class FailureKind(StrEnum):
    """Why a fetch or a parse failed; `fetch.schedule` decides from it when to come back."""

    NETWORK = "network"  # no address, no connection, timeout, TLS
    STATUS = "status"  # an HTTP status that is no answer
    THROTTLED = "throttled"  # 429, 503, 403
    AUTH = "auth"  # 401, 407, a refused login
    GONE = "gone"  # 410
    REFUSED = "refused"  # we will not: a private address, a scheme, too many redirects
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"  # it came, but it is no feed, or reading it took too much
    DEFERRED = "deferred"  # nothing was asked and nothing failed: its host has its turn later


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A fetch or a parse that did not go well: one line for a person, and the kind for the schedule."""

    source: Source
    kind: FailureKind
    reason: str
    status: int = 0
    retry_after: timedelta | None = None
    rest: timedelta | None = None  # so long its whole host is left alone, with all of its sources
    cursor: Cursor | None = None  # where the failure taught something worth keeping


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a document that did not stop the rest of it."""

    what: str
    where: str = ""
