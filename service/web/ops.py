"""For whoever runs the monitor: is it alive, is it ready, and its figures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.actions import readiness
from service.web.auth import Caller, Door, scraper
from service.web.metrics import Metrics

router = APIRouter(tags=["operations"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """`ok`, while the page answers at all."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "not ready, with the reasons"}})
def readyz(app: Door, response: Response) -> dict[str, object]:
    """Whether the monitor does its work: 200, or 503 with what is wrong."""
    faults = readiness.faults(app)
    response.status_code = 503 if faults else 200
    return {"status": "not ready" if faults else "ready", "reasons": faults}


@router.get("/metrics", response_class=Response)
def metrics(request: Request, _: Annotated[Caller, Depends(scraper)]) -> Response:
    """The figures of this process and its database, in the text format of Prometheus."""
    counted: Metrics = request.app.state.metrics
    return Response(counted.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
