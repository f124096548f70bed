"""The hits of a rule as they leave the house: for feed readers, tables and programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.actions import shapes
from service.app import App
from service.errors import NotFoundError
from service.model import Hit, Item, Purpose, Rule, Status, Story
from service.store.db import Transaction

FEED = 50  # entries of a feed
TABLE = 10_000  # rows of a table
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for one (OWASP, CSV Injection)
COLUMNS = ("at", "headline", "source", "words", "link", "story", "item", "agency", "published_at", "status",
           "embargo_until")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A hit with its item and story; the newest hit of a story stands for it in a feed."""

    hit: Hit
    item: Item
    story: Story
    source: str

    @property
    def withdrawn(self) -> bool:
        """Whether the agency took it back."""
        return Status.CANCELED in {self.story.status, self.item.status}

    @property
    def changed_at(self) -> datetime:
        """When its story was last something else, the end of an embargo included."""
        ends = (self.hit.at, self.story.updated_at, self.item.embargo_until)
        return max(filter(None, ends))

    @property
    def words(self) -> list[str]:
        """The words that made it hit, each once."""
        return list(dict.fromkeys(place.text for place in self.hit.evidence))


def by_secret(app: App, digest: str) -> tuple[Rule, list[Found]]:
    """The rule behind a feed address, and its stories, the newest first; raises NotFoundError."""
    now = app.store.now()
    with app.store.read() as tx:
        secret = tx.secrets.find(digest, Purpose.FEED, now)
        rule = tx.rules.with_ids([secret.rule]).get(secret.rule) if secret else None
        if secret is None or rule is None or rule.id not in {one.id for one in tx.rules.list()}:
            raise NotFoundError("feed", "at this address", "it was closed, or its rule is gone")
        stories: dict[int, Found] = {}
        for one in _found(tx, tx.alerts.hits_of_rule(rule.id, limit=4 * FEED)):
            stories.setdefault(one.story.id, one)
    with app.store.begin() as tx:
        tx.secrets.used(secret.id, now)
    return rule, list(stories.values())[:FEED]


def hits(app: App, rule: str, *, limit: int = TABLE) -> list[Found]:
    """The hits of a rule, the newest first; raises NotFoundError."""
    with app.store.read() as tx:
        return list(_found(tx, tx.alerts.hits_of_rule(tx.rules.get(rule).id, limit=limit)))


def _found(tx: Transaction, hits: Sequence[Hit]) -> Iterator[Found]:
    names = tx.sources.names()
    stories: dict[int, Story] = {}
    for hit in hits:
        try:
            item = tx.items.get(hit.item)
            story = stories.get(hit.story) or tx.stories.get(hit.story)
        except NotFoundError:  # past its retention
            continue
        if tx.veil.hides(item):  # it comes in its time
            continue
        stories[story.id] = story
        yield Found(hit, item, story, names.get(item.source, ""))


def updated(found: Sequence[Found]) -> datetime | None:
    """When the newest of them came or changed."""
    return max((at for one in found if (at := one.changed_at)), default=None)


def as_csv(found: Sequence[Found]) -> str:
    """A table (RFC 4180) that no spreadsheet takes for formulas; the mark of UTF-8 comes first, for Excel."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for one in found:
        cells = (
            shapes.when(one.hit.at),
            one.item.headline,
            one.source,
            "; ".join(one.words),
            one.item.link,
            one.story.id,
            one.item.id,
            one.item.agency,
            shapes.when(one.item.published_at),
            "withdrawn" if one.withdrawn else one.item.status.value,
            shapes.when(one.item.embargo_until),
        )
        rows.writerow([cell(each) for each in cells])
    return "\ufeff" + out.getvalue()


def cell(value: object) -> str:
    """A cell that is shown as it is: a text that could be a formula is told to be text by an apostrophe."""
    text = "" if value is None else str(value).replace("\0", "")
    return f"'{text}" if text.lstrip(" \n").startswith(FORMULA) else text


def as_lines(found: Sequence[Found]) -> Iterator[str]:
    """JSON Lines: a hit each, in the shapes of the API."""
    for one in found:
        shape = shapes.item(one.item, one.source) | {
            "hit": shapes.hit(one.hit, one.item),
            "withdrawn": one.withdrawn,
        }
        yield json.dumps(shape, ensure_ascii=True) + "\n"
