"""Silences: keep quiet about a rule, a source, a channel or a story for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from service.cli.arguments import NUMBER, SPAN
from service.cli.drawing import table
from service.cli.screens import undo
from service.cli.session import Session, command
from service.cli.terminal import local, moment, safe
from service.cli.words import _
from service.model import Silence

if TYPE_CHECKING:
    from service.actions.shapes import Shape
    from service.app import App


@command()
@click.argument("matchers", metavar="rule=NAME|source=NAME|channel=NAME|story=ID…", nargs=-1, required=True)
@click.option("--for", "lasts", type=SPAN, required=True, metavar="SPAN", help="How long: 2h, 30m, 3d.")
@click.option("--comment", required=True, metavar="TEXT", help="Why, for the next shift.")
def silence(session: Session, matchers: tuple[str, ...], lasts: timedelta, comment: str) -> None:
    r"""Tell nobody for a while of what all of these match.

    \b
    monitor silence rule=kim --for 2h --comment "party congress"
    monitor silence source=portal channel=mail --for 1d --comment "moving"

    What was told before is taken back all the same: no silence holds a retraction or a correction.
    """
    from service.actions import shapes, silences

    with session.app() as app:
        added = silences.add(app, matchers, lasts, comment, by=session.person)
        session.record(app, ", ".join(matchers), lasts=lasts, comment=comment)
    session.answer(
        shapes.silence(added),
        [
            _("silence {id}: {what}, until {at}", id=added.id, what=_matched(added), at=local(added.ends_at)),
            undo("end-silence", str(added.id)),
        ],
    )


@command()
def list_silences(session: Session) -> None:
    """What is kept quiet now, until when, by whom and why."""
    found = session.ask("/silences", _silences).shape
    rows = (
        (one["id"], " ".join(one["matchers"]), moment(one["ends_at"]), one["author"], one["comment"])
        for one in found
    )
    session.answer(
        found,
        table((_("id"), _("what"), _("until"), _("by"), _("why")), rows, _("nothing is silenced")),
    )


def _silences(app: App) -> list[Shape]:
    from service.actions import shapes, silences

    return [shapes.silence(one) for one in silences.listed(app)]


@command()
@click.argument("silence", type=NUMBER, metavar="ID")
def end_silence(session: Session, silence: int) -> None:
    """Let alerts through again."""
    from service.actions import silences

    with session.app() as app:
        silences.end(app, silence)
        session.record(app, str(silence))
    session.answer({"ended": silence}, [_("silence {id} is over", id=silence)])


def _matched(one: Silence) -> str:
    return safe(" ".join(f"{kind}={value}" for kind, value in one.matchers))
