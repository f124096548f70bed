"""The desk's server: its parts put together, and uvicorn in a thread of the daemon."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service import __version__
from service.actions import people
from service.actions.doorplate import doorplate
from service.app import App
from service.errors import MonitorError
from service.web import account, acts, editor, feeds, links, live, ops, pages, websub
from service.web.api import router as api
from service.web.auth import Doorkeeper, RefusedError, wants_page
from service.web.guard import Guard, Peer, is_loopback, known_hosts
from service.web.metrics import Metrics
from service.web.names import Segments
from service.web.problems import problem
from service.web.views import Views

STATIC = Path(__file__).parent / "static"
GRACE = 2  # seconds that answers under way have when the daemon stops; an open page would last for ever
STOPPED = 4.0  # seconds for the thread to end
RETRY = 5.0  # seconds until a refused start is tried again
SMALL = 600  # bytes that are not worth compressing
DESCRIPTION = """All that `monitor` can do, for programs. A token is sent as `Authorization: Bearer …`.

Lists answer arrays, newest first; `Link: <…>; rel="next"` leads to the next page. A POST with an
`Idempotency-Key` may be repeated for 24 hours and is done once, but for users and tokens, whose answers
are secrets that are kept nowhere. Errors are `application/problem+json`.
"""


def create(app: App) -> FastAPI:
    """The desk of a monitor, as an ASGI application."""
    desk = FastAPI(
        title="Wire Monitor",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # it would load scripts from another host; /api is drawn by ourselves
        redoc_url=None,
    )
    desk.state.monitor = app
    desk.state.metrics = app.listen(Metrics(app))
    desk.state.doorkeeper = Doorkeeper()
    desk.state.pulses = live.Pulses(app)
    desk.state.views = Views(app)
    desk.state.drawings = live.Drawings(desk.state.views)
    for room in (ops, api, feeds, live, pages, editor, acts, account, links, websub):
        desk.include_router(room.router)
    desk.mount("/static", Assets(directory=STATIC), name="static")
    for kind in (MonitorError, RefusedError, RequestValidationError, HTTPException, Exception):
        desk.add_exception_handler(kind, _failed)
    desk.add_middleware(Segments)
    desk.add_middleware(GZipMiddleware, minimum_size=SMALL, compresslevel=5)
    desk.add_middleware(Guard, hosts=known_hosts(app.config), doorplate=doorplate(app.config))
    desk.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(app.config.web.trusted_proxies))
    desk.add_middleware(Peer)
    return desk


class Assets(StaticFiles):
    """Files that a browser keeps and asks about each time: a new page must not meet an old script."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or that it is the one which the browser has."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _failed(request: Request, error: Exception) -> Response:
    """An answer for whoever asked: a page for people, a problem for programs."""
    if wants_page(request.headers, request.url.path):
        return pages.failed(request, error)
    return problem(error)


class Server:
    """The desk of a running monitor; a port that cannot be had now is tried again.

    The monitor goes on without its page: alerts matter more. `url` is where it listens, "" until it does.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.url = ""
        self.ready = threading.Event()
        self._stopped = threading.Event()
        self._uvicorn: uvicorn.Server | None = None
        self._desk: FastAPI | None = None
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to listen, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End within seconds, open pages or not."""
        self._stopped.set()
        if self._desk:
            self._desk.state.pulses.stop()
        if self._uvicorn:
            self._uvicorn.should_exit = True
        self._thread.join(STOPPED)

    def _run(self) -> None:
        said = ""
        while not self._stopped.is_set():
            reason, listener = self._listener()
            if listener:
                self._serve(listener)
                return
            if reason != said:
                self.app.report("web.refused", reason=reason)
                said = reason
            self._stopped.wait(RETRY)

    def _listener(self) -> tuple[str, socket.socket | None]:
        """A socket that listens, or why there is none."""
        host, port = self.app.config.web.address
        try:
            if not is_loopback(host) and not people.anybody(self.app):
                return f"{host} is open to others and there are no users (monitor user add NAME)", None
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return "", socket.create_server((host, port), family=family, backlog=512)
        except (OSError, OverflowError) as error:
            return f"web.listen: cannot listen on {host}:{port}: {error}", None
        except MonitorError as error:
            return str(error), None

    def _serve(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # that it starts and stops is said by us
        self._desk = create(self.app)
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self._desk,
                log_config=None,
                access_log=False,
                proxy_headers=False,  # see `create`
                server_header=False,
                timeout_graceful_shutdown=GRACE,
                lifespan="off",
            )
        )
        self.app.report("web.listening", url=self.url)
        self.ready.set()
        if self._stopped.is_set():
            return
        self._uvicorn.run(sockets=[listener])
