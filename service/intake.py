"""From a parsed item to a stored one: known or new, a version or not, and in which story.

Runs inside the transaction of a poll. What is decided is decided in `story`; the store is asked and told
once for all new entries of a document.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from service.model import Candidate, Item, Link, Placement, Seen, Signal, Source
from service.reading import Reading, Recalled, StaleError
from service.store.db import Transaction
from service.store.items import Entry
from service.store.stories import SHARED, Wanted, likeliest
from service.story import fingerprint, identity, naming, thread
from service.story.fingerprint import Sketch
from service.story.identity import Keys, Kind, Recognition

STORY_WINDOW = timedelta(hours=72)  # copies of a report come within three days of it
CANDIDATES = 8  # stored items that a new one is compared with
RECENT = 5000  # items of a source among which the one that a withdrawal names is looked for
SKETCH_BYTES = 20_000_000  # of the texts at hand for comparison: some eight thousand


class Taken(NamedTuple):
    """A new item as it was stored, and how it came into its story."""

    item: Item
    placement: Placement
    sketch: Sketch


class Sketches:
    """The texts of items that were stored or compared lately, by their id: the next copy is near those."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Sketch] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, taken: Iterable[Taken]) -> None:
        """Have these at hand, unless they are to be forgotten."""
        self._keep({each.item.id: each.sketch for each in taken})

    def forget(self, taken: Iterable[Taken]) -> None:
        """Have these at hand no more: they are not committed, and others will have their ids."""
        with self._lock:
            for each in taken:
                self._drop(each.item.id)

    def _keep(self, sketches: Mapping[int, Sketch]) -> None:
        with self._lock:
            for item, sketch in sketches.items():
                self._drop(item)
                self._kept[item] = sketch
                self._bytes += sketch.size
            while self._bytes > SKETCH_BYTES:
                self._drop(next(iter(self._kept)))

    def _drop(self, item: int) -> None:
        if sketch := self._kept.pop(item, None):
            self._bytes -= sketch.size

    def of(self, tx: Transaction, ids: Collection[int]) -> dict[int, Sketch]:
        """The texts of these items."""
        with self._lock:
            found = {item: self._kept[item] for item in ids if item in self._kept}
            for item in found:
                self._kept.move_to_end(item)
        missing = tx.items.unveiled(set(ids) - found.keys())
        loaded = {number: fingerprint.sketch(item) for number, item in missing.items()}
        self._keep(loaded)
        return found | loaded


def take_in(
    tx: Transaction, source: Source, entries: Sequence[Reading | Recalled], sketches: Sketches, now: datetime
) -> list[Taken]:
    """Each new item or version among the entries of a document; raises StaleError, see there."""
    keys = identity.identify([each.names for each in entries])
    known = tx.items.seen(source.id, {name for each in keys for name in (each.primary, *each.aliases)})
    recognised = [
        identity.recognise(each, entry.names, known) for entry, each in zip(entries, keys, strict=True)
    ]
    flooded = identity.flood(keys, recognised, known)

    def is_known(entry: Reading | Recalled, each: Keys, recognition: Recognition) -> bool:
        if recognition.kind is Kind.SAME:
            return True
        if isinstance(entry, Recalled):
            raise StaleError
        # What the desk marks as a correction or a kill is never taken for an old entry under a new name.
        unmarked = flooded and entry.item.signal is Signal.NONE
        return bool(unmarked and recognition.kind is Kind.NEW and known.keys() & set(each.hints))

    fresh = [
        (entry, each)
        for entry, each, recognition in zip(entries, keys, recognised, strict=True)
        if not is_known(entry, each, recognition) and isinstance(entry, Reading)
    ]
    if not fresh:
        return []
    placing = _Placing(tx, source, [entry for entry, _ in fresh], sketches, now)
    for number, (entry, each) in enumerate(fresh):
        recognition = identity.recognise(each, entry.names, known)  # again: it may repeat in the document
        if is_known(entry, each, recognition):
            continue
        names = (each.primary, *each.aliases)
        item = placing.place(number, recognition, names)
        known |= {name: Seen(name, item.id, item.story, entry.names.content) for name in names}
    return placing.store()


