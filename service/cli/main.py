"""`monitor`: the commands by theme, each loaded when it is called, and where errors meet a person.

The table below is all that `monitor --help` needs; a new command is a function in the file of its noun and
one line here.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import click

from service import __version__
from service.cli.helping import Spoken
from service.cli.session import Command, common_options
from service.cli.terminal import safe, safe_lines, talk
from service.cli.words import _, speaking, told
from service.errors import ConfigError, MonitorError, PlaceError, QueryError
from service.locale.catalogue import wanted
from service.model import Exit

INTERRUPTED = 130  # 128 + SIGINT, as shells count

# theme -> command -> (module:function in this package, what it does)
COMMANDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Start": {
        "init": ("start:init", "Write config.toml and create the database"),
        "demo": ("start:demo", "Watch a small built-in wire, without network"),
        "run": ("start:run", "Poll, match and tell until stopped"),
        "poll": ("start:poll", "Do one round by hand: fetch what is due, match, deliver"),
        "ingest": ("start:ingest", "Read files of any format as items, match, deliver"),
    },
    "Sources": {
        "add-source": ("sources:add_source", "Poll an RSS feed or a wire"),
        "list-sources": ("sources:list_sources", "All sources and how they are doing"),
        "check-source": ("sources:check_source", "Look at a source or a URL, storing nothing"),
        "edit-source": ("sources:edit_source", "Change the settings of a source"),
        "pause-source": ("sources:pause_source", "Stop polling a source for now"),
        "resume-source": ("sources:resume_source", "Poll a paused or given-up source again"),
        "remove-source": ("sources:remove_source", "Remove a source; its items stay"),
        "import-opml": ("opml:import_opml", "Poll every feed of an OPML file"),
        "export-opml": ("opml:export_opml", "Print all sources as OPML"),
    },
    "Rules": {
        "add-rule": ("rules:add_rule", "Watch for something; shows what it would have hit"),
        "test-rule": ("trying:test_rule", "Try a query on the archive, an item or files"),
        "list-rules": ("rules:list_rules", "All rules"),
        "show-rule": ("track:show_rule", "One rule, and what it hit lately"),
        "edit-rule": ("rules:edit_rule", "Change a rule; the old version is kept"),
        "enable-rule": ("rules:enable_rule", "Let a rule match again"),
        "disable-rule": ("rules:disable_rule", "Let a rule rest"),
        "remove-rule": ("rules:remove_rule", "Remove a rule; its alerts stay"),
        "add-list": ("lists:add_list", "Name alternatives for use as @NAME in queries"),
        "list-lists": ("lists:list_lists", "All named lists"),
        "remove-list": ("lists:remove_list", "Remove a list that no rule uses"),
    },
    "Items and stories": {
        "list-items": ("items:list_items", "What came in, newest first"),
        "tail": ("tail:tail", "Follow what comes in, as it comes"),
        "merge-stories": ("items:merge_stories", "Make one story of two that are the same report"),
        "split-story": ("items:split_story", "Make items a story of their own"),
        "why": ("why:why", "Why a story was told or not, from poll to acknowledgement"),
        "search": ("items:search", "Look for items in the language of rules"),
        "show-story": ("items:show_story", "A report: its versions, its copies, whom it was told to"),
    },
    "Alerts and messages": {
        "list-alerts": ("alerts:list_alerts", "Which rule found which story"),
        "show-alert": ("alerts:show_alert", "One alert: why it hit and what was sent"),
        "list-deliveries": ("alerts:list_deliveries", "Messages, and what became of each"),
        "silence": ("silences:silence", "Keep quiet about a rule, source, channel or story"),
        "list-silences": ("silences:list_silences", "What is kept quiet, until when and why"),
        "end-silence": ("silences:end_silence", "Let alerts through again"),
        "resend": ("alerts:resend", "Send a message once more"),
        "ack": ("shift:ack", "Take care of an alert, and say whether it was relevant"),
        "handover": ("shift:handover", "What the next shift has to know"),
        "preview": ("shift:preview", "What a rule would send about an item, to whom and when"),
        "test-channel": ("alerts:test_channel", "Send a test message on the way of every other"),
    },
    "People": {
        "add-person": ("people:add_person", "Let rules tell somebody by name: --to mail:anna"),
        "edit-person": ("people:edit_person", "Change where and how somebody is told"),
        "remove-person": ("people:remove_person", "Tell somebody nothing more, and say why"),
        "add-group": ("people:add_group", "Tell some people together: --to mail:nightdesk"),
        "remove-group": ("people:remove_group", "Drop a group that no rule tells"),
        "list-people": ("people:list_people", "Everybody who is told by name, and the groups"),
    },
    "The desk page": {
        "user": ("users:user", "Who may sign in: add, list, role, passwd, invite, remove"),
        "token": ("users:token", "Tokens for programs: add, list, revoke"),
    },
    "Care": {
        "apply": ("watchlist:apply", "Make the desk what a file of the watchlist says"),
        "export-watchlist": ("watchlist:export_watchlist", "Print the desk as such a file, to keep in git"),
        "list-changes": ("care:list_changes", "Who changed what, and when"),
        "status": ("overview:status", "Everything on one screen"),
        "doctor": ("care:doctor", "Look for faults and say how to mend them"),
        "backup": ("backups:backup", "Copy the database, while the monitor runs"),
        "restore": ("backups:restore", "Put a backup in the place of the database"),
        "prune": ("backups:prune", "Drop what is older than [retention] says"),
        "migrate": ("moving:migrate", "Bring the database to this version, or into another one"),
        "completion": ("care:completion", "A script that completes commands in your shell"),
        "resume-sending": ("care:resume_sending", "Let a restored or copied database send again"),
    },
}

HOMES = {name: entry for theme in COMMANDS.values() for name, entry in theme.items()}


class Monitor(Spoken, click.Group):
    """The group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        del ctx
        return list(HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module loaded now; None where there is none of that name."""
        del ctx
        if cmd_name not in HOMES:
            return None
        home, summary = HOMES[cmd_name]
        module, _, function = home.partition(":")
        command = cast(Command, getattr(importlib.import_module(f"service.cli.{module}"), function))
        command.name, command.short_help = cmd_name, summary
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click, which knows no names to suggest where commands are lazy."""
        if args[0] not in HOMES and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=HOMES, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, and then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their themes, from the table alone."""
        del ctx
        column = max(map(len, HOMES))
        for theme, commands in COMMANDS.items():
            with formatter.section(_(theme)):
                rows = [(name.ljust(column), _(summary)) for name, (_home, summary) in commands.items()]
                formatter.write_dl(rows)


@click.group(
    cls=Monitor,
    params=common_options(),
    context_settings={"max_content_width": 100},
    epilog="`monitor COMMAND --help` explains a command. The configuration is --config, else "
    "$MONITOR_CONFIG, else ./config.toml, ~/.config/monitor/config.toml or /etc/monitor/config.toml.",
)
@click.version_option(__version__, prog_name="monitor", message="%(prog)s %(version)s")
def cli() -> None:
    """Watch RSS feeds and agency wires day and night, and tell the right people.

    Three commands to the first alert: `monitor init`, `monitor add-source URL`,
    `monitor add-rule "Kim Jong Un" + "Reise"`; then `monitor run`.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code of `model.Exit`, or 130 where a person interrupted it."""
    for name in ("stdout", "stderr"):  # None where whoever called has closed it
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - to the end
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 shows escapes, and nothing fails
            stream.reconfigure(errors="backslashreplace")
    with speaking(wanted(os.environ)):
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command line; what goes wrong is said on one line."""
    try:
        plain = False if os.environ.get("NO_COLOR") else None  # None: as the stream can
        done = cli.main(arguments, prog_name="monitor", standalone_mode=False, color=plain)
        return int(done or Exit.DONE)
    except click.Abort:
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        talk(error.format_message())
        return Exit.USAGE
    except click.ClickException as error:
        return _refuse(_worded(error), error.exit_code)
    except QueryError as error:
        return _mark(error)
    except (ConfigError, PlaceError) as error:
        parts = (error.file, error.key, told(error.problem))
        return _refuse(": ".join(filter(None, parts)), error.exit_code)
    except MonitorError as error:
        return _refuse(told(str(error)), error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last boundary before a person
        return _unexpected(error)


def _worded(error: click.ClickException) -> str:
    """The words of a wrong use on one line, with what may have been meant and the way to the help."""
    message = error.format_message()
    message = told((message[:1].lower() + message[1:]).rstrip("."))
    match error:
        case click.NoSuchOption():
            message = _("no such option {name!r}", name=error.option_name) + _meant(error.possibilities)
        case click.exceptions.NoSuchCommand():
            message = _("no such command {name!r}", name=error.command_name) + _meant(error.possibilities)
        case click.MissingParameter(param=click.Argument() as parameter):
            message = _("missing argument {name}", name=parameter.get_error_hint(error.ctx))
        case click.MissingParameter(param=click.Option() as parameter):
            message = _("missing option {name}", name=parameter.get_error_hint(error.ctx))
        case click.BadParameter(param=click.Parameter() as parameter):
            name = parameter.get_error_hint(error.ctx)
            message = _("invalid value for {name}: {reason}", name=name, reason=error.message)
        case click.BadOptionUsage():
            message = _("option {name!r} takes a value", name=error.option_name)
    context = error.ctx if isinstance(error, click.UsageError) else None
    see = _("see `{command} --help`", command=context.command_path) if context else ""
    return f"{message} ({see})" if see else message


def _meant(names: Sequence[str] | None) -> str:
    """What may have been meant."""
    return _(", did you mean {names}?", names=_(" or ").join(names)) if names else ""


def _refuse(message: str, code: int) -> int:
    """Say on one line why it did not work."""
    talk(f"monitor: {safe(message)}")
    return code


def _mark(error: QueryError) -> int:
    """Show the query on lines of its own, so that the mark stands under the place."""
    talk(f"monitor: {': '.join(filter(None, (safe(error.place), _('the query cannot be taken'))))}")
    said = QueryError(told(error.problem), error.text, error.span, told(error.hint))
    for line in safe_lines(str(said)):
        talk(f"  {line}")
    return error.exit_code


def _unexpected(error: Exception) -> int:
    """One line about a fault of the program itself, and its trace for whoever asks."""
    if os.environ.get("MONITOR_DEBUG"):
        traceback.print_exception(error)
        return Exit.FAILED
    words = str(error).strip()
    about = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return _refuse(_("unexpected: {about} (MONITOR_DEBUG=1 shows the trace)", about=about), Exit.FAILED)
