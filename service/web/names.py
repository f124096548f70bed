"""Names in addresses: one segment each, whatever is in them.

A server decodes a path before it parts it, where RFC 3986 (2.4) would have it the other way round: the page
of the rule AC/DC could not be found at `/rules/AC%2FDC`.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator
from starlette.types import ASGIApp, Receive, Scope, Send

KEPT = re.compile(r"%(25|2F)", re.IGNORECASE)  # an escaped percent sign and slash

# A segment of a path that names something; its slashes and percent signs are escaped still.
Name = Annotated[str, AfterValidator(unquote)]


class Segments:
    """Keeps a slash that is part of a name from parting it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with a path that is parted where it was when it was written."""
        raw = scope.get("raw_path", b"").decode("latin-1")
        if scope["type"] == "http" and KEPT.search(raw):
            scope["path"] = unquote(KEPT.sub(r"%25\1", raw))
        await self.app(scope, receive, send)
