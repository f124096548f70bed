"""From a parsed item to a stored one: known or new, a version or not, and in which story.

Runs inside the transaction of a poll. What is decided is decided in `story`; the store is asked and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.config import Agency
from service.model import Item, Link, Placement, Seen, Signal, Source
from service.store.db import Transaction
from service.story import fingerprint, identity, marks, thread

STORY_WINDOW = timedelta(hours=72)  # copies of a report come within three days of it


def take_in(
    tx: Transaction, source: Source, items: Sequence[Item], agencies: Mapping[str, Agency], now: datetime
) -> Iterator[tuple[Item, Placement]]:
    """Each new item or version of a document, as it was stored, and how it came into its story."""
    # Marks first: a kill repeats the text that it takes back, and is a new version all the same.
    items = [
        marks.read(replace(item, source=source.id, received_at=item.received_at or now), agencies)
        for item in items
    ]
    keys = identity.identify(items)
    known = tx.items.seen(source.id, {name for each in keys for name in (each.primary, *each.aliases)})
    contents = [identity.content(item) for item in items]
    read = list(zip(items, keys, contents, strict=True))
    flooded = identity.flood(
        keys, (identity.recognise(each, content, item, known) for item, each, content in read), known
    )
    for item, each, content in read:
        recognition = identity.recognise(each, content, item, known)  # again: it may repeat in the document
        # What the desk marks as a correction or a kill is never taken for an old entry under a new name.
        unmarked = flooded and item.signal is Signal.NONE
        renamed = unmarked and recognition.kind is identity.Kind.NEW and known.keys() & set(each.hints)
        if recognition.kind is identity.Kind.SAME or renamed:
            continue
        stored, placement = _place(tx, item, recognition, (each.primary, *each.aliases), content, now)
        known |= {
            name: Seen(name, stored.id, stored.story, content) for name in (each.primary, *each.aliases)
        }
        yield stored, placement


def _place(
    tx: Transaction,
    item: Item,
    recognition: identity.Recognition,
    names: Sequence[int],
    content: int,
    now: datetime,
) -> tuple[Item, Placement]:
    """The item, stored in the story it belongs to, and how it belongs to it."""
    prints, text = fingerprint.fingerprints(item), fingerprint.text_hash(item)
    candidates = tx.stories.candidates(
        canonical_link=item.canonical_link, text_hash=text, fingerprints=prints, since=now - STORY_WINDOW
    )
    frequency = tx.stories.document_frequency(prints)
    placement = thread.place(item, recognition, candidates, frequency)
    if placement.link is Link.VERSION and identity.order(item, tx.items.get(placement.nearest)) < 0:
        placement = replace(placement, late=True, reason=f"{placement.reason}, and older than that")
    stored = tx.items.add(
        item,
        placement,
        keys=names,
        content=content,
        text_hash=text,
        fingerprints=prints,
        frequency=frequency,
        now=now,
    )
    return stored, placement
