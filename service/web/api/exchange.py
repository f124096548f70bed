"""How the API takes and answers: numbers a database holds, pages of lists, requests that are done once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from service.actions import people
from service.actions.page import LIMIT, Page
from service.actions.shapes import Shape
from service.app import App
from service.errors import UsageError
from service.quantities import duration
from service.web.problems import as_json

LARGEST = 2**63 - 1  # what a column holds
LONGEST_KEY = 255

Number = Annotated[int, Path(ge=1, le=LARGEST)]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]
Before = Annotated[int | None, Query(ge=1, le=LARGEST, description="older than this id")]


def _span(text: str) -> str:
    duration(text)
    return text


Span = Annotated[str, AfterValidator(_span)]  # `90s`, `5m`, `24h`, `7d`


class Body(BaseModel):
    """What is sent: an unknown key is refused, as in the configuration."""

    model_config = ConfigDict(extra="forbid")

    def given(self) -> dict[str, Any]:
        """The fields that were sent."""
        return self.model_dump(exclude_unset=True)


def page(limit: Limit = LIMIT, before: Before = None, since: Span | None = None) -> Page:
    """The part of a list that is asked for."""
    return Page(limit, before, span(since))


Listed = Annotated[Page, Depends(page)]


def span(text: str | None) -> timedelta | None:
    """The span that a text names; None for none."""
    return timedelta(seconds=duration(text).total_seconds()) if text else None


class Json(Response):
    """JSON, whatever characters are in it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - as Starlette
        """The bytes of it."""
        return as_json(content)


def listing(request: Request, shown: Page, shapes: Sequence[Shape], last: int | None) -> Json:
    """An array, with a link to the next part of it where there may be one."""
    response = Json(shapes)
    if last is not None and len(shapes) == shown.limit:
        url = request.url.include_query_params(before=last, limit=shown.limit)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return response


class OnceRoute(APIRoute):
    """A route that keeps what it answered to an `Idempotency-Key`, and answers a repeat with the same.

    As in draft-ietf-httpapi-idempotency-key-header: the same key with another request is refused.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the keys around it."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            given = request.headers.get("idempotency-key", "")
            if not given or request.method not in {"POST", "PATCH"}:
                return await handle(request)
            if len(given) > LONGEST_KEY:
                raise UsageError(f"an Idempotency-Key has at most {LONGEST_KEY} characters")
            app: App = request.app.state.monitor
            who = request.headers.get("authorization") or request.headers.get("cookie") or ""
            key = people.digest(f"{who}\0{request.method}\0{request.url.path}\0{given}")
            body = people.digest((await request.body()).decode("latin-1"))
            known = await run_in_threadpool(people.once, app, key, body)
            if known:
                status, text = known
                if not status:
                    return Json({"status": 409, "title": "Conflict", "detail": "it is being worked on"}, 409)
                return Response(text, status, {"Idempotent-Replay": "true"}, "application/json")
            status, text = 500, ""
            try:
                response = await handle(request)
                status, text = response.status_code, bytes(response.body).decode()
            finally:
                await run_in_threadpool(people.answered, app, key, body, status, text)
            return response

        return once
