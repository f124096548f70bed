"""Why a story was told or not, from the poll to the acknowledgement: the audit after a missed story.

Everything is read from what was written down at the time: the gaps of the source, the placement, the version
of the rule that was live, the hit with its reason, silences, messages and each try at them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from service.actions.trials import of_rule
from service.alerts.silence import covering
from service.app import App
from service.errors import QueryError, UsageError
from service.model import (
    Alert,
    AlertState,
    Attempt,
    Delivery,
    DeliveryState,
    Evidence,
    Gap,
    Hit,
    Item,
    Placement,
    Rule,
    Signal,
    Silence,
    Source,
    Status,
)
from service.rules import lint
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.index import evaluate
from service.rules.nodes import Node
from service.rules.watchlist import LONGEST_CANONICAL
from service.store.db import Transaction
from service.text import tokens
from service.text.fold import fold
from service.text.url import canonical

FOUND = 5  # items that a headline or an address may mean
LOOKED_AT = 200  # items that hold the words of a headline
TELLING_WORDS = 4  # of a headline, by which others like it are looked for
BEFORE = timedelta(hours=1)  # a gap so long before an item came may have delayed it
LATELY = timedelta(days=1)  # gaps that are shown for a story that never came


class Fate(StrEnum):
    """What became of an item at a rule, in the fewest words."""

    NO_HIT = "no-hit"
    TOLD = "told"
    ALERTED = "alerted"  # the rule hit it, and that made no message: the reason says why
    OLD = "old"  # it was older than what the first poll of a source alerts on
    BEFORE = "before"  # the rule was another one, or at rest, or not there, when it came in


@dataclass(frozen=True, slots=True)
class Why:
    """An item, and what became of it under one rule."""

    item: Item
    source: str
    fate: Fate
    reason: str  # of the hit, or of the alert
    sentence: str  # the answer
    gaps: Sequence[Gap]  # when its source was not read, around the time when it came
    placement: Placement
    headline: str  # of its story
    rule: Rule | None  # the version that was live when it came; None: there was none yet
    versions: int  # that the rule has by now
    evidence: Sequence[Evidence]  # where that version hits it; where there was none, the present one
    explained: lint.Explanation  # likewise
    hits_now: bool
    hit: Hit | None  # as it was written down when it came
    alert: Alert | None
    silences: Sequence[Silence]  # that would have covered it when it came
    deliveries: Sequence[Delivery]
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class Watched:
    """A source, and when it was not read lately."""

    source: Source
    gaps: Sequence[Gap]
    same_site: bool  # its address or its items are on the site that was asked about


@dataclass(frozen=True, slots=True)
class Absent:
    """A story that never came: what was watched meanwhile, and what comes near."""

    at: datetime
    watched: Sequence[Watched]  # sources on the same site first, then those with gaps
    close: Sequence[tuple[Item, str]]  # items with words of the headline, the likest first
    veiled: int  # items under an embargo, in which nothing is looked for


def why(app: App, rule: str, of: str) -> list[Why]:
    """What became of the items with that headline, address or id, the newest first.

    Empty where there is none. Raises NotFoundError for a rule.
    """
    query = of_rule(app, rule, "")
    with app.store.read() as tx:
        known, names = tx.rules.get(rule), tx.sources.names()
        return [
            _Audit(app, tx, known, query.node).of(item, names.get(item.source, ""))
            for item in _items(tx, of.strip())
        ]


def absent(app: App, of: str) -> Absent:
    """What can be said of a story that is not there under that headline or address."""
    now, of = app.store.now(), of.strip()
    site = (urlsplit(of).hostname or "").removeprefix("www.") if "://" in of else ""
    with app.store.read() as tx:
        names = tx.sources.names()
        gaps = tx.gaps.between(now - LATELY, now)
        watched = [
            Watched(one, [gap for gap in gaps if gap.source == one.id], bool(site) and site in one.url)
            for one in tx.sources.list()
        ]
        close = _close(tx, of) if not site else tx.items.linked(canonical(of))
        veiled = len(tx.veil.hidden)
    watched.sort(key=lambda one: (not one.same_site, not one.gaps, one.source.name))
    return Absent(now, watched, [(item, names.get(item.source, "")) for item in close], veiled)


@dataclass(frozen=True, slots=True)
class _Reading:
    """An item as a rule reads it."""

    evidence: Sequence[Evidence] | None
    explained: lint.Explanation
    hits_now: bool


class _Audit:
    """One rule's look back, in one transaction."""

    def __init__(self, app: App, tx: Transaction, rule: Rule, node: Node) -> None:
        self._app, self._tx, self._rule, self._node = app, tx, rule, node
        self._versions = tx.rules.versions(rule.id)

    def of(self, item: Item, source: str) -> Why:
        """All that is known of an item."""
        tx, came = self._tx, item.received_at or self._app.store.now()
        live = next((one for one in self._versions if one.changed_at and one.changed_at <= came), None)
        hits = tx.alerts.hits(item.id)
        hit = next((one for one in hits if one.rule == self._rule.id), None)
        seen = self._read(item, source, live, hit)
        alert = tx.alerts.get(self._rule.id, item.story)
        told = [one for one in tx.outbox.of_story(item.story) if alert and alert.id in one.alerts]
        return Why(
            item=item,
            source=source,
            fate=_fate(live, seen.evidence, hit, told),
            reason=hit.reason if hit and not alert else alert.reason if alert else "",
            sentence=_sentence(item, live, seen.evidence, hit, alert, told),
            gaps=tx.gaps.between((item.published_at or came) - BEFORE, came, [item.source]),
            placement=tx.items.placement(item.id),
            headline=tx.stories.get(item.story).headline,
            rule=live,
            versions=len(self._versions),
            evidence=seen.evidence or (),
            explained=seen.explained,
            hits_now=seen.hits_now,
            hit=hit,
            alert=alert,
            silences=self._silences(item, source, came, told),
            deliveries=told,
            attempts=[attempt for one in told for attempt in tx.outbox.attempts(one.id)],
        )

    def _read(self, item: Item, source: str, live: Rule | None, hit: Hit | None) -> _Reading:
        """What the version that was live makes of the item; of veiled text, only that it hit or did not."""
        rule = live or self._rule
        if self._tx.veil.hides(item):
            evidence = None if hit is None else ()
            part = lint.Explanation(text=rule.query, hit=hit is not None)
            return _Reading(evidence, part, hits_now=hit is not None)
        document = Document.of(item, self._app.morphology, source=source, language=self._rule.language)
        node = self._parsed(live, item.received_at) if live else self._node
        return _Reading(
            evaluate(node, document, rule.language),
            lint.explain(node, document, rule.language),
            hits_now=self._node.holds(document.read_as(self._rule.language)),
        )

    def _parsed(self, rule: Rule, at: datetime | None) -> Node:
        """The query of a version, with the lists of the time; where one is gone, the present query."""
        lists = self._tx.rules.lists_at(at) if at else self._tx.rules.lists()
        try:
            return parse(rule.query, lists, longest=LONGEST_CANONICAL)
        except QueryError:
            return self._node

    def _silences(self, item: Item, source: str, came: datetime, told: Sequence[Delivery]) -> list[Silence]:
        """The silences that covered it from when it came to when it was to be told."""
        until = max((one.due_at for one in told if one.due_at), default=came)
        channels = {target.partition(":")[0] for target in self._rule.channels}
        facts = {
            "rule": {self._rule.name},
            "source": {source},
            "channel": channels,
            "story": {str(item.story)},
        }
        return [
            one
            for one in self._tx.alerts.silences_between(came, max(until, came))
            if covering([one], facts, max(one.starts_at, came))
        ]


