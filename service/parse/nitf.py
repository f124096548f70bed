"""NITF 2.5 to 3.6 (IPTC)."""

from __future__ import annotations

from datetime import datetime, tzinfo

from service.model import Document, Instrument, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.dates import iso, zone
from service.parse.embargo import Embargo, strictest
from service.parse.xml import Element, attribute, elements, every, first, language, paragraphs, text

STATUSES = {"usable": Status.USABLE, "embargoed": Status.WITHHELD, "withheld": Status.WITHHELD,
            "canceled": Status.CANCELED, "cancelled": Status.CANCELED}  # fmt: skip


def parse(document: Document, source: Source) -> Parsed:
    """The story of a document, or the several that some services put into one."""
    found, broken = elements(document, "nitf")
    problems = [Problem(f"cut off or not well-formed: {broken}")] if broken else []
    place = zone(source.timezone)
    items = tuple(story(each, place, document.received_at, problems) for each in found)
    return Parsed(items=items, problems=tuple(problems))


def story(element: Element, place: tzinfo, now: datetime, problems: list[Problem]) -> Item:
    """The item in one `nitf` element."""
    docdata, head = first(element, "head/docdata"), first(element, "body/body.head")
    stated_status = attribute(docdata, ".", "management-status").lower()
    status = STATUSES.get(stated_status, Status.USABLE)
    issued = iso(attribute(docdata, "date.issue", "norm"), place, now)
    released_text = attribute(docdata, "date.release", "norm")
    released = iso(released_text, place, now)
    embargo = Embargo()
    # The release date is an embargo where the document says so; a date alone is a plan.
    if stated_status == "embargoed":
        if released:
            status, embargo = Status.USABLE, Embargo(released)
        else:
            problems.append(
                Problem("an embargo that cannot be understood", released_text or "no date.release")
            )
    messages, corrections = every(element, "head/docdata/ed-msg"), every(element, "head/docdata/correction")
    corrected = corrections or any(str(each.get("msg-type")).lower() == "correction" for each in messages)
    places, agency, body = dateline(paragraphs(first(element, "body/body.content")))
    return Item(
        headline=text(head, "hedline/hl1", "headline/hl1") or text(element, "head/title"),
        body=body,
        external_id=attribute(docdata, "doc-id", "id-string") or attribute(docdata, "du-key", "key"),
        version=attribute(docdata, "du-key", "version"),
        slug=attribute(docdata, "du-key", "key"),
        keywords=tuple(
            str(each.get("key"))
            for each in every(element, "head/docdata/key-list/keyword")
            if each.get("key")
        ),
        places=_places(head) or places,
        agency=text(head, "distributor/org", "distributor")
        or attribute(docdata, "doc-id", "regsrc")
        or agency,
        language=str(element.get("baselang") or element.get("lang") or "") or language(element),
        published_at=issued
        or iso(attribute(element, "head/pubdata", "date.publication"), place, now)
        or released,
        updated_at=released or issued,
        embargo_until=embargo.until,
        urgency=_urgency(attribute(docdata, "urgency", "ed-urg")),
        status=strictest(status, embargo.status),
        signal=Signal.KILL if status is Status.CANCELED else Signal.CORRECTION if corrected else Signal.NONE,
        genre=attribute(element, "head/tobject/tobject.property", "tobject.property.type"),
        subjects=tuple(
            f"subj:{each.get('tobject.subject.refnum')}"
            for each in every(element, "head/tobject/tobject.subject")
            if each.get("tobject.subject.refnum")
        ),
        instruments=tuple(
            Instrument("ticker", str(each.get("value")))
            for each in element.iter("{*}org")
            if each.get("value")
        ),
        byline=text(head, "byline"),
        note="\n\n".join(filter(None, (str(each.get("info") or "") for each in (*messages, *corrections)))),
        rights=text(head, "rights") or _copyright(docdata),
    )


def _places(head: Element | None) -> tuple[str, ...]:
    """The places of the dateline."""
    lines = [] if head is None else every(head, "dateline/location")
    named = tuple(text(each, "city", ".") for each in lines)
    return named or tuple(filter(None, [text(head, "dateline").partition(",")[0]]))


def _copyright(docdata: Element | None) -> str:
    """The holder and the year, as the head has them."""
    return " ".join(filter(None, (attribute(docdata, "doc.copyright", name) for name in ("holder", "year"))))


def _urgency(digit: str) -> int:
    return int(digit) if digit in set("123456789") else 0
