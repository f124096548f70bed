"""`test-rule`: a query tried on files, on one item, or on the archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.arguments import NUMBER, SPAN
from service.cli.drawing import progress
from service.cli.screens import backtest_lines, explained_lines, field, hit_lines
from service.cli.session import QueryCommand, Session, command
from service.cli.terminal import bold, dim, safe
from service.cli.words import _, ngettext, number, told
from service.errors import UsageError
from service.model import Exit

if TYPE_CHECKING:
    from service.actions.backtest import Backtest
    from service.actions.trials import Trial
    from service.config import Config


@command(cls=QueryCommand)
@click.argument("query", metavar="[QUERY]…", nargs=-1)
@click.option("--explain", is_flag=True, help="Show each part of the query, and what came nearest.")
@click.option("--since", type=SPAN, default="30d", metavar="SPAN", help="How far back in the archive (30d).")
@click.option("--lang", default="", metavar="TAG", help="The language of files that declare none.")
@click.option("--item", type=NUMBER, metavar="ID", help="Try it on this item alone.")
@click.option(
    "--file", "files", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
    help="Try it on a file of any format, or a plain text: headline, blank line, text; repeatable.",
)  # fmt: skip
@click.option("--compare", default="", metavar="RULE", help="Show what is gained and lost against this rule.")
@click.option("--rule", default="", metavar="NAME", help="The query of this rule.")
def test_rule(
    session: Session,
    query: Sequence[str],
    rule: str,
    compare: str,
    files: tuple[Path, ...],
    item: int | None,
    lang: str,
    since: timedelta,
    explain: bool,
) -> int:
    """Try a query, or a rule, on files, on one item, or on the archive; nothing is stored or sent.

    The exit code is 1 where nothing hit. With --file no database is needed, unless the query names a list.
    """
    from service.actions import shapes, trials
    from service.actions.backtest import on_archive, warnings
    from service.rules.grammar import join_arguments

    if bool(query) is bool(rule):
        raise UsageError(_("give a query, or --rule NAME"))
    if files and item is not None:
        raise UsageError(_("give --file or --item"))
    bare = bool(files) and not (rule or compare or "@" in "".join(query))
    with session.app(_config(session, bare=bare)) as app, progress(_("trying the query")) as advance:
        text = join_arguments(query)
        asked = trials.of_rule(app, rule, lang) if rule else trials.understand(app, text, lang)
        other = trials.of_rule(app, compare, lang) if compare else None
        trial, tried = trials.Trial(app, asked, other, explain), None
        if files:
            trials.on_files(trial, files)
        elif item is not None:
            trials.on_item(trial, item)
        else:
            tried = on_archive(trial, since, progress=advance)
    advice = warnings(asked.node, tried)
    session.answer(
        shapes.trial(trial) | ({"backtest": shapes.backtest(tried), "warnings": advice} if tried else {}),
        _trial(trial, tried, advice),
    )
    return Exit.DONE if trial.hits else Exit.FAILED


def _config(session: Session, *, bare: bool) -> Config:
    """The configuration; where none is there and none is needed (`bare`), the defaults."""
    from service.config import Config

    return Config() if bare and not session.path() else session.config()


def _trial(trial: Trial, tried: Backtest | None, advice: Sequence[str]) -> Iterator[str]:
    """The query as it was understood, each result, and the count; where two are compared, the difference."""
    yield field(_("query"), bold(str(trial.query.node)))
    if trial.other:
        yield field(_("against"), bold(str(trial.other.node)))
        for sign, change in ((_("gained"), trial.gained), (_("lost"), trial.lost)):
            yield field(sign, ngettext("{n} item", "{n} items", change.count))
            for result in change.results:
                yield from hit_lines(result.item, result.evidence or (), result.source, reasons=False)
    else:
        yield from _results(trial)
    of = ngettext("{hits} of {n} item", "{hits} of {n} items", trial.items, hits=number(trial.hits))
    yield field(_("hits"), told(tried.sentence) if tried else of)
    if tried:
        yield from backtest_lines(tried, advice)


def _results(trial: Trial) -> Iterator[str]:
    for result in trial.results:
        if result.evidence is None:
            yield dim(f"  {_('no hit'):<16}  {safe(result.item.headline)}")
        else:
            yield from hit_lines(result.item, result.evidence, result.source, reasons=not result.explained)
        if result.explained:
            yield from explained_lines(result.explained)
