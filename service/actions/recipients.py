"""People and groups who are told: add, change, see off, list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from service.alerts.recipients import Directory, check_length
from service.app import App, check_timezone
from service.deliver.drivers import needs_recipient
from service.errors import UsageError
from service.model import Change, Group, Person, Rule
from service.store.db import Transaction
from service.telling import directory

LANGUAGES = ("de", "en")  # that there are words for
NAME = re.compile(r"[^\s:@,=/\x00-\x1f]{1,80}")
MAIL = ("smtp", "smtps", "mailto", "mailtos")


def check(app: App, tx: Transaction, targets: Iterable[str]) -> None:
    """Nothing, if each target reaches somebody; raises UsageError for one that cannot."""
    check_targets(app, directory(tx), targets)


def check_targets(app: App, known: Directory, targets: Iterable[str]) -> None:
    """The same, for whoever will be known."""
    for target in targets:
        name, _, recipient = target.partition(":")
        channel = app.channels.get(name)
        if channel and not recipient and needs_recipient(channel):
            raise UsageError(f"the channel {name} names nobody itself (say who is told: {name}:RECIPIENT)")
        known.check(target, mail=channel is not None and channel.url.partition(":")[0].lower() in MAIL)


def lost(app: App, tx: Transaction) -> Iterator[tuple[Rule, list[str]]]:
    """Each rule at work that tells somebody who cannot be reached: a channel or a person that is gone."""
    known = directory(tx)

    def reached(target: str) -> bool:
        there = target.partition(":")[0] in app.config.channels
        return there and any(not one.gone for one in known.resolve([target]))

    for rule in tx.rules.list():
        if rule.enabled and (gone := [target for target in rule.channels if not reached(target)]):
            yield rule, gone


def add(
    app: App, name: str, addresses: Sequence[str], *, language: str = "", timezone: str = "", by: str = ""
) -> Person:
    """A person who can be told, as `mail:NAME`; `addresses` are CHANNEL:ADDRESS.

    Raises UsageError for a name that is taken or cannot be one, and for an address that cannot be meant.
    """
    check_name(name)
    person = checked(app, Person(name=name, language=language, timezone=timezone), addresses)
    check_reached(person)
    with app.store.begin() as tx:
        added = tx.people.add(person, app.store.now())
        _record(app, tx, by, "add-person", name, to=list(addresses), language=language, timezone=timezone)
        return added


def edit(
    app: App,
    name: str,
    addresses: Sequence[str] = (),
    *,
    language: str | None = None,
    timezone: str | None = None,
    by: str = "",
) -> Person:
    """The person with these addresses too; `CHANNEL:` alone takes one away. Raises NotFoundError."""
    with app.store.begin() as tx:
        person = tx.people.get(name)
        if language is not None:
            person = replace(person, language=language)
        if timezone is not None:
            person = replace(person, timezone=timezone)
        person = checked(app, person, addresses)
        tx.people.edit(person)
        _record(app, tx, by, "edit-person", name, to=list(addresses), language=language, timezone=timezone)
        return person


def leave(app: App, name: str, because: str, by: str = "") -> tuple[Person, int]:
    """The person, who is told nothing from now on, and how many waiting messages that stopped.

    Raises NotFoundError.
    """
    with app.store.begin() as tx:
        person = tx.people.leave(name, because.strip(), app.store.now())
        stopped = stop(tx, person)
        _record(app, tx, by, "remove-person", name, because=because)
        return person, stopped


def stop(tx: Transaction, person: Person) -> int:
    """Stop what waits for somebody who has left; the number of messages."""
    known = directory(tx)
    reasons = {(to, at): known.gone(to, at) for to, at in person.addresses.items()}
    return sum(tx.outbox.suppress_recipient(*where, why) for where, why in reasons.items() if why)


def set_group(app: App, name: str, members: Sequence[str], by: str = "") -> Group:
    """The group with exactly these members; raises NotFoundError for one who is nobody."""
    check_name(name)
    with app.store.begin() as tx:
        group = tx.people.set_group(name, members, app.store.now())
        _record(app, tx, by, "add-group", name, members=list(members))
        return group


def remove_group(app: App, name: str, by: str = "") -> None:
    """Drop a group that no rule tells; raises NotFoundError, or UsageError where a rule does."""
    with app.store.begin() as tx:
        if telling := told_by(name, tx.rules.list()):
            raise UsageError(f"the group {name} is told by the rule {telling!r} (edit that first)")
        tx.people.remove_group(name)
        _record(app, tx, by, "remove-group", name)


def listed(app: App) -> tuple[Sequence[Person], Sequence[Group]]:
    """Everybody who is here, and the groups, by name."""
    with app.store.read() as tx:
        return tx.people.list(), tx.people.groups()


def by_name(app: App, *, groups: bool = True) -> list[str]:
    """Everybody and every group as a rule names them, CHANNEL:NAME, on each channel that reaches them."""
    everybody, together = listed(app)
    reached = {person.name: set(person.addresses) for person in everybody}
    for group in together if groups else ():
        reached[group.name] = set().union(*(reached.get(member, ()) for member in group.members))
    return sorted(f"{channel}:{name}" for name, channels in reached.items() for channel in channels)


def alone(app: App) -> list[str]:
    """The channels that can be told by their name alone: they say themselves who that is."""
    return sorted(name for name, channel in app.channels.items() if not needs_recipient(channel))


def told_by(name: str, rules: Iterable[Rule]) -> str:
    """The first of the rules that tells that person or group; "" where none does."""
    telling = (rule.name for rule in rules if any(to.partition(":")[2] == name for to in rule.channels))
    return next(telling, "")


def check_reached(person: Person) -> None:
    """Nothing, if the person has an address; raises UsageError."""
    if not person.addresses:
        name = person.name
        raise UsageError(f"say where {name} is told: monitor add-person {name} CHANNEL:ADDRESS")


def check_name(name: str) -> None:
    """Nothing, if a person or a group can be named so; raises UsageError."""
    if not NAME.fullmatch(name) or not name.isprintable():
        raise UsageError(f"not a name: {name!r} (one word of up to 80 characters, without : @ , = /)")


def checked(app: App, person: Person, addresses: Sequence[str]) -> Person:
    """The person with these addresses, where all of it can be meant."""
    if person.language and person.language not in LANGUAGES:
        raise UsageError(f"no language {person.language!r} (one of {', '.join(LANGUAGES)})")
    if person.timezone:
        check_timezone(person.timezone)
    given = [_address(app, text) for text in addresses]
    if len(dict(given)) < len(given):
        raise UsageError(
            "a person has one address on a channel (another is another person; a group tells both)"
        )
    reached: Mapping[str, str] = dict(person.addresses) | dict(given)
    return replace(person, addresses={channel: where for channel, where in reached.items() if where})


def _address(app: App, text: str) -> tuple[str, str]:
    channel, colon, address = text.partition(":")
    if not colon or channel not in app.channels:
        there = ", ".join(sorted(app.channels)) or "none is configured"
        raise UsageError(f"not an address: {text!r} (write CHANNEL:ADDRESS; channels: {there})")
    if address and app.channels[channel].url.partition(":")[0].lower() in MAIL and "@" not in address:
        raise UsageError(f"not a mail address: {address!r}")
    check_length(address)
    return channel, address.strip()


def _record(app: App, tx: Transaction, who: str, what: str, name: str, **detail: object) -> None:
    said = {key: value for key, value in detail.items() if value not in (None, "", [])}
    tx.audit.add(Change(at=app.store.now(), who=who, what=what, subject=name, detail=said))
