"""What a template sees: a `Notice` in, plain values out, each cleaned and cut to what a message has room for.

Nothing here is escaped yet: that is done by the dialect the words go to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from service.deliver import dialect
from service.deliver.excerpt import WINDOW, Piece, difference, excerpt, marked
from service.model import DeliveryKind, Evidence, Item, Notice, Status, Telling

REASONS = 8  # places that are named for one rule; the rest is counted
OTHERS = 6  # other sources that are listed
ENTRIES = 50  # stories that a digest lists

DATES = {
    "en": "%d %b %Y",
    "de": "%d.%m.%Y",
}  # the languages that there are words for; the first is the default
ZONES = {"de": {"CET": "MEZ", "CEST": "MESZ"}}  # what zones are called there

MARK_ENDS = " :/-–(…)"  # what stands between a mark and the headline

BODY_FIELDS = frozenset({"body", "lead"})  # the lead is the beginning of the body: its places are the same


@dataclass(frozen=True, slots=True)
class Place:
    """One reason of a hit: the words found, the term they stand for, the fields, and how they were found."""

    text: str
    term: str
    how: str
    list: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule hit: its places, and how many more there are."""

    rule: str
    places: tuple[Place, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An item as it is shown."""

    title: str
    language: str
    headline: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]
    source: str
    when: str
    link: str
    story: int
    rules: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    embargo: str = ""
    withheld: bool = False
    late: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """The same story elsewhere."""

    source: str
    when: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a later version changed."""

    headline: tuple[Piece, ...] = ()
    body: tuple[Piece, ...] = field(default=())


def view(notice: Notice, base_url: str, agent: str) -> dict[str, Any]:
    """The names that every template may use."""
    about = notice.item or notice.previous
    others = [s for s in notice.sightings if s.source != notice.source]
    when = _clock_of(notice)
    # A digest speaks one language and shows one zone, whatever its parts were gathered for.
    entries = [
        replace(entry, zone=notice.zone, language=notice.language) for entry in notice.entries[:ENTRIES]
    ]
    return {
        "kind": notice.kind.value,
        "language": spoken(notice.language),
        "agent": agent,
        "channel": notice.channel,
        "recipient": notice.recipient,
        "rules": rules(notice),
        "item": shown(notice, notice.item) if notice.item else None,
        "previous": shown(notice, notice.previous, told=True) if notice.previous else None,
        "changes": _changes(notice),
        "others": [Other(_name(s.source), when(s.at), address(s.link)) for s in others[:OTHERS]],
        "more_others": max(len(others) - OTHERS, 0),
        "late": _span(notice.late) if notice.late else "",
        "now": when(notice.now),
        "topic": _topic(notice),
        "first": when(notice.first_at) if notice.first_at else "",
        "title": dialect.clean(notice.title),
        "paragraphs": [_lines(part) for part in notice.text.split("\n\n") if part.strip()],
        "entries": [shown(entry, entry.item) for entry in entries if entry.item],
        "more_entries": max(len(notice.entries) - ENTRIES, 0) + notice.more,
        "gathered": notice.gathered,
        "unacknowledged": _span(notice.unacknowledged) if notice.unacknowledged else "",
        "links": {name: url for name, url in notice.links.items() if address(url)},
        "monitor_url": f"{base_url.rstrip('/')}/stories/{about.story}" if base_url and about else base_url,
        "withdrawn": bool(notice.item and notice.item.status is Status.CANCELED),
    }


def shown(notice: Notice, item: Item, *, told: bool = False, window: int = WINDOW) -> Shown:
    """An item with the places of the notice; `told` is an earlier version, to which they do not belong."""
    evidence = [] if told else [place for telling in notice.tellings for place in telling.evidence]
    body = [place for place in evidence if place.field in BODY_FIELDS]
    title = _headline(item.headline)
    when = _clock_of(notice)
    at = item.updated_at or item.published_at or item.received_at
    blocked = item.embargo_until and item.embargo_until > notice.now
    return Shown(
        title=title,
        language=item.language,
        headline=marked(item.headline, [e for e in evidence if e.field == "title"]) or (Piece(title),),
        excerpt=excerpt(item.body, body, window) if window else (),
        source=_name(notice.source),
        when=when(at) if at else "",
        link=address(item.link),
        story=item.story,
        rules=_names(notice.tellings),
        reasons=tuple(_reason(telling) for telling in notice.tellings if telling.evidence)
        if not told
        else (),
        embargo=when(item.embargo_until) if blocked and item.embargo_until else "",
        withheld=item.status is Status.WITHHELD,
        late=_span(notice.late) if notice.late else "",
    )


def _topic(notice: Notice) -> str:
    """The headline by which a thread is known: that of what was told, without its marks.

    The subject of a correction says by itself that it is one, and a mail program keeps a thread together by
    what comes after that.
    """
    item = notice.previous if notice.kind is DeliveryKind.RETRACTION and notice.previous else notice.item
    if item is None:
        return ""
    marked_anew = notice.kind is DeliveryKind.CORRECTION
    return _headline(_unmarked(item) if marked_anew else item.headline)


def _headline(text: str) -> str:
    return dialect.clean(text).strip() or "—"


def rules(notice: Notice) -> tuple[str, ...]:
    """The names of the rules that a message tells of, each once: of a digest, those of its entries."""
    told = [telling for one in (notice, *notice.entries) for telling in one.tellings]
    return _names(told)


def _changes(notice: Notice) -> Changes:
    """What differs between the version told before and this one."""
    if not notice.item or not notice.previous:
        return Changes()
    return Changes(
        headline=difference(_unmarked(notice.previous), _unmarked(notice.item)),
        body=difference(notice.previous.body, notice.item.body),
    )


def _unmarked(item: Item) -> str:
    """The headline without the marks that it begins with: that it says KORREKTUR now is no change."""
    headline = item.headline
    for mark in item.marks:
        if headline.startswith(mark):
            headline = headline[len(mark) :].lstrip(MARK_ENDS)
    return headline


def _reason(telling: Telling) -> Reason:
    """The places of one rule, each word once, with the fields it was found in."""
    found: dict[tuple[str, str, str, str], tuple[Evidence, list[str]]] = {}
    for place in telling.evidence:
        key = (place.text.casefold(), place.term.casefold(), place.how, place.list)
        _, fields = found.setdefault(key, (place, []))
        if place.field not in fields:
            fields.append(place.field)
    places = [
        Place(dialect.clean(first.text), dialect.clean(first.term), first.how, first.list, tuple(fields))
        for first, fields in found.values()
    ]
    return Reason(_name(telling.rule), tuple(places[:REASONS]), max(len(places) - REASONS, 0))


def _lines(paragraph: str) -> str:
    """A paragraph whose lines stay lines."""
    return "\n".join(dialect.clean(line).strip() for line in paragraph.splitlines()).strip()


def _names(tellings: Sequence[Telling]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for telling in tellings if (name := _name(telling.rule))))


