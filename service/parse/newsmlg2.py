"""NewsML-G2 (IPTC, 2.9 to 2.34): newsItem and packageItem, alone or several in a newsMessage."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from lxml import etree

from service.model import Document, Instrument, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.dates import iso, zone
from service.parse.embargo import stated, strictest, strongest
from service.parse.xml import (
    Element,
    attribute,
    elements,
    every,
    first,
    language,
    local,
    paragraphs,
    path,
    text,
)
from service.text.html import tidy, to_text

READ = frozenset({"", "text", "composite"})  # item classes (ninat:) that are news to read
STATUSES = {"usable": Status.USABLE, "withheld": Status.WITHHELD, "canceled": Status.CANCELED,
            "cancelled": Status.CANCELED, "withdrawn": Status.CANCELED}  # fmt: skip
SIGNALS = {"update": Signal.UPDATE, "writethru": Signal.UPDATE, "correction": Signal.CORRECTION,
           "repeat": Signal.REPEAT, "kill": Signal.KILL, "canceled": Signal.KILL}  # fmt: skip
COLLECTION = "collection"  # the genre of what only lists other items


def parse(document: Document, source: Source) -> Parsed:
    """The items of a message; pictures, video and the like are left out and counted."""
    found, broken = elements(document, "newsItem", "packageItem", may_lack=True)
    problems = [Problem(f"cut off or not well-formed: {broken}")] if broken else []
    if not found:
        problems.append(
            Problem("a message without a news item")
        )  # some are sent so that a line is known to live
    items = []
    for element in found:
        kind = _concept(first(element, "itemMeta/itemClass"))
        if local(element) == "newsItem" and kind not in READ:
            problems.append(
                Problem(f"an item of class {kind} was left out: no text", element.get("guid") or "")
            )
        else:
            items.append(_item(element, zone(source.timezone), document.received_at, problems))
    return Parsed(items=tuple(items), problems=tuple(problems))


def _item(element: Element, place: tzinfo, now: datetime, problems: list[Problem]) -> Item:
    """One item."""
    meta, content = first(element, "itemMeta"), first(element, "contentMeta")
    held = first(element, "itemMeta/embargoed")
    embargo = stated(None if held is None else text(held), place, now)
    problems += embargo.problems
    signals = [SIGNALS.get(_concept(each), Signal.NONE) for each in every(element, "itemMeta/signal")]
    status = STATUSES.get(_concept(first(element, "itemMeta/pubStatus")), Status.USABLE)
    if status is Status.CANCELED:
        signals.append(Signal.KILL)
    created = iso(text(meta, "firstCreated"), place, now) or iso(text(content, "contentCreated"), place, now)
    versioned = iso(text(meta, "versionCreated"), place, now)
    places, agency, body = dateline(_body(element))
    return Item(
        headline=_headline(content) or text(meta, "title"),
        body=body,
        external_id=str(element.get("guid") or ""),
        version=str(element.get("version") or ""),
        slug=text(content, "slugline"),
        keywords=tuple(text(each) for each in every(element, "contentMeta/keyword")),
        places=tuple(_name(each) for each in every(element, "contentMeta/located")) or places,
        agency=text(content, "infoSource/name", "creditline")
        or _code(attribute(content, "infoSource", "qcode"))
        or _name(first(element, "itemMeta/provider"))
        or agency,
        language=attribute(content, "language", "tag") or language(element),
        published_at=created or versioned,
        updated_at=versioned,
        embargo_until=embargo.until,
        urgency=_number(text(content, "urgency")),
        status=strictest(status, embargo.status),
        signal=strongest(Signal.NONE, *signals),
        genre=COLLECTION if local(element) == "packageItem" else _name(first(element, "contentMeta/genre")),
        subjects=tuple(
            str(each.get("qcode")) for each in every(element, "contentMeta/subject") if each.get("qcode")
        ),
        instruments=tuple(
            Instrument("ticker", str(each.get("symbol")))
            for each in element.iter(path("hasInstrument"))
            if each.get("symbol")
        ),
        byline=text(content, "by", "creator/name"),
        note="\n\n".join(text(each) for each in every(element, "itemMeta/edNote")),
        link=next((str(each.get("href")) for each in every(element, "itemMeta/link") if _is_page(each)), ""),
        rights=text(
            element, "rightsInfo/copyrightNotice", "rightsInfo/copyrightHolder/name", "rightsInfo/usageTerms"
        ),
    )


def _headline(content: Element | None) -> str:
    """The headline without a role or in the main one, else the first."""
    headlines = [] if content is None else every(content, "headline")
    main = [each for each in headlines if _code(each.get("role")) in {"", "main", "headline", "hl1"}]
    return text(next(iter(main or headlines), None))


def _body(element: Element) -> str:
    """The text of the content, the longest where it comes in several renditions."""
    renditions = [
        paragraphs(first(inline, "nitf/body/body.content", "html/body", "."))
        for inline in every(element, "contentSet/inlineXML")
    ]
    for data in every(element, "contentSet/inlineData"):
        words = "".join(map(str, data.itertext(etree.Element)))
        renditions.append(to_text(words) if "html" in (data.get("contenttype") or "") else tidy(words))
    return max(renditions, key=len, default="") or "\n\n".join(
        paragraphs(each) for each in every(element, "contentMeta/description")
    )


def _is_page(link: Element) -> bool:
    """Whether a link leads a reader to this item on the web."""
    return bool(link.get("href")) and _code(link.get("rel")) in {
        "",
        "alternate",
        "hasalternate",
        "permalink",
        "seealso",
    }


def _name(element: Element | None) -> str:
    """What a person calls the concept: its name, else its literal, else its code."""
    if element is None:
        return ""
    return text(element, "name") or str(element.get("literal") or "") or _code(element.get("qcode"))


def _concept(element: Element | None) -> str:
    """The code of the concept that an element names, by QCode or, since 2.11, by URI."""
    return "" if element is None else _code(element.get("qcode") or element.get("uri"))


def _code(name: str | None) -> str:
    """The code without its scheme: "usable" for "stat:usable", and for ".../pubstatusg2/usable"."""
    return re.split("[:/#]", str(name or ""))[-1].lower()


def _number(digits: str) -> int:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 3 else 0
