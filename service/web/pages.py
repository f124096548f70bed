"""The pages that are looked at. Each is whole without JavaScript; filters stand in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from service.actions import archive, board, desk, ledger, recipients, silences, sources, trials, why
from service.actions import handover as shift
from service.actions import rules as rule_actions
from service.actions.page import Page
from service.errors import MonitorError, QueryError, UsageError
from service.model import AlertState, DeliveryState, Evidence, Hit, Scope, SourceState
from service.web.api.exchange import LARGEST, span
from service.web.auth import Caller, Monitor, Reader, RefusedError, identify
from service.web.forms import go
from service.web.problems import sentence, status_of
from service.web.viewer import Asking, viewer
from service.web.views import Views, noted

router = APIRouter(include_in_schema=False)

ROWS = 50  # of a list on one page
WALL = 12  # stories on a wall screen
LOOKING = {Scope.READ, Scope.EMBARGOED}
Before = Annotated[int | None, Query(ge=1, le=LARGEST)]
Number = Annotated[int, Query(ge=1, le=LARGEST)]


def views(request: Request) -> Views:
    """The templates."""
    found: Views = request.app.state.views
    return found


@router.get("/")
def show_desk(
    request: Request,
    app: Monitor,
    _: Reader,
    viewer: Asking,
    rule: str = "",
    state: str = "",
    before: Before = None,
) -> Response:
    """What came in, what matched, is everything alive?"""
    return views(request).page(
        request,
        viewer,
        "desk.html",
        desk=board.desk(app, rule=rule, state=_state(state), before=before),
        watched=views(request).memo("watched", lambda: board.watched(app)),
        glance=views(request).memo("glance", lambda: board.glance(app)),
        rule=rule,
        state=state,
    )


def _state(text: str) -> AlertState | None:
    return AlertState(text) if text in set(AlertState) else None


@router.get("/wall")
def wall(request: Request, app: Monitor, who: Reader, viewer: Asking) -> Response:
    """The desk for a screen on the wall: no buttons, nothing to type."""
    return views(request).page(
        request,
        replace(viewer, caller=Caller(who.name, who.scopes & LOOKING), shortcuts=False),
        "wall.html",
        desk=board.desk(app, limit=WALL),
        glance=views(request).memo("glance", lambda: board.glance(app)),
    )


@router.get("/handover")
def show_handover(
    request: Request, app: Monitor, _: Reader, viewer: Asking, since: str = shift.SHIFT
) -> Response:
    """What the next shift should know, as the command says it; `since` is 22:00, or so long ago: 8h."""
    error = ""
    try:
        begin = shift.since(app, since)
    except UsageError as refused:
        begin, error = shift.since(app, shift.SHIFT), sentence(refused)
    seen = shift.handover(app, begin)
    waiting = list(dict.fromkeys(one.alert.story for one in seen.waiting))
    return views(request).page(
        request,
        viewer,
        "handover.html",
        since=since,
        seen=seen,
        cards=board.cards(app, waiting[:ROWS]),
        more=max(0, len(waiting) - ROWS),
        error=error,
    )


@router.get("/stories/{number}")
def show_story(request: Request, app: Monitor, _: Reader, viewer: Asking, number: int) -> Response:
    """A story as a time line: its versions and copies, why it hit, whom it was told to."""
    found = desk.story(app, min(max(number, 0), LARGEST))
    hits = desk.story_hits(app, found.story.id)
    by_item: dict[int, list[Hit]] = {}
    evidence: dict[int, list[Evidence]] = {}
    for hit in hits:
        by_item.setdefault(hit.item, []).append(hit)
        evidence.setdefault(hit.item, []).extend(hit.evidence)
    return views(request).page(
        request,
        viewer,
        "story.html",
        story=found,
        hits=by_item,
        evidence=evidence,
        rule_names=desk.rule_names(app),
    )


@router.get("/search")
def search(
    request: Request,
    app: Monitor,
    _: Reader,
    viewer: Asking,
    q: str = "",
    source: str = "",
    since: str = "",
    before: Before = None,
) -> Response:
    """The archive, asked in the language of rules; without a question, what came in last."""
    facts: dict[str, Any] = {"found": None, "newest": (), "error": "", "marked": "", "withdrawn": ()}
    try:
        if q.strip():
            facts["found"] = found = archive.search(
                app,
                trials.understand(app, q, ""),
                before=before,
                source=source,
                since=span(since) if since in {"24h", "7d", "30d"} else None,
            )
            shown = [one.item for one in found.results]
        else:
            facts["newest"] = newest = desk.items(app, Page(limit=ROWS, before=before), source=source)
            shown = [item for item, _ in newest]
        facts["withdrawn"] = desk.withdrawn(app, shown)
    except QueryError as error:
        facts |= {"error": sentence(error), "marked": place(error)}
    return views(request).page(
        request,
        viewer,
        "search.html",
        200,
        query=q,
        source=source,
        since=since,
        sources=[one.name for one in sources.listed(app)],
        **facts,
    )


def place(error: QueryError) -> str:
    """A query with the place marked that is at fault, and the hint."""
    return "\n".join(str(error).splitlines()[:2]) + (f"\n{error.hint}" if error.hint else "")


@router.get("/sources")
def list_sources(request: Request, app: Monitor, _: Reader, viewer: Asking, state: str = "") -> Response:
    """Every source: how it does, how often it speaks, when it is asked next."""
    return sources_page(request, app, viewer, state=state)


def sources_page(
    request: Request, app: Monitor, viewer: Asking, *, state: str = "", error: str = "", url: str = ""
) -> Response:
    """The page, also after a source that could not be added."""
    rhythms = board.rhythms(app)
    counts: dict[str, int] = {}
    for one in rhythms:
        counts[one.source.state.value] = counts.get(one.source.state.value, 0) + 1
    shown = [one for one in rhythms if state not in set(SourceState) or one.source.state.value == state]
    return views(request).page(
        request,
        viewer,
        "sources.html",
        rhythms=shown,
        latency=views(request).memo("latency", lambda: ledger.latency(app)),
        counts=counts,
        state=state,
        error=error,
        url=url,
    )


SHOWN = {"": None, "waiting": DeliveryState.PENDING, "held": DeliveryState.HELD, "sent": DeliveryState.SENT}


@router.get("/deliveries")
def list_deliveries(
    request: Request, app: Monitor, _: Reader, viewer: Asking, show: str = "", before: Before = None
) -> Response:
    """Messages and what became of each."""
    say = views(request).say
    with app.store.read() as tx:
        counts, pulse = tx.outbox.counts(), tx.board.pulse()
    found = desk.deliveries(
        app, Page(limit=ROWS, before=before), failed=show == "failed", state=SHOWN.get(show)
    )
    chips = [
        ("", say(viewer, "all"), sum(counts.values())),
        ("waiting", say(viewer, "on their way"), counts.get(DeliveryState.PENDING, 0)),
        ("held", say(viewer, "held"), counts.get(DeliveryState.HELD, 0)),
        ("sent", say(viewer, "sent"), counts.get(DeliveryState.SENT, 0)),
        ("failed", say(viewer, "failed"), counts.get(DeliveryState.DEAD, 0)),
    ]
    return views(request).page(
        request,
        viewer,
        "deliveries.html",
        deliveries=found,
        chips=chips,
        show=show,
        before=before,
        more=found[-1].id if len(found) == ROWS else None,
        pulse=pulse,
        channels=[*recipients.alone(app), *recipients.by_name(app, groups=False)],
    )


@router.get("/deliveries/{number}")
def show_delivery(request: Request, app: Monitor, _: Reader, viewer: Asking, number: int) -> Response:
    """One message, every try at it, and its words."""
    one, attempts = desk.delivery(app, min(max(number, 0), LARGEST))
    return views(request).page(request, viewer, "delivery.html", one=one, attempts=attempts)


@router.get("/silences")
def list_silences(request: Request, app: Monitor, _: Reader, viewer: Asking, matcher: str = "") -> Response:
    """What is not told for a while, by whom and why."""
    return silences_page(request, app, viewer, matcher=matcher)


def silences_page(
    request: Request, app: Monitor, viewer: Asking, *, matcher: str = "", error: str = ""
) -> Response:
    """The page, also after a silence that could not be made."""
    names = [f"rule={one.name}" for one in rule_actions.listed(app)]
    names += [f"source={one.name}" for one in sources.listed(app)]
    names += [f"channel={name}" for name in sorted(app.config.channels)]
    return views(request).page(
        request,
        viewer,
        "silences.html",
        silences=silences.listed(app),
        names=names,
        matcher=matcher,
        error=error,
    )


@router.get("/why")
def show_why(
    request: Request, app: Monitor, _: Reader, viewer: Asking, rule: str = "", of: str = ""
) -> Response:
    """Why a story was told or not, by a rule."""
    known = rule_actions.listed(app)
    reasons: Sequence[why.Why] = ()
    if of.strip() and (rule or known):
        reasons = why.why(app, rule or known[0].name, of)
    missing = why.absent(app, of) if of.strip() and not reasons else None
    return views(request).page(
        request, viewer, "why.html", rules=known, rule=rule, of=of, reasons=reasons, missing=missing
    )


@router.get("/api")
def show_api(request: Request, _: Reader, viewer: Asking) -> Response:
    """The API, for people."""
    openapi = request.app.openapi()
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["desk"])[0]
            groups.setdefault(tag, []).append((method.upper(), path, operation))
    return views(request).page(request, viewer, "api.html", openapi=openapi, groups=groups)


WRONG = noted("Something went wrong")
UNKNOWN = noted("There is no page at this address.")
TITLES = {
    401: noted("Sign in first"),
    403: noted("Not allowed"),
    404: noted("Nothing here"),
    413: noted("That is too long"),
    422: noted("That cannot be done"),
    429: noted("Too many tries"),
    503: noted("The database is away"),
}


def failed(request: Request, error: Exception) -> Response:
    """What went wrong, as a page; whoever is not signed in is led to the door."""
    status = status_of(error)
    if isinstance(error, RefusedError) and status == 401 and request.method == "GET":
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return go(f"/sign-in?next={quote(path, safe='/')}")
    app = request.app.state.monitor
    try:
        found = identify(request, app)
    except (MonitorError, RefusedError):
        found = None  # the database is away, or the token was the fault
    shown = viewer(request, app, found)
    return views(request).page(
        request,
        shown,
        "problem.html",
        status,
        title=views(request).say(shown, TITLES.get(status, WRONG)),
        detail=views(request).say(shown, UNKNOWN) if _is_unknown(error) else sentence(error),
    )


def _is_unknown(error: Exception) -> bool:
    """Whether no page has that address; of what is missing on a page, the error says more."""
    return isinstance(error, HTTPException) and error.status_code == 404
