"""Templates of a channel's own: filled in a process that may be killed, with bounds on time and size.

A channel may bring any of subject.txt, text.txt, mail.html and chat.md. They see the names that the
built-in templates see, and may import the built-in words and frames; Jinja2's sandbox keeps them from the
rest. What a template does wrong costs the message its looks, never its way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from jinja2 import TemplateError

from service.config import TEMPLATES as FILES
from service.workers import WorkerError, Workers

# Characters of what a template may write; a mail over 102 kB is cut by some programs.
LONGEST = {"subject": 500, "text": 50_000, "html": 90_000, "chat": 900}

DEADLINE = timedelta(seconds=3)  # a built-in template takes a millisecond; a new worker half a second
MEMORY_BYTES = 400 * 2**20  # address space, most of it the interpreter's
RESTS = 600.0  # seconds that templates which failed are left alone, so that they delay one message alone


class UnfilledError(Exception):
    """The templates could not be filled: one line for a person."""


class Stylist:
    """Fills the templates of channels. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._workers = Workers(1, memory_bytes=MEMORY_BYTES, deadline=DEADLINE)
        self._failed: dict[int, tuple[float, str]] = {}  # hash of the sources -> when (monotonic), and why

    def fill(self, sources: Mapping[str, str], view: Mapping[str, Any]) -> Mapping[str, str]:
        """Each part (subject, text, html, chat) as its template writes it; raises UnfilledError."""
        key = hash(tuple(sorted(sources.items())))
        failed_at, why = self._failed.get(key, (0.0, ""))
        if why and time.monotonic() - failed_at < RESTS:
            raise UnfilledError(why)
        try:
            filled = self._workers.run("service.deliver.templating:fill", dict(sources), dict(view))
        except WorkerError as error:
            why = " ".join(str(error).split())[:200]
            self._failed[key] = (time.monotonic(), why)
            raise UnfilledError(why) from error
        self._failed.pop(key, None)
        return cast(Mapping[str, str], filled)

    def close(self) -> None:
        """End the worker."""
        self._workers.close()


def fill(sources: Mapping[str, str], view: Mapping[str, Any]) -> dict[str, str]:
    """Each part as its template writes it. Runs in the worker; raises ValueError that names the file."""
    from service.deliver.render import templates

    filled = {}
    for part, source in sources.items():
        try:
            text = templates(html=part == "html").from_string(source).render(view)
        except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise ValueError(f"{FILES[part]}: {error}") from error
        if len(text) > LONGEST[part]:
            raise ValueError(f"{FILES[part]}: wrote {len(text):,} characters, {LONGEST[part]:,} are allowed")
        filled[part] = text
    return filled
