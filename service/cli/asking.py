"""What a command only looks at is asked of the running daemon, which has everything loaded.

The daemon is found where its desk listens on this machine, and known by its doorplate. Where none is there,
none of this database, or it does not let whoever asks in, there is no answer, and the command looks into the
database itself. `MONITOR_TOKEN` opens a desk that has users.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from service.actions.doorplate import HEADER, doorplate
from service.config import Config
from service.errors import ConfigError

# Where a desk that listens there is met from this machine.
HERE = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::1": "::1", "::": "::1"}  # noqa: S104
NEAR = 0.5  # seconds to connect: it is this machine
PATIENCE = 10.0  # seconds for the answer; then the command looks itself
LARGEST = 64 * 10**6  # bytes


class Answer(NamedTuple):
    """What was asked for, as programs see it, and the time of whoever answered."""

    shape: Any
    at: datetime


def ask(config: Config, path: str, asked: Mapping[str, object]) -> Answer | None:
    """What the daemon of this configuration answers; None where none does."""
    name, port = config.web.address
    host = HERE.get(name)
    if host is None:
        return None
    try:
        plate = doorplate(config)
        with closing(socket.create_connection((host, port), NEAR)) as connected:
            connected.settimeout(PATIENCE)
            return _answer(connected, f"/api/v1{path}?{urlencode(asked, doseq=True)}", plate)
    except (ConfigError, OSError, OverflowError, ValueError):
        return None


def _answer(connected: socket.socket, path: str, plate: str) -> Answer | None:
    """The answer over a connection; raises OSError and ValueError where there is none to be understood."""
    from email.utils import parsedate_to_datetime
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection("127.0.0.1")
    connection.sock = connected
    headers = {"Accept": "application/json", HEADER: plate}
    if token := os.environ.get("MONITOR_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        if response.status != 200 or response.headers.get(HEADER) != plate:
            return None
        body = response.read(LARGEST)
        return Answer(json.loads(body), parsedate_to_datetime(response.headers["Date"]))
    except (HTTPException, TypeError) as error:
        raise ValueError(str(error)) from error
