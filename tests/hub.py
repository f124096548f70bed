"""A WebSub hub on loopback, as the recommendation describes one.

    with FeedServer() as feeds, Hub() as hub:
        feeds.serve("/wire", rss(...), headers=hub.headers(feeds.url("/wire")))
        ...                                      # somebody subscribes
        hub.wait_for("subscribe")                # and the hub has verified the intent
        assert hub.publish(topic, body) == 202

What it grants, refuses and signs can be set.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

import httpx

from tests.servers import DEADLINE, Answer, FeedServer, Request


@dataclass(slots=True)
class Subscriber:
    """Whom the hub tells."""

    callback: str
    topic: str
    secret: str


@dataclass(slots=True)
class Hub:
    """The hub; a context manager."""

    lease_seconds: int = 864_000
    denies: str = ""  # the reason; "": it grants
    status: int = 202
    method: str = "sha256"
    subscribers: dict[str, Subscriber] = field(default_factory=dict)  # by topic
    asked: list[dict[str, str]] = field(default_factory=list)  # the forms that came
    answers: list[tuple[str, int, str]] = field(default_factory=list)  # mode, status, body of each callback
    _server: FeedServer = field(default_factory=FeedServer)
    _heard: threading.Condition = field(default_factory=threading.Condition)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server.__enter__()
        self._server.script("/hub", self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for thread in self._threads:
            thread.join(DEADLINE)
        self._server.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        return self._server.url("/hub")

    @property
    def requests(self) -> list[Request]:
        return self._server.requests

    def headers(self, topic: str) -> dict[str, str | list[str]]:
        """The Link headers of a feed that is published here."""
        return {"Link": [f'<{self.url}>; rel="hub"', f'<{topic}>; rel="self"']}

    def wait_for(self, mode: str, times: int = 1) -> None:
        """Until the intent was verified, or refused, so many times."""
        with self._heard:
            assert self._heard.wait_for(
                lambda: sum(mode == one for one, _, _ in self.answers) >= times, DEADLINE
            ), self.answers

    def publish(self, topic: str, body: bytes, *, signature: str | None = None) -> int:
        """Bring `body` to whoever subscribed to the topic; the status of the answer."""
        to = self.subscribers[topic]
        signed = f"{self.method}={hmac.new(to.secret.encode(), body, self.method).hexdigest()}"
        headers = {
            b"Content-Type": b"application/rss+xml",
            b"X-Hub-Signature": (signed if signature is None else signature).encode(),
        }
        return httpx.post(to.callback, content=body, headers=headers, timeout=DEADLINE).status_code

    def _ask(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        self.asked.append(form)
        if self.status == 202:  # verified later, as hubs do
            thread = threading.Thread(target=self._verify, args=(form,))
            self._threads.append(thread)
            thread.start()
        return Answer(status=self.status)

    def _verify(self, form: dict[str, str]) -> None:
        mode = "denied" if self.denies else form["hub.mode"]
        query = {"hub.mode": mode, "hub.topic": form["hub.topic"]}
        query |= {"hub.reason": self.denies} if self.denies else {"hub.challenge": "c-4711"}
        if mode == "subscribe":
            query["hub.lease_seconds"] = str(self.lease_seconds)
        answer = httpx.get(form["hub.callback"], params=query, timeout=DEADLINE)
        if answer.status_code == 200 and answer.text == "c-4711":
            if mode == "subscribe":
                self.subscribers[form["hub.topic"]] = Subscriber(
                    form["hub.callback"], form["hub.topic"], form["hub.secret"]
                )
            else:
                self.subscribers.pop(form["hub.topic"], None)
        with self._heard:
            self.answers.append((mode, answer.status_code, answer.text))
            self._heard.notify_all()
