"""Rules, their versions and lists, and what they hit."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Table, false, true

from service.model import Evidence, Priority
from service.store.columns import Choice, Moment, Plain, Structured, words
from service.store.schema.making import BUSY, LASTING, count, identity, metadata, to, wording
from service.store.schema.wires import KEPT

rule = Table(
    "rule",
    metadata,
    identity(),
    Column("name", Plain, nullable=False),
    Column("query", Plain, nullable=False),
    Column("channels", words()),
    Column("priority", Choice(Priority), nullable=False),
    wording("language"),
    wording("digest"),
    Column("on_updates", Boolean, nullable=False, server_default=false()),
    Column("tags", words()),
    Column("escalate", words()),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("forecast", Float),  # alerts a day, as the back-test of its last query said; NULL: unknown
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    wording("changed_by"),
    Column("removed_at", Moment),
    Column("revision", BigInteger, nullable=False, index=True),  # the revision that this change made
    **LASTING,
)
Index("uq_rule_name", rule.c.name, unique=True, **KEPT)

rule_version = Table(
    "rule_version",
    metadata,
    to("rule", "rule", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("query", Plain, nullable=False),
    Column("channels", words()),
    Column("priority", Choice(Priority), nullable=False),
    wording("language"),
    wording("digest"),
    Column("on_updates", Boolean, nullable=False, server_default=false()),
    Column("tags", words()),
    Column("escalate", words()),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("changed_at", Moment, nullable=False),
    wording("changed_by"),
)

# How often each rule was looked at and hit, in all versions: a rule that is looked at often and hits never is
# worth a look by a person.
rule_count = Table(
    "rule_count",
    metadata,
    to("rule", "rule", key=True),
    count("candidates"),
    count("hits"),
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
    identity(),
    to("rule", "rule"),
    Column("rule_version", BigInteger, nullable=False),
    to("item", "item"),
    to("story", "story"),
    Column("evidence", Structured[tuple[Evidence, ...]](tuple[Evidence, ...], ())),
    Column("at", Moment, nullable=False),
    Column("action", Plain, nullable=False, server_default=""),
    Column("reason", Plain, nullable=False, server_default=""),
    Index("uq_hit_rule_item", "rule", "item", unique=True),
    Index(None, "rule", "id"),
    Index(None, "item"),
    Index(None, "story"),
)
