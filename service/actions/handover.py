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
from service.errors import UsageError
from service.model import AlertState, Delivery, DeliveryKind, DeliveryState, Priority, Silence
from service.quantities import duration
from service.telling import directory

LISTED = 50  # stories under one heading; the rest is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What the next shift has to know."""

    since: datetime
    at: datetime
    zone: str
    told: Sequence[Told]  # the newest first
    unacknowledged: Sequence[Told]
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
            "unacknowledged": [told_shape(one) for one in self.unacknowledged],
            "silences": [
                {"id": one.id, "comment": one.comment, "until": when(one.ends_at)} for one in self.silences
            ],
            "silenced": list(self.silenced),
            "given_up": self.dead,
            "blind": [{"what": one.what, "name": one.name, "reason": one.reason} for one in self.blind],
        }

    @property
    def title(self) -> str:
        """One line."""
        return (
            f"Handover since {self._clock(self.since)}: {len(self.told)} told, "
            f"{len(self.unacknowledged)} not acknowledged"
        )

    def sections(self) -> list[tuple[str, list[str]]]:
        """Each heading with its lines; the same for a shell and a mail."""
        dead = [f"{self.dead} messages were given up"] if self.dead else []
        return [
            ("Not acknowledged", _listed([self._told(one) for one in self.unacknowledged])),
            ("Told", _listed([self._told(one) for one in self.told if one not in self.unacknowledged])),
            ("Silenced", [*_listed(list(self.silenced)), *map(self._silence, self.silences)]),
            ("Blind", [*map(_blind, self.blind), *dead]),
        ]

    def text(self) -> str:
        """As a message: a paragraph for each heading."""
        return "\n\n".join(
            f"{heading}:\n" + "\n".join(lines or ["nothing"]) for heading, lines in self.sections()
        )

    def _told(self, one: Told) -> str:
        at = f"{self._clock(one.alert.opened_at)}  " if one.alert.opened_at else ""
        return f"{at}{one.headline} [{one.rule}] (alert {one.alert.id})"

    def _silence(self, one: Silence) -> str:
        what = ", ".join(f"{kind}={value}" for kind, value in one.matchers)
        return f"{what} until {self._clock(one.ends_at)}: {one.comment} ({one.author or 'nobody'})"

    def _clock(self, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(self.zone)):%a %H:%M}"


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
            unacknowledged=[one for one in opened if one.alert.state is AlertState.OPEN],
            silences=tx.alerts.silences(now),
            silenced=list(dict.fromkeys(headlines.values())),
            dead=len(tx.outbox.list(state=DeliveryState.DEAD, since=begin, limit=None)),
            blind=blind,
        )


def send(app: App, seen: Handover, targets: Sequence[str]) -> int:
    """How many messages with the handover were put into the outbox; raises UsageError for a target."""
    now = app.store.now()
    with app.store.begin() as tx:
        recipients.check(app, tx, targets)
        found = [one for one in directory(tx).resolve(targets) if not one.gone]
        for one in found:
            tx.outbox.add(
                Delivery(
                    channel=one.channel,
                    recipient=one.address,
                    kind=DeliveryKind.OPERATOR,
                    priority=Priority.HIGH,
                    reason=f"{seen.title}\n{seen.text()}",
                    created_at=now,
                    due_at=now,
                )
            )
        return len(found)


def _listed(lines: list[str]) -> list[str]:
    more = len(lines) - LISTED
    return [*lines[:LISTED], f"and {more} more"] if more > 0 else lines


def _blind(one: Blind) -> str:
    return " ".join(part for part in (one.what, one.name) if part) + (f": {one.reason}" if one.reason else "")
