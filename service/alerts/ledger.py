"""How long each step of the way takes, source by source: from the wire's stamp to somebody taking care.

Pure arithmetic on the times that were written down. Percentiles are by nearest rank, so that each is a time
that was really taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from service.model import Passage

# The steps in their order, each named by the point that it ends at.
STEPS = ("seen", "stored", "matched", "sent", "acknowledged")
LIVE = timedelta(hours=6)  # older than that when it was first seen: a first poll or an archive, not the wire
TELLING = 20  # dated items from which on a clock can be judged
LAGGING = timedelta(minutes=5)  # a smallest lag from which on the clock is suspected, and not the wire


@dataclass(frozen=True, slots=True)
class Lag:
    """How long a step took: the median, the 99th percentile, and of how many."""

    p50: timedelta
    p99: timedelta
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """What the ledger says of one source."""

    steps: Mapping[str, Lag] = field(default_factory=dict)  # those of STEPS that anything passed
    whole: Lag | None = None  # from the stamp to the message being sent
    skew: timedelta | None = None  # how far the stamps lie back at the least; below 0: ahead; None: not known

    @property
    def suspect(self) -> bool:
        """Whether the clock of the source, or its time zone, seems to be wrong."""
        return self.skew is not None and (self.skew < timedelta(0) or self.skew >= LAGGING)


def ledger(passages: Iterable[Passage]) -> dict[int, Line]:
    """A line for each source that anything came from, and under 0 one for all of them together."""
    by_source: defaultdict[int, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_source[passage.source].append(passage)
        by_source[0].append(passage)
    return {source: line(passed) for source, passed in sorted(by_source.items())}


def line(passages: Sequence[Passage]) -> Line:
    """The line of some passages."""
    taken: defaultdict[str, list[timedelta]] = defaultdict(list)
    for passage in passages:
        for step, span in _spans(passage):
            taken[step].append(span)
    steps = {step: _lag(taken[step]) for step in STEPS if taken[step]}
    return Line(steps, _lag(taken["whole"]) if taken["whole"] else None, _skew(taken["seen"]))


def _spans(passage: Passage) -> Iterator[tuple[str, timedelta]]:
    """Each step that was made, and the whole way."""
    stamped = passage.stamped_at
    live = stamped is not None and passage.seen_at - stamped <= LIVE
    points = {
        "seen": (stamped if live else None, passage.seen_at),
        "stored": (passage.seen_at, passage.stored_at),
        "matched": (passage.stored_at, passage.matched_at),
        "sent": (passage.matched_at, passage.sent_at),
        "acknowledged": (passage.sent_at, passage.acknowledged_at),
        "whole": (stamped if live else None, passage.sent_at),
    }
    for step, (begin, end) in points.items():
        if begin is not None and end is not None:
            yield step, max(end - begin, timedelta(0))


def _lag(spans: Sequence[timedelta]) -> Lag:
    ordered = sorted(spans)
    return Lag(_ranked(ordered, 0.5), _ranked(ordered, 0.99), len(ordered))


def _ranked(ordered: Sequence[timedelta], share: float) -> timedelta:
    return ordered[max(ceil(share * len(ordered)), 1) - 1]


def _skew(lags: Sequence[timedelta]) -> timedelta | None:
    """How far the source's clock is behind ours, at the least.

    What is polled often is seen at once now and then: the smallest lag is then the difference of the clocks.
    A stamp that lies ahead is taken as the time of the fetch when it is read, so all that can be said of a
    clock that is ahead is that it is.
    """
    if len(lags) < TELLING:
        return None
    ahead = sum(lag == timedelta(0) for lag in lags)
    return -timedelta.resolution if ahead * 2 > len(lags) else min(lags)
