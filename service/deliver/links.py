"""Signed links in messages: what a reader may do without signing in, and nothing else.

A token names one thing to do about one message, until a date, and a keyed hash of that (HMAC-SHA256, RFC
2104, cut to 128 bits). The address only ever shows a page with a button: mail scanners follow links.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from service.errors import UsageError
from service.model import DeliveryKind

VALID = timedelta(days=30)
SIGNATURE_BYTES = 16
PATH = "/l/"
TOKEN = re.compile(rf"{PATH}[\w.-]+")


class Does(StrEnum):
    """What a link does, once its button is pressed."""

    ACKNOWLEDGE = "acknowledge"
    NOT_RELEVANT = "not relevant"
    MUTE = "mute"
    UNSUBSCRIBE = "unsubscribe"


# What may be done about many stories at once, and about one that was withdrawn; about others all.
MAY = {
    DeliveryKind.DIGEST: (Does.ACKNOWLEDGE, Does.UNSUBSCRIBE),
    DeliveryKind.RETRACTION: (Does.UNSUBSCRIBE,),
}

CODES = {Does.ACKNOWLEDGE: "a", Does.NOT_RELEVANT: "n", Does.MUTE: "m", Does.UNSUBSCRIBE: "u"}
MEANINGS = {code: does for does, code in CODES.items()}


@dataclass(frozen=True, slots=True)
class Link:
    """One thing to do about a delivery, in the name of whoever got it."""

    does: Does
    delivery: int
    until: datetime


def sign(link: Link, key: bytes) -> str:
    """The token: letters, digits, `.`, `-` and `_`."""
    said = f"{CODES[link.does]}.{link.delivery}.{int(link.until.timestamp())}"
    return f"{said}.{_signature(said, key)}"


def read(token: str, key: bytes, now: datetime) -> Link:
    """The link that a token carries; raises UsageError for one that is not ours, or too old."""
    said, _, signature = token.rpartition(".")
    parts = said.split(".")
    if len(parts) != 3 or not hmac.compare_digest(signature.encode(), _signature(said, key).encode()):
        raise UsageError("this link is not one of ours (was it copied whole?)")
    code, delivery, until = parts
    link = Link(MEANINGS[code], int(delivery), datetime.fromtimestamp(int(until), UTC))
    if now > link.until:
        raise UsageError("this link is too old (sign in to the monitor, or ask the desk)")
    return link


def addresses(
    delivery: int, key: bytes, base_url: str, now: datetime, does: Iterable[Does] = Does
) -> Mapping[str, str]:
    """An address for each thing that a reader may do about a message; none where no pages are served."""
    if not base_url:
        return {}
    until, root = now + VALID, base_url.rstrip("/")
    return {each.value: f"{root}{PATH}{sign(Link(each, delivery, until), key)}" for each in does}


def keyless(text: str) -> str:
    """The text of a message without what its links are opened by: others read it than whom it was sent to."""
    return TOKEN.sub(f"{PATH}…", text)


def _signature(said: str, key: bytes) -> str:
    digest = hmac.new(key, said.encode(), sha256).digest()[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
