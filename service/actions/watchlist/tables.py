"""The file of a watchlist: TOML in, its tables out, and back.

    [sources.portal]
    url = "https://www.example.org/news.rss"
    tags = ["politics"]

    [rules.kim]
    query = '"Kim Jong Un" + "Reise"'
    to = ["mail:night"]

A table is a thing under its name, a key is what the option of the same name says on the command line. A key
that is left out has its default, but for the switches `paused` and `enabled`: without them, what somebody
has switched stays as it is. Strict, as the configuration: an unknown key is an error.

Source: TOML 1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, structs

from service.config.file import KINDS
from service.errors import NotFoundError, PlaceError, QueryError, UsageError
from service.model import Source

ZONE = Source(name="", url="").timezone
WIDEST = 100  # columns of a line; a longer list has a line for each of its texts
PLAIN_KEY = re.compile("[A-Za-z0-9_-]+")
SHORT = {"\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}
HEAD = """\
# What this desk watches, and whom it tells. `monitor apply FILE` makes the desk so.
# A key is the option of the same name; what is left out has its default.
"""


class Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A thing of the file, under its name."""


class SourceTable(Table, frozen=True):
    """As `add-source` takes it."""

    url: str
    every: str = ""
    cron: str = ""
    lang: str = ""
    format: str = ""
    timezone: str = ZONE
    tags: tuple[str, ...] = ()
    auth_env: str = ""
    paused: bool | None = None  # None: as it is


class PersonTable(Table, frozen=True):
    """As `add-person` takes it."""

    addresses: tuple[str, ...]  # CHANNEL:ADDRESS
    lang: str = ""
    timezone: str = ""


class GroupTable(Table, frozen=True):
    """As `add-group` takes it."""

    members: tuple[str, ...]


class ListTable(Table, frozen=True):
    """As `add-list` takes it."""

    terms: tuple[str, ...]


class RuleTable(Table, frozen=True):
    """As `add-rule` takes it."""

    query: str
    to: tuple[str, ...] = ()
    priority: str = "normal"
    lang: str = ""
    digest: str = ""
    on: str = "new"
    tags: tuple[str, ...] = ()
    escalate: tuple[str, ...] = ()
    enabled: bool | None = None  # None: as it is


# In the order in which a desk reads them.
TABLES: Mapping[str, type[Table]] = {
    "sources": SourceTable,
    "people": PersonTable,
    "groups": GroupTable,
    "lists": ListTable,
    "rules": RuleTable,
}
UNSAID = {"paused": False, "enabled": True}  # where a switch usually stands

Watchlist: TypeAlias = Mapping[str, Mapping[str, Table]]  # kind -> name -> table


@contextmanager
def placed(file: str, key: str) -> Iterator[None]:
    """What is refused within is refused at that place of the file."""
    try:
        yield
    except PlaceError:
        raise
    except QueryError as error:
        place = error.place or f"{file}: {key}"
        raise QueryError(error.problem, error.text, error.span, error.hint, place=place) from error
    except (UsageError, NotFoundError) as error:
        raise PlaceError(file, key, str(error)) from error


# ---------------------------------------------------------------- in


def read(body: bytes, file: str) -> Watchlist:
    """The tables of a file by kind and name; raises PlaceError that names the file, the key and a way out."""
    try:
        whole = tomllib.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PlaceError(file, "", "not TOML: it is no UTF-8") from error
    except RecursionError as error:
        raise PlaceError(file, "", "not TOML: it nests too deep") from error
    except tomllib.TOMLDecodeError as error:
        raise PlaceError(file, "", f"not TOML: {error}") from error
    _check_keys(file, "", whole, TABLES)
    found: dict[str, dict[str, Table]] = {}
    for kind, table in TABLES.items():
        things = whole.get(kind, {})
        if not isinstance(things, dict):
            raise PlaceError(file, kind, f"expected tables, as in [{kind}.NAME]")
        found[kind] = {name: _read(file, f"{kind}.{name}", entry, table) for name, entry in things.items()}
    return found


def _read(file: str, place: str, entry: object, table: type[Table]) -> Table:
    """One thing of the file."""
    if not isinstance(entry, dict):
        raise PlaceError(file, place, f"expected a table, as in [{place}]")
    _check_keys(file, place, entry, table.__struct_fields__)
    for field in structs.fields(table):
        if field.required and field.name not in entry:
            raise PlaceError(file, place, f"lacks {field.name} (write {field.name} = …)")
    try:
        read = msgspec.convert(entry, table)
    except msgspec.ValidationError as error:
        problem, _, at = str(error).partition(" - at ")
        key = ".".join(filter(None, (place, at.strip("`").removeprefix("$").lstrip("."))))
        said = re.sub("`([a-z]+)`", lambda kind: KINDS.get(kind[0], kind[1]), problem)
        raise PlaceError(file, key, said[:1].lower() + said[1:]) from error
    if any("\0" in text for text in (place, *_texts(read))):  # no database holds that
        raise PlaceError(file, place, "a text holds no NUL character")
    return read


def _texts(table: Table) -> Iterator[str]:
    for value in keys(table).values():
        yield from value if isinstance(value, tuple) else (str(value),)


def _check_keys(file: str, place: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Nothing, if all keys are known; else the first that is not, and what may have been meant."""
    names = list(known)
    for key in given:
        if key not in names:
            close = get_close_matches(key, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there is: {', '.join(names)}"
            raise PlaceError(file, ".".join(filter(None, (place, key))), f"unknown key ({hint})")


# ---------------------------------------------------------------- out


def write(watchlist: Watchlist) -> str:
    """The file of these tables; reading it gives the same again."""
    blocks = [
        "\n".join([f"[{kind}.{_key(name)}]", *_lines(table)])
        for kind in TABLES
        for name, table in watchlist[kind].items()
    ]
    return "\n\n".join([HEAD.rstrip(), *blocks]) + "\n"


def keys(table: Table) -> dict[str, Any]:
    """All that a table says, in the order of its keys."""
    return structs.asdict(table)


def said(table: Table) -> dict[str, Any]:
    """What a table says beside the defaults, in the order of its keys."""
    defaults = {field.name: field.default for field in structs.fields(table)} | UNSAID
    return {key: value for key, value in keys(table).items() if value not in (None, defaults[key])}


def _lines(table: Table) -> Iterator[str]:
    for key, value in said(table).items():
        if isinstance(value, tuple):
            words = [_text(one) for one in value]
            line = f"{key} = [{', '.join(words)}]"
            yield (
                line
                if len(line) <= WIDEST
                else "\n".join([f"{key} = [", *(f"    {word}," for word in words), "]"])
            )
        else:
            yield f"{key} = {str(value).lower() if isinstance(value, bool) else _text(value)}"


def _key(name: str) -> str:
    return name if PLAIN_KEY.fullmatch(name) else _quoted(name)


def _text(text: str) -> str:
    """The text as TOML has it; a query with its quotes as it stands, where that can be."""
    literal = ('"' in text or "\\" in text) and "'" not in text and text.isprintable()
    return f"'{text}'" if literal else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(one: str) -> str:
    """A character of a basic string; what an editor or a terminal would not show is escaped."""
    if one in SHORT:
        return f"\\{SHORT[one]}"
    return one if one.isprintable() else f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"
