"""Plain text: the form in which a German agency's stories are passed on, and any text with a headline.

    Headline
                                              blank
    02.09.25 05:24 Uhr                        optional, wall-clock time
                                              blank
    BERLIN/PARIS (agency) - Text …            place and agency are optional
    … the last sentence./abc/DE/fg            sign-off: author, desk, editor

An embargo (`Sperrfrist: 3. September 20.15 Uhr`) may stand on a line of its own above any of them.
"""

from __future__ import annotations

import re

from service.model import Document, Item, Parsed, Source
from service.parse.dateline import dateline, without_sign_off
from service.parse.dates import german, zone
from service.parse.embargo import LINE, written
from service.parse.encoding import decode
from service.parse.formats import MAGIC, UnreadableError, is_text, keys
from service.text.html import is_markup, tidy, to_text

STAMP_LINE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2}),? \d{1,2}[:.]\d{2}(?: Uhr)?$")
STAMPED = re.compile(rb"^\s*\d\d\.\d\d\.(?:\d\d|\d{4}) \d\d:\d\d Uhr\s*$", re.MULTILINE)
LONGEST_LINE = 100  # characters of a line that was wrapped; a longer one is a paragraph that was not
LONGEST_HEADLINE = 300  # characters, over several lines; more is a text without a headline of its own


def sniff(head: bytes, media_type: str, name: str) -> bool:
    """A file of text, or over the web the agency's form: a server's "try later" is no news."""
    if head.lstrip().startswith((b"<", b"{", *MAGIC)) or keys(head) or not is_text(head):
        return False
    return bool(name) or not media_type or bool(STAMPED.search(head))


def parse(document: Document, source: Source) -> Parsed:
    """One story."""
    place, now = zone(source.timezone), document.received_at
    raw = decode(document.body, document.charset)
    text = to_text(raw) if is_markup(raw) else tidy(raw)
    embargo = written(text, place, now)
    headline, rest = _headline(text)
    if LINE.match(headline) and rest:
        headline, rest = _headline(rest)
    if not re.search(r"\w", headline):
        raise UnreadableError("a text without a word")
    stamp, _, after = rest.partition("\n")
    stamped = STAMP_LINE.match(stamp.strip())
    framed = dateline(after.lstrip("\n") if stamped else rest)
    body, sign_off = without_sign_off(_paragraphs(framed.text))
    item = Item(
        headline=headline,
        body=body,
        places=framed.places,
        agency=framed.agency,
        published_at=german(stamp, place, now) if stamped else None,
        sign_off=sign_off,
        embargo_until=embargo.until,
        status=embargo.status,
    )
    return Parsed(items=(item,), problems=embargo.problems)


def _headline(text: str) -> tuple[str, str]:
    """The first paragraph and the rest; the first line where there are no paragraphs."""
    headline, parted, rest = text.strip().partition("\n\n")
    if not parted or len(headline) > LONGEST_HEADLINE:
        headline, _, rest = text.strip().partition("\n")
    above, _, last = headline.rpartition("\n")
    if above and STAMP_LINE.match(last):
        headline, rest = above, f"{last}\n\n{rest}"
    return headline.strip(), rest.strip()


def _paragraphs(text: str) -> str:
    """The text with a blank line around each paragraph that stands on one line of its own."""
    parted = [f"\n{line}\n" if len(line) > LONGEST_LINE else line for line in text.split("\n")]
    return tidy("\n".join(parted))
