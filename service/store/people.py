"""People and groups: who is told, where each can be reached, and who has left and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from service.errors import NotFoundError, UsageError
from service.model import Group, Person
from service.store.rows import columns, values
from service.store.schema import group_member, person_group
from service.store.schema import person as table


class People:
    """The people and groups of one transaction. Persons and groups share their names."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, person: Person, now: datetime) -> Person:
        """The person as stored; raises UsageError for a name that is taken."""
        if self._named(person.name):
            raise UsageError(f"{person.name}: there is a person or group of this name (give another)")
        row = values(replace(person, added_at=now))
        added = insert(table).values(row).returning(table.c.id)
        return replace(person, id=self._connection.execute(added).scalar_one(), added_at=now)

    def edit(self, person: Person) -> None:
        """Write the addresses, language and zone of a person."""
        changes = values(person, "name", "added_at", "removed_at", "left_because")
        self._connection.execute(update(table).where(table.c.id == person.id).values(changes))

    def get(self, name: str) -> Person:
        """The person of that name who is still here; raises NotFoundError with names that come close."""
        found = self._find(table.c.name == name, table.c.removed_at.is_(None))
        if not found:
            close = get_close_matches(name, [person.name for person in self.list()], n=3)
            hint = f"did you mean {', '.join(close)}?" if close else "`monitor list-people` shows all"
            raise NotFoundError("person", name, hint)
        return found[0]

    def list(self) -> Sequence[Person]:
        """Everybody who is still here, by name."""
        return self._find(table.c.removed_at.is_(None))

    def all(self) -> Sequence[Person]:
        """Everybody, those who have left included; of one name, the newest last."""
        return self._find()

    def leave(self, name: str, because: str, now: datetime) -> Person:
        """The person, who is told nothing from now on; raises NotFoundError."""
        person = replace(self.get(name), removed_at=now, left_because=because)
        gone = {"removed_at": now, "left_because": because}
        self._connection.execute(update(table).where(table.c.id == person.id).values(gone))
        self._connection.execute(delete(group_member).where(group_member.c.person == person.id))
        return person

    # ------------------------------------------------------------ groups

    def groups(self) -> Sequence[Group]:
        """All groups by name, with their members by name."""
        members: dict[int, list[str]] = {}
        joined = select(group_member.c.person_group, table.c.name).join(table).order_by(table.c.name)
        for group_id, name in self._connection.execute(joined):
            members.setdefault(group_id, []).append(name)
        rows = self._connection.execute(select(*GROUP).order_by(person_group.c.name))
        return [Group(**row._asdict(), members=tuple(members.get(row.id, ()))) for row in rows]

    def set_group(self, name: str, members: Collection[str], now: datetime) -> Group:
        """The group with exactly these members, made where there is none of that name.

        Raises NotFoundError for a member who is none, UsageError for the name of a person.
        """
        people = [self.get(member) for member in dict.fromkeys(members)]
        if self._find(table.c.name == name, table.c.removed_at.is_(None)):
            raise UsageError(f"{name}: there is a person of this name (give another)")
        row_id = self._connection.execute(
            select(person_group.c.id).where(person_group.c.name == name)
        ).scalar()
        if row_id is None:
            new = insert(person_group).values(name=name, added_at=now).returning(person_group.c.id)
            row_id = self._connection.execute(new).scalar_one()
        self._connection.execute(delete(group_member).where(group_member.c.person_group == row_id))
        rows = [{"person_group": row_id, "person": person.id} for person in people]
        if rows:
            self._connection.execute(insert(group_member), rows)
        return next(group for group in self.groups() if group.id == row_id)

    def remove_group(self, name: str) -> None:
        """Drop the group, not its members; raises NotFoundError."""
        if not self._connection.execute(delete(person_group).where(person_group.c.name == name)).rowcount:
            raise NotFoundError("group", name, "`monitor list-people` shows all")

    def _named(self, name: str) -> bool:
        groups = select(person_group.c.id).where(person_group.c.name == name)
        here = self._find(table.c.name == name, table.c.removed_at.is_(None))
        return bool(here) or self._connection.execute(groups).first() is not None

    def _find(self, *where: ColumnElement[bool]) -> Sequence[Person]:
        query = select(*SHOWN).where(*where).order_by(table.c.name, table.c.id)
        rows = (row._asdict() for row in self._connection.execute(query))
        return [Person(**{**row, "addresses": row["addresses"] or {}}) for row in rows]


SHOWN = columns(table, Person)
GROUP = columns(person_group, Group, "members")
