"""The tables. Column names are the fields of the model, so that a row becomes its dataclass by name.

What a query looks up is indexed; a text that may be long (a link) is looked up by its 64-bit hash,
because PostgreSQL refuses an index entry over 2,704 bytes. What is removed by hand stays as a row with
`removed_at`, since items and alerts go on naming it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    false,
    text,
    true,
)
from sqlalchemy.types import TypeEngine

from service.model import (
    AlertState,
    Cursor,
    DeliveryKind,
    DeliveryState,
    Evidence,
    Instrument,
    Link,
    Message,
    Priority,
    Purpose,
    Relevance,
    Role,
    Scope,
    Signal,
    Slot,
    SourceState,
    Status,
    SubscriptionState,
    Verdict,
)
from service.store.columns import Choice, Json, Moment, Plain, Reference, RowId, Span, Structured, words

REVISION = "0002"  # the newest migration; four digits, so that older and newer can be told apart

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", RowId, primary_key=True)


def _to(name: str, table: str, *, optional: bool = False, key: bool = False) -> Column[int]:
    """A reference that goes when the row it points to goes; an optional one becomes NULL."""
    rule = "SET NULL" if optional else "CASCADE"
    kind: TypeEngine[int] = Reference() if optional else BigInteger()
    return Column(name, kind, ForeignKey(f"{table}.id", ondelete=rule), nullable=optional, primary_key=key)


def _text(name: str) -> Column[str]:
    return Column(name, Plain, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _lease() -> tuple[Column[Any], ...]:
    """Who holds a row, until when, under which claim, and how many claims in a row were never settled."""
    return (
        Column("node", Reference),
        Column("lease_until", Moment),
        _count("epoch"),
        _count("claims"),
    )


def _only(condition: str) -> dict[str, Any]:
    """An index over these rows alone."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# Half-filled pages let PostgreSQL update a row in place (HOT), where the same rows change all day.
BUSY: dict[str, Any] = {"postgresql_with": {"fillfactor": 70}}
# Ids are never used twice, or what outlives an item would point to another one.
LASTING: dict[str, Any] = {"sqlite_autoincrement": True}
# Rows that are little more than their key live in the key's own tree.
NARROW: dict[str, Any] = {"sqlite_with_rowid": False}

