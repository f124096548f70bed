"""Who is told what, and why not: pure decisions that answer with a reason.

`admit` is asked when a rule has hit an item, in the transaction that stores the item. `release` is asked
when a held message is due. Both see values only, so that `preview` and the tests ask them the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.alerts.hours import quiet_until
from service.alerts.load import Load, backlog, too_many
from service.alerts.silence import covering
from service.config import Alerts, QuietHours, Route
from service.model import (
    Alert,
    AlertState,
    Delivery,
    DeliveryKind,
    Item,
    Link,
    Placement,
    Priority,
    Rule,
    Signal,
    Silence,
    Status,
    Story,
)

FLASH_URGENCY = 2  # IPTC urgency 1 and 2: flash and bulletin

# Genres that would flood: told only to rules that name them.
HELD_BACK = {"holdings": "a notice of holdings or dealings", "collection": "many stories in one item"}

# The ids of our own messages, see `deliver.render.message_id`.
OWN_ID = re.compile(r"^<?(alert|digest|operator|test)-\d+\.\d+\.\d+@")

EMBARGOED = "embargoed"  # the reason of a message that waits for its embargo to end

PROGRESS = frozenset({Signal.NONE, Signal.UPDATE})  # a correction is told anyway, a repeat is none
COPIES = frozenset({Link.EQUAL, Link.COPY, Link.TEASER})

# Messages that nothing holds back: whoever was told something wrong must hear that it was wrong.
UNSTOPPABLE = frozenset({DeliveryKind.RETRACTION, DeliveryKind.TEST, DeliveryKind.OPERATOR})


GATHERED = ("digest", "quiet hours", "storm", "throttle")  # how the reasons of what comes together begin


class Action(StrEnum):
    """What `admit` decides."""

    OPEN = "open"  # the first message of this rule about this story
    UPDATE = "update"  # a further message on the same thread
    JOIN = "join"  # told already: noted, not told
    SUPPRESS = "suppress"  # not told, and nothing will be


@dataclass(frozen=True, slots=True)
class Admission:
    """What becomes of a hit, with the reason as a person reads it."""

    action: Action
    reason: str


def admit(
    rule: Rule,
    item: Item,
    placement: Placement,
    alert: Alert | None,
    *,
    story: Status = Status.USABLE,
    nearest: Item | None = None,
    new_to_rule: bool,
    baseline: bool,
    now: datetime | None = None,
    base_url: str = "",
) -> Admission:
    """What becomes of a hit of `rule` on `item`.

    `alert` is what the rule was already told about the story, `story` the status of that, `nearest` the
    item that this one was placed beside. `new_to_rule` says that the rule never hit an item of the story
    before, `baseline` that the item is older than what a first poll alerts on. `base_url` is where this
    monitor shows its own pages.
    """
    if echo(item, base_url):
        return Admission(Action.SUPPRESS, "a message of this monitor itself")
    if item.status is not Status.USABLE:
        return Admission(Action.SUPPRESS, f"the agency has marked the item {item.status}")
    if story is not Status.USABLE:
        return Admission(Action.SUPPRESS, "the original was withdrawn")
    if baseline:
        return Admission(Action.SUPPRESS, "an old item on the first poll of its source")
    if item.genre in HELD_BACK and "genre:" not in rule.query:
        return Admission(Action.SUPPRESS, f"{HELD_BACK[item.genre]}: told where the rule names genre:")
    if placement.late:
        return Admission(Action.SUPPRESS, "an older version that came late")
    if alert is None:
        if new_to_rule:
            return Admission(Action.OPEN, _opening(placement))
        return Admission(Action.SUPPRESS, "the rule met this story before it was to alert on it")
    if alert.state is AlertState.RETRACTED:
        return Admission(Action.SUPPRESS, "the story was withdrawn")
    if cared_for(alert, now):
        return Admission(Action.JOIN, f"{alert.acknowledged_by or 'somebody'} has acknowledged it")
    if placement.link is Link.VERSION and nearest and flashed(item) and not flashed(nearest):
        return Admission(Action.UPDATE, f"the urgency has risen to {item.urgency}")
    if placement.link is Link.VERSION and rule.on_updates and item.signal in PROGRESS:
        return Admission(Action.UPDATE, "a new version, and the rule asks for updates")
    return Admission(Action.JOIN, f"told already: {placement.reason or placement.link}")


def cared_for(alert: Alert, now: datetime | None) -> bool:
    """Whether somebody takes care of it, so that only what was wrong is told of it."""
    if alert.state is not AlertState.ACKNOWLEDGED:
        return False
    return alert.acknowledged_until is None or now is None or now < alert.acknowledged_until


def echo(item: Item, base_url: str) -> bool:
    """Whether the item is what a monitor has sent, come back over a source: it would go round for ever."""
    own = base_url.rstrip("/") + "/"
    return bool(OWN_ID.search(item.external_id)) or bool(base_url and item.link.startswith(own))


def targets(rule: Rule, tags: Iterable[str], routes: Mapping[str, Route]) -> dict[str, str]:
    """Whom a hit tells, each with the reason: the rule's own targets, and those of each route it takes.

    `tags` are those of the source; the rule's own count as well.
    """
    told = {target: f"the rule tells {target}" for target in rule.channels}
    for name, route in routes.items():
        if taken := sorted({*rule.tags, *tags} & set(route.tags)):
            for target in route.channels:
                told.setdefault(target, f"the route {name} tells {target} of what bears the tag {taken[0]}")
    return told


def _opening(placement: Placement) -> str:
    if placement.link is Link.FIRST:
        return "a new story"
    return f"the rule matches this story for the first time ({placement.link})"


def flashed(item: Item) -> bool:
    """Whether the agency sent the item as flash or bulletin."""
    return 0 < item.urgency <= FLASH_URGENCY


def embargoed(item: Item, now: datetime) -> bool:
    """Whether the text of the item must not be seen yet."""
    return item.embargo_until is not None and item.embargo_until > now


def urgent(rule: Rule, item: Item) -> bool:
    """Whether this goes out as flash: past group wait, throttle and quiet hours."""
    return rule.priority is Priority.FLASH or (flashed(item) and rule.priority is Priority.HIGH)


def follow_up(item: Item, placement: Placement, nearest: Item | None) -> DeliveryKind | None:
    """What those who were told of the story before must hear because of `item`; None: nothing.

    A correction that a second portal carries corrects nothing anew, and a copy that merely has another
    number is shown on the story and never sent as a correction.
    """
    if item.signal is Signal.KILL or item.status is not Status.USABLE:
        return DeliveryKind.RETRACTION
    if item.signal is not Signal.CORRECTION or placement.late or placement.link is Link.FIRST:
        return None
    carried = placement.link in COPIES and nearest is not None and nearest.signal is Signal.CORRECTION
    return None if carried else DeliveryKind.CORRECTION


def group_wait(rule: Rule, item: Item, settings: Alerts) -> timedelta:
    """How long a first message waits for other rules that hit the same story."""
    at_once = urgent(rule, item) or (flashed(item) and rule.priority is not Priority.LOW)
    return timedelta(0) if at_once else settings.group_wait


class Step(StrEnum):
    """What `release` decides."""

    SEND = "send"
    HOLD = "hold"
    GATHER = "gather"  # together with the others of its channel, in one message
    SUPPRESS = "suppress"


@dataclass(frozen=True, slots=True)
class Release:
    """What becomes of a held message that is due; `until` for HOLD alone."""

    step: Step
    reason: str = ""
    until: datetime | None = None
    silence: int = 0  # the one that swallowed it


def release(
    delivery: Delivery,
    item: Item | None,
    story: Story | None,
    *,
    rules: Sequence[str],
    source: str,
    silences: Sequence[Silence],
    quiet: QuietHours | None,
    sees_embargoed: bool,
    now: datetime,
    load: Load = Load(),  # noqa: B008 - frozen
    settings: Alerts = Alerts(),  # noqa: B008 - frozen
) -> Release:
    """What becomes of a held `delivery` that is due, as things stand at `now`.

    The status of the story is looked at again here, since an embargo or quiet hours may have passed
    between the hit and this moment. `rules` are the names of the rules that the message lists, `load` is
    what its recipient got lately.
    """
    if delivery.kind in UNSTOPPABLE:
        return Release(Step.SEND)
    if story is not None and story.status is not Status.USABLE:
        return Release(Step.SUPPRESS, f"the story is {story.status}")
    if item is not None and embargoed(item, now) and not sees_embargoed:
        return Release(Step.HOLD, EMBARGOED, item.embargo_until)
    if delivery.kind is DeliveryKind.CORRECTION:
        return Release(Step.SEND)
    facts = {
        "rule": rules,
        "source": [source],
        "channel": [delivery.channel],
        "story": [str(delivery.story)],
        "recipient": [delivery.recipient],
    }
    if silence := covering(silences, facts, now):
        said = f"silenced until {silence.ends_at:%Y-%m-%d %H:%M}Z: {silence.comment}"
        return Release(Step.SUPPRESS, said, silence=silence.id)
    if delivery.priority is Priority.FLASH:
        return Release(Step.SEND)
    if until := quiet_until(quiet, delivery.channel, now):
        return Release(Step.HOLD, "quiet hours", until)
    gathers = together(delivery.reason)
    wait = backlog(load, delivery.reason, settings, now) if gathers else too_many(load, rules, settings, now)
    if wait:
        return Release(Step.HOLD, wait.reason, wait.until)
    return Release(Step.GATHER, delivery.reason) if gathers else Release(Step.SEND)


def may_wait(delivery: Delivery) -> bool:
    """Whether it depends on what its recipient got lately when this message goes out."""
    unhindered = delivery.kind in UNSTOPPABLE or delivery.kind is DeliveryKind.CORRECTION
    return not unhindered and delivery.priority is not Priority.FLASH


def together(reason: str) -> str:
    """What a message waits for to be told with others: digest, quiet hours, storm, throttle; "" for alone."""
    return next((kind for kind in GATHERED if reason.startswith(kind)), "")
