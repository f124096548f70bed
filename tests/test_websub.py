"""Hubs: subscribed to with proof of intent, believed with a signature, renewed, left, and never relied on."""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from service.actions import pushing, rounds, sources
from service.fetch import websub
from service.model import SourceState, Subscription, SubscriptionState
from tests.desk import desk
from tests.hub import Hub
from tests.newsroom import MARKET, PRICES, TRIP, Entry, Room, changed, newsroom, rss
from tests.servers import DEADLINE

pytestmark = pytest.mark.slow  # each starts a desk and a worker

KIM = '"Kim Jong Un" + Reise'
FAST, SLOW = timedelta(minutes=10), timedelta(minutes=55)


@dataclass(slots=True)
class Pushed:
    """A wire with a hub, and a monitor that the hub can reach."""

    room: Room
    hub: Hub
    topic: str

    def publish(self, *entries: Entry) -> int:
        return self.hub.publish(self.topic, rss(*entries))

    def state(self) -> Subscription | None:
        with self.room.app.store.read() as tx:
            return tx.subscriptions.of(self.room.source("wire").id)

    def rest(self) -> timedelta:
        """How long the source is left alone from now."""
        due = self.room.source("wire").next_poll_at
        assert due
        return due - self.room.app.store.now()

    def subscribe(self) -> None:
        assert pushing.subscribe(self.room.app) == 1
        self.hub.wait_for("subscribe")


@pytest.fixture
def pushed(tmp_path: Path) -> Iterator[Pushed]:
    with newsroom(tmp_path, poll={"every": "5m"}) as room, desk(room) as web, Hub() as hub:
        settings = msgspec.structs.replace(room.app.config.web, base_url=web.url)
        room.app.config = msgspec.structs.replace(room.app.config, web=settings)
        topic = room.feeds.url("/wire")
        room.feeds.serve("/wire", rss(MARKET), headers=hub.headers(topic))
        room.add_source("wire")
        room.add_rule(KIM)
        room.poll()
        yield Pushed(room, hub, topic)


# ---------------------------------------------------------------- subscribing


def test_the_hub_that_a_feed_names_is_asked_and_its_question_answered(pushed: Pushed) -> None:
    pushed.subscribe()
    (form,) = pushed.hub.asked
    assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", pushed.topic)
    assert form["hub.callback"].startswith(pushed.room.app.config.web.base_url + "/websub/")
    assert min(len(form["hub.secret"]), len(form["hub.callback"].rpartition("/")[2])) >= 43  # 256 bits
    assert int(form["hub.lease_seconds"]) == 864_000
    assert pushed.hub.answers == [("subscribe", 200, "c-4711")]
    known = pushed.state()
    assert known is not None
    assert known.state is SubscriptionState.ACTIVE
    assert known.lease_until
    assert known.lease_until - pushed.room.app.store.now() > timedelta(days=9)
    assert pushing.subscribe(pushed.room.app) == 0  # and then it is left in peace


def test_the_links_in_the_feed_itself_will_do(pushed: Pushed) -> None:
    room, hub = pushed.room, pushed.hub
    links = (
        f'<link xmlns="http://www.w3.org/2005/Atom" rel="hub" href="{hub.url}"/>'
        f'<link xmlns="http://www.w3.org/2005/Atom" rel="self" href="https://wire.example/self"/>'
    )
    room.feeds.serve("/inside", rss(MARKET).replace(b"<language>", links.encode() + b"<language>"))
    room.add_source("inside")
    room.poll("inside")
    assert pushing.subscribe(room.app) == 2
    assert {"https://wire.example/self", pushed.topic} == {form["hub.topic"] for form in hub.asked}


