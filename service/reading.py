"""From the bytes of a document to readings: what its entries say, and what each is known by.

`read` runs in a worker process: it is what can be done for an item without the database, and untrusted input
is its matter. A feed that changed has one new entry and nineteen old ones; `Memory` knows these by their
bytes, so that only the others are read. `Reader` puts the two together for what was fetched.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

import msgspec

from service.config import Agency
from service.model import Document, Failure, FailureKind, Feed, Fetched, Item, Problem, Source
from service.parse.formats import UnreadableError, parse
from service.parse.outline import outline
from service.store import vocabulary
from service.story import fingerprint, identity, marks
from service.story.fingerprint import Sketch
from service.story.identity import Names
from service.workers import WorkerError, Workers

MEMORY_BYTES = 20_000_000  # for all sources together: a feed of twenty entries takes some two thousand


@dataclass(frozen=True, slots=True)
class Reading:
    """An entry as it was read, with all that it is recognised, found and compared by."""

    names: Names
    item: Item
    sketch: Sketch
    words: str

    @property
    def published_at(self) -> datetime | None:
        """When it was published."""
        return self.item.published_at


class Recalled(NamedTuple):
    """An entry that is the same to the last byte as one that was taken in before."""

    names: Names
    published_at: datetime | None


class StaleError(Exception):
    """An entry that was recalled is new after all: the document has to be read as a whole."""


@dataclass(frozen=True, slots=True)
class Read:
    """A document that was read."""

    readings: tuple[Reading, ...]
    feed: Feed
    problems: tuple[Problem, ...]
    entries: tuple[int, ...] = ()  # the hash of each entry; none where they cannot be told apart
    partly: bool = False  # those that were recalled were left out

    def all(self, recalled: Mapping[int, Recalled]) -> list[Reading | Recalled]:
        """Every entry, in the order of the document."""
        if not self.partly:
            return list(self.readings)
        new = iter(self.readings)
        return [recalled[entry] if entry in recalled else next(new) for entry in self.entries]


def read(
    document: Document, source: Source, agencies: Mapping[str, Agency], recalled: frozenset[int] = frozenset()
) -> Read:
    """The document, without the entries whose hash is among `recalled`. Raises UnreadableError."""
    if recalled and (found := _read_new(document, source, agencies, recalled)):
        return found
    parsed = parse(document, source)
    entries = outline(document).hashes if parsed.format == "feed" else ()
    if len(entries) != len(parsed.items):  # one of them was no item
        entries = ()
    return Read(_readings(parsed.items, agencies), parsed.feed, parsed.problems, entries)


def _read_new(
    document: Document, source: Source, agencies: Mapping[str, Agency], recalled: frozenset[int]
) -> Read | None:
    """The document without what is recalled; None where nothing is, or the rest cannot be read by itself."""
    whole = outline(document)
    new = [entry for entry in whole.hashes if entry not in recalled]
    if len(new) == len(whole.hashes):
        return None
    try:
        parsed = parse(whole.without(recalled, document), source)
    except UnreadableError:
        return None
    if len(parsed.items) != len(new):
        return None
    readings = _readings(parsed.items, agencies)
    return Read(readings, parsed.feed, parsed.problems, whole.hashes, partly=True)


def _readings(items: Iterable[Item], agencies: Mapping[str, Agency]) -> tuple[Reading, ...]:
    # Marks first: a kill repeats the text that it takes back, and is a new version all the same.
    marked = (marks.read(item, agencies) for item in items)
    return tuple(
        Reading(identity.names(item), item, fingerprint.sketch(item), vocabulary.words(item))
        for item in marked
    )


class Memory:
    """What the entries of each source were when it was read last; the sources that changed lately stay."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, source: int) -> dict[int, Recalled]:
        """The entries of a source by their hash."""
        with self._lock:
            packed = self._kept.get(source)
        return _UNPACK(packed) if packed else {}

    def learn(self, source: int, entries: Mapping[int, Reading | Recalled]) -> None:
        """From now on these are the entries of the source, by their hash; they are committed."""
        known = {entry: Recalled(each.names, each.published_at) for entry, each in entries.items()}
        packed = msgspec.msgpack.encode(known) if known else b""
        with self._lock:
            self._bytes += len(packed) - len(self._kept.pop(source, b""))
            self._kept[source] = packed
            while self._bytes > MEMORY_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])


_UNPACK = msgspec.msgpack.Decoder(dict[int, Recalled]).decode


@dataclass(frozen=True, slots=True)
class Contents:
    """All that was fetched from a source at once, read."""

    entries: list[Reading | Recalled]
    feed: Feed
    problems: tuple[str, ...]
    aside: tuple[Problem, ...]  # documents that lie aside by now, since they cannot be read
    hashes: tuple[int, ...]  # of the entries, where they are worth remembering


class Reader:
    """Reads what was fetched in worker processes: a hostile document kills the worker alone."""

    def __init__(self, workers: Workers, agencies: Mapping[str, Agency], report: Callable[..., None]) -> None:
        self._workers, self._agencies, self._report = workers, agencies, report
        self._memory = Memory()

    def read(self, fetched: Fetched) -> Contents | Failure:
        """What the documents held; where a transport can put an unreadable one aside, the others go on."""
        source, aside = fetched.source, list(fetched.aside)
        documents: list[Read] = []
        recalled = self._memory.of(source.id) if fetched.status else {}
        for document in fetched.documents:
            try:
                documents.append(self._run(document, source, frozenset(recalled)))
            except WorkerError as error:
                if fetched.reject is None:
                    # Without the cursor: a server that says "unchanged" next time must not make it look well.
                    return Failure(source=source, kind=FailureKind.UNREADABLE, reason=str(error))
                fetched.reject(document.name, str(error))
                aside.append(Problem(str(error), document.name))
                self._report("document.rejected", source=source.name, name=document.name, reason=error)
        return Contents(
            entries=[entry for document in documents for entry in document.all(recalled)],
            feed=documents[-1].feed if documents else Feed(),
            problems=tuple(problem.what for document in documents for problem in document.problems),
            aside=tuple(aside),
            hashes=documents[0].entries if fetched.status and len(documents) == 1 else (),
        )

    def remember(self, source: Source, contents: Contents) -> None:
        """These are committed: the next document of the source is compared with them."""
        self._memory.learn(source.id, dict(zip(contents.hashes, contents.entries, strict=False)))

    def forget(self, source: Source) -> None:
        """The next document of the source is to be read as a whole."""
        self._memory.learn(source.id, {})

    def _run(self, document: Document, source: Source, recalled: frozenset[int]) -> Read:
        done = self._workers.run("service.reading:read", document, source, self._agencies, recalled)
        return cast(Read, done)
