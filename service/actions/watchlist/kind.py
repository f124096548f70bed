"""What a kind of things knows so that a file can speak of it, and the desk that they are checked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from service.actions.watchlist import tables
from service.alerts.recipients import Directory
from service.app import App
from service.model import Person
from service.rules.grammar import KnownLists
from service.rules.nodes import Node
from service.store.db import Transaction

Noun = TypeVar("Noun")
Table = TypeVar("Table", bound=tables.Table)

Guard = Callable[[str, str], None]  # refuses an address, or the variable that holds its credentials


@dataclass(kw_only=True)
class Desk:
    """The desk as it will be, as far as it was compared: each kind is added in its turn."""

    app: App
    file: str
    guard: Guard
    left: tuple[Person, ...] = ()  # who was told once
    things: dict[str, dict[str, Any]] = field(default_factory=dict)  # kind -> name -> noun
    changed: set[str] = field(default_factory=set)  # the kinds of which something was
    queries: dict[str, Node] = field(default_factory=dict)  # of rules that are new or changed
    known: KnownLists = field(default_factory=dict)  # each list is read once for all rules

    @cached_property
    def directory(self) -> Directory:
        """Everybody who will be told by name; asked once people and groups are there."""
        here = self.things["people"].values()
        return Directory([*self.left, *here], [*self.things["groups"].values()])

    @cached_property
    def lists(self) -> Mapping[str, tuple[str, ...]]:
        """The lists that queries will name; asked once they are there."""
        return {name: one.terms for name, one in self.things["lists"].items()}

    def placed(self, *keys: str) -> AbstractContextManager[None]:
        """What is refused within is refused at that place of the file."""
        return tables.placed(self.file, ".".join(keys))


class Kind(ABC, Generic[Noun, Table]):
    """A kind of things: from a table of the file to its noun and back, checked, and stored."""

    name: ClassVar[str]  # in the file
    noun: ClassVar[str]  # in the names of its commands
    changing: ClassVar[str] = "edit"  # likewise, the verb of what changes one that is there

    @abstractmethod
    def stored(self, tx: Transaction) -> Mapping[str, Noun]:
        """All that there are, by name."""

    @abstractmethod
    def table(self, one: Noun) -> Table:
        """What a file says of it."""

    @abstractmethod
    def meant(self, name: str, table: Table, old: Noun | None) -> Noun:
        """What a table means; what is not for a table to say is as in `old`. Raises UsageError."""

    @abstractmethod
    def checked(self, desk: Desk, new: Noun, old: Noun | None) -> Noun:
        """The thing as it will be stored; raises UsageError where it cannot be."""

    @abstractmethod
    def add(self, tx: Transaction, new: Sequence[Noun], now: datetime, by: str) -> None:
        """Store those that are new."""

    @abstractmethod
    def edit(self, tx: Transaction, new: Noun, old: Noun, now: datetime, by: str) -> None:
        """Store what has changed."""

    @abstractmethod
    def remove(self, tx: Transaction, old: Noun, now: datetime) -> None:
        """Take one off."""

    def normal(
        self, desk: Desk, written: Mapping[str, Table], stored: Mapping[str, Noun]
    ) -> Mapping[str, Table]:
        """The tables as they would be written; raises PlaceError where one cannot be meant."""
        del desk, stored
        return written

    def matched(
        self, desk: Desk, written: Mapping[str, Table], stored: Mapping[str, Noun]
    ) -> Mapping[str, Noun]:
        """What each name of the file is already; raises PlaceError where that cannot be told."""
        del desk
        return {name: stored[name] for name in written if name in stored}

    def check_gone(self, desk: Desk, name: str) -> None:
        """Nothing, if nothing needs that one, which is taken off; raises UsageError."""

    def check_whole(self, desk: Desk) -> None:
        """Nothing, if those that were not changed can stay as they are beside what was."""

    def make_room(self, tx: Transaction, renamed: Iterable[Noun]) -> None:
        """Take their names from those that will have others, so that two may change theirs for each other."""
