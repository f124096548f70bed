"""From nothing to a running monitor: init, demo, run, poll, ingest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.drawing import progress
from service.cli.session import Session, command
from service.cli.terminal import quoted, safe, talk
from service.cli.words import _, language, ngettext, told
from service.errors import ConfigError
from service.model import Exit

if TYPE_CHECKING:
    from service.actions.rounds import Tally


@command()
@click.option("--force", is_flag=True, help="Write a new file; the old one is kept as FILE.old.")
def init(session: Session, force: bool) -> None:
    """Write a commented config.toml and create the database.

    A configuration that is there already is kept, and its database is created or brought to this version.
    The file holds channel URLs with passwords, so it is readable by its owner alone.
    """
    from service.actions.setup import FIRST_LANGUAGES, read_dictionaries, write_config
    from service.config import load

    path = Path(session.file or os.environ.get("MONITOR_CONFIG") or "config.toml")
    written = write_config(path, force=force)
    with session.app(load(path), migrate=True) as app:
        database = app.store.name
        with progress(_("reading the dictionaries, once"), len(FIRST_LANGUAGES)) as advance:
            read_dictionaries(app, advance)
    option = f" --config {quoted(str(path))}" if session.file else ""
    session.answer(
        {"config": str(path.absolute()), "written": written, "database": database},
        [
            _("wrote {file}", file=safe(str(path))) if written else _("kept {file}", file=safe(str(path))),
            _("the database is {name}", name=safe(database)),
            "",
            _("next:"),
            f"  monitor{option} add-source https://www.tagesschau.de/index~rss2.xml",
            f'  monitor{option} add-rule "Kim Jong Un" + "Reise"',
            f"  monitor{option} run",
        ],
    )


@command()
@click.option("--exit-after-first-alert", is_flag=True, help="Stop as soon as one alert was told.")
def demo(session: Session, exit_after_first_alert: bool) -> int:
    """Watch a small built-in wire on this machine, without network, in a folder that is thrown away."""
    from service.demo import demo as watch

    del session
    return watch(exit_after_first_alert=exit_after_first_alert, language=language(), said=told)


@command()
@click.option(
    "--dry-run", is_flag=True, help="Poll and match for real; show what would be told, store nothing."
)
def run(session: Session, dry_run: bool) -> None:
    """Poll, match and tell, day and night, until SIGTERM or Ctrl-C.

    SIGHUP reads the channels of the configuration anew. Several of these share one database: start a
    second one on another machine, and each source is still polled once.
    """
    from service.daemon import serve

    config, path = session.config(), session.path()
    if path is None:
        raise ConfigError("", "", "no config.toml was found (`monitor init` writes one)")
    if dry_run:
        from service.actions.rehearsal import rehearsal

        with rehearsal(config) as (rehearsed, left_out), session.app(rehearsed) as app:
            for source in left_out:
                talk(_("left out, since it can be read only once: {name}", name=safe(source.name)))
            serve(app, path)
        return
    with session.app(config, migrate=True) as app:
        serve(app, path)


@command()
@click.argument("names", metavar="[NAME]…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every source, due or not.")
def poll(session: Session, names: tuple[str, ...], everything: bool) -> None:
    """Do one round by hand: fetch what is due, match, deliver what may go now.

    With names, those sources; with --all, every source that nobody else is fetching. Messages go out
    without waiting for others of their story; quiet hours, silences and digests hold. A source that fails
    is shown and changes nothing about the exit code. Run by cron, it also escalates, and tells operators of
    blind sources and dead channels.
    """
    from service.actions import oversight, rounds

    with session.app(group_wait=timedelta(0)) as app, progress(_("polling")) as advance:
        tally = rounds.poll(app, names, everything=everything, progress=advance)
        oversight.tend(app)
    session.answer(tally.shape(), _summary(tally, ngettext("{n} source", "{n} sources", tally.sources)))


@command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", "name", default="ingest", metavar="NAME", help="The source they count as (ingest).")
def ingest(session: Session, files: tuple[Path, ...], name: str) -> int:
    """Read files as items, match and deliver, as if a source had brought them.

    Feeds, NewsML-G2, NITF, IPTC 7901, ninjs and plain text are told apart by their content. Items alert
    whatever their age. A file that cannot be read is named, and the exit code is 1; the others are read.
    """
    from service.actions import rounds

    with session.app(group_wait=timedelta(0)) as app, progress(_("reading"), len(files)) as advance:
        tally = rounds.ingest(app, files, name, progress=advance)
        session.record(app, name, files=files)
    session.answer(tally.shape(), _summary(tally, ngettext("{n} file", "{n} files", tally.sources)))
    return Exit.FAILED if tally.failures else Exit.DONE


def _summary(tally: Tally, what: str) -> Iterator[str]:
    """What a round did, on one line; then what went wrong, a line each, beside the answer."""
    opened, sent, again, dead = (
        tally.counts[event] for event in ("hit.open", "delivery.sent", "delivery.retry", "delivery.dead")
    )
    told_of = [
        ngettext("{n} message sent", "{n} messages sent", sent) if sent else "",
        ngettext("{n} message to be tried again", "{n} messages to be tried again", again) if again else "",
        ngettext("{n} message given up", "{n} messages given up", dead) if dead else "",
    ]
    items = ngettext("{n} new item", "{n} new items", tally.items)
    alerts = ngettext("{n} alert", "{n} alerts", opened)
    yield ", ".join([what, items, alerts, *filter(None, told_of)])
    for source, reason in tally.failures.items():
        talk(f"  {safe(source)}: {safe(told(reason))}")
    for problem in tally.problems:
        talk(f"  {safe(told(problem))}")
