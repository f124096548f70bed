"""Who may sign in, with which secrets, and who changed what."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from service.actions.page import Page
from service.app import App, check_timezone
from service.errors import UsageError
from service.locale.catalogue import UI_LANGUAGES
from service.model import Account, Change, Purpose, Role, Scope, Secret

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SECRET_BYTES = 32  # 256 random bits: cannot be guessed, so a plain hash of them is safe to keep
SHORTEST_PASSWORD = 10  # characters; NIST SP 800-63B-4 asks for length, not for signs
SESSION = timedelta(days=7)
INVITATION = timedelta(days=2)
ANSWERS_KEPT = timedelta(hours=24)

# One at a time: a hash takes half a second and 64 MiB, and many at once would be a way to stop the desk.
_hashing = threading.Lock()


def anybody(app: App) -> bool:
    """Whether there are users; while there are none, the desk is open on this machine alone."""
    with app.store.read() as tx:
        return tx.accounts.any()


# ---------------------------------------------------------------- users


def add(app: App, account: Account, password: str = "") -> Account:
    """A new user; without a password it signs in by an invitation, or by a proxy that names it.

    Raises UsageError where the name is taken or cannot be one, or the password is too short. The first user
    is an admin, or nobody could see to the others.
    """
    account = _checked(account)
    hashed = hash_password(password) if password else ""
    with app.store.begin() as tx:
        if not tx.accounts.any() and account.role is not Role.ADMIN:
            raise UsageError("the first user is an admin (--role admin)")
        return tx.accounts.add(replace(account, password=hashed, created_at=app.store.now()))


def listed(app: App) -> Sequence[Account]:
    """All users by name."""
    with app.store.read() as tx:
        return tx.accounts.list()


def edit(app: App, name: str, /, **changes: object) -> Account:
    """The user with another role, language, zone or liking for shortcuts; raises NotFoundError."""
    with app.store.begin() as tx:
        account = _checked(replace(tx.accounts.get(name), **changes))  # type: ignore[arg-type]
        tx.accounts.edit(account)
        return account


def set_password(app: App, name: str, password: str, *, keep_session: int = 0) -> Account:
    """The user with another password; all its sessions end, but for the one to be kept."""
    hashed = hash_password(password)
    with app.store.begin() as tx:
        account = replace(tx.accounts.get(name), password=hashed)
        tx.accounts.edit(account)
        tx.secrets.revoke_all(account.id, Purpose.SESSION, Purpose.INVITATION, but=keep_session)
        return account


def remove(app: App, name: str) -> Account:
    """The user as it was; its sessions and tokens open nothing any more. Raises NotFoundError."""
    with app.store.begin() as tx:
        account = tx.accounts.get(name)
        tx.accounts.remove(name)
        return account


def _checked(account: Account) -> Account:
    """The account, where it can be meant."""
    if (
        not re.fullmatch(r"[^\s/:\x00-\x1f][^/:\x00-\x1f]{0,79}", account.name)
        or not account.name.isprintable()
    ):
        raise UsageError(f"not a name: {account.name!r} (up to 80 characters, without / and :)")
    if account.language and account.language not in UI_LANGUAGES:
        raise UsageError(f"no language {account.language!r} (one of {', '.join(UI_LANGUAGES)})")
    if account.timezone:
        check_timezone(account.timezone)
    return account


# ---------------------------------------------------------------- passwords


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()  # Argon2id with the parameters of RFC 9106, section 4


@cache
def _nobody() -> str:
    """A hash to be compared with where there is no user, so that both answers take as long."""
    return _hasher().hash(secrets.token_urlsafe())


def hash_password(password: str) -> str:
    """Its Argon2id hash; raises UsageError where it is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise UsageError(f"a password has at least {SHORTEST_PASSWORD} characters")
    if len(password) > 1000:
        raise UsageError("a password has at most 1000 characters")
    with _hashing:
        return _hasher().hash(password.encode("utf-8", "surrogatepass"))


