"""The monitor watched: what it does by itself about what nobody has seen, and about its own troubles.

Each of these is done once, however many nodes there are and however often they start: whoever writes the
key of it does it. All is decided from the database, so nothing is forgotten over a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.actions import rounds
from service.actions.watch import seek, watch
from service.alerts import escalation
from service.alerts.hours import quiet_until
from service.app import App
from service.deliver.operators import About
from service.model import (
    AlertState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Priority,
    Rule,
    SourceState,
    Status,
)
from service.release import Releaser
from service.store.db import Transaction
from service.telling import announce, directory, tell_aside

DAY = timedelta(days=1)
FALL_OVER = timedelta(minutes=2)  # that a flash may wait for its channel
DOWN = timedelta(minutes=5)  # that a channel may take nothing, before the operators are told
SUMMARY = timedelta(days=7)  # a silence that ended longer ago is no news
TIMES = 10  # the forecast of a rule, before its owner is told
FEWEST = 20  # alerts a day below which nobody is bothered
NEWS_AGAIN = timedelta(days=7)  # what lies aside unread for longer is told once more
REMEMBERED = timedelta(days=400)  # what was done once


def oversee(app: App) -> None:
    """One look at everything; cheap where there is nothing to do."""
    now = app.store.now()
    with app.store.unveiled().begin() as tx:
        overseer = Overseer(app, tx, now)
        overseer.sum_up_silences()
        overseer.escalate()
        down = overseer.channels()
        overseer.fall_over(down)
        overseer.forecasts(down)
        overseer.alive(down)
        tell_aside(tx, app.config, now)
        tx.asides.forget(now - NEWS_AGAIN)
        tx.once.forget(now - REMEMBERED)


def tend(app: App) -> None:
    """All that a daemon sees to between its polls, once: for whoever polls by cron and runs no daemon.

    What is due is told, and sent. Beside a daemon it does nothing twice.
    """
    oversee(app)
    seek(app)
    watch(app)
    rounds.deliver(app)


class Overseer:
    """The duties of one look, in one transaction."""

    def __init__(self, app: App, tx: Transaction, now: datetime) -> None:
        self.app, self.tx, self.now = app, tx, now
        self.config = app.config

    def sum_up_silences(self) -> None:
        """Tell each recipient what a silence swallowed, once it is over."""
        releaser = Releaser(self.tx, self.config, self.app.channels, self.now, self.app.stylist)
        for silence in self.tx.alerts.ended_silences(self.now - SUMMARY, self.now):
            if any(kind == "recipient" for kind, _ in silence.matchers):
                continue  # somebody who unsubscribed
            swallowed: dict[tuple[str, str], list[Delivery]] = {}
            for delivery in self.tx.outbox.silenced(silence.id):
                if delivery.story and self.tx.stories.get(delivery.story).status is Status.USABLE:
                    swallowed.setdefault((delivery.channel, delivery.recipient), []).append(delivery)
            for (channel, recipient), batch in swallowed.items():
                quiet = quiet_until(self.config.quiet_hours, channel, self.now)
                if not quiet and self._once(f"silence:{silence.id}:{channel}:{recipient}"):
                    author = f" ({silence.author})" if silence.author else ""
                    releaser.digest(batch, "silence", text=f"{silence.comment}{author}")

    def escalate(self) -> None:
        """Tell the next in line of each alert that nobody has acknowledged."""
        for rule in self.tx.rules.list():
            if rule.enabled and rule.escalate:
                for alert in self.tx.alerts.list(
                    state=AlertState.OPEN, rule=rule.id, since=self.now - DAY, limit=None
                ):
                    sent = [
                        one
                        for one in self.tx.outbox.of_story(alert.story)
                        if alert.id in one.alerts and one.sent_at
                    ]
                    told_at = min((one.sent_at for one in sent if one.sent_at), default=None)
                    stage = told_at and escalation.due(rule.escalate, alert.step, told_at, self.now)
                    if not stage:
                        continue
                    self.tx.alerts.update(replace(alert, step=alert.step + 1))
                    minutes = int(stage.after.total_seconds() // 60)
                    newest = max(sent, key=lambda one: one.id)
                    self._send(
                        [stage.target],
                        Delivery(
                            channel="",
                            kind=DeliveryKind.ALERT,
                            story=alert.story,
                            item=max(one.item for one in sent) or newest.item,
                            alerts=(alert.id,),
                            priority=Priority.FLASH,
                            reason=f"escalation: nobody acknowledged within {minutes} min",
                        ),
                    )
                    self.app.report("alert.escalated", alert=alert.id, rule=rule.name, to=stage.target)

    def channels(self) -> set[str]:
        """The channels that take nothing; whoever operates the monitor is told on another, and of the end."""
        operators = self.config.alerts.operators
        down: dict[str, tuple[datetime, int, str]] = {}
        for channel, since, waiting, error in self.tx.traffic.troubled():
            last = self.tx.traffic.last_sent(channel)
            if self.now - since >= DOWN and (last is None or self.now - last >= DOWN):
                down[channel] = (since, waiting, error)
        for channel, (since, waiting, error) in down.items():
            if self._once(f"down:{channel}"):
                facts = {"channel": channel, "since": since, "error": error, "waiting": waiting}
                self.announce(About.CHANNEL_DOWN, down, operators, **facts)
                self.app.report("channel.down", channel=channel, reason=error)
        for channel in self.app.channels:
            if channel not in down and (told_at := self.tx.once.undo(f"down:{channel}")):
                away = self.now - told_at + DOWN
                self.announce(About.CHANNEL_UP, down, operators, channel=channel, away=away)
                self.app.report("channel.up", channel=channel)
        return set(down)

    def fall_over(self, down: set[str]) -> None:
        """Send by the fallback what a channel gave up, or did not get rid of while it was urgent."""
        known = directory(self.tx)
        for delivery in self.tx.outbox.stranded(self.now - FALL_OVER, self.now - DAY):
            channel = self.app.channels.get(delivery.channel)
            fallback = channel.fallback if channel else ""
            if not fallback or fallback in down or delivery.kind is DeliveryKind.TEST:
                continue
            if self._once(f"fallback:{delivery.id}"):
                recipient = known.elsewhere(delivery.channel, delivery.recipient, fallback)
                self.tx.outbox.add(
                    replace(
                        delivery,
                        id=0,
                        channel=fallback,
                        recipient=recipient,
                        state=DeliveryState.PENDING,
                        reason=f"instead of delivery {delivery.id} on {delivery.channel}",
                        attempts=0,
                        last_error="",
                        created_at=self.now,
                        due_at=self._may_go(delivery, fallback),
                        epoch=0,
                    ),
                    delivery.alerts,
                )
                self.app.report("delivery.fallback", delivery=delivery.id, channel=fallback)

    def _may_go(self, delivery: Delivery, fallback: str) -> datetime:
        """When the fallback may take a message: what it may not see yet waits for the end of its embargo."""
        message, channel = delivery.message, self.app.channels.get(fallback)
        embargo = message.embargo_until if message else None
        return self.now if embargo is None or (channel and channel.sees_embargoed) else max(embargo, self.now)

    def forecasts(self, down: Iterable[str] = ()) -> None:
        """Tell the owner of a rule that it alerts ten times as often as its back-test said."""
        counts = self.tx.alerts.counts_since(self.now - DAY)
        expected = self.tx.rules.forecasts(counts)
        rules = self.tx.rules.with_ids(expected)
        for number, forecast in expected.items():
            told, rule = counts[number], rules[number]
            if told < FEWEST or told < TIMES * forecast:
                continue
            if self._once(f"forecast:{number}:{self.now:%Y-%m-%d}"):
                facts = {"rule": rule.name, "alerts": told, "expected": forecast}
                self.announce(About.FORECAST, down, self._owner(rule), **facts)

    def alive(self, down: Iterable[str]) -> None:
        """One line a day to the operators: that it works, and what it did."""
        zone = ZoneInfo(self.config.digest.timezone)
        hour, _, minute = self.config.digest.daily_at.partition(":")
        today = self.now.astimezone(zone).date()
        due = datetime.combine(today, time(int(hour), int(minute)), zone)
        operators = self.config.alerts.operators
        if not operators or not self.tx.installation.created_at < due <= self.now:
            return
        if self._once(f"alive:{today}"):
            self.announce(About.ALIVE, down, operators, down=sorted(down), **self._figures())

    def _figures(self) -> dict[str, int]:
        """What was done in the last day, and how things stand."""
        since = self.now - DAY
        states = self.tx.sources.counts()
        blind = sum(
            states.get(state, 0) for state in (SourceState.FAILING, SourceState.SILENT, SourceState.GONE)
        )
        return {
            "items": self.tx.items.count_since(since),
            "alerts": sum(self.tx.alerts.counts_since(since).values()),
            "sent": self.tx.traffic.count_sent(since),
            "polled": sum(states.values()) - states.get(SourceState.PAUSED, 0),
            "blind": blind,
            "dead": len(self.tx.outbox.list(state=DeliveryState.DEAD, since=since, limit=None)),
        }

    # ------------------------------------------------------------ whom to tell, and once

    def announce(self, about: About, failing: Iterable[str], targets: Sequence[str], **facts: object) -> None:
        """Tell these targets on channels that work: never of a failure by what failed."""
        down = set(failing)
        works = [target for target in targets if target.partition(":")[0] not in down]
        if targets and not works:
            known = [self.app.channels.get(target.partition(":")[0]) for target in targets]
            others = [*(channel.fallback for channel in known if channel), *self.app.channels]
            works = [channel for channel in others if channel and channel not in down][:1]
        announce(self.tx, self.config, works, about, self.now, **facts)

    def _send(self, targets: Sequence[str], message: Delivery) -> None:
        for recipient in directory(self.tx).resolve(targets):
            if not recipient.gone:
                self.tx.outbox.add(
                    replace(
                        message,
                        channel=recipient.channel,
                        recipient=recipient.address,
                        created_at=self.now,
                        due_at=self.now,
                    ),
                    message.alerts,
                )

    def _owner(self, rule: Rule) -> Sequence[str]:
        """Who wrote a rule, where that is somebody who can be told; else the operators, else its readers."""
        people = {person.name: person for person in self.tx.people.list()}
        if person := people.get(rule.changed_by):
            return [f"{channel}:{address}" for channel, address in person.addresses.items()][:1]
        return self.config.alerts.operators or rule.channels

    def _once(self, key: str) -> bool:
        return self.tx.once.first(key, self.now)
