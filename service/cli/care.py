"""Looking after a monitor: doctor, the record of changes, resume-sending."""

from __future__ import annotations

from datetime import timedelta

import click

from service.actions.page import Page
from service.cli.arguments import SPAN, Choice
from service.cli.drawing import table
from service.cli.session import Session, command, paged
from service.cli.terminal import safe, state
from service.cli.words import _, ngettext, told
from service.model import Exit


@command()
@click.option("--of", default="", metavar="NAME", help="Only of this rule, source, list, person or user.")
@paged
def list_changes(session: Session, page: Page, of: str) -> None:
    """Who changed what, the newest first, over the command line, the pages and the API."""
    from service.actions import people, shapes

    with session.app() as app:
        found = people.changes(app, page, of)
    rows = ((one.id, one.at, one.who, one.what, one.subject, people.said_with(one)) for one in found)
    session.answer(
        [shapes.change(one) for one in found],
        table(
            (_("id"), _("when"), _("who"), _("command"), _("of what"), _("with")),
            rows,
            _("nothing was changed"),
        ),
    )


@command()
def doctor(session: Session) -> int:
    """Look for faults: a line each, with the command that mends it.

    Sends nothing and fetches nothing. The exit code is 6 where something is broken.
    """
    from service.actions import health

    findings = []
    for finding in health.examine(session.file or None):
        findings.append(finding)
        what, detail = told(finding.what), safe(_found(finding.what, finding.detail))
        fix = f"  → {safe(told(finding.fix))}" if finding.fix else ""
        session.say(f"{state(finding.level.ljust(4))}  {what:<13}  {detail}{fix}")
    session.answer([finding.shape() for finding in findings], [])
    broken = any(finding.level is health.Level.FAIL for finding in findings)
    return Exit.FAULT_FOUND if broken else Exit.DONE


def _found(what: str, detail: str) -> str:
    """What was found, in the reader's language: of what has a name, the sentence behind that."""
    name, colon, sentence = detail.partition(": ")
    return f"{name}: {told(sentence)}" if colon and what in {"source", "channel"} else told(detail)


@command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
def completion(session: Session, shell: str) -> None:
    r"""Print a script that completes commands and options.

    \b
    monitor completion bash > ~/.local/share/bash-completion/completions/monitor
    """
    from click.shell_completion import get_completion_class

    from service.cli.main import cli

    script = get_completion_class(shell)
    assert script is not None
    source = script(cli, {}, "monitor", "_MONITOR_COMPLETE").source()
    session.answer({"shell": shell, "script": source}, [source])


@command()
@click.option("--since", type=SPAN, metavar="SPAN", help="Of what waits, only what is not older: 1h, 2d.")
def resume_sending(session: Session, since: timedelta | None) -> None:
    """Let a database that was restored, copied or stopped send messages from here.

    A copy knows that it is one, and tells nobody: otherwise everyone would hear everything twice. What waits
    goes out now, however old it is; with --since, older messages and those about older news are closed, and
    `monitor resend` sends one of them still.
    """
    from service.actions import backups

    with session.app() as app:
        done = backups.resume(app, since)
        session.record(app, app.store.name, stopped=done.stopped, since=since, closed=done.closed or None)
    lines = [_("messages go out from here") if done.stopped else _("messages went out already")]
    if done.waiting:
        lines.append(ngettext("{n} message waits", "{n} messages wait", done.waiting))
    if done.closed:
        lines.append(ngettext("{n} older message is closed", "{n} older messages are closed", done.closed))
    session.answer(done.shape(), lines)
