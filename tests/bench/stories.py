"""How well and how fast items find their story: `python -m tests.bench.stories [--stream FILE] [--seed N]`.

Reads records in order of arrival (JSON Lines: id, group, kind, lang, source, title, body, minute), places
each on a real database as intake does, and prints one JSON document. A link is right where it leads to an
item of the same group; recall counts the items that have an earlier sibling.

With `--archive N` the database holds N other items of the same week before, each with fingerprints of its
own; several, as in `--archive 10000 1000000`, are measured one after the other, and `growth` is what the
last costs of the first.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from service.intake import Sketches
from service.model import Item, Link, Placement, Source
from service.store.columns import EPOCH, MICROSECOND
from service.store.db import Store, Transaction
from service.story import marks
from service.story.fingerprint import sketch
from service.story.identity import identify, names, recognise
from service.story.thread import place
from service.text.html import to_text
from tests.bench.wire_stream import Record, stream

START = datetime(2026, 3, 2, tzinfo=UTC)
POSTINGS = 20  # of an item of the archive; see `bytes_per_item` for those of the stream
WINDOW = timedelta(days=7)  # how long fingerprints are kept


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a record."""

    record: Record
    link: Link
    nearest: str  # the id of the record it was linked to
    cpu: float  # seconds: from the marks to the placement, with all that is read from the database
    whole: float  # seconds: the same with storing the item and the commit


def read(lines: Iterable[str]) -> Iterator[Record]:
    """The records of a stream; keys that this bench does not know are passed over."""
    for line in lines:
        if line.strip():
            row = json.loads(line)
            texts = {name: str(row.get(name, "")) for name in Record.__slots__ if name != "minute"}
            yield Record(**texts, minute=int(row.get("minute", 0)))


def run(records: Sequence[Record], database: Path, archive: int = 0) -> list[Placed]:
    """Every record with its placement, in a new database at that path that holds so many other items."""
    store = Store(f"sqlite:///{database}", synchronous="normal")  # what is measured is CPU, not the disk
    store.open(migrate=True)
    with store.begin() as tx:
        sources = {
            name: tx.sources.add(Source(name=name, url=f"https://{name}.example/feed"), START).id
            for name in dict.fromkeys(record.source for record in records)
        }
    if archive:
        store.close()
        fill(database, archive, next(iter(sources.values())))
    placed: list[Placed] = []
    ids: dict[int, str] = {}
    sketches = Sketches()
    for record in records:
        item = _item(record, sources[record.source])
        begin = time.process_time()
        with store.begin() as tx:
            stored, placement, cpu = _take_in(tx, item, sketches)
        whole = time.process_time() - begin
        ids[stored.id] = record.id
        placed.append(Placed(record, placement.link, ids.get(placement.nearest, ""), cpu, whole))
    store.close()
    return placed


def fill(database: Path, items: int, source: int) -> None:
    """Write items that are unlike all others, with as many fingerprints as a wire item has."""
    at = (START - timedelta(minutes=1) - EPOCH) // MICROSECOND
    random_ = random.Random(7)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        numbers = "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?)"
        connection.execute(
            f"{numbers} INSERT INTO story (id, headline, opened_at, updated_at, status, items, sources) "
            f"SELECT id, 'x', {at}, {at}, 'usable', 1, 1 FROM n",
            (items,),
        )
        connection.execute(
            f"{numbers} INSERT INTO item (id, source, story, headline, body, received_at, status, signal, "
            "stored_at, content, text_hash, link_hash, how) "
            f"SELECT id, {source}, id, 'x', hex(randomblob(400)), {at}, 'usable', 'none', {at}, "
            "random(), random(), random(), 'first' FROM n",
            (items,),
        )
        # In the order of the key, or a million scattered writes would take longer than the bench.
        connection.execute("CREATE TEMP TABLE loose (h, items)")
        postings = (
            (random_.getrandbits(63) - 2**62, item.to_bytes(4))
            for item in range(1, items + 1)
            for _ in range(POSTINGS)
        )
        connection.executemany("INSERT INTO loose VALUES (?, ?)", postings)
        connection.execute("INSERT OR IGNORE INTO fingerprint SELECT h, items FROM loose ORDER BY h")
        connection.execute("DROP TABLE loose")
        connection.commit()
        connection.execute("ANALYZE")
        connection.commit()


def posting_bytes(database: Path) -> int:
    """What the fingerprints take on disk, measured on a copy of their table alone."""
    copy = database.with_suffix(".postings")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ATTACH ? AS copy", (str(copy),))
        connection.execute("CREATE TABLE copy.fingerprint (h INTEGER PRIMARY KEY, items)")
        # In the order of arrival, so that pages are split as they are in service.
        connection.execute("INSERT INTO copy.fingerprint SELECT * FROM main.fingerprint ORDER BY items")
        connection.commit()
    return copy.stat().st_size


