"""Every format in one ordered table, and the one door to all of them.

A format is a module with `sniff(head, media_type, name) -> bool`, which knows it by its first bytes, and
`parse(document, source) -> Parsed`; and a line in `FORMATS`. Modules are imported when they are needed: what
comes before feeds there is known by a function of this one, so that a worker which reads feeds carries
nothing else.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import NamedTuple, TypeAlias, cast

from service.model import Document, Parsed, Source
from service.parse.encoding import BOMS, decode, sixteen_bits

HEAD_BYTES = 65_536  # what sniffing may look at: some documents begin with a long licence or DTD

PROLOG = re.compile(
    rb"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)", re.DOTALL | re.IGNORECASE
)
ROOT = re.compile(rb"\s*<(?:[\w.-]+:)?([A-Za-z][\w.-]*)")
FEED = re.compile(rb"<(?:rss[\s>]|rdf:RDF[\s>]|feed[\s>][^>]*(?:atom|pie|necho))", re.IGNORECASE)
PAGE = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL
)
KEY = re.compile(rb'"([A-Za-z_]{1,40})"\s*:')
G2 = frozenset({b"newsMessage", b"newsItem", b"packageItem"})
MAGIC = {
    b"%PDF": "a PDF file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "gzip-compressed data",
    b"{\\rtf": "an RTF file",
}


Sniff: TypeAlias = Callable[[bytes, str, str], bool]  # head, media type, file name


class UnreadableError(Exception):
    """Nothing can be read from a document; `str()` is one line that says why."""


class Format(NamedTuple):
    """How to know a format, and how to read it."""

    sniff: Sniff
    parse: Callable[[Document, Source], Parsed]


def parse(document: Document, source: Source) -> Parsed:
    """The items of a document, finished, and the problems met; the format is `source.format`, else sniffed.

    Raises UnreadableError if nothing can be read. A document with some whole items never raises: what is
    broken beside them is a Problem.
    """
    from service.parse.finish import finish

    if not document.body.strip():
        raise UnreadableError("empty")
    name = source.format or sniff(document)
    if name not in FORMATS:
        raise UnreadableError(f"no format is named {name!r} (there is: {', '.join(FORMATS)})")
    try:
        parsed = FORMATS[name].parse(document, source)
    except RecursionError as error:
        raise UnreadableError("nested too deep") from error
    return finish(replace(parsed, format=name), document, source)


def sniff(document: Document) -> str:
    """The name of the format that a document is in, by its content; raises UnreadableError if by none."""
    head = document.body[:HEAD_BYTES]
    if head.startswith(tuple(mark for mark, _ in BOMS)) or sixteen_bits(head):
        head = decode(head).lstrip("\ufeff").encode("utf-8", "replace")
    for name, format_ in FORMATS.items():
        if format_.sniff(head, document.media_type, document.name):
            return name
    raise UnreadableError(_why_not(head))


def _why_not(head: bytes) -> str:
    """One line on what the document is instead."""
    if PAGE.match(head) or root(head) == b"html":
        return "an HTML page, not a feed"
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            return f"{what}, not a feed"
    if head.lstrip().startswith((b"<?xml", b"<!")) and not root(head):
        return f"XML without an element in its first {HEAD_BYTES // 1024} KB"
    if name := root(head):
        return f"XML, but not a known format (its root is <{name.decode('ascii', 'replace')}>)"
    if head.lstrip()[:1] in {b"{", b"["}:
        return "JSON, but not a known format"
    return "text, not a feed" if is_text(head) else "binary data, not a feed"


def root(head: bytes) -> bytes:
    """The local name of the root element, b"" if this is no XML."""
    position = 0
    while skipped := PROLOG.match(head, position):
        position = skipped.end()
    found = ROOT.match(head, position)
    return found[1] if found else b""


def keys(head: bytes) -> frozenset[bytes]:
    """The keys in the beginning of a JSON document, whatever their depth; none if it is no JSON."""
    return frozenset(KEY.findall(head)) if head.lstrip()[:1] in {b"{", b"["} else frozenset()


def is_text(head: bytes) -> bool:
    """Whether a person could read it: hardly any control characters."""
    return len(head.translate(None, bytes(range(9)) + bytes(range(14, 32)))) >= 0.95 * len(head)


def _is_feed(head: bytes, _media_type: str, _name: str) -> bool:
    return root(head) in {b"rss", b"RDF", b"feed", b"channel"} or bool(
        not PAGE.match(head) and FEED.search(head)
    )


def _is_jsonfeed(head: bytes, media_type: str, _name: str) -> bool:
    known = keys(head)
    return b"items" in known and (
        b"jsonfeed.org/version" in head
        or media_type == "application/feed+json"
        or bool(known & {b"feed_url", b"home_page_url", b"content_html", b"content_text", b"date_published"})
    )


def _is_iptc7901(head: bytes, _media_type: str, _name: str) -> bool:
    return bool(re.match(rb"[\x00\x04\x16\x7f\s]*\x01\s*[A-Za-z]{2,4} ?\d", head))


def _is_anpa1312(head: bytes, _media_type: str, _name: str) -> bool:
    """Begins like a message of IPTC 7901, with one letter, and has a line of its own for the priority."""
    return bool(re.match(rb"[\x00\x16\s]*\x01\s*[A-Za-z]\d{4}[^\n]*\n[A-Za-z] [A-Za-z][\s\x11-\x14]", head))


def _by_root(*names: bytes) -> Sniff:
    return lambda head, _media_type, _name: root(head) in names


def _format(name: str, known: Sniff | None = None) -> Format:
    """The format of a module; `known` says so instead of the module's own `sniff`."""

    def module() -> ModuleType:
        return importlib.import_module(f"service.parse.{name}")

    def sniff(head: bytes, media_type: str, file: str) -> bool:
        return cast(bool, module().sniff(head, media_type, file))

    def parse(document: Document, source: Source) -> Parsed:
        return cast(Parsed, module().parse(document, source))

    return Format(known or sniff, parse)


FORMATS: Mapping[str, Format] = {
    "anpa1312": _format("anpa1312", _is_anpa1312),
    "iptc7901": _format("iptc7901", _is_iptc7901),
    "newsmlg2": _format("newsmlg2", _by_root(*G2)),
    "newsml12": _format("newsml12", _by_root(b"NewsML")),
    "nitf": _format("nitf", _by_root(b"nitf")),
    "sitemap": _format("sitemap", _by_root(b"urlset")),
    "feed": _format("feed", _is_feed),
    "jsonfeed": _format("jsonfeed", _is_jsonfeed),
    "dpa": _format("dpa"),
    "ninjs": _format("ninjs"),
    "plain": _format("plain"),
}
