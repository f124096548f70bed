"""The archive asked in the language of rules, newest first, by the same evaluator that matches live.

A look lasts as long as its patience; where the archive is larger than that, the answer says how far it came,
and the next look goes on from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from service.actions.trials import Query, Result, Trial
from service.app import App
from service.model import Item

BATCH = 500  # items read at once
SHOWN = 20  # results kept of each kind


@dataclass(slots=True)
class Search:
    """What was found, how many items were looked at, and where to go on: None where there is no more."""

    results: list[Result] = field(default_factory=list)
    items: int = 0
    before: int | None = None
    reached: datetime | None = None  # the age of the last item that was looked at


def search(
    app: App,
    query: Query,
    *,
    before: int | None = None,
    since: timedelta | None = None,
    source: str = "",
    limit: int = 50,
    patience: timedelta = timedelta(seconds=2),
) -> Search:
    """Items that the query hits, the newest first; raises NotFoundError for a source."""
    found, trial = Search(), Trial(app, query)
    deadline = time.monotonic() + patience.total_seconds()
    with app.store.read() as tx:
        names = tx.sources.names()
        begins = app.store.now() - since if since else None
        wanted = tx.sources.get(source).id if source else None
        while True:
            batch = tx.items.list(since=begins, before_id=before, limit=BATCH, source=wanted, versions=True)
            for item in batch:
                before = item.id
                found.items, found.reached = found.items + 1, item.received_at
                result = trial.add(item, names.get(item.source, ""))
                if result.evidence is not None:
                    found.results.append(result)
                    if len(found.results) == limit:
                        found.before = before
                        return found
            if len(batch) < BATCH:
                return found
            if time.monotonic() > deadline:
                found.before = before
                return found


@dataclass(slots=True)
class Tried:
    """A query tried on the archive, so far: counts, days, and the newest of what it hits, gains and loses."""

    trial: Trial
    days: Counter[date] = field(default_factory=Counter)  # stories, by the day of their newest hit
    stories: set[int] = field(default_factory=set)
    first: datetime | None = None  # the oldest item that was looked at
    last: datetime | None = None
    samples: list[Result] = field(default_factory=list)
    done: bool = False

    @property
    def per_day(self) -> float:
        """Alerts a day that are to be expected."""
        if not self.first or not self.last:
            return 0.0
        return len(self.stories) / max(1.0, (self.last - self.first) / timedelta(days=1))

    def add(self, item: Item, source: str) -> None:
        """Count one item, newest first."""
        at = item.received_at or item.published_at
        if at:
            self.first, self.last = at, self.last or at
        result = self.trial.add(item, source)
        if result.evidence is None:
            return
        if len(self.samples) < SHOWN:
            self.samples.append(result)
        if item.story not in self.stories:
            self.stories.add(item.story)
            if at:
                self.days[at.date()] += 1


def attempt(
    app: App,
    query: Query,
    other: Query | None,
    since: timedelta,
    *,
    every: timedelta = timedelta(seconds=0.3),
) -> Iterator[Tried]:
    """The query tried on the archive: the same `Tried` again and again as it grows, the last time `done`."""
    tried = Tried(Trial(app, query, other))
    due = time.monotonic() + every.total_seconds() / 2  # the first figures come early
    with app.store.read() as tx:
        names = tx.sources.names()
        for item in tx.items.scan(since=app.store.now() - since, newest=True):
            tried.add(item, names.get(item.source, ""))
            if time.monotonic() > due:
                yield tried
                due = time.monotonic() + every.total_seconds()
    tried.done = True
    yield tried
