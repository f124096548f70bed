"""Plain text from markup: what people read of it, and nothing that hides in it."""

from __future__ import annotations

import html
import re
import unicodedata

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


def to_text(markup: str) -> str:
    """The text of `markup`, paragraphs parted by a blank line, `<br>` by a line break.

    Tags, comments, scripts and styles are dropped, entities resolved, also where they were escaped once
    too often, as in many feeds. Text without any tag keeps its own line breaks. The time is linear in the
    length, whatever the markup (libxml2's HTML5 tokenizer, no tree is built). Of a book the start is read.
    """
    text = markup[:LONGEST].replace(PARAGRAPH, "").replace(LINE, "")
    text = _strip(text) if TAG.search(text) else _resolve(text)
    if ESCAPED_ONCE_MORE.search(text):
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
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = unicodedata.normalize("NFC", ODD.sub(_plain, text))
    folded = "\n".join(" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", folded).strip("\n")


def one_line(text: str) -> str:
    """The same text on one line, for headlines, names and keywords."""
    if not (text.isascii() and text.isprintable()):
        text = tidy(text)
    return " ".join(text.split())


def _plain(match: re.Match[str]) -> str:
    """What stands for a character that may not stay."""
    character = match[0]
    if "\x80" <= character <= "\x9f":
        return character.encode("latin-1").decode("cp1252", "ignore")
    return "\ufffd" if "\ud800" <= character <= "\udfff" else ""


def _resolve(text: str) -> str:
    """Entities that end in a semicolon, resolved: `a?b=1&copy=2` is an address, not a copyright sign."""
    return REFERENCE.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _strip(markup: str) -> str:
    """The character data of `markup` with our marks where paragraphs and lines end."""
    target = _Text()
    parser = etree.HTMLParser(target=target, encoding="utf-8")
    parser.feed(markup.encode("utf-8", "replace"))
    try:
        return str(parser.close())
    except etree.XMLSyntaxError:  # nothing but a comment or a doctype
        return target.close()


class _Text:
    """Receives the parser's events and keeps what is to be read."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._hidden = self._preformatted = 0

    def start(self, tag: str | bytes, _attributes: object) -> None:
        name = _local(tag)
        if HIDDEN.fullmatch(name):
            self._hidden += 1
        elif BLOCK.fullmatch(name):
            self._parts.append(PARAGRAPH)
        elif name in {"br", "tr"}:
            self._parts.append(LINE)
        elif name in {"td", "th"}:
            self._parts.append(" ")
        self._preformatted += name == "pre"

    def end(self, tag: str | bytes) -> None:
        name = _local(tag)
        if HIDDEN.fullmatch(name):
            self._hidden = max(0, self._hidden - 1)
        elif BLOCK.fullmatch(name):
            self._parts.append(PARAGRAPH)
        self._preformatted -= name == "pre"

    def data(self, data: str | bytes) -> None:
        if not self._hidden:
            text = str(data)
            self._parts.append(text if self._preformatted > 0 else text.replace("\n", " "))

    def comment(self, text: str | bytes) -> None:
        """Comments are not for readers."""

    def close(self) -> str:
        return "".join(self._parts)


def _local(tag: str | bytes) -> str:
    """The name without a prefix: wire formats carry XHTML under many."""
    return str(tag).rpartition(":")[2]
