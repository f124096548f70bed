"""Hits with their evidence, the alerts they made, and silences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from service.errors import NotFoundError
from service.model import Alert, AlertState, Hit, Relevance, Silence
from service.store.rows import columns, upsert, values
from service.store.schema import alert as table
from service.store.schema import hit, silence
from service.store.veil import Veil


class Alerts:
    """The hits, alerts and silences of one transaction."""

    def __init__(self, connection: Connection, veil: Veil) -> None:
        self._connection = connection
        self._veil = veil

    # ------------------------------------------------------------ hits

    def hit(self, found: Hit) -> Hit:
        """The hit as it was stored; one hit for a rule and an item, the first one stays."""
        new = upsert(self._connection, hit).values(values(found))
        row_id: int | None = self._connection.execute(
            new.on_conflict_do_nothing(index_elements=["rule", "item"]).returning(hit.c.id)
        ).scalar()
        if row_id is not None:
            return replace(found, id=row_id)
        return self._hits(hit.c.rule == found.rule, hit.c.item == found.item)[0]

    def hits(self, item_id: int) -> Sequence[Hit]:
        """The hits on one item."""
        return self._hits(hit.c.item == item_id)

    def hits_of_story(self, story_id: int) -> Sequence[Hit]:
        """The hits on all items of a story, in the order in which they were found."""
        return self._hits(hit.c.story == story_id)

    def met(self, rule_id: int, story_id: int) -> bool:
        """Whether a rule has hit an item of that story."""
        query = select(hit.c.id).where(hit.c.story == story_id, hit.c.rule == rule_id).limit(1)
        return self._connection.execute(query).first() is not None

    def hits_of_rule(
        self, rule_id: int, *, before_id: int | None = None, limit: int | None = 100
    ) -> Sequence[Hit]:
        """The hits of a rule, the newest first."""
        where = [hit.c.rule == rule_id]
        if before_id is not None:
            where.append(hit.c.id < before_id)
        query = select(*HIT).where(*where).order_by(hit.c.id.desc()).limit(limit)
        return self._veil.hits(Hit(**row._asdict()) for row in self._connection.execute(query))

    def tally(self, rule_id: int) -> dict[str, int]:
        """How many hits of a rule made an alert, an update, or nothing, by what became of them."""
        query = select(hit.c.action, func.count()).where(hit.c.rule == rule_id).group_by(hit.c.action)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def held_back(self, rule_id: int) -> dict[str, int]:
        """How many hits of a rule made nothing, by the reason, the most first."""
        number = func.count().label("number")
        query = select(hit.c.reason, number).where(hit.c.rule == rule_id, hit.c.action == "suppress")
        query = query.group_by(hit.c.reason).order_by(number.desc(), hit.c.reason)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    # ------------------------------------------------------------ alerts

    def get(self, rule_id: int, story_id: int) -> Alert | None:
        """The alert of a rule about a story, where there is one."""
        found = self._find(table.c.rule == rule_id, table.c.story == story_id)
        return found[0] if found else None

    def of_story(self, story_id: int) -> Sequence[Alert]:
        """The alerts about a story, the oldest first."""
        return self._find(table.c.story == story_id)

    def open(self, alert: Alert) -> Alert:
        """The alert as it was stored; one for a rule and a story, the first one stays."""
        new = upsert(self._connection, table).values(values(alert))
        row_id: int | None = self._connection.execute(
            new.on_conflict_do_nothing(index_elements=["rule", "story"]).returning(table.c.id)
        ).scalar()
        if row_id is not None:
            return replace(alert, id=row_id)
        return self._find(table.c.rule == alert.rule, table.c.story == alert.story)[0]

    def update(self, alert: Alert) -> None:
        """Write the state, revision, reason and `updated_at` of an alert."""
        changes = values(alert, "rule", "story", "opened_at")
        self._connection.execute(update(table).where(table.c.id == alert.id).values(changes))

    def list(
        self,
        *,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int | None = 100,
        rule: int | None = None,
        state: AlertState | None = None,
    ) -> Sequence[Alert]:
        """Alerts, the newest first; `since` is when they were opened, `rule` an id."""
        where = []
        if since is not None:
            where.append(table.c.opened_at >= since)
        if before_id is not None:
            where.append(table.c.id < before_id)
        if rule is not None:
            where.append(table.c.rule == rule)
        if state is not None:
            where.append(table.c.state == state)
        return self._find(*where, limit=limit, newest=True)

    def show(self, alert_id: int) -> Alert:
        """The alert; raises NotFoundError."""
        found = self._find(table.c.id == alert_id)
        if not found:
            raise NotFoundError("alert", alert_id, "`monitor list-alerts` shows all")
        return found[0]

    def counts_since(self, since: datetime) -> dict[int, int]:
        """How many alerts each rule has opened since then, by its id."""
        # Grouped by an expression, or SQLite would walk the whole index by rule to save the sorting.
        by_rule = table.c.rule + 0
        query = select(by_rule, func.count()).where(table.c.opened_at >= since).group_by(by_rule)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def judged(self, rule_id: int) -> Sequence[Alert]:
        """The alerts of a rule that somebody has judged, the newest first."""
        return self._find(table.c.rule == rule_id, table.c.relevance != Relevance.UNJUDGED, newest=True)

    # ------------------------------------------------------------ silences

    def add_silence(self, new: Silence) -> Silence:
        """The silence as it was stored."""
        added = insert(silence).values(values(new)).returning(silence.c.id)
        return replace(new, id=self._connection.execute(added).scalar_one())

    def silences(self, now: datetime) -> Sequence[Silence]:
        """The silences that hold now or later, by their end."""
        query = select(*SILENCE).where(silence.c.ends_at > now).order_by(silence.c.ends_at, silence.c.id)
        return [Silence(**row._asdict()) for row in self._connection.execute(query)]

    def silences_between(self, begin: datetime, end: datetime) -> Sequence[Silence]:
        """The silences that held at some moment of that time, by their beginning."""
        held = (silence.c.starts_at <= end, silence.c.ends_at >= begin)
        rows = self._connection.execute(select(*SILENCE).where(*held).order_by(silence.c.starts_at))
        return [Silence(**row._asdict()) for row in rows]

    def ended_silences(self, since: datetime, now: datetime) -> Sequence[Silence]:
        """The silences that ended between then and now, in the order of their ends."""
        over = (silence.c.ends_at > since, silence.c.ends_at <= now)
        query = select(*SILENCE).where(*over).order_by(silence.c.ends_at, silence.c.id)
        return [Silence(**row._asdict()) for row in self._connection.execute(query)]

    def end_silence(self, silence_id: int, now: datetime) -> None:
        """End it now; raises NotFoundError where it does not hold any more."""
        running = (silence.c.id == silence_id) & (silence.c.ends_at > now)
        if not self._connection.execute(update(silence).where(running).values(ends_at=now)).rowcount:
            raise NotFoundError("silence", silence_id, "`monitor list-silences` shows all")

    def _hits(self, *where: ColumnElement[bool]) -> Sequence[Hit]:
        rows = self._connection.execute(select(*HIT).where(*where).order_by(hit.c.id))
        return self._veil.hits(Hit(**row._asdict()) for row in rows)

    def _find(
        self, *where: ColumnElement[bool], limit: int | None = None, newest: bool = False
    ) -> Sequence[Alert]:
        order = table.c.id.desc() if newest else table.c.id
        rows = self._connection.execute(select(*SHOWN).where(*where).order_by(order).limit(limit))
        return [Alert(**row._asdict()) for row in rows]


SHOWN = columns(table, Alert)
HIT = columns(hit, Hit)
SILENCE = columns(silence, Silence)
