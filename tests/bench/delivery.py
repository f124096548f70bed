"""What delivering costs, and what a storm, an outage and dead channels do: `python -m tests.bench.delivery`.

Both ends run in this process on loopback, so the figures are an order of magnitude, and an upper bound.
Storms and outages run on a clock that is moved: their minutes take seconds, their messages are real.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from service import config
from service.actions import rules
from service.app import App, build
from service.daemon import Daemon
from service.deliver.dispatch import Dispatcher
from service.deliver.render import render
from service.model import (
    Attempt,
    Channel,
    Cursor,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Document,
    Evidence,
    Fetched,
    Item,
    Message,
    Notice,
    Priority,
    Rule,
    Source,
    Telling,
    Verdict,
)
from service.rules.grammar import parse
from tests.inbox import HookServer, MailServer
from tests.newsroom import Entry, rss
from tests.test_policies import Shifted, stories

MAILS = 500
HEADLINE = "Minister bricht zu einer Auslandsreise auf"
BODY = "Der Minister ist am Morgen zu einer Auslandsreise aufgebrochen. " * 20
START = BODY.index("Auslandsreise")
HITS = 1000  # of a storm
STEPS = 30  # of its minute
RATE = 50  # stored items a second
ITEMS = 400
BATCH = 5  # items of a document that is stored whole
BACKLOG = 5000
HOLES = 8


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


def spread(took: Sequence[float]) -> str:
    """Milliseconds as the middle, the hundredth worst and the worst."""
    cuts = statistics.quantiles(took, n=100)
    return f"p50 {cuts[49]:.1f} ms   p99 {cuts[98]:.1f} ms   max {max(took):.1f} ms"


# ---------------------------------------------------------------- one channel


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
        dispatcher.send(Delivery(channel="desk", id=number, attempts=1, message=message), record)
        done.acquire()
    wall = time.perf_counter() - began
    dispatcher.close(5)
    print(f"{name:10} {MAILS / wall:6.0f}/s   {spread(took)}")


def drivers() -> None:
    """All channels that can be measured on loopback."""
    began = time.perf_counter()
    for number in range(MAILS):
        written(number)
    print(f"render     {MAILS / (time.perf_counter() - began):6.0f}/s")
    with MailServer() as mail, HookServer() as hooks:
        run("mail", f"smtp://{mail.host}:{mail.port}?from=monitor@example.org&to=desk@example.org")
        assert mail.connections == MAILS // 50
        run("webhook", hooks.url() + "?secret=a-long-secret")
        run("apprise", hooks.url("json"))


def isolation() -> None:
    """Eight channels that take a connection and never answer, and a ninth that works."""
    with HookServer() as hole, HookServer() as hooks:
        hole.answer(*[200] * 1000, hang=True)
        channels = {f"hole-{n}": Channel(name=f"hole-{n}", url=hole.url(), rate=1000) for n in range(HOLES)}
        channels["ninth"] = Channel(name="ninth", url=hooks.url(), rate=100_000)
        dispatcher = Dispatcher(channels)
        began: dict[int, float] = {}
        took: list[float] = []
        done = threading.Semaphore(0)

        def record(delivery: Delivery, _attempt: Attempt) -> None:
            if delivery.channel == "ninth":
                took.append((time.perf_counter() - began[delivery.id]) * 1000)
                done.release()

        message = written(1)
        for number in range(HOLES * 5):
            dispatcher.send(Delivery(channel=f"hole-{number % HOLES}", id=number, message=message), record)
        for number in range(1000, 1000 + MAILS):
            began[number] = time.perf_counter()
            dispatcher.send(Delivery(channel="ninth", id=number, attempts=1, message=message), record)
            time.sleep(0.005)
        for _ in range(MAILS):
            done.acquire()
        print(f"isolation  {HOLES} black holes, the ninth: {spread(took)}")
        dispatcher.close(0)


# ---------------------------------------------------------------- the whole path


@contextmanager
def monitor(clock: Shifted, channel: dict[str, Any], priority: Priority, **alerts: Any) -> Iterator[App]:
    """A monitor with one source and one rule."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"channels": {"desk": channel}, "web": {"listen": "127.0.0.1:0"}, "alerts": alerts}
        app = build(config.read(settings, path=str(Path(folder) / "config.toml")), clock, migrate=True)
        with closing(app):
            with app.store.begin() as tx:
                tx.sources.add(Source(name="wire", url="ingest:wire"), app.store.now())
            rules.add(app, Rule(name="kim", query="", priority=priority), parse('"Kim Jong Un" + Reise'))
            app.warm(["de"])
            app.pipeline.intake([fetched(app, *stories(1, seed=99_999))])  # the workers start, words load
            yield app


def fetched(app: App, *entries: Entry) -> Fetched:
    """Entries as if a source had brought them."""
    with app.store.read() as tx:
        source = tx.sources.get("wire")
    return Fetched(source=source, cursor=Cursor(), documents=(Document(body=rss(*entries)),))


def step(app: App, clock: Shifted, seconds: float) -> None:
    """Some seconds with their beats, and all that they send."""
    for _ in range(max(int(seconds), 1)):
        clock.advance(seconds=1)
        beat(app)


def beat(app: App) -> None:
    """One beat of the outbox, and what it sends."""
    now = app.store.now()
    while app.pipeline.release(now):
        pass
    while app.pipeline.deliver(app.store.now()):
        app.dispatcher.drain(60)


