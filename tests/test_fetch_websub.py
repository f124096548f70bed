"""What is believed of a hub: a signature with the shared secret, and an agreement to what was asked for."""

from __future__ import annotations

import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fetch import websub
from service.model import Subscription, SubscriptionState

TOPIC = "https://wire.example/feed"
SECRETS = st.text("abcXYZ-_0", min_size=1, max_size=50)  # as we make them; an HMAC ignores zeros at the end
METHODS = st.sampled_from(sorted(websub.HASHES))


def signed(secret: str, body: bytes, method: str) -> str:
    return f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"


def subscription(state: SubscriptionState = SubscriptionState.ASKED) -> Subscription:
    return Subscription(source=1, hub="https://hub.example/", topic=TOPIC, token="t", secret="s", state=state)


@given(SECRETS, st.binary(), METHODS)
def test_who_knows_the_secret_is_believed(secret: str, body: bytes, method: str) -> None:
    assert websub.is_signed(secret, body, signed(secret, body, method))
    assert websub.is_signed(
        secret, body, signed(secret, body, method).upper().replace(method.upper(), method)
    )


@given(SECRETS, SECRETS, st.binary(), METHODS)
def test_who_knows_another_secret_is_not(secret: str, other: str, body: bytes, method: str) -> None:
    header = signed(other, body, method)
    assert websub.is_signed(secret, body, header) == (secret == other)


@given(st.binary(), st.binary(), METHODS)
def test_a_signature_is_for_one_body(body: bytes, other: bytes, method: str) -> None:
    assert websub.is_signed("s", body, signed("s", other, method)) == (body == other)


@given(st.text())
def test_no_header_makes_it_fail(header: str) -> None:
    assert not websub.is_signed("s", b"body", header)


@pytest.mark.parametrize(
    ("seconds", "lease"),
    [
        ("3600", timedelta(hours=1)),
        ("864000", timedelta(days=10)),
        ("99999999999999999999", websub.LONGEST_LEASE),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_a_lease_is_a_number_of_seconds_within_reason(seconds: str, lease: timedelta | None) -> None:
    assert websub.agreed(subscription(), {"hub.topic": TOPIC, "hub.lease_seconds": seconds}) == lease


@pytest.mark.parametrize("state", SubscriptionState)
def test_only_what_was_asked_for_is_agreed_to(state: SubscriptionState) -> None:
    wanted = state in {SubscriptionState.ASKED, SubscriptionState.ACTIVE}
    query = {"hub.topic": TOPIC, "hub.lease_seconds": "60"}
    assert bool(websub.agreed(subscription(state), query)) == wanted
    assert websub.agreed(subscription(state), query | {"hub.topic": TOPIC + "/"}) is None
