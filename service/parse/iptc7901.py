"""IPTC 7901 (1995), as German wires write it: one message or a stream of them, SOH to ETX.

SOH bdt0157 2 pl 41  dpa 0157                service and number, priority, desk, words, agency
Stichwort/Stichwort/
STX (Eil)                                    notes in brackets, each on its own
Headline, which may run over lines =         the block ends with " ="

   Berlin (dpa) - Text in lines of 69 …
# Notizblock                                 from here on not for readers
dpa abc yydd n1 sku                          closing line: author, desk, editor
ETX 251037 Sep 24                            day and time, local unless it says GMT
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from service.model import Document, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.dates import local, month_number, zone
from service.parse.embargo import Embargo, strictest, strongest, unclear, written
from service.parse.encoding import decode
from service.parse.formats import UnreadableError
from service.text.html import tidy

LONGEST_MESSAGE = 262_144  # characters; the standard's line of 69 makes that 3,800 lines
MOST_MESSAGES = 5_000

HEADER = re.compile(  # service, number, priority, desk, the words and what else, agency, number
    r"([A-Za-z]{2,4}) ?(\d{1,5}) +(\d) +(\S{1,4}) +(?:\S+ +){0,4}?([A-Za-z][\w-]{1,9}) +\d{2,5}\b"
)
HEADLINE_ENDS = re.compile(r"(?:^|\s)=\s*$")
LEADING = re.compile(r"\(((?:Eil|Blitz|Flash)[^)\n]{0,40})\)|\((.{1,1000}?)\)\s*(?:\n|$)", re.DOTALL)
CANCELED = re.compile(r"\((Achtung)()\)[^\n]*")
TRAILING = re.compile(r"\n\(([^()]{1,500})\)\s*$")
BYLINE = re.compile(r"(?:Von|By|Por|Par) [A-ZÄÖÜ]")
PICTURE = re.compile(r"(?:Foto|Bild|Archiv|Grafik|Video|Audio|Mit )", re.IGNORECASE)
SIGNALS = {
    "berichtig": Signal.CORRECTION,
    "korrektur": Signal.CORRECTION,
    "correct": Signal.CORRECTION,
    "wiederhol": Signal.REPEAT,
    "repeat": Signal.REPEAT,
    "neu:": Signal.UPDATE,
    "neu ": Signal.UPDATE,
}
WITHDRAWN = re.compile(r"KILL KILL|ELIMINAR - ELIMINAR")
HIDDEN = re.compile(
    r"# ?Notizblock|\W{0,20}Die folgenden Informationen sind nicht zur Veröffentlichung"
    r"|.{0,80}\bnot (?:intended )?for publication",
    re.IGNORECASE,
)
CLOSING = re.compile(r"[a-z]{2,5}(?:-[a-z]{2,4})?(?: [a-z0-9äöü/]{1,9}){2,7}$")
TRAILER = re.compile(r"(\d{2})(\d{2})(\d{2})\s+(?:(GMT|UTC)\s+)?([A-Za-zäÄ]{3})[a-z]{0,7}\s+(\d{2})\b")


class _Parts(NamedTuple):
    """A message, taken apart at its control characters."""

    header: str
    slug: str
    headline: str
    body: str
    trailer: str


@dataclass(slots=True)
class _Head:
    """What the headline block says."""

    title: list[str] = field(default_factory=list)
    byline: str = ""
    genre: str = ""
    notes: list[str] = field(default_factory=list)
    urgency: int = 0
    signal: Signal = Signal.NONE
    status: Status = Status.USABLE
    embargo: Embargo = field(default_factory=Embargo)


def parse(document: Document, source: Source) -> Parsed:
    """The messages of a stream; one that cannot be read is a problem of its own."""
    place, problems, items = zone(source.timezone), [], []
    for message in _messages(decode(document.body, document.charset)):
        if len(message) > LONGEST_MESSAGE:
            problems.append(
                Problem(f"a message of more than {LONGEST_MESSAGE:,} characters was cut", message[:60])
            )
        parts = _take_apart(message[:LONGEST_MESSAGE])
        if not HEADER.match(parts.header):
            problems.append(Problem("a message without a header", parts.header[:60]))
            continue
        items.append(_item(parts, place, document.received_at, problems))
    if not items:
        raise UnreadableError("no IPTC 7901 message in it" if not problems else problems[0].what)
    return Parsed(items=tuple(items), problems=tuple(problems))


def _messages(text: str) -> Iterator[str]:
    """What stands from one SOH to the next; the ETX with its date lies between."""
    for message in text.split("\x01", MOST_MESSAGES + 1)[1 : MOST_MESSAGES + 1]:
        if message.strip():
            yield message.replace("\r\n", "\n").replace("\r", "\n")


def _take_apart(message: str) -> _Parts:
    """The five parts; where STX is missing, the headline begins after the slug."""
    content, _, trailer = message.partition("\x03")
    start, found, rest = content.partition("\x02")
    header, _, slug = start.strip("\x00 \n").partition("\n")
    if not found:
        slug, _, rest = slug.strip().partition("\n")
    lines = rest.strip("\n").split("\n")
    end = next((number for number, line in enumerate(lines[:30]) if HEADLINE_ENDS.search(line)), 0)
    headline = "\n".join(lines[: end + 1])
    return _Parts(
        header.strip(), slug.strip(), HEADLINE_ENDS.sub("", headline), "\n".join(lines[end + 1 :]), trailer
    )


def _item(parts: _Parts, place: tzinfo, now: datetime, problems: list[Problem]) -> Item:
    """One message, read."""
    header = HEADER.match(parts.header)
    assert header is not None  # parse() has looked
    service, number, priority, desk, agency = (
        header[1].lower(),
        header[2],
        int(header[3]),
        header[4],
        header[5],
    )
    head = _head(parts.headline, place, now)
    problems += head.embargo.problems
    lines, note, sign_off = _parted(parts.body)
    places, credit, body = dateline(_joined(lines))
    written_at = _moment(parts.trailer, place, now)
    slug = " ".join(parts.slug.split())
    return Item(
        headline=" ".join(head.title),
        body=body,
        # The numbers begin anew at the agency's midnight, not at that of UTC.
        external_id=f"{service}{number}-{(written_at or now).astimezone(place):%Y%m%d}",
        slug=slug,
        keywords=tuple(word.strip() for word in slug.split("/")),
        places=places,
        agency=credit or agency,
        published_at=written_at,
        updated_at=written_at,
        embargo_until=head.embargo.until,
        urgency=head.urgency or priority,
        status=strictest(head.status, head.embargo.status),
        signal=head.signal,
        genre=head.genre,
        subjects=(desk,),
        byline=head.byline,
        sign_off=sign_off,
        note=tidy("\n\n".join([*head.notes, note])),
    )


def _head(block: str, place: tzinfo, now: datetime) -> _Head:
    """The headline block: notes in brackets around the title, a byline after it."""
    head = _Head()
    rest = block.replace("\x07", "").strip()
    while note := LEADING.match(rest) or CANCELED.match(rest):
        _note(head, " ".join((note[1] or note[2]).split()), place, now)
        rest = rest[note.end() :].lstrip()
    while note := TRAILING.search(rest):
        head.notes.append(" ".join(note[1].split()))
        rest = rest[: note.start()]
    for line in filter(None, (" ".join(line.split()) for line in rest.split("\n"))):
        if head.title and BYLINE.match(line):
            head.byline = line
        else:
            head.title.append(line)
    if WITHDRAWN.search(rest):
        head.signal = Signal.KILL
    return head


def _note(head: _Head, words: str, place: tzinfo, now: datetime) -> None:
    """What one note in brackets says of the message."""
    lower = words.lower()
    if lower.startswith(("blitz", "flash")):
        head.urgency = 1
    elif lower.startswith("eil"):
        head.urgency = 2
    elif lower.startswith("achtung"):
        head.status, head.signal = Status.CANCELED, Signal.KILL
        head.notes.append(words)
    elif signal := next((meant for start, meant in SIGNALS.items() if lower.startswith(start)), None):
        head.signal = strongest(head.signal, signal)
        head.notes.append(words)
    elif (start := lower.find("sperrfrist")) >= 0:
        head.embargo = written(words[start:], place, now)
        if head.embargo == Embargo():  # a notice in an unknown form is a notice all the same
            head.embargo = unclear(words)
        head.genre = words[:start].strip(" -") or head.genre
    elif head.genre or PICTURE.match(words):
        head.notes.append(words)
    else:
        head.genre = words


def _parted(body: str) -> tuple[list[str], str, str]:
    """The lines for readers, the desk's notes, and the closing line."""
    lines = [line.rstrip() for line in body.rstrip().split("\n")]
    sign_off = ""
    if lines and CLOSING.match(lines[-1].strip()):
        sign_off = lines.pop().strip()
    hidden = next((number for number, line in enumerate(lines) if HIDDEN.match(line.strip())), len(lines))
    return lines[:hidden], "\n".join(lines[hidden:]).strip(), sign_off


def _joined(lines: list[str]) -> str:
    """Paragraphs of whole lines: one begins after a blank line or with an indented one."""
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if not line.strip() or line.startswith("  "):
            paragraphs.append([])
        paragraphs[-1].append(line.strip())
    return "\n\n".join(" ".join(paragraph).strip() for paragraph in paragraphs if any(paragraph))


def _moment(trailer: str, place: tzinfo, now: datetime) -> datetime | None:
    """The moment after ETX, `251037 Sep 24`; None if there is none."""
    found = TRAILER.search(trailer[:100])
    if found is None or not (month := month_number(found[5])):
        return None
    try:
        naive = datetime(2000 + int(found[6]), month, int(found[1]), int(found[2]), int(found[3]))  # noqa: DTZ001 - its zone follows
        return local(naive, UTC if found[4] else place, now)
    except (ValueError, OverflowError):
        return None
