"""Who asks, and what they may: sessions, tokens, a proxy that signs people on, or nobody at all.

While there are no users the desk is open, and listens on this machine alone. The first user closes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Annotated

from fastapi import Depends, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.responses import Response

from service.actions import people
from service.actions.doorplate import HEADER
from service.app import App
from service.config import Web
from service.model import Account, Role, Scope

TRIES_OF_A_NAME = RateLimitItemPerMinute(5, 5)  # within five minutes, from one address
TRIES_OF_AN_ADDRESS = RateLimitItemPerMinute(30, 5)

READ, WRITE = frozenset({Scope.READ}), frozenset({Scope.READ, Scope.WRITE})
EVERYTHING = frozenset(Scope) - {Scope.EMBARGOED}  # that is a right of its own, whatever the role
WITHIN = ("/", "./", "../", "~", "folder:")  # how addresses begin that are folders of this machine
OF_ROLE = {Role.VIEWER: READ | {Scope.METRICS}, Role.EDITOR: EVERYTHING, Role.ADMIN: EVERYTHING}


class RefusedError(Exception):
    """A request that may not be answered; `status` is that of HTTP."""

    def __init__(self, status: int, reason: str, *, retry_after: int = 0) -> None:
        """Keep what a face needs to say so."""
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, reason, retry_after


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a name for the record, and what they may."""

    name: str
    scopes: frozenset[Scope]
    admin: bool = False
    account: Account | None = None
    session: int = 0  # the id of a session, where the request came with one
    is_open: bool = False  # there are no users yet
    token: int = 0

    def stays_outside(self, url: str, auth_env: str = "") -> None:
        """Nothing, but where a user who is no admin would have folders or variables of this machine read.

        A variable goes to whatever server the source names: so does its address, where it has one. Raises
        RefusedError.
        """
        within = bool(auth_env) or url.strip().lower().startswith(WITHIN)
        if within and self.account and self.account.role is not Role.ADMIN:
            raise RefusedError(403, "folders and variables of this machine are for an admin to name")

    def needs(self, scope: Scope) -> Caller:
        """The caller, who may do that; raises RefusedError."""
        if scope not in self.scopes:
            what = "a token with that scope" if self.token else "the role of an editor"
            raise RefusedError(403, f"this needs {what}: {scope.value}")
        return self


def at_the_door(request: Request) -> App:
    """The monitor that this desk belongs to, as it is for anybody: nothing embargoed is seen."""
    app: App = request.app.state.monitor
    return app


Door = Annotated[App, Depends(at_the_door)]


