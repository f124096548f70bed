"""What a person sees: safe text, local times, marked words; answers on standard output, talk beside it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from unicodedata import east_asian_width

import click

from service.cli.words import _, told

# Characters that a terminal obeys instead of showing: C0 and C1 controls (ANSI sequences begin with one),
# line and paragraph separators, directional marks (UAX #9), byte order mark, tags, lone surrogates.
OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
BLANKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")

COLUMN = 100  # characters of the widest line of text that reads well


def safe(text: str) -> str:
    """`text` on one line that a terminal only shows: one character for one, so that spans stay true."""
    return OBEYED.sub(lambda match: " " if match[0] in BLANKS else "\ufffd", text)


def safe_lines(text: str) -> list[str]:
    """The lines of `text`, each safe; at least one."""
    return [safe(line) for line in text.split("\n")]


def document(shape: object, *, indent: int | None = 2) -> str:
    """`shape` as JSON; what a terminal would obey, or cannot show at all, stands in it as an escape.

    Without an indent it is one line.
    """
    utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    text = json.dumps(shape, ensure_ascii=not utf8, indent=indent)
    return "\n".join(OBEYED.sub(_escape, line) for line in text.split("\n"))


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def say(line: str = "") -> None:
    """Print a line of the answer; on a terminal, what is longer goes on under its own column."""
    for part in folded(line, shutil.get_terminal_size().columns) if on_terminal() else [line]:
        click.echo(part)


class Whole(str):
    """A line that is never broken, since somebody will copy it."""

    __slots__ = ()


FIRST_COLUMNS = 32  # in which the names stand that belong to the text beside them


def folded(line: str, width: int) -> Iterator[str]:
    """The lines of `width` columns that a long one makes: broken between words, not within `code`."""
    plain = click.unstyle(line)
    if isinstance(line, Whole) or columns_of(plain) <= width:
        yield line
        return
    gaps = [gap.end() for gap in re.finditer(" {2,}", plain) if gap.end() <= min(FIRST_COLUMNS, width // 2)]
    margin = " " * max(gaps, default=len(plain) - len(plain.lstrip()))
    if plain.lstrip().startswith("| "):  # what is quoted
        margin += "| "
    words = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\0"), line).split(" ")
    now, taken = words[0], columns_of(click.unstyle(words[0]))
    for word in words[1:]:
        wide = columns_of(click.unstyle(word))
        if wide and taken + 1 + wide > width and taken > len(margin):
            yield now.replace("\0", " ").rstrip()
            now, taken = margin + word, len(margin) + wide
        else:
            now, taken = f"{now} {word}", taken + 1 + wide
    yield now.replace("\0", " ")


def columns_of(text: str) -> int:
    """How many columns a terminal takes for it (UAX #11): an ideograph has two."""
    return sum(1 + (east_asian_width(character) in "WF") for character in text)


def padded(text: str, width: int) -> str:
    """`text` with blanks up to `width` columns of a terminal."""
    return text + " " * (width - columns_of(text))


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


def moment(text: str | None) -> datetime | None:
    """A time as programs see it; None for never."""
    return datetime.fromisoformat(text) if text else None


def spanned(text: str | None) -> timedelta | None:
    """A span as programs see it; None for none."""
    from service.quantities import duration

    return timedelta(seconds=duration(text).total_seconds()) if text else None


def local(at: datetime | None) -> str:
    """`2026-11-24 06:12` in the zone of this machine; a dash for never."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else "–"


def ago(at: datetime | None, now: datetime) -> str:
    """`3 min ago`, `in 40 s`, `never`: the distance in its largest whole unit."""
    if at is None:
        return _("never")
    distance = now - at
    amount = length(abs(distance))
    past = distance >= timedelta(0)
    return _("{length} ago", length=amount) if past else _("in {length}", length=amount)


def due(at: datetime | None, now: datetime) -> str:
    """`in 40 s`, `now`, or a dash where it never is."""
    return "–" if at is None else _("now") if at <= now else ago(at, now)


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


class Styled(str):
    """Text that was made safe and then styled."""

    __slots__ = ()


def bold(text: str) -> Styled:
    """`text` with weight; the codes are dropped where no terminal shows them."""
    return Styled(click.style(safe(text), bold=True))


def dim(text: str) -> Styled:
    """`text` in the background."""
    return Styled(click.style(safe(text), dim=True))


def styled(text: str, color: str) -> Styled:
    """`text` in a color."""
    return Styled(click.style(safe(text), fg=color))


COLORS = {
    "ok": "green",
    "✓": "green",
    "✗": "red",
    "sent": "green",
    "failing": "yellow",
    "floods": "yellow",
    "silent": "yellow",
    "warn": "yellow",
    "dead": "red",
    "gone": "red",
    "fail": "red",
    "retracted": "red",
}


def state(word: str, means: str = "") -> Styled:
    """A state in its color, in the reader's language; `means` is the state where the word is one already."""
    said = word if means else told(word)
    return Styled(click.style(safe(said), fg=COLORS.get((means or word).strip().lower())))


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
