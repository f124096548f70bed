"""Those who are told and those who look; who did what, and what is done once."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, false, true

from service.model import Purpose, Role, Scope
from service.store.columns import Choice, Json, Moment, Plain, Reference, Structured, words
from service.store.schema.making import LASTING, identity, metadata, to, wording
from service.store.schema.wires import KEPT

person = Table(
    "person",
    metadata,
    identity(),
    Column("name", Plain, nullable=False),
    Column("addresses", Json),  # channel -> recipient
    wording("language"),
    wording("timezone"),
    Column("added_at", Moment, nullable=False),
    Column("removed_at", Moment),
    wording("left_because"),
    **LASTING,
)
Index("uq_person_name", person.c.name, unique=True, **KEPT)

person_group = Table(
    "person_group",
    metadata,
    identity(),
    Column("name", Plain, nullable=False, unique=True),
    Column("added_at", Moment, nullable=False),
)

group_member = Table(
    "group_member",
    metadata,
    to("person_group", "person_group", key=True),
    to("person", "person", key=True),
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
    identity(),
    Column("at", Moment, nullable=False, index=True),
    wording("who"),
    Column("what", Plain, nullable=False),  # add-rule, silence, resend, …
    wording("subject"),
    Column("detail", Json),
)

# What belongs to each file of a watchlist, which named it last: nothing else is taken off in its name.
applied = Table(
    "applied",
    metadata,
    Column("file", Plain, primary_key=True),
    Column("named", words()),  # rules.kim
)

account = Table(
    "account",
    metadata,
    identity(),
    Column("name", Plain, nullable=False, unique=True),
    Column("role", Choice(Role), nullable=False),
    wording("password"),
    wording("language"),
    wording("timezone"),
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
    identity(),
    Column("hash", Plain, nullable=False, unique=True),
    Column("purpose", Choice(Purpose), nullable=False),
    Column("account", Reference, ForeignKey("account.id", ondelete="CASCADE")),
    Column("rule", Reference, ForeignKey("rule.id", ondelete="CASCADE")),
    wording("name"),
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
    wording("body"),
    Column("at", Moment, nullable=False, index=True),
)
