"""How fast a rule is tried on an archive: `python -m tests.bench.backtest [--items N] [QUERY]`.

Builds an archive of N items on SQLite, whose words are as often as words are (Zipf's law, with a tail that
never ends), tries the query on all of it by the back-test that `add-rule` runs, and prints one JSON
document. The time is that of the CPU, on one core; `peak_mb` is what the process took over its start.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from service import config
from service.actions.backtest import backtest
from service.actions.trials import Query
from service.app import build
from service.model import Source
from service.rules.grammar import parse
from service.store.columns import EPOCH, MICROSECOND
from service.text.tokens import words

QUERY = '"Kim Jong Un" + Reise'
SYLLABLES = ("ar", "bel", "chen", "dor", "ein", "fel", "gan", "hof", "ing", "kan", "lau", "mer", "nor", "ost")
COMMON = words(
    "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
    "er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber "
    "vor zur bis mehr durch man sein wurde sei Prozent Millionen Euro Unternehmen Regierung Präsident "
    "Landkreise Preise Reisende Anleger Notenbank Kim Bericht Agentur Montag Dienstag Mittwoch Reisebüro"
)
WORDS = 300_000  # different words, before the numbers
LENGTH = (60, 220)  # words of an item
COLUMNS = (
    "id, source, story, headline, body, language, received_at, published_at, status, signal, stored_at, "
    "content, text_hash, how, external_id"
)


def vocabulary(random_: random.Random) -> tuple[list[str], list[float]]:
    """Words, the commonest first, with their cumulated weights."""
    known = [*COMMON]
    while len(known) < WORDS:
        word = "".join(random_.choices(SYLLABLES, k=random_.randint(2, 5)))
        known.append(word.capitalize() if random_.random() < 0.4 else word)
    return known, list(accumulate(1 / (rank + 3) for rank in range(len(known))))


def rows(count: int, source: int, seed: int) -> Iterator[tuple[object, ...]]:
    """The rows of an archive: 20 days, one item in two thousand is on the trip, one in two hundred on Kim."""
    random_ = random.Random(seed)
    known, weights = vocabulary(random_)
    now = (datetime.now(UTC) - EPOCH) // MICROSECOND
    step = timedelta(days=20) // MICROSECOND // count
    pool = random_.choices(known, cum_weights=weights, k=2_000_000)
    for number in range(1, count + 1):
        at = now - (count - number) * step
        begin, length = random_.randrange(len(pool) - LENGTH[1]), random_.randint(*LENGTH)
        text = [*pool[begin : begin + length], f"{number % 9973},{number % 97}", f"{number}"]
        if number % 200 == 0:
            text.insert(length // 2, "Kim Jong Un")
        if number % 2000 == 0:
            text.insert(length // 3, "Auslandsreise")
        headline, body = " ".join(text[:9]), " ".join(text[9:])
        yield (
            number, source, number, headline, body, "de", at, at, "usable", "none", at,
            number, number, "first", str(number),
        )  # fmt: skip


def fill(database: Path, count: int, source: int, seed: int) -> None:
    """Write the items, and a story for each."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ?) "
            "INSERT INTO story (id, headline, opened_at, updated_at, status) "
            "SELECT id, '', 0, 0, 'usable' FROM n",
            (count,),
        )
        marks = ", ".join("?" * len(COLUMNS.split(",")))
        connection.executemany(f"INSERT INTO item ({COLUMNS}) VALUES ({marks})", rows(count, source, seed))
        connection.commit()


def run(folder: Path, count: int, query: str, seed: int) -> dict[str, object]:
    """The figures of one back-test over a new archive."""
    app = build(config.read({}, path=str(folder / "config.toml")), migrate=True)
    with app.store.begin() as tx:
        source = tx.sources.add(Source(name="wire", url="https://wire.example/feed"), app.store.now())
    fill(folder / "monitor.db", count, source.id, seed)
    app.teller.warm(["de"])  # the lexicon is derived once on a machine
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    found = backtest(app, Query(parse(query)), since=timedelta(days=30))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    app.close()
    return {
        "query": query,
        "items": found.items,
        "hits": found.hits,
        "stories": found.stories,
        "items_a_second": round(found.items / cpu),
        "us_per_item": round(cpu / found.items * 1e6, 1),
        "seconds": round(wall, 1),
        "peak_mb": round(peak / 1024),
        "archive_mb": round((folder / "monitor.db").stat().st_size / 2**20),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench and print its one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("query", nargs="?", default=QUERY)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        json.dump(run(Path(folder), options.items, options.query, options.seed), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
