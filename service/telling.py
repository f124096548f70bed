"""From a stored item to rows in the outbox: which rules hit, who is told, and what is taken back.

Runs in the transaction that stores the item. An alert is rule and story; a message is story, channel and
recipient, and lists every rule that hit. What becomes of the rows when they are due is in `release.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from service.alerts import policy
from service.alerts.hours import next_digest
from service.alerts.policy import Action
from service.alerts.recipients import Directory
from service.config import Config
from service.deliver.operators import About, word
from service.model import (
    Alert,
    AlertState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Evidence,
    Hit,
    Item,
    Link,
    Placement,
    Priority,
    Problem,
    Rule,
    Signal,
    Source,
    Status,
)
from service.rules.index import Tally
from service.rules.watchlist import Watchlist
from service.store.db import Transaction
from service.store.veil import Label, veiled
from service.text.morphology import Morphology

URGENCY = tuple(Priority).index  # the most urgent is the least

ASIDE_SHOWN = 10  # documents that a message about unreadable ones lists
ASIDE_GAP = timedelta(hours=1)  # between two such messages about a source
FIRST_WORD = "Nachricht"  # any word opens the lexicon of a language


class Teller:
    """Knows the rules as of the transaction it works in, and writes to the outbox."""

    def __init__(self, config: Config, morphology: Morphology, report: Callable[..., None]) -> None:
        self.config, self.morphology, self.report = config, morphology, report
        self.watchlist = Watchlist(morphology)
        self._revision = -1
        self._counted: dict[int, Tally] = {}  # as they were told last
        self._lock = threading.Lock()  # one thread at a time changes the rules or matches

    def prepare(self, items: Iterable[Item]) -> None:
        """Load the lexicons of these items, before the transaction that matches them."""
        self.warm(item.language for item in items)

    def warm(self, languages: Iterable[str]) -> None:
        """Load the lexicons of these languages. The first use of one on a machine takes seconds."""
        for language in set(languages):
            self.morphology.keys(FIRST_WORD, language)

    def refresh(self, tx: Transaction) -> None:
        """Bring the rules to the revision of this transaction; one cheap look where nothing changed."""
        with self._lock:
            revision = tx.rules.revision()
            if revision != self._revision:
                changed, removed = tx.rules.changed_since(self._revision)
                self.watchlist.update(changed, removed, tx.rules.lists())
                self._revision = revision

    def counts(self) -> dict[int, tuple[int, int]]:
        """How often each rule was a candidate and hit, since this was asked last."""
        with self._lock:
            now = dict(self.watchlist.counters)
        last, self._counted = self._counted, now
        new = {}
        for rule, tally in now.items():
            before = last.get(rule, Tally(0, 0))
            if before.candidates > tally.candidates:  # it was changed meanwhile, and counts anew
                before = Tally(0, 0)
            if tally.candidates > before.candidates:
                new[rule] = (tally.candidates - before.candidates, tally.hits - before.hits)
        return new

    # ------------------------------------------------------------ an item was stored

    def tell(self, tx: Transaction, item: Item, placement: Placement, source: Source, now: datetime) -> None:
        """Write down who is to be told of a stored `item`, and why the others are not."""

        @cache
        def nearest() -> Item | None:
            return tx.items.get(placement.nearest) if placement.nearest else None

        # Of most copies nothing hangs on what they are copies of.
        kind = policy.follow_up(item, placement, nearest() if item.signal is Signal.CORRECTION else None)
        if kind is DeliveryKind.RETRACTION:
            self._retract(tx, item, placement, now)
            return
        self._restore(tx, item, placement, now)
        if kind is DeliveryKind.CORRECTION:
            self._follow_up(tx, item, kind, now)
        with self._lock:
            matched = self.watchlist.match(item, source.name)
        baseline = self._old(item, source, now)
        for rule, evidence in matched:
            self._admit(tx, rule, evidence, item, placement, nearest(), source, now, baseline=baseline)

    def catch_up(self, tx: Transaction, rule: Rule, since: datetime, now: datetime) -> None:
        """Tell a new rule of what was stored at `since` or later, as if it had been there."""
        sources = {source.id: source for source in tx.sources.list()}
        gone = Source(name="", url="")
        for item in list(tx.items.scan(since=since)):
            source = sources.get(item.source, gone)
            with self._lock:
                matched = self.watchlist.match(item, source.name)
            for known, evidence in matched:
                if known.id == rule.id:
                    placement = tx.items.placement(item.id)
                    self._admit(tx, known, evidence, item, placement, None, source, now, baseline=False)

    def _admit(
        self,
        tx: Transaction,
        rule: Rule,
        evidence: tuple[Evidence, ...],
        item: Item,
        placement: Placement,
        nearest: Item | None,
        source: Source,
        now: datetime,
        *,
        baseline: bool,
    ) -> None:
        """One hit: noted, and told where the policy says so."""
        alert = tx.alerts.get(rule.id, item.story)
        admission = policy.admit(
            rule,
            item,
            placement,
            alert,
            story=tx.stories.get(item.story).status,
            nearest=nearest,
            new_to_rule=not tx.alerts.met(rule.id, item.story),
            baseline=baseline,
            now=now,
            base_url=self.config.web.base_url,
        )
        tx.alerts.hit(
            Hit(
                rule=rule.id,
                rule_version=rule.version,
                item=item.id,
                story=item.story,
                evidence=evidence,
                at=now,
                action=admission.action,
                reason=admission.reason,
            )
        )
        if admission.action is Action.OPEN:
            alert = tx.alerts.open(
                Alert(rule=rule.id, story=item.story, reason=admission.reason, opened_at=now, updated_at=now)
            )
            self.queue(tx, alert, rule, item, source.tags, now)
        elif admission.action is Action.UPDATE and alert is not None:
            tx.alerts.update(replace(alert, revision=alert.revision + 1, updated_at=now))
            self.queue(tx, alert, rule, item, source.tags, now)
        elif admission.action is Action.JOIN and not policy.embargoed(item, now):
            self._let_go(tx, item, now)
        self.report(
            f"hit.{admission.action}",
            rule=rule.name,
            item=item.id,
            story=item.story,
            headline="" if policy.embargoed(item, now) else item.headline,
            reason=admission.reason,
        )

    def _let_go(self, tx: Transaction, item: Item, now: datetime) -> None:
        """What waits for the embargo on another item of the story tells of this one, which is free."""
        for waiting in tx.outbox.of_story(item.story):
            held = waiting.state is DeliveryState.HELD and waiting.item
            if held and policy.embargoed(tx.items.get(waiting.item), now):
                waits = waiting.reason != policy.EMBARGOED and waiting.due_at
                tx.outbox.aim(waiting.id, item.id, waits or now)

    def _old(self, item: Item, source: Source, now: datetime) -> bool:
        """Whether the item is older than what the first poll of a source alerts on."""
        if source.last_ok_at is not None or item.published_at is None or source.url.startswith("ingest:"):
            return False
        return item.published_at < now - self.config.poll.first_alert_age

    def queue(
        self, tx: Transaction, alert: Alert, rule: Rule, item: Item, tags: Sequence[str], now: datetime
    ) -> None:
        """Put a message for each recipient into the outbox, or join the one that is still waiting there.

        `tags` are those of the item's source: routes go by them, and by those of the rule.
        """
        targets = policy.targets(rule, tags, self.config.routes)
        for recipient in directory(tx).resolve(targets):
            told = tx.outbox.thread(item.story, recipient.channel, recipient.address)
            due, reason = self._when(rule, item, now, told)
            new = Delivery(
                channel=recipient.channel,
                recipient=recipient.address,
                kind=DeliveryKind.UPDATE if told else DeliveryKind.ALERT,
                state=DeliveryState.SUPPRESSED if recipient.gone else DeliveryState.HELD,
                story=item.story,
                item=item.id,
                priority=Priority.FLASH if policy.urgent(rule, item) else rule.priority,
                reason=recipient.gone or reason,
                created_at=now,
                due_at=due,
            )
            self._put(tx, new, alert)

    def _put(self, tx: Transaction, new: Delivery, alert: Alert) -> None:
        """A row of its own; or, where one is waiting for this recipient, its place in that message.

        What waits goes earlier where the new one cannot wait as long: a digest must not hold a flash.
        """
        waiting = tx.outbox.waiting(new.story, new.channel, new.recipient)
        if waiting is None or new.state is DeliveryState.SUPPRESSED:
            tx.outbox.add(new, [alert.id])
            return
        tx.outbox.join(waiting.id, alert.id)
        if waiting.due_at and new.due_at and new.due_at < waiting.due_at:
            tx.outbox.hasten(
                waiting.id, new.due_at, min(waiting.priority, new.priority, key=URGENCY), new.reason
            )

    def _when(self, rule: Rule, item: Item, now: datetime, told: Sequence[Delivery]) -> tuple[datetime, str]:
        """When a message is due, and what it waits for; `told` are the earlier ones of its thread."""
        if rule.digest and not policy.urgent(rule, item):
            return next_digest(rule.digest, self.config.digest, now), f"digest {rule.digest}"
        wait = policy.group_wait(rule, item, self.config.alerts)
        last = max((one.sent_at or one.due_at or now for one in told), default=None)
        if last and not policy.urgent(rule, item) and last + self.config.alerts.group_interval > now + wait:
            return last + self.config.alerts.group_interval, "group interval"
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

    def _retract(self, tx: Transaction, item: Item, placement: Placement, now: datetime) -> None:
        """Withdraw the story: nothing more goes out, and everyone who was told anything hears of it.

        A withdrawal of something that nobody has seen yet stays as it is: what it names is born withdrawn.
        """
        status = item.status if item.status is Status.WITHHELD else Status.CANCELED
        tx.stories.mark(item.story, status, now)
        tx.outbox.suppress_story(item.story, "the agency withdrew the story")
        self._follow_up(tx, item, DeliveryKind.RETRACTION, now)
        for alert in tx.alerts.of_story(item.story):
            tx.alerts.update(replace(alert, state=AlertState.RETRACTED, updated_at=now))
        unknown = placement.link is Link.FIRST and item.signal is Signal.KILL
        if unknown:
            self._ask(tx, item, now)
        self.report("story.withdrawn", story=item.story, item=item.id, status=status, unknown=unknown)

    def _ask(self, tx: Transaction, item: Item, now: datetime) -> None:
        """Show the operators a withdrawal that names no story we know: a person may know what it means."""
        if policy.embargoed(item, now):
            label = Label(self.config.digest.timezone, self.config.alerts.language)
            item = veiled(item, label(item.embargo_until))
        operators, facts = self.config.alerts.operators, {"headline": item.headline, "lead": item.lead}
        announce(tx, self.config, operators, About.UNKNOWN_KILL, now, **facts)

    def _restore(self, tx: Transaction, item: Item, placement: Placement, now: datetime) -> None:
        """A newer version: what is still waiting tells of it; and a story that was only withheld is free.

        Whoever heard that it was withheld hears that it may be used again.
        """
        if placement.link is not Link.VERSION or placement.late:
            return
        if tx.stories.get(item.story).status is Status.WITHHELD:
            tx.stories.mark(item.story, Status.USABLE, now)
            for alert in tx.alerts.of_story(item.story):
                tx.alerts.update(replace(alert, state=AlertState.OPEN, updated_at=now))
            self._follow_up(tx, item, DeliveryKind.UPDATE, now)
        for waiting in tx.outbox.of_story(item.story):
            if waiting.state is DeliveryState.HELD and waiting.item:
                lifted = waiting.reason == policy.EMBARGOED and not policy.embargoed(item, now)
                tx.outbox.aim(waiting.id, item.id, now if lifted else waiting.due_at or now)

    def _follow_up(self, tx: Transaction, item: Item, kind: DeliveryKind, now: datetime) -> None:
        """Tell exactly those who were told of the story before."""
        told: dict[tuple[str, str], set[int]] = {}
        for delivery in tx.outbox.of_story(item.story):
            if delivery.state is DeliveryState.SENT or (delivery.attempts and delivery.message):
                told.setdefault((delivery.channel, delivery.recipient), set()).update(delivery.alerts)
        known = directory(tx)
        for (channel, recipient), alerts in told.items():
            gone = known.gone(channel, recipient)
            priority = Priority.HIGH if kind is DeliveryKind.UPDATE else Priority.FLASH
            tx.outbox.hurry(item.story, channel, recipient, priority, now)
            tx.outbox.add(
                Delivery(
                    channel=channel,
                    recipient=recipient,
                    kind=kind,
                    state=DeliveryState.SUPPRESSED if gone else DeliveryState.HELD,
                    story=item.story,
                    item=item.id,
                    priority=priority,
                    reason=gone,
                    created_at=now,
                    due_at=now,
                ),
                sorted(alerts),
            )


def announce(
    tx: Transaction, config: Config, targets: Iterable[str], about: About, now: datetime, **facts: object
) -> int:
    """How many recipients are told something about the monitor itself, each in the language it reads.

    The row holds the words until they are written: title and text of a message without an item.
    """
    known = directory(tx)
    present = [one for one in known.resolve(targets) if not one.gone]
    for one in present:
        language, zone = known.reads(one.channel, one.address, config)
        title, text = word(about, language, zone, now, **facts)
        tx.outbox.add(
            Delivery(
                channel=one.channel,
                recipient=one.address,
                kind=DeliveryKind.OPERATOR,
                priority=Priority.HIGH,
                reason=f"{title}\n{text}",
                created_at=now,
                due_at=now,
            )
        )
    return len(present)


def set_aside(
    tx: Transaction, config: Config, source: Source, aside: Sequence[Problem], now: datetime
) -> None:
    """Note what could not be read of a source, and tell the operators unless they heard of it lately."""
    if aside:
        tx.asides.add(source.id, aside, now)
        tell_aside(tx, config, now)


def tell_aside(tx: Transaction, config: Config, now: datetime) -> None:
    """Tell the operators of what lies aside, unread: of each once, of a source's at most hourly."""
    untold = tx.asides.untold(now - ASIDE_GAP)
    for source in tx.sources.with_ids(untold):
        problems = untold[source.id]
        shown = {each.where: each.what for each in problems[:ASIDE_SHOWN]}
        facts = {"source": source.name, "shown": shown, "more": len(problems) - len(shown)}
        kept = f"{source.url}/bad" if source.url.startswith("folder:") else ""
        announce(tx, config, config.alerts.operators, About.ASIDE, now, kept=kept, **facts)
    tx.asides.told(untold, now)


def directory(tx: Transaction) -> Directory:
    """Everybody who is told or was, as of this transaction."""
    return Directory(tx.people.all(), tx.people.groups())
