"""Messages: a `Notice` in, the words of a `Message` out; pure but for reading the templates.

The wording stands in `templates/`, one file for each shape and dialect; here stands what they may say.
Wire text is untrusted: it is escaped by the dialect it goes to, and only then marked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service.deliver import dialect
from service.deliver.excerpt import WINDOW, Piece, difference, excerpt, marked
from service.deliver.payload import payload
from service.deliver.templating import Stylist, UnfilledError
from service.errors import UsageError
from service.model import Channel, DeliveryKind, Evidence, Item, Message, Notice, Priority, Status, Telling

SUBJECT = 180  # characters; what a mail program shows of a subject is shorter still
RULES_IN_SUBJECT = 2
CHAT = 900  # characters of a chat message: under the 1,000 of the narrowest services (Teams, Pushover)
CHAT_FITS = ((200, 8), (80, 4), (0, 2))  # (characters of excerpt, entries of a digest), tried in turn
LONGEST_LINK = 400  # characters of an address in a chat message; a longer one is left to the mail
REASONS = 8  # places that are named for one rule; the rest is counted
OTHERS = 6  # other sources that are listed
ENTRIES = 50  # stories that a digest lists
HOST = "wire-monitor.invalid"  # in ids, where no address of our own is configured (RFC 2606)

DATES = {
    "en": "%d %b %Y",
    "de": "%d.%m.%Y",
}  # the languages that there are words for; the first is the default

MARK_ENDS = " :/-–(…)"  # what stands between a mark and the headline

BODY_FIELDS = frozenset({"body", "lead"})  # the lead is the beginning of the body: its places are the same

SHAPES = {
    DeliveryKind.ALERT: "alert",
    DeliveryKind.UPDATE: "alert",
    DeliveryKind.CORRECTION: "alert",
    DeliveryKind.RETRACTION: "retraction",
    DeliveryKind.DIGEST: "digest",
    DeliveryKind.TEST: "note",
    DeliveryKind.OPERATOR: "note",
}


def render(
    notice: Notice,
    channel: Channel,
    *,
    base_url: str = "",
    agent: str = "Wire Monitor",
    stylist: Stylist | None = None,
) -> Message:
    """The message for one recipient: subject, plain text, HTML, chat Markdown and JSON.

    Its id depends on the story, the revision and the delivery alone, so that a repeat carries the same one.
    Templates of the channel's own replace what they are there for; where they fail, or nobody fills them
    (`stylist`), the built-in ones are used and the failure is said in the text, since a message must not be
    lost to its wording.
    """
    view = _view(notice, base_url, agent)
    shape = SHAPES[notice.kind]
    subject = view["subject"] = _subject(_fill("subject.txt", view))
    text = _fill(f"{shape}.txt", view).strip() + "\n"
    html = _fill(f"{shape}.html", view)
    chat = _chat(f"{shape}.md", notice, view)
    if channel.templates and stylist:
        try:
            own = stylist.fill(channel.templates, view)
        except UnfilledError as error:
            text += f"\n(The templates of channel {channel.name} were not used: {error})\n"
        else:
            subject = _subject(own.get("subject", "")) or subject
            text = own["text"].strip() + "\n" if "text" in own else text
            html = own.get("html", "" if "text" in own else html)
            chat = own.get("chat", "").strip() or (
                dialect.escape_lines(text)[:CHAT] if "text" in own else chat
            )
    identity = message_id(notice, base_url)
    return Message(
        id=identity,
        subject=subject,
        text=text,
        html=html,
        chat=chat,
        data=payload(notice, identity, subject, text),
        thread=notice.thread,
        headers=_headers(notice, base_url),
        embargo_until=_embargo(notice),
    )


def check_templates(channel: Channel) -> None:
    """Nothing, if the channel's own templates can be filled; raises UsageError with their fault."""
    sample = Notice(
        kind=DeliveryKind.ALERT,
        delivery=0,
        channel=channel.name,
        item=Item(headline="Sample", body="A sample."),
        source="Sample",
        tellings=(Telling(rule="sample"),),
    )
    with closing(Stylist()) as stylist:
        try:
            stylist.fill(channel.templates, _view(sample, "", "Wire Monitor") | {"subject": "Sample"})
        except UnfilledError as error:
            raise UsageError(f"the templates cannot be filled: {error}") from error


def message_id(notice: Notice, base_url: str = "") -> str:
    """`alert-<story>.<revision>.<delivery>@<host>`: the same for every try of a delivery."""
    shown = notice.item or notice.previous
    about = "alert" if shown and shown.story else notice.kind.value
    story = shown.story if shown else 0
    return f"{about}-{story}.{notice.revision}.{notice.delivery}@{_host(base_url)}"


# ---------------------------------------------------------------- what a template sees


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


def _view(notice: Notice, base_url: str, agent: str) -> dict[str, Any]:
    """The names that every template may use."""
    told = notice.item or notice.previous
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
        "rules": _names(notice.tellings),
        "item": _shown(notice, notice.item) if notice.item else None,
        "previous": _shown(notice, notice.previous, told=True) if notice.previous else None,
        "changes": _changes(notice),
        "others": [Other(_name(s.source), when(s.at), _address(s.link)) for s in others[:OTHERS]],
        "more_others": max(len(others) - OTHERS, 0),
        "late": _span(notice.late) if notice.late else "",
        "now": when(notice.now),
        "title": dialect.clean(notice.title),
        "paragraphs": [_lines(part) for part in notice.text.split("\n\n") if part.strip()],
        "entries": [_shown(entry, entry.item) for entry in entries if entry.item],
        "more_entries": max(len(notice.entries) - ENTRIES, 0) + notice.more,
        "gathered": notice.gathered,
        "unacknowledged": _span(notice.unacknowledged) if notice.unacknowledged else "",
        "links": {name: url for name, url in notice.links.items() if _address(url)},
        "monitor_url": f"{base_url.rstrip('/')}/stories/{told.story}" if base_url and told else base_url,
        "withdrawn": bool(notice.item and notice.item.status is Status.CANCELED),
    }


