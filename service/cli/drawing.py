"""Tables and progress. rich is loaded where one is drawn on a terminal, and nowhere else.

Into a pipe the same table goes as plain columns, nothing cut, and no progress at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Timer
from typing import TYPE_CHECKING

import click

from service.cli.terminal import Styled, columns_of, in_color, local, on_terminal, padded, safe, talk

if TYPE_CHECKING:
    from rich.progress import Progress

GAP = 2  # blanks between two columns of a table
WIDEST = 30  # columns that a cell may take before the last one
LEAST = 8  # columns that the last cell keeps before the widest gives way, too
NARROWEST = 2  # columns to which a cell is cut on a narrow terminal
PATIENCE = 1.0  # seconds that a command may take before it shows that it is at work


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "") -> Iterator[str]:
    """The lines of a table; without rows, `empty` is said beside the answer.

    On a terminal, what does not fit is cut. Cells are made safe here, except those that were styled.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    if not cells:
        if empty:
            talk(empty)
        return
    if on_terminal():
        yield from _drawn(columns, cells)
        return
    lines = [list(columns), *cells]
    widths = [max(columns_of(row[n]) for row in lines) for n in range(len(columns))]
    for row in lines:
        yield "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(value: object) -> str:
    """A cell without what a terminal obeys; our own styles are taken off for a pipe."""
    if isinstance(value, Styled):
        return str(value) if in_color() else click.unstyle(str(value))
    return safe(local(value) if isinstance(value, datetime) else "–" if value in ("", None) else str(value))


def _drawn(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """The table as it fits the terminal; the last column, the longest text, is what is cut first."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    rows = [[Text.from_ansi(cell) for cell in row] for row in cells]
    widths = [max(len(title), *(row[n].cell_len for row in rows)) for n, title in enumerate(columns)]
    widths = [*(min(width, WIDEST) for width in widths[:-1]), widths[-1]]
    left = console.width - sum(widths[:-1]) - GAP * len(widths[:-1])
    widths[-1] = max(min(widths[-1], left), LEAST)
    while sum(widths) + GAP * len(widths[:-1]) > console.width and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1  # and an ID stays whole
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for title, width in zip(columns, widths, strict=True):
        grid.add_column(title, width=width, no_wrap=True)
    for row in rows:
        for cell, width in zip(row, widths, strict=True):
            cell.truncate(width, overflow="ellipsis")
        grid.add_row(*row)
    with console.capture() as captured:
        console.print(grid, crop=False)
    yield from (line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A function that is told of each step; a bar is drawn where the work takes over a second.

    Drawn on standard error, and only where that is a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    done, bar = 0, None

    def show() -> None:
        nonlocal bar
        bar = _bar(title, total)
        bar.update(bar.task_ids[0], completed=done)
        bar.start()

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)

    # Drawn by a timer and not by the first step: what takes long may be what comes before it.
    timer = Timer(PATIENCE, show)
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        if bar is not None:
            bar.stop()


def _bar(title: str, total: int | None) -> Progress:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    steps = "{task.completed:,}" + (" / {task.total:,}" if total else "")
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn(steps),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=on_terminal(),  # what a console channel prints stands above the bar
        redirect_stderr=False,
    )
    bar.add_task(title, total=total)
    return bar
