"""Quantities as people write them, in a file or at a prompt: `90s`, `10MB`, `60/m`, `Europe/Berlin`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

DURATION = re.compile(r"(\d{1,9})([smhd])")
SIZE = re.compile(r"(\d{1,9})\s?(B|kB|KB|MB|GB)?")
RATE = re.compile(r"(\d{1,6})/([smh])")
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
UNIT_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}


class Duration(timedelta):
    """A span as people write it: `90s`, `5m`, `24h`, `180d`."""


class Size(int):
    """A number of bytes as people write it: `10MB` (powers of ten)."""


class Rate(float):
    """A number a second, written `60/m`."""


class Zone(str):
    """The name of an IANA time zone."""

    __slots__ = ()


def duration(text: str) -> Duration:
    """The span that `text` (digits and one of s, m, h, d) names; at least one second.

    Raises ValueError with a sentence for a person.
    """
    match = DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a duration: {text!r} (write a number and s, m, h or d: 90s, 5m, 24h)")
    seconds = int(match[1]) * UNIT_SECONDS[match[2]]
    if not 1 <= seconds <= 100 * 365 * 86400:
        raise ValueError(f"a duration lies between 1s and 36500d, not {text!r}")
    return Duration(seconds=seconds)


def size(text: str) -> Size:
    """The number of bytes that `text` (digits and one of B, kB, MB, GB) names; raises ValueError likewise."""
    match = SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a size: {text!r} (write a number and kB, MB or GB: 10MB)")
    return Size(int(match[1]) * UNIT_BYTES[match[2] or "B"])


def rate(text: str) -> Rate:
    """How many a second `text` (a number, a slash and one of s, m, h) names; raises ValueError likewise."""
    match = RATE.fullmatch(text.strip())
    if not match or not int(match[1]):
        raise ValueError(f"not a rate: {text!r} (write a number, a slash and s, m or h: 60/m)")
    return Rate(int(match[1]) / UNIT_SECONDS[match[2]])


def zone(text: str) -> Zone:
    """The time zone that `text` names; raises ValueError likewise."""
    try:
        return Zone(ZoneInfo(text).key)
    except (OSError, ValueError, KeyError) as unknown:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"not a time zone: {text!r} (write an IANA name: Europe/Berlin)") from unknown


READERS: dict[type, Callable[[Any], object]] = {
    Duration: duration,
    Size: size,
    Rate: rate,
    Zone: zone,
}
