"""`monitor migrate`: the database to this version, or all of it into another database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from service.cli.drawing import progress, table
from service.cli.session import Session, command
from service.cli.terminal import Whole, length, safe
from service.cli.words import _, ngettext, number, told
from service.errors import UsageError

if TYPE_CHECKING:
    from service.actions.moving import Move
    from service.config import Config


@command()
@click.option("--to", metavar="URL", help="Move all of it into this database, named as in [database].")
@click.option("--to-env", metavar="VAR", help="The same, with the URL in an environment variable.")
@click.option("--to-file", metavar="FILE", help="The same, with the URL in a file.")
def migrate(session: Session, to: str | None, to_env: str | None, to_file: str | None) -> None:
    r"""Bring the database to this version, or move it into another one.

    One of this version already is left alone. To move it, stop the daemon, and name an empty database:

    \b
    monitor migrate --to sqlite:////srv/monitor/monitor.db
    monitor migrate --to-env DB   # postgresql+psycopg://user:password@host/name

    Everything goes there, and messages go out from there from then on. The old database stays as it is and
    sends nothing any more. Where that breaks off, nothing has changed: say it once more.
    """
    given = [one for one in (to, to_env, to_file) if one is not None]
    if len(given) > 1:
        raise UsageError(_("give one of --to, --to-env and --to-file"))
    config = session.config()
    with session.app(config, migrate=True) as app:
        name = app.store.name
        if given:
            from service.actions import moving
            from service.config import Database

            database = Database(url=to or "", url_env=to_env or "", url_file=to_file or "")
            moved = moving.move(app, database, who=session.person, watch=_watched)
    if given:
        session.answer(moved.shape(), _told(moved, config))
    else:
        session.answer({"database": name}, [_("{name} is of this version", name=safe(name))])


@contextmanager
def _watched(step: str, of: str, rows: int) -> Iterator[Callable[[int], None]]:
    """Show how far a step is with a table."""
    titles = {
        "copy": _("copying {table}", table=of),
        "index": _("reading the words of {table}", table=of),
        "compare": _("comparing {table}", table=of),
    }
    with progress(titles[step], rows) as advance:
        yield advance


def _told(moved: Move, config: Config) -> Iterator[str]:
    """What was moved, what became of the messages, and what is to be done now."""
    yield from table(
        (_("table"), _("rows")), ((name, number(rows)) for name, rows in moved.rows.items() if rows)
    )
    yield ""
    rows, seconds = sum(moved.rows.values()), max(moved.took.total_seconds(), 0.001)
    yield ngettext(
        "{n} row moved in {length}, {speed} a second",
        "{n} rows moved in {length}, {speed} a second",
        rows,
        length=length(moved.took),
        speed=number(round(rows / seconds)),
    )
    yield _("both databases hold the same: checksum {check}", check=moved.check)
    yield _("from  {name}", name=safe(moved.old))
    yield _("to    {name}", name=safe(moved.new))
    if moved.stopped:
        yield _("nothing is sent from there: {reason}", reason=safe(told(moved.stopped)))
    elif moved.waiting:
        yield ngettext(
            "{n} message waits, and goes out from there",
            "{n} messages wait, and go out from there",
            moved.waiting,
        )
    yield _(
        "the old database sends nothing any more; put this into {file}, and start again", file=config.name
    )
    key, value = moved.setting
    yield "    [database]"
    yield Whole(f'    {key} = "{safe(value)}"')
    for other in ("url_env", "url_file"):  # either is asked before `url`
        if other != key and getattr(config.database, other):
            yield _("and take {key} out of it", key=other)
