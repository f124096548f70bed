"""Where the links in messages lead: a page that says what would be done, with a button.

Nothing is done by looking, since mail scanners follow links. Whoever has the link may do it, signed in or
not; mail programs unsubscribe by posting to the same address (RFC 8058).
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.actions import alerts
from service.actions.alerts import Followed
from service.deliver.links import Does
from service.errors import MonitorError
from service.web.auth import Monitor, RefusedError
from service.web.pages import views
from service.web.viewer import Asking
from service.web.views import noted

router = APIRouter(include_in_schema=False)

ASKED = {
    Does.ACKNOWLEDGE: noted("I take care of it"),
    Does.NOT_RELEVANT: noted("Not relevant"),
    Does.MUTE: noted("Mute this story for a day"),
    Does.UNSUBSCRIBE: noted("Tell me nothing of this rule any more"),
}
DONE = {
    Does.ACKNOWLEDGE: noted("It is yours: only corrections are told of it now."),
    Does.NOT_RELEVANT: noted("Thank you: the rule will be judged by it."),
    Does.MUTE: noted("The story is muted for a day."),
    Does.UNSUBSCRIBE: noted("You are told nothing of this rule any more."),
}


@router.get("/l/{token}")
def look(request: Request, app: Monitor, viewer: Asking, token: str) -> Response:
    """What the link would do."""
    try:
        return _page(request, viewer, alerts.look(app, token))
    except MonitorError as error:
        raise RefusedError(404, str(error)) from error


@router.post("/l/{token}")
def follow(request: Request, app: Monitor, viewer: Asking, token: str) -> Response:
    """What the link did."""
    try:
        return _page(request, viewer, alerts.follow(app, token))
    except MonitorError as error:
        raise RefusedError(404, str(error)) from error


def _page(request: Request, viewer: Asking, seen: Followed) -> Response:
    words = DONE if seen.done else ASKED
    return views(request).page(
        request,
        viewer,
        "link.html",
        headlines=list(dict.fromkeys(one.headline for one in seen.alerts)),
        rules=sorted({one.rule for one in seen.alerts}),
        done=seen.done,
        taken_by=seen.taken_by,
        too_late=seen.too_late,
        sentence=words[seen.link.does],
    )
