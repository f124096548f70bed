"""The latency ledger: how long each step took, whose clock is wrong, and which rules are idle or flood."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.actions import health
from service.actions.ledger import latency
from service.alerts.ledger import LIVE, line
from service.cli.overview import screen
from service.model import Passage
from tests.desk import desk
from tests.newsroom import MARKET, TRIP, Entry, Room, changed, newsroom

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_source("wire")
        yield made


def passage(lag: timedelta, *, stored: float = 1, sent: float | None = None) -> Passage:
    seen = NOON + lag
    return Passage(
        source=1,
        stamped_at=NOON,
        seen_at=seen,
        stored_at=seen + stored * SECOND,
        matched_at=seen + stored * SECOND if sent is not None else None,
        sent_at=seen + (stored + sent) * SECOND if sent is not None else None,
    )


def test_each_step_has_its_median_and_its_99th_percentile() -> None:
    found = line([passage(number * SECOND, sent=2) for number in range(1, 101)])
    seen = found.steps["seen"]
    assert (50 * SECOND, 99 * SECOND, 100) == (seen.p50, seen.p99, seen.count)
    assert (SECOND, 2 * SECOND) == (found.steps["stored"].p50, found.steps["sent"].p99)
    assert found.whole
    assert 53 * SECOND == found.whole.p50
    assert "acknowledged" not in found.steps


def test_what_was_old_when_it_was_first_seen_says_nothing_about_the_wire() -> None:
    assert "seen" not in line([passage(LIVE + SECOND)]).steps


@pytest.mark.parametrize(
    ("lags", "suspect"),
    [
        ([number * SECOND for number in range(30)], False),
        ([timedelta(hours=1, seconds=number) for number in range(30)], True),  # one time zone off
        ([timedelta(0)] * 30, True),  # stamps ahead are taken as the time of the fetch
        ([timedelta(hours=1)] * 3, False),  # too few to judge
    ],
)
def test_a_clock_is_suspected_by_its_smallest_lag(lags: Sequence[timedelta], suspect: bool) -> None:
    assert suspect is line([passage(lag) for lag in lags]).suspect


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_half_and_nearly_all_lie_at_or_below_their_percentile(lags: Sequence[int]) -> None:
    """A law: percentiles are times that were taken, and as many lie below as they say."""
    seen = line([passage(lag * SECOND) for lag in lags]).steps["seen"]
    taken = [lag * SECOND for lag in lags]
    assert {seen.p50, seen.p99} <= set(taken)
    assert sum(lag <= seen.p50 for lag in taken) * 2 >= len(taken)
    assert sum(lag <= seen.p99 for lag in taken) * 100 >= 99 * len(taken)


@pytest.mark.slow
def test_the_status_shows_the_way_of_a_story_source_by_source(room: Room) -> None:
    room.add_rule("Kim", name="kim")
    late = datetime.now(UTC) - timedelta(minutes=10)
    room.wire("wire", changed(TRIP, at=late), changed(MARKET, at=late))
    room.poll()
    found = latency(room.app)
    assert {"seen", "stored", "matched", "sent"} == set(found.sources["wire"].steps)
    assert timedelta(minutes=10) <= found.sources["wire"].steps["seen"].p50 < timedelta(minutes=12)
    seen = health.status(room.app)
    shape = seen.shape()["latency_24h"]
    assert isinstance(shape, dict)
    assert {"steps", "stamp_to_sent", "skew_s", "clock_suspect", "sources"} == set(shape)
    assert any("stamp to sent" in text for text in screen(seen.shape()))
    with desk(room) as web:
        page, figures = web.get("/sources").text, web.get("/metrics").text
    assert "How long the way takes" in page
    assert "10\N{NO-BREAK SPACE}min" in page
    step = r'^monitor_source_step_seconds{quantile="0.99",source="wire",step="stamp_to_sent"} 6\d\d\.'
    assert re.search(step, figures, re.MULTILINE), figures


def test_a_rule_that_floods_is_named_and_a_young_one_is_not_called_idle(room: Room) -> None:
    room.add_rule("Meldung", name="broad")
    room.add_rule("Zeppelin", name="young")
    words = ("Hafen", "Geige", "Gletscher", "Ofen", "Urteil", "Honig", "Schleuse", "Atelier", "Keller")
    pairs = [(a, b) for a in words for b in words if a != b][:60]
    room.wire("wire", *(Entry(f"{a}{b}", f"Meldung {a} {b}", f"{b} und {a}.") for a, b in pairs))
    room.poll()
    seen = health.status(room.app)
    assert ["broad"] == list(seen.flooding)
    assert [] == list(seen.never_fired)
