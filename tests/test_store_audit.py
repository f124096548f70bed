"""Gaps, the ledger, counts and stories moved by hand: the same on both engines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.model import Alert, Change, Delivery, DeliveryState, Hit, Item, Link, Placement, Rule, Source
from service.store.db import Store
from tests.clock import ManualClock

HOUR = timedelta(hours=1)


def item(store: Store, clock: ManualClock, source: int, number: int) -> Item:
    """An item in a story of its own, hit, told and waiting to be sent."""
    now = clock()
    with store.begin() as tx:
        return tx.items.add(
            Item(headline=f"Meldung {number}", source=source, published_at=now - HOUR),
            Placement(link=Link.FIRST),
            keys=[number],
            content=number,
            text_hash=number,
            fingerprints=[number],
            now=now,
        )


def desk(store: Store, clock: ManualClock) -> tuple[Rule, list[Item]]:
    """A rule that was told of two stories."""
    items = []
    with store.begin() as tx:
        source = tx.sources.add(Source(name="wire", url="https://wire.example/feed"), clock()).id
        rule = tx.rules.add(Rule(name="kim", query="Kim"), clock())
    for number in (1, 2):
        one = item(store, clock, source, number)
        items.append(one)
        with store.begin() as tx:
            found = Hit(rule=rule.id, rule_version=1, item=one.id, story=one.story, evidence=(), at=clock())
            tx.alerts.hit(found)
            alert = tx.alerts.open(
                Alert(rule=rule.id, story=one.story, opened_at=clock(), updated_at=clock())
            )
            waiting = Delivery(channel="desk", story=one.story, item=one.id, due_at=clock())
            tx.outbox.add(waiting, [alert.id])
    return rule, items


def test_a_merge_moves_everything_and_spares_the_second_message(store: Store, clock: ManualClock) -> None:
    rule, [first, second] = desk(store, clock)
    kept, other, source = first.story, second.story, first.source
    with store.begin() as tx:
        assert 1 == tx.joining.merge(kept, other, "merged by anna", clock())
    with store.begin() as tx:
        assert [kept, kept] == [one.story for one in tx.stories.items(kept)]
        assert (2, 1) == (tx.stories.get(kept).items, tx.stories.get(kept).sources)
        assert 1 == len(tx.alerts.of_story(kept))
        states = [one.state for one in tx.outbox.of_story(kept)]
        assert [DeliveryState.HELD, DeliveryState.SUPPRESSED] == states
        assert {kept} == {known.story for known in tx.items.seen(source, [1, 2]).values()}
        new = tx.joining.split(kept, [second.id], "split off by bob", clock())
    with store.read() as tx:
        assert [[first.id], [second.id]] == [
            [one.id for one in tx.stories.items(story)] for story in (kept, new)
        ]
        assert [rule.id] == [one.rule for one in tx.alerts.of_story(new)]
        assert new == tx.items.seen(source, [2])[2].story


def test_a_gap_begins_goes_on_and_ends(store: Store, clock: ManualClock) -> None:
    begin = clock()
    with store.begin() as tx:
        number = tx.sources.add(Source(name="wire", url="https://wire.example/feed"), begin).id
        tx.gaps.fail(number, "timeout", begin)
        tx.gaps.fail(number, "HTTP 503", clock.advance(minutes=5))
    with store.read() as tx:
        [gap] = tx.gaps.between(begin, clock())
    assert (begin, None, 2, "HTTP 503") == (gap.began_at, gap.ended_at, gap.polls, gap.reason)
    with store.begin() as tx:
        tx.gaps.end(number, clock.advance(minutes=5))
    with store.read() as tx:
        assert [] == tx.gaps.between(clock() + HOUR, clock() + 2 * HOUR)
        assert [clock()] == [each.ended_at for each in tx.gaps.between(begin - HOUR, begin, [number])]
    with store.begin() as tx:
        assert (0, 1) == (tx.gaps.prune(clock(), 10), tx.gaps.prune(clock() + HOUR, 10))


@pytest.mark.slow
def test_the_ledger_reads_what_came_and_what_was_sent(store: Store, clock: ManualClock) -> None:
    desk(store, clock)
    with store.begin() as tx:
        for one in tx.outbox.list():
            tx.outbox.settle(one.id, one.epoch, state=DeliveryState.SENT, sent_at=clock.advance(seconds=3))
    with store.read() as tx:
        passages = tx.ledger.passages(clock() - HOUR)
    assert (4, 2) == (len(passages), sum(one.sent_at is not None for one in passages))
    assert {HOUR} == {one.seen_at - one.stamped_at for one in passages if one.stamped_at}


def test_counts_of_a_rule_add_up(store: Store, clock: ManualClock) -> None:
    rule, _ = desk(store, clock)
    with store.begin() as tx:
        tx.rules.count({rule.id: (5, 1)})
        tx.rules.count({rule.id: (2, 2)})
        tx.rules.count({})
    with store.read() as tx:
        assert ((7, 3), (0, 0)) == (tx.rules.counted(rule.id), tx.rules.counted(rule.id + 1))
        assert {"": 2} == tx.alerts.tally(rule.id)


def test_words_are_read_page_by_page_on_the_time_axis_of_publication(
    store: Store, clock: ManualClock
) -> None:
    _, items = desk(store, clock)
    with store.read() as tx:
        pages = list(tx.items.wordings(since=clock() - HOUR, rows=1))
        assert [["Meldung 1"], ["Meldung 2"]] == [[row.headline for row in page] for page in pages]
        assert {(clock() - HOUR).timestamp() * 1e6} == {row.at for page in pages for row in page}
        ids = [one.id for one in items]
        assert ids == sorted(tx.items.with_ids([*ids, ids[-1] + 1]))


def test_the_record_keeps_what_was_said_in_its_order_and_whatever_text_it_is(
    store: Store, clock: ManualClock
) -> None:
    said = {"query": "Kim", "as": ["a\0b", "\udcff"], "c": {"\0": None}}
    with store.begin() as tx:
        tx.audit.add(Change(at=clock(), who="anna", what="add-rule", subject="kim", detail=said))
    with store.read() as tx:
        [change] = tx.audit.list()
    assert {"query": "Kim", "as": ["a\ufffdb", "\ufffd"], "c": {"\ufffd": None}} == change.detail
    assert ["query", "as", "c"] == list(change.detail)
