"""The file itself: where it is found, and how it is read; every error names its key.

Strict: an unknown key is an error, since a setting that is silently ignored is a night without alerts.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from service.config.checks import check
from service.config.tables import Agency, ChannelTable, Config, Route
from service.errors import ConfigError
from service.quantities import READERS

SEARCHED = ("./config.toml", "~/.config/monitor/config.toml", "/etc/monitor/config.toml")
KINDS = {
    "`object`": "a table",
    "`array`": "a list",
    "`str`": "a text",
    "`int`": "a number",
    "`bool`": "true or false",
}


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
    check(config)
    return config


def _decode(kind: type, value: object) -> object:
    """Hook of msgspec for our own types; it adds the key to a ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"expected a text in quotes, got {value!r}")  # noqa: TRY004 - msgspec wants it
    return READERS[kind](value)


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


def example() -> str:
    """The commented file that `monitor init` writes: `config.example.toml`, as it was shipped."""
    here = Path(__file__).parent.parent
    shipped = here / "config.example.toml"  # in an installed package
    return (shipped if shipped.is_file() else here.parent / shipped.name).read_text(encoding="utf-8")
