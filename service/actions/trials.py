"""A query tried on files or on one item, by the evaluator that matches live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from service.app import App, check_language
from service.errors import NotFoundError, UsageError
from service.model import Document as Bytes
from service.model import Evidence, Item, Parsed, Rule, Source
from service.rules import lint
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.index import evaluate
from service.rules.nodes import Node
from service.store.db import Transaction
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
        result = self.explained(Result(item, source, evidence))
        self.items += 1
        self.hits += evidence is not None
        if self.other:
            before = self._evaluate(self.other, item, source)
            if evidence is not None and before is None:
                self.gained.add(result)
            elif evidence is None and before is not None:
                self.lost.add(Result(item, source, before))
        return result

    def explained(self, result: Result) -> Result:
        """The result, with each part of the query explained where that was asked for."""
        if not self.explain:
            return result
        document = self._document(self.query, result.item, result.source)
        return replace(result, explained=lint.explain(self.query.node, document, self.query.language))

    def _evaluate(self, query: Query, item: Item, source: str) -> tuple[Evidence, ...] | None:
        return evaluate(query.node, self._document(query, item, source), query.language)

    def _document(self, query: Query, item: Item, source: str) -> Document:
        return Document.of(item, self.app.morphology, source=source, language=query.language)


def understand(app: App, text: str, language: str) -> Query:
    """The query that the text means; the lists are read where one is named.

    Raises QueryError, and UsageError for a language without words.
    """
    check_language(language)
    if "@" not in text:
        return Query(parse(text), language)
    with app.store.read() as tx:
        return Query(parse(text, tx.rules.lists()), language)


def of_rule(app: App, name: str, language: str) -> Query:
    """The query of a rule; raises NotFoundError, and UsageError for a language without words."""
    check_language(language)
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
    try:
        return read_document(app, Bytes(body=body, name=path.name), language)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def read_document(app: App, document: Bytes, language: str = "") -> Sequence[Item]:
    """The items of a document; raises UsageError for one that cannot be read."""
    source = Source(name=document.name, url=f"ingest:{document.name}", language=language)
    try:
        parsed = app.workers.run("service.parse.formats:parse", document, source)
    except WorkerError as error:
        raise UsageError(str(error)) from error
    assert isinstance(parsed, Parsed)
    return parsed.items


def readable(tx: Transaction, item_id: int) -> Item:
    """The item; raises NotFoundError, or UsageError where its text may not be read yet."""
    item = tx.items.get(item_id)
    if tx.veil.hides(item):
        raise UsageError(f"item {item_id}: {item.headline} (whoever may see it can ask with --embargoed)")
    return item


def on_item(trial: Trial, item_id: int) -> None:
    """Try one stored item; raises NotFoundError, or UsageError for one that may not be read yet."""
    with trial.app.store.read() as tx:
        item = readable(tx, item_id)
        source = tx.sources.names().get(item.source, "")
    trial.results.append(trial.add(item, source))
