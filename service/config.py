"""The configuration file: `config.toml` in, a frozen `Config` out; every error names its key.

Strict: an unknown key is an error, since a setting that is silently ignored is a night without alerts.
Relative paths in the file are relative to it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from service.errors import ConfigError
from service.model import Channel
from service.quantities import READERS, Duration, Rate, Size, Zone, duration, size

Network: TypeAlias = IPv4Network | IPv6Network

CHANNEL_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://.*", re.DOTALL)
PROGRAMS = {"json", "jsons", "form", "forms", "xml", "xmls", "webhook", "webhooks"}  # no person reads them
SLOW, FAST = 1.0, 10.0  # messages a second to people, and to programs

SEARCHED = ("./config.toml", "~/.config/monitor/config.toml", "/etc/monitor/config.toml")


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


TEMPLATES = {"subject": "subject.txt", "text": "text.txt", "html": "mail.html", "chat": "chat.md"}


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


def find(given: str | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration file to use, by the order of the manual; None where there is none.

    Raises ConfigError where one was named and does not exist.
    """
    for named in (given, environment.get("MONITOR_CONFIG")):
        if named:
            if Path(named).is_dir():
                raise ConfigError(named, "", "a folder (name the file in it)")
            if not Path(named).is_file():
                raise ConfigError(named, "", "no such file (`monitor init` writes one)")
            return Path(named)
    return next((path for path in map(_expand, SEARCHED) if path.is_file()), None)


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no home directory, as in a bare container
        return Path(path)


def load(path: Path) -> Config:
    """Read and check the file; raises ConfigError that names the key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(str(path), "", "no such file (`monitor init` writes one)") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path.name, "", f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path.name, "", f"not TOML: {error}") from error
    return read(table, path=str(path))


def read(table: Mapping[str, Any], *, path: str = "") -> Config:
    """A checked `Config` from a parsed table; raises ConfigError that names the key."""
    name = Path(path).name or "config.toml"
    if "path" in table:
        raise ConfigError(name, "path", "unknown key")
    try:
        config = msgspec.convert({**table, "path": path}, Config, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise _named(name, str(error), table) from error
    _check(config)
    return config


def _decode(kind: type, value: object) -> object:
    """Hook of msgspec for our own types; it adds the key to a ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"expected a text in quotes, got {value!r}")  # noqa: TRY004 - msgspec wants it
    return READERS[kind](value)


KINDS = {
    "`object`": "a table",
    "`array`": "a list",
    "`str`": "a text",
    "`int`": "a number",
    "`bool`": "true or false",
}


def _named(file: str, message: str, table: Mapping[str, Any]) -> ConfigError:
    """A ConfigError from msgspec's `Expected `int`, got `str` - at `$.http.per_host``."""
    problem, _, place = message.partition(" - at ")
    key = place.strip("`").removeprefix("$").lstrip(".")
    if "[...]" in key:  # msgspec does not say which channel: ask each alone
        group = key.partition("[")[0]
        key = key.replace("[...]", "." + _culprit(table[group], Config.__annotations__[group]))
    if unknown := re.search(r"unknown field `(.+)`", problem):
        key = f"{key}.{unknown[1]}".lstrip(".")
        return ConfigError(file, key, "unknown key (see config.example.toml)")
    said = re.sub("`[a-z]+`", lambda kind: KINDS.get(kind[0], kind[0]), problem)
    return ConfigError(file, key, said[:1].lower() + said[1:])


def _culprit(group: Mapping[str, Any], kind: str) -> str:
    """The first entry of a table of tables that cannot be read by itself."""
    member = next(each for each in (ChannelTable, Route, Agency) if each.__name__ in kind)
    for name, entry in group.items():
        try:
            msgspec.convert(entry, member, dec_hook=_decode)
        except msgspec.ValidationError:
            return name
    return ""


