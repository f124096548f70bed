"""The policy: who is told, when, and the reason of every no."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.alerts.hours import check_digest, check_holidays, next_digest, quiet_until
from service.alerts.load import HOUR, MINUTE, Load, too_many
from service.alerts.policy import Action, Step, admit, group_wait, release, targets, urgent
from service.alerts.silence import covering
from service.config import Alerts, Digest, QuietHours, Route
from service.errors import UsageError
from service.model import (
    Alert,
    AlertState,
    Delivery,
    DeliveryKind,
    Item,
    Link,
    Placement,
    Priority,
    Rule,
    Signal,
    Silence,
    Status,
    Story,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RULE = Rule(id=1, name="kim", query="Kim")
ITEM = Item(id=7, story=3, headline="Kim reist nach Peking")
FIRST = Placement(link=Link.FIRST)
VERSION = Placement(link=Link.VERSION, story=3, reason="version 2")
ALERT = Alert(id=5, rule=1, story=3)


def test_a_new_story_opens_an_alert() -> None:
    answer = admit(RULE, ITEM, FIRST, None, new_to_rule=True, baseline=False)
    assert (Action.OPEN, "a new story") == (answer.action, answer.reason)


def test_a_rule_that_matches_only_a_later_version_is_told_then() -> None:
    answer = admit(RULE, ITEM, VERSION, None, new_to_rule=True, baseline=False)
    assert Action.OPEN is answer.action
    assert "for the first time" in answer.reason


def test_a_version_joins_unless_the_rule_asks_for_updates() -> None:
    asking = replace(RULE, on_updates=True)
    assert Action.JOIN is admit(RULE, ITEM, VERSION, ALERT, new_to_rule=False, baseline=False).action
    assert Action.UPDATE is admit(asking, ITEM, VERSION, ALERT, new_to_rule=False, baseline=False).action


def test_a_repeat_is_no_update() -> None:
    asking, repeat = replace(RULE, on_updates=True), replace(ITEM, signal=Signal.REPEAT)
    assert Action.JOIN is admit(asking, repeat, VERSION, ALERT, new_to_rule=False, baseline=False).action


def test_a_copy_on_another_source_joins_even_where_updates_are_asked_for() -> None:
    copy = Placement(link=Link.EQUAL, story=3, reason="the same link")
    asking = replace(RULE, on_updates=True)
    answer = admit(asking, ITEM, copy, ALERT, new_to_rule=False, baseline=False)
    assert (Action.JOIN, "told already: the same link") == (answer.action, answer.reason)


@pytest.mark.parametrize("status", [Status.WITHHELD, Status.CANCELED])
def test_what_the_agency_withholds_is_not_told(status: Status) -> None:
    answer = admit(RULE, replace(ITEM, status=status), FIRST, None, new_to_rule=True, baseline=False)
    assert Action.SUPPRESS is answer.action
    assert str(status) in answer.reason


def test_old_items_of_a_first_poll_are_not_told_and_their_versions_neither() -> None:
    assert Action.SUPPRESS is admit(RULE, ITEM, FIRST, None, new_to_rule=True, baseline=True).action
    assert Action.SUPPRESS is admit(RULE, ITEM, VERSION, None, new_to_rule=False, baseline=False).action


def test_a_withdrawn_story_stays_silent() -> None:
    retracted = replace(ALERT, state=AlertState.RETRACTED)
    assert Action.SUPPRESS is admit(RULE, ITEM, VERSION, retracted, new_to_rule=False, baseline=False).action


def test_flash_waits_for_nobody() -> None:
    flash, high = replace(RULE, priority=Priority.FLASH), replace(RULE, priority=Priority.HIGH)
    eil = replace(ITEM, urgency=1)
    assert urgent(flash, ITEM)
    assert urgent(high, eil)
    assert not urgent(high, ITEM)
    assert not urgent(RULE, eil)
    assert timedelta(0) == group_wait(RULE, eil, Alerts())
    assert timedelta(seconds=15) == group_wait(RULE, ITEM, Alerts())


HELD = Delivery(id=1, channel="desk", kind=DeliveryKind.ALERT, story=3, item=7, alerts=(5,))
STORY = Story(id=3, headline="Kim reist nach Peking")
NIGHT = QuietHours(from_="22:00", to="06:00")


def _release(
    delivery: Delivery = HELD, item: Item = ITEM, story: Story = STORY, **facts: object
) -> tuple[Step, str]:
    settings: dict[str, object] = {
        "rules": ["kim"],
        "source": "wire",
        "silences": [],
        "quiet": None,
        "sees_embargoed": False,
        "now": NOW,
    }
    answer = release(delivery, item, story, **{**settings, **facts})  # type: ignore[arg-type]
    return answer.step, answer.reason


def test_a_message_goes_out_when_nothing_is_against_it() -> None:
    assert (Step.SEND, "") == _release()


def test_a_withdrawn_story_closes_what_was_waiting() -> None:
    assert Step.SUPPRESS is _release(story=replace(STORY, status=Status.CANCELED))[0]


def test_an_embargoed_item_waits_for_its_time_unless_the_channel_may_see_it() -> None:
    embargoed = replace(ITEM, embargo_until=NOW + timedelta(hours=1))
    assert (Step.HOLD, "embargoed") == _release(item=embargoed)
    assert Step.SEND is _release(item=embargoed, sees_embargoed=True)[0]
    assert Step.SEND is _release(item=embargoed, now=NOW + timedelta(hours=1))[0]


def test_quiet_hours_hold_and_flash_passes() -> None:
    night = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert (Step.HOLD, "quiet hours") == _release(quiet=NIGHT, now=night)
    assert Step.SEND is _release(replace(HELD, priority=Priority.FLASH), quiet=NIGHT, now=night)[0]


def test_a_silence_swallows_an_alert_and_says_whose_it_is() -> None:
    silence = Silence(
        matchers=(("rule", "kim"),),
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=2),
        comment="summit, we know",
    )
    step, reason = _release(silences=[silence])
    assert Step.SUPPRESS is step
    assert "summit, we know" in reason


@pytest.mark.parametrize("kind", [DeliveryKind.RETRACTION, DeliveryKind.TEST, DeliveryKind.OPERATOR])
def test_nothing_holds_back_a_retraction(kind: DeliveryKind) -> None:
    silence = Silence(
        matchers=(("rule", "kim"),), starts_at=NOW, ends_at=NOW + timedelta(hours=2), comment="x"
    )
    night = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    killed = replace(STORY, status=Status.CANCELED)
    assert (
        Step.SEND
        is _release(replace(HELD, kind=kind), story=killed, silences=[silence], quiet=NIGHT, now=night)[0]
    )


def test_what_was_held_by_quiet_hours_is_gathered_when_they_end() -> None:
    assert Step.GATHER is _release(replace(HELD, reason="quiet hours"))[0]


def test_a_silence_of_one_rule_does_not_swallow_a_message_of_two() -> None:
    silence = Silence(matchers=(("rule", "a"),), starts_at=NOW, ends_at=NOW + timedelta(hours=1), comment="")
    assert covering([silence], {"rule": ["a"]}, NOW)
    assert not covering([silence], {"rule": ["a", "b"]}, NOW)
    assert not covering([silence], {"rule": ["a"]}, NOW + timedelta(hours=1))


def test_a_silence_holds_where_all_its_matchers_do() -> None:
    both = Silence(
        matchers=(("rule", "a"), ("channel", "desk")),
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        comment="",
    )
    assert covering([both], {"rule": ["a"], "channel": ["desk"]}, NOW)
    assert not covering([both], {"rule": ["a"], "channel": ["night"]}, NOW)


@pytest.mark.parametrize(
    ("local", "until"),
    [
        (datetime(2026, 11, 24, 20, 59, tzinfo=UTC), None),  # 21:59 in Berlin
        (datetime(2026, 11, 24, 21, 0, tzinfo=UTC), datetime(2026, 11, 25, 5, 0, tzinfo=UTC)),
        (datetime(2026, 11, 25, 4, 59, tzinfo=UTC), datetime(2026, 11, 25, 5, 0, tzinfo=UTC)),
        (datetime(2026, 11, 25, 5, 0, tzinfo=UTC), None),
    ],
)
def test_quiet_hours_cross_midnight(local: datetime, until: datetime | None) -> None:
    assert until == quiet_until(NIGHT, "desk", local)


def test_the_small_hours_belong_to_the_evening_before() -> None:
    friday = QuietHours(from_="22:00", to="06:00", days=("fri",))
    saturday_2_am = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
    assert quiet_until(friday, "desk", saturday_2_am)
    assert not quiet_until(friday, "desk", saturday_2_am - timedelta(days=1))


def test_quiet_hours_name_their_channels() -> None:
    phones = QuietHours(from_="22:00", to="06:00", channels=("phone",))
    night = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert quiet_until(phones, "phone", night)
    assert not quiet_until(phones, "desk", night)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_nothing_is_quiet_when_quiet_hours_end(now: datetime) -> None:
    """The law of quiet hours: their end lies ahead, within a day, and is not quiet itself."""
    until = quiet_until(NIGHT, "desk", now)
    if until is not None:
        assert now < until <= now + timedelta(hours=9)
        assert quiet_until(NIGHT, "desk", until) is None


def test_digests_come_at_their_local_time() -> None:
    assert datetime(2026, 11, 24, 13, 0, tzinfo=UTC) == next_digest("hourly", Digest(), NOW)
    assert datetime(2026, 11, 25, 6, 0, tzinfo=UTC) == next_digest("daily", Digest(), NOW)
    summer = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert datetime(2026, 7, 2, 5, 0, tzinfo=UTC) == next_digest("daily", Digest(), summer)
    assert datetime(2026, 11, 25, 5, 30, tzinfo=UTC) == next_digest("30 6 * * mon-fri", Digest(), NOW)
    saturday = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    assert datetime(2026, 11, 30, 5, 30, tzinfo=UTC) == next_digest("30 6 * * 1-5", Digest(), saturday)


@pytest.mark.parametrize("digest", ["weekly", "61 * * * *", "* * *", ""])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(UsageError, match="not a digest"):
        check_digest(digest, Digest())


def test_christmas_and_the_nights_around_it_are_one_quiet_time() -> None:
    hesse = QuietHours(from_="22:00", to="06:00", holidays="DE-HE")
    christmas_eve = datetime(2026, 12, 24, 22, 30, tzinfo=UTC)
    assert datetime(2026, 12, 27, 5, 0, tzinfo=UTC) == quiet_until(hesse, "desk", christmas_eve)
    assert quiet_until(hesse, "desk", datetime(2026, 12, 25, 12, tzinfo=UTC))
    assert not quiet_until(hesse, "desk", datetime(2026, 12, 24, 12, tzinfo=UTC))


def test_a_part_of_a_country_has_its_own_holidays_and_so_has_an_exchange() -> None:
    epiphany = datetime(2026, 1, 6, 12, tzinfo=UTC)
    assert quiet_until(QuietHours(holidays="DE-BY"), "desk", epiphany)
    assert not quiet_until(QuietHours(holidays="DE-HE"), "desk", epiphany)
    good_friday = datetime(2026, 4, 3, 12, tzinfo=UTC)
    assert quiet_until(QuietHours(holidays="XNYS"), "desk", good_friday)


@pytest.mark.parametrize("calendar", ["XX", "DE-XX", "Christmas"])
def test_a_calendar_that_nobody_knows_is_refused(calendar: str) -> None:
    with pytest.raises(UsageError, match="no calendar of holidays"):
        check_holidays(calendar)


def test_a_message_of_two_rules_is_throttled_where_both_are() -> None:
    full = [NOW - timedelta(minutes=m) for m in (50, 40)]
    settings = Alerts(throttle=2)
    wait = too_many(Load(hours={"a": full, "b": full[1:]}), ["a"], settings, NOW)
    assert wait
    assert NOW + timedelta(minutes=10) == wait.until
    assert too_many(Load(hours={"a": full, "b": full[1:]}), ["a", "b"], settings, NOW) is None
    assert too_many(Load(hours={"a": full}), ["a"], Alerts(throttle=0), NOW) is None


@given(st.lists(st.integers(0, 59), min_size=1, max_size=40), st.integers(1, 12))
def test_whoever_waits_for_a_storm_waits_no_longer_than_its_window(ages: list[int], limit: int) -> None:
    times = sorted(NOW - timedelta(seconds=age) for age in ages)
    wait = too_many(Load(minute=times, waiting=0), ["a"], Alerts(storm_limit=limit), NOW)
    assert (wait is not None) == (len(times) >= limit)
    if wait:
        assert NOW < wait.until <= NOW + MINUTE
        left = [at for at in times if at > wait.until - MINUTE]
        assert len(left) < limit or wait.until == NOW + timedelta(seconds=1)
    assert HOUR == 60 * MINUTE


def test_routes_add_to_what_a_rule_tells_and_name_nobody_twice() -> None:
    routes = {
        "power": Route(tags=("oil",), channels=("desk", "energy")),
        "pipes": Route(tags=("gas",), channels=("gas",)),
    }
    assert {
        "desk": "the rule tells desk",
        "energy": "the route power tells energy of what bears the tag oil",
    } == targets(replace(RULE, channels=("desk",)), ["oil"], routes)
    assert ["gas"] == list(targets(replace(RULE, tags=("gas",)), [], routes))


def test_whoever_takes_care_is_not_told_again_until_the_time_is_over() -> None:
    asking = replace(RULE, on_updates=True)
    cared = replace(
        ALERT,
        state=AlertState.ACKNOWLEDGED,
        acknowledged_by="anna",
        acknowledged_until=NOW + timedelta(hours=1),
    )

    def answer(now: datetime) -> tuple[Action, str]:
        given = admit(asking, ITEM, VERSION, cared, now=now, new_to_rule=False, baseline=False)
        return given.action, given.reason

    assert (Action.JOIN, "anna has acknowledged it") == answer(NOW)
    assert Action.UPDATE is answer(NOW + timedelta(hours=2))[0]
