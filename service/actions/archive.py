"""The archive asked in the language of rules, newest first, by the same evaluator that matches live.

A look lasts as long as its patience; where the archive is larger than that, the answer says how far it came,
and the next look goes on from there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from service.actions.trials import Query, Result, Trial
from service.app import App
from service.model import Item
from service.rules.sieve import Sieve

BATCH = 500  # items read at once


@dataclass(slots=True)
class Search:
    """What was found, how many items were looked at, and where to go on: None where there is no more."""

    results: list[Result] = field(default_factory=list)
    items: int = 0
    before: int | None = None
    reached: datetime | None = None  # the age of the last item that was looked at


class Finder:
    """A query at work on stored items, one after the other."""

    def __init__(self, app: App, query: Query) -> None:
        self._trial = Trial(app, query)
        self._sieve = Sieve([query.node], app.morphology)

    def find(self, item: Item, source: str) -> Result:
        """Where the query hits the item."""
        text = "\n".join((item.headline, item.body, *item.places))
        language = item.language.partition("-")[0].lower() or self._trial.query.language
        if self._sieve.may_match(text, language) == [False]:
            return Result(item, source, None)
        return self._trial.add(item, source)


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
    found, finder = Search(), Finder(app, query)
    deadline = time.monotonic() + patience.total_seconds()
    with app.store.read() as tx:
        names = tx.sources.names()
        begins = app.store.now() - since if since else None
        wanted = tx.sources.get(source).id if source else None
        while True:
            batch = tx.items.list(since=begins, before_id=before, limit=BATCH, source=wanted, versions=True)
            for item in batch:
                before = item.id
                if tx.veil.hides(item):
                    continue
                found.items, found.reached = found.items + 1, item.received_at
                result = finder.find(item, names.get(item.source, ""))
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
