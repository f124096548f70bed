"""`--help` in the reader's language: said when it is shown, not when a command is written."""

from __future__ import annotations

import inspect
import re

import click

from service.cli.words import _

COMMON = {"--config", "--json", "--embargoed", "--ui-lang", "--help"}  # options of every command
KEEP = "\\b\n"  # before a paragraph whose lines stay as they stand; click knows it as the character


class Spoken(click.Command):
    """A command whose help is in the reader's language: said when it is shown, not when it is written."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The line that says how to type it."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        pieces = pieces.replace("[OPTIONS]", _("[OPTIONS]")).replace("COMMAND [ARGS]...", _("COMMAND …"))
        formatter.write_usage(ctx.command_path, pieces, prefix=_("Usage: "))

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What it does."""
        del ctx
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(source(self)).replace(KEEP, "\b\n"))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What may be said, each option with its help."""
        rows = [row for parameter in self.get_params(ctx) if (row := _option(parameter, ctx))]
        everywhere = [] if isinstance(self, click.Group) else [row for row in rows if _first(row) in COMMON]
        own = [row for row in rows if row not in everywhere]
        for heading, under in ((_("Options"), own), (_("Options of every command"), everywhere)):
            if under:
                with formatter.section(heading):
                    formatter.write_dl(under)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What else there is to know."""
        del ctx
        if self.epilog:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(_(self.epilog))


def _first(row: tuple[str, str]) -> str:
    """The name of the option that a row is about."""
    return re.split(r"[ ,/]", row[0])[0]


def source(command: click.Command) -> str:
    """The help of a command as it stands in the catalogue."""
    return inspect.cleandoc(command.help or "")


def _option(parameter: click.Parameter, ctx: click.Context) -> tuple[str, str] | None:
    """An option as the help shows it; None for an argument."""
    if not isinstance(parameter, click.Option) or not (record := parameter.get_help_record(ctx)):
        return None
    text = _(parameter.help or "")
    return record[0], f"{text} {_('It must be said.')}" if parameter.required else text
