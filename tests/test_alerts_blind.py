"""When a source is missed, and how operators are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.alerts.blind import learn, missed_at, news, worth_telling
from service.deliver.operators import About, word
from service.model import Habit, Outage

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
UTC_ZONE = "UTC"


def habit(arrivals: Iterable[datetime], timezone: str = UTC_ZONE) -> Habit:
    learned = Habit()
    for at in arrivals:
        learned = learn(learned, at, timezone)
    return learned


def every(step: timedelta, days: int, hours: range = range(24), weekdays: range = range(7)) -> list[datetime]:
    count = timedelta(days=days) // step
    times = (MONDAY + step * number for number in range(count))
    return [at for at in times if at.hour in hours and at.weekday() in weekdays]


def silence(learned: Habit, timezone: str = UTC_ZONE) -> timedelta:
    missed = missed_at(learned, timezone)
    assert missed
    assert learned.last_at
    return missed - learned.last_at


def test_a_fast_wire_is_missed_within_the_hour() -> None:
    assert timedelta(minutes=20) < silence(habit(every(timedelta(minutes=6), 14))) < timedelta(minutes=60)


def test_a_wire_that_sleeps_at_night_is_missed_in_the_morning_and_not_before() -> None:
    learned = habit(every(timedelta(minutes=10), 28, hours=range(6, 22)))
    missed = missed_at(learned, UTC_ZONE)
    assert learned.last_at
    assert learned.last_at.hour == 21
    assert missed
    assert (6, timedelta(hours=8) < missed - learned.last_at) == (missed.hour, True)


def test_a_desk_that_rests_on_the_weekend_is_not_missed_there() -> None:
    learned = habit(every(timedelta(hours=1), 26, hours=range(8, 18), weekdays=range(5)))  # until Friday
    missed = missed_at(learned, UTC_ZONE)
    assert learned.last_at
    assert learned.last_at.weekday() == 4
    assert missed
    assert 0 == missed.weekday()


def test_what_comes_once_a_day_is_missed_after_some_days() -> None:
    learned = habit(every(timedelta(days=1), 42, hours=range(24)))
    assert timedelta(days=2) <= silence(learned) <= timedelta(days=5)


@pytest.mark.slow
def test_no_silence_is_shorter_than_ten_minutes() -> None:
    assert timedelta(minutes=10) == silence(habit(every(timedelta(minutes=1), 8)))


def test_a_habit_is_known_after_a_week() -> None:
    assert missed_at(habit(every(timedelta(minutes=30), 6)), UTC_ZONE) is None
    assert missed_at(Habit(), UTC_ZONE) is None


def test_what_hardly_ever_comes_is_never_missed() -> None:
    assert missed_at(habit([MONDAY, MONDAY + timedelta(days=40)]), UTC_ZONE) is None


@pytest.mark.slow
def test_a_new_habit_takes_the_place_of_an_old_one() -> None:
    fast = every(timedelta(minutes=10), 28)
    slow = [fast[-1] + timedelta(hours=3) * number for number in range(1, 8 * 70)]
    assert silence(habit(fast)) < timedelta(hours=2)
    assert silence(habit([*fast, *slow])) > timedelta(hours=6)


def test_a_habit_follows_the_clocks_of_the_source() -> None:
    """The clocks go back on 25 October 2026; the desk in Berlin starts at 7 by its own."""
    start = datetime(2026, 9, 28, 5, tzinfo=UTC)
    summer = [start + timedelta(days=day, minutes=5 * n) for day in range(27) for n in range(24)]
    learned = habit(summer, "Europe/Berlin")
    missed = missed_at(learned, "Europe/Berlin")
    assert missed
    assert (datetime(2026, 10, 25, 6, tzinfo=UTC), True) == (
        missed.replace(minute=0, second=0, microsecond=0),
        True,
    )


@pytest.mark.slow
@given(st.lists(st.integers(1, 100_000), max_size=60))
def test_a_source_is_missed_after_its_last_arrival_or_never(gaps: list[int]) -> None:
    at, learned = MONDAY, Habit()
    for gap in gaps:
        at += timedelta(minutes=gap)
        learned = learn(learned, at, "Europe/Berlin")
        missed = missed_at(learned, "Europe/Berlin")
        assert missed is None or missed >= at + timedelta(minutes=10)
        assert len(learned.slots) <= 168
        assert all(0 < slot.weeks <= slot.arrivals for slot in learned.slots)


NOW = MONDAY


def outage(kind: str, name: str = "dpa") -> Outage:
    return Outage(source=1, kind=kind, since=NOW - timedelta(minutes=47), name=name, reason="no answer")


def told(*began: Outage, over: Sequence[Outage] = (), sources: int = 10) -> tuple[str, str]:
    """Title and text of the message about these."""
    return word(About.BLIND, "en", UTC_ZONE, NOW, news=news(began, over, sources))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("silent", "dpa: silent for 47 min, against its habit; it answers, but brings nothing new"),
        ("failing", "dpa: cannot be read for 47 min: no answer"),
        ("gone", "dpa: is gone: no answer"),
        ("moved", "dpa: has moved for good to no answer, and is read there"),
    ],
)
def test_one_source_is_told_in_one_line(kind: str, words: str) -> None:
    assert (words, "") == told(outage(kind))


def test_a_source_that_is_back_says_how_long_it_was_away() -> None:
    assert ("dpa is back: silent for 47 min", "") == told(over=[outage("silent")])


def test_many_at_once_are_one_message_that_asks_for_the_network() -> None:
    many = [outage("failing", name=f"wire-{number}") for number in range(30)]
    title, text = told(*many, over=[outage("silent", name="old")], sources=40)
    assert "30 of 40 sources are silent or failing, 1 is back: is the network down?" == title
    assert 22 == len(text.splitlines())
    assert "10 more" in text
    assert "network" not in told(*many, sources=400)[0]


def test_a_second_message_waits_until_the_first_is_ten_minutes_old() -> None:
    changes = [outage("failing")]
    assert worth_telling(changes, None, NOW)
    assert not worth_telling(changes, NOW - timedelta(minutes=9), NOW)
    assert worth_telling(changes, NOW - timedelta(minutes=10), NOW)
    assert not worth_telling([], None, NOW)
