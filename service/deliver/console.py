"""Messages on the terminal (`console://`), for the demo and for whoever watches by eye."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import TextIO

from service.deliver.dialect import Run, runs
from service.model import Channel, Message, Outcome, Verdict

WIDTH = 80  # columns
BAR = "┃ "

BOLD, INVERSE, STRUCK, DIM, PLAIN = "\x1b[1m", "\x1b[7m", "\x1b[9m", "\x1b[2m", "\x1b[0m"


def block(message: Message, *, styled: bool) -> str:
    """The message as a block of lines, its headline first.

    On a terminal (`styled`) lines are wrapped at 80 columns and matched words inverted. Elsewhere a line
    stays in one piece, so that a headline can be searched for, and matched words stand in `>…<`.
    """
    paragraphs = _lines(message.chat or message.text)
    lines: list[str] = []
    for number, line in enumerate(paragraphs):
        if number == 2:  # the headline and where it is from, then what it says
            lines.append(BAR.rstrip())
        lines += (
            _styled(line, headline=number == 0) if styled else [BAR + _marked(line, headline=number == 0)]
        )
    return "\n".join(lines) + "\n"


def _lines(chat: str) -> list[list[Run]]:
    """The message line by line, each as runs of one style."""
    lines: list[list[Run]] = [[]]
    for run in runs(chat.strip()):
        first, *rest = run.text.split("\n")
        lines[-1].append(Run(first, run.strong, run.struck, run.url))
        lines += [[Run(text, run.strong, run.struck, run.url)] for text in rest]
    return [line for line in lines if any(run.text for run in line)]


def _marked(line: list[Run], *, headline: bool) -> str:
    return "".join(
        run.url
        or (f"[-{run.text}-]" if run.struck else f">{run.text}<" if run.strong and not headline else run.text)
        for run in line
        if run.text
    )


def _styled(line: list[Run], *, headline: bool) -> Iterator[str]:
    """Wrapped lines; the styles are put in after wrapping, since they take no column."""
    text = "".join(run.url or run.text for run in line)
    styles: list[str] = []
    for run in line:
        style = (
            BOLD if headline else STRUCK if run.struck else INVERSE if run.strong else DIM if run.url else ""
        )
        styles += [style] * len(run.url or run.text)
    at = 0
    for part in textwrap.wrap(text, WIDTH - len(BAR), break_long_words=False, break_on_hyphens=False):
        start = text.index(part[:1], at) if part else at
        start = max(text.find(part, at), start)
        yield BAR + _colored(part, styles[start : start + len(part)])
        at = start + len(part)


def _colored(text: str, styles: list[str]) -> str:
    """The text with an escape sequence wherever the style changes."""
    out: list[str] = []
    current = ""
    for character, style in zip(text, styles, strict=True):
        if style != current:
            out.append((PLAIN if current else "") + style)
            current = style
        out.append(character)
    return "".join(out) + (PLAIN if current else "")


class Console:
    """The driver that prints."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, message: Message, recipient: str) -> Outcome:  # noqa: ARG002 - whoever sits there
        """Print; a closed pipe is a failure like any other."""
        stream = self._stream or sys.stdout
        try:
            text = block(message, styled=stream.isatty()) + "\n"
            encoding = stream.encoding or "utf-8"
            # A terminal that cannot show a letter shows a question mark, and the message.
            stream.write(text.encode(encoding, "replace").decode(encoding))
            stream.flush()
        except (OSError, ValueError) as error:
            return Outcome(verdict=Verdict.TRANSIENT, reason=f"nothing can be printed: {error}")
        return Outcome(verdict=Verdict.SENT)

    def close(self) -> None:
        """The stream is not ours."""


def open_console(channel: Channel) -> Console:  # noqa: ARG001 - there is nothing to set
    """The driver of a `console://` channel."""
    return Console()
