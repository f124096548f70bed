"""Signing in and out, one's own settings, and for admins the others."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.actions import people
from service.actions.page import Page
from service.actions.people import record
from service.app import App
from service.errors import MonitorError
from service.locale.catalogue import UI_LANGUAGES
from service.model import Account, Role, Scope
from service.web.auth import (
    Admin,
    Doorkeeper,
    Identity,
    Monitor,
    Reader,
    RefusedError,
    clear_session,
    client,
    safe_next,
    set_session,
)
from service.web.editor import base_url
from service.web.forms import Sent, go
from service.web.names import Name
from service.web.pages import Before, views
from service.web.problems import sentence
from service.web.viewer import THEMES, Asking, Viewer, is_zone

YEAR = 365 * 86400
CHANGES = 50

router = APIRouter(include_in_schema=False)


# ---------------------------------------------------------------- the door


@router.get("/sign-in")
def door(request: Request, found: Identity, viewer: Asking, next: str = "/") -> Response:  # noqa: A002 - in the address
    """Where people sign in."""
    if found:
        return go(safe_next(next))
    return views(request).page(request, viewer, "signin.html", next=safe_next(next), error="")


@router.post("/sign-in")
def sign_in(request: Request, app: Monitor, viewer: Asking, sent: Sent) -> Response:
    """Begin a session; the answer is the same for a name that is none."""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    doorkeeper.let_try(sent["name"], client(request))
    handed = people.sign_in(app, sent["name"], sent.all("password")[0] if sent.all("password") else "")
    if handed is None:
        app.report("sign-in.refused", address=client(request))
        error = views(request).say(viewer, "Name and password do not belong together.")
        return views(request).page(
            request, viewer, "signin.html", 401, next=safe_next(sent["next"]), error=error
        )
    response = go(safe_next(sent["next"]))
    set_session(response, request, handed.text)
    return response


@router.post("/sign-out")
def sign_out(request: Request, app: Monitor, found: Identity) -> Response:
    """End the session."""
    if found and found.session:
        people.sign_out(app, found.session)
    response = go("/sign-in")
    clear_session(response, request)
    return response


@router.get("/welcome/{invitation}")
def welcome(request: Request, app: Monitor, viewer: Asking, invitation: str) -> Response:
    """Where whoever was invited chooses a password."""
    account = people.invited(app, invitation)
    if account is None:
        raise RefusedError(404, "this invitation is used, or too old: ask for another")
    return views(request).page(request, viewer, "welcome.html", account=account, error="")


@router.post("/welcome/{invitation}")
def accept(request: Request, app: Monitor, viewer: Asking, sent: Sent, invitation: str) -> Response:
    """The password is set, and the first session begins."""
    account = people.invited(app, invitation)
    try:
        handed = people.accept(app, invitation, sent.all("password")[0] if sent.all("password") else "")
    except MonitorError as error:
        if account is None:
            raise
        return views(request).page(request, viewer, "welcome.html", account=account, error=sentence(error))
    if handed is None:
        raise RefusedError(404, "this invitation is used, or too old: ask for another")
    response = go("/")
    set_session(response, request, handed.text)
    return response


# ---------------------------------------------------------------- one's own


@router.get("/settings")
def settings(request: Request, _: Reader, viewer: Asking) -> Response:
    """How pages are drawn for whoever asks."""
    return _settings(request, viewer)


def _settings(request: Request, viewer: Viewer, error: str = "") -> Response:
    account = viewer.caller.account
    return views(request).page(
        request,
        viewer,
        "settings.html",
        language=account.language if account else request.cookies.get("language", ""),
        zone=account.timezone if account else "",
        error=error,
    )


@router.post("/settings")
def save_settings(request: Request, app: Monitor, who: Reader, viewer: Asking, sent: Sent) -> Response:
    """Keep them, with the user or in the browser."""
    language = sent["language"] if sent["language"] in UI_LANGUAGES else ""
    zone, theme = sent["zone"], sent["theme"] if sent["theme"] in THEMES else "auto"
    if zone and not is_zone(zone):
        return _settings(request, viewer, views(request).say(viewer, "There is no such time zone."))
    shortcuts = sent["shortcuts"] == "on"
    if who.account:
        people.edit(app, who.account.name, language=language, timezone=zone, shortcuts=shortcuts)
    response = go("/settings", views(request).say(viewer, "Saved."))
    for name, value in (
        ("language", language),
        ("theme", theme),
        ("shortcuts", "on" if shortcuts else "off"),
        *((("zone", zone),) if zone else ()),
    ):
        response.set_cookie(name, value, max_age=YEAR, samesite="lax")
    return response


@router.post("/settings/password")
def change_password(request: Request, app: Monitor, who: Reader, viewer: Asking, sent: Sent) -> Response:
    """Another password; all other sessions end."""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    if who.account is None or not who.session:
        raise RefusedError(403, "sign in with a name and a password first")
    doorkeeper.let_try(who.account.name, client(request))
    tried = people.sign_in(app, who.account.name, sent["present"])
    if tried is None:
        return _settings(request, viewer, views(request).say(viewer, "The present password is another one."))
    try:
        people.set_password(app, who.account.name, sent.all("password")[0])
    except (MonitorError, IndexError) as error:
        return _settings(request, viewer, sentence(error) if isinstance(error, MonitorError) else "")
    record(app, who.name, "user password", who.account.name)
    handed = people.sign_in(app, who.account.name, sent.all("password")[0])
    response = go(
        "/settings", views(request).say(viewer, "The password is changed; other sessions have ended.")
    )
    if handed:
        set_session(response, request, handed.text)
    return response


# ---------------------------------------------------------------- the others


@router.get("/people")
def show_people(request: Request, app: Monitor, _: Admin, viewer: Asking, before: Before = None) -> Response:
    """Users, tokens, and who changed what."""
    return _people(request, app, viewer, before=before)


def _people(
    request: Request,
    app: App,
    viewer: Viewer,
    *,
    before: int | None = None,
    error: str = "",
    secret: str = "",
    secret_name: str = "",
) -> Response:
    changes = people.changes(app, Page(limit=CHANGES, before=before))
    return views(request).page(
        request,
        viewer,
        "people.html",
        users=people.listed(app),
        tokens=people.tokens(app),
        changes=[(one, people.said_with(one)) for one in changes],
        more=changes[-1].id if len(changes) == CHANGES else None,
        error=error,
        secret=secret,
        secret_name=secret_name,
    )


@router.post("/people")
def add_user(request: Request, app: Monitor, who: Admin, viewer: Asking, sent: Sent) -> Response:
    """A new user, who chooses a password at an address that is shown this once."""
    try:
        role = Role(sent["role"]) if sent["role"] in set(Role) else Role.VIEWER
        added = people.add(app, Account(name=sent["name"], role=role))
    except MonitorError as error:
        return _people(request, app, viewer, error=sentence(error))
    record(app, who.name, "user add", added.name, {"role": added.role.value})
    return _invite(request, app, viewer, added.name)


@router.post("/people/{name}/{act}")
def act_on_user(
    request: Request, app: Monitor, who: Admin, viewer: Asking, sent: Sent, name: Name, act: str
) -> Response:
    """Another role or right, a new invitation, or the end."""
    detail: dict[str, object] | None = None
    try:
        if act == "role" and sent["role"] in set(Role):
            people.edit(app, name, role=Role(sent["role"]))
            detail = {"role": sent["role"]}
        elif act == "embargo":
            detail = {"sees_embargoed": sent["sees"] == "on"}
            people.edit(app, name, **detail)
        elif act == "invite":
            record(app, who.name, "user invite", name)
            return _invite(request, app, viewer, name)
        elif act == "remove":
            people.remove(app, name)
        else:
            raise RefusedError(404, "there is no such page")
    except MonitorError as error:
        return _people(request, app, viewer, error=sentence(error))
    record(app, who.name, f"user {act}", name, detail)
    return go("/people")


def _invite(request: Request, app: App, viewer: Viewer, name: str) -> Response:
    """The page with an invitation on it; while nobody else can sign in, whoever made it is led there."""
    address = f"/welcome/{people.invite(app, name).text}"
    if viewer.caller.is_open:
        return go(address)
    said = views(request).say(viewer, "For this person, within two days:")
    return _people(request, app, viewer, secret=base_url(request, app) + address, secret_name=said)


@router.post("/tokens")
def add_token(request: Request, app: Monitor, who: Admin, viewer: Asking, sent: Sent) -> Response:
    """A new token, which is shown this once."""
    scopes = [Scope(one) for one in sent.all("scopes") if one in set(Scope)]
    user = who.account.name if who.account else ""
    try:
        handed = people.add_token(app, sent["name"], scopes, user=user)
    except MonitorError as error:
        return _people(request, app, viewer, error=sentence(error))
    record(app, who.name, "token add", sent["name"], {"scopes": [one.value for one in scopes]})
    said = views(request).say(viewer, "Shown this once:")
    return _people(request, app, viewer, secret=handed.text, secret_name=said)


@router.post("/tokens/{number}/revoke")
def revoke_token(app: Monitor, who: Admin, number: int) -> Response:
    """A token that opens nothing from now on."""
    revoked = people.revoke_token(app, number)
    record(app, who.name, "token revoke", revoked.name)
    return go("/people")
