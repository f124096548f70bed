"""Copies of the database, and what becomes too old: backup, restore, prune."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.actions.shapes.written import span
from service.cli.drawing import progress, table
from service.cli.session import Session, command
from service.cli.terminal import local, safe
from service.cli.words import _, ngettext, number, told

if TYPE_CHECKING:
    from service.actions.backups import Restored
    from service.actions.retention import Tidied

LEAST_BYTES = 10**5  # given back that are worth a line


@command()
@click.argument("copied", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a FILE that is there, once the new copy is whole.")
def backup(session: Session, copied: Path, force: bool) -> None:
    """Copy the database to FILE, while the monitor runs.

    The copy is of one moment, is looked through, and gets its name only then. It knows that it is one:
    wherever it is put, it sends nothing until `monitor resume-sending`. PostgreSQL is copied by its own
    pg_dump.
    """
    from service.actions import backups

    config = session.config()
    with progress(_("copying, MB"), backups.to_copy(config)) as advance:
        done = backups.backup(config, copied, replace=force, who=session.person, progress=advance)
    items = ngettext("{n} item", "{n} items", done.items)
    took = f"{number(round(done.took.total_seconds(), 1))} s"
    said = f"{items}, {_megabytes(done.size_bytes)}, {took}"
    session.answer(done.shape(), [f"{_('wrote {file}', file=safe(str(copied)))}: {said}"])


@command()
@click.argument("copied", metavar="FILE", type=click.Path(path_type=Path))
def restore(session: Session, copied: Path) -> None:
    """Put a backup in the place of the database, which is kept beside it.

    The monitor has to be stopped. Afterwards it stores and lists, and sends nothing until
    `monitor resume-sending`. A backup of an older version is brought to this one. A database of PostgreSQL
    has to be empty before.
    """
    from service.actions import backups

    config = session.config()
    with progress(_("copying, MB"), backups.megabytes(copied)) as advance:
        done = backups.restore(config, copied, who=session.person, progress=advance)
    session.answer(done.shape(), _restored(done))


def _restored(done: Restored) -> Iterator[str]:
    found = done.found
    items = ngettext("{n} item", "{n} items", found.items)
    name, file = safe(done.database), safe(str(done.file))
    yield _("{database} is restored from {file}: {items}", database=name, file=file, items=items)
    if found.kept:
        yield _("what was there before is kept as {file}", file=safe(str(found.kept)))
    if found.waiting:
        waiting = ngettext("{n} message waits", "{n} messages wait", found.waiting)
        since = local(found.waiting_since)
        yield _("{messages} to be sent, the oldest since {time}", messages=waiting, time=since)
    yield _("nothing is sent: {reason}", reason=safe(told(found.stopped)))
    if found.waiting:
        yield _("(with --since 1h only what is not older is sent, and the rest closed)")


@command()
@click.option("--dry-run", is_flag=True, help="Say what would go; nothing does.")
def prune(session: Session, dry_run: bool) -> None:
    """Drop what is older than [retention] says, and give its space back.

    The monitor does so every hour by itself; it may run meanwhile. What waits to be sent stays, with its
    item, its story and its alerts. What went does not come back as news.
    """
    from service.actions.retention import tidy

    with session.app() as app, progress(_("pruning")) as advance:
        done = tidy(app, dry_run=dry_run, progress=advance)
        if done.gone and not dry_run:
            session.record(app, app.store.name, **done.gone)
    session.answer(done.shape(), _tidied(done))


def _tidied(done: Tidied) -> Iterator[str]:
    kept = done.retention
    words = {
        "items": (_("items"), kept.items),
        "stories": (_("stories"), kept.items),
        "deliveries": (_("messages"), kept.items),
        "attempts": (_("attempts to send"), kept.attempts),
        "fingerprints": (_("fingerprints"), kept.fingerprints),
        "gaps": (_("gaps of sources"), kept.items),
        "seen": (_("keys of removed sources"), None),
        "nodes": (_("monitors that ended"), None),
    }
    rows = ((words[what][0], span(words[what][1]), number(gone)) for what, gone in done.gone.items())
    columns = (_("what"), _("older than"), _("would go") if done.dry_run else _("gone"))
    yield from table(columns, rows, _("nothing is older than [retention] says"))
    if done.freed_bytes >= LEAST_BYTES:
        yield _("{size} given back", size=_megabytes(done.freed_bytes))


def _megabytes(size_bytes: int) -> str:
    return f"{number(round(size_bytes / 10**6, 1))} MB"
