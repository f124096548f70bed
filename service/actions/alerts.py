"""What people do about alerts: take care of them, judge them, mute a story, follow a link in a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.actions.desk import Told, told
from service.alerts.policy import cared_for
from service.app import App
from service.deliver import links
from service.deliver.links import Does, Link
from service.errors import UsageError
from service.model import Alert, AlertState, Change, Delivery, Relevance, Silence
from service.store.db import Transaction
from service.telling import directory

MUTED = timedelta(hours=24)  # a story, by a link
UNSUBSCRIBED = timedelta(days=366)  # as long as a silence may last


def acknowledge(app: App, alert_id: int, who: str, until: datetime | None = None, comment: str = "") -> Told:
    """The alert, which `who` takes care of: only what was wrong is told of it until then, or for good.

    Raises NotFoundError, or UsageError where the story was withdrawn.
    """
    with app.store.begin() as tx:
        return told(tx, [take(tx, tx.alerts.show(alert_id), who, until, comment, app.store.now())])[0]


def judge(app: App, alert_id: int, relevance: Relevance, who: str) -> Told:
    """The alert with what a person said about it, which makes the precision of its rule."""
    with app.store.begin() as tx:
        return told(tx, [_judge(tx, tx.alerts.show(alert_id), relevance, who, app.store.now())])[0]


def mute(app: App, story: int, who: str, lasts: timedelta = MUTED, comment: str = "") -> Silence:
    """A silence about one story; what was wrong in it is still told. Raises NotFoundError."""
    with app.store.begin() as tx:
        tx.stories.get(story)
        return _silence(tx, (("story", str(story)),), who, lasts, comment or "muted", app.store.now())


# ---------------------------------------------------------------- links in messages


@dataclass(frozen=True, slots=True)
class Followed:
    """What a link is about: the message it stood in, its alerts, and whoever got it."""

    link: Link
    delivery: Delivery
    alerts: tuple[Told, ...]
    who: str
    done: bool
    taken_by: Sequence[str] = ()  # those who were quicker, where the link is to take care of it
    too_late: bool = False  # nothing is left to take care of: others do, or it was withdrawn


def look(app: App, token: str) -> Followed:
    """What a link would do; raises UsageError for one that is not ours or too old, or NotFoundError."""
    with app.store.read() as tx:
        return _followed(tx, token, app.store.now(), done=False)


def follow(app: App, token: str) -> Followed:
    """What a link did: its button was pressed, or a mail program unsubscribed with one click (RFC 8058).

    Doing it twice is as doing it once. Raises as `look`.
    """
    now = app.store.now()
    with app.store.begin() as tx:
        seen = _followed(tx, token, now, done=True)
        _do(tx, seen, now)
        return _followed(tx, token, now, done=True)


def _followed(tx: Transaction, token: str, now: datetime, *, done: bool) -> Followed:
    link = links.read(token, tx.installation.key, now)
    delivery = tx.outbox.get(link.delivery)
    alerts = told(tx, [tx.alerts.show(number) for number in delivery.alerts])
    person = directory(tx).person(delivery.channel, delivery.recipient)
    who = person.name if person else delivery.recipient or delivery.channel
    if link.does is not Does.ACKNOWLEDGE:
        return Followed(link, delivery, tuple(alerts), who, done)
    carers = {one.alert.acknowledged_by for one in alerts if cared_for(one.alert, now)}
    left = who in carers or any(_is_left(one.alert, now) for one in alerts)
    return Followed(link, delivery, tuple(alerts), who, done, sorted(carers - {who}), not left)


def _is_left(alert: Alert, now: datetime) -> bool:
    """Whether somebody may still take care of it."""
    return alert.state in (AlertState.OPEN, AlertState.ACKNOWLEDGED) and not cared_for(alert, now)


def _do(tx: Transaction, seen: Followed, now: datetime) -> None:
    delivery, who = seen.delivery, seen.who
    match seen.link.does:
        case Does.ACKNOWLEDGE:
            for one in seen.alerts:
                if _is_left(one.alert, now):
                    take(tx, one.alert, who, None, "by the link in the message", now)
        case Does.NOT_RELEVANT:
            for one in seen.alerts:
                _judge(tx, one.alert, Relevance.NOT_RELEVANT, who, now)
        case Does.MUTE:
            for story in sorted({one.alert.story for one in seen.alerts}):
                _silence_once(
                    tx, (("story", str(story)),), who, MUTED, "muted by the link in the message", now
                )
        case Does.UNSUBSCRIBE:
            for rule in sorted({one.rule for one in seen.alerts}):
                to = (("channel", delivery.channel), ("recipient", delivery.recipient))
                _silence_once(tx, (("rule", rule), *to), who, UNSUBSCRIBED, "unsubscribed by the link", now)


def _silence_once(
    tx: Transaction,
    matchers: tuple[tuple[str, str], ...],
    who: str,
    lasts: timedelta,
    comment: str,
    now: datetime,
) -> None:
    if all(silence.matchers != matchers for silence in tx.alerts.silences(now)):
        _silence(tx, matchers, who, lasts, comment, now)


def _silence(
    tx: Transaction,
    matchers: tuple[tuple[str, str], ...],
    who: str,
    lasts: timedelta,
    comment: str,
    now: datetime,
) -> Silence:
    said = ", ".join(f"{kind}={value}" for kind, value in matchers)
    tx.audit.add(Change(at=now, who=who, what="silence", subject=said, detail={"comment": comment}))
    return tx.alerts.add_silence(
        Silence(matchers=matchers, starts_at=now, ends_at=now + lasts, comment=comment, author=who)
    )


def take(
    tx: Transaction, alert: Alert, who: str, until: datetime | None, comment: str, now: datetime
) -> Alert:
    """The alert as `who` takes care of it; raises UsageError where there is nothing left to take care of."""
    if alert.state is AlertState.RETRACTED:
        raise UsageError(f"alert {alert.id}: the story was withdrawn, nothing is left to take care of")
    if until is not None and until <= now:
        raise UsageError("an acknowledgement ends in the future")
    alert = replace(
        alert,
        state=AlertState.ACKNOWLEDGED,
        acknowledged_by=who,
        acknowledged_at=now,
        acknowledged_until=until,
        comment=comment.strip(),
        updated_at=now,
    )
    tx.alerts.update(alert)
    tx.audit.add(
        Change(at=now, who=who, what="ack", subject=f"alert {alert.id}", detail={"comment": comment})
    )
    return alert


def _judge(tx: Transaction, alert: Alert, relevance: Relevance, who: str, now: datetime) -> Alert:
    alert = replace(alert, relevance=relevance, updated_at=now)
    tx.alerts.update(alert)
    tx.audit.add(Change(at=now, who=who, what=f"ack --{relevance}", subject=f"alert {alert.id}"))
    return alert
