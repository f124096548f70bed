"""A daemon amid every fault of the peers' feed server: what was published is stored once, nothing else is.

    python tests/bench/faults.py FOLDER [--each 2] [--ticks 3]

FOLDER holds `feed_server.py`. For each of its faults so many feeds are polled every second, beside so many
without one, while at each tick half of the feeds have something new. One JSON document: for each fault what
was published, stored, stored twice, and stored though nobody published it; what was told of what had to be
told; and how its sources stand in the end. The exit status is 1 where the promise was broken.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[2]))

from service.actions import rules
from service.app import App, build
from service.config import load
from service.model import DeliveryState, Item, Rule, Source
from service.rules.grammar import parse
from tests.bench.polling import call, daemon, ended
from tests.inbox import HookServer
from tests.servers import unused_port

DOCUMENTS = ("garbage", "html", "empty", "gzipbomb", "huge", "laughs", "deep")
ANSWERS = ("stall", "drop", "truncated", "loop", "401", "403", "404", "410", "429", "500", "503")
HOPELESS = frozenset(DOCUMENTS + ANSWERS)  # nothing can be read of them
MENDED = ("slow", "301", "302", "cut", "wrongenc", "control", "noguid", "reguid", "redated", "retitled")
READ = (*MENDED, "newguid", "unordered", "noetag", "weak", "liar", "maxage", "ttl", "well")
FAULTS = (*READ[:-1], *DOCUMENTS, *ANSWERS)
FEEDS = 1000  # of the server; the share of each fault is small, and few of them are polled
PATIENCE = 300.0  # seconds for all sources to be polled twice
WORDS = frozenset({"minister", "council", "harbour", "engine", "budget", "vaccine", "orbit", "cargo"})
STORY = re.compile(r"news\.example\.net/(\d+)/story-(\d+)\.html")

Key: TypeAlias = tuple[int, int]  # feed and number of a story


@dataclass(slots=True)
class Wires:
    """The feeds that are polled, by fault, and what they have published."""

    world: Any  # of feed_server.py: what it serves depends on its arguments and the tick alone
    origin: str
    feeds: dict[str, list[int]]
    published: dict[str, set[Key]] = field(default_factory=dict)

    def tick(self, count: int) -> None:
        """Move the server's clock, and note what it publishes from now on."""
        call(f"{self.origin}/tick?n={count}")
        self.world.tick = count
        for fault in READ:
            for feed in self.feeds[fault]:
                quirk = None if fault == "well" else fault
                body = self.world.body(feed, quirk, self.world.version(feed)).decode("latin-1")
                whole = body.rpartition("</item>")[0] if fault == "cut" else body
                stories = ((int(of), int(number)) for of, number in STORY.findall(whole))
                self.published.setdefault(fault, set()).update(stories)


