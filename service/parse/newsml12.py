"""NewsML 1.2 (IPTC, 2003): NewsItems in an envelope, with NITF, XHTML or plain text inside."""

from __future__ import annotations

from datetime import datetime, tzinfo

from lxml import etree

from service.model import Document, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.dates import iso, zone
from service.parse.embargo import Embargo, stated, strictest, strongest
from service.parse.xml import Element, attribute, elements, every, first, language, paragraphs, path, text
from service.text.html import tidy

STATUSES = {"usable": Status.USABLE, "embargoed": Status.WITHHELD, "withheld": Status.WITHHELD,
            "canceled": Status.CANCELED, "cancelled": Status.CANCELED}  # fmt: skip


def parse(document: Document, source: Source) -> Parsed:
    """The items of a document, or those before it was cut off."""
    found, broken = elements(document, "NewsItem")
    problems = [Problem(f"cut off or not well-formed: {broken}")] if broken else []
    place = zone(source.timezone)
    items = tuple(_item(each, place, document.received_at, problems) for each in found)
    return Parsed(items=items, problems=tuple(problems))


def _item(element: Element, place: tzinfo, now: datetime, problems: list[Problem]) -> Item:
    """One NewsItem: its identity and management, and the first component that has lines to read."""
    identity, management = first(element, "Identification/NewsIdentifier"), first(element, "NewsManagement")
    components = [*element.iter(path("NewsComponent"))]
    component = next((each for each in components if text(each, "NewsLines/HeadLine")), None)
    if component is None:
        component = components[0] if components else element
    lines, description = first(component, "NewsLines"), first(component, "DescriptiveMetadata")
    status, embargo = _status(management, place, now)
    problems += embargo.problems
    revised = attribute(identity, "RevisionId", "Update")  # N: none, A: all, U: this update
    signals = [_signal(each) for each in every(element, "NewsManagement/Instruction")]
    if status is Status.CANCELED:
        signals.append(Signal.KILL)
    elif revised in {"A", "U"} or _positive(attribute(identity, "RevisionId", "PreviousRevision")):
        signals.append(Signal.UPDATE)
    places, agency, body = dateline(_body(component))
    administration = first(component, "AdministrativeMetadata")
    return Item(
        headline=text(lines, "HeadLine"),
        body=body,
        external_id=_identity(identity),
        version=text(identity, "RevisionId"),
        slug=text(lines, "SlugLine") or text(element, "Identification/NameLabel"),
        keywords=tuple(
            str(each.get("Value"))
            for each in component.iter(path("Property"))
            if each.get("FormalName") == "Keyword" and each.get("Value")
        ),
        places=tuple(filter(None, [attribute(component, "DescriptiveMetadata/Location/Property", "Value")]))
        or places,
        agency=text(lines, "CreditLine")
        or attribute(administration, "Provider/Party", "FormalName")
        or attribute(administration, "Source/Party", "FormalName")
        or text(identity, "ProviderId")
        or agency,
        language=attribute(description, "Language", "FormalName") or language(component),
        published_at=iso(text(management, "FirstCreated"), place, now),
        updated_at=iso(text(management, "ThisRevisionCreated"), place, now),
        embargo_until=embargo.until,
        urgency=_urgency(attribute(management, "Urgency", "FormalName")),
        status=strictest(status, embargo.status),
        signal=strongest(Signal.NONE, *signals),
        genre=attribute(description, "Genre", "FormalName"),
        subjects=tuple(
            f"subj:{each.get('FormalName')}"
            for code in component.iter(path("SubjectCode"))
            for each in code.iterchildren(etree.Element)
            if each.get("FormalName")
        ),
        byline=text(lines, "ByLine"),
        note="\n\n".join(filter(None, (text(each) for each in every(element, "NewsManagement/Instruction")))),
        rights=text(lines, "CopyrightLine", "RightsLine")
        or text(component, "RightsMetadata/UsageRights/UsageType"),
    )


def _status(management: Element | None, place: tzinfo, now: datetime) -> tuple[Status, Embargo]:
    """The status, and the moment at which an embargoed item says it will become usable."""
    name = attribute(management, "Status", "FormalName").lower()
    if name != "embargoed":
        return STATUSES.get(name, Status.USABLE), Embargo()
    until = attribute(management, "StatusWillChange/DateAndTime", "value") or text(
        management, "StatusWillChange/DateAndTime"
    )
    return Status.USABLE, stated(until, place, now)


def _identity(identity: Element | None) -> str:
    """The public identifier without its revision, so that all versions share it."""
    parts = [text(identity, name) for name in ("ProviderId", "DateId", "NewsItemId")]
    if all(parts):
        return ":".join(parts)
    return text(identity, "PublicIdentifier").rpartition(":")[0] or text(identity, "NewsItemId")


def _signal(instruction: Element) -> Signal:
    """What an instruction to the desks means."""
    name = str(instruction.get("FormalName") or "").lower()
    for word, signal in (
        ("kill", Signal.KILL),
        ("correct", Signal.CORRECTION),
        ("update", Signal.UPDATE),
        ("rectify", Signal.CORRECTION),
    ):
        if word in name:
            return signal
    return Signal.NONE


def _body(component: Element) -> str:
    """The longest text among the contents."""
    renditions = []
    for content in component.iter(path("DataContent")):
        inner = first(content, "nitf/body/body.content", "html/body")
        if inner is not None or len(content):
            renditions.append(paragraphs(content if inner is None else inner))
        else:
            renditions.append(tidy("".join(map(str, content.itertext(etree.Element)))))
    return max(renditions, key=len, default="")


def _positive(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and int(digits[:9]) > 0


def _urgency(digit: str) -> int:
    return int(digit) if digit in set("123456789") else 0
