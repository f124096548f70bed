"""What happens, sent to open pages as it happens.

One look at the database serves all pages, whoever wrote into it: this daemon, another node, a command. A
changed story is drawn once for all who see it alike. The id of an event is how far the desk had come, so a
page that was away is sent exactly what it missed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from service.actions import board
from service.actions.board import Card
from service.app import App
from service.errors import MonitorError
from service.store.board import Pulse
from service.web.auth import Reader, RefusedError, identify
from service.web.viewer import Asking, Viewer
from service.web.views import Views

LOOK = 0.15  # seconds between two looks at the database; a story is on the page within half a second
GLANCE = 10.0  # seconds after which the line at the top is drawn anew, whatever happened
RECONNECT = 500  # milliseconds until a page that lost its stream asks again
BELIEVED = 2.0  # seconds for which whoever follows is believed to be let in still
REMEMBERED = 64  # drawings that are kept for others who see the same

router = APIRouter(include_in_schema=False)


class Pulses:
    """How far the desk has come, looked up once for all who wait for it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._now = Pulse()
        self._moved: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0
        self._lock = threading.Lock()
        self.stopped = False

    def stop(self) -> None:
        """Let all who wait go; called from another thread."""
        self.stopped = True
        with self._lock:
            if self._loop and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._wake)

    async def after(self, known: Pulse, seconds: float) -> Pulse | None:
        """The next pulse that differs from the one that is known; None where none came in that time."""
        deadline = asyncio.get_running_loop().time() + seconds
        self._waiting += 1
        try:
            self._watch()
            while not self.stopped and self._now in {known, Pulse()}:
                assert self._moved
                moved, left = self._moved, deadline - asyncio.get_running_loop().time()
                try:
                    await asyncio.wait_for(moved.wait(), max(left, 0))
                except TimeoutError:
                    return None
        finally:
            self._waiting -= 1
        return None if self.stopped else self._now

    def _watch(self) -> None:
        """Have somebody look, as long as anybody waits."""
        if self._task is None or self._task.done():
            self._moved = asyncio.Event()
            with self._lock:
                self._loop = asyncio.get_running_loop()
            self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while self._waiting and not self.stopped:
            try:
                now = await run_in_threadpool(self.read)
            except MonitorError:  # the database is away: the page says so when it asks for itself
                now = self._now
            if now != self._now:
                self._now = now
                self._wake()
            await asyncio.sleep(LOOK)

    def read(self) -> Pulse:
        """How far the desk has come now."""
        with self._app.store.read() as tx:
            return tx.board.pulse()

    def _wake(self) -> None:
        if self._moved:
            self._moved.set()
            self._moved = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Filter:
    """What a page shows of the desk."""

    rule: str = ""
    state: str = ""

    def shows(self, card: Card) -> bool:
        """Whether a story belongs on it."""
        return self.rule in {"", *(name for name, _ in card.rules)} and self.state in {"", card.state.value}


@dataclass(slots=True)
class Drawings:
    """What was drawn lately, for others who see the same."""

    views: Views
    _known: OrderedDict[tuple[object, ...], asyncio.Task[list[str]]] = field(default_factory=OrderedDict)

    async def stories(self, viewer: Viewer, shown: Filter, since: Pulse, now: Pulse) -> list[str]:
        """The stories that changed between two pulses, as HTML, the one that was hit last at the end."""
        key = (viewer.sees, shown, since, now)
        task = self._known.get(key)
        if task is None:
            task = asyncio.create_task(run_in_threadpool(self._draw, viewer, shown, since))
            self._known[key] = task
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return await asyncio.shield(task)

    def _draw(self, viewer: Viewer, shown: Filter, since: Pulse) -> list[str]:
        app = self.views.app.trusted() if viewer.sees_embargoed else self.views.app
        found: Sequence[Card] = board.changed(app, since)[0]
        return [
            self.views.text("_story.html", viewer, card=card) for card in reversed(found) if shown.shows(card)
        ]


@router.get("/live")
async def live(
    request: Request,
    _: Reader,
    viewer: Asking,
    since: str = "",
    rule: str = "",
    state: str = "",
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Stories that change from `since` on, and now and then the line at the top."""
    pulses: Pulses = request.app.state.pulses
    known = Pulse.read(last_event_id) or Pulse.read(since)
    if known is None:
        known = await run_in_threadpool(pulses.read)
    return StreamingResponse(
        _events(request, viewer, Filter(rule, state), known), media_type="text/event-stream"
    )


async def _events(request: Request, viewer: Viewer, shown: Filter, known: Pulse) -> AsyncIterator[bytes]:
    """The events of one page, until it or the monitor goes, or whoever follows may look no more."""
    pulses: Pulses = request.app.state.pulses
    drawings: Drawings = request.app.state.drawings
    request.app.state.metrics.pages += 1
    clock = asyncio.get_running_loop().time
    seen = clock()
    try:
        yield format_sse_event(comment="connected", retry=RECONNECT)
        while True:
            now = await pulses.after(known, GLANCE)
            if pulses.stopped:
                return
            if clock() - seen > BELIEVED:
                if not await run_in_threadpool(_may_look, request, viewer):
                    return
                seen = clock()
            if now:
                for html in await drawings.stories(viewer, shown, known, now):
                    yield format_sse_event(event="put", data_str=html)
                known = now
            html = await run_in_threadpool(drawings.views.glance, viewer)
            yield format_sse_event(event="put", data_str=html, id=str(known))
            yield format_sse_event(event="pulse", data_str="")
    finally:
        request.app.state.metrics.pages -= 1


def _may_look(request: Request, viewer: Viewer) -> bool:
    """Whether whoever opened the page has the rights still that it was opened with."""
    try:
        found = identify(request, request.app.state.monitor)
    except RefusedError:
        return False
    except MonitorError:  # the database is away: nothing is sent meanwhile
        return True
    return found is not None and found.scopes == viewer.caller.scopes
