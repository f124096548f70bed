"""What is done on a page: take a story, send again, silence, poll. Each is a form, and then a page again."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse

from service.actions import board, desk, rounds, silences, sources
from service.actions.people import record
from service.errors import MonitorError
from service.model import Source
from service.web.api.exchange import span
from service.web.auth import Monitor, RefusedError, Writer
from service.web.forms import Sent, back, go, is_part
from service.web.names import Name
from service.web.pages import silences_page, sources_page, views
from service.web.problems import sentence
from service.web.viewer import Asking

router = APIRouter(include_in_schema=False)


@router.post("/stories/{number}/ack")
def take(request: Request, app: Monitor, who: Writer, viewer: Asking, number: int) -> Response:
    """Say that somebody takes care of a story."""
    board.acknowledge(app, number, who.name)
    views(request).memo.forget()
    if is_part(request):
        cards = board.cards(app, [number])
        return HTMLResponse("".join(views(request).text("_story.html", viewer, card=card) for card in cards))
    return go(back(request, f"/stories/{number}"))


@router.post("/deliveries/{number}/resend")
def resend(request: Request, app: Monitor, who: Writer, viewer: Asking, number: int) -> Response:
    """Send a message once more."""
    desk.resend(app, [number])
    record(app, who.name, "resend", str(number))
    return go(back(request, "/deliveries"), views(request).say(viewer, "It is sent once more."))


@router.post("/channels/test")
def test_channel(request: Request, app: Monitor, who: Writer, viewer: Asking, sent: Sent) -> Response:
    """Put a test message on its way."""
    queued = rounds.queue_test(app, sent["channel"])
    record(app, who.name, "test-channel", sent["channel"])
    return go(f"/deliveries/{queued.id}", views(request).say(viewer, "The test message is on its way."))


@router.post("/silences")
def add_silence(request: Request, app: Monitor, who: Writer, viewer: Asking, sent: Sent) -> Response:
    """Do not tell some alerts for a while."""
    matchers = [part for one in sent.all("matcher") for part in one.split(",") if part.strip()]
    try:
        lasts = span(sent["lasts"] or "1h")
        assert lasts
        silences.add(app, matchers, lasts, sent["comment"], who.name)
    except (MonitorError, ValueError) as error:
        words = sentence(error) if isinstance(error, MonitorError) else str(error)
        return silences_page(request, app, viewer, matcher=sent["matcher"], error=words)
    record(
        app, who.name, "silence", ", ".join(matchers), {"lasts": sent["lasts"], "comment": sent["comment"]}
    )
    return go(back(request, "/silences"), views(request).say(viewer, "Silenced."))


@router.post("/silences/{number}/end")
def end_silence(app: Monitor, who: Writer, number: int) -> Response:
    """Let the alerts through again."""
    silences.end(app, number)
    record(app, who.name, "end-silence", str(number))
    return go("/silences")


@router.post("/sources")
def add_source(request: Request, app: Monitor, who: Writer, viewer: Asking, sent: Sent) -> Response:
    """Poll a feed or a wire from now on."""
    who.stays_outside(sent["url"])
    try:
        every = span(sent["every"])
        look = sources.add(app, Source(name=sent["name"], url=sent["url"], every=every))
    except (MonitorError, ValueError) as error:
        words = sentence(error) if isinstance(error, MonitorError) else str(error)
        return sources_page(request, app, viewer, error=words, url=sent["url"])
    record(app, who.name, "add-source", look.source.name)
    return go("/sources", f"{look.source.name}: {look.sentence}")


@router.post("/sources/{name}/{act}")
def act_on_source(app: Monitor, who: Writer, name: Name, act: str) -> Response:
    """Poll a source now, not for a while, or again."""
    acts = {"poll": sources.resume, "resume": sources.resume, "pause": sources.pause}
    if act not in acts:
        raise RefusedError(404, "there is no such page")
    acts[act](app, name)
    record(app, who.name, f"{act}-source" if act != "poll" else "poll", name)
    return go("/sources")
