"""ninjs 1.0 to 1.5, 2.x and 3.x (IPTC): one item, a list of them, or an object with such a list.

Versions 2 and 3 write in camel case what version 1 wrote in lower case, and give several headlines and
bodies where it gave one.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from service.model import Document, Instrument, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.dates import iso, zone
from service.parse.embargo import stated, strictest
from service.parse.formats import UnreadableError, keys
from service.parse.objects import Object, number, objects, read, text, texts
from service.text.html import is_markup, tidy, to_text

LISTS = ("items", "_items", "entries")  # where services put several
READ = frozenset({"", "text", "composite", "story"})
OWN = frozenset({b"headline", b"headlines", b"bodies", b"body_html", b"body_text", b"body_xhtml", b"standard",
                 b"pubstatus", b"pubStatus", b"versioncreated", b"versionCreated"})  # fmt: skip
STATUSES = {"usable": Status.USABLE, "withheld": Status.WITHHELD, "canceled": Status.CANCELED,
            "cancelled": Status.CANCELED}  # fmt: skip
SIGNALS = {
    "update": Signal.UPDATE,
    "correction": Signal.CORRECTION,
    "repeat": Signal.REPEAT,
    "kill": Signal.KILL,
}


def sniff(head: bytes, _media_type: str, _name: str) -> bool:
    """An item has a `uri`, and something of its own besides."""
    known = keys(head)
    return b"uri" in known and not known.isdisjoint(OWN)


def parse(document: Document, source: Source) -> Parsed:
    """The items; pictures, video and the like are left out and counted."""
    found, problems = read(document, *LISTS)
    for key in LISTS:
        if isinstance(found, dict) and "uri" not in found and isinstance(found.get(key), list):
            found = found[key]
    items = []
    for raw in objects(found):
        one = {key.lower().replace("_", ""): value for key, value in raw.items()}
        if (kind := text(one, "type").lower()) not in READ:
            problems.append(Problem(f"an item of type {kind} was left out: no text", text(one, "uri")))
        elif text(one, "uri"):
            items.append(_item(one, zone(source.timezone), document.received_at, problems))
        else:
            problems.append(Problem("an item without a uri was left out", text(one, "headline")))
    if found != [] and not any("uri" in raw for raw in objects(found)):
        raise UnreadableError("JSON without a ninjs item in it")
    return Parsed(items=tuple(items), problems=tuple(problems))


def _item(one: Object, place: tzinfo, now: datetime, problems: list[Problem]) -> Item:
    """One item, its keys in lower case without underscores."""
    held = one.get("embargoed")
    embargo = stated(None if held is None else str(held), place, now)
    problems += embargo.problems
    status = STATUSES.get(text(one, "pubstatus").lower(), Status.USABLE)
    signal = SIGNALS.get(text(one, "signal").rpartition(":")[2].lower(), Signal.NONE)
    versioned = iso(text(one, "versioncreated"), place, now)
    created = iso(text(one, "firstcreated"), place, now) or iso(text(one, "contentcreated"), place, now)
    places, agency, body = dateline(_body(one))
    return Item(
        headline=to_text(text(one, "headline") or _main(one, "headlines") or text(one, "title")),
        body=body,
        external_id=text(one, "uri"),
        version=text(one, "version"),
        slug=text(one, "slugline"),
        keywords=texts(one, "keywords") + _names(one, "keywords"),
        places=_names(one, "located", "datelines") or _names(one, "place", "places") or places,
        agency=next(iter(_names(one, "infosources", "infosource", "source", "provider")), agency),
        language=text(one, "language"),
        published_at=created or versioned,
        updated_at=versioned,
        embargo_until=embargo.until,
        urgency=number(one, "urgency"),
        status=strictest(status, embargo.status),
        signal=Signal.KILL if status is Status.CANCELED else signal,
        genre=next(iter(_names(one, "genre", "genres")), ""),
        subjects=tuple(
            _scheme(subject) + text(subject, "code", "uri", "name")
            for key in ("subject", "subjects")
            for subject in objects(one.get(key))
        ),
        instruments=tuple(
            Instrument("ticker", symbol)
            for key in ("organisation", "organisations")
            for organization in objects(one.get(key))
            for listed in objects(organization.get("symbols"))
            if (symbol := text(listed, "ticker", "symbol"))
        ),
        byline=text(one, "byline") or ", ".join(_names(one, "by")),
        note=text(one, "ednote"),
        link=next((href for link in objects(one.get("link")) if (href := text(link, "href"))), ""),
        rights=text(one, "copyrightnotice", "copyrightholder", "usageterms"),
    )


def _body(one: Object) -> str:
    """The longest of the bodies, else the description."""
    bodies = [to_text(text(one, "bodyhtml")), to_text(text(one, "bodyxhtml")), tidy(text(one, "bodytext"))]
    for body in objects(one.get("bodies")):
        value = text(body, "value")
        bodies.append(to_text(value) if is_markup(value) else tidy(value))
    descriptions = to_text(text(one, "descriptiontext", "descriptionhtml") or _main(one, "descriptions"))
    return max(bodies, key=len) or descriptions


def _main(one: Object, key: str) -> str:
    """The value that has no role or the main one, else the first."""
    values = objects(one.get(key))
    main = [value for value in values if text(value, "role").lower() in {"", "main", "headline"}]
    return text(next(iter(main or values), None), "value")


def _names(one: Object, *keys: str) -> tuple[str, ...]:
    """The names under the first of the keys that has any, be it a text, an object or a list."""
    for key in keys:
        found = texts(one, key) or tuple(
            filter(None, (text(entry, "name", "literal", "value", "text") for entry in objects(one.get(key))))
        )
        if found:
            return found
    return ()


def _scheme(subject: Object) -> str:
    """The scheme as a prefix, where it is one and no address."""
    scheme = text(subject, "scheme")
    return f"{scheme}:" if scheme and "/" not in scheme else ""
