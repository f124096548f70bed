"""From a held row in the outbox to a message: sent, held on, gathered with others, or closed.

Runs in a transaction of its own when messages are due. Story and item are looked at again here, since hours
may have passed since the hit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property

from service.alerts import policy
from service.alerts.load import HOUR, MINUTE, Load
from service.alerts.policy import Release, Step, together
from service.alerts.recipients import Directory
from service.config import Config
from service.deliver.links import MAY, Does, addresses
from service.deliver.render import render
from service.deliver.templating import Stylist
from service.deliver.view import ENTRIES
from service.errors import NotFoundError
from service.model import (
    Alert,
    Channel,
    Delivery,
    DeliveryKind,
    Item,
    Message,
    Notice,
    Priority,
    Sighting,
    Silence,
    Telling,
)
from service.store.db import Transaction
from service.store.traffic import ROLLED_UP
from service.store.veil import Label, veiled

LATER = frozenset({DeliveryKind.UPDATE, DeliveryKind.CORRECTION, DeliveryKind.RETRACTION})
TOLD_IN = ", delivery "  # stands in the reason of what was told in a digest, before the number of that
MEANT_TO_WAIT = ("digest", "quiet hours", policy.EMBARGOED)


class Releaser:
    """Writes messages, in one transaction, with the channels and the policy of a configuration."""

    def __init__(
        self,
        tx: Transaction,
        config: Config,
        channels: Mapping[str, Channel],
        now: datetime,
        stylist: Stylist | None = None,
    ) -> None:
        self.tx, self.config, self.channels, self.now = tx, config, channels, now
        self.stylist = stylist
        self._written: dict[tuple[str, str], list[tuple[datetime, bool]]] = {}
        self._known_alerts: dict[int, Alert] = {}
        self._known_items: dict[int, Item | None] = {}
        self._known_rules: dict[int, str] = {}
        self._rolled_up: dict[tuple[str, str], datetime | None] = {}
        self._hours: dict[tuple[str, str, int], list[datetime]] = {}

    def release(self, held: Sequence[Delivery]) -> None:
        """Render each held message that may go now; hold, gather or close the others, with the reason."""
        gathered: dict[tuple[str, str, str], list[Delivery]] = {}
        # What a storm held goes first: what came since must not go out beside its roll-up.
        queue = deque(sorted(held, key=_storm, reverse=True))
        seen = {delivery.id for delivery in held}
        while queue:
            delivery = queue.popleft()
            decision = self.decide(delivery)
            if decision.step is Step.SEND:
                self._render(delivery, self.notice(delivery))
            elif decision.step is Step.GATHER:
                key = (delivery.channel, delivery.recipient, _together(delivery))
                if key not in gathered:  # one message tells of all: those beyond this batch, too
                    more = [one for one in self.tx.outbox.held_with(delivery, self.now) if one.id not in seen]
                    queue = deque(sorted([*queue, *more], key=_storm, reverse=True))
                    seen.update(one.id for one in more)
                gathered.setdefault(key, []).append(delivery)
                if _storm(delivery) and len(gathered[key]) > 1:
                    self._rolled_up[delivery.channel, delivery.recipient] = self.now
            elif decision.step is Step.HOLD and decision.until:
                self.tx.outbox.hold(delivery.id, decision.until, decision.reason)
            else:
                self.tx.outbox.suppress(delivery.id, decision.reason, decision.silence)
        for batch in gathered.values():
            self._gather(batch)

    def decide(self, delivery: Delivery) -> Release:
        """What becomes of a held message now, with the reason."""
        if gone := self._people.gone(delivery.channel, delivery.recipient):
            return Release(Step.SUPPRESS, gone)
        item = self._item(delivery.item)
        rules = self._told_rules(delivery)
        return policy.release(
            delivery,
            item,
            self.tx.stories.get(delivery.story) if delivery.story else None,
            rules=list(rules.values()),
            source=self._source(item),
            silences=self._silences,
            quiet=self.config.quiet_hours,
            sees_embargoed=self._channel(delivery.channel).sees_embargoed,
            now=self.now,
            load=self._load(delivery, rules) if policy.may_wait(delivery) else Load(),
            settings=self.config.alerts,
        )

    def _load(self, delivery: Delivery, rules: Mapping[int, str]) -> Load:
        """What the recipient of a message got lately, this transaction included."""
        to = (delivery.channel, delivery.recipient)
        if to not in self._written:
            self._written[to] = list(self.tx.traffic.written_since(*to, self.now - MINUTE))
            self._rolled_up[to] = self.tx.traffic.rolled_up(*to, self.now - MINUTE)
        hours = {}
        for number, name in rules.items():
            if (*to, number) not in self._hours:
                found = self.tx.traffic.written_since(*to, self.now - HOUR, number)
                self._hours[(*to, number)] = [at for at, _ in found]
            hours[name] = self._hours[(*to, number)]
        written = self._written[to]
        waiting = sum(waits for _, waits in written)
        return Load([at for at, _ in written], hours, waiting, self._rolled_up[to])

    def _count(self, delivery: Delivery) -> None:
        """One more message was written."""
        to = (delivery.channel, delivery.recipient)
        if to in self._written:
            self._written[to].append((self.now, True))
        for number in self._told_rules(delivery):
            self._hours.get((*to, number), []).append(self.now)

    def _gather(self, batch: Sequence[Delivery]) -> None:
        """One message for all of a batch, linked to every alert in it; a single one goes as it is."""
        first, *others = batch
        if not others:
            self._render(first, self.notice(first))
            return
        gathered = together(first.reason)
        digest = self.digest(batch, gathered)
        told = ROLLED_UP if gathered in {"storm", "throttle"} else "told in the digest"
        for delivery in batch:
            self.tx.outbox.suppress(delivery.id, f"{told}{TOLD_IN}{digest.id}")

    def digest(self, batch: Sequence[Delivery], gathered: str, title: str = "", text: str = "") -> Delivery:
        """A message that lists a batch to one recipient: the most urgent come first, the rest is counted."""
        first = batch[0]
        digest = self.tx.outbox.add(
            Delivery(
                channel=first.channel,
                recipient=first.recipient,
                kind=DeliveryKind.DIGEST,
                created_at=self.now,
                due_at=self.now,
            ),
            sorted({alert for delivery in batch for alert in delivery.alerts}),
        )
        order = sorted(batch, key=lambda one: (tuple(Priority).index(one.priority), one.id))
        language, zone = self._reads(digest)
        notice = Notice(
            kind=DeliveryKind.DIGEST,
            delivery=digest.id,
            channel=digest.channel,
            recipient=digest.recipient,
            zone=zone,
            language=language,
            title=title,
            text=text,
            entries=tuple(self.notice(delivery) for delivery in order[:ENTRIES]),
            more=len(order[ENTRIES:]),
            gathered=gathered,
            links=self._links(digest),
            now=self.now,
        )
        self._render(digest, notice)
        return digest

    def message(self, delivery: Delivery) -> Message:
        """A message by itself, as it would go out."""
        return self._written_as(delivery, self.notice(delivery))

    def _written_as(self, delivery: Delivery, notice: Notice) -> Message:
        channel, base_url = self._channel(delivery.channel), self.config.web.base_url
        return render(notice, channel, base_url=base_url, stylist=self.stylist)

    def _render(self, delivery: Delivery, notice: Notice) -> None:
        self.tx.outbox.rendered(delivery.id, self._written_as(delivery, notice), self.now)
        self._count(delivery)

    # ------------------------------------------------------------ what a message needs

    def notice(self, delivery: Delivery) -> Notice:
        """All that the message needs to be written, as the store knows it now."""
        told = self._told(delivery)
        root = told[0].message if told else None
        language, zone = self._reads(delivery)
        item, hidden = self._item(delivery.item), self._hidden(delivery)
        if item and item.id in hidden:
            item = veiled(item, Label(zone, language)(item.embargo_until))
        return Notice(
            kind=delivery.kind,
            delivery=delivery.id,
            channel=delivery.channel,
            recipient=delivery.recipient,
            priority=delivery.priority,
            item=item,
            previous=self._item(told[-1].item) if told else None,
            source=self._source(item),
            zone=zone,
            language=language,
            tellings=self._tellings(delivery, hidden),
            sightings=self._sightings(delivery, hidden),
            revision=len(told),
            thread=(root.thread or root.id) if root else "",
            first_at=(told[0].sent_at or told[0].due_at) if told else None,
            late=self._late(delivery),
            now=self.now,
            title=_said(delivery)[0],
            text=_said(delivery)[1],
            unacknowledged=self._unacknowledged(delivery),
            links=self._links(delivery),
        )

    def _told(self, delivery: Delivery) -> Sequence[Delivery]:
        """What its recipient was told of the story before, the oldest first, each with its item."""
        thread = self.tx.outbox.thread(delivery.story, delivery.channel, delivery.recipient)
        told = [earlier for earlier in thread if earlier.id != delivery.id and earlier.message]
        return told or (self._listed(delivery) if delivery.kind in LATER else ())

    def _listed(self, delivery: Delivery) -> Sequence[Delivery]:
        """The same, where it was told in a digest: what was closed for it says of which item."""
        of_story = self.tx.outbox.of_story(delivery.story)
        mine = [
            one for one in of_story if (one.channel, one.recipient) == (delivery.channel, delivery.recipient)
        ]
        items = {one.reason.rpartition(TOLD_IN)[2]: one.item for one in mine if one.story}
        return [
            replace(one, item=items.get(str(one.id), 0))
            for one in mine
            if one.kind is DeliveryKind.DIGEST and one.message
        ]

    def _hidden(self, delivery: Delivery) -> Collection[int]:
        """The items that the channel of a message may not show yet."""
        return () if self._channel(delivery.channel).sees_embargoed else self.tx.veil.closed

    def _tellings(self, delivery: Delivery, hidden: Collection[int]) -> tuple[Telling, ...]:
        """The rules of a message, each with where it hit the item that is shown."""
        shown = delivery.item and delivery.item not in hidden
        hits = self.tx.alerts.hits(delivery.item) if shown else []
        places = {hit.rule: hit.evidence for hit in hits}
        return tuple(
            Telling(rule=self._rule(alert.rule), evidence=places.get(alert.rule, ()), alert=alert.id)
            for alert in self._alerts(delivery)
        )

    def _told_rules(self, delivery: Delivery) -> Mapping[int, str]:
        """The rules of a message by id."""
        return {alert.rule: self._rule(alert.rule) for alert in self._alerts(delivery)}

    def _alerts(self, delivery: Delivery) -> Sequence[Alert]:
        for number in delivery.alerts:
            if number not in self._known_alerts:
                self._known_alerts[number] = self.tx.alerts.show(number)
        return [self._known_alerts[number] for number in delivery.alerts]

    def _sightings(self, delivery: Delivery, hidden: Collection[int]) -> tuple[Sighting, ...]:
        return tuple(self.tx.stories.sightings(delivery.story, hidden)) if delivery.story else ()

    def _unacknowledged(self, delivery: Delivery) -> timedelta | None:
        """How long nobody has taken care of what is escalated."""
        if not delivery.reason.startswith("escalation"):
            return None
        sent = [one.sent_at for one in self.tx.outbox.of_story(delivery.story) if one.sent_at]
        return self.now - min(sent) if sent else None

    def _links(self, delivery: Delivery) -> Mapping[str, str]:
        """What the reader may do about the message."""
        if not delivery.alerts or not self.config.web.base_url:
            return {}
        does = MAY.get(delivery.kind, Does)
        return addresses(delivery.id, self._key, self.config.web.base_url, self.now, does)

    def _late(self, delivery: Delivery) -> timedelta | None:
        """How late the message is, where that is worth a word and nothing was to hold it."""
        if delivery.created_at is None or delivery.reason.startswith(MEANT_TO_WAIT):
            return None
        late = self.now - delivery.created_at
        return late if late > self.config.alerts.late else None

    def _item(self, item_id: int) -> Item | None:
        """The item; None where there is none, or it is older than what is kept."""
        if item_id not in self._known_items:
            try:
                self._known_items[item_id] = self.tx.items.get(item_id) if item_id else None
            except NotFoundError:
                self._known_items[item_id] = None
        return self._known_items[item_id]

    def _channel(self, name: str) -> Channel:
        """The channel; one that is no longer configured is told so by its delivery."""
        return self.channels.get(name) or Channel(name=name, url="")

    def _source(self, item: Item | None) -> str:
        return self._sources.get(item.source, "") if item else ""

    def _reads(self, delivery: Delivery) -> tuple[str, str]:
        """The language of the words around the news, and the zone of the times."""
        return self._people.reads(delivery.channel, delivery.recipient, self.config)

    @cached_property
    def _silences(self) -> Sequence[Silence]:
        return self.tx.alerts.silences(self.now)

    @cached_property
    def _key(self) -> bytes:
        return self.tx.installation.key

    @cached_property
    def _people(self) -> Directory:
        return Directory(self.tx.people.all(), self.tx.people.groups())

    def _rule(self, number: int) -> str:
        if number not in self._known_rules:
            self._known_rules |= {number: ""} | self.tx.rules.names([number])
        return self._known_rules[number]

    @cached_property
    def _sources(self) -> Mapping[int, str]:
        return self.tx.sources.names()


def _storm(delivery: Delivery) -> bool:
    """Whether it waits for the roll-up of a storm."""
    return together(delivery.reason) == "storm"


def _together(delivery: Delivery) -> str:
    """What is told in one message: each digest by itself, every storm, throttle and quiet night as one."""
    kind = together(delivery.reason)
    return delivery.reason if kind == "digest" else kind


def _said(delivery: Delivery) -> tuple[str, str]:
    """Title and text of a message to the operators: its row holds them until it is written."""
    title, _, text = delivery.reason.partition("\n")
    return (title, text) if delivery.kind is DeliveryKind.OPERATOR else ("", "")