def _matches(hashed: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    with _hashing:
        try:
            return _hasher().verify(hashed, password[:1000].encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False


# ---------------------------------------------------------------- sessions, tokens, invitations


@dataclass(frozen=True, slots=True)
class Handed:
    """A secret as it is handed out, once."""

    text: str
    secret: Secret


def digest(text: str) -> str:
    """The hash under which a secret is kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sign_in(app: App, name: str, password: str) -> Handed | None:
    """A new session; None where name and password do not belong together."""
    with app.store.read() as tx:
        account = tx.accounts.find(name)
    known = account.password if account and account.password else _nobody()
    if not _matches(known, password) or account is None or not account.password:
        return None
    if _hasher().check_needs_rehash(account.password):
        with app.store.begin() as tx:
            tx.accounts.edit(replace(account, password=hash_password(password)))
    return _hand_out(app, Secret(purpose=Purpose.SESSION, account=account.id), SESSION)


def invite(app: App, name: str) -> Handed:
    """An address that lets a user set its own password, once; raises NotFoundError."""
    with app.store.begin() as tx:
        account = tx.accounts.get(name)
        tx.secrets.revoke_all(account.id, Purpose.INVITATION)
    return _hand_out(app, Secret(purpose=Purpose.INVITATION, account=account.id), INVITATION)


def accept(app: App, invitation: str, password: str) -> Handed | None:
    """A new session for whoever was invited, with the password set; None where nobody was, or no more."""
    hashed = hash_password(password)
    with app.store.begin() as tx:
        found = tx.secrets.find(digest(invitation), Purpose.INVITATION, app.store.now())
        if found is None:
            return None
        account = tx.accounts.with_id(found.account)
        tx.accounts.edit(replace(account, password=hashed))
        tx.secrets.revoke_all(account.id, Purpose.SESSION, Purpose.INVITATION)
    return _hand_out(app, Secret(purpose=Purpose.SESSION, account=account.id), SESSION)


def invited(app: App, invitation: str) -> Account | None:
    """Who may set a password by that invitation."""
    return (found := _find(app, invitation, Purpose.INVITATION)) and found[1]


def session(app: App, text: str) -> tuple[Secret, Account] | None:
    """The session and the user whose it is; None where it has ended."""
    return _find(app, text, Purpose.SESSION)


def sign_out(app: App, session_id: int) -> None:
    """End a session; raises NotFoundError."""
    with app.store.begin() as tx:
        tx.secrets.revoke(session_id, Purpose.SESSION)


def add_token(
    app: App, name: str, scopes: Sequence[Scope], *, user: str = "", lasts: timedelta | None = None
) -> Handed:
    """A token for programs; it may what its scopes say, and no more than its user may."""
    if not name.strip() or len(name) > 80 or not name.isprintable():
        raise UsageError("a token's name has 1 to 80 printable characters")
    if not scopes:
        raise UsageError(f"a token has at least one scope ({', '.join(Scope)})")
    with app.store.read() as tx:
        account = tx.accounts.get(user).id if user else 0
    asked = tuple(scope for scope in Scope if scope in scopes)
    return _hand_out(app, Secret(purpose=Purpose.TOKEN, account=account, name=name, scopes=asked), lasts)


def token(app: App, text: str) -> tuple[Secret, Account | None] | None:
    """The token, and the user whose it is; its last use is noted once a minute."""
    now = app.store.now()
    with app.store.read() as tx:
        found = tx.secrets.find(digest(text), Purpose.TOKEN, now)
        if found is None:
            return None
        account = tx.accounts.with_id(found.account) if found.account else None
    if found.used_at is None or now - found.used_at > timedelta(minutes=1):
        with app.store.begin() as tx:
            tx.secrets.used(found.id, now)
    return found, account


def tokens(app: App) -> list[tuple[Secret, str]]:
    """All tokens with the names of their users, the newest first."""
    with app.store.read() as tx:
        names = {account.id: account.name for account in tx.accounts.list()}
        return [(one, names.get(one.account, "")) for one in tx.secrets.list(Purpose.TOKEN)]


def revoke_token(app: App, token_id: int) -> Secret:
    """The token, which opens nothing from now on; raises NotFoundError."""
    with app.store.begin() as tx:
        return tx.secrets.revoke(token_id, Purpose.TOKEN)


def _find(app: App, text: str, purpose: Purpose) -> tuple[Secret, Account] | None:
    with app.store.read() as tx:
        found = tx.secrets.find(digest(text), purpose, app.store.now())
        return (found, tx.accounts.with_id(found.account)) if found else None


def _hand_out(app: App, secret: Secret, lasts: timedelta | None) -> Handed:
    text = secrets.token_urlsafe(SECRET_BYTES)
    now = app.store.now()
    with app.store.begin() as tx:
        tx.secrets.prune(now)
        stored = replace(secret, created_at=now, expires_at=now + lasts if lasts else None)
        return Handed(text, tx.secrets.add(stored, digest(text)))


# ---------------------------------------------------------------- feeds of hits


def add_feed(app: App, rule: str) -> Handed:
    """A secret address at which any feed reader follows a rule; raises NotFoundError."""
    with app.store.read() as tx:
        found = tx.rules.get(rule)
    return _hand_out(app, Secret(purpose=Purpose.FEED, rule=found.id, name=rule), None)


def feeds(app: App, rule: str) -> Sequence[Secret]:
    """The feed addresses of a rule that are open, the newest first; raises NotFoundError."""
    with app.store.read() as tx:
        return tx.secrets.list(Purpose.FEED, rule=tx.rules.get(rule).id)


def revoke_feed(app: App, feed_id: int) -> Secret:
    """The address, which shows nothing from now on; raises NotFoundError."""
    with app.store.begin() as tx:
        return tx.secrets.revoke(feed_id, Purpose.FEED)


# ---------------------------------------------------------------- the record


def record(
    app: App, who: str, what: str, subject: str = "", detail: Mapping[str, object] | None = None
) -> None:
    """Write down who changed what; `what` is the command that does the same."""
    with app.store.begin() as tx:
        change = Change(at=app.store.now(), who=who, what=what, subject=subject[:500], detail=detail or {})
        tx.audit.add(change)


def changes(app: App, page: Page, of: str = "") -> Sequence[Change]:
    """Who changed what, the newest first; all of it, or what was done to one thing by its name."""
    with app.store.read() as tx:
        since = page.begins(app.store.now())
        return tx.audit.list(before_id=page.before, since=since, subject=of, limit=page.limit)


def said_with(one: Change) -> str:
    """`query Zins -EZB, tags a b`: what was said with a change, on one line."""
    said = {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in one.detail.items()
    }
    return ", ".join(f"{name} {value}" for name, value in said.items() if value not in (None, ""))


def once(app: App, key: str, request: str) -> tuple[int, str] | None:
    """What was answered to this request before; None where it is new, and from now on being worked on.

    A status of 0 is being worked on elsewhere. Raises UsageError where the key was used for another request.
    """
    now: datetime = app.store.now()
    with app.store.begin() as tx:
        tx.secrets.prune_answers(now - ANSWERS_KEPT)
        known = tx.secrets.answered(key, request)
        if known is None:
            tx.secrets.answer(key, request, now)
        return known


def answered(app: App, key: str, request: str, status: int, body: str) -> None:
    """Keep what was answered; a failure is forgotten, so that it may be tried again under the same key."""
    with app.store.begin() as tx:
        if status < 400:
            tx.secrets.answer(key, request, app.store.now(), status, body)
        else:
            tx.secrets.forget_answer(key)
