"""Plain text from markup: what people read of it, and nothing that hides in it."""

from __future__ import annotations

import html
import re
import threading
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

PARAGRAPH, LINE = "\x1e", "\x1f"  # marks of our own: these two never come through from outside

LONGEST = 4_000_000  # characters of markup; a word costs sixty bytes while its line is folded

BLOCK = re.compile(
    r"address|article|aside|block|blockquote|body\.content|caption|center|content|dd|div|dl|dt|fieldset|figcaption"
    r"|figure|footer|form|h[1-6r]|header|hl[12]|li|main|nav|ol|p|pre|section|table|ul"
)
HIDDEN = re.compile(
    r"audio|button|canvas|datalist|head|iframe|math|media|noscript|object|script|select|style|svg|template"
    r"|textarea|video"
)
TAG = re.compile(r"<(?:[a-zA-Z][^<>]{0,2000}>|/[a-zA-Z][^<>]{0,200}>|!--|!\[CDATA\[|!DOCTYPE)", re.IGNORECASE)
ESCAPED_ONCE_MORE = re.compile(
    r"</(?:p|div|a|b|i|em|strong|span|h\d|li|ul|ol|table)>|<br ?/?>", re.IGNORECASE
)
REFERENCE = re.compile(r"&(?:#\d{1,8}|#[xX][0-9a-fA-F]{1,7}|[a-zA-Z][a-zA-Z0-9]{1,31});")

# Control characters (C0, DEL, C1), the soft hyphen and other invisible characters that split a word for
# a machine only, direction overrides that show a text reversed, and surrogates without their partner.
ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
BLANK = re.compile(r"[^\S\n]")
BLANK_LINES = re.compile("\n\n\n+")  # begins with letters to look for, which \n{3,} does not


def to_text(markup: str) -> str:
    """The text of `markup`, paragraphs parted by a blank line, `<br>` by a line break.

    Tags, comments, scripts and styles are dropped, entities resolved, also where they were escaped once
    too often, as in many feeds. Text without any tag keeps its own line breaks. The time is linear in the
    length, whatever the markup (libxml2's HTML5 tokenizer, no tree is built). Of a book the start is read.
    """
    text = markup[:LONGEST].replace(PARAGRAPH, "").replace(LINE, "")
    text = _strip(text) if "<" in text and TAG.search(text) else _resolve(text)
    if "<" in text and ESCAPED_ONCE_MORE.search(text):
        text = _strip(text)
    return tidy(_resolve(text.replace(PARAGRAPH, "\n\n").replace(LINE, "\n")))


def is_markup(text: str) -> bool:
    """Whether a tag or an entity stands in the text."""
    return bool(TAG.search(text) or REFERENCE.search(text))


def tidy(text: str) -> str:
    """Plain text made clean: blanks folded, at most one blank line in a row, no control characters.

    C1 controls are read as the Windows-1252 characters that they nearly always were; soft hyphens and
    zero-width blanks go, so that a word is one word; lone surrogates become U+FFFD. Composed (NFC).
    """
    text = text.replace("\xa0", " ")  # the one odd blank that is common
    if not text.replace("\n", "").isprintable():
        text = _printable(text)
    text = "\n".join(map(_single_spaced, unicodedata.normalize("NFC", text).split("\n")))
    return BLANK_LINES.sub("\n\n", text).strip("\n")


def one_line(text: str) -> str:
    """The same text on one line, for headlines, names and keywords."""
    if not (text.isascii() and text.isprintable()):
        text = tidy(text)
    return " ".join(text.split())


def _printable(text: str) -> str:
    """The text without what is no character, with plain blanks and line feeds for all of their sorts."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    return BLANK.sub(" ", ODD.sub(_plain, text))


def _single_spaced(line: str) -> str:
    return " ".join(line.split()) if "  " in line else line.strip()


def _plain(match: re.Match[str]) -> str:
    """What stands for a character that may not stay."""
    character = match[0]
    if "\x80" <= character <= "\x9f":
        return character.encode("latin-1").decode("cp1252", "ignore")
    return "\ufffd" if "\ud800" <= character <= "\udfff" else ""


def _resolve(text: str) -> str:
    """Entities that end in a semicolon, resolved: `a?b=1&copy=2` is an address, not a copyright sign."""
    return REFERENCE.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


class Role(NamedTuple):
    """What an element does to the text around it."""

    opens: str = ""  # stands for its start
    closes: str = ""  # and for its end
    hides: bool = False
    preserves: bool = False  # the line breaks in it


@lru_cache(maxsize=256)
def _role(tag: str | bytes) -> Role:
    """The role of an element, whatever its prefix: wire formats carry XHTML under many."""
    name = str(tag).rpartition(":")[2]
    if HIDDEN.fullmatch(name):
        return Role(hides=True)
    if BLOCK.fullmatch(name):
        return Role(PARAGRAPH, PARAGRAPH, preserves=name == "pre")
    return Role(LINE if name in {"br", "tr"} else " " if name in {"td", "th"} else "")


class _Text:
    """Receives the parser's events and keeps what is to be read."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._hidden = self._preformatted = 0

    def start(self, tag: str | bytes, _attributes: object) -> None:
        opens, _, hides, preserves = _role(tag)
        self._hidden += hides
        self._preformatted += preserves
        if opens:
            self._parts.append(opens)

    def end(self, tag: str | bytes) -> None:
        _, closes, hides, preserves = _role(tag)
        if hides:
            self._hidden = max(0, self._hidden - 1)
        self._preformatted -= preserves
        if closes:
            self._parts.append(closes)

    def data(self, data: str | bytes) -> None:
        if not self._hidden:
            text = str(data)
            self._parts.append(text if self._preformatted > 0 else text.replace("\n", " "))

    def comment(self, text: str | bytes) -> None:
        """Comments are not for readers."""

    def close(self) -> str:
        """All of it; what comes next is another text."""
        text = "".join(self._parts)
        self._parts.clear()
        self._hidden = self._preformatted = 0
        return text


class _Stripper(threading.local):
    """A parser for each thread: to make one costs as much as to read a page with it."""

    def __init__(self) -> None:
        self._target = _Text()
        self._parser = etree.HTMLParser(target=self._target, encoding="utf-8")

    def strip(self, markup: str) -> str:
        """The character data of `markup` with our marks where paragraphs and lines end."""
        try:
            self._parser.feed(markup.encode("utf-8", "replace"))
            return str(self._parser.close())
        except etree.XMLSyntaxError:  # nothing but a comment or a doctype
            return self._target.close()


_strip = _Stripper().strip
