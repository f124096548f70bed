"""Plain text: the form in which a German agency's stories are passed on, and any text with a headline.

Headline
                                          blank
02.09.25 05:24 Uhr                        optional, wall-clock time
                                          blank
BERLIN/PARIS (agency) - Text …            place and agency are optional
… the last sentence./abc/DE/fg            sign-off: author, desk, editor
"""

from __future__ import annotations

import re

from service.model import Document, Item, Parsed, Source
from service.parse.dates import german, zone
from service.parse.encoding import decode
from service.parse.formats import UnreadableError
from service.text.html import is_markup, tidy, to_text

STAMP_LINE = re.compile(r"^\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2}),? \d{1,2}[:.]\d{2}(?: Uhr)?$")
DATELINE = re.compile(
    r"^(?P<places>[A-ZÄÖÜ][^\W\d_]*(?:[ .'/-]{1,2}(?:am|an|der|im|in|of|[A-ZÄÖÜ(][^\W\d_]*\)?)){0,8}) ?"
    r"\((?P<agency>[A-Za-z][\w./ -]{1,30})\) ?[-–—_]{1,2} "
)
SIGN_OFF = re.compile(r"(?<=\S)\s*(?P<sign>(?:/[A-Za-z0-9]{2,4}){2,4})$")
EMBARGO = re.compile(r"^(?:ACHTUNG[:,]? ?)?Sperrfrist\b[^\n]{0,100}", re.IGNORECASE | re.MULTILINE)


def parse(document: Document, source: Source) -> Parsed:
    """One story."""
    written = decode(document.body, document.charset)
    text = to_text(written) if is_markup(written) else tidy(written)
    headline, _, rest = text.partition("\n\n")
    if "\n" in headline and len(headline) > 300:  # no blank line after the headline
        headline, _, rest = text.partition("\n")
    if not headline.strip():
        raise UnreadableError("a text without a word")
    published = None
    first, _, after = rest.partition("\n")
    if STAMP_LINE.match(first.strip()):
        published = german(first, zone(source.timezone), document.received_at)
        rest = after.lstrip("\n")
    places, agency, body = dateline(rest)
    body, sign_off = without_sign_off(body)
    item = Item(
        headline=headline,
        body=body,
        places=places,
        agency=agency,
        published_at=published,
        sign_off=sign_off,
    )
    return Parsed(items=(item,))


def dateline(body: str) -> tuple[tuple[str, ...], str, str]:
    """The places, the agency and the rest of a text that begins with `PLACE/PLACE (agency) - `."""
    if not (found := DATELINE.match(body)):
        return (), "", body
    places = tuple(place.strip() for place in found["places"].split("/"))
    return places, found["agency"].strip(), body[found.end() :]


def without_sign_off(body: str) -> tuple[str, str]:
    """The text and the desk's sign-off, which sticks to its last sentence: `… said./abc/DE/fg`."""
    if not (found := SIGN_OFF.search(body.rstrip())):
        return body, ""
    return body.rstrip()[: found.start()], found["sign"].strip("/")
