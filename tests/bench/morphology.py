"""How well, and how fast, words meet terms: one JSON document on stdout.

    python -m tests.bench.morphology [--pairs FILE.tsv]…

A pair file has the columns lang, term, word, expected (yes, no; optional is not scored) and kind. Without
one, all of tests/data/terms_*.tsv are read. The lexicons come from the cache of the user, and are made
where it has none: run it twice for the time of a start with a cache.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, perf_counter_ns

from service.store.lexicon import load
from service.text.morphology import Morphology
from service.text.tokens import joined, words

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True, slots=True)
class Pair:
    """A term, a word of a text, and whether they are expected to meet."""

    lang: str
    term: str
    word: str
    expected: str
    kind: str


def read(paths: Iterable[Path]) -> list[Pair]:
    """The pairs of all files."""
    pairs: list[Pair] = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            pairs += [Pair(**row) for row in csv.DictReader(file, delimiter="\t")]
    return pairs


def meets(term: str, text: str, language: str, morphology: Morphology) -> bool:
    """Whether the term is found in the text, as a rule's word or phrase would be."""
    tokens = words(text)
    pieces = words(term)
    if len(pieces) == 1:
        solid = [word for _, _, word in joined(text)]
        keys = morphology.term(term, language)
        return any(keys & morphology.keys(word, language) for word in tokens + solid)
    wanted = [morphology.phrase_word(piece, language) for piece in pieces]
    there = [morphology.inflections(token, language) for token in tokens]
    return any(
        all(a & b for a, b in zip(wanted, there[start : start + len(wanted)], strict=True))
        for start in range(len(there) - len(wanted) + 1)
    )


def score(pairs: Iterable[Pair], morphology: Morphology) -> dict[str, object]:
    """Precision, recall and F1 by language, the errors by kind, and each error."""
    by_language: defaultdict[str, list[tuple[Pair, bool]]] = defaultdict(list)
    for pair in pairs:
        if pair.expected in {"yes", "no"}:
            by_language[pair.lang].append((pair, meets(pair.term, pair.word, pair.lang, morphology)))
    languages, wrong = {}, []
    for language, judged in sorted(by_language.items()):
        outcomes = Counter((pair.expected == "yes", found) for pair, found in judged)
        hits, false, missed = outcomes[True, True], outcomes[False, True], outcomes[True, False]
        errors = [pair for pair, found in judged if found != (pair.expected == "yes")]
        kinds, faulty = Counter(pair.kind for pair, _ in judged), Counter(pair.kind for pair in errors)
        languages[language] = {
            "n": len(judged),
            "precision": round(hits / ((hits + false) or 1), 4),
            "recall": round(hits / ((hits + missed) or 1), 4),
            "f1": round(2 * hits / ((2 * hits + false + missed) or 1), 4),
            "kinds": {kind: {"n": n, "wrong": faulty[kind]} for kind, n in sorted(kinds.items())},
        }
        wrong += [f"{p.lang} {p.term} / {p.word}: expected {p.expected} ({p.kind})" for p in errors]
    return {"languages": languages, "wrong": wrong}


def timings(pairs: Iterable[Pair], morphology: Morphology) -> dict[str, float]:
    """Microseconds for a word met first (the median), and for one met before (the mean)."""
    distinct: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        distinct[pair.lang].update(words(pair.word))
    cold, known, count = [], 0.0, 0
    for language, tokens in distinct.items():
        table = morphology.table(language)
        for token in tokens:
            start = perf_counter_ns()
            table[token]
            cold.append((perf_counter_ns() - start) / 1000)
        repeated = list(tokens) * 20
        start = perf_counter_ns()
        set().union(*map(table.__getitem__, repeated))
        known += (perf_counter_ns() - start) / 1000
        count += len(repeated)
    return {"us_cold": round(statistics.median(cold), 2), "us_known": round(known / count, 3)}


def main(arguments: list[str]) -> None:
    """Read the pairs, judge them, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=Path, action="append", help="a file of pairs; may be repeated")
    chosen: list[Path] = parser.parse_args(arguments).pairs or sorted(DATA.glob("terms_*.tsv"))
    pairs = read(chosen)
    before = _resident_mb()
    start = perf_counter()
    languages = sorted({pair.lang for pair in pairs})
    lexicons = load(languages)
    for language in lexicons:
        lexicons[language]
    load_s = perf_counter() - start
    timed = timings(pairs, Morphology(lexicons))
    report = score(pairs, Morphology(lexicons)) | timed
    report |= {"load_s": round(load_s, 3), "rss_mb": round(_resident_mb() - before, 1)}
    json.dump(report, sys.stdout, ensure_ascii=False, indent=1)
    print()


def _resident_mb() -> float:
    """Memory of this process: now, where Linux tells; else at its highest."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main(sys.argv[1:])
