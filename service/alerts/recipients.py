"""Who stands behind `mail:anna` and `mail:nightdesk`: from targets to addresses, and who has left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from service.config import Config
from service.errors import UsageError
from service.model import Group, Person

LONGEST = 500  # characters of an address; PostgreSQL finds messages by it, and refuses a key over 2,704 bytes


def check_length(address: str) -> None:
    """Nothing, if an address is as long as one can be; raises UsageError."""
    if len(address) > LONGEST:
        raise UsageError(f"an address has up to {LONGEST} characters: {address[:40]}…")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address on one channel; "" is the channel's own. `gone` says why nothing goes there any more."""

    channel: str
    address: str = ""
    gone: str = ""


class Directory:
    """Everybody who is told or was, and the groups, as of one moment."""

    def __init__(self, people: Sequence[Person], groups: Sequence[Group]) -> None:
        # Of one name the newest counts: somebody who comes back is here again.
        self._people = {person.name: person for person in people}
        self._groups = {group.name: group for group in groups}
        self._everybody = people

    def resolve(self, targets: Iterable[str]) -> tuple[Recipient, ...]:
        """The recipients that CHANNEL or CHANNEL:RECIPIENT mean, each address once, in order.

        A recipient is a person, a group, or else an address itself. A member of a group without an address
        on the channel is passed over: the group is told where each of its members can be.
        """
        found: dict[tuple[str, str], Recipient] = {}
        for target in targets:
            channel, _, name = target.partition(":")
            for address, gone in self._addresses(channel, name):
                found.setdefault((channel, address), Recipient(channel, address, gone))
        return tuple(found.values())

    def gone(self, channel: str, address: str) -> str:
        """Why nothing goes to that address any more: all whose address it was have left; "" else."""
        return (
            ""
            if not address or (channel, address) in self._present
            else self._left.get((channel, address), "")
        )

    def person(self, channel: str, address: str) -> Person | None:
        """Who reads what goes to that address, as far as it is known."""
        return self._present.get((channel, address))

    def reads(self, channel: str, address: str, config: Config) -> tuple[str, str]:
        """The language and the zone of whoever reads what goes there; those of the configuration else."""
        person = self.person(channel, address)
        language, zone = (person.language, person.timezone) if person else ("", "")
        return language or config.alerts.language, zone or config.digest.timezone

    def elsewhere(self, channel: str, address: str, other: str) -> str:
        """The address on another channel of whoever has this one; "" where that is not known."""
        person = self.person(channel, address)
        return person.addresses.get(other, "") if person else ""

    def check(self, target: str, *, mail: bool) -> None:
        """Nothing, if the target reaches somebody; raises UsageError with the way out."""
        channel, _, name = target.partition(":")
        if not name:
            return
        check_length(name)
        person, group = self._people.get(name), self._groups.get(name)
        if person and person.removed_at is None and channel not in person.addresses:
            raise UsageError(
                f"{name} has no address on {channel} (monitor edit-person {name} {channel}:ADDRESS)"
            )
        if group and not any(channel in self._people[member].addresses for member in group.members):
            raise UsageError(f"nobody in the group {name} has an address on {channel}")
        known = group or (person and person.removed_at is None)
        if not known and mail and "@" not in name:
            close = get_close_matches(name, [*self._people, *self._groups], n=1)
            hint = f"did you mean {close[0]}?" if close else "`monitor list-people` shows all"
            raise UsageError(f"{target}: no person, no group and no mail address ({hint})")

    def _addresses(self, channel: str, name: str) -> list[tuple[str, str]]:
        """(address, why it is gone) for each that a name means on a channel."""
        if not name:
            return [("", "")]
        if group := self._groups.get(name):
            members = [self._people[member] for member in group.members]
            return [(one.addresses[channel], "") for one in members if channel in one.addresses]
        if person := self._people.get(name):
            return [(person.addresses.get(channel, name), _why_gone(person))]
        return [(name, self.gone(channel, name))]

    @cached_property
    def _present(self) -> dict[tuple[str, str], Person]:
        return {
            (channel, address): person
            for person in self._everybody
            if person.removed_at is None
            for channel, address in person.addresses.items()
        }

    @cached_property
    def _left(self) -> dict[tuple[str, str], str]:
        return {
            (channel, address): _why_gone(person)
            for person in self._everybody
            if person.removed_at is not None
            for channel, address in person.addresses.items()
        }


def _why_gone(person: Person) -> str:
    if person.removed_at is None:
        return ""
    because = f": {person.left_because}" if person.left_because else ""
    return f"{person.name} left on {person.removed_at:%Y-%m-%d}{because}"
