"""A cheap look at XML before a real parser sees it: what would blow up is refused, what is cut is closed.

Tags are counted, nothing is built; the time is linear. feedparser is quadratic in the attributes of one
tag and in the length of an author's name, and it falls back to a slow parser when a feed is cut off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from service.model import Problem
from service.parse.formats import UnreadableError

DEEPEST = 200  # elements inside each other; news has about ten
MOST_ATTRIBUTES = 512  # on one tag
MOST_TAGS = 400_000  # feedparser takes some 10 µs for each; 5,000 rich entries have a third of it
MOST_ENTITIES = 200  # HTML's Latin-1 set has 96
LONGEST_ENTITY = 1_000  # bytes
LONGEST_AUTHOR = 1_024  # bytes

TOKEN = re.compile(rb"<(!\[CDATA\[|!--|\?|!|/?[^\s<>/!?][^\s<>/]{0,200})")
ENDS = {b"![CDATA[": b"]]>", b"!--": b"-->", b"?": b"?>"}
ATTRIBUTE = re.compile(rb"=\s*[\"']")
SUBSET = re.compile(rb"<!DOCTYPE[^\[>]{0,2000}\[(.*?)(?:\]\s*>|\Z)", re.DOTALL | re.IGNORECASE)
ENTITY = re.compile(rb"<!ENTITY\s+(%\s+)?[^\s\"'>]+\s+(?:\"([^\"]*)\"|'([^']*)')")
NAMED = re.compile(rb"[&%](?!amp;|lt;|gt;|quot;|apos;)\w+;")
NUMBERED = re.compile(rb"&#([xX]?)([0-9a-fA-F]{1,40});?")
CONTROLS = bytes(set(range(32)) - {0x09, 0x0A, 0x0D, 0x1B})  # ESC stays: ISO-2022-JP is made of it
NEVER_CLOSED = frozenset({b"br", b"img", b"hr", b"wbr"})  # HTML that was not escaped
AUTHORS = frozenset(
    {b"author", b"creator", b"managingeditor", b"webmaster", b"name", b"email", b"contributor", b"publisher"}
)


@dataclass(slots=True)
class _Walk:
    """What one pass over the tags has found so far."""

    open: list[bytes] = field(default_factory=list)
    tags: int = 0
    entries: int = 0
    whole: int = 0  # where the last whole entry ends
    open_then: tuple[bytes, ...] = ()  # what was open there
    long: list[tuple[int, int]] = field(default_factory=list)  # authors' names to be left out
    broken: bool = False  # it ended inside a tag


def refuse_entities(body: bytes) -> None:
    """Raise UnreadableError for a DOCTYPE whose entities grow when they are expanded."""
    subset = SUBSET.search(body)
    if subset is None:
        return
    if subset[1].count(b"<!ENTITY") > MOST_ENTITIES:
        raise UnreadableError(f"declares more than {MOST_ENTITIES} entities")
    for declared in ENTITY.finditer(subset[1]):
        value = declared[2] or declared[3] or b""
        if len(value) > LONGEST_ENTITY or NAMED.search(value):
            raise UnreadableError("declares entities that would grow without end")


def possible(body: bytes) -> bytes:
    """The document without the characters that XML forbids, written out or by number."""
    return NUMBERED.sub(_reference, body.translate(None, CONTROLS))


def mend(body: bytes, entry: frozenset[bytes], most: int) -> tuple[bytes, list[Problem]]:
    """The document, safe to parse, and what was wrong with it.

    `body` is UTF-8. Control characters and impossible character references go. If the document is cut off
    or holds more than `most` elements named as in `entry`, it is closed after the last whole one.
    Raises UnreadableError for what would take a parser down.
    """
    refuse_entities(body)
    body = possible(body)
    walk = _walk(body, entry, most)
    problems = []
    tail = b""
    end = len(body)
    if walk.open or walk.broken or walk.entries > most:
        if walk.whole:
            end = walk.whole
            tail = b"".join(b"</" + name + b">" for name in reversed(walk.open_then))
            excess = f"more than {most} items, the rest was left" if walk.entries > most else ""
            problems.append(Problem(excess or "cut off; the whole items before were read"))
        else:
            raise UnreadableError("cut off before the first whole item")
    if not walk.long and end == len(body):
        return body, problems
    pieces, position = [], 0
    for start, stop in walk.long:
        if stop <= end:
            pieces.append(body[position:start])
            position = stop
            problems.append(Problem("an author's name of more than 1 KB was left out"))
    return b"".join((*pieces, body[position:end], tail)), problems


def _walk(body: bytes, entry: frozenset[bytes], most: int) -> _Walk:
    """One pass over all tags."""
    walk = _Walk()
    position = 0
    while token := TOKEN.search(body, position):
        name = token[1]
        end = body.find(ENDS.get(name, b">"), token.end())
        if end < 0:
            walk.broken = True
            break
        position = end + 1
        if name in ENDS or name.startswith(b"!"):
            continue
        walk.tags += 1
        if walk.tags > MOST_TAGS:
            raise UnreadableError(f"more than {MOST_TAGS:,} tags")
        if name.startswith(b"/"):
            _close(walk, name[1:])
            if name.rpartition(b":")[2].lstrip(b"/") in entry:
                walk.entries += 1
                if walk.entries > most:
                    break
                walk.whole, walk.open_then = position, tuple(walk.open)
            continue
        if end - token.end() > MOST_ATTRIBUTES and _attributes(body[token.end() : end]) > MOST_ATTRIBUTES:
            raise UnreadableError(f"a tag with more than {MOST_ATTRIBUTES} attributes")
        if body[end - 1 : end] != b"/" and name.lower() not in NEVER_CLOSED:
            walk.open.append(name)
            if len(walk.open) > DEEPEST:
                raise UnreadableError(f"elements nested more than {DEEPEST} deep")
            if name.rpartition(b":")[2].lower() in AUTHORS:
                _measure(walk, body, position)
    return walk


def _close(walk: _Walk, name: bytes) -> None:
    """Take the newest open element of that name off, with what was left open in it."""
    for index in range(len(walk.open) - 1, -1, -1):
        if walk.open[index] == name:
            del walk.open[index:]
            return


def _attributes(tag: bytes) -> int:
    return sum(1 for _ in ATTRIBUTE.finditer(tag))


def _measure(walk: _Walk, body: bytes, start: int) -> None:
    """Note the text from `start` if it is too long for a name."""
    stop = body.find(b"<", start)
    if body.startswith(b"<![CDATA[", stop):
        start, stop = stop + 9, body.find(b"]]>", stop)
    if stop - start > LONGEST_AUTHOR:
        walk.long.append((start, stop))


def _reference(reference: re.Match[bytes]) -> bytes:
    """A character reference if XML allows its character, else one to U+FFFD."""
    digits = reference[2].lstrip(b"0") or b"0"
    try:
        code = int(digits, 16 if reference[1] else 10) if len(digits) <= 8 else -1
    except ValueError:  # letters in a decimal number
        return reference[0]
    allowed = code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0x10FFFF
    return reference[0] if allowed else b"&#65533;"
