"""What may stand in a command: durations, IDs, numbers of rows, one word of several, files."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from service.cli.words import _, told
from service.errors import NotFoundError, UsageError

LARGEST = 2**63 - 1  # what a database column holds
MOST = 10_000  # rows of one answer
STANDARD_INPUT = "-"


class Span(click.ParamType[timedelta]):
    """A duration as the configuration writes it: 90s, 5m, 24h, 7d."""

    name = "duration"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> timedelta:
        """The span; a usage error says how to write one."""
        if isinstance(value, timedelta):
            return value
        from service.quantities import duration

        try:
            return timedelta(seconds=duration(value).total_seconds())
        except ValueError as error:
            self.fail(told(str(error)), param, ctx)


SPAN = Span()


class Number(click.ParamType[int]):
    """The ID of a row, as the lists show it."""

    name = "id"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """The number; a usage error where there can be no such row."""
        if not str(value).isdecimal() or not 0 < int(value) <= LARGEST:
            self.fail(_("{value!r} is not an ID (a number that the lists show)", value=value), param, ctx)
        return int(value)


NUMBER = Number()


class Many(click.IntRange):
    """How many rows."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """The number; a usage error names the bounds."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(
                _("{value!r} is no number from {least} to {most}", value=value, least=1, most=MOST),
                param,
                ctx,
            )


MANY = Many(1, MOST)


class Choice(click.Choice[str]):
    """One word of several."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ANN401 - as click
        """What there is to choose from."""
        del ctx
        return _("{value!r} is none of {choices}", value=value, choices=", ".join(self.choices))


class State(Choice):
    """A state: its word as programs see it, or as the lists say it in the reader's language."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """The word as programs see it; a usage error shows all of them."""
        said = {told(word): word for word in self.choices}
        return super().convert(said.get(value, value), param, ctx)


def contents(file: str) -> bytes:
    """What is in a file; `-` is standard input. Raises NotFoundError, UsageError where it is unreadable."""
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).expanduser().read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError("file", file) from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
