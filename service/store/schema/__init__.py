"""The tables. Column names are the fields of the model, so that a row becomes its dataclass by name.

What a query looks up is indexed; a text that may be long (a link) is looked up by its 64-bit hash,
because PostgreSQL refuses an index entry over 2,704 bytes. What is removed by hand stays as a row with
`removed_at`, since items and alerts go on naming it.

They stand by theme in the modules of this package; everybody imports them from here.
"""

from service.store.schema.alerts import alert, attempt, delivery, delivery_alert, silence
from service.store.schema.making import BUSY, LASTING, NARROW, REVISION, metadata
from service.store.schema.people import (
    account,
    answer,
    applied,
    audit,
    group_member,
    once,
    person,
    person_group,
    secret,
)
from service.store.schema.rules import hit, rule, rule_count, rule_version, word_list, word_list_version
from service.store.schema.stories import fingerprint, item, revision, seen, story
from service.store.schema.wires import aside, gap, habit, installation, node, outage, source, subscription

__all__ = [
    "BUSY",
    "LASTING",
    "NARROW",
    "REVISION",
    "account",
    "alert",
    "answer",
    "applied",
    "aside",
    "attempt",
    "audit",
    "delivery",
    "delivery_alert",
    "fingerprint",
    "gap",
    "group_member",
    "habit",
    "hit",
    "installation",
    "item",
    "metadata",
    "node",
    "once",
    "outage",
    "person",
    "person_group",
    "revision",
    "rule",
    "rule_count",
    "rule_version",
    "secret",
    "seen",
    "silence",
    "source",
    "story",
    "subscription",
    "word_list",
    "word_list_version",
]
