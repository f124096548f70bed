"""The work of a shift: handing over, looking back and ahead, mending stories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from service.actions import handover as shift
from service.actions import joining, preview, rules, shapes, why
from service.actions.people import record
from service.actions.shapes import Shape
from service.web.api.exchange import LARGEST, Body, Json, Number, OnceRoute
from service.web.auth import Monitor, Reader, Writer

router = APIRouter(tags=["shift"], route_class=OnceRoute, default_response_class=Json)

Id = Annotated[int, Query(ge=1, le=LARGEST)]


class Handover(Body):
    """What is handed over, and to whom it is sent: CHANNEL or CHANNEL:RECIPIENT."""

    since: str = shift.SHIFT
    to: Annotated[list[str], Field(min_length=1)]


class Merge(Body):
    """The story that is the same report."""

    story: Id


class Split(Body):
    """The items that are another report; each goes with all its versions."""

    items: list[Id]


@router.post("/stories/{number}/merge")
def merge_stories(app: Monitor, who: Writer, number: Number, body: Merge) -> Shape:
    """Make one story of two that are the same report; messages that are not needed now do not go out."""
    story, spared = joining.merge(app, number, body.story, by=who.name)
    return shapes.story(story) | {"spared": spared}


@router.post("/stories/{number}/split")
def split_story(app: Monitor, who: Writer, number: Number, body: Split) -> Shape:
    """Make items a story of their own."""
    story, moved = joining.split(app, number, body.items, by=who.name)
    return shapes.story(story) | {"moved": [item.id for item in moved]}


@router.get("/handover")
def show_handover(app: Monitor, _: Reader, since: str = shift.SHIFT) -> Shape:
    """What the next shift has to know; `since` is 22:00, or so long ago: 8h."""
    return shift.handover(app, shift.since(app, since)).shape()


@router.post("/handover")
def send_handover(app: Monitor, who: Writer, body: Handover) -> Shape:
    """The same, put into the outbox for whom it is meant."""
    seen = shift.handover(app, shift.since(app, body.since))
    sent = shift.send(app, seen, rules.targets(app, body.to))
    record(app, who.name, "handover", ", ".join(body.to), {"since": body.since})
    return seen.shape() | {"messages": sent}


@router.get("/why")
def show_why(app: Monitor, _: Reader, rule: str, of: str) -> list[Shape] | Shape:
    """Why a story was told or not, by its address, headline or item; of one that never came, what is near."""
    found = why.why(app, rule, of)
    return [shapes.why(one) for one in found] if found else shapes.absent(why.absent(app, of))


@router.get("/preview")
def show_preview(app: Monitor, _: Reader, rule: str, item: Id) -> Shape:
    """What a rule would send about an item that came in now: to whom, when, and why. Nothing is sent."""
    return shapes.preview(preview.preview(app, rule, item))
