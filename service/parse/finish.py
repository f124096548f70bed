"""The last step of every format: what a parser read, made clean, bounded and complete."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.model import Document, Feed, Item, Parsed, Problem, Signal, Source, Status
from service.parse.dateline import dateline
from service.parse.dates import zone
from service.parse.embargo import heeded
from service.parse.instruments import instruments
from service.text.html import one_line, tidy
from service.text.url import canonical, safe, unwrap

MOST_ITEMS = 5_000  # a document
LONGEST_HEADLINE = 1_000  # characters
LONGEST_BODY = 500_000
LONGEST_FIELD = 1_000  # names, slugs, identities
LONGEST_LINK = 4_000
MOST_KEYWORDS = 100
# Formats in which an embargo is a notice of the desk's; in a feed it is news about one.
AGENCIES = frozenset({"iptc7901", "anpa1312", "newsmlg2", "newsml12", "nitf", "ninjs", "dpa"})
SHOWN_AS_HEADLINE = 120  # of the body, where an item has no headline

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_AFTER = timedelta(days=3653)  # ten years: embargoes of anniversaries, not typing errors
DETECTED_FROM = 400  # characters are enough to know a language by, and knowing costs time
UNSET = "en"  # what feed software declares by default
ENOUGH_TO_DOUBT = 100  # characters from which the text is believed more than that

# ISO 639-2 and 639-3 of the languages that wires write in, and what they are called in BCP 47.
THREE_LETTERS = {
    "deu": "de", "ger": "de", "eng": "en", "fra": "fr", "fre": "fr", "spa": "es", "ita": "it", "por": "pt",
    "nld": "nl", "dut": "nl", "dan": "da", "swe": "sv", "nor": "no", "nob": "nb", "fin": "fi", "pol": "pl",
    "ces": "cs", "cze": "cs", "rus": "ru", "ukr": "uk", "tur": "tr", "ara": "ar", "zho": "zh", "chi": "zh",
    "jpn": "ja", "kor": "ko", "ell": "el", "gre": "el", "hun": "hu", "ron": "ro", "rum": "ro",
}  # fmt: skip


def finish(parsed: Parsed, document: Document, source: Source) -> Parsed:
    """The same items as the rest of the service may rely on them, and the problems met.

    Plain text without control characters within fixed bounds, dates that can be, a language, a canonical
    link. An item with neither headline nor text is left out, unless it withdraws another.
    """
    problems = list(parsed.problems)
    items = []
    for item in parsed.items[:MOST_ITEMS]:
        if parsed.format in AGENCIES:
            item, unclear = heeded(item, zone(source.timezone), document.received_at)  # noqa: PLW2901 - the same
            problems += unclear
        finished = _item(item, parsed.feed, document, source, problems)
        if finished.headline or finished.status is not Status.USABLE or finished.signal is Signal.KILL:
            items.append(finished)
        else:
            problems.append(
                Problem("an item without headline and text was left out", item.external_id or item.link)
            )
    if len(parsed.items) > MOST_ITEMS:
        problems.append(Problem(f"more than {MOST_ITEMS} items, the rest was left"))
    feed = replace(
        parsed.feed,
        title=one_line(parsed.feed.title)[:LONGEST_FIELD],
        language=primary(parsed.feed.language),
        link=safe(parsed.feed.link),
        hub=safe(parsed.feed.hub),
        topic=safe(parsed.feed.topic),
    )
    shown = tuple(
        Problem(one_line(problem.what)[:300], one_line(problem.where)[:300]) for problem in problems[:100]
    )
    return replace(parsed, items=tuple(items), problems=shown, feed=feed)


def primary(tag: str) -> str:
    """The primary subtag of a language tag (BCP 47): "de" for "de-AT", "de_DE" and "ger"; "" if unknown."""
    first = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    if not re.fullmatch(r"[a-z]{2,3}", first) or first in {"und", "mul", "zxx", "xx"}:
        return ""
    return THREE_LETTERS.get(first, first)


def _item(item: Item, feed: Feed, document: Document, source: Source, problems: list[Problem]) -> Item:
    """One item, finished."""
    where = item.external_id or item.link or item.headline[:80]

    def plausible(moment: datetime | None, what: str) -> datetime | None:
        if moment is None or EARLIEST <= moment <= document.received_at + LATEST_AFTER:
            return moment
        problems.append(Problem(f"{what} cannot be {moment:%Y-%m-%d}", where))
        return None

    # A date ahead of the clock is a clock that is wrong, or a page that is planned; it is no embargo.
    published = plausible(item.published_at, "the date of publication")
    updated = plausible(item.updated_at, "the date of the update")
    embargo = plausible(item.embargo_until, "the embargo")
    body = tidy(item.body)
    if len(body) > LONGEST_BODY:
        problems.append(Problem(f"a text of more than {LONGEST_BODY:,} characters was cut", where))
    headline = one_line(item.headline) or _first_words(body)
    framed = dateline(body)
    link = safe(unwrap(item.link)) if len(item.link) <= LONGEST_LINK else ""
    return replace(
        item,
        source=source.id,
        headline=headline[:LONGEST_HEADLINE].rstrip(),
        body=body[:LONGEST_BODY].rstrip(),
        external_id=one_line(item.external_id)[:LONGEST_FIELD],
        version=one_line(item.version)[:LONGEST_FIELD],
        slug=one_line(item.slug)[:LONGEST_FIELD],
        keywords=_names(item.keywords),
        places=_names(item.places or framed.places),
        agency=one_line(item.agency or framed.agency)[:LONGEST_FIELD],
        language=_language(item, feed, source, headline, body),
        published_at=min(published, document.received_at) if published else None,
        updated_at=min(updated, document.received_at) if updated else None,
        received_at=document.received_at,
        embargo_until=embargo,
        status=Status.WITHHELD
        if item.embargo_until and not embargo and item.status is Status.USABLE
        else item.status,
        urgency=item.urgency if 1 <= item.urgency <= 9 else 0,
        genre=one_line(item.genre)[:LONGEST_FIELD],
        subjects=_names(item.subjects),
        instruments=tuple(
            dict.fromkeys((*item.instruments, *instruments(f"{headline}\n{body[:LONGEST_BODY]}")))
        ),
        byline=one_line(item.byline)[:LONGEST_FIELD],
        sign_off=one_line(item.sign_off)[:LONGEST_FIELD],
        note=tidy(item.note)[:LONGEST_BODY],
        link=link,
        canonical_link=canonical(item.canonical_link or link),
        rights=one_line(item.rights)[:LONGEST_FIELD],
    )


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, on one line, not more than are worth it."""
    clean = (one_line(name)[:LONGEST_FIELD] for name in names)
    return tuple(dict.fromkeys(name for name in clean if name))[:MOST_KEYWORDS]


def _first_words(body: str) -> str:
    """The beginning of the text up to a whole word, where there is no headline."""
    line = body.partition("\n")[0]
    if len(line) <= SHOWN_AS_HEADLINE:
        return line
    return line[:SHOWN_AS_HEADLINE].rpartition(" ")[0].rstrip(" ,;:–-") + " …"


def _language(item: Item, feed: Feed, source: Source, headline: str, body: str) -> str:
    """What the item says, else its feed, else the source, else what the text looks like.

    But software writes "en" into a feed where nobody has set a language: there the text decides, if it can.
    """
    from service.text.language import detect

    said = (item.language, feed.language, source.language)
    declared = next(filter(None, map(primary, said)), "")
    text = f"{headline}\n{body[:DETECTED_FROM]}"
    if declared and (declared != UNSET or len(text) < ENOUGH_TO_DOUBT):
        return declared
    return detect(text) or declared
