"""Which monitor a desk belongs to, so that a command asks the daemon of its own database and no other."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from service import __version__
from service.config import Config

HEADER = "Monitor-Doorplate"  # sent by a command, and back by the desk that bears the same


def doorplate(config: Config) -> str:
    """The same text for the same version of the monitor on the same database; no secret is in it.

    Raises ConfigError where the address of the database cannot be had.
    """
    url = urlsplit(config.database_url())
    place = (url.scheme, url.username or "", url.netloc.rpartition("@")[2], url.path, url.query)
    return hashlib.sha256("\n".join((__version__, *place)).encode(errors="replace")).hexdigest()
