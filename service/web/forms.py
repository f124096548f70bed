"""What pages send, and where they go next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs, quote, unquote

from fastapi import Depends, Request
from starlette.responses import RedirectResponse

from service.errors import UsageError
from service.web.auth import RefusedError

FIELDS = 200  # of a form, at most
LARGEST = 10**6  # bytes of a form: a long story that was pasted, several times over
SAID = "said"  # a cookie that carries one sentence to the next page


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; one that is missing is empty."""

    fields: dict[str, list[str]]

    def __getitem__(self, name: str) -> str:
        """The first value."""
        return self.fields.get(name, [""])[0].strip()

    def all(self, name: str) -> tuple[str, ...]:
        """Every value, as of several boxes that are checked."""
        return tuple(self.fields.get(name, ()))


async def form(request: Request) -> Form:
    """The form that was sent (application/x-www-form-urlencoded).

    Raises UsageError for no form, RefusedError for one so large that the page with it in its fields would be
    larger still.
    """
    body = await request.body()
    if len(body) > LARGEST:
        raise RefusedError(413, "this is longer than any field has to be")
    try:
        text = body.decode("ascii")
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS, errors="replace"))
    except ValueError as error:
        raise UsageError("this is no form") from error


Sent = Annotated[Form, Depends(form)]


def go(path: str, said: str = "") -> RedirectResponse:
    """To another page, which may say what was done."""
    response = RedirectResponse(path, 303)
    if said:
        response.set_cookie(SAID, quote(said[:300]), max_age=30, httponly=True, samesite="lax")
    return response


def said(request: Request) -> str:
    """What the last page left to be said."""
    return unquote(request.cookies.get(SAID, ""))[:300]


def back(request: Request, fallback: str) -> str:
    """The page of this desk that a form was sent from."""
    here, _, path = request.headers.get("referer", "").partition(f"//{request.headers.get('host', '')}/")
    return (
        f"/{path}"
        if here in {"http:", "https:"} and path.isprintable() and not path.startswith(("/", "\\"))
        else fallback
    )


def is_part(request: Request) -> bool:
    """Whether htmx asked, and wants a part of the page only."""
    return request.headers.get("hx-request") == "true"
