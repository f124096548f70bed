"""Items and stories: what came in, and how it belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from service.actions.page import Page
from service.cli.drawing import table
from service.cli.screens import delivery_lines, field
from service.cli.session import NUMBER, Session, command, paged
from service.cli.terminal import bold, count, local, paragraphs, safe, state

if TYPE_CHECKING:
    from service.actions.desk import StoryView


@command()
@click.option("--source", default="", metavar="NAME", help="Only from this source.")
@click.option("--versions", is_flag=True, help="Older versions too.")
@paged
def list_items(session: Session, page: Page, source: str, versions: bool) -> None:
    """What came in, newest first."""
    from service.actions import desk, shapes

    with session.app() as app:
        found = desk.items(app, page, source=source, versions=versions)
    rows = ((item.id, item.received_at, name, item.headline) for item, name in found)
    session.answer(
        [shapes.item(item, name) for item, name in found],
        table(("id", "received", "source", "headline"), rows, "no items"),
    )


@command()
@click.argument("story", type=NUMBER, metavar="ID")
def show_story(session: Session, story: int) -> None:
    """A report: its text, its versions and copies, and whom it was told to.

    The ID is that of the story, as list-alerts and list-items --json show it.
    """
    from service.actions import desk, shapes

    with session.app() as app:
        seen = desk.story(app, story)
    session.answer(shapes.story_view(seen), _story(seen))


def _story(seen: StoryView) -> Iterator[str]:
    story = seen.story
    yield bold(story.headline)
    yield field("story", f"{story.id}, {state(story.status.value)}, opened {local(story.opened_at)}")
    yield field("carried by", f"{count(story.sources, 'source')}, {count(story.items, 'item')}")
    if seen.items:
        item, source = seen.items[-1]
        yield field("newest", safe(f"item {item.id} of {source}, {local(item.received_at)}"))
        if item.link:
            yield field("link", safe(item.link))
        yield ""
        yield from paragraphs(item.body)
    yield ""
    yield from table(
        ("item", "received", "source", "version", "mark", "headline"),
        (
            (
                item.id,
                item.received_at,
                source,
                item.version,
                item.signal.value.replace("none", ""),
                item.headline,
            )
            for item, source in seen.items
        ),
    )
    if seen.alerts:
        yield ""
        yield from table(
            ("alert", "opened", "state", "rule"),
            (
                (told.alert.id, told.alert.opened_at, state(told.alert.state.value), told.rule)
                for told in seen.alerts
            ),
        )
    if seen.deliveries:
        yield ""
        yield from delivery_lines(seen.deliveries)
