"""How long a message takes from the dispatcher to the server that took it: `python -m tests.bench.delivery`.

Both ends run in this process on loopback, so the figures are an order of magnitude, and an upper bound.
"""

from __future__ import annotations

import statistics
import threading
import time
from datetime import UTC, datetime, timedelta

from service.deliver.dispatch import Dispatcher
from service.deliver.render import render
from service.model import (
    Attempt,
    Channel,
    Delivery,
    DeliveryKind,
    Evidence,
    Item,
    Message,
    Notice,
    Telling,
    Verdict,
)
from tests.inbox import HookServer, MailServer

MAILS = 500
HEADLINE = "Minister bricht zu einer Auslandsreise auf"
BODY = "Der Minister ist am Morgen zu einer Auslandsreise aufgebrochen. " * 20
START = BODY.index("Auslandsreise")


def written(number: int) -> Message:
    """An alert as the pipeline would have it rendered."""
    evidence = Evidence("body", START, START + 13, "Auslandsreise", "Reise", "compound")
    notice = Notice(
        kind=DeliveryKind.ALERT,
        delivery=number,
        channel="desk",
        item=Item(headline=HEADLINE, body=BODY, story=number, link="https://wire.example.org/1"),
        source="Wire",
        tellings=(Telling(rule="Reisen", evidence=(evidence,)),),
        now=datetime.now(UTC),
    )
    return render(notice, Channel(name="desk", url="console://"))


def run(name: str, url: str) -> None:
    """Send one after the other, as fast as the channel takes them, and print the figures."""
    dispatcher = Dispatcher({"desk": Channel(name="desk", url=url, rate=100_000)})
    done = threading.Semaphore(0)
    took: list[float] = []

    def record(_delivery: Delivery, attempt: Attempt) -> None:
        assert attempt.outcome.verdict is Verdict.SENT, attempt.outcome
        took.append(attempt.took / timedelta(milliseconds=1))
        done.release()

    messages = [written(number) for number in range(MAILS)]
    began = time.perf_counter()
    for number, message in enumerate(messages):
        dispatcher.send(
            Delivery(channel="desk", recipient="", id=number, attempts=1, message=message), record
        )
        done.acquire()
    wall = time.perf_counter() - began
    dispatcher.close(5)
    cuts = statistics.quantiles(took, n=100)
    rate = MAILS / wall
    print(f"{name:8} {rate:6.0f}/s   p50 {cuts[49]:.2f} ms   p99 {cuts[98]:.2f} ms   max {max(took):.1f} ms")


def main() -> None:
    """All channels that can be measured on loopback."""
    began = time.perf_counter()
    for number in range(MAILS):
        written(number)
    print(f"render   {MAILS / (time.perf_counter() - began):6.0f}/s")
    with MailServer() as mail, HookServer() as hooks:
        run("mail", f"smtp://{mail.host}:{mail.port}?from=monitor@example.org&to=desk@example.org")
        assert mail.connections == MAILS // 50
        run("webhook", hooks.url() + "?secret=a-long-secret")
        run("apprise", hooks.url("json"))


if __name__ == "__main__":
    main()
