"""A query tried on something, by the evaluator that matches live: on files, on an item, on the archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from service.actions.rounds import Progress, silent
from service.app import App
from service.errors import NotFoundError, UsageError
from service.model import Document as Bytes
from service.model import Evidence, Item, Parsed, Rule, Source
from service.rules import lint
from service.rules.document import Document
from service.rules.grammar import join_arguments, parse
from service.rules.index import evaluate
from service.rules.nodes import Node
from service.workers import WorkerError

KEPT = 100  # results of the archive that are shown


@dataclass(frozen=True, slots=True)
class Query:
    """A query with the language that it lends to items which name none."""

    node: Node
    language: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One item with the places where the query hits it; None where it does not."""

    item: Item
    source: str
    evidence: tuple[Evidence, ...] | None
    explained: lint.Explanation | None = None


@dataclass(slots=True)
class Change:
    """What a query hits and another does not: how many, and the first of them."""

    count: int = 0
    results: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one, and keep it among the first hundred."""
        self.count += 1
        if self.count <= KEPT:
            self.results.append(result)


@dataclass(slots=True)
class Trial:
    """A query at work on one item after the other, beside the query it is compared with."""

    app: App
    query: Query
    other: Query | None = None
    explain: bool = False
    items: int = 0
    hits: int = 0
    results: list[Result] = field(default_factory=list)
    gained: Change = field(default_factory=Change)  # hit by the query, not by the other
    lost: Change = field(default_factory=Change)

    def add(self, item: Item, source: str) -> Result:
        """Try one item."""
        evidence = self._evaluate(self.query, item, source)
        explained = None
        if self.explain:
            explained = lint.explain(
                self.query.node, self._document(self.query, item, source), self.query.language
            )
        result = Result(item, source, evidence, explained)
        self.items += 1
        self.hits += evidence is not None
        if self.other:
            before = self._evaluate(self.other, item, source)
            if evidence is not None and before is None:
                self.gained.add(result)
            elif evidence is None and before is not None:
                self.lost.add(Result(item, source, before))
        return result

    def _evaluate(self, query: Query, item: Item, source: str) -> tuple[Evidence, ...] | None:
        return evaluate(query.node, self._document(query, item, source), query.language)

    def _document(self, query: Query, item: Item, source: str) -> Document:
        return Document.of(item, self.app.morphology, source=source, language=query.language)


def understand(app: App, arguments: Sequence[str], language: str) -> Query:
    """The query that the arguments of a shell mean; the lists are read where one is named.

    Raises QueryError.
    """
    text = join_arguments(arguments)
    if "@" not in text:
        return Query(parse(text), language)
    with app.store.read() as tx:
        return Query(parse(text, tx.rules.lists()), language)


def of_rule(app: App, name: str, language: str) -> Query:
    """The query of a rule; raises NotFoundError."""
    with app.store.read() as tx:
        rule: Rule = tx.rules.get(name)
        return Query(parse(rule.query, tx.rules.lists()), language or rule.language)


def on_files(trial: Trial, files: Sequence[Path]) -> None:
    """Try every item of some files, nothing stored; a plain text is an item too.

    Raises NotFoundError for a file that is not there, UsageError for one that cannot be read.
    """
    for path in files:
        for item in read(trial.app, path, trial.query.language):
            trial.results.append(trial.add(item, path.name))


def read(app: App, path: Path, language: str = "") -> Sequence[Item]:
    """The items of a file; `language` is theirs where they declare none."""
    try:
        body = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError("file", path) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    source = Source(name=path.name, url=f"ingest:{path.name}", language=language)
    try:
        parsed = app.workers.run("service.parse.formats:parse", Bytes(body=body, name=path.name), source)
    except WorkerError as error:
        raise UsageError(f"{path}: {error}") from error
    assert isinstance(parsed, Parsed)
    return parsed.items


def on_item(trial: Trial, item_id: int) -> None:
    """Try one stored item; raises NotFoundError."""
    with trial.app.store.read() as tx:
        item = tx.items.get(item_id)
        source = tx.sources.names().get(item.source, "")
    trial.results.append(trial.add(item, source))


def on_archive(trial: Trial, since: timedelta, *, progress: Progress = silent) -> None:
    """Try what is stored, the newest first; the newest hundred hits are kept."""
    store = trial.app.store
    with store.read() as tx:
        names = tx.sources.names()
        for item in tx.items.scan(since=store.now() - since, newest=True):
            result = trial.add(item, names.get(item.source, ""))
            if result.evidence is not None and len(trial.results) < KEPT:
                trial.results.append(result)
            progress(1)
