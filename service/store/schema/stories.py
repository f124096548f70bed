"""Stories, items, and what items are known by."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Table, false

from service.model import Instrument, Link, Signal, Status
from service.store.columns import Choice, Moment, Plain, Reference, RowId, Structured, words
from service.store.schema.making import LASTING, NARROW, count, identity, metadata, only, to, wording

story = Table(
    "story",
    metadata,
    identity(),
    wording("headline"),
    Column("opened_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False, index=True),
    Column("status", Choice(Status), nullable=False),
    count("items"),
    count("sources"),
    **LASTING,
)

item = Table(
    "item",
    metadata,
    identity(),
    to("source", "source"),
    to("story", "story"),
    wording("external_id"),
    wording("version"),
    wording("headline"),
    wording("slug"),
    Column("keywords", words()),
    Column("places", words()),
    wording("agency"),
    wording("body"),
    wording("language"),
    Column("published_at", Moment),
    Column("updated_at", Moment),
    Column("received_at", Moment, nullable=False),
    Column("embargo_until", Moment),
    Column("urgency", Integer, nullable=False, server_default="0"),
    Column("status", Choice(Status), nullable=False),
    Column("signal", Choice(Signal), nullable=False),
    Column("marks", words()),
    wording("genre"),
    Column("subjects", words()),
    Column("instruments", Structured[tuple[Instrument, ...]](tuple[Instrument, ...], ())),
    wording("byline"),
    wording("sign_off"),
    wording("note"),
    wording("link"),
    wording("canonical_link"),
    wording("rights"),
    Column("stored_at", Moment, nullable=False, index=True),
    Column("superseded", Boolean, nullable=False, server_default=false()),  # a newer version is stored
    Column("content", BigInteger, nullable=False),
    Column("text_hash", BigInteger, nullable=False),
    Column("link_hash", BigInteger),  # NULL without a canonical link
    Column("how", Choice(Link), nullable=False),  # how it came into its story, and why
    Column("nearest", Reference),
    Column("score", Float, nullable=False, server_default="0"),
    wording("reason"),
    Index(None, "source", "id"),
    Index(None, "story", "id"),
    Index(None, "text_hash", "id"),
    Index(None, "link_hash", "id"),
    **LASTING,
)
# What may not be read yet is asked for with every page, and is hardly ever there.
Index("ix_item_embargo_until", item.c.embargo_until, **only("embargo_until IS NOT NULL"))
Index("ix_item_withheld", item.c.story, **only("status = 'withheld'"))

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

# Posting lists: under a fingerprint the ids of its items, four bytes each, see `store.postings`.
fingerprint = Table(
    "fingerprint",
    metadata,
    Column("h", RowId, primary_key=True, autoincrement=False),
    Column("items", LargeBinary, nullable=False),
)

revision = Table(
    "revision",
    metadata,
    Column("subject", Plain, primary_key=True),
    count("value"),
    **NARROW,
)
