"""What the monitor does about sources that it cannot see any more: look for them, and tell the operators."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from service.actions import looking
from service.alerts import blind
from service.app import App
from service.deliver.operators import About, word
from service.fetch.statuses import elsewhere, lost
from service.model import DeliveryKind, Source, SourceState
from service.telling import announce

SOUGHT_AGAIN = timedelta(days=1)  # a site that named nothing may name something tomorrow
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


@dataclass(slots=True)
class Seeker:
    """Looks for feeds that are gone while their site lives, each once a day, and notes what it found."""

    app: App
    sought: dict[int, datetime] = field(default_factory=dict)  # Source.id -> when

    def __call__(self) -> int:
        """How many lost feeds were found elsewhere; each is proposed, none is taken."""
        now = self.app.store.now()
        self.sought = {number: at for number, at in self.sought.items() if now - at < SOUGHT_AGAIN}
        with self.app.store.read() as tx:
            failing = [*tx.sources.list(state=SourceState.FAILING), *tx.sources.list(state=SourceState.GONE)]
        waiting = [one for one in failing if lost(one) and not one.cursor.found and one.id not in self.sought]
        return sum(self._seek(source, now) for source in waiting[:SEARCHES])

    def _seek(self, source: Source, now: datetime) -> bool:
        self.sought[source.id] = now
        seen = looking.search(self.app, source)
        if not seen.found or seen.sought is None:
            return False
        error = f"{seen.sought.reason}; {elsewhere(seen.found)}"
        with self.app.store.begin() as tx:
            tx.sources.propose(source, seen.found, error)
        self.app.report("source.found", source=source.name, url=seen.found)
        return True
