"""JSON from outside: read with care, looked into without surprise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from service.parse.encoding import decode
from service.parse.formats import UnreadableError

Object: TypeAlias = Mapping[str, object]


def load(body: bytes, charset: str = "") -> object:
    """The value of a JSON document; raises UnreadableError if it is none."""
    try:
        value: object = json.loads(decode(body, charset))
    except RecursionError as error:
        raise UnreadableError("JSON nested too deep") from error
    except ValueError as error:
        raise UnreadableError(f"not JSON: {error}") from error
    return value


def whole(body: bytes, charset: str = "") -> Iterator[Object]:
    """The objects of the first array of objects that came whole, of a document that was cut off."""
    text = decode(body, charset)
    decoder = json.JSONDecoder()
    start = text.find("[", text.find('"items"') if '"items"' in text else max(0, text.find('"entries"'))) + 1
    while start and (start := text.find("{", start)) >= 0:
        try:
            value, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return
        yield from objects([value])


def objects(value: object) -> list[Object]:
    """The objects in a list, or a single one; whatever else stands there is passed over."""
    values = value if isinstance(value, list) else [value]
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
