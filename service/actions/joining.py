"""Stories put together and taken apart by a person, where the monitor judged wrongly."""

from __future__ import annotations

from collections.abc import Sequence

from service.app import App
from service.errors import UsageError
from service.model import Change, Item, Link, Story


def merge(app: App, kept: int, other: int, by: str = "") -> tuple[Story, int]:
    """The story `kept` with all of `other` in it, and how many messages that waited are not needed now.

    Raises NotFoundError for a story, UsageError where one was withdrawn and the other was not.
    """
    if kept == other:
        raise UsageError(f"{kept} and {other} are one story already")
    now = app.store.now()
    with app.store.begin() as tx:
        tx.stories.serialize()
        first, second = tx.stories.get(kept), tx.stories.get(other)
        if first.status is not second.status:
            raise UsageError(f"story {kept} is {first.status}, story {other} is {second.status}")
        spared = tx.joining.merge(kept, other, _reason("merged", other, by), now)
        tx.audit.add(
            Change(at=now, who=by, what="merge-stories", subject=f"story {kept}", detail={"of": other})
        )
        return tx.stories.get(kept), spared


def split(app: App, story: int, items: Sequence[int], by: str = "") -> tuple[Story, list[Item]]:
    """The new story of those items, and what moved: each goes with all its versions.

    Nobody is told by this. Raises NotFoundError for a story, UsageError for an item that is not in it, or
    where nothing would be left.
    """
    if not items:
        raise UsageError("say which items are a story of their own")
    now = app.store.now()
    with app.store.begin() as tx:
        tx.stories.serialize()
        tx.stories.get(story)
        there = {item.id: item for item in tx.stories.items(story)}
        for number in items:
            if number not in there:
                raise UsageError(f"item {number} is not in story {story} (monitor show-story {story})")
        links = {number: tx.items.placement(number) for number in there}
        versions = [
            (number, placement.nearest)
            for number, placement in links.items()
            if placement.link is Link.VERSION and placement.nearest in there
        ]
        moved = _together(set(items), versions)
        if len(moved) == len(there):
            raise UsageError(f"nothing would be left of story {story}: an item goes with all its versions")
        new = tx.joining.split(story, moved, _reason("split off", story, by), now)
        detail = {"items": sorted(moved), "to": new}
        tx.audit.add(Change(at=now, who=by, what="split-story", subject=f"story {story}", detail=detail))
        return tx.stories.get(new), tx.stories.items(new)


def _together(items: set[int], versions: Sequence[tuple[int, int]]) -> set[int]:
    """The items with everything that is a version of one of them, in either direction."""
    while True:
        more = {number for pair in versions if items & set(pair) for number in pair} - items
        if not more:
            return items
        items = items | more


def _reason(what: str, story: int, by: str) -> str:
    return f"{what} by {by or 'hand'}, of story {story}"
