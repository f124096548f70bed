"""Five cron fields as people mean them, for a scheduler that counts its weekdays from Monday.

In a crontab 0 and 7 are Sunday and 1 is Monday (POSIX.1-2017, crontab); APScheduler 3 takes 0 for Monday, so
that `1-5` would poll from Tuesday to Saturday. Names of days mean the same to both.
"""

from __future__ import annotations

import re

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
NUMBERS = re.compile(r"(\*|[0-7](?:-[0-7])?)(?:/([1-7]))?", re.ASCII)


def with_named_days(fields: str) -> str:
    """The same five fields with weekdays by name: `30 6 * * 1-5` is `30 6 * * mon,tue,wed,thu,fri`.

    Raises ValueError where they are not five, or a range of days runs backwards.
    """
    parts = fields.split()
    if len(parts) != 5:
        raise ValueError("five fields are needed: minute, hour, day, month, weekday")
    parts[4] = ",".join(_named(part) for part in parts[4].split(","))
    return " ".join(parts)


def _named(part: str) -> str:
    match = NUMBERS.fullmatch(part)
    if not match or part == "*":
        return part.lower()
    span, step = match[1], int(match[2] or 1)
    first, _, last = span.partition("-") if span != "*" else ("0", "-", "6")
    if int(last or first) < int(first):
        raise ValueError(f"the weekdays {span} run backwards")
    return ",".join(DAYS[day] for day in range(int(first), int(last or first) + 1, step))
