"""Subscriptions from other readers, and to them: OPML 2.0 in and out.

Folders become tags. What OPML has no word for (the interval, the zone, the variable of the credentials)
travels in attributes of our own namespace, so that an export comes back as it was.

Source: OPML 2.0 (2007): outline, xmlUrl, category, subscription lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from itertools import chain
from urllib.parse import quote, unquote

from lxml import etree

from service.actions import sources
from service.actions.shapes import Shape, span
from service.app import LANGUAGES, App
from service.errors import UsageError
from service.fetch.transports import check_url
from service.model import Document, Source
from service.parse.finish import primary
from service.parse.formats import UnreadableError
from service.parse.xml import Element, elements, every
from service.quantities import duration
from service.text.html import one_line

NAMESPACE = "urn:wire-monitor:opml"
BATCH = 100  # sources stored in one transaction
LONGEST_TAG = 80  # characters
DEFAULT = Source(name="", url="")

Progress = Callable[[int], None]  # called with the number of entries that were done since the last call


@dataclass(slots=True)
class Imported:
    """What an import did."""

    added: list[str] = field(default_factory=list)  # names
    known: list[str] = field(default_factory=list)  # addresses that were polled before, or stand there twice
    problems: list[str] = field(default_factory=list)  # a line each: which entry, and why it was left out

    def shape(self) -> Shape:
        """As programs see it."""
        return {"added": self.added, "known": self.known, "problems": self.problems}


# ---------------------------------------------------------------- in


def entries(body: bytes) -> Iterator[Source | str]:
    """Each feed of an OPML document as a source, or a line on what is wrong with it.

    Raises UsageError for what is no OPML. Of a file that was cut off, the whole entries are read.
    """
    try:
        outermost, broken = elements(Document(body=body), "outline")
    except UnreadableError as error:
        raise UsageError(f"not an OPML file: {error}") from error
    waiting: list[tuple[Element, tuple[str, ...]]] = [(outline, ()) for outline in reversed(outermost)]
    while waiting:
        outline, folders = waiting.pop()
        title = _said(outline, "title") or _said(outline, "text")
        if _said(outline, "xmlUrl"):
            yield _entry(outline, title, folders)
        elif _said(outline, "type").lower() == "include":
            yield f"{title or 'an inclusion'}: a list inside the list is not fetched (import it by itself)"
        inside = every(outline, "outline")
        tags = (*folders, title[:LONGEST_TAG]) if title and inside else folders
        waiting += [(child, tags) for child in reversed(inside)]
    if broken:
        yield f"the file is not well-formed, what could be read of it was taken: {broken}"


def import_feeds(
    app: App, body: bytes, *, tags: Sequence[str] = (), progress: Progress = lambda _: None
) -> Imported:
    """What came in of an OPML document; each source is due at once, and gets `tags` besides its own.

    Bad entries are in the answer, the others stay. Raises UsageError for what is no OPML.
    """
    done, found = Imported(), list(entries(body))
    with app.store.read() as tx:
        polled = tx.sources.list()
    names, urls = {source.name for source in polled}, {source.url for source in polled}
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        with app.store.begin() as tx:
            now = app.store.now()
            for entry in batch:
                if isinstance(entry, str):
                    done.problems.append(entry)
                    continue
                if entry.url in urls:
                    done.known.append(entry.url)
                    continue
                name = sources.free_name(entry.name, names)
                try:
                    sources.spare(app, entry.url)
                    tx.sources.add(replace(entry, name=name, tags=_joined(entry.tags, tags)), now)
                except UsageError as error:
                    done.problems.append(str(error))
                    continue
                names.add(name)
                urls.add(entry.url)
                done.added.append(name)
        progress(len(batch))
    return done


def _entry(outline: Element, title: str, folders: tuple[str, ...]) -> Source | str:
    """One feed, or what is wrong with it."""
    address = re.sub(r"^feed:(?://)?(?=https?:)|^feed:(?=//)", "", _said(outline, "xmlUrl"))
    address = f"http:{address}" if address.startswith("//") else address
    try:
        url = check_url(address)
        title_as_name = title if re.fullmatch(r"[^\s/:]{1,40}", title) else sources.slug(title)
        interval, language = _own(outline, "every"), primary(_said(outline, "language"))
        return sources.checked(
            Source(
                name=_own(outline, "name") or title_as_name or sources.spoken_name(url),
                url=url,
                tags=_own_tags(outline) or _joined(folders, _categories(outline)),
                language=language if language in LANGUAGES else "",
                every=duration(interval) if interval else None,
                cron=_own(outline, "cron"),
                format=_own(outline, "format"),
                timezone=_own(outline, "timezone") or DEFAULT.timezone,
                auth_env=_own(outline, "auth-env"),
            )
        )
    except (UsageError, ValueError) as error:
        return f"{title or address[:80]}: {error}"


def _categories(outline: Element) -> Iterator[str]:
    """The words of `category`: paths of folders, parted by commas."""
    for path in _said(outline, "category").split(","):
        yield from (word.strip()[:LONGEST_TAG] for word in path.split("/") if word.strip())


def _own_tags(outline: Element) -> tuple[str, ...]:
    """The tags that `category` has no form for; none where it says them all."""
    return tuple(unquote(tag) for tag in _own(outline, "tags").split(",") if tag)


def _joined(*tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain(*tags)))


def _said(outline: Element, name: str) -> str:
    """An attribute on one line, whatever its case: readers disagree on `xmlUrl`."""
    values = (value for key, value in outline.items() if str(key).lower() == name.lower())
    return one_line(str(next(values, "")))


def _own(outline: Element, name: str) -> str:
    return one_line(str(outline.get(f"{{{NAMESPACE}}}{name}") or ""))


# ---------------------------------------------------------------- out


def export(app: App, *, tag: str = "") -> tuple[str, int]:
    """All sources, or those with a tag, as an OPML document, and their number; no secret is in it.

    A source with tags stands in the folder of its first one, for readers that know folders alone.
    """
    polled = [one for one in sources.listed(app, tag=tag) if not one.url.startswith("ingest:")]
    document = etree.Element("opml", version="2.0", nsmap={"monitor": NAMESPACE})
    head = etree.SubElement(document, "head")
    etree.SubElement(head, "title").text = "Wire monitor"
    etree.SubElement(head, "dateCreated").text = format_datetime(app.store.now())
    body = etree.SubElement(document, "body")
    folders: dict[str, Element] = {"": body}
    for one in polled:
        folder = one.tags[0] if one.tags else ""
        if folder not in folders:
            folders[folder] = etree.SubElement(body, "outline", text=folder, title=folder)
        etree.SubElement(folders[folder], "outline", _attributes(one))
    text = etree.tostring(document, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return text.decode(), len(polled)


def _spelled(tags: Sequence[str]) -> str:
    """Tags that `category` would part or take for folders; "" where there are none."""
    return (
        ",".join(quote(tag, safe="") for tag in tags) if any(re.search("[,/]", tag) for tag in tags) else ""
    )


def _attributes(one: Source) -> dict[str, str]:
    """A source as an outline."""
    plain = {
        "type": "rss",
        "text": one.name,
        "title": one.name,
        "xmlUrl": one.url,
        "language": one.language,
        "category": ",".join(one.tags),
    }
    own = {
        "name": one.name,
        "every": span(one.every) or "",
        "cron": one.cron,
        "format": one.format,
        "timezone": "" if one.timezone == DEFAULT.timezone else one.timezone,
        "auth-env": one.auth_env,
        "tags": _spelled(one.tags),
    }
    own = {f"{{{NAMESPACE}}}{name}": value for name, value in own.items()}
    return {name: value for name, value in (plain | own).items() if value}
