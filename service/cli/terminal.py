"""What a person sees: safe text, local times, marked words, tables, progress.

Data goes to standard output, talk to standard error. rich is loaded where a table or a bar is drawn on a
terminal, and nowhere else; into a pipe the same table goes as plain columns, nothing cut.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

# Characters that a terminal obeys instead of showing: C0 and C1 controls (ANSI sequences begin with one),
# line and paragraph separators, directional marks (UAX #9), byte order mark, tags, lone surrogates.
OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
BLANKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")

GAP = 2  # blanks between two columns of a table
WIDEST = 30  # columns that a cell may take before the last one
COLUMN = 100  # characters of the widest line of text that reads well
PATIENCE = 1.0  # seconds that a command may take before it shows that it is at work


def safe(text: str) -> str:
    """`text` on one line that a terminal only shows: one character for one, so that spans stay true."""
    return OBEYED.sub(lambda match: " " if match[0] in BLANKS else "\ufffd", text)


def safe_lines(text: str) -> list[str]:
    """The lines of `text`, each safe; at least one."""
    return [safe(line) for line in text.split("\n")]


def document(shape: object) -> str:
    """`shape` as JSON; what a terminal would obey, or cannot show at all, stands in it as an escape."""
    utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    text = json.dumps(shape, ensure_ascii=not utf8, indent=2)
    return "\n".join(OBEYED.sub(_escape, line) for line in text.split("\n"))


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def say(line: str = "") -> None:
    """Print a line of the answer."""
    click.echo(line)


def talk(line: str = "") -> None:
    """Print a line about the work, beside the answer."""
    click.echo(line, err=True)


def paragraphs(text: str) -> Iterator[str]:
    """The lines of a text, safe; on a terminal they are wrapped between words."""
    width = min(shutil.get_terminal_size().columns, COLUMN) if on_terminal() else 0
    for line in safe_lines(text):
        yield from (textwrap.wrap(line, width) or [""]) if width else [line]


def on_terminal() -> bool:
    """Whether a person sees standard output directly."""
    return sys.stdout.isatty()


def in_color() -> bool:
    """Whether a person sees standard output directly, and wants colors (no-color.org)."""
    return on_terminal() and not os.environ.get("NO_COLOR")


# ---------------------------------------------------------------- words


def local(at: datetime | None) -> str:
    """`2026-11-24 06:12` in the zone of this machine; a dash for never."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else "–"


def ago(at: datetime | None, now: datetime) -> str:
    """`3 min ago`, `in 40 s`, `never`: the distance in its largest whole unit."""
    if at is None:
        return "never"
    distance = now - at
    amount = length(abs(distance))
    return f"{amount} ago" if distance >= timedelta(0) else f"in {amount}"


def due(at: datetime | None, now: datetime) -> str:
    """`in 40 s`, `now`, or a dash where it never is."""
    return "–" if at is None else "now" if at <= now else ago(at, now)


def length(span: timedelta) -> str:
    """`40 s`, `3 min`, `5 h`, `12 d`."""
    seconds = round(span.total_seconds())
    for unit, size, upto in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < upto:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86400} d"


def quoted(word: str) -> str:
    """`word` as a shell takes it, on one line."""
    return shlex.quote(safe(word))


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 item`, `1,204 items`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


class Styled(str):
    """Text that was made safe and then styled."""

    __slots__ = ()


def bold(text: str) -> Styled:
    """`text` with weight; the codes are dropped where no terminal shows them."""
    return Styled(click.style(safe(text), bold=True))


def dim(text: str) -> Styled:
    """`text` in the background."""
    return Styled(click.style(safe(text), dim=True))


COLORS = {
    "ok": "green",
    "sent": "green",
    "failing": "yellow",
    "silent": "yellow",
    "warn": "yellow",
    "dead": "red",
    "gone": "red",
    "fail": "red",
    "retracted": "red",
}


def state(word: str) -> Styled:
    """The word of a state in its color."""
    return Styled(click.style(safe(word), fg=COLORS.get(word.strip().lower())))


def marked(text: str, places: Iterable[tuple[int, int]], width: int = 0, around: int = 0) -> Styled:
    """`text` with the places marked: in color on a terminal, `>…<` elsewhere.

    With a `width` it is the stretch of about that many characters in which the place `around` stands.
    """
    spans = _merged(places, len(text))
    first, last = 0, len(text)
    if width and len(text) > width:
        first, last = _window(text, around, width)
    parts, at = ["… " if first else ""], first
    for start, end in spans:
        if start >= at and end <= last:
            parts += [safe(text[at:start]), _mark(safe(text[start:end]))]
            at = end
    return Styled("".join([*parts, safe(text[at:last]), " …" if last < len(text) else ""]))


def _mark(text: str) -> str:
    return click.style(text, bold=True, fg="yellow") if in_color() else f">{text}<"


def _merged(places: Iterable[tuple[int, int]], end_of_text: int) -> list[tuple[int, int]]:
    """Places in order, overlapping ones as one, none beyond the end."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if not 0 <= start < end <= end_of_text:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window(text: str, place: int, width: int) -> tuple[int, int]:
    """A stretch of about `width` characters around `place` that begins and ends with a word."""
    first = max(0, min(place - width // 3, len(text) - width))
    last = min(len(text), first + width)
    if first:
        first = text.find(" ", first, place) + 1 or place
    if last < len(text):
        last = max(text.rfind(" ", place, last), place) or last
    return first, last


# ---------------------------------------------------------------- tables and progress


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
    widths = [max(len(row[n]) for row in [list(columns), *cells]) for n in range(len(columns))]
    for row in [list(columns), *cells]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


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
    widths[-1] = max(min(widths[-1], left), len(columns[-1]))
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
    """A function that is told of each step; it draws a bar where the work takes over a second.

    Drawn on standard error, and only where that is a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    began, done, bar = time.monotonic(), 0, None

    def advance(steps: int) -> None:
        nonlocal done, bar
        done += steps
        if bar is None and time.monotonic() - began > PATIENCE:
            bar = _bar(title, total)
            bar.start()
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _bar(title: str, total: int | None) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(title, total=total)
    return bar
