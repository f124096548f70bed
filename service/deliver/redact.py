"""Reasons that may be shown: one line, no control characters, no secret; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

LONGEST = 200  # characters of a reason: it stands in a table and in a log line
SECRET = 6  # characters from which a part of a channel's URL is taken for a secret

MAIL = frozenset({"smtp", "smtps", "mailto", "mailtos"})  # their only secret is the password
HOOK = frozenset({"webhook", "webhooks"})  # their host is an address


def secrets(url: str) -> frozenset[str]:
    """The parts of a channel's URL that no reason may show, as written and decoded.

    Services hide tokens anywhere in it (host, path, query), so all of it counts but short words.
    """
    scheme, _, rest = url.partition("://")
    if not rest:  # "slack://": a name, and nothing to hide
        return frozenset()
    try:
        parts = urlsplit("//" + rest)
        named = {parts.password or ""}
        if scheme.lower() not in MAIL:
            named |= {parts.username or "", *parts.path.split("/"), *parts.query.split("&")}
            named |= {value for _, value in parse_qsl(parts.query)}
        if scheme.lower() not in MAIL | HOOK:
            named |= {parts.netloc, parts.hostname or ""}
    except ValueError:  # brackets that are no IPv6 address
        named = set(re.split(r"[/@:?&=]", rest))
    whole = {text for part in named for text in (part, unquote(part))} | {url, rest}
    return frozenset(text for text in whole if len(text) >= SECRET)


def line(text: object, hidden: Iterable[str] = ()) -> str:
    """`text` as one short line, with every `hidden` part replaced by `***`."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    for secret in sorted(hidden, key=len, reverse=True):
        said = said.replace(secret, "***")
    said = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return said if len(said) <= LONGEST else said[: LONGEST - 1].rstrip() + "…"
