"""What types alone do not say of the settings: bounds, addresses, times of day, names that must exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import urlsplit

from service.config.tables import Config
from service.errors import ConfigError

CHANNEL_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://.*", re.DOTALL)
WEB_PAGE = re.compile(r"https?://[^\s/?#]+\S*")
HTTP_PROXY = re.compile(r"https?://[^\s/]+:\d{1,5}/?")
CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
LAST_PORT = 65535
LEAST_BYTES = 1000  # of a document; a feed without entries has some hundred
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def check(config: Config) -> None:
    """Raise ConfigError for the first setting that cannot be meant."""

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
    if urlsplit(config.web.base_url).path.strip("/"):  # its pages link to each other from the root
        refuse(
            "web.base_url",
            "the desk stands at the root of a name, not under a path (give it a name of its own)",
        )
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
