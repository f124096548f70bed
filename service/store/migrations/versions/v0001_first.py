"""The first schema.

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON()
KEPT = sa.text("removed_at IS NULL")


def upgrade() -> None:
    _installation()
    _sources()
    _stories()
    _items()
    _memory()
    _rules()
    _alerts()
    _outbox()
    _people()
    _search()


def _installation() -> None:
    """Who this database is, and who works on it."""
    op.create_table(
        "installation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Text(), server_default="", nullable=False),
        sa.Column("moved_to", sa.Text(), server_default="", nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "node",
        sa.Column("id", ID, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_node"),
        sqlite_autoincrement=True,
    )


def _sources() -> None:
    """What is polled, and when."""
    op.create_table(
        "source",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="", nullable=False),
        sa.Column("every", sa.BigInteger(), nullable=True),
        sa.Column("cron", sa.Text(), server_default="", nullable=False),
        sa.Column("tags", JSON, nullable=True),
        sa.Column("auth_env", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", JSON, nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("last_polled_at", sa.BigInteger(), nullable=True),
        sa.Column("last_ok_at", sa.BigInteger(), nullable=True),
        sa.Column("last_item_at", sa.BigInteger(), nullable=True),
        sa.Column("next_poll_at", sa.BigInteger(), nullable=True),
        sa.Column("rhythm", sa.BigInteger(), nullable=True),
        sa.Column("pushed_until", sa.BigInteger(), nullable=True),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("node", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claims", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        postgresql_with={"fillfactor": 70},
        sqlite_autoincrement=True,
    )
    op.create_index("ix_source_next_poll_at", "source", ["next_poll_at"], unique=False)
    op.create_index("ix_source_node", "source", ["node"], unique=False)
    op.create_index(
        "uq_source_name", "source", ["name"], unique=True, sqlite_where=KEPT, postgresql_where=KEPT
    )
    op.create_index("uq_source_url", "source", ["url"], unique=True, sqlite_where=KEPT, postgresql_where=KEPT)
    op.create_table(
        "habit",
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("slots", JSON, nullable=True),
        sa.Column("missed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="fk_habit_source_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", name="pk_habit"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_habit_missed_at", "habit", ["missed_at"], unique=False)
    op.create_table(
        "outage",
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("over_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source"], ["source.id"], name="fk_outage_source_source", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source", name="pk_outage"),
    )
    op.create_table(
        "aside",
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="fk_aside_source_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", "key", name="pk_aside"),
    )
    op.create_index("ix_aside_told_at", "aside", ["told_at"], unique=False)


def _stories() -> None:
    """The threads of items."""
    op.create_table(
        "subscription",
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["source"], ["source.id"], name="fk_subscription_source_source", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source", name="pk_subscription"),
        sa.UniqueConstraint("token", name="uq_subscription_token"),
    )
    op.create_index("ix_subscription_due_at", "subscription", ["due_at"], unique=False)
    op.create_table(
        "gap",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("polls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="fk_gap_source_source", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_gap"),
    )
    op.create_index("ix_gap_ended_at", "gap", ["ended_at"], unique=False)
    op.create_index("ix_gap_source_began_at", "gap", ["source", "began_at"], unique=False)
    op.create_table(
        "story",
        sa.Column("id", ID, nullable=False),
        sa.Column("headline", sa.Text(), server_default="", nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("items", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sources", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_story"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_story_updated_at", "story", ["updated_at"], unique=False)


def _items() -> None:
    """The archive."""
    op.create_table(
        "item",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("story", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("headline", sa.Text(), server_default="", nullable=False),
        sa.Column("slug", sa.Text(), server_default="", nullable=False),
        sa.Column("keywords", JSON, nullable=True),
        sa.Column("places", JSON, nullable=True),
        sa.Column("agency", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("embargo_until", sa.BigInteger(), nullable=True),
        sa.Column("urgency", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("marks", JSON, nullable=True),
        sa.Column("genre", sa.Text(), server_default="", nullable=False),
        sa.Column("subjects", JSON, nullable=True),
        sa.Column("instruments", JSON, nullable=True),
        sa.Column("byline", sa.Text(), server_default="", nullable=False),
        sa.Column("sign_off", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("link", sa.Text(), server_default="", nullable=False),
        sa.Column("canonical_link", sa.Text(), server_default="", nullable=False),
        sa.Column("rights", sa.Text(), server_default="", nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("superseded", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("content", sa.BigInteger(), nullable=False),
        sa.Column("text_hash", sa.BigInteger(), nullable=False),
        sa.Column("link_hash", sa.BigInteger(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("nearest", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.Float(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="fk_item_source_source", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["story"], ["story.id"], name="fk_item_story_story", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_item_link_hash_id", "item", ["link_hash", "id"], unique=False)
    op.create_index("ix_item_source_id", "item", ["source", "id"], unique=False)
    op.create_index("ix_item_stored_at", "item", ["stored_at"], unique=False)
    op.create_index("ix_item_story_id", "item", ["story", "id"], unique=False)
    op.create_index("ix_item_text_hash_id", "item", ["text_hash", "id"], unique=False)
    for name, column, rows in (
        ("ix_item_embargo_until", "embargo_until", sa.text("embargo_until IS NOT NULL")),
        ("ix_item_withheld", "story", sa.text("status = 'withheld'")),
    ):
        op.create_index(name, "item", [column], unique=False, sqlite_where=rows, postgresql_where=rows)


def _memory() -> None:
    """What outlives the items, and what finds them."""
    op.create_table(
        "seen",
        sa.Column("source", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("story", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name="pk_seen"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fingerprint",
        sa.Column("h", ID, autoincrement=False, nullable=False),
        sa.Column("items", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("h", name="pk_fingerprint"),
    )


def _rules() -> None:
    """What is looked for."""
    op.create_table(
        "revision",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_revision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rule",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("channels", JSON, nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("on_updates", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("tags", JSON, nullable=True),
        sa.Column("escalate", JSON, nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("forecast", sa.Float(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rule_revision", "rule", ["revision"], unique=False)
    op.create_index("uq_rule_name", "rule", ["name"], unique=True, sqlite_where=KEPT, postgresql_where=KEPT)
    op.create_table(
        "rule_version",
        sa.Column("rule", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("channels", JSON, nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("on_updates", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("tags", JSON, nullable=True),
        sa.Column("escalate", JSON, nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["rule"], ["rule.id"], name="fk_rule_version_rule_rule", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rule", "version", name="pk_rule_version"),
    )
    op.create_table(
        "rule_count",
        sa.Column("rule", sa.BigInteger(), nullable=False),
        sa.Column("candidates", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("hits", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["rule"], ["rule.id"], name="fk_rule_count_rule_rule", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rule", name="pk_rule_count"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "word_list",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("terms", JSON, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_word_list"),
    )
    op.create_table(
        "word_list_version",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("terms", JSON, nullable=True),
        sa.PrimaryKeyConstraint("name", "changed_at", name="pk_word_list_version"),
    )


def _alerts() -> None:
    """What was found."""
    op.create_table(
        "hit",
        sa.Column("id", ID, nullable=False),
        sa.Column("rule", sa.BigInteger(), nullable=False),
        sa.Column("rule_version", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("story", sa.BigInteger(), nullable=False),
        sa.Column("evidence", JSON, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_hit_item_item", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["rule"], ["rule.id"], name="fk_hit_rule_rule", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["story"], ["story.id"], name="fk_hit_story_story", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_hit"),
    )
    op.create_index("ix_hit_item", "hit", ["item"], unique=False)
    op.create_index("ix_hit_rule_id", "hit", ["rule", "id"], unique=False)
    op.create_index("ix_hit_story", "hit", ["story"], unique=False)
    op.create_index("uq_hit_rule_item", "hit", ["rule", "item"], unique=True)
    op.create_table(
        "alert",
        sa.Column("id", ID, nullable=False),
        sa.Column("rule", sa.BigInteger(), nullable=False),
        sa.Column("story", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), server_default="", nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_until", sa.BigInteger(), nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("relevance", sa.Text(), server_default="", nullable=False),
        sa.Column("step", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["rule"], ["rule.id"], name="fk_alert_rule_rule", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["story"], ["story.id"], name="fk_alert_story_story", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_opened_at", "alert", ["opened_at"], unique=False)
    op.create_index("ix_alert_rule_id", "alert", ["rule", "id"], unique=False)
    op.create_index("ix_alert_state_id", "alert", ["state", "id"], unique=False)
    op.create_index("ix_alert_story", "alert", ["story"], unique=False)
    op.create_index("uq_alert_rule_story", "alert", ["rule", "story"], unique=True)
    op.create_table(
        "silence",
        sa.Column("id", ID, nullable=False),
        sa.Column("matchers", JSON, nullable=True),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silence"),
    )
    op.create_index("ix_silence_ends_at", "silence", ["ends_at"], unique=False)


def _outbox() -> None:
    """What is told."""
    op.create_table(
        "delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("story", sa.BigInteger(), nullable=True),
        sa.Column("item", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("message", JSON, nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("silence", sa.BigInteger(), nullable=True),
        sa.Column("node", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claims", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["story"], ["story.id"], name="fk_delivery_story_story", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        postgresql_with={"fillfactor": 70},
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_channel_sent_at", "delivery", ["channel", "sent_at"], unique=False)
    op.create_index(
        "ix_delivery_channel_state_due_at", "delivery", ["channel", "state", "due_at"], unique=False
    )
    op.create_index("ix_delivery_created_at", "delivery", ["created_at"], unique=False)
    op.create_index("ix_delivery_node", "delivery", ["node"], unique=False)
    op.create_index("ix_delivery_silence", "delivery", ["silence"], unique=False)
    op.create_index("ix_delivery_state_due_at", "delivery", ["state", "due_at"], unique=False)
    op.create_index(
        "ix_delivery_story_channel_recipient", "delivery", ["story", "channel", "recipient"], unique=False
    )
    op.create_table(
        "delivery_alert",
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("alert", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert"], ["alert.id"], name="fk_delivery_alert_alert_alert", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["delivery"], ["delivery.id"], name="fk_delivery_alert_delivery_delivery", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("delivery", "alert", name="pk_delivery_alert"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_alert_alert", "delivery_alert", ["alert"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("took", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("retry_after", sa.BigInteger(), nullable=True),
        sa.Column("node", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["delivery.id"], name="fk_attempt_delivery_delivery", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
    )
    op.create_index("ix_attempt_delivery_id", "attempt", ["delivery", "id"], unique=False)
    op.create_index("ix_attempt_started_at", "attempt", ["started_at"], unique=False)
    op.create_table(
        "once",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_once"),
    )
    op.create_index("ix_once_at", "once", ["at"], unique=False)


def _people() -> None:
    """Who is told, and what people did."""
    op.create_table(
        "person",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("addresses", JSON, nullable=True),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="", nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("left_because", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_person_name", "person", ["name"], unique=True, sqlite_where=KEPT, postgresql_where=KEPT
    )
    op.create_table(
        "person_group",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person_group"),
        sa.UniqueConstraint("name", name="uq_person_group_name"),
    )
    op.create_table(
        "group_member",
        sa.Column("person_group", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"], ["person.id"], name="fk_group_member_person_person", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_group"],
            ["person_group.id"],
            name="fk_group_member_person_group_person_group",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_group", "person", name="pk_group_member"),
    )
    op.create_index("ix_group_member_person", "group_member", ["person"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)


def _search() -> None:
    """Which words stand in which item; each engine has its own kind of index."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE item_search USING fts5(words, content='', detail='none', columnsize=0,"
            " tokenize='unicode61 remove_diacritics 0')"
        )
    else:
        op.execute("CREATE TABLE item_search (item BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX ix_item_search_words ON item_search USING gin (words)")
