"""One whole round by hand: fetch or read, match, deliver what may go now.

Both are the daemon's own path, and share its work through the same claims where one is running.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from service.actions import recipients
from service.actions.rules import keep_counts
from service.app import App
from service.errors import NotFoundError, UsageError
from service.model import Cursor, Delivery, Document, Fetched, Source, SourceState
from service.telling import directory

Progress = Callable[[int], None]  # called with the number of things that were done since the last call


def silent(_done: int) -> None:
    """Show no progress."""


DELIVERY_PATIENCE = 60.0  # seconds that a round waits for its messages; later ones stay in the outbox
MOMENT = 0.1  # seconds until a channel at its rate is asked again
INGEST = "ingest"
EVERY_SOURCE = 1_000_000


@dataclass(slots=True)
class Tally:
    """What a round did, counted from the events that the parts report."""

    counts: Counter[str] = field(default_factory=Counter)
    sources: int = 0
    items: int = 0
    problems: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: str, **facts: object) -> None:
        """Listen to one event."""
        self.counts[event] += 1
        if event == "source.read":
            self.items += int(str(facts["new"]))
            found = facts["problems"]
            self.problems += found if isinstance(found, list) else []
        elif event == "source.failed":
            self.failures[str(facts["source"])] = str(facts["reason"])

    def shape(self) -> dict[str, object]:
        """As `--json` prints it."""
        count = self.counts
        return {
            "sources": self.sources,
            "failed": self.failures,
            "new_items": self.items,
            "hits": sum(number for event, number in count.items() if event.startswith("hit.")),
            "alerts": count["hit.open"],
            "updates": count["hit.update"],
            "sent": count["delivery.sent"],
            "retrying": count["delivery.retry"],
            "dead": count["delivery.dead"],
            "problems": self.problems,
        }


def poll(
    app: App, names: Sequence[str] = (), *, everything: bool = False, progress: Progress = silent
) -> Tally:
    """Fetch what is due (or named, or everything that is in nobody's hand), and tell what it brought.

    Raises NotFoundError for a name that is no source. A source that fails is in the tally, not raised.
    """
    tally = app.listen(Tally())
    pipeline, node = app.pipeline, app.node
    with app.store.begin() as tx:
        now, lease = app.store.now(), app.config.poll.lease
        if names or everything:
            claimed = tx.sources.claim_all(now, lease, node.id, names=names or None)
        else:
            claimed = tx.sources.claim(now, EVERY_SOURCE, lease, node.id)
    tally.sources = len(claimed)
    waiting, coming = list(claimed), 0
    hands: set[Future[int]] = set()
    with ThreadPoolExecutor(app.config.poll.workers) as pool:
        while waiting or coming:
            room = min(pipeline.room, len(waiting))
            coming += pipeline.fetch([waiting.pop() for _ in range(room)])
            if len(hands) == app.config.poll.workers:  # what arrives meanwhile is stored together
                hands = _settled(hands, FIRST_COMPLETED)
            if arrived := pipeline.arrivals(timeout=0.5):
                coming -= len(arrived)
                hands.add(pool.submit(pipeline.intake, arrived))
                progress(len(arrived))
        _settled(hands, ALL_COMPLETED)
    return _finish(app, tally)


def _settled(hands: set[Future[int]], until: str) -> set[Future[int]]:
    """Those that are still at work; what broke one of the others is raised."""
    done, rest = wait(hands, return_when=until)
    for hand in done:
        hand.result()
    return rest


def ingest(app: App, files: Sequence[Path], name: str = INGEST, *, progress: Progress = silent) -> Tally:
    """Read files of any format as items of the source `name`, and tell what they brought.

    Never a first poll: items alert whatever their age. A file that cannot be read is in the tally.
    """
    if missing := next((path for path in files if not path.is_file()), None):
        raise NotFoundError("file", missing)
    tally = app.listen(Tally())
    tally.sources = len(files)
    for path in files:
        source = _ingest_source(app, name)  # as the file before left it
        try:
            body = path.read_bytes()
        except OSError as error:
            tally.failures[path.name] = f"cannot be read: {error.strerror}"
            continue
        document = Document(body=body, name=path.name, received_at=app.store.now())
        fetched = Fetched(source=source, cursor=Cursor(), documents=(document,))
        app.pipeline.intake([fetched])
        if failure := tally.failures.pop(source.name, None):
            tally.failures[path.name] = failure
        progress(1)
    return _finish(app, tally)


def receive(app: App, document: Document, name: str = INGEST) -> int:
    """How many new items a document brought to the source `name`; a running daemon sends what they cause.

    Raises UsageError for a document that cannot be read.
    """
    refused: list[str] = []
    fetched = Fetched(
        source=_ingest_source(app, name),
        cursor=Cursor(),
        documents=(document,),
        reject=lambda _, reason: refused.append(reason),
    )
    new = app.pipeline.intake([fetched])
    if refused:
        raise UsageError(f"cannot be read: {refused[0]}")
    return new


def _ingest_source(app: App, name: str) -> Source:
    """The source that files are read under: made when it is first named, and never polled."""
    with app.store.begin() as tx:
        try:
            return tx.sources.get(name)
        except NotFoundError:
            now = app.store.now()
            source = Source(name=name, url=f"ingest:{name}", state=SourceState.PAUSED, added_at=now)
            return tx.sources.add(source, now)


def deliver(app: App, patience: float = DELIVERY_PATIENCE) -> Sequence[str]:
    """Send what may go now, each channel at its rate, and wait until each server has answered.

    Answers with the channels that were still at their rate after `patience` seconds; the rest stays stored.
    """
    pipeline, until = app.pipeline, time.monotonic() + patience
    while pipeline.release(app.store.now()):
        pass
    while True:
        hurried = _at_their_rate(app)  # first: one that may send in the next moment would be seen by neither
        if pipeline.deliver(app.store.now()):
            app.dispatcher.drain(timeout=DELIVERY_PATIENCE)
        elif not hurried or time.monotonic() >= until:
            return hurried
        else:
            time.sleep(MOMENT)


def _at_their_rate(app: App) -> Sequence[str]:
    """The channels that have something to send, are well, and may not yet."""
    with app.store.read() as tx:
        due = tx.outbox.due_channels(app.store.now()) if tx.installation.sending_allowed() else []
    well = {name for name, state in app.dispatcher.states().items() if state.state != "open"}
    return [channel for channel in due if channel in well and not app.dispatcher.room(channel)]


def _finish(app: App, tally: Tally) -> Tally:
    """The tally of a round whose messages have gone out."""
    if hurried := deliver(app):
        left = "more messages wait for the rate of"
        tally.problems.append(f"{left} {', '.join(hurried)} (the next round or `monitor run` sends them)")
    if stopped := why_stopped(app):
        tally.problems.append(stopped)
    keep_counts(app)
    return tally


def why_stopped(app: App) -> str:
    """Why no message goes out; "" where they do."""
    with app.store.read() as tx:
        return tx.installation.reason()


def test_channel(app: App, name: str) -> Delivery:
    """A test message that went through the outbox to a channel, with what its server answered.

    Raises NotFoundError for a channel that is not configured.
    """
    message = queue_test(app, name)
    deliver(app)
    with app.store.read() as tx:
        return tx.outbox.get(message.id)


def queue_test(app: App, name: str) -> Delivery:
    """A test message in the outbox, which a running daemon sends; `name` is CHANNEL or CHANNEL:RECIPIENT.

    Raises NotFoundError for a channel that is not configured, UsageError where it reaches nobody or several.
    """
    channel = name.partition(":")[0]
    if channel not in app.channels:
        known = ", ".join(sorted(app.channels)) or "none is configured"
        raise NotFoundError("channel", channel, f"there is: {known}")
    with app.store.begin() as tx:
        recipients.check(app, tx, [name])
        reached = directory(tx).resolve([name])
        if len(reached) != 1:
            each = ", ".join(f"{one.channel}:{one.address}" for one in reached)
            raise UsageError(f"{name} is a group (test its members: {each})")
        return app.teller.test(tx, channel, reached[0].address, app.store.now())
