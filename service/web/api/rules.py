"""Rules and the lists that they name, and queries that are tried."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query
from pydantic import Field

from service.actions import archive, desk, feedback, names, rules, shapes, trials
from service.actions.backtest import catch_up, forecast, on_archive, warnings
from service.actions.people import record
from service.actions.shapes import Shape
from service.errors import UsageError
from service.model import Document, Priority, Rule
from service.rules.grammar import join_arguments
from service.web.api.exchange import Body, Json, Limit, OnceRoute, Span, span
from service.web.auth import Monitor, Reader, Writer
from service.web.names import Name

router = APIRouter(prefix="/rules", tags=["rules"], route_class=OnceRoute, default_response_class=Json)
lists = APIRouter(prefix="/lists", tags=["lists"], route_class=OnceRoute, default_response_class=Json)
trying = APIRouter(tags=["rules"], route_class=OnceRoute, default_response_class=Json)


class Policy(Body):
    """What may be said of a rule beside its query."""

    name: str | None = None
    channels: list[str] | None = None
    priority: Priority | None = None
    language: str | None = None
    digest: str | None = None
    on_updates: bool | None = None
    tags: list[str] | None = None
    escalate: list[str] | None = None  # 10m=CHANNEL, for each step while nobody acknowledges
    enabled: bool | None = None


class NewRule(Policy):
    """A rule; with `also_last` it is told of what came in that long before, too."""

    query: str
    also_last: Span | None = None


class Edited(Policy):
    """What is changed."""

    query: str | None = None


class Try(Body):
    """A query, or the rule that has it, tried on a text, an item, or the archive."""

    query: str | None = None
    rule: str | None = None
    language: str = ""
    since: Span = "30d"
    item: int | None = None
    text: str | None = None
    compare: str | None = None


class Terms(Body):
    """The alternatives of a list, beside those that are known: by its name, or of a country (CLDR)."""

    terms: list[str] = Field(default=[])
    starter: bool = False
    country: str = ""


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a rule; null becomes the value of one that says nothing."""
    plain = Rule(name="", query="")
    fields = {name: getattr(plain, name) if value is None else value for name, value in given.items()}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


@router.get("")
def list_rules(app: Monitor, _: Reader) -> list[Shape]:
    """All rules by name, disabled ones included."""
    return [shapes.rule(one) for one in rules.listed(app)]


@router.post("", status_code=201)
def add_rule(app: Monitor, who: Writer, body: NewRule) -> Shape:
    """Watch for something from now on; the answer says what it would have hit."""
    given = body.given()
    query, also_last = given.pop("query"), span(given.pop("also_last", None))
    with app.store.read() as tx:
        node = rules.understand(tx, query)
    wanted = Rule(**{"name": "", "query": "", **_fields(given)})
    added = rules.add(app, wanted, node, also_last=also_last, by=who.name)
    record(app, who.name, "add-rule", added.name, {"query": added.query})
    tried = forecast(app, added)
    advice = [*rules.twins(app, added), *warnings(node, tried)]
    return shapes.rule(added) | {"backtest": shapes.backtest(tried), "warnings": advice}


@router.get("/{name}")
def show_rule(app: Monitor, _: Reader, name: Name, limit: Limit = 10) -> Shape:
    """One rule, its former versions, its track record, and what it hit lately."""
    rule, former = rules.history(app, name)
    hits = desk.hits(app, name, limit)
    return shapes.rule(rule) | {
        "versions": [shapes.rule(old) for old in former],
        "hits": [shapes.hit(hit, item) for hit, item in hits],
        "counts": rules.tally(app, name),
        "held_back": rules.held_back(app, name),
        "quality": shapes.quality(feedback.quality(app, name)),
    }