def storm(distinct: int, most: int) -> None:
    """A thousand hits within a minute on so many stories."""
    clock = Shifted()
    pool = stories(distinct, seed=distinct)
    hits = [pool[n % distinct] for n in range(HITS)]
    with (
        HookServer() as hooks,
        monitor(clock, {"url": hooks.url(), "rate": "900000/s"}, Priority.NORMAL) as app,
    ):
        step(app, clock, 200)
        before = len(hooks.posts)
        began = time.perf_counter()
        size = HITS // STEPS + 1
        for number in range(STEPS):
            batch = [
                Entry(
                    f"{entry.key}-{number}-{n}",
                    entry.headline,
                    entry.text,
                    f"{entry.link}/{number}/{n}",
                    at=None,
                )
                for n, entry in enumerate(hits[number * size : (number + 1) * size])
            ]
            app.pipeline.intake([fetched(app, *batch)])
            step(app, clock, 60 / STEPS)
        step(app, clock, 180)
        posts = hooks.posts[before:]
        with app.store.read() as tx:
            told = {
                alert for one in tx.outbox.list(state=DeliveryState.SENT, limit=None) for alert in one.alerts
            }
            alerts = len(tx.alerts.list(limit=None))
        kinds = [post.json["kind"] for post in posts]
        print(
            f"storm      {HITS} hits, {distinct} stories: {len(posts)} messages (goal {most}), "
            f"{kinds.count('digest')} roll-ups, {len(told)} of {alerts} alerts told, "
            f"{time.perf_counter() - began:.0f} s"
        )


def outage() -> None:
    """A channel is away for an hour while five thousand hits come; then it comes back."""
    clock = Shifted()
    with (
        HookServer() as hooks,
        monitor(clock, {"url": hooks.url(), "rate": "900000/s"}, Priority.NORMAL) as app,
    ):
        step(app, clock, 200)
        hooks.answer(*[503] * 100_000)
        for minute in range(60):
            app.pipeline.intake([fetched(app, *stories(BACKLOG // 60 + 1, seed=minute))])
            for _ in range(4):
                clock.advance(seconds=15)
                beat(app)
        hooks.recover()
        before, back = len(hooks.posts), clock()
        times: list[datetime] = []  # at which something was taken
        for _ in range(240):
            clock.advance(seconds=15)
            had = len(hooks.posts)
            beat(app)
            if len(hooks.posts) > had:
                times.append(clock())
            with app.store.read() as tx:
                counts = tx.outbox.counts()
            if not counts.get(DeliveryState.HELD) and not counts.get(DeliveryState.PENDING):
                break
        posts = [post.json for post in hooks.posts[before:]]
        keys = [post["id"] for post in posts]
        order = [entry["story"] for post in posts for entry in (post["entries"] or [post])]
        with app.store.read() as tx:
            sent = tx.outbox.list(state=DeliveryState.SENT, limit=None)
            alerts = len(tx.alerts.list(limit=None))
        told = {alert for one in sent for alert in one.alerts}
        one_minute = timedelta(minutes=1)
        waited: float = (times[0] - back) / one_minute
        took: float = max((times[-1] - times[0]) / one_minute, 0.25)
        print(
            f"backlog    {alerts} alerts in an hour without the channel: {len(keys)} messages "
            f"({len(set(keys))} ids), {len(told)} told; the first {waited:.1f} min after it came back, "
            f"all {took:.1f} min later ({60 / took:.0f} times the rate they came at), "
            f"{'the oldest first' if order == sorted(order) else 'OUT OF ORDER'}"
        )


def latency() -> None:
    """From stored to taken by the mail server, fifty a second, through the daemon's own beats."""
    with MailServer() as mail:
        url = f"smtp://{mail.host}:{mail.port}?from=monitor@example.org&to=desk@example.org"
        channel = {"url": url, "rate": "900000/s"}
        with monitor(Shifted(), channel, Priority.FLASH, group_wait="1s") as app:
            stored: dict[str, float] = {}

            def note(event: str, **facts: object) -> None:
                if event == "hit.open":
                    stored[str(facts["headline"])] = time.monotonic()

            app.listen(note)
            daemon = Daemon(app)
            thread = threading.Thread(target=daemon.run, daemon=True)
            thread.start()
            mail.wait(1, 60)
            entries = stories(ITEMS, seed=4)
            began = time.monotonic()
            came: dict[str, float] = {}
            watcher = threading.Thread(target=_watch, args=(mail, came, ITEMS), daemon=True)
            watcher.start()
            for number in range(0, ITEMS, BATCH):
                app.pipeline.arrived.put(fetched(app, *entries[number : number + BATCH]))
                time.sleep(max(began + (number + BATCH) / RATE - time.monotonic(), 0))
            watcher.join(60)
            daemon.stop()
            thread.join(30)
            took = [(at - stored[headline]) * 1000 for headline, at in came.items() if headline in stored]
            print(f"stored->SMTP taken, {RATE}/s, {len(took)} of {ITEMS}: {spread(took)}")


def _watch(mail: MailServer, came: dict[str, float], number: int) -> None:
    """Note when each letter comes."""
    for n in range(1, number + 1):
        letters = mail.wait(n + 1, 60)
        now = time.monotonic()
        for letter in letters[len(came) + 1 :]:
            came.setdefault(str(letter.message["subject"]).partition("] ")[2], now)


def storms() -> None:
    """A thousand hits in a minute, on one story, on a hundred, on a thousand."""
    for stories_, most in ((1, 2), (100, 25), (1000, 20)):
        storm(stories_, most)


PARTS = {
    "drivers": drivers,
    "isolation": isolation,
    "storm": storms,
    "outage": outage,
    "latency": latency,
}


def main() -> None:
    """All parts, or those that are named."""
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
