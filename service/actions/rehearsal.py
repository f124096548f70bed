"""A rehearsal: the same sources and rules, a database that is thrown away, messages on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory

import msgspec

from service.app import build
from service.config import ChannelTable, Config, Database, Heartbeat
from service.model import Cursor, Source, SourceState

REPEATABLE = ("http:", "https:")  # reading a folder or a queue takes away what was read


@contextmanager
def rehearsal(config: Config) -> Iterator[tuple[Config, list[Source]]]:
    """The configuration of a monitor that tells nobody, for the time of the block; and what it leaves out.

    It reads each source from the beginning and stores into a folder of its own. Sources that can be read
    only once are left out.
    """
    with TemporaryDirectory(prefix="monitor-") as folder:
        rehearsed = msgspec.structs.replace(
            config,
            database=Database(url=f"sqlite:///{folder}/rehearsal.db", synchronous="normal"),
            channels={name: ChannelTable(url="console://") for name in config.channels},
            heartbeat=Heartbeat(),
        )
        yield rehearsed, _copy(config, rehearsed)


def _copy(config: Config, rehearsed: Config) -> list[Source]:
    """Copy what is watched; the sources that were left out."""
    with closing(build(config)) as original, original.store.read() as tx:
        sources, lists, rules = tx.sources.list(), tx.rules.lists(), tx.rules.list()
    with closing(build(rehearsed, migrate=True)) as copy, copy.store.begin() as tx:
        now = copy.store.now()
        for name, terms in lists.items():
            tx.rules.add_list(name, terms, now)
        for rule in rules:
            tx.rules.add(rule, now)
        for source in sources:
            if source.url.startswith(REPEATABLE) and source.state is not SourceState.PAUSED:
                tx.sources.add(replace(source, cursor=Cursor(), last_ok_at=None, next_poll_at=now), now)
    return [source for source in sources if not source.url.startswith((*REPEATABLE, "ingest:"))]
