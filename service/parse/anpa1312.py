"""ANPA 1312 (1989), as North American wires still write it. Read only, Latin-1.

SYN SYN SOH a0433 US bc-slug          service letter and number
r i DC3 DC1 BC-US--Slug, 1st Ld-Writethru,0512
STX ^BC-US--Slug,1st Ld-Writethru,512<
^Headline<
^By A NAME=
TAB Paragraph …
ETX AP-WF-11-13-18 1049GMT            month, day, year and time
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from service.model import Document, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.encoding import decode
from service.parse.formats import UnreadableError

LONGEST_MESSAGE = 262_144  # characters
MOST_MESSAGES = 5_000

HEADER = re.compile(r"([A-Za-z])(\d{4})\x1f?\s*([^\n]*)")
SECOND = re.compile(r"([a-z]) ([a-z])[\x11-\x14 ]*", re.IGNORECASE)
CARET = re.compile(r"\s*\^([^\n]*?)[<=]?\s*$")
SLUG = re.compile(r"(?:am|pm|bc|ap)-(.*)", re.IGNORECASE)
VERSION = re.compile(
    r"\b(?:\d+(?:st|nd|rd|th) (?:Ld|Add)(?:-Writethru)?|Writethru|UPDATE \d+)\b", re.IGNORECASE
)
CORRECTED = re.compile(r"\bCORRECTION\b|\bCorrects\b")
WITHDRAWN = re.compile(r"\bKILL\b|\bMANDATORY KILL\b|\bELIMINAT(?:E|ION)\b")
WITHHELD = re.compile(r"\bWITHHOLD\b|\bHOLD FOR RELEASE\b")
ADVISORY = re.compile(r"(?:(?:BULLETIN|MANDATORY|URGENT)\W+)*(?:KILL|ELIMINAT|WITHHOLD|HOLD|CORRECT|Correct)")
ADVICE = re.compile(r"Ed(?:s|itors)\b")  # how a line to the desks begins
CREDIT = re.compile(r"^(?P<places>[A-Z][A-Za-z .,'-]{1,60}?) \((?P<agency>[A-Z]{2,10})\) ?[_—–-]{1,2} ")
TRAILER = re.compile(r"(\d{2})-(\d{2})-(\d{2})\s+(\d{2})(\d{2})GMT")
# Flash and bulletin, urgent, regular, deferred, and what is for the weekend.
URGENCY = {"f": 1, "u": 2, "b": 2, "r": 4, "d": 6, "z": 5}


def parse(document: Document, source: Source) -> Parsed:  # noqa: ARG001 - all its times are GMT
    """The messages of a stream."""
    items, problems = [], []
    text = decode(document.body, document.charset or "latin-1").replace("\r\n", "\n").replace("\r", "\n")
    for message in text.split("\x01", MOST_MESSAGES + 1)[1 : MOST_MESSAGES + 1]:
        if header := HEADER.match(message):
            items.append(_item(header, message[header.end() : LONGEST_MESSAGE], document.received_at))
        else:
            problems.append(Problem("a message without a header", message[:60]))
    if not items:
        raise UnreadableError("no ANPA 1312 message in it")
    return Parsed(items=tuple(items), problems=tuple(problems))


def _item(header: re.Match[str], message: str, now: datetime) -> Item:
    """One message."""
    content, _, trailer = message.partition("\x03")
    management, _, rest = content.partition("\x02")
    second = SECOND.search(management)
    carets, body = _lines(rest, tabular="\x12" in management)
    slug = header[3].strip() or (carets[0] if carets else "")
    if carets and (SLUG.match(carets[0]) or VERSION.search(carets[0])):
        slug = carets.pop(0)
    named = next((at for at, line in enumerate(carets) if not ADVICE.match(line)), None)
    headline = "" if named is None else carets.pop(named)
    written_at = _moment(trailer)
    version = VERSION.search(f"{slug} {management}")
    keyword = (SLUG.match(slug) or [slug, slug])[1].split(",")[0].strip("- ")
    places, agency, body = _credit(body)
    mark = headline if ADVISORY.match(headline) else ""  # "Police kill three" takes nothing back
    status, signal = _status(" ".join([slug, mark, *carets]), version is not None)
    return Item(
        headline=headline,
        body=body,
        # The slug is repeated unchanged on every version of a day's story, the number is not.
        external_id=f"{header[1].lower()}-{keyword.lower()}-{(written_at or now):%Y%m%d}" if keyword else "",
        version=version[0] if version else "",
        slug=keyword,
        keywords=tuple(word for word in keyword.split("--") if word),
        places=places,
        agency=agency,
        published_at=written_at,
        updated_at=written_at,
        urgency=URGENCY.get(second[1].lower(), 0) if second else 0,
        status=status,
        signal=signal,
        subjects=(second[2],) if second else (),
        byline=next((line for line in carets if line.startswith("By ")), ""),
        note="\n\n".join(line for line in carets if not line.startswith("By ")),
    )


def _lines(text: str, *, tabular: bool) -> tuple[list[str], str]:
    """The lines marked by a caret, and the paragraphs, which begin with a tab."""
    carets: list[str] = []
    paragraphs: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.lstrip().startswith("^") and (found := CARET.match(line)):
            carets.append(" ".join(found[1].split()))
            continue
        if line.startswith("\t") or not line.strip():
            paragraphs.append([])
        paragraphs[-1].append(line.strip())
    glue = "\n" if tabular else " "
    return carets, "\n\n".join(glue.join(lines).strip() for lines in paragraphs if any(lines))


def _credit(body: str) -> tuple[tuple[str, ...], str, str]:
    """The dateline `CITY (AP) _ `, off the text."""
    if found := CREDIT.match(body):
        return (found["places"].strip(" ,"),), found["agency"], body[found.end() :]
    return dateline(body)


def _status(words: str, rewritten: bool) -> tuple[Status, Signal]:
    """What the marks in the header lines ask for."""
    if WITHDRAWN.search(words):
        return Status.CANCELED, Signal.KILL
    if WITHHELD.search(words):
        return Status.WITHHELD, Signal.NONE
    if CORRECTED.search(words):
        return Status.USABLE, Signal.CORRECTION
    return Status.USABLE, Signal.UPDATE if rewritten else Signal.NONE


def _moment(trailer: str) -> datetime | None:
    """The moment after ETX."""
    if not (found := TRAILER.search(trailer[:100])):
        return None
    month, day, year, hour, minute = (int(part) for part in found.groups())
    try:
        return datetime(2000 + year if year < 70 else 1900 + year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
