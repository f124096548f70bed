"""No more is fetched than can be taken in: documents that wait take memory, and their leases run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from service.fetch.http import SLOTS
from service.model import Source
from tests.newsroom import TRIP, newsroom, rss

DEADLINE = 30.0  # seconds


@pytest.mark.slow
def test_what_has_arrived_and_waits_leaves_no_room_for_more(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        pipeline, now = room.app.pipeline, room.app.store.now()
        with room.app.store.begin() as tx:
            for number in range(3 * SLOTS):
                room.feeds.serve(f"/{number}", rss(TRIP, title=str(number)))
                tx.sources.add(Source(name=f"wire-{number}", url=room.feeds.url(f"/{number}")), now)
        until = time.monotonic() + DEADLINE
        while pipeline.arrived.qsize() < SLOTS and time.monotonic() < until:
            pipeline.poll(now)
        with room.app.store.read() as tx:
            assert tx.sources.next_due() == now  # there is more to fetch
        assert pipeline.poll(now) == 0
        while pipeline.arrived.qsize():
            pipeline.arrivals(timeout=0)
        assert pipeline.poll(now) > 0
