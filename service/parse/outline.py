"""Where the entries of a feed begin and end, without reading them.

A feed that changed has one new entry and nineteen that were read before. Whoever knows those by their bytes
can leave them out, and spares nearly all of the work.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from hashlib import blake2b

from service.model import Document
from service.parse.encoding import utf8

TOKEN = re.compile(rb"<(!\[CDATA\[|!--|\?|!DOCTYPE|/?(?:item|entry)(?=[\s/>]))")
ENDS = {b"![CDATA[": b"]]>", b"!--": b"-->", b"?": b"?>"}


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed as UTF-8, and the bytes that each of its entries takes, in their order."""

    body: bytes
    spans: tuple[tuple[int, int], ...]
    hashes: tuple[int, ...]  # signed 64 bit, of the bytes of each entry

    def without(self, known: Collection[int], document: Document) -> Document:
        """The document without the entries of these hashes."""
        pieces, position = [], 0
        for (start, end), entry in zip(self.spans, self.hashes, strict=True):
            if entry in known:
                pieces.append(self.body[position:start])
                position = end
        return replace(document, body=b"".join((*pieces, self.body[position:])), charset="utf-8")


def outline(document: Document) -> Outline:
    """The outline of a feed; without any entry where it cannot be told for sure.

    That is so for other formats, for entries inside each other, for a feed that is cut off, and for one that
    declares entities. Comments and CDATA sections are passed over, whatever stands in them.
    """
    body = utf8(document.body, document.charset)
    spans = _spans(body)
    return Outline(body, spans, tuple(_hash(body[start:end]) for start, end in spans))


def _spans(body: bytes) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    position, begun, name = 0, -1, b""
    while token := TOKEN.search(body, position):
        what = token[1]
        end = body.find(ENDS.get(what, b">"), token.end())
        if end < 0 or what == b"!DOCTYPE":
            return ()
        position = end + len(ENDS.get(what, b">"))
        if what in ENDS:
            continue
        if begun < 0 and not what.startswith(b"/") and body[end - 1 : end] != b"/":
            begun, name = token.start(), what
        elif begun >= 0 and what == b"/" + name:
            spans.append((begun, position))
            begun = -1
        else:
            return ()
    return tuple(spans) if begun < 0 else ()


def _hash(entry: bytes) -> int:
    return int.from_bytes(blake2b(entry, digest_size=8).digest(), "big", signed=True)
