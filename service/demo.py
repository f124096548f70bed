"""`monitor demo`: a wire, a rule and an alert, without network and without configuration.

A small wire and a portal are served on loopback, a monitor in a temporary folder polls them every second,
and a few stories of our own making go out: the one that must be told, the one that must not, a copy, an
English one, and a correction. What the monitor does with each is printed as it happens.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from xml.sax.saxutils import escape

from service import config
from service.actions import rules
from service.actions.backtest import backtest
from service.actions.trials import Query
from service.app import App, build
from service.daemon import Daemon
from service.errors import MonitorError
from service.model import Item, Rule, Source
from service.rules import lint
from service.rules.document import Document
from service.rules.grammar import join_arguments, parse
from service.rules.nodes import Node

QUERY = ("Kim Jong Un", "+", "Reise")
Note = Callable[[dict[str, object], float], str]  # what to say of an event, and the seconds it took
Say = Callable[[str, str], None]  # a word in the margin, and a sentence

PATIENCE = 20.0  # seconds that a story has to be told before the demo says that something is wrong
PAUSE = 1.2  # seconds between two stories, for the reader's eye


@dataclass(frozen=True, slots=True)
class Report:
    """A story as a wire carries it."""

    key: str
    headline: str
    text: str
    language: str = "de"
    wire: str = "wire"  # or portal
    age: timedelta = timedelta(0)


TRAIN = (
    "PJÖNGJANG/PEKING (Demo) - Nordkoreas Machthaber Kim Jong Un ist am Montagabend mit seinem gepanzerten "
    "Sonderzug in Richtung Peking aufgebrochen. Es ist seine erste Auslandsreise seit mehr als zwei Jahren. "
    "An der Grenzbrücke von Dandong wurde der Bahnverkehr {hours} Stunden lang angehalten."
)
ARCHIVE = (
    Report("a1", "Leitzinsen bleiben unverändert", "Die Notenbank wartet ab.", age=timedelta(days=9)),
    Report("a2", "Zugverkehr nach Sturm eingeschränkt", "Bäume auf den Gleisen.", age=timedelta(days=8)),
    Report(
        "a3",
        "Kim Jong Un empfängt Delegation",
        "Kim Jong Un sprach über Reisen zwischen beiden Ländern.",
        age=timedelta(days=6),
    ),
    Report("a4", "Rice harvest better than forecast", "Farmers are relieved.", "en", age=timedelta(days=5)),
    Report(
        "a5", "Landkreise fordern mehr Geld", "Die Landkreise warnen vor Engpässen.", age=timedelta(days=3)
    ),
)
PRICES = Report(
    "s1",
    "Kim Jong Un lässt Preise senken",
    "PJÖNGJANG (Demo) - Kim Jong Un hat angeordnet, die Preise für Reis zu senken. In den Landkreisen an der "
    "Grenze waren die Preise zuletzt stark gestiegen.",
)
TRIP = Report("s2", "Kim Jong Un fährt im Sonderzug nach Peking", TRAIN.format(hours="zwei"))
COPY = replace(TRIP, key="p1", wire="portal")
ENGLISH = Report(
    "s3",
    "North Korea's Kim Jong Un arrives in Beijing by train",
    "BEIJING (Demo) - Kim Jong Un's armoured train pulled into Beijing on Tuesday, after 20 hours.",
    "en",
)
CORRECTION = Report("s2", "KORREKTUR: Kim Jong Un fährt im Sonderzug nach Peking", TRAIN.format(hours="vier"))


class Wire:
    """Two feeds on loopback: what was published so far, newest first."""

    def __init__(self) -> None:
        self.reports: list[tuple[datetime, Report]] = []
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = wire.feed(self.path.strip("/").removesuffix(".xml")).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: the demo speaks for itself."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def url(self, name: str) -> str:
        """The address of a feed."""
        return f"http://127.0.0.1:{self.server.server_port}/{name}.xml"

    def publish(self, report: Report) -> None:
        """Put a report on its feed; one of the same key takes the place of the older."""
        kept = [(at, old) for at, old in self.reports if (old.key, old.wire) != (report.key, report.wire)]
        self.reports = [(datetime.now(UTC) - report.age, report), *kept]

    def feed(self, name: str) -> str:
        """RSS 2.0 of what stands on one feed."""
        entries = "".join(
            f"<item><guid isPermaLink='false'>{report.key}</guid><title>{escape(report.headline)}</title>"
            f"<dc:language>{report.language}</dc:language><pubDate>{format_datetime(at)}</pubDate>"
            f"<link>https://{name}.example/{report.key}</link>"
            f"<description>{escape(report.text)}</description></item>"
            for at, report in self.reports
            if report.wire == name
        )
        return (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>Demo {name}</title><link>https://{name}.example/</link><description/>{entries}</channel></rss>"
        )


@dataclass(slots=True)
class Events:
    """What the monitor reported so far, to be waited for."""

    seen: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, event: str, **facts: object) -> None:
        """Note one event."""
        with self.changed:
            self.seen.append((event, facts))
            self.changed.notify_all()

    def wait(self, wanted: Callable[[str, dict[str, object]], bool], since: int) -> dict[str, object]:
        """The first event after the `since`th that is wanted; raises MonitorError where none comes."""

        def found() -> dict[str, object] | None:
            return next((facts for event, facts in self.seen[since:] if wanted(event, facts)), None)

        with self.changed:
            if self.changed.wait_for(lambda: found() is not None, PATIENCE):
                return found() or {}
        raise MonitorError("the demo waited in vain; `monitor doctor` may know why")


class Stage:
    """Publishes a story and says what the monitor made of it."""

    def __init__(self, app: App, wire: Wire, say: Say) -> None:
        self.app, self.wire, self.say, self.events = app, wire, say, app.listen(Events())

    def play(self, report: Report, event: str, note: Note) -> None:
        """Publish `report`, wait for `event` about it, and print what `note` says of its facts."""
        since, began = len(self.events.seen), time.monotonic()
        self.say("published", f"{report.wire}: {report.headline}")
        self.wire.publish(report)

        def wanted(name: str, facts: dict[str, object]) -> bool:
            return name.startswith(event) and bool(facts.get("new", True))

        facts = self.events.wait(wanted, since)
        self.say("", note(facts, time.monotonic() - began))
        time.sleep(PAUSE)


def demo(
    *, exit_after_first_alert: bool = False, language: str = "en", said: Callable[[str], str] = str
) -> int:
    """Run the show; the exit code of the command. `said` puts a sentence into the reader's `language`."""
    margin = max(10, len(said("published")))  # columns of the word before a sentence

    def say(what: str, text: str) -> None:
        """One line with the time: `06:00:02  published  …`."""
        print(f"{datetime.now().astimezone():%H:%M:%S}  {said(what):<{margin}} {said(text)}", flush=True)

    with tempfile.TemporaryDirectory(prefix="monitor-demo-") as folder, Wire() as wire:
        for report in ARCHIVE:
            wire.publish(report)
        say("wire", f"serving {wire.url('wire')} and portal.xml beside it")
        with _running(Path(folder), wire, language) as app:
            _show(app, wire, say, exit_after_first_alert=exit_after_first_alert)
    if not exit_after_first_alert:
        print(f"\n{said(NEXT)}", flush=True)
    return 0


