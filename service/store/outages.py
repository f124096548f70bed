"""What is known of when sources bring something, and which of them the operators know as blind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, or_, select, update

from service.model import Habit, Outage, SourceState
from service.store.rows import slices, upsert
from service.store.schema import habit, outage, source

BLIND = (SourceState.FAILING, SourceState.GONE, SourceState.SILENT)
MOVED = "moved"


class Outages:
    """The habits and outages of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ------------------------------------------------------------ habits

    def habit(self, source_id: int) -> Habit:
        """When the source usually brings something, as far as it is known."""
        query = select(habit.c.since, habit.c.last_at, habit.c.slots).where(habit.c.source == source_id)
        row = self._connection.execute(query).one_or_none()
        return Habit(**row._asdict()) if row else Habit()

    def learn(self, source_id: int, learned: Habit, missed_at: datetime | None) -> None:
        """Keep the habit, and when the source is missed if nothing more comes."""
        known = {
            "since": learned.since,
            "last_at": learned.last_at,
            "slots": learned.slots,
            "missed_at": missed_at,
        }
        kept = upsert(self._connection, habit).values(source=source_id, **known)
        self._connection.execute(kept.on_conflict_do_update(index_elements=["source"], set_=known))

    # ------------------------------------------------------------ outages

    def moved(self, source_id: int, url: str, now: datetime) -> None:
        """Note that the source is read at `url` from now on, to be told once."""
        row = {"source": source_id, "kind": MOVED, "since": now, "reason": url}
        self._connection.execute(upsert(self._connection, outage).values(row).on_conflict_do_nothing())

    def observe(self, now: datetime) -> None:
        """Find who is missed, note which outages have begun, and which are over."""
        missed = select(habit.c.source).where(
            habit.c.missed_at <= now, habit.c.missed_at <= source.c.last_ok_at
        )
        well = (source.c.state == SourceState.OK, source.c.removed_at.is_(None))
        silent = update(source).where(*well, source.c.id.in_(missed.correlate(source)))
        self._connection.execute(silent.values(state=SourceState.SILENT))
        self._begin()
        self._end(now)

    def _begin(self) -> None:
        since = case((source.c.state == SourceState.SILENT, source.c.last_item_at), else_=source.c.last_ok_at)
        blind = select(
            source.c.id, source.c.state, func.coalesce(since, source.c.added_at), source.c.last_error
        ).where(
            source.c.state.in_(BLIND),
            source.c.removed_at.is_(None),
            source.c.id.not_in(select(outage.c.source)),
        )
        begun = upsert(self._connection, outage).from_select(["source", "kind", "since", "reason"], blind)
        self._connection.execute(begun.on_conflict_do_nothing())

    def _end(self, now: datetime) -> None:
        """Forget what is no news: what a person stopped, and what was over before it was told."""
        gone = or_(source.c.state == SourceState.PAUSED, source.c.removed_at.is_not(None))
        stopped, well, blind = (
            outage.c.source.in_(select(source.c.id).where(state))
            for state in (gone, source.c.state == SourceState.OK, source.c.state.in_(BLIND))
        )
        told = outage.c.told_at.is_not(None)
        self._connection.execute(delete(outage).where(stopped))
        self._connection.execute(delete(outage).where(well, ~told, outage.c.kind != MOVED))
        over = update(outage).where(well, told, outage.c.over_at.is_(None))
        self._connection.execute(over.values(over_at=now))
        again = update(outage).where(blind, outage.c.over_at.is_not(None))
        self._connection.execute(again.values(over_at=None))

    def untold(self) -> tuple[Sequence[Outage], Sequence[Outage]]:
        """What began and what ended without being told; nobody else tells it before this transaction ends."""
        columns = [outage.c[name] for name in ("source", "kind", "since", "reason", "told_at", "over_at")]
        query = (
            select(*columns, source.c.name)
            .join(source, source.c.id == outage.c.source)
            .where(or_(outage.c.told_at.is_(None), outage.c.over_at.is_not(None)))
            .order_by(outage.c.since, source.c.name)
            .with_for_update(skip_locked=True, of=outage)
        )
        found = [Outage(**row._asdict()) for row in self._connection.execute(query)]
        return [one for one in found if one.over_at is None], [one for one in found if one.over_at]

    def told(self, sources: Collection[int], now: datetime) -> None:
        """These were told: what is over is forgotten, the others are open until they end."""
        for part in slices(sources):
            told = outage.c.source.in_(part)
            over = or_(outage.c.over_at.is_not(None), outage.c.kind == MOVED)
            self._connection.execute(delete(outage).where(told, over))
            self._connection.execute(update(outage).where(told).values(told_at=now))
