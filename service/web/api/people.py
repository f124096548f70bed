"""Users, tokens, and who changed what; for admins."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from service.actions import people, shapes
from service.actions.people import record
from service.actions.shapes import Shape
from service.model import Account, Role, Scope
from service.web.api.exchange import Body, Json, Listed, Number, Span, listing, span
from service.web.auth import Admin, Monitor
from service.web.names import Name

router = APIRouter(tags=["people"], default_response_class=Json)


class NewUser(Body):
    """A user; without a password it is invited."""

    name: str
    role: Role = Role.VIEWER
    password: str | None = Field(default=None, min_length=people.SHORTEST_PASSWORD)
    sees_embargoed: bool = False


class Rights(Body):
    """What a user may."""

    role: Role = Role.VIEWER
    sees_embargoed: bool = False


class NewToken(Body):
    """A token for programs."""

    name: str
    scopes: list[Scope]
    user: str = ""
    lasts: Span | None = None


@router.get("/users")
def list_users(app: Monitor, _: Admin) -> list[Shape]:
    """All users by name."""
    return [shapes.user(one) for one in people.listed(app)]


@router.post("/users", status_code=201)
def add_user(app: Monitor, who: Admin, body: NewUser) -> Shape:
    """A new user; without a password the answer holds an address that lets it set one, once."""
    account = Account(name=body.name, role=body.role, sees_embargoed=body.sees_embargoed)
    added = people.add(app, account, body.password or "")
    may = {"role": added.role.value, "sees_embargoed": added.sees_embargoed}
    record(app, who.name, "user add", added.name, may)
    if body.password:
        return shapes.user(added)
    return shapes.user(added) | {"invitation": f"/welcome/{people.invite(app, added.name).text}"}


@router.patch("/users/{name}")
def edit_user(app: Monitor, who: Admin, name: Name, body: Rights) -> Shape:
    """Give a user another role, or the right to see what is embargoed."""
    edited = people.edit(app, name, **body.given())
    record(app, who.name, "user role", name, body.given())
    return shapes.user(edited)


@router.post("/users/{name}/invite")
def invite_user(app: Monitor, who: Admin, name: Name) -> Shape:
    """An address at which the user chooses a password, once."""
    address = f"/welcome/{people.invite(app, name).text}"
    record(app, who.name, "user invite", name)
    return {"name": name, "invitation": address}


@router.delete("/users/{name}")
def remove_user(app: Monitor, who: Admin, name: Name) -> Shape:
    """Remove a user with its sessions and tokens."""
    removed = people.remove(app, name)
    record(app, who.name, "user remove", name)
    return shapes.user(removed)


@router.get("/tokens")
def list_tokens(app: Monitor, _: Admin) -> list[Shape]:
    """All tokens, the newest first."""
    return [shapes.token(*one) for one in people.tokens(app)]


@router.post("/tokens", status_code=201)
def add_token(app: Monitor, who: Admin, body: NewToken) -> Shape:
    """A new token; it is shown this once."""
    handed = people.add_token(app, body.name, body.scopes, user=body.user, lasts=span(body.lasts))
    record(app, who.name, "token add", body.name, {"scopes": [scope.value for scope in body.scopes]})
    return shapes.token(handed.secret, body.user) | {"token": handed.text}


@router.delete("/tokens/{number}")
def revoke_token(app: Monitor, who: Admin, number: Number) -> Shape:
    """A token that opens nothing from now on."""
    revoked = people.revoke_token(app, number)
    record(app, who.name, "token revoke", revoked.name)
    return shapes.token(revoked)


@router.get("/audit", response_model=list[Shape])
def audit(app: Monitor, _: Admin, request: Request, page: Listed, of: str = "") -> Json:
    """Who changed what, the newest first; all of it, or what was done to one thing by its name."""
    found = people.changes(app, page, of)
    return listing(request, page, [shapes.change(one) for one in found], found[-1].id if found else None)
