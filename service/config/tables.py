"""What can be set, table by table, and where a channel's or the database's secret stands.

Every key has its default here, and its type; what types alone do not say is looked at in `checks`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct, field

from service.errors import ConfigError
from service.model import Channel
from service.quantities import Duration, Rate, Size, Zone, duration, size

Network: TypeAlias = IPv4Network | IPv6Network

PROGRAMS = {"json", "jsons", "form", "forms", "xml", "xmls", "webhook", "webhooks"}  # no person reads them
SLOW, FAST = 1.0, 10.0  # messages a second to people, and to programs
TEMPLATES = {"subject": "subject.txt", "text": "text.txt", "html": "mail.html", "chat": "chat.md"}


class _Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: frozen, strict."""


def _span(text: str) -> Any:  # noqa: ANN401 - a default of any of the field types below
    return field(default_factory=lambda: duration(text))


class Database(_Table, frozen=True):
    """Where everything is kept."""

    url: str = "sqlite:///monitor.db"
    url_env: str = ""
    url_file: str = ""
    synchronous: str = "full"


class Http(_Table, frozen=True):
    """How sources are fetched."""

    allowed_networks: tuple[str, ...] = ()
    contact: str = ""
    timeout: Duration = _span("20s")
    max_bytes: Size = field(default_factory=lambda: size("10MB"))
    per_host: int = 1
    per_host_gap: Duration = _span("1s")
    proxy: str = ""

    @property
    def networks(self) -> tuple[Network, ...]:
        """The private networks that may be polled."""
        return tuple(ip_network(text, strict=False) for text in self.allowed_networks)


class Poll(_Table, frozen=True):
    """When sources are fetched."""

    every: Duration = _span("5m")
    longest: Duration = _span("24h")
    first_alert_age: Duration = _span("24h")
    workers: int = 2
    lease: Duration = _span("90s")


class Web(_Table, frozen=True):
    """Where the desk page listens."""

    listen: str = "127.0.0.1:8640"
    base_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    user_header: str = ""  # set by a trusted proxy that has signed the person on

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on; port 0 takes a free one."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class Alerts(_Table, frozen=True):
    """How alerts become messages."""

    default_channels: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    group_wait: Duration = _span("15s")
    group_interval: Duration = _span("5m")
    throttle: int = 30
    storm_limit: int = 10
    late: Duration = _span("15m")
    language: str = "en"


class Route(_Table, frozen=True):
    """Whom everything is told that bears one of these tags, of its rule or of its source."""

    tags: tuple[str, ...]
    channels: tuple[str, ...]


class Digest(_Table, frozen=True):
    """When digests go out."""

    daily_at: str = "07:00"
    timezone: Zone = Zone("Europe/Berlin")


class QuietHours(_Table, frozen=True, rename={"from_": "from"}):
    """When nobody is to be woken."""

    from_: str = "22:00"
    to: str = "06:00"
    timezone: Zone = Zone("Europe/Berlin")
    days: tuple[str, ...] = ()
    holidays: str = ""
    channels: tuple[str, ...] = ()


class Retention(_Table, frozen=True):
    """How long things are kept."""

    items: Duration = _span("180d")
    attempts: Duration = _span("90d")
    fingerprints: Duration = _span("7d")


class Heartbeat(_Table, frozen=True):
    """Whom the monitor tells that it is alive."""

    url: str = ""
    every: Duration = _span("60s")


class ChannelTable(_Table, frozen=True):
    """One way out. Exactly one of `url`, `url_env` and `url_file` is given."""

    url: str = ""
    url_env: str = ""
    url_file: str = ""
    fallback: str = ""
    rate: Rate | None = None
    sees_embargoed: bool = False
    template: str = ""


class Agency(_Table, frozen=True):
    """Marks and genres of one agency, where the built-in tables do not fit."""

    marks: dict[str, str] = {}
    genres: dict[str, str] = {}


class Config(_Table, frozen=True):
    """All of the file."""

    database: Database = field(default_factory=Database)
    http: Http = field(default_factory=Http)
    poll: Poll = field(default_factory=Poll)
    web: Web = field(default_factory=Web)
    alerts: Alerts = field(default_factory=Alerts)
    digest: Digest = field(default_factory=Digest)
    quiet_hours: QuietHours | None = None
    retention: Retention = field(default_factory=Retention)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    channels: dict[str, ChannelTable] = {}
    routes: dict[str, Route] = {}
    agencies: dict[str, Agency] = {}
    path: str = ""  # where it was read from; not a key of the file

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""
        return Path(self.path).absolute().parent if self.path else Path.cwd()

    @property
    def name(self) -> str:
        """How errors call the file."""
        return Path(self.path).name or "config.toml"

    def database_url(self, environment: Mapping[str, str] = os.environ) -> str:
        """The SQLAlchemy URL, a relative SQLite path made absolute."""
        url = _secret(self, self.database, "database", environment)
        prefix, _, path = url.partition(":///")
        if prefix.startswith("sqlite") and path and not path.startswith("/"):
            return f"{prefix}:///{self.folder / path}"
        return url

    def channel(self, name: str, environment: Mapping[str, str] = os.environ) -> Channel:
        """The channel with its secret; raises ConfigError where that cannot be had."""
        table = self.channels.get(name)
        if table is None:
            known = ", ".join(sorted(self.channels)) or "none is configured"
            raise ConfigError(self.name, f"channels.{name}", f"no such channel (there is: {known})")
        url = _secret(self, table, f"channels.{name}", environment)
        return Channel(
            name=name,
            url=url,
            fallback=table.fallback,
            rate=table.rate or (FAST if url.partition(":")[0].lower() in PROGRAMS else SLOW),
            sees_embargoed=table.sees_embargoed,
            templates=_templates(self, table, f"channels.{name}.template"),
        )


def _secret(config: Config, table: Database | ChannelTable, key: str, env: Mapping[str, str]) -> str:
    """The URL of a table, from the file itself, the environment, or a file it names."""
    if table.url_env:
        if value := env.get(table.url_env, "").strip():
            return value
        raise ConfigError(
            config.name, f"{key}.url_env", f"the environment variable {table.url_env} is not set"
        )
    if table.url_file:
        try:
            return (config.folder / table.url_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(config.name, f"{key}.url_file", f"cannot be read: {table.url_file}") from error
    return table.url


def _templates(config: Config, table: ChannelTable, key: str) -> dict[str, str]:
    """The templates in a channel's folder; raises ConfigError where there are none to read."""
    if not table.template:
        return {}
    folder = config.folder / table.template
    try:
        found = {
            part: (folder / file).read_text(encoding="utf-8")
            for part, file in TEMPLATES.items()
            if (folder / file).is_file()
        }
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(config.name, key, f"cannot be read: {folder}") from error
    if not found:
        raise ConfigError(config.name, key, f"{folder} holds none of {', '.join(TEMPLATES.values())}")
    return found
