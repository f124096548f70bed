"""Errors as the API says them: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.errors import (
    ConfigError,
    MonitorError,
    NotFoundError,
    QueryError,
    SchemaError,
    StoreError,
    UsageError,
)
from service.web.auth import RefusedError

STATUS: Mapping[type[Exception], int] = {
    NotFoundError: 404,
    UsageError: 422,
    ConfigError: 409,
    SchemaError: 503,
    StoreError: 503,
    MonitorError: 500,
}


def status_of(error: Exception) -> int:
    """The HTTP status that an error means."""
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, RefusedError):
        return error.status
    if isinstance(error, RequestValidationError):
        return 422
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def sentence(error: Exception) -> str:
    """What is said of it, in words for a person; of a fault of our own nothing is told."""
    if isinstance(error, HTTPException):
        return str(error.detail)
    if isinstance(error, RequestValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in each['loc'][1:]) or 'request'}: {each['msg']}"
            for each in error.errors()[:10]
        )
    if isinstance(error, QueryError):
        return ": ".join(filter(None, (error.place, error.problem)))
    if isinstance(error, (MonitorError, RefusedError)):
        return str(error)
    return "an unexpected fault; the log of the monitor says more"


def problem(error: Exception) -> Response:
    """The answer to a request that failed."""
    status = status_of(error)
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence(error),
    }
    if isinstance(error, QueryError):
        body |= {
            "query": error.text,
            "start": error.span[0],
            "end": error.span[1],
            "hint": error.hint or None,
        }
    headers: dict[str, str] = {}
    if isinstance(error, RefusedError):
        headers |= {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        headers |= {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    return Response(as_json(body), status, headers, "application/problem+json")


def as_json(value: object) -> bytes:
    """JSON that any reader takes: a lone surrogate, which UTF-8 cannot hold, is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
