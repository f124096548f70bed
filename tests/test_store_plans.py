"""No claim and no look-up reads a whole table, on either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine, event

from service.model import (
    Alert,
    Cursor,
    Delivery,
    DeliveryState,
    Hit,
    Item,
    Link,
    Message,
    Placement,
    Priority,
    Rule,
    Source,
    SourceState,
    Status,
)
from service.store.db import Store, Transaction

LEASE = timedelta(seconds=90)
Statement = tuple[str, Any]

# Read whole on purpose: one row, or as many as there are lists.
SMALL = {"installation", "revision", "word_list", "alembic_version"}


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """All statements that run meanwhile, with the parameters of one of their executions."""
    seen: list[Statement] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        many = isinstance(parameters, list)
        if statement.split(maxsplit=1)[0] in {"SELECT", "WITH", "UPDATE", "DELETE"}:
            seen.append((statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def whole_tables(url: str, statement: Statement) -> list[str]:
    """The tables that the engine would read from end to end for a statement, by themselves or an index."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        explain = whole_on_sqlite if engine.dialect.name == "sqlite" else whole_on_postgresql
        found = explain(connection, *statement)
    engine.dispose()
    return [name for name in found if name not in SMALL]


def whole_on_sqlite(connection: Connection, statement: str, parameters: Any) -> list[str]:
    plan = [row.detail for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
    if "LIMIT" in statement and not any("TEMP B-TREE" in step for step in plan):
        return []  # read in order, and only until there is enough
    scans = (step.split()[1] for step in plan if step.startswith("SCAN "))
    return [name for name in scans if name != "picked"]  # what was picked, or given as a list


def whole_on_postgresql(connection: Connection, statement: str, parameters: Any) -> list[str]:
    connection.exec_driver_sql("SET enable_seqscan = off")  # small tables are read whole otherwise
    plan = connection.exec_driver_sql("EXPLAIN (FORMAT JSON) " + statement, parameters).scalar_one()
    return list(_unbounded(plan[0]["Plan"], limited=False))


def _unbounded(node: dict[str, Any], *, limited: bool) -> Iterator[str]:
    """The tables of all scans that have no condition on an index, and no limit right above them."""
    kind = node["Node Type"]
    scan = kind in {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    if scan and "Index Cond" not in node and "Index Cond" not in str(node.get("Plans")) and not limited:
        yield node["Relation Name"]
    limited = kind in {"Limit", "Result", "LockRows"} and (limited or kind == "Limit")
    for below in node.get("Plans", []):
        yield from _unbounded(below, limited=limited)


# Enough rows for PostgreSQL to prefer the right index to any index. SQLite plans without counting.
MANY = """
INSERT INTO source (name, url, state, added_at, next_poll_at) SELECT n, n, 'ok', n, 9e18::bigint FROM {n};
INSERT INTO rule (name, query, priority, created_at, changed_at, revision)
    SELECT n, n, 'low', n, n, 0 FROM {n};
INSERT INTO story (opened_at, updated_at, status) SELECT n, n, 'usable' FROM {n};
INSERT INTO item (source, story, received_at, status, signal, stored_at, content, text_hash, link_hash, how)
    SELECT source.id, story.id, n, 'usable', 'none', n, n, n, n, 'first' FROM {n}
    JOIN source ON source.url = n::text JOIN story ON story.opened_at = n;
INSERT INTO seen SELECT source, n, id, story, n FROM item JOIN {n} ON content = n;
INSERT INTO fingerprint SELECT n + 1000, int4send(id::integer) FROM item JOIN {n} ON content = n;
INSERT INTO hit (rule, rule_version, item, story, at)
    SELECT rule.id, 1, item.id, story, received_at FROM item JOIN rule ON rule.name = content::text;
INSERT INTO alert (rule, story, state, opened_at, updated_at) SELECT rule, story, 'open', at, at FROM hit;
INSERT INTO delivery (channel, kind, story, state, priority, created_at, due_at, sent_at)
    SELECT id, 'alert', story, 'sent', 'low', opened_at, opened_at, opened_at FROM alert;
INSERT INTO delivery_alert SELECT delivery.id, alert.id FROM delivery JOIN alert USING (story);
INSERT INTO attempt (delivery, number, started_at, took, verdict)
    SELECT id, 1, due_at, 1, 'sent' FROM delivery;
ANALYZE
""".format(n="generate_series(1, 3000) AS n")


@pytest.fixture
def many(database_url: str, store: Store) -> None:
    """Three thousand of everything."""
    if store.dialect == "postgresql":
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(MANY)


@pytest.fixture
def filled(store: Store, many: None) -> tuple[Source, Rule, Item, Delivery]:
    """One of everything, and many sources."""
    now = store.now()
    with store.begin() as tx:
        source = tx.sources.add(Source(name="dpa", url="https://dpa.example/"), now)
        rule = tx.rules.add(Rule(name="korea", query="Kim"), now)
        item = add_item(tx, store, source.id)
        tx.alerts.hit(Hit(rule=rule.id, rule_version=1, item=item.id, story=item.story, evidence=(), at=now))
        alert = tx.alerts.open(Alert(rule=rule.id, story=item.story, opened_at=now, updated_at=now))
        delivery = tx.outbox.add(
            Delivery(
                channel="desk",
                story=item.story,
                due_at=now,
                state=DeliveryState.PENDING,
                message=Message(id="m", subject="s", text="t"),
            ),
            [alert.id],
        )
    return source, rule, item, delivery


def add_item(tx: Transaction, store: Store, source: int, story: int = 0) -> Item:
    link = Link.VERSION if story else Link.FIRST
    return tx.items.add(
        Item(headline="Kim", source=source, canonical_link="https://a.example/"),
        Placement(link=link, story=story),
        keys=[1, 2],
        content=0,
        text_hash=0,
        fingerprints=[1, 2, 3, 4],
        now=store.now(),
    )


def use(store: Store, source: Source, rule: Rule, item: Item, delivery: Delivery) -> None:
    """Everything that runs for each poll, each item and each message, and every page of a list."""
    now = store.now()
    with store.begin() as tx:
        tx.sources.get("dpa")
        claimed = tx.sources.claim(now, 5, LEASE, 1)
        tx.sources.settle(
            source.id,
            claimed[0].epoch,
            cursor=Cursor(),
            state=SourceState.OK,
            failures=0,
            last_error="",
            last_polled_at=now,
            last_ok_at=now,
            last_item_at=now,
            next_poll_at=now,
            rhythm=None,
            url="https://moved.example/",
        )
        tx.sources.next_due()
        tx.sources.release(1)
        tx.items.seen(source.id, [1, 2])
        tx.items.get(item.id)
        tx.items.placement(item.id)
        tx.items.list(since=now, before_id=9, source=source.id)
        tx.items.list(limit=5)
        list(tx.items.scan(since=now))
        tx.stories.candidates(
            canonical_link="https://a.example/", text_hash=0, fingerprints=[1, 2, 3, 4], since=now
        )
        tx.postings.under([1, 2])
        tx.stories.get(item.story)
        tx.stories.headlines([item.story])
        tx.stories.items(item.story)
        tx.stories.sightings(item.story)
        tx.stories.mark(item.story, Status.CANCELED, now)
        add_item(tx, store, source.id, item.story)
        tx.rules.get("korea")
        tx.rules.revision()
        tx.rules.changed_since(0)
        tx.rules.versions(rule.id)
        tx.rules.with_ids([rule.id])
    use_outbox(store, rule, item, delivery)


def use_outbox(store: Store, rule: Rule, item: Item, delivery: Delivery) -> None:
    now = store.now()
    with store.begin() as tx:
        tx.alerts.hits(item.id)
        tx.alerts.hits_of_story(item.story)
        tx.alerts.hits_of_rule(rule.id, before_id=5)
        tx.alerts.get(rule.id, item.story)
        tx.alerts.of_story(item.story)
        tx.alerts.list(since=now, before_id=5, rule=rule.id)
        tx.alerts.list()
        tx.alerts.silences(now)
        tx.outbox.waiting(item.story, "desk", "")
        tx.outbox.thread(item.story, "desk", "")
        tx.outbox.held_due(now)
        tx.outbox.hold(delivery.id, now, "")
        tx.outbox.due_channels(now)
        tx.outbox.claim("desk", now, 5, LEASE, 1)
        tx.outbox.hurry(item.story, "desk", "", Priority.FLASH, now)
        tx.outbox.settle(delivery.id, 1, state=DeliveryState.SENT, sent_at=now)
        tx.outbox.release(1)
        tx.outbox.attempts(delivery.id)
        tx.outbox.list(state=DeliveryState.DEAD, since=now, before_id=5)
        tx.outbox.list()
        tx.outbox.list(failed=True)
        tx.outbox.next_due()
        tx.outbox.suppress_story(item.story, "")
    oversee(store, rule, item, delivery)


def oversee(store: Store, rule: Rule, item: Item, delivery: Delivery) -> None:
    """What policies, the overseer and a shift ask."""
    now = store.now()
    with store.begin() as tx:
        tx.alerts.met(rule.id, item.story)
        tx.alerts.counts_since(now)
        tx.alerts.judged(rule.id)
        tx.alerts.ended_silences(now, now)
        tx.items.count_since(now)
        tx.traffic.written_since("desk", "", now, rule.id)
        tx.traffic.written_since("desk", "", now)
        tx.traffic.rolled_up("desk", "", now)
        tx.outbox.held_with(delivery, now)
        tx.outbox.silenced(7)
        tx.outbox.suppress_recipient("desk", "anna", "")
        tx.traffic.troubled()
        tx.traffic.last_sent("desk")
        tx.outbox.stranded(now, now)
        tx.traffic.count_sent(now)
        tx.once.first("a", now)
        tx.once.undo("a")
        tx.once.forget(now)
        tx.rules.forecasts([rule.id])


@pytest.mark.slow
def test_what_runs_all_day_is_looked_up_by_an_index(
    database_url: str, store: Store, filled: tuple[Source, Rule, Item, Delivery]
) -> None:
    with statements() as seen:
        use(store, *filled)
    assert len(seen) > 50
    scanned = {one[0]: tables for one in seen if (tables := whole_tables(database_url, one))}
    assert scanned == {}


def test_a_look_up_without_an_index_would_be_found(database_url: str, stores: Callable[[], Store]) -> None:
    with stores().read() as tx, statements() as seen:
        tx.sources.counts()
        tx.alerts.list(limit=5)
    assert [name for one in seen for name in whole_tables(database_url, one)] == ["source"]
