"""The watchlist as one file: what the desk is, and what it is to be."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from service.actions.shapes import Shape
from service.actions.watchlist import apply as watchlists
from service.actions.watchlist import tables
from service.web.api.exchange import Json, OnceRoute
from service.web.auth import Monitor, Reader, Writer

router = APIRouter(tags=["watchlist"], route_class=OnceRoute, default_response_class=Json)

TOML: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/toml": {"schema": {"type": "string"}}}}
}


@router.get("/watchlist")
def export_watchlist(app: Monitor, _: Reader) -> Shape:
    """The desk as a TOML file for `POST /apply`; no secret is in it."""
    return {"watchlist": watchlists.export(app)}


@router.post("/apply", openapi_extra=TOML, response_model=list[Shape])
async def apply(
    request: Request,
    app: Monitor,
    who: Writer,
    *,
    dry_run: bool = False,
    remove: bool = False,
    name: Annotated[
        str, Query(max_length=200, description="of the file: --remove knows by it what belongs to it")
    ] = "watchlist.toml",
) -> Json:
    """Make the desk what a TOML file says, all of it or nothing; the answer is what that changed."""
    body = await request.body()

    def take() -> list[Shape]:
        wanted = tables.read(body, name)
        done = watchlists.apply(
            app, wanted, name, dry_run=dry_run, remove=remove, by=who.name, guard=who.stays_outside
        )
        return done.shape()

    return Json(await run_in_threadpool(take))
