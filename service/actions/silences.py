"""Silences: alerts that are not told for a while, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from service.alerts.silence import MATCHED
from service.app import App
from service.errors import UsageError
from service.model import Silence

LONGEST = timedelta(days=366)  # a silence that is meant for ever is a rule that should be disabled


def add(app: App, matchers: Sequence[str], lasts: timedelta, comment: str, by: str = "") -> Silence:
    """A silence from now on: `matchers` are `rule=NAME`, `source=NAME`, `channel=NAME` or `story=ID`.

    Raises UsageError for one that matches nothing that can be named, NotFoundError for a name that is none.
    """
    pairs = tuple(map(_matcher, matchers))
    if not pairs:
        raise UsageError(f"say what is silenced: {'=…, '.join(MATCHED)}=…")
    if not comment.strip():
        raise UsageError("say why, for the next shift (--comment)")
    if not timedelta(0) < lasts <= LONGEST:
        raise UsageError("a silence lasts from 1s to 366d")
    now = app.store.now()
    with app.store.begin() as tx:
        for kind, value in pairs:
            if kind == "rule":
                tx.rules.get(value)
            elif kind == "source":
                tx.sources.get(value)
            elif kind == "story":
                tx.stories.get(int(value))
            elif value not in app.config.channels:
                there = ", ".join(sorted(app.config.channels)) or "none is configured"
                raise UsageError(f"no channel named {value!r} (there is: {there})")
        return tx.alerts.add_silence(
            Silence(matchers=pairs, starts_at=now, ends_at=now + lasts, comment=comment.strip(), author=by)
        )


def listed(app: App) -> Sequence[Silence]:
    """The silences that hold, by their end."""
    with app.store.read() as tx:
        return tx.alerts.silences(app.store.now())


def end(app: App, silence_id: int) -> None:
    """Let the alerts through again; raises NotFoundError where it does not hold any more."""
    with app.store.begin() as tx:
        tx.alerts.end_silence(silence_id, app.store.now())


def _matcher(text: str) -> tuple[str, str]:
    kind, equals, value = text.partition("=")
    kind, value = kind.strip(), value.strip()
    if not equals or kind not in MATCHED or not value:
        raise UsageError(f"not a matcher: {text!r} (write {'=…, '.join(MATCHED)}=…)")
    if kind == "story" and not (value.isascii() and value.isdigit() and len(value) < 19):
        raise UsageError(f"not a story: {value!r} (write its number)")
    return kind, value
