"""Items and stories: what came in, and how it belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from service.actions.page import Page
from service.cli.arguments import NUMBER
from service.cli.drawing import table
from service.cli.screens import delivery_lines, field, hit_lines, timeline_lines
from service.cli.session import QueryCommand, Session, command, paged, part
from service.cli.terminal import bold, local, moment, paragraphs, safe, state
from service.cli.words import _, ngettext, number
from service.model import Evidence, Exit, Item

if TYPE_CHECKING:
    from service.actions.desk import StoryView
    from service.actions.shapes import Shape
    from service.actions.timeline import Timeline
    from service.app import App

PATIENCE = timedelta(seconds=60)  # that a search may take before it says where to go on


@command()
@click.option("--source", default="", metavar="NAME", help="Only from this source.")
@click.option("--versions", is_flag=True, help="Older versions too.")
@paged
def list_items(session: Session, page: Page, source: str, versions: bool) -> None:
    """What came in, newest first."""

    def look(app: App) -> list[Shape]:
        from service.actions import desk, shapes

        found = desk.items(app, page, source=source, versions=versions)
        gone = desk.withdrawn(app, (item for item, _ in found))
        return [shapes.item(item, name, withdrawn=item.id in gone) for item, name in found]

    found = session.ask("/items", look, source=source, versions=versions, **part(page)).shape
    rows = (
        (
            one["id"],
            moment(one["received_at"]),
            one["source"],
            f"{remark(one, trusted=session.embargoed)}{one['headline']}",
        )
        for one in found
    )
    columns = (_("id"), _("received"), _("source"), _("headline"))
    session.answer(found, table(columns, rows, _("no items")))


def remark(one: dict[str, Any], *, trusted: bool) -> str:
    """What is to be known before a headline is read, with a colon; "" of most.

    Whoever is `trusted` sees what is embargoed; for others the headline itself says it.
    """
    until = moment(one["embargo_until"]) if trusted else None
    remarks = [
        _("original withdrawn") if one["original_withdrawn"] else "",
        _("embargoed until {at}", at=local(until)) if until else "",
    ]
    return "".join(f"{each}: " for each in remarks if each)


@command(cls=QueryCommand)
@click.argument("query", metavar="QUERY…", nargs=-1, required=True)
@click.option("--source", default="", metavar="NAME", help="Only from this source.")
@click.option("--lang", default="", metavar="TAG", help="The language of items that declare none.")
@paged
def search(session: Session, page: Page, query: tuple[str, ...], source: str, lang: str) -> int:
    r"""Look for items in the language of rules, the newest first; the matched words are marked.

    \b
    monitor search "Kim Jong Un" + Reise
    monitor search 'title:(Zins | Leitzins) -EZB' --since 7d

    The exit code is 1 where there is none.
    """

    def look(app: App) -> Shape:
        from service.actions import archive, shapes, trials
        from service.rules.grammar import join_arguments

        asked = trials.understand(app, join_arguments(query), lang)
        found = archive.search(
            app,
            asked,
            before=page.before,
            since=page.since,
            source=source,
            limit=page.limit,
            patience=PATIENCE,
        )
        return shapes.search(found, str(asked.node))

    def complete(seen: dict[str, Any]) -> bool:  # a page is less patient than a person at a shell
        return seen["before"] is None or len(seen["hits"]) == page.limit

    found = session.ask(
        "/search", look, complete, argument=query, language=lang, source=source, **part(page)
    ).shape
    session.answer(found, _found(found))
    return Exit.DONE if found["hits"] else Exit.FAILED


def _found(found: dict[str, Any]) -> Iterator[str]:
    yield field(_("query"), bold(found["query"]))
    for one in found["hits"]:
        item = Item(
            id=one["id"],
            headline=one["headline"],
            body=one["body"],
            received_at=moment(one["received_at"]),
            embargo_until=moment(one["embargo_until"]),
        )
        evidence = [Evidence(**place) for place in one["evidence"]]
        yield from hit_lines(item, evidence, one["source"], reasons=False)
    hits = number(len(found["hits"]))
    counted = ngettext("{hits} in {n} item", "{hits} in {n} items", found["items"], hits=hits)
    if before := found["before"]:
        at = local(moment(found["reached_at"]))
        counted = f"{counted}, {_('back to {at}; older ones: --before {id}', at=at, id=before)}"
    yield field(_("hits"), counted)


@command()
@click.argument("story", type=NUMBER, metavar="ID")
def show_story(session: Session, story: int) -> None:
    """A report as a time line: who had it first, its versions and copies, and who was told when.

    The ID is that of the story, as list-alerts and list-items --json show it.
    """
    from service.actions import desk, shapes
    from service.actions.timeline import timeline

    with session.app() as app:
        seen, line = desk.story(app, story), timeline(app, story)
        now = app.store.now()
    session.answer(shapes.story_view(seen) | {"timeline": shapes.timeline(line)}, _story(seen, line, now))


def _story(seen: StoryView, line: Timeline, now: datetime) -> Iterator[str]:
    from service.actions import shapes

    story = seen.story
    yield bold(story.headline)
    opened = _("opened {at}", at=local(story.opened_at))
    yield field(_("story"), f"{story.id}, {state(story.status.value)}, {opened}")
    copies = ngettext("{n} copy", "{n} copies", line.copies)
    sources = ngettext("{n} source in all", "{n} sources in all", story.sources)
    yield field(_("first"), safe(f"{line.first} {local(line.first_at)}, {copies}, {sources}"))
    if seen.items:
        item, source = seen.items[-1]
        newest = _("item {id} of {source}, {at}", id=item.id, source=source, at=local(item.received_at))
        yield field(_("newest"), safe(newest))
        if item.link:
            yield field(_("link"), safe(item.link))
        if item.embargo_until and item.embargo_until > now:
            yield field(_("embargo"), _("until {at}", at=local(item.embargo_until)))
        if item.body:
            yield ""
            yield from paragraphs(item.body)
    yield ""
    yield from timeline_lines(line)
    if seen.deliveries:
        yield ""
        yield from delivery_lines([shapes.delivery(one) for one in seen.deliveries])


@command()
@click.argument("kept", type=NUMBER, metavar="ID")
@click.argument("other", type=NUMBER, metavar="OTHER")
def merge_stories(session: Session, kept: int, other: int) -> None:
    """Make one story of two that are the same report: all of OTHER goes into ID.

    Alerts that both have become one, and what waits to tell somebody of it a second time is not sent.
    """
    from service.actions import joining, shapes

    with session.app() as app:
        story, spared = joining.merge(app, kept, other, by=session.person)
    items = ngettext("{n} item", "{n} items", story.items)
    sources = ngettext("{n} source", "{n} sources", story.sources)
    lines = [
        _("story {id} has {items} of {sources}; story {other} is no more",
          id=kept, items=items, sources=sources, other=other)
    ]  # fmt: skip
    if spared:
        lines.append(
            ngettext("{n} message would have told it again, and will not be sent",
                     "{n} messages would have told it again, and will not be sent", spared)
        )  # fmt: skip
    session.answer(shapes.story(story) | {"messages_spared": spared}, lines)


@command()
@click.argument("story", type=NUMBER, metavar="ID")
@click.option("--item", "items", type=NUMBER, multiple=True, required=True, metavar="ITEM",
              help="An item that is another report; it goes with all its versions; repeatable.")  # fmt: skip
def split_story(session: Session, story: int, items: tuple[int, ...]) -> None:
    """Make items a story of their own, where they were taken for copies of another report.

    Nobody is told by this; whoever was told of these items hears of their corrections from now on.
    """
    from service.actions import joining, shapes

    with session.app() as app:
        new, moved = joining.split(app, story, items, by=session.person)
    session.answer(
        shapes.story(new) | {"moved": [item.id for item in moved]},
        [
            ngettext(
                "{n} item of story {story} is story {new} now: {headline}",
                "{n} items of story {story} are story {new} now: {headline}",
                len(moved),
                story=story,
                new=new.id,
                headline=safe(new.headline),
            )
        ],
    )
