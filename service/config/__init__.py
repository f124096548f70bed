"""The configuration file: `config.toml` in, a frozen `Config` out.

Relative paths in the file are relative to it. The parts stand by theme in the modules of this package, and
are spoken of as one: everybody imports them from here.
"""

from service.config.checks import CLOCK_TIME, DAYS
from service.config.file import example, find, load, read
from service.config.tables import (
    TEMPLATES,
    Agency,
    Alerts,
    ChannelTable,
    Config,
    Database,
    Digest,
    Heartbeat,
    Http,
    Poll,
    QuietHours,
    Retention,
    Route,
    Web,
)

__all__ = [
    "CLOCK_TIME",
    "DAYS",
    "TEMPLATES",
    "Agency",
    "Alerts",
    "ChannelTable",
    "Config",
    "Database",
    "Digest",
    "Heartbeat",
    "Http",
    "Poll",
    "QuietHours",
    "Retention",
    "Route",
    "Web",
    "example",
    "find",
    "load",
    "read",
]
