"""Alerts, and the messages that tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from service.model.process import utcnow
from service.model.rules import Evidence, Priority
from service.model.stories import Item, Sighting


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
    embargo_until: datetime | None = None  # the latest end of the embargoes that its text was under


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
    first_at: datetime | None = None  # when that first message went out
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
