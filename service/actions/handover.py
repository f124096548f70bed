"""The change of shifts: what was told, what nobody takes care of, what was silenced, what was blind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.actions import board, recipients
from service.actions.board import Blind
from service.actions.desk import Told, told
from service.actions.shapes import Shape, when
from service.actions.shapes import told as told_shape
from service.app import App
from service.config import CLOCK_TIME
from service.deliver.operators import About, word
from service.errors import UsageError
from service.model import AlertState, DeliveryState, Silence
from service.quantities import duration
from service.telling import announce

LISTED = 50  # stories under one heading; the rest is counted
SHIFT = "8h"  # what a handover tells of, where nothing else is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What the next shift has to know."""

    since: datetime
    at: datetime
    zone: str
    told: Sequence[Told]  # the newest first
    waiting: Sequence[Told]  # that nobody acknowledged
    silences: Sequence[Silence]  # that hold now
    silenced: Sequence[str]  # headlines that were swallowed
    dead: int  # messages that were given up
    blind: Sequence[Blind]

    def shape(self) -> Shape:
        """As programs see it."""
        return {
            "since": when(self.since),
            "at": when(self.at),
            "told": [told_shape(one) for one in self.told],
            "unacknowledged": [told_shape(one) for one in self.waiting],
            "silences": [
                {"id": one.id, "comment": one.comment, "until": when(one.ends_at)} for one in self.silences
            ],
            "silenced": list(self.silenced),
            "given_up": self.dead,
            "blind": [{"what": one.what, "name": one.name, "reason": one.reason} for one in self.blind],
        }

    @property
    def taken(self) -> Sequence[Told]:
        """What was told and is in somebody's care, or withdrawn."""
        return [one for one in self.told if one not in self.waiting]

    def sections(self, language: str = "en") -> tuple[str, list[tuple[str, list[str]]]]:
        """The title, and each heading with its lines, as a shell shows them."""
        title, text = word(About.HANDOVER, language, self.zone, self.at, shift=self, listed=LISTED)
        parts = [part.splitlines() for part in text.split("\n\n")]
        return title, [(heading.rstrip(":"), lines) for heading, *lines in parts]


def since(app: App, text: str) -> datetime:
    """The last 22:00 where the digests are kept, or that long ago (8h); raises UsageError."""
    now = app.store.now()
    if CLOCK_TIME.fullmatch(text):
        zone = ZoneInfo(app.config.digest.timezone)
        hour, _, minute = text.partition(":")
        at = datetime.combine(now.astimezone(zone).date(), time(int(hour), int(minute)), zone)
        return at if at <= now else at - timedelta(days=1)
    try:
        return now - duration(text)
    except ValueError as error:
        raise UsageError(f"not a time: {text!r} (write 22:00 or 8h)") from error


def handover(app: App, begin: datetime) -> Handover:
    """What happened since `begin`, and how things stand."""
    now = app.store.now()
    blind = board.glance(app).blind
    with app.store.read() as tx:
        alerts = tx.alerts.list(since=begin, limit=None)
        opened = told(tx, alerts)
        swallowed = [
            one
            for one in tx.outbox.list(state=DeliveryState.SUPPRESSED, since=begin, limit=None)
            if one.reason.startswith("silenced")
        ]
        headlines = tx.stories.headlines({one.story for one in swallowed if one.story})
        return Handover(
            since=begin,
            at=now,
            zone=app.config.digest.timezone,
            told=opened,
            waiting=[one for one in opened if one.alert.state is AlertState.OPEN],
            silences=tx.alerts.silences(now),
            silenced=list(dict.fromkeys(headlines.values())),
            dead=len(tx.outbox.list(state=DeliveryState.DEAD, since=begin, limit=None)),
            blind=blind,
        )


def send(app: App, seen: Handover, targets: Sequence[str]) -> int:
    """How many messages with the handover were put into the outbox; raises UsageError for a target.

    Whoever sends it may see what is embargoed; whoever gets it may not.
    """
    seen = handover(app.untrusted(), seen.since)
    with app.store.begin() as tx:
        recipients.check(app, tx, targets)
        return announce(tx, app.config, targets, About.HANDOVER, app.store.now(), shift=seen, listed=LISTED)
