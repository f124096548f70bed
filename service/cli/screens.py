"""Blocks of text that more than one command shows: rules, hits, deliveries, the status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from service.cli.terminal import ago, bold, dim, local, marked, safe, state, table
from service.model import Delivery, DeliveryState, Evidence, Item, Rule, SourceState

if TYPE_CHECKING:
    from service.actions.health import Status

EXCERPT = 90  # characters of the text around a place


def field(name: str, value: str) -> str:
    """One line of a block: the name in a column of its own."""
    return f"  {name:<10} {value}"


def rule_lines(rule: Rule) -> Iterator[str]:
    """A rule as it is stored."""
    policy = [
        rule.priority.value,
        f"digest {rule.digest}" if rule.digest else "",
        "updates too" if rule.on_updates else "",
        f"language {rule.language}" if rule.language else "",
        "" if rule.enabled else "disabled",
    ]
    yield field("query", bold(rule.query))
    yield field("tells", safe(f"{', '.join(rule.channels)} ({', '.join(filter(None, policy))})"))


def hit_lines(item: Item, evidence: Sequence[Evidence], source: str = "", *, reasons: bool) -> Iterator[str]:
    """An item with its matched words marked, and on request why each one matched."""
    titled = [place for place in evidence if place.field == "title"]
    at = local(item.received_at or item.published_at)
    yield f"  {at}  {f'{safe(source)}  ' if source else ''}{marked(item.headline, spans(titled))}"
    missing = {place.term for place in evidence} - {place.term for place in titled}
    body = [place for place in evidence if place.field == "body"]
    if any(place.term in missing for place in body):
        yield f"{'':20}{marked(item.body, spans(body), EXCERPT)}"
    if reasons:
        for reason in dict.fromkeys(map(because, evidence)):
            yield dim(f"{'':20}{reason}")


def spans(evidence: Sequence[Evidence]) -> list[tuple[int, int]]:
    """The places of evidence in its field."""
    return [(place.start, place.end) for place in evidence]


def because(place: Evidence) -> str:
    """`“Auslandsreise” for Reise (compound, in the body)`."""
    name = f" of @{place.list}" if place.list else ""
    return f"“{place.text}” for {place.term}{name} ({place.how}, {place.field})"


def delivery_lines(deliveries: Sequence[Delivery]) -> Iterator[str]:
    """Messages as a table."""
    rows = (
        (
            one.id,
            one.sent_at or one.due_at,
            state(one.state.value),
            one.kind.value,
            f"{one.channel}:{one.recipient}" if one.recipient else one.channel,
            one.attempts,
            one.last_error or one.reason or (one.message.subject if one.message else ""),
        )
        for one in deliveries
    )
    return table(
        ("id", "sent or due", "state", "kind", "to", "tries", "what is said about it"), rows, "no messages"
    )


def status_screen(seen: Status) -> Iterator[str]:
    """Everything on one screen."""
    sources = ", ".join(
        f"{seen.sources[each]} {state(each.value)}" for each in SourceState if seen.sources.get(each)
    )
    sent, dead = (seen.deliveries.get(each, 0) for each in (DeliveryState.SENT, DeliveryState.DEAD))
    waiting = sum(seen.deliveries.get(each, 0) for each in (DeliveryState.HELD, DeliveryState.PENDING))
    daemons = ", ".join(safe(node.name) for node in seen.nodes)
    yield field("daemon", daemons or "none is running (monitor run)")
    yield field("database", safe(seen.database))
    yield field(
        "sources",
        f"{sources or 'none (monitor add-source URL)'}; next poll {ago(seen.next_poll_at, seen.at)}",
    )
    yield field("items", f"{seen.items:,} stored, the last {ago(seen.last_item_at, seen.at)}")
    disabled = f", {seen.rules_disabled} disabled" if seen.rules_disabled else ""
    yield field("rules", f"{seen.rules}{disabled}" if seen.rules else "none (monitor add-rule QUERY)")
    yield field("alerts", f"{seen.alerts:,} in the last 24 h")
    given_up = f"{dead:,} {state('dead')} (monitor list-deliveries --failed)" if dead else "none given up"
    yield field("messages", f"{sent:,} sent, {waiting:,} waiting, {given_up}")
    if seen.stopped:
        yield field("sending", safe(seen.stopped))