installation = Table(
    "installation",
    metadata,
    Column("id", Plain, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("place", Plain, nullable=False),  # the fingerprint of the machine or cluster it may send from
    _text("stopped"),  # why sending was stopped by hand; empty: it was not
    _text("key"),  # hex: signs the links in messages
)

node = Table(
    "node",
    metadata,
    _id(),
    Column("host", Plain, nullable=False),
    Column("boot_id", Plain, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False),
    _text("version"),
    Column("seen_at", Moment),
    **LASTING,
)

source = Table(
    "source",
    metadata,
    _id(),
    Column("name", Plain, nullable=False),
    Column("url", Plain, nullable=False),
    _text("format"),
    _text("language"),
    _text("timezone"),
    Column("every", Span),
    _text("cron"),
    Column("tags", words()),
    _text("auth_env"),
    Column("state", Choice(SourceState), nullable=False),
    Column("cursor", Structured(Cursor, Cursor())),
    _count("failures"),
    _text("last_error"),
    Column("last_polled_at", Moment),
    Column("last_ok_at", Moment),
    Column("last_item_at", Moment),
    Column("next_poll_at", Moment),  # NULL: not on the schedule (paused, removed)
    Column("rhythm", Span),
    Column("pushed_until", Moment),
    Column("added_at", Moment, nullable=False),
    Column("removed_at", Moment),
    *_lease(),
    Index(None, "next_poll_at"),
    Index(None, "node"),
    **LASTING,
    **BUSY,
)
KEPT = _only("removed_at IS NULL")
Index("uq_source_name", source.c.name, unique=True, **KEPT)
Index("uq_source_url", source.c.url, unique=True, **KEPT)

# When a source usually brings something, and when it is missed if nothing more comes.
habit = Table(
    "habit",
    metadata,
    _to("source", "source", key=True),
    Column("since", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("slots", Structured[tuple[Slot, ...]](tuple[Slot, ...], ())),
    Column("missed_at", Moment, index=True),
    **BUSY,
)

# Sources that the operators know, or are about to know, as blind.
outage = Table(
    "outage",
    metadata,
    _to("source", "source", key=True),
    Column("kind", Plain, nullable=False),
    Column("since", Moment, nullable=False),
    _text("reason"),
    Column("told_at", Moment),
    Column("over_at", Moment),
)

# What the hubs of sources were asked for (WebSub).
subscription = Table(
    "subscription",
    metadata,
    _to("source", "source", key=True),
    Column("hub", Plain, nullable=False),
    Column("topic", Plain, nullable=False),
    Column("token", Plain, nullable=False, unique=True),
    Column("secret", Plain, nullable=False),
    Column("state", Choice(SubscriptionState), nullable=False),
    _count("asked"),
    Column("due_at", Moment, index=True),
    Column("lease_until", Moment),
    _text("reason"),
)

# When a source was not read, from the first poll that failed to the one that read it again.
gap = Table(
    "gap",
    metadata,
    _id(),
    _to("source", "source"),
    Column("began_at", Moment, nullable=False),
    Column("ended_at", Moment, index=True),  # NULL: it is down now
    _count("polls"),
    _text("reason"),
    Index(None, "source", "began_at"),
)

story = Table(
    "story",
    metadata,
    _id(),
    _text("headline"),
    Column("opened_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False, index=True),
    Column("status", Choice(Status), nullable=False),
    _count("items"),
    _count("sources"),
    **LASTING,
)

item = Table(
    "item",
    metadata,
    _id(),
    _to("source", "source"),
    _to("story", "story"),
    _text("external_id"),
    _text("version"),
    _text("headline"),
    _text("slug"),
    Column("keywords", words()),
    Column("places", words()),
    _text("agency"),
    _text("body"),
    _text("language"),
    Column("published_at", Moment),
    Column("updated_at", Moment),
    Column("received_at", Moment, nullable=False),
    Column("embargo_until", Moment),
    Column("urgency", Integer, nullable=False, server_default="0"),
    Column("status", Choice(Status), nullable=False),
    Column("signal", Choice(Signal), nullable=False),
    Column("marks", words()),
    _text("genre"),
    Column("subjects", words()),
    Column("instruments", Structured[tuple[Instrument, ...]](tuple[Instrument, ...], ())),
    _text("byline"),
    _text("sign_off"),
    _text("note"),
    _text("link"),
    _text("canonical_link"),
    _text("rights"),
    Column("stored_at", Moment, nullable=False, index=True),
    Column("superseded", Boolean, nullable=False, server_default=false()),  # a newer version is stored
    Column("content", BigInteger, nullable=False),
    Column("text_hash", BigInteger, nullable=False),
    Column("link_hash", BigInteger),  # NULL without a canonical link
    Column("how", Choice(Link), nullable=False),  # how it came into its story, and why
    Column("nearest", Reference),
    Column("score", Float, nullable=False, server_default="0"),
    _text("reason"),
    Index(None, "source", "id"),
    Index(None, "story", "id"),
    Index(None, "text_hash", "id"),
    Index(None, "link_hash", "id"),
    **LASTING,
)

# What may not be read yet is asked for with every page, and is hardly ever there.
Index("ix_item_embargo_until", item.c.embargo_until, **_only("embargo_until IS NOT NULL"))
Index("ix_item_withheld", item.c.story, **_only("status = 'withheld'"))

# What is known of an item under each of its keys. It outlives the item: a feed that brings back an old
# entry after the retention does not bring it as news.
seen = Table(
    "seen",
    metadata,
    Column("source", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("item", BigInteger, nullable=False),
    Column("story", BigInteger, nullable=False),
    Column("content", BigInteger, nullable=False),
    **NARROW,
)

# Posting lists of fingerprints. Ids of items grow with time, so a window of time is a range of the key.
fingerprint = Table(
    "fingerprint",
    metadata,
    Column("h", BigInteger, primary_key=True, autoincrement=False),
    Column("item", BigInteger, primary_key=True, autoincrement=False),
    **NARROW,
)

revision = Table(
    "revision",
    metadata,
    Column("subject", Plain, primary_key=True),
    _count("value"),
    **NARROW,
)

rule = Table(
    "rule",
    metadata,
    _id(),
    Column("name", Plain, nullable=False),
    Column("query", Plain, nullable=False),
    Column("channels", words()),
    Column("priority", Choice(Priority), nullable=False),
    _text("language"),
    _text("digest"),
    Column("on_updates", Boolean, nullable=False, server_default=false()),
    Column("tags", words()),
    Column("escalate", words()),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("forecast", Float),  # alerts a day, as the back-test of its last query said; NULL: unknown
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    _text("changed_by"),
    Column("removed_at", Moment),
    Column("revision", BigInteger, nullable=False, index=True),  # the revision that this change made
    **LASTING,
)
Index("uq_rule_name", rule.c.name, unique=True, **KEPT)

rule_version = Table(
    "rule_version",
    metadata,
    _to("rule", "rule", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("query", Plain, nullable=False),
    Column("channels", words()),
    Column("priority", Choice(Priority), nullable=False),
    _text("language"),
    _text("digest"),
    Column("on_updates", Boolean, nullable=False, server_default=false()),
    Column("tags", words()),
    Column("escalate", words()),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("changed_at", Moment, nullable=False),
    _text("changed_by"),
)

# How often each rule was looked at and hit, in all versions: a rule that is looked at often and hits never is
# worth a look by a person.
rule_count = Table(
    "rule_count",
    metadata,
    _to("rule", "rule", key=True),
    _count("candidates"),
    _count("hits"),
    **BUSY,
)

word_list = Table(
    "word_list",
    metadata,
    Column("name", Plain, primary_key=True),
    Column("terms", words()),
)

# What each list held from when on: a look back reads a rule with the lists of the time.
word_list_version = Table(
    "word_list_version",
    metadata,
    Column("name", Plain, primary_key=True),
    Column("changed_at", Moment, primary_key=True, autoincrement=False),
    Column("terms", words()),
)

hit = Table(
    "hit",
    metadata,
    _id(),
    _to("rule", "rule"),
    Column("rule_version", BigInteger, nullable=False),
    _to("item", "item"),
    _to("story", "story"),
    Column("evidence", Structured[tuple[Evidence, ...]](tuple[Evidence, ...], ())),
    Column("at", Moment, nullable=False),
    Column("action", Plain, nullable=False, server_default=""),
    Column("reason", Plain, nullable=False, server_default=""),
    Index("uq_hit_rule_item", "rule", "item", unique=True),
    Index(None, "rule", "id"),
    Index(None, "item"),
    Index(None, "story"),
)

alert = Table(
    "alert",
    metadata,
    _id(),
    _to("rule", "rule"),
    _to("story", "story"),
    Column("state", Choice(AlertState), nullable=False),
    _count("revision"),
    _text("reason"),
    Column("opened_at", Moment, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False),
    _text("acknowledged_by"),
    Column("acknowledged_at", Moment),
    Column("acknowledged_until", Moment),
    _text("comment"),
    Column("relevance", Choice(Relevance), nullable=False, server_default=""),
    _count("step"),
    Index("uq_alert_rule_story", "rule", "story", unique=True),
    Index(None, "rule", "id"),
    Index(None, "story"),
    Index(None, "state", "id"),
    **LASTING,
)

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("channel", Plain, nullable=False),
    _text("recipient"),
    Column("kind", Choice(DeliveryKind), nullable=False),
    _to("story", "story", optional=True),
    Column("item", Reference),
    Column("state", Choice(DeliveryState), nullable=False),
    _text("reason"),
    Column("message", Structured[Message | None](Message, None)),
    Column("priority", Choice(Priority), nullable=False),
    _count("attempts"),
    _text("last_error"),
    Column("created_at", Moment, nullable=False, index=True),
    Column("due_at", Moment),
    Column("sent_at", Moment),
    Column("silence", Reference),  # the one that swallowed it
    *_lease(),
    Index(None, "channel", "state", "due_at"),
    Index(None, "state", "due_at"),
    Index(None, "story", "channel", "recipient"),
    Index(None, "channel", "sent_at"),
    Index(None, "silence"),
    Index(None, "node"),
    **LASTING,
    **BUSY,
)

delivery_alert = Table(
    "delivery_alert",
    metadata,
    _to("delivery", "delivery", key=True),
    _to("alert", "alert", key=True),
    Index(None, "alert"),
    **NARROW,
)

attempt = Table(
    "attempt",
    metadata,
    _id(),
    _to("delivery", "delivery"),
    Column("number", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False, index=True),
    Column("took", Span, nullable=False),
    Column("verdict", Choice(Verdict), nullable=False),
    _text("code"),
    _text("reason"),
    Column("retry_after", Span),
    _text("node"),
    Index(None, "delivery", "id"),
)

silence = Table(
    "silence",
    metadata,
    _id(),
    Column("matchers", Structured[tuple[tuple[str, str], ...]](tuple[tuple[str, str], ...], ())),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Column("comment", Plain, nullable=False),
    _text("author"),
)

person = Table(
    "person",
    metadata,
    _id(),
    Column("name", Plain, nullable=False),
    Column("addresses", Json),  # channel -> recipient
    _text("language"),
    _text("timezone"),
    Column("added_at", Moment, nullable=False),
    Column("removed_at", Moment),
    _text("left_because"),
    **LASTING,
)
Index("uq_person_name", person.c.name, unique=True, **KEPT)

person_group = Table(
    "person_group",
    metadata,
    _id(),
    Column("name", Plain, nullable=False, unique=True),
    Column("added_at", Moment, nullable=False),
)

group_member = Table(
    "group_member",
    metadata,
    _to("person_group", "person_group", key=True),
    _to("person", "person", key=True),
    Index(None, "person"),
)

# What is done once, however many nodes there are and however often they are started: whoever writes the
# key does it.
once = Table(
    "once",
    metadata,
    Column("key", Plain, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at", Moment, nullable=False, index=True),
    _text("who"),
    Column("what", Plain, nullable=False),  # add-rule, silence, resend, …
    _text("subject"),
    Column("detail", Json),
)

account = Table(
    "account",
    metadata,
    _id(),
    Column("name", Plain, nullable=False, unique=True),
    Column("role", Choice(Role), nullable=False),
    _text("password"),
    _text("language"),
    _text("timezone"),
    Column("shortcuts", Boolean, nullable=False, server_default=true()),
    Column("sees_embargoed", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
    **LASTING,
)

# Sessions, invitations, tokens and feed addresses. A secret has 256 random bits, so a plain hash of it is
# as good as the secret is long, and finds it by an index.
secret = Table(
    "secret",
    metadata,
    _id(),
    Column("hash", Plain, nullable=False, unique=True),
    Column("purpose", Choice(Purpose), nullable=False),
    Column("account", Reference, ForeignKey("account.id", ondelete="CASCADE")),
    Column("rule", Reference, ForeignKey("rule.id", ondelete="CASCADE")),
    _text("name"),
    Column("scopes", Structured[tuple[Scope, ...]](tuple[Scope, ...], ())),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, index=True),
    Column("used_at", Moment),
    Index(None, "account"),
    Index(None, "rule"),
)

# What was answered to a request that may be repeated.
answer = Table(
    "answer",
    metadata,
    Column("key", Plain, primary_key=True),  # hash of the caller, the path and the key that it sent
    Column("request", Plain, nullable=False),  # hash of the body
    Column("status", Integer, nullable=False),  # 0: still being worked on
    _text("body"),
    Column("at", Moment, nullable=False, index=True),
)
