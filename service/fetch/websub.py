"""WebSub: hubs that tell us what is new, so that it need not be asked for.

    a feed names its hub and itself       Link headers, or <link rel="hub"> and <link rel="self">
    we ask the hub                        POST hub.mode=subscribe, our address, a secret
    the hub asks whether that was us      GET ADDRESS?hub.challenge=…, which is sent back
    something is new                      POST ADDRESS, signed with the secret

Our address holds a token that nobody can guess. Polling goes on at a slower pace: a hub may forget us.

Source: WebSub, W3C Recommendation, 23 January 2018; RFC 2104 (HMAC).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta

from service.errors import UsageError
from service.fetch.addresses import normal_url
from service.fetch.http import Client
from service.model import Failure, Source, Subscription, SubscriptionState

LEASE = timedelta(days=10)  # what is asked for; the hub decides
LONGEST_LEASE = timedelta(days=30)  # what is believed: a hub that forgets us is noticed by then
RENEWED = 2 / 3  # of the lease, so that a hub may be away for the rest of it
DENIED_FOR = timedelta(days=7)
HASHES = frozenset({"sha1", "sha256", "sha384", "sha512"})  # 8.1; as an HMAC SHA-1 is not broken


def address(base_url: str, token: str) -> str:
    """Where the hub calls us."""
    return f"{base_url.rstrip('/')}/websub/{token}"


def ask(client: Client, one: Subscription, callback: str) -> str:
    """Why the hub could not be asked; "" where it was. Whether it will it says by calling us (5.1, 5.3)."""
    leaving = one.state is SubscriptionState.LEAVING
    form = {
        "hub.mode": "unsubscribe" if leaving else "subscribe",
        "hub.topic": one.topic,
        "hub.callback": callback,
    }
    if not leaving:
        form |= {"hub.secret": one.secret, "hub.lease_seconds": f"{LEASE.total_seconds():.0f}"}
    try:  # as a source of its own: the feed's credentials are not for its hub
        hub = Source(name="hub", url=normal_url(one.hub))
    except UsageError as error:
        return str(error)
    result = client.start(hub, method="POST", form=form).result()
    return result.reason if isinstance(result, Failure) else ""


def agreed(one: Subscription, query: Mapping[str, str]) -> timedelta | None:
    """For how long the hub will tell us, where that is what was asked for (5.3); None where it is not."""
    seconds = query.get("hub.lease_seconds", "")
    wanted = one.state in {SubscriptionState.ASKED, SubscriptionState.ACTIVE}
    if not wanted or query.get("hub.topic") != one.topic or not seconds.isdecimal():
        return None
    lease = timedelta(seconds=min(int(seconds[:12]), LONGEST_LEASE.total_seconds()))
    return lease or None


def is_signed(secret: str, body: bytes, header: str) -> bool:
    """Whether `header`, X-Hub-Signature, was made from the body by somebody who knows the secret (8)."""
    method, _, signature = header.partition("=")
    if method not in HASHES:
        return False
    expected = hmac.new(secret.encode(), body, method).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.strip().lower().encode())
