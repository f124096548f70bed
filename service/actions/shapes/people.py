"""Those who are told, and those who look."""

from __future__ import annotations

from service.actions.shapes.written import Shape, when
from service.model import Account, Group, Person, Secret


def person(one: Person) -> Shape:
    """A person who is told."""
    return {
        "name": one.name,
        "addresses": dict(one.addresses),
        "language": one.language or None,
        "timezone": one.timezone or None,
        "left_at": when(one.removed_at),
        "left_because": one.left_because or None,
    }


def user(one: Account) -> Shape:
    """A user of the desk."""
    return {
        "name": one.name,
        "role": one.role.value,
        "has_password": bool(one.password),
        "sees_embargoed": one.sees_embargoed,
        "created_at": when(one.created_at),
    }


def token(one: Secret, owner: str = "") -> Shape:
    """A token, without itself; `owner` is the user whose it is."""
    return {
        "id": one.id,
        "name": one.name,
        "user": owner or None,
        "scopes": [scope.value for scope in one.scopes],
        "created_at": when(one.created_at),
        "expires_at": when(one.expires_at),
        "used_at": when(one.used_at),
    }


def group(one: Group) -> Shape:
    """People who are told together."""
    return {"name": one.name, "members": list(one.members)}
