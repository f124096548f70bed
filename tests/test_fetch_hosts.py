"""A host on the public internet is asked in turns, and left alone when it asks for it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from service.fetch.hosts import HOLD, LONGEST_HOLD, PATIENCE, Host, Hosts


def starts(host: Host, sources: int) -> list[float]:
    """When each of so many sources had its turn: seconds after they came, all at once."""

    async def one(at: list[float]) -> None:
        async with host.turn():
            at.append(time.monotonic())
            await asyncio.sleep(0)

    async def all_of_them() -> list[float]:
        at: list[float] = []
        came = time.monotonic()
        await asyncio.gather(*(one(at) for _ in range(sources)))
        return [each - came for each in at]

    return asyncio.run(all_of_them())


def test_two_starts_lie_a_gap_apart() -> None:
    at = starts(Host(limit=4, gap=0.02), 4)
    assert all(each >= number * 0.02 for number, each in enumerate(at))


def test_nodes_that_share_the_work_share_the_gap_of_a_host() -> None:
    hosts = Hosts(limit=1, gap=0.01)
    known = hosts.of("known.example")
    hosts.share(3)
    for host in (known, hosts.of("new.example")):
        at = starts(host, 3)
        assert all(each >= number * 0.03 for number, each in enumerate(at))
    hosts.share(1)
    assert known.gap == 0.01


def test_no_more_than_the_limit_are_under_way() -> None:
    async def most_at_once(host: Host) -> int:
        running = most = 0

        async def one() -> None:
            nonlocal running, most
            async with host.turn():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.001)
                running -= 1

        await asyncio.gather(*(one() for _ in range(9)))
        return most

    assert asyncio.run(most_at_once(Host(limit=2, gap=0.0))) == 2


def test_a_turn_that_is_given_up_is_free_for_the_next() -> None:
    async def give_up_and_try_again(host: Host) -> bool:
        async with host.turn():
            waiting = asyncio.create_task(host.turn().__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
        async with asyncio.timeout(5), host.turn():
            return True

    assert asyncio.run(give_up_and_try_again(Host(limit=1, gap=0.0)))


def test_a_host_of_our_own_house_needs_no_turns() -> None:
    host = Host(limit=1, gap=60.0)
    host.private = True
    assert host.hold(timedelta(minutes=10), now=0.0) is None
    assert host.away(now=0.0) is None
    assert len(starts(host, 50)) == 50


def test_a_hold_sends_away_whoever_comes_and_each_returns_in_turn() -> None:
    host = Host(limit=1, gap=1.0)
    host.hold(timedelta(seconds=30), now=100.0)
    returns = [later.seconds for _ in range(3) if (later := host.away(now=110.0))]
    assert returns == [20.0, 21.0, 22.0]
    assert host.away(now=130.0) is None


@pytest.mark.parametrize(
    ("asked", "held"), [(None, HOLD), (timedelta(seconds=5), 5.0), (timedelta(days=1), LONGEST_HOLD)]
)
def test_a_hold_is_as_long_as_was_asked_within_reason(asked: timedelta | None, held: float) -> None:
    host = Host(limit=1, gap=1.0)
    assert host.hold(asked, now=0.0) == timedelta(seconds=held)
    assert host.away(now=held - 0.1) is not None
    assert host.away(now=held) is None


def test_who_would_wait_longer_than_patience_comes_back_later() -> None:
    async def crowd(host: Host) -> list[float]:
        waiting, returns = [], []
        for _ in range(40):
            if later := host.away(time.monotonic()):
                returns.append(later.seconds)
                continue
            waiting.append(asyncio.create_task(host.turn().__aenter__()))
            await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert len(waiting) == pytest.approx(PATIENCE, abs=2)
        return returns

    returns = asyncio.run(crowd(Host(limit=1, gap=1.0)))
    assert returns == sorted(returns)
    assert all(later - earlier >= 0.9 for earlier, later in pairwise(returns))


def test_hosts_are_remembered_by_name() -> None:
    hosts = Hosts(limit=1, gap=1.0)
    assert hosts.of("a.example") is hosts.of("a.example")
    assert hosts.of("a.example") is not hosts.of("b.example")
