"""`tail`: what comes in, shown as it comes."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TextIO

import click

from service.cli.arguments import SPAN
from service.cli.items import remark
from service.cli.screens import spans
from service.cli.session import QueryCommand, Session, command
from service.cli.terminal import (
    bold,
    dim,
    document,
    local,
    marked,
    moment,
    on_terminal,
    padded,
    safe,
    say,
    talk,
)
from service.cli.words import _, told
from service.errors import StoreError
from service.model import Evidence

if TYPE_CHECKING:
    from service.actions.shapes import Shape
    from service.app import App

PACE = 1.0  # seconds between two looks
NAMES = 12  # columns of the names of sources; a longer one pushes its headline


@command(cls=QueryCommand)
@click.argument("query", metavar="[QUERY]…", nargs=-1)
@click.option("--alerts", is_flag=True, help="Only what a rule hit.")
@click.option("--rule", default="", metavar="NAME", help="Only what this rule hit.")
@click.option("--source", default="", metavar="NAME", help="Only from this source.")
@click.option("--since", type=SPAN, metavar="SPAN", help="Begin with what is not older than this: 90m, 24h.")
@click.option("--lang", default="", metavar="TAG", help="The language of items that declare none.")
def tail(
    session: Session,
    query: tuple[str, ...],
    alerts: bool,
    rule: str,
    source: str,
    since: timedelta | None,
    lang: str,
) -> None:
    r"""Follow what comes in, an item a line, until Ctrl-C; the last ten come first.

    \b
    monitor tail
    monitor tail --alerts
    monitor tail "Kim Jong Un" + Reise --since 1h

    With a query it shows what the query hits, the words marked. The rules that hit an item stand behind it.
    With --json each item is a JSON object on a line of its own (JSON Lines), and not one document.
    """

    def look(app: App, after: str) -> Shape:
        from service.actions import following, shapes, trials
        from service.rules.grammar import join_arguments

        wanted = following.Wanted(
            source=source,
            rule=rule,
            alerts_only=alerts,
            query=trials.understand(app, join_arguments(query), lang) if query else None,
        )
        return shapes.news(following.look(app, wanted, after=after, since=since))

    asked = {
        "argument": query,
        "language": lang,
        "source": source,
        "rule": rule,
        "alerts_only": alerts,
        "since": f"{since.total_seconds():.0f}s" if since else None,
    }
    out = sys.stdout  # what is made beside the answer may be sent elsewhere meanwhile
    try:
        for one in _followed(session, out, look, **asked):
            if session.json:
                click.echo(document(one, indent=None), file=out)
            else:
                say(_line(one, trusted=session.embargoed))
    except BrokenPipeError:  # `| head` has seen enough; what is left in the buffer goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _followed(
    session: Session, out: TextIO, look: Callable[[App, str], Shape], **asked: object
) -> Iterator[Shape]:
    """Items as they come, until whoever reads `out` has gone.

    The running daemon is asked, or the database while there is none, or none that lets whoever asks in.
    """
    config, after, problem = session.config(), "", ""
    with ExitStack() as stack:
        app: App | None = None
        while True:
            try:
                answer = session.daemon(config, "/tail", **asked, after=after)
                if answer:
                    news = answer.shape
                else:
                    app = app or stack.enter_context(session.app(config))
                    news = look(app, after)
                    if app.store.dialect == "sqlite":  # a backup may be put in the place of the file
                        app.store.close()
            except StoreError as error:
                if not after:
                    raise
                if str(error) != problem:
                    problem = str(error)
                    talk(_("{problem}; looking again", problem=safe(told(problem))))
            else:
                yield from news["items"]
                if not (after or news["items"]) and on_terminal():
                    talk(_("none so far; what comes in is shown as it comes (Ctrl-C ends it)"))
                after, problem = news["after"], ""
                if news["more"]:
                    continue
            if _has_gone(out, PACE):
                return


def _has_gone(out: TextIO, seconds: float) -> bool:
    """Whether whoever read has gone, watched for during that time."""
    poll = select.poll()
    poll.register(out, 0)  # errors alone: the other end was closed
    return bool(poll.poll(seconds * 1000))


def _line(one: dict[str, Any], *, trusted: bool) -> str:
    """`2026-11-24 18:02  dpa           Kim Jong Un auf Reisen  [kim-reise]`."""
    hits = [Evidence(**place) for found in one["hits"] for place in found["evidence"]]
    places = [Evidence(**place) for place in one["evidence"]] or hits
    headline = marked(one["headline"], spans([place for place in places if place.field == "title"]))
    parts = [local(moment(one["received_at"])), padded(safe(one["source"]), NAMES)]
    parts.append(safe(remark(one, trusted=trusted)) + headline)
    return "  ".join([*parts, *map(_rule, one["hits"])])


def _rule(found: dict[str, Any]) -> str:
    """The rule that hit an item, and what became of it where nobody was told anew."""
    match found["action"]:
        case "update":
            return bold(f"[{found['rule']}: {told('update')}]")
        case "join":
            return dim(f"[{found['rule']}: {_('told already')}]")
        case "suppress":
            return dim(f"[{found['rule']}: {_('held back')}]")
    return bold(f"[{found['rule']}]")