class _Placing:
    """The new items of one document on their way into the archive, of which later ones may be copies."""

    def __init__(
        self,
        tx: Transaction,
        source: Source,
        readings: Sequence[Reading],
        sketches: Sketches,
        now: datetime,
    ) -> None:
        self._tx, self._source, self._now = tx, source, now
        self._readings = readings
        wanted = [Wanted(one.item.canonical_link, one.sketch.hash, one.sketch.kept) for one in readings]
        tx.stories.serialize()
        self._postings = tx.postings.under({h for one in readings for h in one.sketch.kept})
        self._likes = tx.stories.look_up(wanted, self._postings, now - STORY_WINDOW, CANDIDATES)
        self._sketches = sketches.of(tx, {each.item for each in chain.from_iterable(self._likes)})
        self._ids = iter(tx.items.reserve(len(readings)))
        self._stories = iter(tx.stories.reserve(len(readings)))
        self._entries: dict[int, Entry] = {}

    def place(self, number: int, recognition: Recognition, names: Collection[int]) -> Item:
        """The item of a reading with its id and its story."""
        reading, counted = self._readings[number], self._postings.frequency
        frequency = {h: counted[h] for h in reading.sketch.kept if h in counted}
        candidates = likeliest([*self._likes[number], *self._siblings(reading)], CANDIDATES)
        if reading.item.signal is Signal.KILL and recognition.kind is Kind.NEW:
            candidates += self._named(reading.item)
        placement = thread.place(
            reading.item, reading.sketch, recognition, candidates, self._sketches, frequency
        )
        if placement.link is Link.VERSION and self._is_older(reading.item, placement.nearest):
            placement = replace(placement, late=True, reason=f"{placement.reason}, and older than that")
        item = replace(
            reading.item,
            id=next(self._ids),
            source=self._source.id,
            story=placement.story or next(self._stories),
            received_at=reading.item.received_at or self._now,
        )
        text = reading.sketch
        self._entries[item.id] = Entry(
            item, placement, names, reading.names.content, text.hash, reading.words
        )
        self._sketches[item.id] = text
        self._postings.enter(item.id, text.kept)
        return item

    def store(self) -> list[Taken]:
        """Write down all that were placed."""
        entries = list(self._entries.values())
        self._tx.items.add_all(entries, self._now, self._postings)
        return [Taken(each.item, each.placement, self._sketches[each.item.id]) for each in entries]

    def _named(self, withdrawal: Item) -> Iterable[Candidate]:
        """What a withdrawal names: it has hardly a word in common with that. There are a few dozen a year."""
        recent = self._tx.items.list(source=self._source.id, since=self._now - STORY_WINDOW, limit=RECENT)
        siblings = (each.item for each in self._entries.values())
        if item := naming.named(withdrawal, [*recent, *siblings]):
            self._sketches |= {item.id: fingerprint.sketch(item)}
            yield Candidate(item=item.id, source=item.source, story=item.story, named=True)

    def _siblings(self, reading: Reading) -> Iterable[Candidate]:
        """Those of the same document that the item may belong to, as `Stories.look_up` finds stored ones."""
        shared = self._postings.siblings(reading.sketch.kept)
        for each in self._entries.values():
            link = bool(each.item.canonical_link) and each.item.canonical_link == reading.item.canonical_link
            text = each.text_hash == reading.sketch.hash
            common = shared[each.item.id] if shared[each.item.id] >= SHARED else 0
            if link or text or common:
                yield Candidate(
                    item=each.item.id,
                    source=each.item.source,
                    story=each.item.story,
                    shared=common,
                    link=link,
                    text=text,
                )

    def _is_older(self, item: Item, nearest: int) -> bool:
        other = self._entries[nearest].item if nearest in self._entries else self._tx.items.get(nearest)
        return identity.order(item, other) < 0
