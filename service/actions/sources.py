"""Sources: add, look at, edit, remove."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from service.actions import looking
from service.actions.looking import Look
from service.app import App, check_language, check_timezone
from service.errors import UsageError
from service.fetch.schedule import check_cron
from service.fetch.transports import check_url
from service.model import Source, SourceState


def add(app: App, source: Source) -> Look:
    """Store a source, due at once, and look at it; the look may fail, the source stays.

    Where its address is a web page, the first feed that the page names takes its place. Raises UsageError
    where the URL can never be fetched, or the name or the URL (that of the page's feed too) is taken.
    """
    source = checked(replace(source, url=check_url(source.url)))
    spare(app, source.url)
    now = app.store.now()
    with app.store.begin() as tx:
        known = {each.name for each in tx.sources.list()}
        name = source.name or free_name(spoken_name(source.url), known)
        source = tx.sources.add(replace(source, name=name, added_at=now, next_poll_at=now), now)
    seen = looking.search(app, source)
    if not seen.is_page:
        return seen
    try:
        return replace(seen, source=edit(app, name, url=seen.found))
    except UsageError:  # that feed is polled already, and the page is none
        remove(app, name)
        raise


def check(app: App, name_or_url: str) -> Look:
    """A look at a source by name, or at a URL or a folder that is no source yet."""
    if "://" in name_or_url or name_or_url.startswith(("/", "./", "../", "~/")):
        return looking.search(app, Source(name="", url=check_url(name_or_url)))
    with app.store.read() as tx:
        source = tx.sources.get(name_or_url)
    return looking.search(app, source)


def edit(app: App, name: str, /, **changes: object) -> Source:
    """The source with other settings; its history, identity and rhythm stay. Due at once."""
    with app.store.begin() as tx:
        source = tx.sources.get(name)
        changed = checked(replace(source, **changes))  # type: ignore[arg-type]
        if changed.url != source.url:
            changed = replace(changed, url=check_url(changed.url))
            spare(app, changed.url)
        return tx.sources.edit(replace(changed, next_poll_at=app.store.now()))


def listed(app: App, *, state: SourceState | None = None, tag: str = "") -> list[Source]:
    """All sources by name, or those in a state or with a tag."""
    with app.store.read() as tx:
        return [one for one in tx.sources.list(state=state) if not tag or tag in one.tags]


def named(app: App, name: str) -> Source:
    """The source of that name; raises NotFoundError."""
    with app.store.read() as tx:
        return tx.sources.get(name)


def pause(app: App, name: str) -> Source:
    """The source, polled no more until it is resumed; raises NotFoundError."""
    with app.store.begin() as tx:
        tx.sources.pause(name)
        return tx.sources.get(name)


def resume(app: App, name: str) -> Source:
    """The source, due at once, whatever it was that stopped it; raises NotFoundError.

    Raises UsageError for what holds files that were read by hand: there is nothing to poll.
    """
    with app.store.begin() as tx:
        if tx.sources.get(name).url.startswith("ingest:"):
            raise UsageError(f"{name} holds what was read by hand (monitor ingest FILE --source {name})")
        tx.sources.resume(name, app.store.now())
        return tx.sources.get(name)


def remove(app: App, name: str) -> Source:
    """The source as it was; its items stay, its name may be used again. Raises NotFoundError."""
    with app.store.begin() as tx:
        source = tx.sources.get(name)
        tx.sources.remove(name, app.store.now())
    return source


def checked(source: Source) -> Source:
    """The source, where its settings can be meant; raises UsageError that says which cannot."""
    check_language(source.language)
    check_timezone(source.timezone)
    if source.every and source.cron:
        raise UsageError("a source has either --every or --cron")
    if source.every and source.every < timedelta(seconds=1):
        raise UsageError("--every takes at least 1s")
    if source.cron:
        check_cron(source.cron)
    if source.name and not re.fullmatch(r"[^\s/:][^/:\n]{0,79}", source.name):
        raise UsageError(f"not a name: {source.name!r} (up to 80 characters, without / and :)")
    return source


def spare(app: App, url: str) -> None:
    """Nothing, but for a folder with files of the monitor itself, which would be moved: then UsageError."""
    own = {app.config.folder.resolve()}
    if app.store.dialect == "sqlite":
        own.add(Path(app.store.name).resolve().parent)
    if url.startswith("folder:") and (folder := Path(unquote(urlsplit(url).path))).resolve() in own:
        raise UsageError(f"{folder} holds the monitor's own files (watch a folder apart)")


def spoken_name(url: str) -> str:
    """A name for the address: its host without www, and the last word of its path."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    words = [word for word in re.split(r"[/.]", parts.path) if word not in {"", "rss", "feed", "xml", "atom"}]
    return slug(" ".join([host.replace(".", "-"), *words[-1:]]) or parts.scheme)


def slug(text: str, longest: int = 40) -> str:
    """`text` as a short name: letters and digits of any script, joined by hyphens, in lower case."""
    words = re.findall(r"[^\W_]+", text.casefold())
    name = "-".join(words)
    return name if len(name) <= longest else name[:longest].rpartition("-")[0] or name[:longest]


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, or `wanted-2` and so on where that is taken."""
    names = set(taken)
    base, number = wanted or "unnamed", 2
    name = base
    while name in names:
        name, number = f"{base}-{number}", number + 1
    return name
