"""How fast an item is matched against many rules, and whether the answers are right.

    python -m tests.bench.matching [--rules FILE] [--docs FILE] [--items N] [--peers peers_match.py]

Rules and documents are JSON Lines: `{"id", "all", "any", "none"}` with terms in lower case, a phrase with
blanks, each an exact word (`=term`), and `{"id", "title", "body"}`. Without files they are made here, from
a seed. Prints one JSON document:

    us_per_item     microseconds an item, median, by the number of rules: text in, rules out
    us_with_places  the same with the evidence of every hit
    ratio_tokenise  the same over `set(re.findall(r"\\w+", text.casefold()))` of the same items
    growth          from the fewest rules to the most
    bytes_per_rule  resident memory, the parsed query included
    differs         pairs of item and rule where the index and a plain evaluation of every rule disagree
    add_us, remove_us   median and 99th percentile of one change, at the most rules
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, cycle, islice
from pathlib import Path
from typing import TypeAlias

from service.errors import QueryError
from service.model import Item
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.index import SAMPLE, SETTLED_PER_ITEM, RuleIndex, evaluate
from service.rules.nodes import Node
from service.text.morphology import Morphology

Record: TypeAlias = Mapping[str, object]

SIZES = (1_000, 10_000, 100_000)
SEED = 7
VOCABULARY = 60_000
MOST_COMMON = 0.01  # of the documents hold a word that rules name: watchlists hold names, not articles
ROUNDS = 5  # per item; the best counts, since a neighbour can only slow us down
CHECKED = 200_000  # pairs of item and rule that the plain evaluation is asked for


def query_of(rule: Record) -> str:
    """The rule in the query language, each term exact."""
    every, either, none = (list(map(_exact, _strings(rule[key]))) for key in ("all", "any", "none"))
    alternatives = [f"({' | '.join(either)})"] if either else []
    return " ".join([*every, *alternatives, *(f"-{term}" for term in none)])


def _is_query(rule: Record) -> bool:
    """Whether the rule can be read: a term of signs alone, as drawn from raw text, cannot."""
    try:
        parse(query_of(rule))
    except QueryError:
        return False
    return True


def _exact(term: str) -> str:
    return f'="{term}"'


def _strings(value: object) -> list[str]:
    assert isinstance(value, list)
    return value


# ---------------------------------------------------------------- documents and rules of our own


def make(rules: int, items: int) -> tuple[list[Record], list[Record]]:
    """Rules and documents from the seed: words by Zipf's law, and rules from other documents' words."""
    dice = random.Random(SEED)
    words = _vocabulary(dice)
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    texts = [dice.choices(words, cum_weights=weights, k=dice.randint(200, 600)) for _ in range(items + 700)]
    documents: list[Record] = [
        {"id": number, "title": " ".join(text[:8]), "body": _prose(text[8:], dice)}
        for number, text in enumerate(texts[:items])
    ]
    sources = [[word.casefold() for word in text] for text in texts[items:]]
    seen = Counter(word for text in sources for word in set(text))
    rare = [[word for word in text if seen[word] <= len(sources) * MOST_COMMON] for text in sources]
    return [_rule(number, dice, sources, rare) for number in range(rules)], documents


def _vocabulary(dice: random.Random) -> list[str]:
    onsets = re.findall(r"\S+", "b d f g h k l m n p r s t v w z br fr gr kl kr pr sch schl st str tr")
    nuclei = (*"aeiouäöü", "au", "ei", "ie")
    codas = ("", *"nrlstß", "ng", "rt", "nd", "ch")
    made: dict[str, None] = {}
    while len(made) < VOCABULARY:
        syllables = (
            dice.choice(onsets) + dice.choice(nuclei) + dice.choice(codas) for _ in range(dice.randint(1, 4))
        )
        made["".join(syllables).capitalize()] = None
    return sorted(made, key=lambda word: len(word) + dice.random() * 8)  # short words are the frequent ones


def _prose(words: Sequence[str], dice: random.Random) -> str:
    marks = dice.choices(["", ",", ".", ":", "-"], weights=[80, 8, 8, 2, 2], k=len(words))
    return "".join(
        f"{word}{mark}{'' if mark == '-' else ' '}" for word, mark in zip(words, marks, strict=True)
    )


def _rule(number: int, dice: random.Random, texts: list[list[str]], rare: list[list[str]]) -> Record:
    """One rule in the shapes of a watchlist: name + word, words, name, word + alternatives, without word."""
    at = dice.randrange(len(texts))

    def word() -> str:
        return dice.choice(rare[at if dice.random() < 0.15 else dice.randrange(len(rare))])

    def phrase() -> str:
        text = texts[at]
        start = text.index(dice.choice(rare[at]))
        return " ".join(text[start : start + dice.choice((2, 2, 3))])

    shape = dice.random()
    every: list[str] = [phrase(), word()]
    either: list[str] = []
    none: list[str] = []
    if shape < 0.25:
        every = [word(), word()]
    elif shape < 0.35:
        every = [word(), word(), word()]
    elif shape < 0.38:
        every = [phrase()]
    elif shape < 0.55:
        every, either = [word()], [word() for _ in range(dice.randint(2, 6))]
    elif shape < 0.60:
        every, either, none = [], [phrase(), phrase()], [word()]
    elif shape < 0.65:
        none = [word()]
    return {"id": number, "all": every, "any": either, "none": none}


def read(path: Path) -> Iterator[Record]:
    """The records of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


