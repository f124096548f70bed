"""Subscriptions in OPML: import them from another reader, export them to one."""

from __future__ import annotations

import click

from service.cli.arguments import contents
from service.cli.drawing import progress
from service.cli.session import Session, command
from service.cli.terminal import safe, talk
from service.cli.words import _, ngettext, number, told
from service.model import Exit

SHOWN = 20  # problems that a person is told one by one


@command()
@click.argument("subscriptions", metavar="FILE")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="A word to group them by; repeatable.")
def import_opml(session: Session, subscriptions: str, tags: tuple[str, ...]) -> int:
    """Poll every feed of an OPML file from now on; `-` reads standard input.

    Folders become tags. What is polled already stays as it is, a bad entry is named and left out.
    """
    from service.actions import opml

    body = contents(subscriptions)
    with session.app() as app, progress(_("importing feeds")) as advance:
        done = opml.import_feeds(app, body, tags=tags, progress=advance)
        session.record(app, subscriptions, added=len(done.added), known=len(done.known))
    added = ngettext("{n} source added", "{n} sources added", len(done.added))
    known = ngettext("{n} was there already", "{n} were there already", len(done.known))
    lines = [f"{added}, {known}"]
    lines += [f"  {_('left out')}: {safe(told(problem))}" for problem in done.problems[:SHOWN]]
    if (rest := len(done.problems) - SHOWN) > 0:
        lines.append(f"  {_('… and {n} more (--json names all)', n=number(rest))}")
    session.answer(done.shape(), lines)
    return Exit.DONE if done.added or done.known or not done.problems else Exit.FAILED


@command()
@click.option("--tag", metavar="WORD", help="Only those with this tag.")
def export_opml(session: Session, tag: str | None) -> None:
    """Print all sources as OPML: `monitor export-opml > feeds.opml`.

    Other readers take it; imported here, it brings back every setting too. No secret is in it.
    """
    from service.actions import opml

    with session.app() as app:
        text, count = opml.export(app, tag=tag or "")
    session.answer({"sources": count, "opml": text}, text.splitlines())
    talk(ngettext("{n} source", "{n} sources", count))