def _item(record: Record, source: int) -> Item:
    """The record as a feed's parser hands it on."""
    return Item(
        headline=to_text(record.title),
        body=to_text(record.body) if "<" in record.body or "&" in record.body else record.body,
        source=source,
        external_id=record.id,
        canonical_link=f"{record.source}.example/{record.id}",
        language=record.lang,
        received_at=START + timedelta(minutes=record.minute),
    )


def _take_in(tx: Transaction, item: Item, sketches: Sketches) -> tuple[Item, Placement, float]:
    """One item through identity, placing and storing, as intake does it; and the seconds up to its place."""
    begin = time.process_time()
    item = marks.read(item)
    assert item.received_at
    known_by, text = names(item), sketch(item)
    [keys] = identify([known_by])
    all_names = (keys.primary, *keys.aliases)
    recognition = recognise(keys, known_by, tx.items.seen(item.source, all_names))
    postings = tx.postings.under(text.kept)
    candidates = tx.stories.candidates(
        canonical_link=item.canonical_link,
        text_hash=text.hash,
        fingerprints=text.kept,
        since=item.received_at - WINDOW,
        postings=postings,
    )
    near = sketches.of(tx, {each.item for each in candidates})
    placement = place(item, text, recognition, candidates, near, postings.frequency)
    cpu = time.process_time() - begin
    stored = tx.items.add(
        item,
        placement,
        keys=all_names,
        content=known_by.content,
        text_hash=text.hash,
        fingerprints=text.kept,
        now=item.received_at,
        postings=postings,
    )
    return stored, placement, cpu


# ---------------------------------------------------------------- the score


def score(placed: Sequence[Placed]) -> dict[str, object]:
    """Precision and recall, whole and by kind, and how often a changed number was flagged."""
    group = {each.record.id: each.record.group for each in placed}
    seen: set[str] = set()
    by_kind: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in placed:
        count = by_kind[each.record.kind]
        linked = each.link is not Link.FIRST
        right = linked and group.get(each.nearest) == each.record.group
        sibling = each.record.group in seen
        count.update(
            items=1,
            links=linked,
            right=right,
            siblings=sibling,
            found=right and sibling,
            flagged=each.link is Link.NUMBER_CHANGED,
        )
        seen.add(each.record.group)
    total: Counter[str] = Counter()
    for count in by_kind.values():
        total.update(count)
    return {
        "items": total["items"],
        **_ratios(total),
        "numbers_flagged": _share(*_numbers(by_kind)),
        "ms_cpu": _milliseconds([each.cpu for each in placed]),
        "ms_cpu_stored": _milliseconds([each.whole for each in placed]),
        "kinds": {
            kind: _ratios(count) | {"items": count["items"], "wrong": count["links"] - count["right"]}
            | {"flagged": _share(count["flagged"], count["found"])}
            for kind, count in sorted(by_kind.items())
        },
    }  # fmt: skip


def _numbers(by_kind: Mapping[str, Mapping[str, int]]) -> tuple[int, int]:
    """Of the kinds in which a number was changed: how many were flagged, of how many that were found."""
    counts = [count for kind, count in by_kind.items() if "number" in kind]
    return sum(count["flagged"] for count in counts), sum(count["found"] for count in counts)


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(median(seconds) * 1000, 3),
        "p99": round(quantiles(seconds, n=100)[98] * 1000, 3),
    }


def _ratios(count: Mapping[str, int]) -> dict[str, float | None]:
    return {
        "precision": _share(count["right"], count["links"]),
        "recall": _share(count["found"], count["siblings"]),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stream", type=Path, help="JSON Lines in order of arrival")
    parser.add_argument("--seed", type=int, default=1, help="of the stream that is made without --stream")
    parser.add_argument("--stories", type=int, default=600)
    parser.add_argument("--archive", type=int, nargs="+", default=[], help="items that are there before")
    options = parser.parse_args(arguments)
    if options.stream:
        records = list(read(options.stream.read_text(encoding="utf-8").splitlines()))
    else:
        records = stream(options.seed, options.stories)
    if options.archive:
        json.dump(grown(records, options.archive), sys.stdout, indent=1)
    else:
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder) / "stories.db"
            placed = run(records, database)
            size = posting_bytes(database)
        json.dump(score(placed) | {"bytes_per_item": round(size / len(records))}, sys.stdout, indent=1)
    print()


def grown(records: Sequence[Record], archives: Sequence[int]) -> dict[str, object]:
    """Time and quality in archives of several sizes."""
    found: dict[int, dict[str, object]] = {}
    cost: list[float] = []
    for archive in archives:
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder) / "stories.db"
            placed = run(records, database, archive)
            size = posting_bytes(database)
        scored = score(placed)
        cost.append(sum(each.cpu for each in placed))
        shown = ("precision", "recall", "ms_cpu", "ms_cpu_stored")
        found[archive] = {name: scored[name] for name in shown} | {
            "fingerprints": archive * POSTINGS,
            "bytes_per_item": round(size / (archive + len(records))),
        }
    return {"items": len(records), "archives": found, "growth": round(cost[-1] / cost[0] - 1, 3)}


if __name__ == "__main__":
    main()
