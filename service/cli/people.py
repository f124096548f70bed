"""People who are told: add, change, see off, gather in groups, list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from service.cli.drawing import table
from service.cli.screens import undo
from service.cli.session import Session, command
from service.cli.terminal import quoted, safe
from service.cli.words import _, ngettext
from service.errors import UsageError

if TYPE_CHECKING:
    from service.actions.shapes import Shape
    from service.app import App
    from service.model import Person

LANGUAGE = click.option("--lang", "language", metavar="TAG", help="Of the words around the news: de or en.")
ZONE = click.option("--timezone", metavar="ZONE", help="In which times are shown: Europe/Berlin.")


@command()
@click.argument("name", metavar="NAME")
@click.argument("addresses", metavar="CHANNEL:ADDRESS…", nargs=-1, required=True)
@LANGUAGE
@ZONE
def add_person(
    session: Session, name: str, addresses: tuple[str, ...], language: str | None, timezone: str | None
) -> None:
    r"""Let rules tell somebody by name, on each channel that reaches them.

    \b
    monitor add-person anna mail:anna@example.org --lang de
    monitor add-rule Streik --to mail:anna
    """
    from service.actions import recipients, shapes

    with session.app() as app:
        person = recipients.add(
            app, name, addresses, language=language or "", timezone=timezone or "", by=session.person
        )
    session.answer(
        shapes.person(person),
        [_("{name} is told at {addresses}", name=safe(name), addresses=_reached(person))],
    )


@command()
@click.argument("name", metavar="NAME")
@click.argument("addresses", metavar="[CHANNEL:ADDRESS]…", nargs=-1)
@LANGUAGE
@ZONE
def edit_person(
    session: Session, name: str, addresses: tuple[str, ...], language: str | None, timezone: str | None
) -> None:
    """Change where and how somebody is told. CHANNEL: without an address takes that channel away."""
    from service.actions import recipients, shapes

    if not addresses and language is None and timezone is None:
        raise UsageError(_("nothing to change (see `monitor {command} --help`)", command="edit-person"))
    with session.app() as app:
        person = recipients.edit(
            app, name, addresses, language=language, timezone=timezone, by=session.person
        )
    session.answer(
        shapes.person(person),
        [_("{name} is told at {addresses}", name=safe(name), addresses=_reached(person))],
    )


@command()
@click.argument("name", metavar="NAME")
@click.option("--because", default="", metavar="TEXT", help="For the record of every message not sent.")
def remove_person(session: Session, name: str, because: str) -> None:
    """See somebody off: nothing more goes to their addresses, and each message says why it did not."""
    from service.actions import recipients, shapes

    with session.app() as app:
        groups = [one for one in recipients.listed(app)[1] if name in one.members]
        person, stopped = recipients.leave(app, name, because, session.person)
    session.answer(
        shapes.person(person) | {"stopped": stopped},
        [
            ngettext(
                "{name} is told nothing more; {n} waiting message stopped",
                "{name} is told nothing more; {n} waiting messages stopped",
                stopped,
                name=safe(name),
            ),
            *(
                _("nobody is left in the group {name}", name=safe(group.name))
                for group in groups
                if len(group.members) == 1
            ),
            undo("add-person", quoted(name), *_as_added(person)),
            *(undo("add-group", quoted(group.name), *map(quoted, group.members)) for group in groups),
        ],
    )


@command()
@click.argument("name", metavar="NAME")
@click.argument("members", metavar="PERSON…", nargs=-1, required=True)
def add_group(session: Session, name: str, members: tuple[str, ...]) -> None:
    """Tell some people together, as CHANNEL:NAME. A group of that name gets these members instead."""
    from service.actions import recipients, shapes

    with session.app() as app:
        group = recipients.set_group(app, name, members, session.person)
    session.answer(shapes.group(group), [f"{safe(name)}: {safe(', '.join(group.members))}"])


@command()
@click.argument("name", metavar="NAME")
def remove_group(session: Session, name: str) -> None:
    """Drop a group that no rule tells; its people stay."""
    from service.actions import recipients

    with session.app() as app:
        recipients.remove_group(app, name, session.person)
    session.answer({"name": name}, [_("the group {name} is gone", name=safe(name))])


@command()
def list_people(session: Session) -> None:
    """Everybody who can be told by name, and the groups."""
    found = session.ask("/people", _everybody).shape
    rows = [
        (one["name"], _at(one["addresses"]), one["language"] or "", one["timezone"] or "")
        for one in found["people"]
    ]
    rows += [(one["name"], _group(one["members"]), "", "") for one in found["groups"]]
    session.answer(
        found,
        table(
            (_("name"), _("told at"), _("language"), _("timezone")),
            rows,
            _("nobody (monitor add-person NAME)"),
        ),
    )


def _as_added(person: Person) -> Iterator[str]:
    """What followed the name when the person was added, as a shell takes it."""
    yield from (quoted(f"{to}:{at}") for to, at in person.addresses.items())
    if person.language:
        yield f"--lang {person.language}"
    if person.timezone:
        yield f"--timezone {person.timezone}"


def _reached(person: Person) -> str:
    return _at(person.addresses)


def _at(addresses: Mapping[str, str]) -> str:
    return safe(", ".join(f"{to}:{at}" for to, at in addresses.items())) or _("nowhere")


def _group(members: Sequence[str]) -> str:
    return _("the group of {members}", members=", ".join(members) or _("nobody"))


def _everybody(app: App) -> Shape:
    from service.actions import recipients, shapes

    people, groups = recipients.listed(app)
    return {"people": [shapes.person(one) for one in people], "groups": [shapes.group(one) for one in groups]}
