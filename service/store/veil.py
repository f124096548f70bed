"""The veil over what may not be read yet: text under an embargo, and what was withheld from the start.

Whatever is read for people comes through it, so that a new page cannot forget it. `Store.trusted()` lifts it
for readers with the right, and says at the headlines what it is; `Store.unveiled()` takes it away for the
path of an item itself, where `alerts.policy` decides who is told.

Veiled text is not there at all: a search does not find it, and a hit in it does not say where. That a rule
hit the item is shown, since its alert waits for the hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, literal_column, select

from service.model import Delivery, Hit, Item, Message, Placement, Sighting, Status, Story
from service.store.rows import slices
from service.store.schema import item as table


class Sight(StrEnum):
    """How much whoever reads may see."""

    VEILED = "veiled"
    TRUSTED = "trusted"  # everything, with a word at what is embargoed
    PLAIN = "plain"  # everything as it is stored


@dataclass(frozen=True, slots=True)
class Label:
    """What stands where the text will be, in the zone and the language (de or en) of the newsroom."""

    zone: str = "UTC"
    language: str = "en"

    def __call__(self, until: datetime | None) -> str:
        """`Embargoed until 2026-11-25 06:00 CET`; None is an embargo without an end that is known."""
        german = self.language == "de"
        if until is None:
            return "Gesperrt bis auf Weiteres" if german else "Withheld until further notice"
        at = until.astimezone(ZoneInfo(self.zone))
        return (
            f"Sperrfrist bis {at:%d.%m.%Y, %H:%M} Uhr"
            if german
            else f"Embargoed until {at:%Y-%m-%d %H:%M %Z}"
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """An item that may not be read yet; `until` is None where nobody knows when."""

    story: int
    until: datetime | None


class Veil:
    """What one transaction shows at `now`."""

    def __init__(self, connection: Connection, now: datetime, sight: Sight, label: Label) -> None:
        self._connection = connection
        self._now, self._sight, self._label = now, sight, label

    @cached_property
    def closed(self) -> Mapping[int, Closed]:
        """All items that may not be read yet, by their id. There are seldom any.

        What is withheld is not among them where its story has something that may be read: it was told before,
        and the newsroom is to see what became of it.
        """
        found = {
            row.id: Closed(row.story, None if row.status is Status.WITHHELD else row.embargo_until)
            for query in (EMBARGOED, WITHHELD)
            for row in self._connection.execute(query, {"now": self._now})
        }
        withheld = {one.story for one in found.values() if one.until is None}
        told = {story for story, headlines in self._open(withheld, found).items() if headlines}
        return {
            number: one for number, one in found.items() if one.until is not None or one.story not in told
        }

    @property
    def hidden(self) -> Collection[int]:
        """The items whose text is not shown here."""
        return self.closed.keys() if self._sight is Sight.VEILED else ()

    def hides(self, item: Item) -> bool:
        """Whether the text of an item is not shown here."""
        if self._sight is not Sight.VEILED:
            return False
        if item.embargo_until is not None and item.embargo_until > self._now:
            return True
        return item.status is Status.WITHHELD and item.id in self.closed

    def items(self, found: Iterable[Item]) -> list[Item]:
        """Items as they are shown."""
        return [veiled(one, self._label(self._until(one))) if self.hides(one) else one for one in found]

    def hits(self, found: Iterable[Hit]) -> list[Hit]:
        """Hits as they are shown: one in veiled text does not say where it is, nor what is like it."""
        hits = list(found)
        if not hits or not self.hidden:
            return hits
        behind = {self.closed[number].story for number in self.hidden}
        shown = [replace(one, evidence=()) if one.item in self.hidden else one for one in hits]
        return [
            replace(one, reason=one.reason.partition(":")[0]) if one.story in behind else one for one in shown
        ]

    def placement(self, one: Placement, item: int) -> Placement:
        """How an item came into its story, as it is shown: the reason may tell a number of what is veiled."""
        return replace(one, reason="") if self.hidden and {item, one.nearest} & {*self.hidden} else one

    def stories(self, found: Iterable[Story]) -> list[Story]:
        """Stories as they are shown."""
        stories = list(found)
        headlines = self.headlines({one.id: one.headline for one in stories})
        return [replace(one, headline=headlines[one.id]) for one in stories]

    def headlines(self, of: Mapping[int, str]) -> dict[int, str]:
        """The headlines of stories by their id, as they are shown.

        One that no item gives which may be read makes way for the newest that one gives, or for the label.
        """
        shown = dict(of)
        if not shown or self._sight is Sight.PLAIN:
            return shown
        ends = {one.story: one.until for one in self.closed.values() if one.story in shown}
        for story, given in self._open(ends, self.closed).items():
            if shown[story] in given:
                continue
            label = self._label(ends[story])
            if self._sight is Sight.TRUSTED:
                shown[story] = f"{label}: {shown[story]}"
            else:
                shown[story] = given[-1] if given else label
        return shown

    def sighting(self, one: Sighting, item: int) -> Sighting:
        """How a source carried a story by that item, as it is shown."""
        if item not in self.hidden:
            return one
        return replace(one, headline=self._label(self.closed[item].until), link="")

    def delivery(self, one: Delivery) -> Delivery:
        """A delivery as it is shown: its message may hold what its own reader was allowed to see."""
        message = one.message
        if message is None or not (message.embargo_until and message.embargo_until > self._now):
            return one
        if self._sight is not Sight.VEILED:
            return one
        label = self._label(message.embargo_until)
        return replace(one, message=Message(id=message.id, subject=label, text=label, chat=label))

    def _until(self, item: Item) -> datetime | None:
        return None if item.status is Status.WITHHELD else item.embargo_until

    def _open(self, stories: Collection[int], closed: Mapping[int, Closed]) -> dict[int, list[str]]:
        """The headlines in those stories that may be read, the newest last."""
        found: dict[int, list[str]] = defaultdict(list, {story: [] for story in stories})
        for part in slices(stories):
            query = select(table.c.id, table.c.story, table.c.headline).where(table.c.story.in_(part))
            for row in self._connection.execute(query.order_by(table.c.id)):
                if row.id not in closed:
                    found[row.story].append(row.headline)
        return found


def veiled(item: Item, label: str) -> Item:
    """The item with the label in the place of its headline, and nothing of its text.

    What stays is what a newsroom plans by: source, agency, language, times, urgency, status and versions.
    """
    return Item(
        headline=label,
        id=item.id,
        source=item.source,
        story=item.story,
        version=item.version,
        agency=item.agency,
        language=item.language,
        published_at=item.published_at,
        updated_at=item.updated_at,
        received_at=item.received_at,
        embargo_until=item.embargo_until,
        urgency=item.urgency,
        status=item.status,
        signal=item.signal,
    )


_shown = (table.c.id, table.c.story, table.c.embargo_until, table.c.status)
EMBARGOED = select(*_shown).where(table.c.embargo_until > bindparam("now", type_=table.c.embargo_until.type))
# Written out, or no engine would take the index, which holds these rows alone, by their story.
WITHHELD = select(*_shown).where(literal_column("item.status = 'withheld'"), table.c.story > 0)