@router.patch("/{name}")
def edit_rule(app: Monitor, who: Writer, name: Name, body: Edited, later: BackgroundTasks) -> Shape:
    """Change a rule; the old version is kept."""
    changes = _fields(body.given())
    if "query" in changes:
        with app.store.read() as tx:
            changes["query"] = str(rules.understand(tx, changes["query"]))
    edited = rules.edit(app, name, by=who.name, **changes)
    later.add_task(catch_up, app, edited)
    record(app, who.name, "edit-rule", edited.name, body.given())
    return shapes.rule(edited)


@router.delete("/{name}")
def remove_rule(app: Monitor, who: Writer, name: Name) -> Shape:
    """Remove a rule; its alerts stay."""
    removed = rules.remove(app, name)
    record(app, who.name, "remove-rule", name, {"query": removed.query})
    return shapes.rule(removed)


@router.post("/{name}/enable")
def enable_rule(app: Monitor, who: Writer, name: Name) -> Shape:
    """Let a rule match again."""
    switched = rules.switch(app, name, on=True, by=who.name)
    record(app, who.name, "enable-rule", name)
    return shapes.rule(switched)


@router.post("/{name}/disable")
def disable_rule(app: Monitor, who: Writer, name: Name) -> Shape:
    """Let a rule rest."""
    switched = rules.switch(app, name, on=False, by=who.name)
    record(app, who.name, "disable-rule", name)
    return shapes.rule(switched)


@trying.post("/test-rule")
def try_query(app: Monitor, _: Reader, body: Try) -> Shape:
    """What a query hits, and why; beside the rule `compare`, what it gains and loses."""
    trial = trials.Trial(
        app, _query(app, body), trials.of_rule(app, body.compare, body.language) if body.compare else None
    )
    if body.text is not None:
        document = Document(body=body.text.encode("utf-8", "replace"), name="text.txt")
        for item in trials.read_document(app, document, body.language):
            trial.results.append(trial.add(item, "text"))
    elif body.item is not None:
        trials.on_item(trial, body.item)
    else:
        on_archive(trial, span(body.since) or timedelta(days=30))
    return shapes.trial(trial)


def _query(app: Monitor, body: Try) -> trials.Query:
    if body.rule and not body.query:
        return trials.of_rule(app, body.rule, body.language)
    if body.query and not body.rule:
        return trials.understand(app, body.query, body.language)
    raise UsageError("send either a query or a rule")


@trying.get("/search")
def search(
    app: Monitor,
    _: Reader,
    query: Annotated[str, Query(description="a query as it stands")] = "",
    argument: Annotated[list[str], Query(description="or its parts as a shell hands them over")] = [],  # noqa: B006 - FastAPI copies it
    before: int | None = None,
    limit: Limit = 50,
    source: str = "",
    since: Span | None = None,
    language: str = "",
) -> Shape:
    """The archive asked in the language of rules; `before` of the answer goes on where it ended."""
    asked = trials.understand(app, query or join_arguments(argument), language)
    found = archive.search(
        app,
        asked,
        before=before,
        limit=limit,
        source=source,
        since=span(since),
    )
    return shapes.search(found, str(asked.node))


@lists.get("")
def list_lists(app: Monitor, _: Reader) -> list[Shape]:
    """All named lists."""
    return shapes.lists(rules.all_lists(app))


@lists.put("/{name}")
def add_list(app: Monitor, who: Writer, name: Name, body: Terms) -> Shape:
    """Name alternatives, for use as @NAME in queries; a list of that name is replaced."""
    ready = names.starter(name) if body.starter else ()
    known = names.country(body.country) if body.country else ()
    terms = tuple(dict.fromkeys((*ready, *known, *body.terms)))
    rules.add_list(app, name, terms)
    record(app, who.name, "add-list", name, {"terms": terms})
    return shapes.word_list(name, terms)


@lists.delete("/{name}")
def remove_list(app: Monitor, who: Writer, name: Name) -> Shape:
    """Remove a list that no rule uses."""
    rules.remove_list(app, name)
    record(app, who.name, "remove-list", name)
    return {"name": name}
