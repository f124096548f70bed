"""Alerts, the outbox, and what keeps it quiet."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from service.model import AlertState, DeliveryKind, DeliveryState, Message, Priority, Relevance, Verdict
from service.store.columns import Choice, Moment, Plain, Reference, Span, Structured
from service.store.schema.making import BUSY, LASTING, NARROW, count, identity, lease, metadata, to, wording

alert = Table(
    "alert",
    metadata,
    identity(),
    to("rule", "rule"),
    to("story", "story"),
    Column("state", Choice(AlertState), nullable=False),
    count("revision"),
    wording("reason"),
    Column("opened_at", Moment, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False),
    wording("acknowledged_by"),
    Column("acknowledged_at", Moment),
    Column("acknowledged_until", Moment),
    wording("comment"),
    Column("relevance", Choice(Relevance), nullable=False, server_default=""),
    count("step"),
    Index("uq_alert_rule_story", "rule", "story", unique=True),
    Index(None, "rule", "id"),
    Index(None, "story"),
    Index(None, "state", "id"),
    **LASTING,
)

delivery = Table(
    "delivery",
    metadata,
    identity(),
    Column("channel", Plain, nullable=False),
    wording("recipient"),
    Column("kind", Choice(DeliveryKind), nullable=False),
    to("story", "story", optional=True),
    Column("item", Reference),
    Column("state", Choice(DeliveryState), nullable=False),
    wording("reason"),
    Column("message", Structured[Message | None](Message, None)),
    Column("priority", Choice(Priority), nullable=False),
    count("attempts"),
    wording("last_error"),
    Column("created_at", Moment, nullable=False, index=True),
    Column("due_at", Moment),
    Column("sent_at", Moment),
    Column("silence", Reference),  # the one that swallowed it
    *lease(),
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
    to("delivery", "delivery", key=True),
    to("alert", "alert", key=True),
    Index(None, "alert"),
    **NARROW,
)

attempt = Table(
    "attempt",
    metadata,
    identity(),
    to("delivery", "delivery"),
    Column("number", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False, index=True),
    Column("took", Span, nullable=False),
    Column("verdict", Choice(Verdict), nullable=False),
    wording("code"),
    wording("reason"),
    Column("retry_after", Span),
    wording("node"),
    Index(None, "delivery", "id"),
)

silence = Table(
    "silence",
    metadata,
    identity(),
    Column("matchers", Structured[tuple[tuple[str, str], ...]](tuple[tuple[str, str], ...], ())),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Column("comment", Plain, nullable=False),
    wording("author"),
)
