"""The latency ledger as people and programs ask for it: p50 and p99 of each step, source by source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from service.actions.shapes import Shape
from service.alerts.ledger import Lag, Line, ledger
from service.app import App
from service.store.db import Transaction

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Latency:
    """The ledger of the last time, by the names of the sources."""

    all: Line
    sources: Mapping[str, Line]

    def shape(self) -> Shape:
        """As programs see it: seconds."""
        return _line(self.all) | {"sources": {name: _line(one) for name, one in self.sources.items()}}


def latency(app: App, since: timedelta = WINDOW) -> Latency:
    """How long everything took since then, at most the last five thousand items and messages."""
    with app.store.read() as tx:
        return read(app, tx, since)


def read(app: App, tx: Transaction, since: timedelta = WINDOW) -> Latency:
    """The same, in a transaction that is open already."""
    lines = ledger(tx.ledger.passages(app.store.now() - since))
    names = tx.sources.names()
    whole = lines.pop(0, Line())
    return Latency(whole, {names.get(number, ""): one for number, one in lines.items()})


def _line(one: Line) -> Shape:
    return {
        "steps": {step: _lag(lag) for step, lag in one.steps.items()},
        "stamp_to_sent": _lag(one.whole) if one.whole else None,
        "skew_s": round(one.skew.total_seconds(), 3) if one.skew is not None else None,
        "clock_suspect": one.suspect,
    }


def _lag(lag: Lag) -> Shape:
    return {
        "p50_s": round(lag.p50.total_seconds(), 3),
        "p99_s": round(lag.p99.total_seconds(), 3),
        "count": lag.count,
    }
