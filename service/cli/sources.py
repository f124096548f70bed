"""Sources: add, list, check, edit, pause, resume, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from service.cli import spelled
from service.cli.arguments import SPAN, State
from service.cli.drawing import progress, table
from service.cli.looks import look_lines
from service.cli.screens import undo
from service.cli.session import Session, command
from service.cli.terminal import Styled, ago, due, length, moment, quoted, safe, spanned, state
from service.cli.words import _, told
from service.errors import UsageError
from service.model import Exit, Source, SourceState

if TYPE_CHECKING:
    from service.actions.shapes import Shape
    from service.app import App

STATES = [each.value for each in SourceState]


def settings(function: Any) -> Any:  # noqa: ANN401 - a decorator
    """The options that `add-source` and `edit-source` share."""
    for option in (
        click.option("--auth-env", metavar="VAR", help="The variable that holds user:password or a header."),
        click.option("--tag", "tags", multiple=True, metavar="WORD", help="A word to group by; repeatable."),
        click.option("--timezone", metavar="ZONE", help="Of stamps without a zone (Europe/Berlin)."),
        click.option("--format", metavar="NAME", help="Read it as this format instead of looking."),
        click.option("--lang", "language", metavar="TAG", help="The language where the feed names none."),
        click.option("--cron", metavar="FIELDS", help="Poll at these times: '*/5 6-22 * * mon-fri'."),
        click.option("--every", type=SPAN, metavar="SPAN", help="Poll this often, kept as it is: 60s, 5m."),
        click.option("--name", metavar="NAME", help="What you call it."),
    ):
        function = option(function)
    return function


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were said; the others keep their defaults, or what is stored."""
    return {name: value for name, value in options.items() if value not in (None, ())}


@command()
@click.argument("url", metavar="URL")
@settings
def add_source(session: Session, url: str, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Poll an RSS feed or a wire from now on, and show what it holds.

    http(s)://, a folder or folder:///path, ftp(s)://, sftp://, s3://, imap(s):// and wireq:// are read.
    Without --every or --cron the interval follows the source's own rhythm. It is stored even where
    this first look fails. Of a web page, the feed that it names is taken.
    """
    from service.actions import shapes, sources

    with session.app() as app, progress(_("looking at the source")):
        look = sources.add(app, Source(**{"name": "", "url": url, **given(options)}))
        session.record(app, look.source.name, url=look.source.url)
    session.answer(
        shapes.source(look.source) | shapes.look(look),
        [
            _("source {name} added: {found}", name=safe(look.source.name), found=safe(told(look.sentence))),
            *look_lines(look),
        ],
    )


@command()
@click.option(
    "--state", "wanted", type=State(STATES), metavar="STATE", help=f"Only those: {', '.join(STATES)}."
)
@click.option("--tag", metavar="WORD", help="Only those with this tag.")
def list_sources(session: Session, wanted: str | None, tag: str | None) -> None:
    """All sources and how they are doing."""

    def look(app: App) -> list[Shape]:
        from service.actions import shapes, sources

        found = sources.listed(app, state=SourceState(wanted) if wanted else None, tag=tag or "")
        return [shapes.source(one) for one in found]

    found, now = session.ask("/sources", look, state=wanted, tag=tag)
    rows = (
        (
            one["name"],
            _state(one),
            _interval(one),
            ago(moment(one["last_item_at"]), now),
            due(moment(one["next_poll_at"]), now),
            told(one["last_error"] or "") or one["url"],
        )
        for one in found
    )
    columns = (
        _("name"), _("state"), _("every"), _("last item"), _("next poll"), _("address, or what is wrong")
    )  # fmt: skip
    empty = _("no such sources") if wanted or tag else _("no sources (monitor add-source URL)")
    session.answer(found, table(columns, rows, empty))


@command()
@click.argument("name", metavar="NAME|URL")
def check_source(session: Session, name: str) -> int:
    """Look at a source, or at a URL that is none yet; nothing is stored."""
    from service.actions import shapes, sources

    with session.app() as app, progress(_("looking at the source")):
        look = sources.check(app, name)
    lines = [f"{safe(name)}: {safe(told(look.sentence))}", *look_lines(look)]
    if look.sought and "://" not in name:
        lines.append(f"  {_('take it')}: monitor edit-source {quoted(name)} --url {quoted(look.found)}")
    session.answer(shapes.look(look), lines)
    lost = look.failure or (look.sought and not look.is_page)
    return Exit.FAILED if lost else Exit.DONE


@command()
@click.argument("source", metavar="NAME")
@click.option("--url", metavar="URL", help="Its new address; it is read from the beginning.")
@click.option("--adaptive", is_flag=True, help="Follow the source's own rhythm again.")
@settings
def edit_source(session: Session, source: str, adaptive: bool, **options: Any) -> None:  # noqa: ANN401
    """Change the settings of a source; its history and its items stay.

    --name renames it. A --tag replaces all tags. It is polled at once.
    """
    from service.actions import shapes, sources

    changes = given(options)
    said = sorted({*changes, *(["every"] if adaptive else [])})
    if adaptive:
        changes |= {"every": None, "cron": ""}
    elif "every" in changes or "cron" in changes:  # the one takes the place of the other
        changes = {"every": None, "cron": ""} | changes
    if not changes:
        raise UsageError(_("nothing to change (see `monitor {command} --help`)", command="edit-source"))
    with session.app() as app:
        edited = sources.edit(app, source, **changes)
        session.record(app, edited.name, **changes)
    session.answer(
        shapes.source(edited),
        [_("source {name} changed: {what}", name=safe(edited.name), what=", ".join(said))],
    )


@command()
@click.argument("name", metavar="NAME")
def pause_source(session: Session, name: str) -> None:
    """Stop polling a source until it is resumed."""
    from service.actions import shapes, sources

    with session.app() as app:
        paused = sources.pause(app, name)
        session.record(app, name)
    session.answer(
        shapes.source(paused),
        [_("source {name} is paused", name=safe(name)), undo("resume-source", quoted(name))],
    )


@command()
@click.argument("name", metavar="NAME")
def resume_source(session: Session, name: str) -> None:
    """Poll a source again, at once, whatever it was that stopped it."""
    from service.actions import shapes, sources

    with session.app() as app:
        resumed = sources.resume(app, name)
        session.record(app, name)
    session.answer(shapes.source(resumed), [_("source {name} is polled again", name=safe(name))])


@command()
@click.argument("name", metavar="NAME")
def remove_source(session: Session, name: str) -> None:
    """Remove a source. Its items and their alerts stay; the name may be used again."""
    from service.actions import shapes, sources

    with session.app() as app:
        removed = sources.remove(app, name)
        session.record(app, name, url=removed.url)
    session.answer(
        shapes.source(removed),
        [
            _("source {name} removed; its items stay", name=safe(name)),
            undo("add-source", quoted(removed.url), f"--name {quoted(name)}", *spelled.of_source(removed)),
        ],
    )


def _state(one: dict[str, Any]) -> Styled:
    """Its state; one that failed, and not yet often enough to be called failing, is not simply well."""
    falters = one["state"] == "ok" and one["last_error"]
    return state(_("falters"), "failing") if falters else state(one["state"])


def _interval(one: dict[str, Any]) -> str:
    """How often it is polled, as it was said, or as it was learned."""
    if cron := one["cron"]:
        return str(cron)
    if every := spanned(one["every"]):
        return length(every)
    rhythm = spanned(one["rhythm"])
    return f"~{length(rhythm)}" if rhythm else _("adaptive")
