"""What the monitor says of itself: facts in, a title and a text in the language of the reader out.

The words stand in `templates/operators.LANGUAGE.txt`, a macro for each kind of message. The first line that
it writes is the title, the others are the text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal

from service.deliver.render import templates
from service.deliver.view import spoken
from service.locale.reasons import reasons


class About(StrEnum):
    """What the operators are told; each is the name of a macro, which takes the facts in brackets."""

    BLIND = "blind"  # sources that are silent, gone, moved or back (news)
    CHANNEL_DOWN = "channel_down"  # (channel, since, error, waiting)
    CHANNEL_UP = "channel_up"  # (channel, away)
    FORECAST = "forecast"  # a rule alerts more than its back-test said (rule, alerts, expected)
    ALIVE = "alive"  # the daily line (items, alerts, sent, polled, blind, dead, down)
    ASIDE = "aside"  # documents that cannot be read (source, shown, more, kept)
    UNKNOWN_KILL = "unknown_kill"  # a withdrawal that names no story (headline, lead)
    HANDOVER = "handover"  # the change of shifts (shift, listed)


def word(about: About, language: str, zone: str, now: datetime, **facts: object) -> tuple[str, str]:
    """Title and text of a message to the operators; a language without words is English."""
    language = spoken(language)
    page = templates(html=False).get_template(f"operators.{language}.txt")
    macro: Callable[..., str] = getattr(page.make_module({"now": now} | _formats(language, zone)), about)
    title, _, text = str(macro(**facts)).strip().partition("\n")
    return title.strip(), text.strip()


def _formats(language: str, zone: str) -> dict[str, Any]:
    """How the words show figures and times."""
    return {
        "number": partial(format_decimal, locale=language),
        "tenths": partial(format_decimal, locale=language, format="#,##0.0"),
        "clock": partial(_clock, language, ZoneInfo(zone)),
        "span": span,
        "said": reasons(language).said,  # of sentences that were decided elsewhere
    }


def _clock(language: str, zone: ZoneInfo, at: datetime) -> str:
    """A time within the last days: `Tue 22:00`, `Di 22:00`."""
    return format_datetime(at, "ccc HH:mm", tzinfo=zone, locale=language)


def span(length: timedelta, days: str) -> str:
    """A length as people say it: `47 min`, `5 h`, and from two days on in `days`."""
    minutes = round(length.total_seconds() / 60)
    if minutes < 120:
        return f"{max(minutes, 1)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} {days}"
