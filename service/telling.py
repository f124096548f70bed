"""From a stored item to rows in the outbox, and from a held row to a message.

`tell` runs in the transaction that stores the item, `release` in one of its own when the messages are due.
An alert is rule and story; a message is story, channel and recipient, and lists every rule that hit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.alerts import policy
from service.alerts.hours import next_digest
from service.alerts.policy import Action, Step
from service.config import Config
from service.deliver.render import render
from service.model import (
    Alert,
    AlertState,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Evidence,
    Hit,
    Item,
    Link,
    Notice,
    Placement,
    Priority,
    Rule,
    Signal,
    Source,
    Status,
    Telling,
)
from service.rules.watchlist import Watchlist
from service.store.db import Transaction

PRIORITIES = tuple(Priority)  # most urgent first


class Teller:
    """Knows the rules as of the transaction it works in, and writes to the outbox."""

    def __init__(
        self,
        config: Config,
        watchlist: Watchlist,
        channels: Mapping[str, Channel],
        report: Callable[..., None],
    ) -> None:
        self.config, self.watchlist, self.channels, self.report = config, watchlist, channels, report
        self._revision = -1
        self._lock = threading.Lock()  # one thread at a time changes the rules or matches

    def reload(self, config: Config, channels: Mapping[str, Channel]) -> None:
        """Go on with a new configuration."""
        self.config, self.channels = config, channels

    def refresh(self, tx: Transaction) -> None:
        """Bring the rules to the revision of this transaction; one cheap look where nothing changed."""
        with self._lock:
            revision = tx.rules.revision()
            if revision != self._revision:
                changed, removed = tx.rules.changed_since(self._revision)
                self.watchlist.update(changed, removed, tx.rules.lists())
                self._revision = revision

    # ------------------------------------------------------------ an item was stored

    def tell(self, tx: Transaction, item: Item, placement: Placement, source: Source, now: datetime) -> None:
        """Write down who is to be told of a stored `item`, and why the others are not."""
        if item.status is Status.CANCELED or item.signal is Signal.KILL:
            self._retract(tx, item, now)
            return
        if item.signal is Signal.CORRECTION and placement.link is Link.VERSION:
            self._follow_up(tx, item, DeliveryKind.CORRECTION, now)
        with self._lock:
            matched = self.watchlist.match(item, source.name)
        for rule, evidence in matched:
            self._admit(tx, rule, evidence, item, placement, now, baseline=self._old(item, source, now))

    def catch_up(self, tx: Transaction, rule: Rule, since: datetime, now: datetime) -> None:
        """Tell a new rule of what was stored at `since` or later, as if it had been there."""
        names = tx.sources.names()
        for item in list(tx.items.scan(since=since)):
            with self._lock:
                matched = self.watchlist.match(item, names.get(item.source, ""))
            for known, evidence in matched:
                if known.id == rule.id:
                    placement = tx.items.placement(item.id)
                    self._admit(tx, known, evidence, item, placement, now, baseline=False)

    def _admit(
        self,
        tx: Transaction,
        rule: Rule,
        evidence: tuple[Evidence, ...],
        item: Item,
        placement: Placement,
        now: datetime,
        *,
        baseline: bool,
    ) -> None:
        """One hit: noted, and told where the policy says so."""
        new_to_rule = all(hit.rule != rule.id for hit in tx.alerts.hits_of_story(item.story))
        tx.alerts.hit(
            Hit(
                rule=rule.id,
                rule_version=rule.version,
                item=item.id,
                story=item.story,
                evidence=evidence,
                at=now,
            )
        )
        alert = tx.alerts.get(rule.id, item.story)
        admission = policy.admit(rule, item, placement, alert, new_to_rule=new_to_rule, baseline=baseline)
        if admission.action is Action.OPEN:
            alert = tx.alerts.open(
                Alert(rule=rule.id, story=item.story, reason=admission.reason, opened_at=now, updated_at=now)
            )
            self._queue(tx, alert, rule, item, now)
        elif admission.action is Action.UPDATE and alert is not None:
            tx.alerts.update(replace(alert, revision=alert.revision + 1, updated_at=now))
            self._queue(tx, alert, rule, item, now)
        self.report(
            f"hit.{admission.action}",
            rule=rule.name,
            item=item.id,
            story=item.story,
            headline=item.headline,
            reason=admission.reason,
        )

    def _old(self, item: Item, source: Source, now: datetime) -> bool:
        """Whether the item is older than what the first poll of a source alerts on."""
        if source.last_ok_at is not None or item.published_at is None or source.url.startswith("ingest:"):
            return False
        return item.published_at < now - self.config.poll.first_alert_age

    def _queue(self, tx: Transaction, alert: Alert, rule: Rule, item: Item, now: datetime) -> None:
        """Put a message on each of the rule's channels, or join the one that is still waiting there."""
        for target in rule.channels:
            channel, _, recipient = target.partition(":")
            if waiting := tx.outbox.waiting(item.story, channel, recipient):
                tx.outbox.join(waiting.id, alert.id)
                continue
            told = tx.outbox.thread(item.story, channel, recipient)
            due, reason = self._when(rule, item, now, follows=bool(told))
            tx.outbox.add(
                Delivery(
                    channel=channel,
                    recipient=recipient,
                    kind=DeliveryKind.UPDATE if told else DeliveryKind.ALERT,
                    story=item.story,
                    item=item.id,
                    priority=Priority.FLASH if policy.urgent(rule, item) else rule.priority,
                    reason=reason,
                    created_at=now,
                    due_at=due,
                ),
                [alert.id],
            )

    def _when(self, rule: Rule, item: Item, now: datetime, *, follows: bool) -> tuple[datetime, str]:
        """When a message is due, and what it waits for."""
        if rule.digest and not policy.urgent(rule, item):
            return next_digest(rule.digest, self.config.digest, now), f"digest {rule.digest}"
        settings = self.config.alerts
        if follows and not policy.urgent(rule, item):
            return now + settings.group_interval, "group interval"
        wait = policy.group_wait(rule, item, settings)
        return now + wait, "group wait" if wait else ""

    def test(self, tx: Transaction, channel: str, recipient: str, now: datetime) -> Delivery:
        """Put a test message into the outbox: it takes the way of every other."""
        return tx.outbox.add(
            Delivery(
                channel=channel, recipient=recipient, kind=DeliveryKind.TEST, created_at=now, due_at=now
            ),
            [],
        )

    # ------------------------------------------------------------ what was told was wrong

    def _retract(self, tx: Transaction, item: Item, now: datetime) -> None:
        """Withdraw the story: nothing more goes out, and everyone who was told anything hears of it."""
        tx.stories.withdraw(item.story, now)
        tx.outbox.suppress_story(item.story, "the agency withdrew the story")
        self._follow_up(tx, item, DeliveryKind.RETRACTION, now)
        for alert in tx.alerts.of_story(item.story):
            tx.alerts.update(replace(alert, state=AlertState.RETRACTED, updated_at=now))
        self.report("story.withdrawn", story=item.story, item=item.id, headline=item.headline)

    def _follow_up(self, tx: Transaction, item: Item, kind: DeliveryKind, now: datetime) -> None:
        """Tell exactly those who were told of the story before."""
        told: dict[tuple[str, str], set[int]] = {}
        for delivery in tx.outbox.of_story(item.story):
            if delivery.state is DeliveryState.SENT or delivery.attempts:
                told.setdefault((delivery.channel, delivery.recipient), set()).update(delivery.alerts)
        for (channel, recipient), alerts in told.items():
            tx.outbox.add(
                Delivery(
                    channel=channel,
                    recipient=recipient,
                    kind=kind,
                    story=item.story,
                    item=item.id,
                    priority=Priority.FLASH,
                    created_at=now,
                    due_at=now,
                ),
                sorted(alerts),
            )

    # ------------------------------------------------------------ a message is due

    def release(self, tx: Transaction, held: Iterable[Delivery], now: datetime) -> None:
        """Render each held message that may go now; hold, gather or close the others, with the reason."""
        silences = tx.alerts.silences(now)
        gathered: dict[tuple[str, str], list[Delivery]] = {}
        for delivery in held:
            item = tx.items.get(delivery.item) if delivery.item else None
            rules = self._rules(tx, delivery)
            decision = policy.release(
                delivery,
                item,
                tx.stories.get(delivery.story) if delivery.story else None,
                rules,
                source=self._source(tx, item),
                silences=silences,
                quiet=self.config.quiet_hours,
                sees_embargoed=self._sees_embargoed(delivery.channel),
                now=now,
            )
            if decision.step is Step.SEND:
                self._render(tx, delivery, self.notice(tx, delivery, now), now)
            elif decision.step is Step.GATHER:
                gathered.setdefault((delivery.channel, delivery.recipient), []).append(delivery)
            elif decision.step is Step.HOLD and decision.until:
                tx.outbox.hold(delivery.id, decision.until, decision.reason)
            else:
                tx.outbox.suppress(delivery.id, decision.reason)
        for batch in gathered.values():
            self._digest(tx, batch, now)

    def _digest(self, tx: Transaction, batch: Sequence[Delivery], now: datetime) -> None:
        """One message for all of a batch: the first carries it, the others say where they went."""
        first, *others = batch
        if not others:
            self._render(tx, first, self.notice(tx, first, now), now)
            return
        notice = Notice(
            kind=DeliveryKind.DIGEST,
            delivery=first.id,
            channel=first.channel,
            recipient=first.recipient,
            zone=self.config.digest.timezone,
            title=first.reason,
            entries=tuple(self.notice(tx, delivery, now) for delivery in batch),
            now=now,
        )
        self._render(tx, first, notice, now)
        for delivery in others:
            tx.outbox.suppress(delivery.id, f"in the digest of delivery {first.id}")

    def _render(self, tx: Transaction, delivery: Delivery, notice: Notice, now: datetime) -> None:
        channel = self.channels.get(delivery.channel) or Channel(name=delivery.channel, url="none://")
        message = render(notice, channel, base_url=self.config.web.base_url)
        tx.outbox.rendered(delivery.id, message, now)

    def notice(self, tx: Transaction, delivery: Delivery, now: datetime) -> Notice:
        """All that the message needs to be written, as the store knows it now."""
        item = tx.items.get(delivery.item) if delivery.item else None
        told = [
            earlier
            for earlier in tx.outbox.thread(delivery.story, delivery.channel, delivery.recipient)
            if earlier.id != delivery.id and earlier.message
        ]
        return Notice(
            kind=delivery.kind,
            delivery=delivery.id,
            channel=delivery.channel,
            recipient=delivery.recipient,
            priority=delivery.priority,
            item=item,
            previous=tx.items.get(told[-1].item) if told and told[-1].item else None,
            source=self._source(tx, item),
            zone=self.config.digest.timezone,
            tellings=self._tellings(tx, delivery),
            sightings=tuple(tx.stories.sightings(delivery.story)) if delivery.story else (),
            revision=len(told),
            thread=told[0].message.thread or told[0].message.id if told and told[0].message else "",
            late=self._late(delivery, now),
            now=now,
        )

    def _tellings(self, tx: Transaction, delivery: Delivery) -> tuple[Telling, ...]:
        """The rules of a message, each with where it hit the item that is shown."""
        hits = tx.alerts.hits_of_story(delivery.story) if delivery.story else []
        tellings, names = [], tx.rules.names()
        for alert in (tx.alerts.show(number) for number in delivery.alerts):
            places = [hit.evidence for hit in hits if hit.rule == alert.rule and hit.item == delivery.item]
            tellings.append(
                Telling(rule=names.get(alert.rule, ""), evidence=places[-1] if places else (), alert=alert.id)
            )
        return tuple(tellings)

    def _rules(self, tx: Transaction, delivery: Delivery) -> list[Rule]:
        known = self.watchlist.rules
        return [known[rule] for a in delivery.alerts if (rule := tx.alerts.show(a).rule) in known]

    @staticmethod
    def _source(tx: Transaction, item: Item | None) -> str:
        return tx.sources.names().get(item.source, "") if item else ""

    def _sees_embargoed(self, channel: str) -> bool:
        known = self.channels.get(channel)
        return bool(known and known.sees_embargoed)

    def _late(self, delivery: Delivery, now: datetime) -> timedelta | None:
        """How late the message is, where that is worth a word and nothing was to hold it."""
        if delivery.created_at is None or delivery.reason.startswith("digest"):
            return None
        late = now - delivery.created_at
        return late if late > self.config.alerts.late else None
