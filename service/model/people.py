"""Who is told, and who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is told, with an address on each channel that reaches them."""

    name: str
    addresses: Mapping[str, str] = field(default_factory=dict)  # channel -> recipient
    id: int = 0
    language: str = ""  # of the words around the wire text: en or de; "": as the configuration
    timezone: str = ""  # "": as the digests
    added_at: datetime | None = None
    removed_at: datetime | None = None  # None: still here
    left_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People who are told together."""

    name: str
    members: tuple[str, ...] = ()  # by name
    id: int = 0
    added_at: datetime | None = None


class Role(StrEnum):
    """What a person may do at the desk; each may all that the one before it may."""

    VIEWER = "viewer"  # look
    EDITOR = "editor"  # and change rules, sources and silences, acknowledge, send again
    ADMIN = "admin"  # and see to users and tokens

    def covers(self, other: Role) -> bool:
        """Whether this role may do what needs `other`."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


class Scope(StrEnum):
    """What a token of the API may do."""

    READ = "read"
    WRITE = "write"
    METRICS = "metrics"
    EMBARGOED = "embargoed"  # see the text of what is embargoed


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who may sign in. `password` is an Argon2 hash; "" signs nobody in."""

    name: str
    role: Role = Role.VIEWER
    id: int = 0
    password: str = field(default="", repr=False)
    language: str = ""  # of the page; "": as the browser asks
    timezone: str = ""  # "": as the digests
    shortcuts: bool = True  # j, k, o, a and /
    sees_embargoed: bool = False
    created_at: datetime | None = None


class Purpose(StrEnum):
    """What a secret opens."""

    SESSION = "session"  # the page, after signing in
    INVITATION = "invitation"  # once: setting one's own password
    TOKEN = "token"  # noqa: S105 - the name of a purpose; opens the API
    FEED = "feed"  # the hits of one rule, for a feed reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What is known of a secret that was handed out; the secret itself is kept nowhere."""

    purpose: Purpose
    id: int = 0
    account: int = 0  # whose it is; 0: nobody's
    rule: int = 0  # of a feed
    name: str = ""
    scopes: tuple[Scope, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None  # None: never
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changed what, for the record."""

    at: datetime
    who: str
    what: str  # the name of the command that does the same
    subject: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    id: int = 0
