"""What comes in, followed as it comes: the last few items, and then what is new since the look before.

Whoever follows keeps a mark, and nothing is kept for them: each look says what came after the mark, the
oldest first, and the next mark. An older item that a rule hits only now is new too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from service.actions.archive import Finder
from service.actions.trials import Query
from service.app import App
from service.errors import UsageError
from service.model import Evidence, Hit, Item, Status
from service.store.board import Ends
from service.store.db import Transaction

LAST = 10  # items that are shown before what comes
BATCH = 100  # items that are looked at for one answer
PATIENCE = 2.0  # seconds that the last few are searched for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What whoever follows wants to see."""

    source: str = ""
    rule: str = ""
    alerts_only: bool = False  # what a rule hit
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """An item that came in, the rules that hit it by name, and where the query hits it."""

    item: Item
    source: str
    hits: Sequence[tuple[str, Hit]]
    evidence: Sequence[Evidence]
    withdrawn: bool  # its original was, while the item itself says nothing of that


@dataclass(frozen=True, slots=True)
class News:
    """What came in, the oldest first, and the mark to go on from; `more` where it is there already."""

    arrivals: Sequence[Arrival]
    mark: Ends
    more: bool = False


def look(app: App, wanted: Wanted, *, after: str = "", since: timedelta | None = None) -> News:
    """What came in after a mark, or during a span, or else the last few items.

    Raises NotFoundError for a source or a rule, UsageError for a mark that is none.
    """
    if after:
        return news(app, wanted, mark_of(after))
    return began(app, wanted, since) if since else last(app, wanted)


def last(app: App, wanted: Wanted, limit: int = LAST) -> News:
    """The last few items; raises NotFoundError for a source or a rule."""
    deadline = time.monotonic() + PATIENCE
    found: list[Arrival] = []
    with app.store.read() as tx:
        mark, look, before = tx.board.ends(), _Look(app, tx, wanted), None
        batch = BATCH if wanted.query else limit
        while len(found) < limit and time.monotonic() < deadline:
            ids = look.items(batch, before=before)
            found += look.arrivals(ids)
            if len(ids) < batch:
                break
            before = ids[-1]
    return News(found[:limit][::-1], mark)


def began(app: App, wanted: Wanted, span: timedelta) -> News:
    """What came in during that time, or the first of it; raises NotFoundError for a source or a rule."""
    with app.store.read() as tx:
        _Look(app, tx, wanted)  # a wrong name is said at once, and not when the first item comes
        ends, first = tx.board.ends(), tx.stories.floor(app.store.now() - span)
    return news(app, wanted, ends if first is None else Ends(first - 1, ends.hit))


def news(app: App, wanted: Wanted, mark: Ends) -> News:
    """What came in after the mark; raises NotFoundError for a source or a rule."""
    with app.store.read() as tx:
        ends = tx.board.ends()
        if ends == mark:
            return News((), mark)
        look = _Look(app, tx, wanted)
        ids = look.items(BATCH, after=mark.item)
        more = len(ids) == BATCH
        # The end may also lie before the mark: where a backup was put in the place of the database.
        come_to = Ends(ids[-1], ends.hit) if more else ends
        return News(look.arrivals([*look.hit_since(mark), *ids]), come_to, more)


def mark_of(text: str) -> Ends:
    """The mark that `text` says; raises UsageError where it says none."""
    if (mark := Ends.read(text)) is None:
        raise UsageError(f"not a mark: {text!r} (the `after` of an answer)")
    return mark


class _Look:
    """One look at the database, for what is wanted."""

    def __init__(self, app: App, tx: Transaction, wanted: Wanted) -> None:
        self._tx, self._wanted = tx, wanted
        self._source = tx.sources.get(wanted.source).id if wanted.source else None
        self._rule = tx.rules.get(wanted.rule).id if wanted.rule else None
        self._finder = Finder(app, wanted.query) if wanted.query else None

    def items(self, batch: int, *, after: int | None = None, before: int | None = None) -> list[int]:
        """Ids of the items after one, the oldest first, or of those before one, the newest first."""
        return self._tx.board.came_in(
            after=after,
            before=before,
            source=self._source,
            rule=self._rule,
            hit_only=self._wanted.alerts_only,
            limit=batch,
        )

    def hit_since(self, mark: Ends) -> list[int]:
        """Ids of items before the mark that were hit after it."""
        return self._tx.board.hit_late(mark, source=self._source, rule=self._rule)

    def arrivals(self, ids: Sequence[int]) -> list[Arrival]:
        """Those of the items that the query hits, in their order, with all that is known of them."""
        items, hits = self._tx.items.with_ids(ids), self._tx.board.hits_of(ids)
        sources = self._tx.sources.names({item.source for item in items.values()})
        rules = self._tx.rules.names({hit.rule for found in hits.values() for hit in found})
        gone = self._tx.board.withdrawn({item.story for item in items.values()})
        found = []
        for item in (items[number] for number in ids if number in items):
            source = sources.get(item.source, "")
            evidence = self._evidence(item, source)
            if evidence is not None:
                withdrawn = item.status is Status.USABLE and item.story in gone
                named = [(rules.get(hit.rule, ""), hit) for hit in hits.get(item.id, ())]
                found.append(Arrival(item, source, named, evidence, withdrawn))
        return found

    def _evidence(self, item: Item, source: str) -> Sequence[Evidence] | None:
        """Where the query hits; None where it does not."""
        if self._finder is None:
            return ()
        if self._tx.veil.hides(item):
            return None
        return self._finder.find(item, source).evidence