def _items(tx: Transaction, of: str) -> Sequence[Item]:
    """The stored items that an id, an address or a headline means."""
    if of.isascii() and of.isdigit() and len(of) < 19:
        return [tx.items.get(int(of))]
    if of.startswith(("http://", "https://")):
        return tx.items.linked(canonical(of), FOUND)
    try:
        found = tx.items.search(of, limit=LOOKED_AT)
    except UsageError:  # not a word in it
        return []
    wanted = set(map(fold, tokens.words(of)))
    titled = [one for one in found if wanted <= set(map(fold, tokens.words(one.headline)))]
    return (titled or list(found))[:FOUND]


def _close(tx: Transaction, headline: str) -> list[Item]:
    """Items that share telling words with a headline, the likest first."""
    words = sorted(dict.fromkeys(tokens.words(headline)), key=len, reverse=True)[:TELLING_WORDS]
    shared: Counter[int] = Counter()
    items: dict[int, Item] = {}
    for word in words:
        for item in tx.items.search(word, limit=LOOKED_AT):
            shared[item.id] += 1
            items[item.id] = item
    likest = sorted(shared, key=lambda number: (shared[number], number), reverse=True)
    return [items[number] for number in likest[:FOUND] if shared[number] * 2 >= len(words)]


def _fate(
    live: Rule | None, evidence: Sequence[Evidence] | None, hit: Hit | None, told: Sequence[Delivery]
) -> Fate:
    if told:
        return Fate.TOLD
    if hit is not None:
        return Fate.OLD if "first poll" in hit.reason else Fate.ALERTED
    if live is None or not live.enabled:
        return Fate.BEFORE if evidence is not None else Fate.NO_HIT
    return Fate.NO_HIT


def _sentence(
    item: Item,
    live: Rule | None,
    evidence: Sequence[Evidence] | None,
    hit: Hit | None,
    alert: Alert | None,
    told: Sequence[Delivery],
) -> str:
    """The answer in one line: the last thing that went as it should, or the first that did not."""
    if hit is None:
        if item.status is not Status.USABLE or item.signal is Signal.KILL:
            return "it takes back what came before, and no rule is matched against it"
        if live is None:
            return "it came before the rule was there" + (", which hits it now" if evidence else "")
        if not live.enabled:
            return f"the rule was disabled when it came (version {live.version})"
        return "the rule did not hit it" if evidence is None else "the rule was not matched against it"
    if alert is None:
        return f"the rule hit it, and it was not told: {hit.reason}"
    if alert.state is AlertState.RETRACTED:
        return "it was withdrawn by the agency, and those who were told have heard of that"
    sent = [one for one in told if one.state is DeliveryState.SENT]
    if sent:
        suffix = "" if hit.action in {"open", "update"} else f" ({hit.reason})"
        return f"it was told{suffix}"
    waiting = [one for one in told if one.state in {DeliveryState.HELD, DeliveryState.PENDING}]
    if waiting:
        return f"it is on its way: {waiting[0].last_error or waiting[0].reason or 'about to be sent'}"
    if told:
        return f"the rule hit it, and no message went out: {told[-1].last_error or told[-1].reason}"
    return f"the rule hit it, and there was nobody to tell: {hit.reason}"
