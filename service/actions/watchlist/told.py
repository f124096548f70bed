"""Those who are told: people and groups, as a file speaks of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from service.actions import recipients
from service.actions.watchlist.kind import Desk, Kind
from service.actions.watchlist.tables import GroupTable, PersonTable
from service.errors import UsageError
from service.model import Group, Person
from service.store.db import Transaction


class People(Kind[Person, PersonTable]):
    """Those who are told by name."""

    name, noun = "people", "person"

    def stored(self, tx: Transaction) -> Mapping[str, Person]:
        """Everybody who is here."""
        return {one.name: one for one in tx.people.list()}

    def table(self, one: Person) -> PersonTable:
        """Addresses have no order."""
        reached = sorted(f"{channel}:{address}" for channel, address in one.addresses.items())
        return PersonTable(addresses=tuple(reached), lang=one.language, timezone=one.timezone)

    def meant(self, name: str, table: PersonTable, old: Person | None) -> Person:
        """The addresses are all that there are."""
        addresses = {to: at for to, _, at in (one.partition(":") for one in table.addresses)}
        if len(addresses) < len(table.addresses):
            raise UsageError("a person has one address on a channel")
        person = old or Person(name=name)
        return replace(person, addresses=addresses, language=table.lang, timezone=table.timezone)

    def checked(self, desk: Desk, new: Person, old: Person | None) -> Person:
        """As `add-person` and `edit-person` do."""
        del old
        recipients.check_name(new.name)
        addresses = [f"{channel}:{address}" for channel, address in new.addresses.items()]
        person = recipients.checked(desk.app, replace(new, addresses={}), addresses)
        recipients.check_reached(person)
        return person

    def check_gone(self, desk: Desk, name: str) -> None:
        """No rule may tell somebody who is gone."""
        if telling := recipients.told_by(name, desk.things["rules"].values()):
            raise UsageError(f"the person {name} is told by the rule {telling!r} (edit that first)")

    def add(self, tx: Transaction, new: Sequence[Person], now: datetime, by: str) -> None:
        """Store those that are new."""
        del by
        for one in new:
            tx.people.add(one, now)

    def edit(self, tx: Transaction, new: Person, old: Person, now: datetime, by: str) -> None:
        """Store what has changed."""
        del old, now, by
        tx.people.edit(new)

    def remove(self, tx: Transaction, old: Person, now: datetime) -> None:
        """Nothing that waits goes out to somebody who has left."""
        recipients.stop(tx, tx.people.leave(old.name, "", now))


class Groups(Kind[Group, GroupTable]):
    """People who are told together."""

    name, noun, changing = "groups", "group", "add"

    def stored(self, tx: Transaction) -> Mapping[str, Group]:
        """All that there are, by name."""
        return {one.name: one for one in tx.people.groups()}

    def table(self, one: Group) -> GroupTable:
        """Members have no order."""
        return GroupTable(members=tuple(sorted(one.members)))

    def meant(self, name: str, table: GroupTable, old: Group | None) -> Group:
        """The members are all that there are."""
        return replace(old or Group(name=name), members=tuple(dict.fromkeys(table.members)))

    def checked(self, desk: Desk, new: Group, old: Group | None) -> Group:
        """As `add-group` does."""
        del old
        recipients.check_name(new.name)
        if not new.members:
            raise UsageError("a group has at least one member")
        people = desk.things["people"]
        if new.name in people:
            raise UsageError(f"{new.name}: there is a person of this name (give another)")
        for member in new.members:
            if member not in people:
                raise UsageError(f"no person named {member} (write [people.{member}], too)")
        return new

    def check_gone(self, desk: Desk, name: str) -> None:
        """No rule may tell a group that is gone."""
        if telling := recipients.told_by(name, desk.things["rules"].values()):
            raise UsageError(f"the group {name} is told by the rule {telling!r} (edit that first)")

    def add(self, tx: Transaction, new: Sequence[Group], now: datetime, by: str) -> None:
        """Store those that are new."""
        del by
        for one in new:
            tx.people.set_group(one.name, one.members, now)

    def edit(self, tx: Transaction, new: Group, old: Group, now: datetime, by: str) -> None:
        """Store what has changed."""
        del old
        self.add(tx, [new], now, by)

    def remove(self, tx: Transaction, old: Group, now: datetime) -> None:
        """Take one off."""
        del now
        tx.people.remove_group(old.name)
