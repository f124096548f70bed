"""What came in, what was told, and what a desk does about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from service.actions import alerts, board, desk, following, health, rounds, shapes, silences, trials
from service.actions.people import record
from service.actions.shapes import Shape
from service.actions.timeline import timeline
from service.model import AlertState, DeliveryState, Relevance
from service.rules.grammar import join_arguments
from service.web.api.exchange import LARGEST, Body, Json, Listed, Number, OnceRoute, Span, listing, span
from service.web.auth import Monitor, Reader, Writer
from service.web.names import Name

router = APIRouter(tags=["desk"], route_class=OnceRoute, default_response_class=Json)


class Care(Body):
    """For how long somebody takes care of an alert, what the next shift has to know, whether it was right.

    Without a span, or a time at which it ends, it is for good.
    """

    lasts: Span | None = None
    until: AwareDatetime | None = None
    comment: str = ""
    relevance: Relevance | None = None


class NewSilence(Body):
    """What is silenced, for how long, and why."""

    matchers: list[str]
    lasts: Span
    comment: str


class Resend(Body):
    """The messages that are sent once more."""

    ids: list[Annotated[int, Query(ge=1, le=LARGEST)]]


@router.get("/status")
def status(app: Monitor, _: Reader) -> Shape:
    """Everything at a glance."""
    return health.status(app).shape()


@router.get("/items", response_model=list[Shape])
def list_items(
    app: Monitor, _: Reader, request: Request, page: Listed, source: str = "", versions: bool = False
) -> Json:
    """What came in, the newest first."""
    found = desk.items(app, page, source=source, versions=versions)
    gone = desk.withdrawn(app, (item for item, _ in found))
    answer = [shapes.item(item, name, withdrawn=item.id in gone) for item, name in found]
    return listing(request, page, answer, found[-1][0].id if found else None)


@router.get("/tail")
def tail(
    app: Monitor,
    _: Reader,
    after: Annotated[str, Query(description="the mark that the answer before gave")] = "",
    query: Annotated[str, Query(description="a query as it stands")] = "",
    argument: Annotated[list[str], Query(description="or its parts as a shell hands them over")] = [],  # noqa: B006 - FastAPI copies it
    source: str = "",
    rule: str = "",
    alerts_only: bool = False,
    since: Span | None = None,
    language: str = "",
) -> Shape:
    """The last ten items, or those of a span, and then, after a mark, what is new: the oldest first."""
    asked = query or join_arguments(argument)
    wanted = following.Wanted(
        source=source,
        rule=rule,
        alerts_only=alerts_only,
        query=trials.understand(app, asked, language) if asked else None,
    )
    return shapes.news(following.look(app, wanted, after=after, since=span(since)))


@router.get("/stories/{number}")
def show_story(app: Monitor, _: Reader, number: Number) -> Shape:
    """A report as a time line: its versions, its copies, whom it was told to."""
    return shapes.story_view(desk.story(app, number)) | {"timeline": shapes.timeline(timeline(app, number))}


@router.get("/alerts", response_model=list[Shape])
def list_alerts(
    app: Monitor, _: Reader, request: Request, page: Listed, rule: str = "", state: AlertState | None = None
) -> Json:
    """Which rule found which story, the newest first."""
    found = desk.alerts(app, page, rule=rule, state=state)
    return listing(request, page, [shapes.told(one) for one in found], found[-1].alert.id if found else None)


@router.get("/alerts/{number}")
def show_alert(app: Monitor, _: Reader, number: Number) -> Shape:
    """One alert: why it hit and what was sent."""
    return shapes.alert_view(desk.alert(app, number))


@router.post("/alerts/{number}/ack")
def ack_alert(app: Monitor, who: Writer, number: Number, body: Care | None = None) -> Shape:
    """Say that somebody takes care of it; only corrections and withdrawals are told of it until that ends."""
    care = body or Care()
    lasts = span(care.lasts)
    until = app.store.now() + lasts if lasts else care.until
    taken = alerts.acknowledge(app, number, who.name, until, care.comment)
    if care.relevance is not None:
        taken = alerts.judge(app, number, care.relevance, who.name)
    return shapes.told(taken)


@router.post("/stories/{number}/ack")
def ack_story(app: Monitor, who: Writer, number: Number) -> list[Shape]:
    """Say that somebody takes care of all alerts about a story."""
    return [shapes.told(one) for one in board.acknowledge(app, number, who.name)]


@router.get("/deliveries", response_model=list[Shape])
def list_deliveries(
    app: Monitor,
    _: Reader,
    request: Request,
    page: Listed,
    failed: bool = False,
    state: DeliveryState | None = None,
) -> Json:
    """Messages and what became of them, the newest first."""
    found = desk.deliveries(app, page, failed=failed, state=state)
    return listing(request, page, [shapes.delivery(one) for one in found], found[-1].id if found else None)


@router.get("/deliveries/{number}")
def show_delivery(app: Monitor, _: Reader, number: Number) -> Shape:
    """One message and every try at it."""
    found, attempts = desk.delivery(app, number)
    return shapes.delivery(found) | {"tries": [shapes.attempt(one) for one in attempts]}


@router.post("/resend")
def resend(app: Monitor, who: Writer, body: Resend) -> list[Shape]:
    """Send messages once more, under their old ids."""
    found = desk.resend(app, body.ids)
    record(app, who.name, "resend", ", ".join(map(str, body.ids)))
    return [shapes.delivery(one) for one in found]


@router.get("/channels")
def list_channels(app: Monitor, _: Reader) -> list[str]:
    """The names of the configured channels."""
    return sorted(app.config.channels)


@router.post("/channels/{name}/test")
def test_channel(app: Monitor, who: Writer, name: Name) -> Shape:
    """Put a test message on the way of every other; it is sent within a second."""
    queued = rounds.queue_test(app, name)
    record(app, who.name, "test-channel", name)
    return shapes.delivery(queued)


@router.get("/silences")
def list_silences(app: Monitor, _: Reader) -> list[Shape]:
    """The silences that hold, by their end."""
    return [shapes.silence(one) for one in silences.listed(app)]


@router.post("/silences", status_code=201)
def silence(app: Monitor, who: Writer, body: NewSilence) -> Shape:
    """Do not tell some alerts for a while."""
    lasts = span(body.lasts) or timedelta(0)
    added = silences.add(app, body.matchers, lasts, body.comment, who.name)
    record(app, who.name, "silence", ", ".join(body.matchers), {"lasts": body.lasts, "comment": body.comment})
    return shapes.silence(added)


@router.delete("/silences/{number}")
def end_silence(app: Monitor, who: Writer, number: Number) -> Shape:
    """Let the alerts through again."""
    silences.end(app, number)
    record(app, who.name, "end-silence", str(number))
    return {"id": number}
