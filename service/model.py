"""The nouns of the monitor, as frozen values.

Every room speaks in these; none of them knows a database, a socket or a file. Times are aware and in
UTC, spans are `timedelta`, sizes are bytes. An `id` of 0 means: not stored yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def utcnow() -> datetime:
    """The time of this machine, aware, in UTC."""
    return datetime.now(UTC)


# ---------------------------------------------------------------- sources, and what a fetch brings


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

    `kind` is silent, failing, gone or moved.
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    acknowledge: Callable[[], None] | None = None  # called after the commit, for queues and folders
    reject: Callable[[str, str], None] | None = None  # before it: (Document.name, why) of what is no wire


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
    cursor: Cursor | None = None  # where the failure taught something worth keeping


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a document that did not stop the rest of it."""

    what: str
    where: str = ""


# ---------------------------------------------------------------- items and stories


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
    hub: str = ""  # WebSub
    freshness: Freshness = Freshness()


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

    item: Item
    shared: int = 0  # fingerprints in common
    link: bool = False  # the same canonical link
    text: bool = False  # the same normalised text


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


# ---------------------------------------------------------------- rules and hits


class Priority(StrEnum):
    """How much a rule may disturb."""

    FLASH = "flash"  # at once, past quiet hours and throttle
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A query, the channels it tells, and its policy; every change is a new version."""

    name: str
    query: str  # as it was understood: the canonical text of the parsed query
    id: int = 0
    channels: tuple[str, ...] = ()  # CHANNEL or CHANNEL:RECIPIENT
    priority: Priority = Priority.NORMAL
    language: str = ""  # lends its morphology to items of unknown language; filters nothing
    digest: str = ""  # "", hourly, daily, or five cron fields
    on_updates: bool = False
    tags: tuple[str, ...] = ()  # what routes go by
    escalate: tuple[str, ...] = ()  # 10m=CHANNEL[:RECIPIENT], for each step while nobody acknowledges
    enabled: bool = True
    version: int = 1
    created_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place that made a rule hit: characters `start` to `end` of `field`, in the original text.

    `how` is exact, inflection, compound, phrase, near, wildcard, substring, regex or value.
    """

    field: str
    start: int
    end: int
    text: str
    term: str
    how: str
    list: str = ""  # the named list the term stands in


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule that matched an item, with the places."""

    rule: int
    rule_version: int
    item: int
    story: int
    evidence: tuple[Evidence, ...]
    id: int = 0
    at: datetime | None = None
    action: str = ""  # what became of it: open, update, join, suppress
    reason: str = ""  # and why


# ---------------------------------------------------------------- alerts and deliveries


class AlertState(StrEnum):
    """What has become of an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RETRACTED = "retracted"
    SUPPRESSED = "suppressed"


class Relevance(StrEnum):
    """What a person said about an alert; a rule's precision is made of it."""

    UNJUDGED = ""
    RELEVANT = "relevant"
    NOT_RELEVANT = "not-relevant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule that was told about a story: one for each rule and story, however many items hit."""

    rule: int
    story: int
    id: int = 0
    state: AlertState = AlertState.OPEN
    revision: int = 0  # 0 is the first message, each later one counts up
    reason: str = ""
    opened_at: datetime | None = None
    updated_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_until: datetime | None = None  # None: for good
    comment: str = ""
    relevance: Relevance = Relevance.UNJUDGED
    step: int = 0  # of its escalation: how many were told since nobody acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where messages go. `url` carries the secret: it is shown nowhere."""

    name: str
    url: str
    fallback: str = ""
    rate: float = 1.0  # messages a second
    sees_embargoed: bool = False
    templates: Mapping[str, str] = field(default_factory=dict)  # of its own: subject, text, html, chat

    def __repr__(self) -> str:
        """The name and the scheme alone."""
        return f"Channel({self.name!r}, {self.url.split(':', 1)[0]}://…)"


class DeliveryKind(StrEnum):
    """What a message is."""

    ALERT = "alert"
    UPDATE = "update"
    CORRECTION = "correction"
    RETRACTION = "retraction"
    DIGEST = "digest"
    TEST = "test"
    OPERATOR = "operator"


