"""What an HTTP address must be, to be asked: one form for each, and the reason where it is not asked at all.

Source: RFC 3986 (URLs), RFC 9110 4.2.4 (no user information in an http URL).
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from yarl import URL

from service.errors import UsageError
from service.fetch.guard import Guard

HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%[0-9a-z.]+)?", re.IGNORECASE)  # a name, or an address


def normal_url(url: str) -> str:
    """The URL as it is asked for: host in lower case and punycode, no default port, no fragment.

    Raises UsageError for what no host can be found in.
    """
    try:
        parsed = URL(url).with_fragment(None)
    except ValueError as error:
        raise UsageError(f"not a URL: {url!r} ({error})") from error
    if not HOST.fullmatch(parsed.raw_host or ""):  # some characters fold to blanks, commas or nothing
        raise UsageError(f"not a URL: {url!r} (there is no host in it)")
    return str(parsed.with_path(parsed.raw_path or "/", encoded=True, keep_query=True))


def refusal(url: URL, guard: Guard) -> str:
    """Why nothing is asked of this URL; "" if it may be asked."""
    if url.scheme not in ("http", "https"):
        return f"a redirect to {url.scheme or 'nowhere'}: is not followed"
    if url.user is not None or url.password is not None:
        return "a URL that carries a user or a password is not fetched (--auth-env VAR holds them)"
    host = url.raw_host or ""
    return guard.refusal(host, url.port) if HOST.fullmatch(host) else "a URL without a host"


def is_literal(host: str) -> bool:
    """Whether a host is an address already, and no name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