def identify(request: Request, app: Door) -> Caller | None:
    """Who asks; None where nobody is signed in. Raises RefusedError for a token that opens nothing."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return _by_token(app, text.strip())
    if account := _by_proxy(app, request):
        return _person(account)
    if (text := request.cookies.get(cookie_name(request), "")) and (found := people.session(app, text)):
        session, account = found
        return _person(account, session.id)
    if not people.anybody(app):
        return Caller("", EVERYTHING, admin=True, is_open=True)
    return None


def _person(account: Account, session: int = 0) -> Caller:
    return Caller(
        account.name, _scopes(account), account.role is Role.ADMIN, account=account, session=session
    )


def _scopes(account: Account) -> frozenset[Scope]:
    """What a user may."""
    return OF_ROLE[account.role] | ({Scope.EMBARGOED} if account.sees_embargoed else frozenset())


def _by_token(app: App, text: str) -> Caller:
    found = people.token(app, text)
    if found is None:
        raise RefusedError(401, "this token opens nothing (it was revoked, has expired, or never was)")
    token, account = found
    scopes = frozenset(token.scopes) & (_scopes(account) if account else frozenset(Scope))
    name = f"{account.name} ({token.name})" if account else token.name
    # A token may do what the command line may, but for letting people in.
    return Caller(name, scopes, account=account, token=token.id)


def _by_proxy(app: App, request: Request) -> Account | None:
    """The user that a trusted proxy has signed on."""
    web = app.config.web
    name = request.headers.get(web.user_header, "") if web.user_header else ""
    if not name or not trusts(web, request.state.peer):
        return None
    with app.store.read() as tx:
        account = tx.accounts.find(name)
    if account is None:
        raise RefusedError(403, f"no user named {name[:80]} (monitor user add {name[:80]} --role viewer)")
    return account


def trusts(web: Web, peer: str) -> bool:
    """Whether whoever connected is a proxy of ours."""
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in ip_network(text, strict=False) for text in web.trusted_proxies)


Identity = Annotated[Caller | None, Depends(identify)]


def monitor(request: Request, app: Door, found: Identity) -> App:
    """The monitor as whoever asks may see it; a command on this machine sees it as anybody does."""
    trusted = found is not None and Scope.EMBARGOED in found.scopes and HEADER not in request.headers
    return app.trusted() if trusted else app


Monitor = Annotated[App, Depends(monitor)]


def caller(found: Identity) -> Caller:
    """Who asks; raises RefusedError where nobody is signed in."""
    if found is None:
        raise RefusedError(401, "sign in, or send a token: Authorization: Bearer …")
    return found


def reader(found: Annotated[Caller, Depends(caller)]) -> Caller:
    """Whoever may look."""
    return found.needs(Scope.READ)


def writer(found: Annotated[Caller, Depends(caller)]) -> Caller:
    """Whoever may change something."""
    return found.needs(Scope.WRITE)


def admin(found: Annotated[Caller, Depends(caller)]) -> Caller:
    """Whoever may see to users and tokens."""
    if not found.admin:
        raise RefusedError(403, "this needs the role of an admin")
    return found


def scraper(found: Annotated[Caller, Depends(caller)]) -> Caller:
    """Whoever may read the metrics."""
    return found.needs(Scope.METRICS)


Reader = Annotated[Caller, Depends(reader)]
Writer = Annotated[Caller, Depends(writer)]
Admin = Annotated[Caller, Depends(admin)]


# ---------------------------------------------------------------- signing in


class Doorkeeper:
    """Counts who tries to sign in, so that a password cannot be guessed by trying."""

    def __init__(self) -> None:
        self._limits = MovingWindowRateLimiter(MemoryStorage())

    def let_try(self, name: str, address: str) -> None:
        """Nothing; raises RefusedError where there were too many tries."""
        name = people.digest(name)  # of any length
        if not (
            self._limits.hit(TRIES_OF_AN_ADDRESS, address)
            and self._limits.hit(TRIES_OF_A_NAME, name, address)
        ):
            raise RefusedError(429, "too many tries; wait five minutes", retry_after=300)


def client(request: Request) -> str:
    """The address of whoever asks, behind trusted proxies."""
    return request.client.host if request.client else ""


def cookie_name(request: Request) -> str:
    """Over TLS the browser itself holds the cookie to this host and to TLS (RFC 6265bis, 4.1.3.2)."""
    return "__Host-session" if request.url.scheme == "https" else "session"


def set_session(response: Response, request: Request, text: str) -> None:
    """Give the browser its session."""
    response.set_cookie(
        cookie_name(request),
        text,
        max_age=round(people.SESSION.total_seconds()),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
    )


def clear_session(response: Response, request: Request) -> None:
    """Take it away."""
    response.delete_cookie(
        cookie_name(request), httponly=True, secure=request.url.scheme == "https", samesite="lax"
    )


def safe_next(path: str) -> str:
    r"""`path`, where it leads to a page of this desk; `//host` and `/\host` would lead elsewhere."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain else "/"


def wants_page(headers: Headers, path: str) -> bool:
    """Whether an answer is read by a person."""
    return (
        not path.startswith(("/api/", "/feeds/", "/websub/", "/metrics", "/healthz", "/readyz"))
        and "json" not in (headers.get("accept", "").partition(",")[0])
    )