def why_not(node: Node, document: Document) -> str:
    """The parts of a query that do not hold, and what came nearest to each."""

    def missing(part: lint.Explanation) -> Iterator[str]:
        if part.parts:
            for inner in part.parts:
                yield from missing(inner)
        elif not part.hit:
            yield f"no {part.text} in it" + (f"; nearest is {part.nearest}" if part.nearest else "")

    return ", ".join(missing(lint.explain(node, document)))


def _show(app: App, wire: Wire, say: Say, *, exit_after_first_alert: bool) -> None:
    stage = Stage(app, wire, say)
    stage.events.wait(lambda event, facts: event == "source.read" and facts.get("source") == "wire", 0)
    node = parse(join_arguments(QUERY))
    tried = backtest(app, Query(node))
    rule = rules.add(app, Rule(name="kim-trip", query=""), node)
    say("rule", f'{rule.query}   (monitor add-rule "Kim Jong Un" + "Reise")')
    say("", f"back-test: {tried.sentence}")

    def not_told(report: Report) -> Note:
        item = Item(headline=report.headline, body=report.text, language=report.language)
        reason = why_not(node, Document.of(item, app.morphology))
        return lambda _facts, _seconds: f"not alerted: {reason}"

    def told(facts: dict[str, object], seconds: float) -> str:
        return f"sent to {facts['channel']} {seconds:.1f} s after publication"

    if not exit_after_first_alert:
        stage.play(PRICES, "source.read", not_told(PRICES))
    stage.play(TRIP, "delivery.sent", told)
    if exit_after_first_alert:
        return
    stage.play(COPY, "hit.", lambda facts, _: f"not alerted again: {facts['reason']}")
    stage.play(ENGLISH, "source.read", not_told(ENGLISH))
    stage.play(CORRECTION, "delivery.sent", told)


NEXT = """\
That was all of it, in a temporary folder that is gone now. Your own:

    monitor init
    monitor add-source https://example.org/feed.xml
    monitor add-rule "Kim Jong Un" + "Reise"
    monitor run
"""


@contextmanager
def _running(folder: Path, wire: Wire, language: str) -> Iterator[App]:
    """A monitor in `folder` that polls the wire, in threads of this process."""
    settings = config.read(
        {
            "http": {"allowed_networks": ["127.0.0.1"]},
            "alerts": {"group_wait": "1s", "group_interval": "1s", "language": language},
            "channels": {"console": {"url": "console://"}},
        },
        path=str(folder / "config.toml"),
    )
    app = build(settings, migrate=True)
    for name in ("wire", "portal"):
        _add(app, Source(name=name, url=wire.url(name), every=timedelta(seconds=1), language="de"))
    daemon = Daemon(app)
    thread = threading.Thread(target=daemon.run, name="daemon")
    thread.start()
    try:
        yield app
    finally:
        daemon.stop()
        thread.join()


def _add(app: App, source: Source) -> None:
    with app.store.begin() as tx:
        now = app.store.now()
        tx.sources.add(replace(source, next_poll_at=now, added_at=now), now)


def main(arguments: Sequence[str] = ()) -> int:
    """`python -m service.demo`, for a look without the command line."""
    return demo(exit_after_first_alert="--exit-after-first-alert" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
