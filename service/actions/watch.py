"""What the monitor does about sources that it cannot see any more: look for them, and tell the operators."""

from __future__ import annotations

from itertools import islice

from service.actions import looking
from service.alerts import blind
from service.app import App
from service.deliver.operators import About, word
from service.fetch.statuses import elsewhere, lost
from service.model import DeliveryKind, Source, SourceState
from service.telling import announce

SEARCHES = 3  # in one beat; a search may take its 20 seconds


def watch(app: App) -> str:
    """The title of what the operators are told now about sources that are blind or back; "" if nothing.

    One message for all that happened since the last; where nobody is to be told, it is in the log alone.
    """
    now = app.store.now()
    with app.store.begin() as tx:
        tx.outages.observe(now)
        began, over = tx.outages.untold()
        told_at = tx.outbox.latest(DeliveryKind.OPERATOR, now - blind.GATHERED)
        if not blind.worth_telling([*began, *over], told_at, now):
            return ""
        sources = sum(
            number for state, number in tx.sources.counts().items() if state is not SourceState.PAUSED
        )
        news = blind.news(began, over, sources)
        announce(tx, app.config, app.config.alerts.operators, About.BLIND, now, news=news)
        tx.outages.told([one.source for one in (*began, *over)], now)
    title, _ = word(About.BLIND, "en", app.config.digest.timezone, now, news=news)
    app.report("sources.blind", began=len(began), over=len(over), title=title)
    return title


def seek(app: App) -> int:
    """How many feeds that are gone while their site lives were found elsewhere: proposed, none is taken.

    A site is searched once a day, by one node: what named nothing may name something tomorrow.
    """
    now = app.store.now()
    with app.store.read() as tx:
        failing = [*tx.sources.list(state=SourceState.FAILING), *tx.sources.list(state=SourceState.GONE)]
    waiting = [source for source in failing if lost(source) and not source.cursor.found]
    if not waiting:
        return 0
    with app.store.begin() as tx:
        first = (source for source in waiting if tx.once.first(f"sought:{source.id}:{now:%Y-%m-%d}", now))
        sought = list(islice(first, SEARCHES))
    return sum(_found(app, source) for source in sought)


def _found(app: App, source: Source) -> bool:
    """Whether the feed was found; then that is noted."""
    seen = looking.search(app, source)
    if not seen.found or seen.sought is None:
        return False
    error = f"{seen.sought.reason}; {elsewhere(seen.found)}"
    with app.store.begin() as tx:
        tx.sources.propose(source, seen.found, error)
    app.report("source.found", source=source.name, url=seen.found)
    return True
