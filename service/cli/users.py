"""Who may sign in at the desk, and tokens for programs: `monitor user …`, `monitor token …`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from service.cli.arguments import SPAN, Choice, Number
from service.cli.drawing import table
from service.cli.screens import undo
from service.cli.session import Session, command
from service.cli.terminal import dim, safe, talk
from service.cli.words import _
from service.errors import UsageError

if TYPE_CHECKING:
    from service.actions.people import Handed
    from service.model import Account

ROLES = ("viewer", "editor", "admin")
SCOPES = ("read", "write", "metrics", "embargoed")
USER = ("add", "list", "role", "passwd", "invite", "remove")
TOKEN = ("add", "list", "revoke")


@command()
@click.argument("verb", metavar="add|list|role|passwd|invite|remove", type=Choice(USER))
@click.argument("name", metavar="[NAME]", required=False, default="")
@click.option("--role", type=Choice(ROLES), metavar="ROLE", help="What the user may: viewer, editor, admin.")
@click.option("--sees-embargoed/--no-sees-embargoed", "trusted", default=None,
              help="Whether embargoed text is shown to the user.")  # fmt: skip
@click.option("--invite", is_flag=True, help="Print an address at which the user chooses it.")
def user(
    session: Session, verb: str, name: str, role: str | None, trusted: bool | None, invite: bool
) -> None:
    r"""Users of the desk page. While there are none, the page is open on this machine alone.

    \b
    monitor user add anna --role admin           asks for a password
    monitor user add ben --role editor --invite  prints an address that works once
    monitor user role ben --role admin
    monitor user role anna --sees-embargoed
    monitor user passwd anna
    monitor user list
    """
    from service.actions import people, shapes
    from service.actions.people import record
    from service.model import Account, Role

    if verb != "list" and not name:
        raise UsageError(_("say whom: monitor user {verb} NAME", verb=verb))
    if verb == "list":
        with session.app() as app:
            found = people.listed(app)
        rows = ((one.name, _may(one), _("set") if one.password else _("none yet")) for one in found)
        session.answer(
            [shapes.user(one) for one in found],
            table(
                (_("name"), _("role"), _("password")),
                rows,
                _("no users (monitor user add NAME --role admin)"),
            ),
        )
        return
    with session.app() as app:
        said, shape = "", {}
        if verb == "add":
            password = "" if invite else _password()
            first = Role.VIEWER if people.anybody(app) else Role.ADMIN
            new = Account(name=name, role=Role(role) if role else first, sees_embargoed=bool(trusted))
            account = people.add(app, new, password)
            said = _("user {name} added, {role}", name=safe(name), role=_may(account))
            shape = shapes.user(account)
        elif verb == "role":
            if not role and trusted is None:
                raise UsageError(_("say which: --role {roles}", roles="|".join(ROLES)))
            changes = {"role": Role(role) if role else None, "sees_embargoed": trusted}
            given = {field: value for field, value in changes.items() if value is not None}
            account = people.edit(app, name, **given)
            said = _("user {name} is {role} now", name=safe(name), role=_may(account))
            shape = shapes.user(account)
        elif verb == "passwd":
            account = people.set_password(app, name, _password())
            said = _("the password of {name} is changed, all sessions ended", name=safe(name))
            shape = shapes.user(account)
        elif verb == "remove":
            said, shape = _("user {name} removed", name=safe(name)), shapes.user(people.remove(app, name))
        lines = [said] if said else []
        if invite or verb == "invite":
            address = _address(session, people.invite(app, name))
            shape |= {"name": name, "invitation": address}
            lines.append(_("for {name}, within two days: {address}", name=safe(name), address=address))
        detail: dict[str, object] = {"role": shape["role"]} if verb in {"add", "role"} else {}
        record(app, session.person, f"user {verb}", name, detail)
    session.answer(shape, lines)


@command()
@click.argument("verb", metavar="add|list|revoke", type=Choice(TOKEN))
@click.argument("name", metavar="[NAME|ID]", required=False, default="")
@click.option("--scope", "scopes", multiple=True, type=Choice(SCOPES), metavar="SCOPE",
              help=f"What it may: {', '.join(SCOPES)}; repeatable.")  # fmt: skip
@click.option("--user", "owner", default="", metavar="NAME", help="It may do no more than this user.")
@click.option("--for", "lasts", type=SPAN, metavar="SPAN", help="How long it opens anything.")
def token(
    session: Session, verb: str, name: str, scopes: tuple[str, ...], owner: str, lasts: timedelta | None
) -> None:
    r"""Tokens for programs that use the API. A token is shown once, when it is made.

    \b
    monitor token add prometheus --scope metrics
    monitor token list
    monitor token revoke 3
    """
    from service.actions import people, shapes
    from service.actions.people import record
    from service.model import Scope

    if verb == "list":
        with session.app() as app:
            found = people.tokens(app)
        rows = ((str(one.id), one.name, " ".join(one.scopes), owner) for one, owner in found)
        session.answer(
            [shapes.token(*one) for one in found],
            table(
                (_("id"), _("name"), _("scopes"), _("user")),
                rows,
                _("no tokens (monitor token add NAME --scope read)"),
            ),
        )
        return
    if verb == "revoke":
        number = Number().convert(name, None, None)
        with session.app() as app:
            revoked = people.revoke_token(app, number)
            record(app, session.person, "token revoke", revoked.name)
        session.answer(
            shapes.token(revoked), [_("token {name} opens nothing any more", name=safe(revoked.name))]
        )
        return
    if not name:
        raise UsageError(_("say what it is for: monitor token add NAME --scope read"))
    with session.app() as app:
        handed = people.add_token(app, name, [Scope(one) for one in scopes], user=owner, lasts=lasts)
        record(app, session.person, "token add", name, {"scopes": list(scopes)})
    talk(_("shown this once:"))
    session.answer(
        shapes.token(handed.secret, owner) | {"token": handed.text},
        [handed.text, dim(undo("token", "revoke", str(handed.secret.id)))],
    )


def _password() -> str:
    """A password, typed twice at a terminal; from a pipe, its first line."""
    import sys

    if not sys.stdin.isatty():
        if piped := sys.stdin.readline().rstrip("\n"):
            return piped
        raise UsageError(_("no password came in (pipe one, or --invite)"))  # nobody could sign in
    typed: str = click.prompt(_("password"), hide_input=True, confirmation_prompt=_("once more"), err=True)
    return typed


def _address(session: Session, handed: Handed) -> str:
    """Where an invitation leads."""
    web = session.config().web
    base = web.base_url.rstrip("/") or f"http://{web.listen}"
    return f"{base}/welcome/{handed.text}"


def _may(one: Account) -> str:
    """`editor, sees what is embargoed`."""
    return f"{one.role.value}, {_('sees what is embargoed')}" if one.sees_embargoed else one.role.value