def _name(text: str) -> str:
    return shorten(dialect.clean(text).strip(), 60)


def shorten(text: str, longest: int) -> str:
    """At most `longest` characters, cut between words where there are any."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[longest // 2 :] else cut).rstrip() + "…"


def within(paragraph: str, longest: int) -> str:
    """At most `longest` characters of a paragraph, cut between its lines where there are any."""
    if len(paragraph) <= longest:
        return paragraph
    lines = paragraph[: longest - 1].rpartition("\n")[0]
    return f"{lines}\n…" if lines else shorten(paragraph, longest)


def spoken(language: str) -> str:
    """The language, if there are words for it; else the first that there are words for."""
    return language if language in DATES else next(iter(DATES))


def _clock_of(notice: Notice) -> Callable[[datetime], str]:
    """How times are written: with their zone, `14:02 CET, 24 Nov 2026`."""
    language, zone = spoken(notice.language), ZoneInfo(notice.zone)
    names = ZONES.get(language, {})

    def written(at: datetime) -> str:
        local = at.astimezone(zone)
        return f"{local:%H:%M} {names.get(f'{local:%Z}', f'{local:%Z}')}, {local:{DATES[language]}}"

    return written


def _span(span: timedelta) -> str:
    minutes = max(int(span.total_seconds() // 60), 1)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def address(url: str) -> str:
    """The address, if it is one that a reader may follow; a `javascript:` is none."""
    address = dialect.clean(url).strip()
    return address if re.match(r"https?://[^\s/]", address, re.IGNORECASE) else ""
