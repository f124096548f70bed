"""People and groups whom rules tell by name."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from service.actions import recipients, shapes
from service.actions.shapes import Shape
from service.web.api.exchange import Body, Json, OnceRoute
from service.web.auth import Monitor, Reader, Writer
from service.web.names import Name

router = APIRouter(tags=["people"], route_class=OnceRoute, default_response_class=Json)


class Addresses(Body):
    """Where and how somebody is told: addresses are CHANNEL:ADDRESS, and `CHANNEL:` takes one away."""

    addresses: list[str] = Field(default=[])
    language: str | None = None
    timezone: str | None = None


class NewPerson(Addresses):
    """Somebody who is told by name."""

    name: str


class Members(Body):
    """The people of a group."""

    members: list[str]


@router.get("/people")
def list_people(app: Monitor, _: Reader) -> Shape:
    """Everybody who can be told by name, and the groups."""
    people, groups = recipients.listed(app)
    return {"people": [shapes.person(one) for one in people], "groups": [shapes.group(one) for one in groups]}


@router.post("/people", status_code=201)
def add_person(app: Monitor, who: Writer, body: NewPerson) -> Shape:
    """Let rules tell somebody by name, on each channel that reaches them."""
    added = recipients.add(
        app,
        body.name,
        body.addresses,
        language=body.language or "",
        timezone=body.timezone or "",
        by=who.name,
    )
    return shapes.person(added)


@router.patch("/people/{name}")
def edit_person(app: Monitor, who: Writer, name: Name, body: Addresses) -> Shape:
    """Change where and how somebody is told."""
    edited = recipients.edit(
        app, name, body.addresses, language=body.language, timezone=body.timezone, by=who.name
    )
    return shapes.person(edited)


@router.delete("/people/{name}")
def remove_person(app: Monitor, who: Writer, name: Name, because: str = "") -> Shape:
    """See somebody off: nothing more goes to their addresses, and each message says why it did not."""
    person, stopped = recipients.leave(app, name, because, who.name)
    return shapes.person(person) | {"stopped": stopped}


@router.put("/groups/{name}")
def set_group(app: Monitor, who: Writer, name: Name, body: Members) -> Shape:
    """Tell some people together, as CHANNEL:NAME; a group of that name gets these members instead."""
    return shapes.group(recipients.set_group(app, name, body.members, who.name))


@router.delete("/groups/{name}")
def remove_group(app: Monitor, who: Writer, name: Name) -> Shape:
    """Drop a group that no rule tells; its people stay."""
    recipients.remove_group(app, name, who.name)
    return {"name": name}
