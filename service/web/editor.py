"""Rules: the list, one rule, and the editor with what a rule would have hit beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse

from service.actions import backtest, board, desk, people, recipients, rules, trials
from service.actions.backtest import Backtest
from service.actions.people import record
from service.app import App
from service.errors import MonitorError, QueryError
from service.model import Document, Priority, Rule
from service.web.auth import Monitor, Reader, RefusedError, Writer
from service.web.forms import Form, Sent, go
from service.web.names import Name
from service.web.pages import place, views
from service.web.problems import sentence
from service.web.viewer import Asking, Viewer

WINDOW = timedelta(days=30)
DAYS = 30  # bars of the histogram
PATIENCE = 5.0  # seconds that a page without JavaScript waits for its figures
HITS = 20
SAMPLES = 8  # of the newest hits

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What stands beside the editor: figures so far, or what is wrong with the query."""

    tried: Backtest | None = None
    done: bool = False
    compared: bool = False
    since: timedelta = WINDOW
    warnings: Sequence[str] = ()
    pasted: Sequence[trials.Result] | None = None
    problem: str = ""
    marked: str = ""

    @property
    def days(self) -> list[int]:
        """Stories of each day, the newest last."""
        if self.tried is None or self.tried.last is None:
            return [0] * DAYS
        last = self.tried.last.date()
        return [self.tried.days[last - timedelta(days=back)] for back in reversed(range(DAYS))]


@router.get("/rules")
def list_rules(request: Request, app: Monitor, _: Reader, viewer: Asking) -> Response:
    """All rules with their rhythm."""
    return views(request).page(
        request, viewer, "rules.html", watched=board.watched(app), lists=rules.all_lists(app)
    )


@router.get("/rules/new")
def new_rule(request: Request, app: Monitor, _who: Writer, viewer: Asking, query: str = "") -> Response:
    """An empty editor, or one with a query from the search."""
    return _editor(request, app, viewer, Rule(name="", query=query))


@router.get("/rules/{name}")
def show_rule(request: Request, app: Monitor, _: Reader, viewer: Asking, name: Name) -> Response:
    """One rule: its rhythm, its hits, its history."""
    return rule_page(request, app, viewer, name)


def rule_page(request: Request, app: App, viewer: Viewer, name: str, address: str = "") -> Response:
    """The page; `address` is that of a feed which was opened just now."""
    rule, former = rules.history(app, name)
    days = next((one.days for one in board.watched(app) if one.rule.id == rule.id), ())
    return views(request).page(
        request,
        viewer,
        "rule.html",
        rule=rule,
        former=former,
        days=days,
        hits=desk.hits(app, name, HITS),
        held_back=rules.held_back(app, name),
        sources=desk.source_names(app),
        feeds=people.feeds(app, name),
        address=address,
    )


@router.get("/rules/{name}/edit")
def edit_rule(request: Request, app: Monitor, _: Writer, viewer: Asking, name: Name) -> Response:
    """The editor with a rule in it."""
    rule, _former = rules.history(app, name)
    return _editor(request, app, viewer, rule, saved=name)


def _editor(
    request: Request,
    app: App,
    viewer: Viewer,
    rule: Rule,
    *,
    saved: str = "",
    error: str = "",
    pasted: str = "",
    trial: Trial | None = None,
) -> Response:
    alone = recipients.alone(app)
    return views(request).page(
        request,
        viewer,
        "editor.html",
        rule=rule,
        saved=saved,
        error=error,
        pasted=pasted,
        trial=trial,
        channels=[*alone, *sorted(set(rule.channels) - set(alone))],
        by_name=recipients.by_name(app),
    )


# ---------------------------------------------------------------- trying


@router.post("/rules/try")
def try_rule(request: Request, app: Monitor, _: Reader, viewer: Asking, sent: Sent) -> StreamingResponse:
    """What the query in the editor would have hit, streamed as the archive is read."""
    shown = views(request)

    def events() -> Iterator[bytes]:
        for trial in _trials(app, sent):
            yield format_sse_event(data_str=shown.text("_trial.html", viewer, trial=trial))

    return StreamingResponse(events(), media_type="text/event-stream")


@router.post("/rules/preview")
def preview_rule(request: Request, app: Monitor, _who: Writer, viewer: Asking, sent: Sent) -> Response:
    """The editor with figures beside it, for browsers without JavaScript."""
    deadline, trial = time.monotonic() + PATIENCE, Trial()
    for trial in _trials(app, sent):  # noqa: B007 - the last one is what counts
        if time.monotonic() > deadline:
            break
    return _editor(request, app, viewer, _rule(sent), saved=sent["saved"], pasted=sent["pasted"], trial=trial)


def _trials(app: App, sent: Form) -> Iterator[Trial]:
    """The trial of what is in the editor, again and again as it grows."""
    if not sent["query"]:
        yield Trial()
        return
    try:
        query = trials.understand(app, sent["query"], sent["language"])
        saved = trials.of_rule(app, sent["saved"], "") if sent["saved"] else None
        other = saved if saved and str(saved.node) != str(query.node) else None
        pasted = _pasted(app, query, sent["pasted"])
    except QueryError as error:
        yield Trial(problem=sentence(error), marked=place(error))
        return
    except MonitorError as error:
        yield Trial(problem=sentence(error))
        return
    for tried, done in backtest.growing(app, query, other, since=WINDOW, newest=SAMPLES):
        yield Trial(
            tried=tried,
            done=done,
            compared=bool(other),
            warnings=[*backtest.warnings(query.node, tried), *(near.sentence for near in tried.near)],
            pasted=pasted,
        )


