"""Named lists of alternatives: add, list, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from service.cli.drawing import table
from service.cli.screens import undo
from service.cli.session import QueryCommand, Session, command
from service.cli.terminal import quoted, safe
from service.cli.words import _

if TYPE_CHECKING:
    from service.app import App

Shape = dict[str, Any]


@command(cls=QueryCommand)
@click.argument("name", metavar="NAME")
@click.argument("terms", metavar="[TERM]…", nargs=-1)
@click.option("--starter", is_flag=True, help="The ready spellings under that name, and the terms.")
@click.option("--country", default="", metavar="CODE", help="The names of a country in every language.")
def add_list(session: Session, name: str, terms: tuple[str, ...], starter: bool, country: str) -> None:
    r"""Name alternatives for use as @NAME in queries; an existing list is replaced.

    \b
    monitor add-list kim "Kim Jong Un" "Kim Dschong Un" 김정은
    monitor add-rule @kim + Reise
    monitor add-list selenskyj --starter        ready spellings
    monitor add-list nordkorea --country KP     from the Unicode CLDR
    """
    from service.actions import names, rules, shapes

    name = name.removeprefix("@")
    ready = (*(names.starter(name) if starter else ()), *(names.country(country) if country else ()))
    terms = tuple(dict.fromkeys((*ready, *terms)))
    with session.app() as app:
        before = rules.all_lists(app).get(name, ())
        rules.add_list(app, name, terms)
        session.record(app, name, terms=terms)
    back = (
        undo("add-list", quoted(name), *map(quoted, before)) if before else undo("remove-list", quoted(name))
    )
    session.answer(shapes.word_list(name, terms), [f"@{safe(name)}: {', '.join(map(safe, terms))}", back])


@command()
@click.option("--starter", is_flag=True, help="Instead, the ready lists that add-list --starter knows.")
def list_lists(session: Session, starter: bool) -> None:
    """All named lists."""
    found = _starters() if starter else session.ask("/lists", _lists).shape
    rows = ((f"@{one['name']}", ", ".join(one["terms"])) for one in found)
    session.answer(found, table((_("name"), _("terms")), rows, _("no lists (monitor add-list NAME TERM…)")))


def _lists(app: App) -> list[Shape]:
    from service.actions import rules, shapes

    return shapes.lists(rules.all_lists(app))


def _starters() -> list[Shape]:
    from service.actions import names, shapes

    return shapes.lists(names.starters())


@command()
@click.argument("name", metavar="NAME")
def remove_list(session: Session, name: str) -> None:
    """Remove a list that no rule uses."""
    from service.actions import rules

    name = name.removeprefix("@")
    with session.app() as app:
        rules.remove_list(app, name)
        session.record(app, name)
    session.answer({"removed": name}, [_("@{name} removed", name=safe(name))])