# ---------------------------------------------------------------- measuring


def best_us(run: Callable[[], object]) -> float:
    """Microseconds of one call, the best of some."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - start)
    return min(times) / 1e3


def median_us(runs: Iterable[Callable[[], object]]) -> float:
    """The median of their best times, in microseconds."""
    return round(statistics.median(map(best_us, runs)), 1)


def resident() -> int:
    """Bytes of memory that this process holds now."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def measure(rules: Sequence[Record], documents: Sequence[Record]) -> dict[str, object]:
    """All figures, the sizes one after another on a growing index."""
    morphology = Morphology({})
    known = [Item(headline=str(each["title"]), body=str(each["body"])) for each in documents]
    learned, items = known[::2], known[1::2]  # the index learns from one half, and is measured on the other
    texts = [f"{item.headline}\n{item.body}" for item in items]
    tokenise = median_us(partial(_tokenise, text) for text in texts)
    index = RuleIndex(morphology)
    gc.collect()
    before, built = resident(), 0.0
    us: dict[int, float] = {}
    shown, hits, differs = {}, {}, 0
    done = 0
    for size in [size for size in SIZES if size <= len(rules)] or [len(rules)]:
        start = time.perf_counter()
        for rule in rules[done:size]:
            index.add(_id(rule), parse(query_of(rule)))
        built += time.perf_counter() - start
        done = size
        gc.collect()
        held = resident() - before
        gc.freeze()
        for item in [*islice(cycle(learned), SAMPLE + done // SETTLED_PER_ITEM), *items]:
            index.match(Document.of(item, morphology))
        us[size] = median_us(partial(_hits, index, item, morphology) for item in items)
        shown[size] = median_us(partial(_match, index, item, morphology) for item in items)
        hits[size] = statistics.mean(len(index.match(Document.of(item, morphology))) for item in items)
        differs += _differences(index, rules[:size], items, morphology)
    add_us, remove_us = _changes(index, rules[:done])
    sizes = list(us)
    return {
        "items": len(items),
        "us_tokenise": tokenise,
        "us_per_item": us,
        "us_with_places": shown,
        "ratio_tokenise": {size: round(each / tokenise, 2) for size, each in us.items()},
        "growth": round(us[sizes[-1]] / us[sizes[0]], 2),
        "hits_per_item": {size: round(each, 2) for size, each in hits.items()},
        "bytes_per_rule": round(held / done),
        "build_s": round(built, 1),
        "differs": differs,
        "add_us": add_us,
        "remove_us": remove_us,
    }


def _tokenise(text: str) -> object:
    return set(re.findall(r"\w+", text.casefold()))


def _hits(index: RuleIndex, item: Item, morphology: Morphology) -> object:
    return index.hits(Document.of(item, morphology))


def _match(index: RuleIndex, item: Item, morphology: Morphology) -> object:
    return index.match(Document.of(item, morphology))


def _id(rule: Record) -> int:
    assert isinstance(rule["id"], int)
    return rule["id"]


def _differences(
    index: RuleIndex, rules: Sequence[Record], items: Sequence[Item], morphology: Morphology
) -> int:
    """Pairs on which the index and the evaluation of every rule disagree, on a sample."""
    sample = random.Random(SEED).sample(list(rules), min(len(rules), 2_000))
    queries: dict[int, Node] = {_id(rule): parse(query_of(rule)) for rule in sample}
    differs = 0
    for item in items[: max(1, CHECKED // len(queries))]:
        document = Document.of(item, morphology)
        found = {match.rule: match.evidence for match in index.match(document)}
        differs += sum(evaluate(query, document) != found.get(rule) for rule, query in queries.items())
    return differs


def _changes(index: RuleIndex, rules: Sequence[Record]) -> tuple[dict[str, float], dict[str, float]]:
    """Times of removing and adding single rules again."""
    sample = random.Random(SEED).sample(list(rules), min(len(rules), 1_000))
    queries = [(_id(rule), parse(query_of(rule))) for rule in sample]
    removed = [_timed(partial(index.remove, rule)) for rule, _ in queries]
    added = [_timed(partial(index.add, rule, query)) for rule, query in queries]
    return _percentiles(added), _percentiles(removed)


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - start) / 1e3


def _percentiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


def peers(script: Path, rules: Sequence[Record], documents: Sequence[Record]) -> list[object]:
    """What the peers of the script answer on the same rules and documents, those that are installed."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("rules.jsonl", "docs.jsonl")]
        for path, records in zip(paths, (rules, documents), strict=True):
            path.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
        command = [sys.executable, str(script), "--rules", str(paths[0]), "--docs", str(paths[1])]
        command += ["--engines", "naive,fts5", "--max-rules", "10000", "--budget", "10"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--items", type=int, default=600, help="half of them to learn from")
    parser.add_argument("--most-rules", type=int, default=SIZES[-1])
    parser.add_argument("--peers", type=Path, help="peers_match.py, run on at most 10,000 rules")
    given = parser.parse_args()
    if given.rules and given.docs:
        rules, documents = list(read(given.rules)), list(read(given.docs))
    elif given.rules or given.docs:
        parser.error("--rules and --docs go together")
    else:
        rules, documents = make(given.most_rules, given.items)
    rules, documents = list(filter(_is_query, rules))[: given.most_rules], documents[: given.items]
    result = measure(rules, documents)
    if given.peers:
        result["peers"] = peers(given.peers, rules, documents)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
