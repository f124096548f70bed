"""Bytes to text, by what they are rather than by what they claim to be."""

from __future__ import annotations

import codecs
import re

DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
DECLARATION = re.compile(r"^\s*<\?xml\s.{0,500}?\?>", re.DOTALL)
BOMS = (  # the longer first: the UTF-32 mark begins with the UTF-16 one
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python knows codecs that are no character sets (zip, rot13), and some whose decoding is slow by design.
CHARSET = re.compile(r"utf|iso|cp|koi8|big5|gb|euc|shift|mac|latin|ascii|tis|johab|hz|ptcp|kz", re.IGNORECASE)
# WHATWG Encoding, 4.2: what is labelled as one of these is in fact Windows-1252.
REALLY_CP1252 = frozenset({"iso8859-1", "ascii"})


def decode(body: bytes, charset: str = "") -> str:
    """The text of `body`; never fails.

    A byte order mark decides; else what reads as UTF-8 beyond ASCII is UTF-8, for no other text does;
    else the XML declaration, else `charset` (as the transport declared it), else UTF-8. Bytes that do not
    fit are read as Windows-1252 where UTF-8 was expected, as U+FFFD elsewhere.
    """
    return _decode(body, charset)[0]


def _decode(body: bytes, charset: str) -> tuple[str, bool]:
    """The text of `body`, and whether `body` is that text in UTF-8."""
    for mark, name in BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace"), False
    if wide := sixteen_bits(body):
        return body.decode(wide, "replace"), False
    declared = DECLARED.match(body[:1000])
    name = _codec(declared[1].decode() if declared else "") or _codec(charset) or "utf-8"
    if body.isascii() and name.startswith(("iso2022", "hz")):
        return body.decode(name, "cp1252-where-invalid"), False
    try:
        return body.decode("utf-8"), True
    except UnicodeDecodeError:
        return body.decode(name, "cp1252-where-invalid" if name == "utf-8" else "replace"), False


def sixteen_bits(body: bytes) -> str:
    """The variant of UTF-16 in which Latin text is written without a mark, "" if it is not.

    Every other byte is zero, and hardly any of those between: in packed data zeros stand anywhere.
    """
    even, odd = body[:64:2], body[1:64:2]
    for letters, zeros, name in ((even, odd, "utf-16-le"), (odd, even, "utf-16-be")):
        if zeros.count(0) * 2 > len(zeros) > 1 and letters.count(0) * 8 < len(letters):
            return name
    return ""


def utf8(body: bytes, charset: str = "") -> bytes:
    """An XML document as UTF-8 without its declaration, which would now be wrong."""
    text, as_it_is = _decode(body, charset)
    declaration = DECLARATION.match(text)
    start = declaration.end() if declaration else 0
    if as_it_is:  # nearly always: then it need not be encoded again
        return body[len(text[:start].encode()) :]
    return text[start:].encode("utf-8", "replace")


def _codec(label: str) -> str:
    """Python's name of a character set, "" for what is none."""
    try:
        name = codecs.lookup(label.strip("\"' ")).name if label else ""
    except (LookupError, ValueError):
        return ""
    if name in REALLY_CP1252:
        return "cp1252"
    return name if CHARSET.match(name) and name != "utf-7" else ""


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Error handler of `bytes.decode`: the bytes at fault, as Windows-1252 would have them."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace"), error.end


codecs.register_error("cp1252-where-invalid", _as_cp1252)
