"""Silences: alerts that somebody asked not to be told for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from service.model import Silence

MATCHED = ("rule", "source", "channel", "story", "recipient")  # what a silence may name


def covering(
    silences: Iterable[Silence], facts: Mapping[str, Collection[str]], now: datetime
) -> Silence | None:
    """The first silence in force that covers all of the facts, or None.

    `facts` gives for each of rule, source, channel and story the values at hand. A silence covers them
    where each of its matchers names one of the values, and, for rules, where it names every one of them: a
    message that lists a second rule is still wanted by the people of that rule.
    """
    return next((silence for silence in silences if _covers(silence, facts, now)), None)


def _covers(silence: Silence, facts: Mapping[str, Collection[str]], now: datetime) -> bool:
    if not silence.starts_at <= now < silence.ends_at:
        return False
    named: dict[str, set[str]] = {}
    for kind, value in silence.matchers:
        named.setdefault(kind, set()).add(value)
    return all(
        set(facts.get(kind, ())) <= values if kind == "rule" else bool(values & set(facts.get(kind, ())))
        for kind, values in named.items()
    )
