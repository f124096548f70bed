"""dpa digital wires (JSON, format digitalwires 0.9 and 1.x): one entry, or the answer of a queue.

An entry's `urn` is the story and keeps through all versions; `entry_id` is one delivery of it. A recall
comes as a new version with the status "canceled".
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from service.model import Document, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.dates import iso, zone
from service.parse.embargo import stated, strictest
from service.parse.formats import UnreadableError, keys
from service.parse.objects import Object, child, number, objects, read, text, texts
from service.text.html import to_text

STATUSES = {"usable": Status.USABLE, "withheld": Status.WITHHELD, "canceled": Status.CANCELED}
SIGNALS = {"update": Signal.UPDATE, "correction": Signal.CORRECTION, "repeat": Signal.REPEAT,
           "repetition": Signal.REPEAT, "kill": Signal.KILL}  # fmt: skip
USUAL_URGENCY = 3  # where an entry says none
CLOSING = "dpaednoterole:closingline"


def sniff(head: bytes, _media_type: str, _name: str) -> bool:
    """An entry, or a list of entries that is no JSON Feed."""
    known = keys(head)
    return {b"urn", b"version_created"} <= known or (b"entries" in known and b"items" not in known)


def parse(document: Document, source: Source) -> Parsed:
    """The entries; of an answer that was cut off, those that came whole."""
    answer, problems = read(document, "entries")
    if isinstance(answer, dict) and isinstance(answer.get("entries"), list):
        answer = answer["entries"]
    place = zone(source.timezone)
    items = []
    for entry in objects(answer):
        if text(entry, "urn"):
            items.append(_item(entry, place, document.received_at, problems))
        else:
            problems.append(Problem("an entry without a urn was left out", text(entry, "entry_id")))
    if problems and not items:
        raise UnreadableError(f"no dpa digital wire in it: {problems[0].what}")
    return Parsed(items=tuple(items), problems=tuple(problems))


def _item(entry: Object, place: tzinfo, now: datetime, problems: list[Problem]) -> Item:
    """One entry."""
    held = text(entry, "embargoed") or None
    embargo = stated(held, place, now)
    problems += embargo.problems
    status = STATUSES.get(text(entry, "pubstatus").lower(), Status.USABLE)
    signal = SIGNALS.get(text(entry, "signal").rpartition(":")[2].lower(), Signal.NONE)
    versioned = iso(text(entry, "version_created"), place, now)
    credited, agency, article = dateline(to_text(text(entry, "article_html")))
    notes = [note for note in objects(entry.get("ednotes")) if text(note, "role") != CLOSING]
    public, hidden = (
        to_text(text(child(entry, "notepad"), key)) for key in ("public_html", "nonpublic_html")
    )
    return Item(
        headline=to_text(text(entry, "headline")),
        body=_body(entry, article),
        external_id=text(entry, "urn"),
        version=text(entry, "version"),
        slug="/".join(texts(entry, "keyword_names")),
        keywords=texts(entry, "keyword_names") + texts(entry, "kicker"),
        places=tuple(filter(None, text(entry, "dateline").partition("(")[0].strip().split("/"))) or credited,
        agency=text(entry, "creditline") or agency or _first_name(entry, "dnltype:provider"),
        language=text(entry, "language"),
        published_at=iso(text(entry, "content_created"), place, now) or versioned,
        updated_at=versioned,
        embargo_until=embargo.until,
        urgency=number(entry, "urgency") or USUAL_URGENCY,
        status=strictest(status, embargo.status),
        signal=Signal.KILL if status is Status.CANCELED else signal,
        genre=next(iter(texts(entry, "genre_names")), "") or _first_name(entry, "dnltype:genre"),
        subjects=tuple(
            text(category, "qcode")
            for category in objects(entry.get("categories"))
            if text(category, "type") in {"dnltype:dpasubject", "dnltype:geosubject", "dnltype:desk"}
        ),
        byline=text(entry, "byline"),
        sign_off=" ".join(
            text(note, "ednote") for note in objects(entry.get("ednotes")) if note not in notes
        ),
        note="\n\n".join(filter(None, (*(text(note, "ednote") for note in notes), public, hidden))),
        rights=text(entry, "copyrightnotice", "usageterms"),
    )


def _body(entry: Object, article: str) -> str:
    """The article between its subhead and its boxes; the teaser where there is no article yet."""
    around = [to_text(text(entry, key)) for key in ("subhead", "teaser", "infobox_html", "linkbox_html")]
    subhead, teaser, *boxes = around
    return "\n\n".join(filter(None, (subhead, article or teaser, *boxes)))


def _first_name(entry: Object, kind: str) -> str:
    """The name of the first category of a kind."""
    named = (text(one, "name") for one in objects(entry.get("categories")) if text(one, "type") == kind)
    return next(filter(None, named), "")
