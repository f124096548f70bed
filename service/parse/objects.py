"""JSON from outside: read with care, looked into without surprise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias

from service.model import Document, Problem
from service.parse.encoding import decode
from service.parse.finish import MOST_ITEMS
from service.parse.formats import UnreadableError

Object: TypeAlias = Mapping[str, object]

OBJECT = re.compile(r"[\s,]*\{")


def read(document: Document, *lists: str) -> tuple[object, list[Problem]]:
    """The value of a JSON document.

    Of one that was cut off it is the whole objects in the list under one of the keys `lists`, and a Problem.
    Raises UnreadableError if there is neither.
    """
    text = decode(document.body, document.charset)
    try:
        return json.loads(text, strict=False), []
    except RecursionError as error:
        raise UnreadableError("JSON nested too deep") from error
    except ValueError as error:
        if not (saved := list(islice(_whole(text, lists), MOST_ITEMS + 1))):
            raise UnreadableError(f"not JSON: {error}") from error
        return saved, [Problem(f"cut off or broken, the whole items before were read: {error}")]


def _whole(text: str, lists: tuple[str, ...]) -> Iterator[object]:
    """The objects of the first of the lists, as far as they are whole."""
    found = re.search(rf'"(?:{"|".join(lists)})"\s*:\s*\[|^\s*\[', text)
    decoder = json.JSONDecoder(strict=False)
    position = found.end() if found else len(text)
    while opening := OBJECT.match(text, position):
        try:
            value, position = decoder.raw_decode(text, opening.end() - 1)
        except (ValueError, RecursionError):
            return
        yield value


def objects(value: object) -> list[Object]:
    """The objects in a list, or a single one; whatever else stands there is passed over.

    Not more than a document may have items, and one to show that there are.
    """
    values = value[: MOST_ITEMS + 1] if isinstance(value, list) else [value]
    return [entry for entry in values if isinstance(entry, dict)]


def child(value: object, key: str) -> Object:
    """The object under a key, empty where there is none."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, dict) else {}


def text(value: object, *keys: str) -> str:
    """The first text or number under any of the keys, "" where there is none."""
    for key in keys:
        found = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(found, str) and found.strip():
            return found
        if isinstance(found, int | float) and not isinstance(found, bool):
            return repr(found)
    return ""


def texts(value: object, key: str) -> tuple[str, ...]:
    """The texts in the list under a key; a single text counts as a list of one."""
    found = value.get(key) if isinstance(value, Mapping) else None
    values = found if isinstance(found, list) else [found]
    return tuple(entry for entry in values if isinstance(entry, str) and entry.strip())


def number(value: object, key: str) -> int:
    """The whole number under a key, 0 where there is none."""
    digits = text(value, key).strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