def _shown(notice: Notice, item: Item, *, told: bool = False, window: int = WINDOW) -> Shown:
    """An item with the places of the notice; `told` is an earlier version, to which they do not belong."""
    evidence = [] if told else [place for telling in notice.tellings for place in telling.evidence]
    body = [place for place in evidence if place.field in BODY_FIELDS]
    title = dialect.clean(item.headline).strip() or "—"
    when = _clock_of(notice)
    at = item.updated_at or item.published_at or item.received_at
    blocked = item.embargo_until and item.embargo_until > notice.now
    return Shown(
        title=title,
        language=item.language,
        headline=marked(item.headline, [e for e in evidence if e.field == "headline"]) or (Piece(title),),
        excerpt=excerpt(item.body, body, window) if window else (),
        source=_name(notice.source),
        when=when(at) if at else "",
        link=_address(item.link),
        story=item.story,
        rules=_names(notice.tellings),
        reasons=tuple(_reason(telling) for telling in notice.tellings if telling.evidence)
        if not told
        else (),
        embargo=when(item.embargo_until) if blocked and item.embargo_until else "",
        withheld=item.status is Status.WITHHELD,
        late=_span(notice.late) if notice.late else "",
    )


def _embargo(notice: Notice) -> datetime | None:
    """Until when the message may be shown only to those who may see what is embargoed."""
    items = [one.item for one in (notice, *notice.entries) if one.item]
    ends = [item.embargo_until for item in items if item.embargo_until and item.embargo_until > notice.now]
    return max(ends, default=None)


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
    return _shorten(dialect.clean(text).strip(), 60)


def _shorten(text: str, longest: int) -> str:
    """At most `longest` characters, cut between words where there are any."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[longest // 2 :] else cut).rstrip() + "…"


def spoken(language: str) -> str:
    """The language, if there are words for it; else the first that there are words for."""
    return language if language in DATES else next(iter(DATES))


def _clock_of(notice: Notice) -> Callable[[datetime], str]:
    """How times are written: with their zone, `14:02 CET, 24 Nov 2026`."""
    zone, date = ZoneInfo(notice.zone), DATES[spoken(notice.language)]
    return lambda at: format(at.astimezone(zone), f"%H:%M %Z, {date}")


def _span(span: timedelta) -> str:
    minutes = max(int(span.total_seconds() // 60), 1)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _address(url: str) -> str:
    """The address, if it is one that a reader may follow; a `javascript:` is none."""
    address = dialect.clean(url).strip()
    return address if re.match(r"https?://[^\s/]", address, re.IGNORECASE) else ""


def _subject(filled: str) -> str:
    return _shorten(" ".join(dialect.clean(filled).split()), SUBJECT)


# ---------------------------------------------------------------- templates


@cache
def templates(*, html: bool) -> ImmutableSandboxedEnvironment:
    """The built-in templates, sandboxed, since a channel may bring its own; a missing name is an error.

    Two environments, not one that escapes by file name: a macro of a text template that is called from an
    HTML one would count as escaped without being so.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("service.deliver"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., str]] = {"md": dialect.escape, "md_link": dialect.link}
    environment.filters.update(filters)
    environment.globals["RULES_IN_SUBJECT"] = RULES_IN_SUBJECT
    return environment


def _fill(name: str, view: Mapping[str, Any]) -> str:
    return templates(html=name.endswith(".html")).get_template(name).render(view)


def _chat(name: str, notice: Notice, view: Mapping[str, Any]) -> str:
    """The chat message within its length: with less and less of the text, at last the subject alone."""
    for window, listed in CHAT_FITS:
        fitted = dict(view)
        if notice.item:
            item = _shown(notice, notice.item, window=window)
            fitted["item"] = item if len(item.link) <= LONGEST_LINK else replace(item, link="")
        fitted["entries"] = view["entries"][:listed]
        fitted["more_entries"] = len(notice.entries) + notice.more - len(fitted["entries"])
        chat = _fill(name, fitted).strip()
        if len(chat) <= CHAT:
            return chat
    return dialect.escape(view["subject"])


# ---------------------------------------------------------------- ids and headers


def _host(base_url: str) -> str:
    try:
        host = urlsplit(base_url).hostname or HOST
    except ValueError:
        return HOST
    return host if re.fullmatch(r"[a-z0-9.-]+", host) else HOST


def _headers(notice: Notice, base_url: str) -> Mapping[str, str]:
    """What a mail program may sort by: the list of the first rule (RFC 2919), kind and rules."""
    headers = {"X-Monitor-Kind": notice.kind.value}
    names = _names(notice.tellings)
    if names:
        ascii_name = unicodedata.normalize("NFKD", names[0]).encode("ascii", "ignore").decode()
        label = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-") or "rule"
        headers["List-Id"] = f"<{label}.{_host(base_url)}>"
        headers["X-Monitor-Rules"] = ", ".join(names)
    if leave := _address(notice.links.get("unsubscribe", "")):
        headers["List-Unsubscribe"] = f"<{leave}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    if notice.priority is Priority.FLASH:
        headers["Importance"] = "high"
    return headers
