"""The installation and its nodes; sources, their rhythm, and what became of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from service.model import Cursor, Slot, SourceState, SubscriptionState
from service.store.columns import Choice, Moment, Plain, Span, Structured, words
from service.store.schema.making import BUSY, LASTING, count, identity, lease, metadata, only, to, wording

installation = Table(
    "installation",
    metadata,
    Column("id", Plain, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("place", Plain, nullable=False),  # the fingerprint of the machine or cluster it may send from
    wording("stopped"),  # why sending was stopped by hand; empty: it was not
    wording("moved_to"),  # the name of the database that sends in its place; empty: it was not moved
    wording("key"),  # hex: signs the links in messages
)

node = Table(
    "node",
    metadata,
    identity(),
    Column("host", Plain, nullable=False),
    Column("boot_id", Plain, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False),
    wording("version"),
    Column("seen_at", Moment),
    **LASTING,
)

source = Table(
    "source",
    metadata,
    identity(),
    Column("name", Plain, nullable=False),
    Column("url", Plain, nullable=False),
    wording("format"),
    wording("language"),
    wording("timezone"),
    Column("every", Span),
    wording("cron"),
    Column("tags", words()),
    wording("auth_env"),
    Column("state", Choice(SourceState), nullable=False),
    Column("cursor", Structured(Cursor, Cursor())),
    count("failures"),
    wording("last_error"),
    Column("last_polled_at", Moment),
    Column("last_ok_at", Moment),
    Column("last_item_at", Moment),
    Column("next_poll_at", Moment),  # NULL: not on the schedule (paused, removed)
    Column("rhythm", Span),
    Column("pushed_until", Moment),
    Column("added_at", Moment, nullable=False),
    Column("removed_at", Moment),
    *lease(),
    Index(None, "next_poll_at"),
    Index(None, "node"),
    **LASTING,
    **BUSY,
)
KEPT = only("removed_at IS NULL")
Index("uq_source_name", source.c.name, unique=True, **KEPT)
Index("uq_source_url", source.c.url, unique=True, **KEPT)

# When a source usually brings something, and when it is missed if nothing more comes.
habit = Table(
    "habit",
    metadata,
    to("source", "source", key=True),
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
    to("source", "source", key=True),
    Column("kind", Plain, nullable=False),
    Column("since", Moment, nullable=False),
    wording("reason"),
    Column("told_at", Moment),
    Column("over_at", Moment),
)

# Documents and entries that could not be read, and when the operators were told.
aside = Table(
    "aside",
    metadata,
    to("source", "source", key=True),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Plain, nullable=False),
    Column("what", Plain, nullable=False),
    Column("at", Moment, nullable=False),
    Column("told_at", Moment, index=True),
)

# What the hubs of sources were asked for (WebSub).
subscription = Table(
    "subscription",
    metadata,
    to("source", "source", key=True),
    Column("hub", Plain, nullable=False),
    Column("topic", Plain, nullable=False),
    Column("token", Plain, nullable=False, unique=True),
    Column("secret", Plain, nullable=False),
    Column("state", Choice(SubscriptionState), nullable=False),
    count("asked"),
    Column("due_at", Moment, index=True),
    Column("lease_until", Moment),
    wording("reason"),
)

# When a source was not read, from the first poll that failed to the one that read it again.
gap = Table(
    "gap",
    metadata,
    identity(),
    to("source", "source"),
    Column("began_at", Moment, nullable=False),
    Column("ended_at", Moment, index=True),  # NULL: it is down now
    count("polls"),
    wording("reason"),
    Index(None, "source", "began_at"),
)
