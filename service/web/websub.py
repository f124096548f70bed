"""Where hubs call (WebSub): to ask whether it was us who subscribed, and to bring what is new.

Nobody signs in here. The address is the key, and what is brought under it is signed.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse

from service.actions import pushing
from service.errors import NotFoundError, StoreError
from service.model import Document
from service.web.auth import Door

router = APIRouter(include_in_schema=False)

AGAIN = {"Retry-After": "10"}  # seconds; a poll takes less


@router.get("/websub/{token}")
def confirm(request: Request, app: Door, token: str) -> Response:
    """The challenge, where it was us who asked the hub."""
    try:
        return PlainTextResponse(pushing.answer(app, token, request.query_params))
    except NotFoundError:
        return PlainTextResponse("nobody here asked for that\n", 404)


@router.post("/websub/{token}")
async def receive(request: Request, app: Door, token: str) -> Response:
    """Nothing but a status: 2xx, it was taken; 410, call no more; 503, bring it again."""
    try:
        one = await run_in_threadpool(pushing.welcome, app, token)  # before a stranger's megabytes are read
        body = await _body(request, app.config.http.max_bytes)
        if body is None:
            return PlainTextResponse("too large\n", 413)
        document = Document(
            body=body,
            url=one.topic,
            media_type=request.headers.get("content-type", "").partition(";")[0].strip().lower(),
            received_at=app.store.now(),
        )
        signature = request.headers.get("x-hub-signature", "")
        await run_in_threadpool(pushing.take, app, one, document, signature)
    except NotFoundError:
        return PlainTextResponse("nobody here wants that any more\n", 410)
    except StoreError:
        return PlainTextResponse("not now\n", 503, AGAIN)
    return Response(status_code=202)


async def _body(request: Request, most: int) -> bytes | None:
    """The body; None where it is larger than a document may be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)
