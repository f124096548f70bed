"""What a query would have hit: the archive read by the evaluator that matches live, in constant memory.

A sieve passes over the items that cannot match; the others are read whole. Days and hours are those of
publication, so that a first poll, which brings a week at once, does not count as one busy hour.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from service.actions import names
from service.actions.rounds import Progress, silent
from service.actions.shapes import NEWEST
from service.actions.trials import KEPT, Change, Query, Result, Trial
from service.app import App
from service.model import Item, Rule
from service.rules import lint
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.index import evaluate
from service.rules.nearmiss import NearMiss, NearMisses
from service.rules.nodes import ListRef, Node, Term
from service.rules.operators import Word
from service.rules.patterns import Wildcard
from service.rules.sieve import Sieve
from service.store.columns import EPOCH, MICROSECOND
from service.store.db import Transaction
from service.store.items import Wording

WINDOW = timedelta(days=30)
GROWN = timedelta(seconds=0.4)  # between two looks at a back-test that grows
LISTENED = 500  # items whose words a wildcard is shown by
NAMED = 8  # words of a wildcard, the commonest first
CONCLUSIVE = 100  # items of an archive from which on its frequencies say something
DAY = timedelta(days=1) // MICROSECOND


@dataclass(slots=True)
class Backtest:
    """What a query would have hit: items read, hits, stories, and when."""

    items: int = 0
    hits: int = 0
    stories: int = 0
    first: datetime | None = None  # of the items read, by their publication
    last: datetime | None = None
    covered: int = 0  # days on which something was published
    days: Counter[date] = field(default_factory=Counter)  # stories by the day of their first hit, UTC
    hours: Counter[datetime] = field(default_factory=Counter)  # likewise, by the hour
    newest: Sequence[Result] = ()  # the newest first
    shares: Mapping[str, float] = field(default_factory=dict)  # of the items, that a term hits by itself
    words: Mapping[str, Mapping[str, int]] = field(
        default_factory=dict
    )  # that each wildcard fits, with items
    near: Sequence[NearMiss] = ()
    gained: Change = field(default_factory=Change)  # where it was compared with another query
    lost: Change = field(default_factory=Change)

    @property
    def per_day(self) -> float:
        """Alerts a day that are to be expected: stories over the days that the archive covers."""
        if not self.first or not self.last:
            return 0.0
        # A single old item must not stretch the time in which the others came.
        return self.stories / max(1.0, min((self.last - self.first) / timedelta(days=1), self.covered))

    @property
    def busiest(self) -> tuple[datetime, int] | None:
        """The hour with the most stories, the latest of equals, and their number; None without a hit."""
        return max(self.hours.items(), key=lambda hour: (hour[1], hour[0]), default=None)

    @property
    def sentence(self) -> str:
        """One line for a person."""
        if not self.items:
            return "nothing is stored yet to try it on"
        if not self.hits:
            return f"none of {self.items:,} stored items"
        stories = "1 story" if self.stories == 1 else f"{self.stories:,} stories"
        rate = f"about {self.per_day:,.1f} alerts a day"
        return f"{self.hits:,} of {self.items:,} stored items, {stories}, {rate}"


def backtest(
    app: App,
    query: Query,
    other: Query | None = None,
    *,
    since: timedelta = WINDOW,
    newest: int = NEWEST,
    progress: Progress = silent,
) -> Backtest:
    """What the query would have hit in what was stored since then; with `other`, what it gains and loses."""
    with app.store.read() as tx:
        reader = _Reader(app, tx, query, other, newest)
        for page in tx.items.wordings(since=app.store.now() - since):
            reader.read(page)
            progress(len(page))
        return reader.result()


def forecast(app: App, rule: Rule, *, progress: Progress = silent) -> Backtest:
    """What a rule that was just written would have hit; the alerts a day that it promises are remembered.

    Whoever wrote a rule that alerts ten times as often is told. An archive of a few items promises nothing.
    """
    with app.store.read() as tx:
        query = Query(parse(rule.query, tx.rules.lists()), rule.language)
    tried = backtest(app, query, progress=progress)
    if tried.items >= CONCLUSIVE:
        with app.store.begin() as tx:
            tx.rules.expect(rule.id, tried.per_day)
    return tried


def catch_up(app: App, rule: Rule) -> None:
    """Work out what a rule promises, where its query has none yet: new, or changed."""
    with app.store.read() as tx:
        known = tx.rules.forecasts([rule.id])
    if not known:
        forecast(app, rule)


def growing(
    app: App,
    query: Query,
    other: Query | None = None,
    *,
    since: timedelta = WINDOW,
    newest: int = NEWEST,
    every: timedelta = GROWN,
) -> Iterator[tuple[Backtest, bool]]:
    """The back-test as it grows, for whoever watches it; beside it stands whether it is whole."""
    with app.store.read() as tx:
        reader = _Reader(app, tx, query, other, newest)
        due = time.monotonic() + every.total_seconds() / 4  # the first figures come early
        for page in tx.items.wordings(since=app.store.now() - since):
            reader.read(page)
            if time.monotonic() > due:
                yield reader.result(), False
                due = time.monotonic() + every.total_seconds()
        yield reader.result(), True


def on_archive(trial: Trial, since: timedelta, *, progress: Progress = silent) -> Backtest:
    """The back-test of a trial; the trial has its counts and its newest hundred hits, the newest first."""
    tried = backtest(trial.app, trial.query, trial.other, since=since, newest=KEPT, progress=progress)
    trial.items, trial.hits = tried.items, tried.hits
    trial.gained, trial.lost = tried.gained, tried.lost
    trial.results = [trial.explained(result) for result in tried.newest]
    return tried


def warnings(node: Node, tried: Backtest | None = None) -> list[str]:
    """What the lint has to say about a query, a sentence each; with a back-test, about its terms too."""
    shares = tried.shares if tried and tried.items >= CONCLUSIVE else None
    advice = lint.lint(node, shares.get if shares is not None else None)
    return [*(one.sentence for one in advice), *names.suggestions(node)]


class _Reader:
    """A back-test under way."""

    def __init__(self, app: App, tx: Transaction, query: Query, other: Query | None, newest: int) -> None:
        self._morphology, self._tx = app.morphology, tx
        self._query, self._other = query, other
        self._names = tx.sources.names()
        self._misses = NearMisses(query.node)
        terms = list({str(t): t for t in query.node.walk() if isinstance(t, (Term, ListRef))}.values())
        told = Sieve(terms, app.morphology).tells()
        self._terms = [term for term, tells in zip(terms, told, strict=True) if tells]
        asked = (query.node, other.node if other else query.node)
        self._sieve = Sieve((*asked, *self._misses.parts, *self._terms), app.morphology)
        self._stories, self._days = _Numbers(), set[int]()
        self._told: Counter[str] = Counter()  # items that a term hits by itself
        self._words: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._newest: deque[int] = deque(maxlen=newest)
        self._gained: deque[int] = deque(maxlen=KEPT)
        self._lost: deque[int] = deque(maxlen=KEPT)
        self._found = Backtest()

    def read(self, page: Sequence[Wording]) -> None:
        """Count the items of a page; those that may match are read whole."""
        parts = len(self._misses.parts)
        whole: list[tuple[Wording, list[bool]]] = []
        for row in page:
            self._days.add(row.at // DAY)
            text = "\n".join((row.headline, row.body, *row.places))
            may = self._sieve.may_match(text, _tongue(row) or self._query.language)
            if True not in may:
                continue
            nearly = not self._misses.full and sum(may[2 : 2 + parts]) >= parts - 1
            if self._count_terms(may[2 + parts :]) or nearly or may[0] or may[1]:
                whole.append((row, may))
        self._found.items += len(page)
        times = [row.at for row in page]
        begin, end = _moment(min(times)), _moment(max(times))
        self._found.first = min(self._found.first or begin, begin)
        self._found.last = max(self._found.last or end, end)
        items = self._tx.items.with_ids([row.id for row, _ in whole])
        for row, may in whole:
            if row.id in items:
                self._evaluate(row, items[row.id], may)

    def _count_terms(self, may: Iterable[bool]) -> bool:
        """Count the words that the item holds; whether there are terms that have to be looked for in it."""
        vague = False
        for term, there in zip(self._terms, may, strict=True):
            if there and isinstance(term, Word):
                self._told[str(term)] += 1  # a word is there where one of its keys is
            elif there:
                vague = True
        return vague

    def _evaluate(self, row: Wording, item: Item, may: Sequence[bool]) -> None:
        """One item that may match."""
        document = self._document(item, self._query)
        hit = may[0] and self._query.node.holds(document)
        if hit:
            self._hit(row)
        else:
            self._misses.count(document)
        for term, there in zip(self._terms, may[2 + len(self._misses.parts) :], strict=True):
            if there and not isinstance(term, Word):
                self._told[str(term)] += term.holds(document)
            if there and isinstance(term, Wildcard) and self._told[str(term)] <= LISTENED:
                self._words[str(term)].update({place.text for place in term.find(document)})
        if self._other:
            before = may[1] and self._other.node.holds(self._document(item, self._other))
            if hit and not before:
                self._found.gained.count += 1
                self._gained.append(row.id)
            elif before and not hit:
                self._found.lost.count += 1
                self._lost.append(row.id)

    def _hit(self, row: Wording) -> None:
        self._found.hits += 1
        self._newest.append(row.id)
        if self._stories.add(row.story):
            at = _moment(row.at)
            self._found.stories += 1
            self._found.days[at.date()] += 1
            self._found.hours[at.replace(minute=0, second=0, microsecond=0)] += 1

    def result(self) -> Backtest:
        """What was counted, with the newest hits and their places."""
        found = self._found
        found.covered = len(self._days)
        found.newest = self._results(self._newest, self._query)
        found.near = self._misses.found()
        found.words = {term: dict(words.most_common(NAMED)) for term, words in self._words.items()}
        found.shares = {str(term): self._told[str(term)] / max(1, found.items) for term in self._terms}
        found.gained.results = self._results(self._gained, self._query)
        found.lost.results = self._results(self._lost, self._other or self._query)
        return found

    def _results(self, ids: Sequence[int], query: Query) -> list[Result]:
        items = self._tx.items.with_ids(ids)
        return [
            Result(
                item,
                self._names.get(item.source, ""),
                evaluate(query.node, self._document(item, query), query.language),
            )
            for item in (items[number] for number in reversed(ids) if number in items)
        ]

    def _document(self, item: Item, query: Query) -> Document:
        source = self._names.get(item.source, "")
        return Document.of(item, self._morphology, source=source, language=query.language)


class _Numbers:
    """A set of row numbers that takes a bit for each: an archive may hold millions of stories."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> bool:
        """Put it in; whether it is new."""
        byte, bit = number >> 3, 1 << (number & 7)
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 1024 - len(self._bits)))
        new = not self._bits[byte] & bit
        self._bits[byte] |= bit
        return new


def _tongue(row: Wording) -> str:
    return row.language.partition("-")[0].lower()


def _moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
