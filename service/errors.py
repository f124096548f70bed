"""The errors a caller of the monitor can meet.

    MonitorError                      everything below; `str()` is one line for a person
    ├── ConfigError(key)              the configuration file or environment            exit code 3
    ├── UsageError                    an argument, a URL, a name that cannot be taken   exit code 2
    │   ├── PlaceError(file, key)     what a file says at one place                     exit code 2
    │   └── QueryError(text, span)    a query that is refused, with the place marked    exit code 2
    ├── NotFoundError(kind, name)     no such source, rule, item, …                     exit code 4
    ├── SchemaError                   the database is of another version                exit code 1
    └── StoreError                    the database cannot be reached or written         exit code 1

What is expected to go wrong on the way of an item (a dead host, a broken feed, a refused mail) is no
exception: it is a value with a reason (`Failure`, `Problem`, `Outcome` in `model`).
"""

from __future__ import annotations


class MonitorError(Exception):
    """Something a person can act on. The message names the thing and the way out."""

    exit_code = 1


class ConfigError(MonitorError):
    """A key of the configuration cannot be used.

    The message is `FILE: KEY: what is wrong (what to write instead)`.
    """

    exit_code = 3

    def __init__(self, file: str, key: str, problem: str) -> None:
        """Keep the parts, so that a face can show them apart."""
        super().__init__(": ".join(part for part in (file, key, problem) if part))
        self.file, self.key, self.problem = file, key, problem


class UsageError(MonitorError):
    """What was asked cannot be done as it was asked; nothing was written."""

    exit_code = 2


class PlaceError(UsageError):
    """What a file says at one place cannot be done.

    The message is `FILE: KEY: what is wrong (what to write instead)`.
    """

    def __init__(self, file: str, key: str, problem: str) -> None:
        """Keep the parts, so that a face can show them apart."""
        super().__init__(": ".join(part for part in (file, key, problem) if part))
        self.file, self.key, self.problem = file, key, problem


class QueryError(UsageError):
    """A query that is refused, with the place and a hint.

    `span` is the half-open range of characters in `text` that is at fault, `place` where the query stands
    (`FILE: KEY`), if in a file; `str()` shows the query with the span underlined:

        Kim NEAR/0 Reise
            ~~~~~~^
        a distance of at least 1 is needed
    """

    def __init__(
        self, problem: str, text: str, span: tuple[int, int], hint: str = "", *, place: str = ""
    ) -> None:
        """Keep the parts; `problem` is one sentence without its full stop."""
        self.problem, self.text, self.span, self.hint, self.place = problem, text, span, hint, place
        super().__init__(problem)

    def __str__(self) -> str:
        """The query, a marker under the place, the problem and the hint."""
        # A marker line is only true when one character takes one column: control characters become blanks.
        shown = "".join(c if c.isprintable() else " " for c in self.text)
        start, end = self.span
        window = max(0, start - 60)
        shown = shown[window : window + 120]
        marker = " " * (start - window) + "~" * max(0, min(end - start - 1, 100)) + "^"
        advice = f" ({self.hint})" if self.hint else ""
        return f"{shown}\n{marker}\n{self.problem}{advice}"


class NotFoundError(MonitorError):
    """There is no such thing under that name."""

    exit_code = 4

    def __init__(self, kind: str, name: object, hint: str = "") -> None:
        """Name what was looked for."""
        advice = f" ({hint})" if hint else ""
        super().__init__(f"no {kind} named {name!s}{advice}")
        self.kind, self.name = kind, name


class SchemaError(MonitorError):
    """The database has another schema version than this program; `monitor migrate` is the way out."""


class StoreError(MonitorError):
    """The database cannot be reached, read or written."""