class DeliveryState(StrEnum):
    """Where a message stands. `held` is not rendered yet; `pending` waits for its worker."""

    HELD = "held"
    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it goes out, the same on every attempt.

    `id` is its Message-ID without brackets and its idempotency key; `thread` is the id of the first
    message about the same story on the same channel to the same recipient ("" if this is the first).
    """

    id: str
    subject: str
    text: str
    html: str = ""
    chat: str = ""  # one short paragraph in Markdown, at most 900 characters
    data: Mapping[str, object] = field(default_factory=dict)  # the webhook's JSON
    thread: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # List-Id and the like, for mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one recipient on one channel, in the durable outbox."""

    channel: str
    recipient: str = ""
    kind: DeliveryKind = DeliveryKind.ALERT
    id: int = 0
    story: int = 0  # 0: digest, test, operator
    item: int = 0  # the version it tells of
    alerts: tuple[int, ...] = ()
    state: DeliveryState = DeliveryState.HELD
    reason: str = ""
    message: Message | None = None
    priority: Priority = Priority.NORMAL
    attempts: int = 0
    last_error: str = ""
    created_at: datetime | None = None
    due_at: datetime | None = None
    sent_at: datetime | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One rule of a message, with the places where it hit the item that is shown."""

    rule: str
    evidence: tuple[Evidence, ...] = ()
    alert: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A story as one source carried it."""

    source: str
    at: datetime
    link: str = ""
    headline: str = ""
    how: Link = Link.FIRST


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """All that a message needs to be written; the pipeline gathers it, `deliver.render` words it."""

    kind: DeliveryKind
    delivery: int
    channel: str
    recipient: str = ""
    priority: Priority = Priority.NORMAL
    item: Item | None = None  # the version that is told
    previous: Item | None = None  # the version that was told before, for a correction or an update
    source: str = ""  # the name of the item's source
    zone: str = "Europe/Berlin"  # times are shown in it
    language: str = "en"  # of the words around the wire text: en or de
    tellings: tuple[Telling, ...] = ()
    sightings: tuple[Sighting, ...] = ()  # the story on all its sources, oldest first
    revision: int = 0
    thread: str = ""  # Message.id of the first message of this thread, "" where this is it
    title: str = ""  # for messages about no item: test, operator, digest
    text: str = ""
    entries: tuple[Notice, ...] = ()  # what a digest or a roll-up lists
    more: int = 0  # what it counts beyond them
    gathered: str = ""  # why they come together: digest, quiet hours, storm, throttle, silence
    unacknowledged: timedelta | None = None  # for an escalation: how long nobody has taken care
    links: Mapping[str, str] = field(default_factory=dict)  # what the reader may do -> a signed address
    late: timedelta | None = None  # how late it is, where that has to be said
    now: datetime = field(default_factory=utcnow)


class Verdict(StrEnum):
    """What an attempt taught, and so what happens next."""

    SENT = "sent"
    TRANSIENT = "transient"  # try again
    AMBIGUOUS = "ambiguous"  # it may have arrived; try again with the same id
    PERMANENT = "permanent"  # dead at once
    AUTH = "auth"  # the channel is at fault, not the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer of a driver to one attempt."""

    verdict: Verdict
    code: str = ""  # the server's: "250", "HTTP 429"
    reason: str = ""  # one line without secrets
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a delivery, for the record."""

    delivery: int
    number: int
    started_at: datetime
    took: timedelta
    outcome: Outcome
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """When an item passed each point of its way; None: it did not, or nobody knows."""

    source: int
    stamped_at: datetime | None  # by the wire
    seen_at: datetime
    stored_at: datetime
    matched_at: datetime | None = None
    sent_at: datetime | None = None  # accepted by the channel's server
    acknowledged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Alerts that are not told for a while: matchers are (`rule`|`source`|`channel`|`story`, value)."""

    matchers: tuple[tuple[str, str], ...]
    starts_at: datetime
    ends_at: datetime
    comment: str
    author: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A running process that shares the database."""

    host: str
    boot_id: str
    pid: int
    started_at: datetime
    version: str = ""
    seen_at: datetime | None = None
    id: int = 0

    @property
    def name(self) -> str:
        """`host:pid`, for people and logs."""
        return f"{self.host}:{self.pid}"


# ---------------------------------------------------------------- people


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is told, with an address on each channel that reaches them."""

    name: str
    addresses: Mapping[str, str] = field(default_factory=dict)  # channel -> recipient
    id: int = 0
    language: str = ""  # of the words around the wire text: en or de; "": en
    timezone: str = ""  # "": as the digests
    added_at: datetime | None = None
    removed_at: datetime | None = None  # None: still here
    left_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People who are told together."""

    name: str
    members: tuple[str, ...] = ()  # by name
    id: int = 0
    added_at: datetime | None = None


# ---------------------------------------------------------------- people at the desk


class Role(StrEnum):
    """What a person may do at the desk; each may all that the one before it may."""

    VIEWER = "viewer"  # look
    EDITOR = "editor"  # and change rules, sources and silences, acknowledge, send again
    ADMIN = "admin"  # and see to users and tokens

    def covers(self, other: Role) -> bool:
        """Whether this role may do what needs `other`."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


class Scope(StrEnum):
    """What a token of the API may do."""

    READ = "read"
    WRITE = "write"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who may sign in. `password` is an Argon2 hash; "" signs nobody in."""

    name: str
    role: Role = Role.VIEWER
    id: int = 0
    password: str = field(default="", repr=False)
    language: str = ""  # of the page; "": as the browser asks
    timezone: str = ""  # "": as the digests
    shortcuts: bool = True  # j, k, o, a and /
    created_at: datetime | None = None


class Purpose(StrEnum):
    """What a secret opens."""

    SESSION = "session"  # the page, after signing in
    INVITATION = "invitation"  # once: setting one's own password
    TOKEN = "token"  # noqa: S105 - the name of a purpose; opens the API
    FEED = "feed"  # the hits of one rule, for a feed reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What is known of a secret that was handed out; the secret itself is kept nowhere."""

    purpose: Purpose
    id: int = 0
    account: int = 0  # whose it is; 0: nobody's
    rule: int = 0  # of a feed
    name: str = ""
    scopes: tuple[Scope, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None  # None: never
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changed what, for the record."""

    at: datetime
    who: str
    what: str  # the name of the command that does the same
    subject: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    id: int = 0


class Exit(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    NOT_FOUND = 4
    FAULT_FOUND = 6
