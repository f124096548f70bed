"""The credentials of a source, as request headers, from the environment variable that it names.

The value is `user:password` (Basic, RFC 7617), `Bearer TOKEN` (RFC 6750), or lines of `Header: value`. The
line `Client-Certificate: /path.pem` names a file with certificate and key, `Client-Key: /path.pem` one with
the key alone; neither is sent as a header. All of it is read anew for each fetch, kept nowhere, and no
message repeats any of it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

HEADER_LINE = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): +(\S.*)"
)  # a colon and a blank: no password is meant
FORMS = "user:password, Bearer TOKEN, or lines of Header: value"
CERTIFICATE, KEY = "client-certificate", "client-key"
SCHEME = re.compile(r"(?:Basic|Bearer|Token|ApiKey) \S.*", re.IGNORECASE)


class NoCredentials(Exception):  # noqa: N818 - `str()` is the reason, and the way out
    """The variable is not set, or holds nothing that can be sent."""


def headers(variable: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The headers that carry the credentials; none for an empty name. Raises NoCredentials."""
    if not variable:
        return {}
    value = _value(variable, environment, "the credentials")
    if found := _lines(value):
        return {name: each for name, each in found.items() if name.lower() not in (CERTIFICATE, KEY)}
    if ":" in value and value.isprintable():
        return {"Authorization": "Basic " + base64.b64encode(value.encode()).decode()}
    raise NoCredentials(f"the environment variable {variable} holds no credentials ({FORMS})")


def certificate(variable: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The files of the client's certificate and of its key, often the same one; None where there is none."""
    found = {name.lower(): value for name, value in _lines(environment.get(variable, "")).items()}
    return (found[CERTIFICATE], found.get(KEY, found[CERTIFICATE])) if CERTIFICATE in found else None


def login(variable: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password, for what is no HTTP; None for an empty name. Raises NoCredentials."""
    if not variable:
        return None
    user, colon, password = _value(variable, environment, "user:password").partition(":")
    if not colon or not user.isprintable() or not password.isprintable():
        raise NoCredentials(f"the environment variable {variable} does not hold user:password")
    return user, password


def _value(variable: str, environment: Mapping[str, str], what: str) -> str:
    """What the variable holds; raises NoCredentials where that is nothing."""
    if value := environment.get(variable, "").strip():
        return value
    raise NoCredentials(f"the environment variable {variable} is not set (it holds {what})")


def _lines(value: str) -> dict[str, str]:
    """The headers that `value` spells out; none where it is a user and a password, or cannot be sent."""
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    if not all(line.isprintable() and line.isascii() for line in lines):
        return {}
    if len(lines) == 1 and SCHEME.fullmatch(lines[0]):
        return {"Authorization": lines[0]}
    matches = [match for line in lines if (match := HEADER_LINE.fullmatch(line))]
    return {match[1]: match[2] for match in matches} if len(matches) == len(lines) else {}