WEB_PAGE = re.compile(r"https?://[^\s/?#]+\S*")
HTTP_PROXY = re.compile(r"https?://[^\s/]+:\d{1,5}/?")
CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
LAST_PORT = 65535
LEAST_BYTES = 1000  # of a document; a feed without entries has some hundred
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _check(config: Config) -> None:
    """What types alone do not say."""

    def refuse(key: str, problem: str) -> None:
        raise ConfigError(config.name, key, problem)

    for text in config.http.allowed_networks:
        try:
            ip_network(text, strict=False)
        except ValueError:
            refuse("http.allowed_networks", f"not a network: {text!r} (write 10.0.0.0/8 or 192.168.1.5)")
    for key, number in (("http.per_host", config.http.per_host), ("poll.workers", config.poll.workers)):
        if not 1 <= number <= 64:
            refuse(key, f"a number from 1 to 64, not {number}")
    for key, number in (
        ("alerts.throttle", config.alerts.throttle), ("alerts.storm_limit", config.alerts.storm_limit)
    ):  # fmt: skip
        if number < 0:
            refuse(key, f"a number of messages, or 0 for any number, not {number}")
    if config.http.max_bytes < LEAST_BYTES:
        refuse("http.max_bytes", "no feed would fit into that (write 10MB)")
    if config.http.proxy and not HTTP_PROXY.fullmatch(config.http.proxy):  # not shown: it may hold a secret
        refuse("http.proxy", "not an HTTP proxy (write http://host:port; SOCKS is not spoken)")
    if config.database.synchronous not in {"full", "normal"}:
        refuse("database.synchronous", "full or normal")
    if not config.database.url_env and not config.database.url_file and "://" not in config.database.url:
        refuse("database.url", "not a database URL (write sqlite:///monitor.db)")
    if config.alerts.language not in {"de", "en"}:
        refuse("alerts.language", "de or en")
    times = [("digest.daily_at", config.digest.daily_at)]
    if quiet := config.quiet_hours:
        times += [("quiet_hours.from", quiet.from_), ("quiet_hours.to", quiet.to)]
        if wrong := set(quiet.days) - set(DAYS):
            refuse("quiet_hours.days", f"{min(wrong)!r} is none of {', '.join(DAYS)}")
    for key, text in times:
        if not CLOCK_TIME.fullmatch(text):
            refuse(key, f"not a time of day: {text!r} (write 22:00)")
    if config.poll.every > config.poll.longest:
        refuse("poll.longest", "shorter than poll.every (make it longer)")
    _check_web(config, refuse)
    _check_channels(config, refuse)


def _check_web(config: Config, refuse: Callable[[str, str], None]) -> None:
    """The addresses of the desk, and of whoever is told that the monitor lives."""
    listen = re.fullmatch(r"([^\s:]+|\[[0-9a-fA-F:.%]+\]):(\d{1,5})", config.web.listen)
    if not listen or int(listen[2]) > LAST_PORT:
        refuse("web.listen", f"not host:port: {config.web.listen!r} (write 127.0.0.1:8640)")
    if config.web.base_url and not WEB_PAGE.fullmatch(config.web.base_url):
        refuse("web.base_url", f"not an address: {config.web.base_url!r} (write https://monitor.example.org)")
    if config.heartbeat.url and not WEB_PAGE.fullmatch(config.heartbeat.url):  # not shown: it is a secret
        refuse("heartbeat.url", "not an address (write https://…)")
    for text in config.web.trusted_proxies:
        try:
            ip_network(text, strict=False)
        except ValueError:
            refuse("web.trusted_proxies", f"not an address: {text!r} (write 10.0.0.2 or 10.0.0.0/24)")
    if config.web.user_header and not config.web.trusted_proxies:
        refuse("web.user_header", "anybody could send it (name the proxy in web.trusted_proxies)")


def _check_channels(config: Config, refuse: Callable[[str, str], None]) -> None:
    """Each channel has one URL, and every name that is used exists."""
    for name, table in config.channels.items():
        key = f"channels.{name}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
            refuse(key, "a channel's name is made of letters, digits, '-', '_' and '.'")
        given = [field for field in ("url", "url_env", "url_file") if getattr(table, field)]
        if len(given) != 1:
            refuse(f"{key}.url", "give exactly one of url, url_env and url_file")
        if table.url and not CHANNEL_URL.fullmatch(table.url):
            refuse(f"{key}.url", "not a channel URL (write mailto://, slack://, webhook://, console:// …)")
        if table.fallback and (table.fallback not in config.channels or table.fallback == name):
            refuse(f"{key}.fallback", f"no other channel is named {table.fallback!r}")
    used = {
        "alerts.default_channels": config.alerts.default_channels,
        "alerts.operators": config.alerts.operators,
        "quiet_hours.channels": config.quiet_hours.channels if config.quiet_hours else (),
        **{f"routes.{name}.channels": route.channels for name, route in config.routes.items()},
    }
    for key, targets in used.items():
        for target in targets:
            channel, colon, recipient = target.partition(":")
            if channel not in config.channels:
                refuse(key, f"no channel is named {channel!r}")
            if colon and not recipient.strip():
                refuse(key, f"nobody is named after the colon of {target!r} (write {channel} alone, or who)")


def example() -> str:
    """The commented file that `monitor init` writes: `config.example.toml`, as it was shipped."""
    here = Path(__file__).parent
    shipped = here / "config.example.toml"  # in an installed package
    return (shipped if shipped.is_file() else here.parent / shipped.name).read_text(encoding="utf-8")
