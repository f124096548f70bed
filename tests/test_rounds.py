"""One whole round by hand: what it sends goes out with it, at the pace of its channel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.actions import rounds, sources
from service.errors import UsageError
from tests.newsroom import TRIP, Entry, Room, changed, newsroom
from tests.servers import Answer, FeedServer

pytestmark = pytest.mark.slow
STORIES = 23  # three more than a channel sends in one breath


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.settings["channels"]["desk"]["rate"] = "300/m"
        made.restart(alerts={"storm_limit": 100, "throttle": 100})
        made.add_rule("Kim")
        made.add_source("wire")
        made.wire("wire", *(story(number) for number in range(STORIES)))
        yield made


def story(number: int) -> Entry:
    text = f"Bericht {number} " + " ".join(f"wort{number}x{place}" for place in range(60))
    return changed(TRIP, key=f"k{number}", headline=f"Kim und Sache {number}", text=text, link="")


def test_a_round_waits_for_the_rate_of_a_channel_and_sends_all_it_has(room: Room) -> None:
    tally = room.poll()
    assert tally.items == STORIES
    assert len(room.told()) == tally.counts["delivery.sent"] == STORIES
    assert tally.problems == []


def test_what_files_brought_is_remembered_whatever_came_after_them(room: Room, tmp_path: Path) -> None:
    good, bad = tmp_path / "1.txt", tmp_path / "2.bin"
    good.write_text("Kim reist\n\nKim ist in Peking.")
    bad.write_bytes(bytes(range(256)))
    tally = rounds.ingest(room.app, [good, bad])
    assert list(tally.failures) == ["2.bin"]
    assert room.source("ingest").last_item_at
    with pytest.raises(UsageError, match="read by hand"):
        sources.resume(room.app, "ingest")


def test_what_the_rate_leaves_behind_stays_in_the_outbox(room: Room) -> None:
    room.settings["channels"]["desk"]["rate"] = "6/m"
    room.restart()
    for _ in range(3):
        rounds.queue_test(room.app, "desk")
    assert rounds.deliver(room.app, patience=0.0) == ["desk"]
    assert len(room.hooks.posts) == 1
    room.settings["channels"]["desk"]["rate"] = "900000/s"
    room.restart()
    assert rounds.deliver(room.app) == []
    assert len(room.hooks.posts) == 3


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_host_that_asked_for_a_pause_has_it_from_all_sources_and_after_a_restart_too(
    tmp_path: Path, status: int
) -> None:
    """Through a proxy: no public host is at hand."""
    with FeedServer() as proxy, newsroom(tmp_path, http={"proxy": proxy.origin}) as room:
        pause = Answer(status=status, headers={"Retry-After": "600"})
        proxy.script("http://feeds.example.org/a", pause)
        soon = room.app.store.now() + timedelta(seconds=1)
        room.add_source("a", "http://feeds.example.org/a")
        room.add_source("b", "http://feeds.example.org/b", next_poll_at=soon)
        room.add_source("c", "http://other.example.org/c", next_poll_at=soon)
        rounds.poll(room.app)
        room.restart()
        with room.app.store.read() as tx:
            due = {source.name: source.next_poll_at for source in tx.sources.list()}
        at = room.app.store.now() + timedelta(seconds=590)
        assert [name for name, when in due.items() if when and when < at] == ["c"]
        assert len(proxy.requests) == 1


def test_nothing_is_asked_before_it_is_due_not_even_after_a_restart(room: Room) -> None:
    room.poll()
    asked = len(room.feeds.requests)
    assert rounds.poll(room.app).sources == 0
    room.restart()
    assert rounds.poll(room.app).sources == 0
    assert len(room.feeds.requests) == asked
