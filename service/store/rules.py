"""The rules, their history, and the lists of words that they name.

Every change moves one number, the revision: whoever keeps the rules compiled reads it in each
transaction, which is one row, and asks for what changed since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from service.errors import NotFoundError, UsageError
from service.model import Rule
from service.store.rows import columns, names, slices, upsert, values
from service.store.schema import revision, rule_count, rule_version, word_list, word_list_version
from service.store.schema import rule as table

LONGEST_NAME = 200  # characters
SUBJECT = "rules"


class Rules:
    """The rules of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, rule: Rule, now: datetime) -> Rule:
        """The rule as it was stored, in its first version; raises UsageError for a name that is taken."""
        return self.add_many([rule], now)[0]

    def add_many(self, rules: Sequence[Rule], now: datetime) -> Sequence[Rule]:
        """The rules as they were stored, in few statements however many they are; else as `add`."""
        self._check(rules)
        revision = self._bump()
        new = [replace(rule, version=1, created_at=now, changed_at=now) for rule in rules]
        added = insert(table).returning(table.c.id, sort_by_parameter_order=True)
        ids = self._connection.execute(added, [values(rule) | {"revision": revision} for rule in new])
        stored = [replace(rule, id=row.id) for rule, row in zip(new, ids, strict=True)]
        self._record(stored)
        return stored

    def get(self, name: str) -> Rule:
        """The rule of that name; raises NotFoundError with the names that come close."""
        found = self._find(table.c.name == name)
        if not found:
            known = self._connection.execute(select(table.c.name).where(table.c.removed_at.is_(None)))
            close = get_close_matches(name, list(known.scalars()), n=3)
            hint = f"did you mean {', '.join(close)}?" if close else "`monitor list-rules` shows all"
            raise NotFoundError("rule", name, hint)
        return found[0]

    def list(self) -> Sequence[Rule]:
        """All rules by name, disabled ones included."""
        return self._find()

    def names(self, ids: Collection[int] | None = None) -> dict[int, str]:
        """The names of rules by id, of all or of some, removed ones included: their alerts stay."""
        return names(self._connection, table, ids)

    def with_ids(self, ids: Collection[int]) -> dict[int, Rule]:
        """Rules by id, removed ones included."""
        found: dict[int, Rule] = {}
        for part in slices(ids):
            rows = self._connection.execute(select(*SHOWN).where(table.c.id.in_(part)))
            found.update({row.id: Rule(**row._asdict()) for row in rows})
        return found

    def edit(self, rule: Rule, now: datetime, by: str) -> Rule:
        """The rule in its next version, the former one kept in the history.

        Raises UsageError for a name that is taken, NotFoundError where the rule is gone.
        """
        self._check([rule])
        stored = self._find(table.c.id == rule.id)
        if not stored:
            raise NotFoundError("rule", rule.name)
        rule = replace(
            rule,
            version=stored[0].version + 1,
            created_at=stored[0].created_at,
            changed_at=now,
            changed_by=by,
        )
        row = values(rule) | {"revision": self._bump()}
        self._connection.execute(update(table).where(table.c.id == rule.id).values(row))
        self._record([rule])
        return rule

    def expect(self, rule_id: int, per_day: float | None) -> None:
        """Remember how many alerts a day its back-test promised; None: nothing is known."""
        self._connection.execute(update(table).where(table.c.id == rule_id).values(forecast=per_day))

    def forecasts(self, ids: Collection[int]) -> dict[int, float]:
        """What was promised for these rules, as far as anything was."""
        found: dict[int, float] = {}
        for part in slices(ids):
            query = select(table.c.id, table.c.forecast).where(table.c.id.in_(part))
            found.update(
                {row.id: row.forecast for row in self._connection.execute(query) if row.forecast is not None}
            )
        return found

    def remove(self, name: str, now: datetime) -> None:
        """Take the rule off; its alerts stay, its name may be used again. Raises NotFoundError."""
        gone = {"removed_at": now, "revision": self._bump()}
        self._connection.execute(update(table).where(table.c.id == self.get(name).id).values(gone))

    def enable(self, name: str, now: datetime, by: str = "") -> Rule:
        """The rule, at work. Raises NotFoundError."""
        return self._switch(name, now, by, enabled=True)

    def disable(self, name: str, now: datetime, by: str = "") -> Rule:
        """The rule, kept but not matched. Raises NotFoundError."""
        return self._switch(name, now, by, enabled=False)

    def versions(self, rule_id: int) -> Sequence[Rule]:
        """The history of a rule, the newest version first, each as it was."""
        query = (
            select(*(table.c[name] if name in {"id", "name", "created_at"} else rule_version.c[name]
                     for name in (column.name for column in SHOWN)))
            .join(rule_version, rule_version.c.rule == table.c.id)
            .where(table.c.id == rule_id)
            .order_by(rule_version.c.version.desc())
        )  # fmt: skip
        return [Rule(**row._asdict()) for row in self._connection.execute(query)]

    def count(self, looked: Mapping[int, tuple[int, int]]) -> None:
        """Add to how often rules were candidates, and how often they hit; in the order of their ids."""
        new = upsert(self._connection, rule_count)
        known = {name: rule_count.c[name] + new.excluded[name] for name in ("candidates", "hits")}
        added = new.on_conflict_do_update(index_elements=["rule"], set_=known)
        rows = [{"rule": rule, "candidates": c, "hits": h} for rule, (c, h) in sorted(looked.items())]
        if rows:
            self._connection.execute(added, rows)

    def counted(self, rule_id: int) -> tuple[int, int]:
        """How often the rule was a candidate, and how often it hit, since it was added."""
        found = select(rule_count.c.candidates, rule_count.c.hits).where(rule_count.c.rule == rule_id)
        row = self._connection.execute(found).one_or_none()
        return (row.candidates, row.hits) if row else (0, 0)

    def revision(self) -> int:
        """The number that every change of rules or lists moves."""
        found = select(revision.c.value).where(revision.c.subject == SUBJECT)
        return self._connection.execute(found).scalar() or 0

    def changed_since(self, former: int) -> tuple[Sequence[Rule], Sequence[int]]:
        """The rules that were added or changed after that revision, and the ids of those removed."""
        query = select(*SHOWN, table.c.removed_at).where(table.c.revision > former)
        changed, removed = [], []
        for row in self._connection.execute(query.order_by(table.c.revision)):
            fields = row._asdict()
            if fields.pop("removed_at") is None:
                changed.append(Rule(**fields))
            else:
                removed.append(row.id)
        return changed, removed

    def add_list(self, name: str, terms: Sequence[str], now: datetime) -> None:
        """Store a list of words under a name; one of that name is replaced, and remembered."""
        if not name or len(name) > LONGEST_NAME:
            raise UsageError(f"a list's name has 1 to {LONGEST_NAME} characters")
        row = {"name": name, "terms": tuple(terms)}
        stored = upsert(self._connection, word_list).values(row)
        self._connection.execute(
            stored.on_conflict_do_update(index_elements=["name"], set_={"terms": stored.excluded.terms})
        )
        version = upsert(self._connection, word_list_version).values(row | {"changed_at": now})
        self._connection.execute(
            version.on_conflict_do_update(
                index_elements=["name", "changed_at"], set_={"terms": version.excluded.terms}
            )
        )
        self._bump()

    def lists_at(self, at: datetime) -> dict[str, tuple[str, ...]]:
        """The lists as they were then, by name; one that came later is as it is now."""
        of = word_list_version.c
        query = select(of.name, of.terms).where(of.changed_at <= at).order_by(of.changed_at)
        return self.lists() | {row.name: row.terms for row in self._connection.execute(query)}

    def lists(self) -> dict[str, tuple[str, ...]]:
        """The lists of words by name."""
        rows = self._connection.execute(select(word_list.c.name, word_list.c.terms).order_by("name"))
        return {row.name: row.terms for row in rows}

    def remove_list(self, name: str) -> None:
        """Drop the list; raises NotFoundError."""
        if not self._connection.execute(delete(word_list).where(word_list.c.name == name)).rowcount:
            raise NotFoundError("list", name, "`monitor list-lists` shows all")
        self._bump()

    def _find(self, *where: ColumnElement[bool]) -> Sequence[Rule]:
        query = select(*SHOWN).where(table.c.removed_at.is_(None), *where).order_by(table.c.name)
        return [Rule(**row._asdict()) for row in self._connection.execute(query)]

    def _switch(self, name: str, now: datetime, by: str, *, enabled: bool) -> Rule:
        rule = self.get(name)
        return rule if rule.enabled is enabled else self.edit(replace(rule, enabled=enabled), now, by)

    def _check(self, rules: Sequence[Rule]) -> None:
        taken: dict[str, int] = {}
        for part in slices([rule.name for rule in rules]):
            known = select(table.c.name, table.c.id).where(
                table.c.removed_at.is_(None), table.c.name.in_(part)
            )
            taken |= {row.name: row.id for row in self._connection.execute(known)}
        for rule in rules:
            if not rule.name or len(rule.name) > LONGEST_NAME:
                raise UsageError(f"a rule's name has 1 to {LONGEST_NAME} characters")
            if taken.setdefault(rule.name, rule.id) != rule.id:
                raise UsageError(f"{rule.name}: a rule of this name exists (give another --name)")

    def _record(self, rules: Sequence[Rule]) -> None:
        rows = [values(rule, "name", "created_at") | {"rule": rule.id} for rule in rules]
        self._connection.execute(insert(rule_version), rows)

    def _bump(self) -> int:
        """The next revision. Writers take turns here, so that revisions are committed in their order."""
        first = upsert(self._connection, revision).values(subject=SUBJECT, value=1)
        moved = first.on_conflict_do_update(index_elements=["subject"], set_={"value": revision.c.value + 1})
        number: int = self._connection.execute(moved.returning(revision.c.value)).scalar_one()
        return number


SHOWN = columns(table, Rule)