def test_credentials_of_the_feed_are_not_for_its_hub(pushed: Pushed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRE_LOGIN", "desk:geheim")
    sources.edit(pushed.room.app, "wire", auth_env="WIRE_LOGIN")
    pushed.subscribe()
    assert [request.headers.get("authorization") for request in pushed.hub.requests] == [None]


def test_without_an_address_from_outside_no_hub_is_asked(pushed: Pushed) -> None:
    app = pushed.room.app
    app.config = msgspec.structs.replace(app.config, web=msgspec.structs.replace(app.config.web, base_url=""))
    assert pushing.subscribe(app) == 0
    assert pushed.hub.asked == []


def test_a_hub_in_the_house_of_others_is_not_asked(tmp_path: Path) -> None:
    with newsroom(tmp_path, web={"base_url": "https://monitor.example"}) as room:
        links = {"Link": '<http://10.1.2.3/hub>; rel="hub"'}
        room.feeds.serve("/wire", rss(MARKET), headers=links)
        room.add_source("wire")
        room.poll()
        assert pushing.subscribe(room.app) == 1
        with room.app.store.read() as tx:
            known = tx.subscriptions.of(room.source("wire").id)
    assert known is not None
    assert known.reason == "10.1.2.3 is a private address (http.allowed_networks opens it)"


@pytest.mark.parametrize(
    "link", ["<http://[::1>; rel=hub", "<javascript:alert(1)>; rel=hub", "<>; rel=hub", "hub"]
)
def test_what_is_no_hub_harms_nobody(pushed: Pushed, link: str) -> None:
    room = pushed.room
    room.feeds.serve("/odd", rss(TRIP), headers={"Link": link})
    room.add_source("odd")
    assert room.poll("odd").failures == {}
    pushing.subscribe(room.app)
    assert room.source("odd").state is SourceState.OK


def test_a_hub_that_does_not_answer_is_asked_less_and_less(pushed: Pushed) -> None:
    pushed.hub.status = 500
    assert pushing.subscribe(pushed.room.app) == 1
    known = pushed.state()
    assert known is not None
    assert known.due_at
    assert (known.state, known.reason) == (
        SubscriptionState.ASKED,
        "the server answers 500 Internal Server Error",
    )
    assert known.due_at - pushed.room.app.store.now() > timedelta(minutes=59)
    with pushed.room.app.store.begin() as tx:
        tx.subscriptions.due(known.due_at, 1)
    again = pushed.state()
    assert again is not None
    assert again.due_at == known.due_at + timedelta(hours=2)


def test_a_hub_may_say_no(pushed: Pushed) -> None:
    pushed.hub.denies = "members only"
    assert pushing.subscribe(pushed.room.app) == 1
    pushed.hub.wait_for("denied")
    known = pushed.state()
    assert known is not None
    assert (known.state, known.reason) == (SubscriptionState.DENIED, "members only")
    assert pushing.subscribe(pushed.room.app) == 0
    assert pushed.rest() < FAST


@pytest.mark.parametrize(
    "lie",
    [
        {"hub.topic": "https://other.example/feed"},
        {"hub.mode": "unsubscribe"},
        {"hub.lease_seconds": "0"},
        {"hub.lease_seconds": "soon"},
        {"hub.mode": "explode"},
    ],
)
def test_what_was_not_asked_for_is_not_confirmed(pushed: Pushed, lie: dict[str, str]) -> None:
    pushed.subscribe()
    callback = pushed.hub.asked[0]["hub.callback"]
    asked = {
        "hub.mode": "subscribe",
        "hub.topic": pushed.topic,
        "hub.challenge": "<script>",
        "hub.lease_seconds": "60",
    }
    before = pushed.state()
    answer = httpx.get(callback, params=asked | lie)
    assert (answer.status_code, "<script>" in answer.text) == (404, False)
    assert pushed.state() == before
    assert httpx.get(callback + "x", params=asked).status_code == 404


# ---------------------------------------------------------------- what is brought


def test_what_a_hub_brings_is_told_at_once_and_is_known_to_the_next_poll(pushed: Pushed) -> None:
    pushed.subscribe()
    assert pushed.publish(TRIP, PRICES) == 202
    rounds.deliver(pushed.room.app)
    assert [TRIP.headline] == pushed.room.told()
    pushed.room.feeds.serve("/wire", rss(TRIP, PRICES, MARKET), headers=pushed.hub.headers(pushed.topic))
    assert pushed.room.poll().items == 0
    assert pushed.publish(TRIP) == 202
    assert [TRIP.headline] == pushed.room.told()


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_all_signatures_of_the_standard_are_understood(pushed: Pushed, method: str) -> None:
    pushed.hub.method = method
    pushed.subscribe()
    assert pushed.publish(TRIP) == 202
    assert pushed.room.source("wire").last_item_at != pushed.room.source("wire").added_at
    with pushed.room.app.store.read() as tx:
        assert TRIP.headline in {item.headline for item in tx.items.scan()}


def test_what_is_not_signed_is_taken_with_a_smile_and_thrown_away(pushed: Pushed) -> None:
    """8.1: the subscriber answers 2xx, so that nobody learns a signature by trying."""
    pushed.subscribe()
    body = rss(TRIP)
    secret = pushed.hub.subscribers[pushed.topic].secret
    other = hmac.new(secret.encode(), body + b" ", "sha256").hexdigest()
    md5 = hmac.new(secret.encode(), body, "md5").hexdigest()
    for signature in ("", "sha256=", f"sha256={other}", f"md5={md5}", "sha256=ß", "nonsense"):
        assert pushed.hub.publish(pushed.topic, body, signature=signature) == 202
    with pushed.room.app.store.read() as tx:
        assert {MARKET.headline} == {item.headline for item in tx.items.scan()}
    assert pushed.room.source("wire").state is SourceState.OK


def test_nobody_else_is_listened_to(pushed: Pushed) -> None:
    pushed.subscribe()
    callback = pushed.hub.subscribers[pushed.topic].callback
    assert httpx.post(callback + "x", content=rss(TRIP)).status_code == 410
    assert httpx.post(callback, content=b"x" * 10_000_001).status_code == 413


def test_a_hub_that_comes_while_the_source_is_polled_is_to_come_again(pushed: Pushed) -> None:
    pushed.subscribe()
    app = pushed.room.app
    with app.store.begin() as tx:
        (held,) = tx.sources.claim_all(app.store.now(), timedelta(minutes=1), app.node.id)
    assert pushed.publish(TRIP) == 503
    with app.store.begin() as tx:
        tx.sources.release(app.node.id)
    assert held.name == "wire"
    assert pushed.publish(TRIP) == 202


def test_an_old_entry_that_changed_may_come_alone(pushed: Pushed) -> None:
    """A poll that brought only this would be an old copy of the feed."""
    pushed.subscribe()
    old = changed(PRICES, at=pushed.room.app.store.now() - timedelta(days=2))
    assert pushed.publish(old) == 202
    assert pushed.publish(old) == 202
    assert pushed.room.source("wire").state is SourceState.OK
    assert pushed.room.source("wire").last_error == ""


def test_nonsense_with_a_signature_is_a_failure_with_a_reason(pushed: Pushed) -> None:
    pushed.subscribe()
    assert pushed.hub.publish(pushed.topic, b"\x00\x01\x02") == 202
    assert pushed.room.source("wire").last_error
    assert pushed.room.poll().failures == {}
    assert pushed.room.source("wire").last_error == ""


# ---------------------------------------------------------------- how far a hub is trusted


def test_polling_slows_down_only_once_the_hub_has_brought_something(pushed: Pushed) -> None:
    pushed.subscribe()
    pushed.room.poll()
    assert pushed.rest() < FAST
    pushed.publish(TRIP)
    assert pushed.rest() < FAST  # the look that was due before is not put off
    pushed.room.poll()
    assert SLOW < pushed.rest() < timedelta(hours=1, minutes=10)


def test_a_hub_that_misses_something_is_trusted_no_more(pushed: Pushed) -> None:
    pushed.subscribe()
    pushed.publish(TRIP)
    pushed.room.feeds.serve("/wire", rss(PRICES, TRIP, MARKET), headers=pushed.hub.headers(pushed.topic))
    assert pushed.room.poll().items == 1
    assert pushed.rest() < FAST
    pushed.room.poll()
    assert pushed.rest() < FAST


def test_an_interval_that_was_set_is_kept(pushed: Pushed) -> None:
    sources.edit(pushed.room.app, "wire", every=timedelta(seconds=60))
    pushed.subscribe()
    pushed.publish(TRIP)
    pushed.room.poll()
    assert pushed.rest() < timedelta(seconds=61)


# ---------------------------------------------------------------- renewing and leaving


def test_a_lease_is_renewed_before_it_ends(pushed: Pushed) -> None:
    pushed.hub.lease_seconds = 2
    pushed.subscribe()
    first = pushed.state()
    assert first is not None
    assert first.due_at
    assert first.lease_until
    assert first.due_at < first.lease_until
    pushed.hub.lease_seconds = 1000
    deadline = time.monotonic() + DEADLINE
    while not pushing.subscribe(pushed.room.app) and time.monotonic() < deadline:
        time.sleep(0.05)
    pushed.hub.wait_for("subscribe", 2)
    renewed = pushed.state()
    assert renewed is not None
    assert renewed.lease_until
    assert renewed.lease_until > first.lease_until
    assert renewed.token == first.token
    assert len({form["hub.callback"] for form in pushed.hub.asked}) == 1


def test_a_subscription_outlives_a_restart(pushed: Pushed) -> None:
    pushed.subscribe()
    known = pushed.state()
    pushed.room.restart()
    assert pushed.state() == known
    assert pushing.subscribe(pushed.room.app) == 0


@pytest.mark.parametrize("end", ["pause", "remove"])
def test_who_is_not_polled_any_more_is_not_brought_anything(pushed: Pushed, end: str) -> None:
    app = pushed.room.app
    pushed.subscribe()
    (sources.pause if end == "pause" else sources.remove)(app, "wire")
    assert pushing.subscribe(app) == 1
    assert pushed.hub.asked[-1]["hub.mode"] == "unsubscribe"
    assert "hub.secret" not in pushed.hub.asked[-1]
    callback = pushed.hub.asked[0]["hub.callback"]
    pushed.hub.wait_for("unsubscribe")
    assert pushed.hub.answers[-1] == ("unsubscribe", 200, "c-4711")
    assert httpx.post(callback, content=rss(TRIP)).status_code == 410
    assert pushing.subscribe(app) == 0


def test_a_feed_that_names_its_hub_no_more_leaves_it(pushed: Pushed) -> None:
    pushed.subscribe()
    pushed.publish(TRIP)
    pushed.room.feeds.serve("/wire", rss(TRIP, MARKET))
    pushed.room.poll()
    assert pushed.room.source("wire").pushed_until is None
    assert pushing.subscribe(pushed.room.app) == 1
    pushed.hub.wait_for("unsubscribe")
    assert pushed.state() is None


def test_a_hub_that_does_not_let_go_is_forgotten(pushed: Pushed) -> None:
    app = pushed.room.app
    pushed.subscribe()
    sources.remove(app, "wire")
    pushed.hub.status = 500
    now = app.store.now()
    for day in range(5):
        with app.store.begin() as tx:
            tx.subscriptions.due(now + timedelta(days=day), 9)
    with app.store.read() as tx:
        assert tx.subscriptions.counts() == {}


def test_another_hub_gets_another_address(pushed: Pushed) -> None:
    pushed.subscribe()
    with Hub() as other:
        pushed.room.feeds.serve("/wire", rss(PRICES, MARKET), headers=other.headers(pushed.topic))
        pushed.room.poll()
        assert pushing.subscribe(pushed.room.app) == 1
        other.wait_for("subscribe")
        assert other.publish(pushed.topic, rss(TRIP)) == 202
        assert pushed.publish(TRIP) == 410


def test_an_address_is_joined_to_the_one_from_outside() -> None:
    assert websub.address("https://monitor.example/desk/", "abc") == "https://monitor.example/desk/websub/abc"