@contextmanager
def wires(folder: Path, each: int) -> Iterator[Wires]:
    """The feeds of a server of their own."""
    place = importlib.util.spec_from_file_location("feed_server", folder / "feed_server.py")
    assert place
    assert place.loader
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    port, share = unused_port(), round(1 / (len(FAULTS) + 2), 4)
    options = {
        "port": port,
        "feeds": FEEDS,
        "change": 0.5,
        "slow-s": 2,
        "huge-mb": 20,
        "mix": "rss=3,atom=2,rdf=1,json=1",
        "fault": ",".join(f"{fault}={share}" for fault in FAULTS),
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    world = module.World(module.options(arguments))
    feeds: dict[str, list[int]] = {fault: [] for fault in (*FAULTS, "well")}
    for feed in range(FEEDS):
        feeds[world.fault(feed) or "well"].append(feed)
    chosen = {fault: some[:each] for fault, some in feeds.items()}
    command = [sys.executable, str(folder / "feed_server.py"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        with ended(process):
            yield Wires(world, f"http://127.0.0.1:{port}", chosen)


def furnish(folder: Path, served: Wires, hook: str) -> App:
    """A monitor that polls each of the feeds every second, and tells of some."""
    (folder / "config.toml").write_text(
        '[http]\nallowed_networks = ["127.0.0.1"]\n[alerts]\nstorm_limit = 100000\nthrottle = 100000\n'
        f'group_wait = "1s"\n[channels.hook]\nurl = "{hook}"\nrate = "1000/s"\n',
        encoding="utf-8",
    )
    app = build(load(folder / "config.toml"), migrate=True)
    with app.store.begin() as tx:
        for fault, feeds in served.feeds.items():
            for feed in feeds:
                url = f"{served.origin}/feed/{feed}"
                source = Source(name=f"{fault}-{feed}", url=url, every=timedelta(seconds=1))
                tx.sources.add(source, app.store.now())
    rules.add(app, Rule(name="headlines", query=""), parse(f"title:({' OR '.join(sorted(WORDS))})"))
    return app


def sources(app: App) -> Mapping[str, Source]:
    """All sources as they are, by name."""
    with app.store.read() as tx:
        return {source.name: source for source in tx.sources.list()}


def polled(app: App, served: Wires) -> None:
    """Return when each source was polled that can be read, by a poll that began after this call."""
    names = [f"{fault}-{feed}" for fault in READ for feed in served.feeds[fault]]
    for _ in range(2):  # the first of two may have begun before
        since, deadline = app.store.now(), time.monotonic() + PATIENCE
        while late := waiting(sources(app), names, since):
            assert time.monotonic() < deadline, f"not polled within {PATIENCE:g} s: {late}"
            time.sleep(0.5)


def waiting(known: Mapping[str, Source], names: Iterable[str], since: datetime) -> list[str]:
    """The sources that were not read since then."""
    return [name for name in names if (ok := known[name].last_ok_at) is None or ok <= since]


def key(link: str) -> Key:
    """Feed and number of a story; (-1, -1) for the link of none."""
    found = STORY.search(link)
    return (int(found[1]), int(found[2])) if found else (-1, -1)


def unsent(app: App) -> int:
    """How many messages are on their way."""
    with app.store.read() as tx:
        counts = tx.outbox.counts()
    return counts.get(DeliveryState.HELD, 0) + counts.get(DeliveryState.PENDING, 0)


def wanted(item: Item, old: frozenset[Key]) -> bool:
    """Whether the rule hits an item that was new."""
    return key(item.link) not in old and not WORDS.isdisjoint(re.findall(r"\w+", item.headline.lower()))


def outcome(app: App, served: Wires, old: frozenset[Key], hooks: HookServer) -> list[dict[str, Any]]:
    """What became of each fault. `old` stood there from the start, and is nothing to be told."""
    known = sources(app)
    fault_of = {source.id: name.partition("-")[0] for name, source in known.items()}
    with app.store.read() as tx:
        items = list(tx.items.scan())
        newest = tx.items.list(limit=None)
    stored = {fault: Counter[Key]() for fault in served.feeds}
    for item in newest:
        stored[fault_of[item.source]][key(item.link)] += 1
    # Its stories are made of few paragraphs: some are copies of one that another feed had before.
    news = {item.story for item in items if wanted(item, old)}
    opened = {item.story: item for item in reversed(items)}
    told = Counter(post.json["item"]["story"] for post in hooks.posts if post.json["kind"] == "alert")
    rows = []
    for fault, feeds in served.feeds.items():
        published, found = served.published.get(fault, set()), stored[fault]
        mine = {story for story, item in opened.items() if fault_of[item.source] == fault}
        due = {story for story in mine if wanted(opened[story], old)}
        rows.append(
            {
                "fault": fault,
                "feeds": len(feeds),
                "published": len(published),
                "stored": len(found),
                "lost": len(published - found.keys()),
                "twice": sum(times > 1 for times in found.values()),
                "foreign": len(found.keys() - published),
                "to_tell": len(due),
                "told": len(due & told.keys()),
                "told_twice": sum(told[story] > 1 for story in mine),
                "told_wrongly": len(mine & told.keys() - news),
                "states": sorted({f"{known[f'{fault}-{feed}'].state}" for feed in feeds}),
                "reason": known[f"{fault}-{feeds[0]}"].last_error,
            }
        )
    return rows


def kept(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each published story was stored and told once, and each source without any says why."""
    wrong = ("lost", "twice", "foreign", "told_twice", "told_wrongly")
    told = all(row["told"] == row["to_tell"] for row in rows)
    reasons = all(bool(row["reason"]) == (row["fault"] in HOPELESS) for row in rows)
    return told and reasons and not any(row[name] for row in rows for name in wrong)


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--ticks", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        wires(options.folder, options.each) as served,
        HookServer() as hooks,
    ):
        app = furnish(Path(name), served, hooks.url())
        with daemon(Path(name)):
            served.tick(0)
            old = frozenset[Key]().union(*served.published.values())
            for tick in range(options.ticks + 1):
                served.tick(tick)
                polled(app, served)
            while unsent(app):
                time.sleep(0.5)
        rows = outcome(app, served, old, hooks)
        app.close()
    print(json.dumps({"faults": rows, "kept": kept(rows)}, indent=1))
    sys.exit(0 if kept(rows) else 1)


if __name__ == "__main__":
    main()
