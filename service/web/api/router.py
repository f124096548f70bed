"""All of `/api/v1` under one door."""

from __future__ import annotations

from fastapi import APIRouter

from service.web.api import desk, directory, people, rules, shift, sources, watchlist

PROBLEM = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}

router = APIRouter(
    prefix="/api/v1",
    responses={
        "4XX": {"description": "it cannot be done as it was asked, with the reason", **PROBLEM},
        "503": {"description": "the database is away", **PROBLEM},
    },
)
for room in (
    sources.router,
    sources.beside,
    rules.router,
    rules.lists,
    rules.trying,
    desk.router,
    shift.router,
    directory.router,
    people.router,
    watchlist.router,
):
    router.include_router(room)