def _pasted(app: App, query: trials.Query, text: str) -> Sequence[trials.Result] | None:
    """The query tried on a text that was pasted, part by part."""
    if not text:
        return None
    trial = trials.Trial(app, query, explain=True)
    document = Document(body=text.encode("utf-8", "replace"), name="text.txt")
    return [trial.add(item, "") for item in trials.read_document(app, document, query.language)]


# ---------------------------------------------------------------- saving


@router.post("/rules")
def add_rule(
    request: Request, app: Monitor, who: Writer, viewer: Asking, sent: Sent, later: BackgroundTasks
) -> Response:
    """Watch for something from now on."""
    try:
        with app.store.read() as tx:
            node = rules.understand(tx, sent["query"])
        added = rules.add(app, _rule(sent), node, by=who.name)
    except MonitorError as error:
        return _refused(request, app, viewer, sent, error)
    later.add_task(backtest.catch_up, app, added)  # reading a large archive takes longer than a page should
    record(app, who.name, "add-rule", added.name, {"query": added.query})
    views(request).memo.forget()
    return go(f"/rules/{_segment(added.name)}", views(request).say(viewer, "The rule watches from now on."))


@router.post("/rules/{name}")
def save_rule(
    request: Request,
    app: Monitor,
    who: Writer,
    viewer: Asking,
    sent: Sent,
    name: Name,
    later: BackgroundTasks,
) -> Response:
    """The next version of a rule; the former is kept."""
    wanted = _rule(sent)
    try:
        with app.store.read() as tx:
            query = str(rules.understand(tx, sent["query"]))
        edited = rules.edit(
            app,
            name,
            by=who.name,
            name=wanted.name or name,
            query=query,
            channels=wanted.channels,
            priority=wanted.priority,
            digest=wanted.digest,
            language=wanted.language,
            on_updates=wanted.on_updates,
        )
    except MonitorError as error:
        return _refused(request, app, viewer, sent, error)
    later.add_task(backtest.catch_up, app, edited)
    record(app, who.name, "edit-rule", edited.name, {"query": edited.query})
    views(request).memo.forget()
    return go(f"/rules/{_segment(edited.name)}", views(request).say(viewer, "Saved."))


def _refused(request: Request, app: App, viewer: Viewer, sent: Form, error: MonitorError) -> Response:
    trial = Trial(problem=sentence(error), marked=place(error)) if isinstance(error, QueryError) else None
    return _editor(
        request,
        app,
        viewer,
        _rule(sent),
        saved=sent["saved"],
        error=sentence(error),
        pasted=sent["pasted"],
        trial=trial,
    )


def _rule(sent: Form) -> Rule:
    """The rule in the editor."""
    priority = sent["priority"]
    return Rule(
        name=sent["name"],
        query=sent["query"],
        channels=_told(sent.all("channels")),
        priority=Priority(priority) if priority in set(Priority) else Priority.NORMAL,
        language=sent["language"],
        digest=sent["digest"],
        on_updates=sent["on_updates"] == "on",
    )


def _told(values: Sequence[str]) -> tuple[str, ...]:
    """Whom the boxes and the field below them name, each once."""
    each = (target.strip() for value in values for target in value.split(","))
    return tuple(dict.fromkeys(filter(None, each)))


@router.post("/rules/{name}/{act}")
def act_on_rule(
    request: Request, app: Monitor, who: Writer, viewer: Asking, name: Name, act: str
) -> Response:
    """Let a rule rest, watch again, or go; or open a feed of its hits."""
    say = views(request).say
    views(request).memo.forget()
    if act in {"enable", "disable"}:
        rules.switch(app, name, on=act == "enable", by=who.name)
        record(app, who.name, f"{act}-rule", name)
        return go(f"/rules/{_segment(name)}")
    if act == "remove":
        rules.remove(app, name)
        record(app, who.name, "remove-rule", name)
        return go("/rules", say(viewer, "The rule is gone; its alerts stay."))
    if act == "feeds":
        handed = people.add_feed(app, name)
        record(app, who.name, "feed open", name)
        return rule_page(request, app, viewer, name, f"{base_url(request, app)}/feeds/{handed.text}")
    raise RefusedError(404, "there is no such page")


@router.post("/rules/{name}/feeds/{number}/revoke")
def close_feed(app: Monitor, who: Writer, name: Name, number: int) -> Response:
    """Close a feed address."""
    people.revoke_feed(app, number)
    record(app, who.name, "feed close", name)
    return go(f"/rules/{_segment(name)}")


def base_url(request: Request, app: App) -> str:
    """The address of this desk from outside."""
    return app.config.web.base_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"


def _segment(name: str) -> str:
    return quote(name, safe="")
