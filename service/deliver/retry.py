"""When a message is tried again, and when its channel rests; pure.

Three values, each a function of what was and what happened: `Next` for a delivery, `Breaker` for a
channel that fails, `Bucket` for a channel that must not be hurried. The caller brings the time and the
jitter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.model import Delivery, DeliveryState, Outcome, Verdict

BACKOFF = (
    timedelta(seconds=5),
    timedelta(seconds=20),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
)  # after the first failure, the second, …; the last one repeats
SPREAD = 0.2  # jitter: a wait is this much shorter or longer, so that a recovering server is not hit at once
LONGEST = timedelta(hours=1)  # a Retry-After beyond it is not believed
GIVE_UP = timedelta(hours=24)  # an alert a day old is no news
FEWEST = len(BACKOFF)  # tries that a message gets however long it was held before the first one

TROUBLES = 5  # failures in a row that open the breaker
REST = timedelta(seconds=60)  # how long it stays open at first; doubled each time the probe fails
LONGEST_REST = timedelta(minutes=15)

BURST = timedelta(seconds=10)  # what a quiet channel may send at once: as much as its rate gives in this time
BATCH = 20  # deliveries in a channel's hands at most: what a lease covers


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a delivery after an attempt: its state, when it is due again, and why."""

    state: DeliveryState
    due_at: datetime | None = None
    reason: str = ""


def next_try(delivery: Delivery, outcome: Outcome, now: datetime, *, jitter: float) -> Next:
    """Sent, dead, or pending with the time of the next try.

    `delivery.attempts` counts the attempt that `outcome` is about. `jitter` lies in 0 to 1 and spreads the
    wait by 20 percent to either side; what a server asked for (Retry-After, at most an hour) is kept to the
    second.
    """
    said = " ".join(part for part in (outcome.code, outcome.reason) if part) or outcome.verdict.value
    if outcome.verdict is Verdict.SENT:
        return Next(DeliveryState.SENT, reason=outcome.reason)
    if outcome.verdict is Verdict.PERMANENT:
        return Next(DeliveryState.DEAD, reason=said)
    due = now + _wait(delivery.attempts, outcome.retry_after, jitter)
    age = due - (delivery.created_at or now)
    if age > GIVE_UP and delivery.attempts >= FEWEST:
        return Next(DeliveryState.DEAD, reason=f"given up after {delivery.attempts} tries: {said}")
    return Next(DeliveryState.PENDING, due, said)


def _wait(attempts: int, asked: timedelta | None, jitter: float) -> timedelta:
    if asked is not None:
        return min(max(asked, timedelta(0)), LONGEST)
    step = BACKOFF[min(max(attempts, 1), len(BACKOFF)) - 1]
    return step * (1 + SPREAD * (2 * min(max(jitter, 0.0), 1.0) - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Whether a channel is tried at all. Open until `until`, then one probe decides."""

    failures: int = 0  # in a row
    opened: int = 0  # in a row, without a success between
    until: datetime | None = None  # None: closed
    reason: str = ""

    def rests(self, now: datetime) -> bool:
        """Whether nothing may be sent at this time."""
        return self.until is not None and now < self.until

    @property
    def probing(self) -> bool:
        """Whether the next message has to show that the channel works."""
        return self.failures > 0

    def after(self, outcome: Outcome, now: datetime) -> Breaker:
        """The breaker once this outcome is known.

        Five failures in a row open it, or one refused login, or a failed probe: for a minute, doubled up
        to a quarter of an hour. A server that says how long it wants to be left alone is left alone.
        """
        if outcome.verdict in {Verdict.SENT, Verdict.PERMANENT}:
            return Breaker()  # even a refusal of the message shows that the channel works
        troubled = replace(self, failures=self.failures + 1, reason=outcome.reason or outcome.code)
        if outcome.verdict is Verdict.AUTH or self.opened or troubled.failures >= TROUBLES:
            rest = min(REST * 2**self.opened, LONGEST_REST)
            return replace(troubled, opened=min(self.opened + 1, 10), until=now + rest)
        if outcome.retry_after:
            return replace(troubled, until=now + min(outcome.retry_after, LONGEST))
        return replace(troubled, until=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many messages may go now (a token bucket): `rate` a second flow in, up to `size`."""

    rate: float
    tokens: float
    filled_at: datetime

    @property
    def size(self) -> float:
        """How much it holds: ten seconds' worth, at least one message, at most a batch."""
        return min(max(self.rate * BURST.total_seconds(), 1.0), float(BATCH))

    @classmethod
    def full(cls, rate: float, now: datetime) -> Bucket:
        """A bucket that has not been drawn from."""
        empty = cls(rate=rate, tokens=0.0, filled_at=now)
        return replace(empty, tokens=empty.size)

    def at(self, now: datetime) -> Bucket:
        """The bucket with what has flowed in since; a clock that went back adds nothing."""
        passed = max((now - self.filled_at).total_seconds(), 0.0)
        return replace(self, tokens=min(self.tokens + passed * self.rate, self.size), filled_at=now)

    def take(self, now: datetime) -> Bucket:
        """The bucket with one message drawn. It may go below zero: who sends uncounted waits later."""
        filled = self.at(now)
        return replace(filled, tokens=filled.tokens - 1)
