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

KEPT = 100  # hits of the archive that are shown


@dataclass(frozen=True, slots=True)
class Result:
    """One item with the places where the query hits it; None where it does not."""

    item: Item
    source: str
    evidence: tuple[Evidence, ...] | None
    explained: lint.Explanation | None = None


@dataclass(slots=True)
class Trial:
    """What a query did: items read, hits, and the results worth showing."""

    query: str
    items: int = 0
    hits: int = 0
    results: list[Result] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Query:
    """A query with the language that it lends to items which name none."""

    node: Node
    language: str = ""


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


def on_files(app: App, query: Query, files: Sequence[Path], *, explain: bool = False) -> Trial:
    """The query on every item of some files, nothing stored; plain text is an item too.

    Raises NotFoundError for a file that is not there, UsageError for one that cannot be read.
    """
    trial = Trial(str(query.node))
    for path in files:
        for item in read(app, path, query.language):
            trial.results.append(_result(app, query, item, path.name, explain=explain))
    trial.items = len(trial.results)
    trial.hits = sum(result.evidence is not None for result in trial.results)
    return trial


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


def on_item(app: App, query: Query, item_id: int, *, explain: bool = False) -> Trial:
    """The query on one stored item; raises NotFoundError."""
    with app.store.read() as tx:
        item = tx.items.get(item_id)
        source = tx.sources.names().get(item.source, "")
    result = _result(app, query, item, source, explain=explain)
    return Trial(str(query.node), items=1, hits=int(result.evidence is not None), results=[result])


def on_archive(app: App, query: Query, since: timedelta, *, progress: Progress = silent) -> Trial:
    """The query on what is stored, the newest first; the newest 100 hits are kept."""
    trial = Trial(str(query.node))
    with app.store.read() as tx:
        names = tx.sources.names()
        for item in tx.items.scan(since=app.store.now() - since, newest=True):
            result = _result(app, query, item, names.get(item.source, ""))
            trial.items += 1
            if result.evidence is not None:
                trial.hits += 1
                if len(trial.results) < KEPT:
                    trial.results.append(result)
            progress(1)
    return trial


def _result(app: App, query: Query, item: Item, source: str, *, explain: bool = False) -> Result:
    document = Document.of(item, app.morphology, source=source, language=query.language)
    evidence = evaluate(query.node, document, query.language)
    return Result(item, source, evidence, lint.explain(query.node, document) if explain else None)
