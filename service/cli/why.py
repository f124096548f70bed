"""`why`: the audit of one story under one rule, as a short report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from service.cli.screens import explained_lines, field
from service.cli.session import Session, command
from service.cli.terminal import ago, bold, count, dim, length, local, safe, state
from service.model import Exit, Gap, Item, Link

if TYPE_CHECKING:
    from service.actions.why import Absent, Why

SOURCES = 12  # that are shown for a story that never came


@command()
@click.argument("rule", metavar="RULE")
@click.argument("of", metavar="URL|HEADLINE", nargs=-1, required=True)
def why(session: Session, rule: str, of: tuple[str, ...]) -> int:
    """Why a story was told or not: fetched, read, placed, matched, held, sent.

    Names the story by its address, its headline (or some words of it), or the ID of an item. The exit code
    is 1 where it never came; then the sources are shown, when each was not read, and what comes close.
    """
    from service.actions import shapes
    from service.actions import why as audit

    wanted = " ".join(of)
    with session.app() as app:
        found = audit.why(app, rule, wanted)
        missing = None if found else audit.absent(app, wanted)
    if missing is None:
        session.answer([shapes.why(one) for one in found], _reports(found, rule))
        return Exit.DONE
    session.answer(shapes.absent(missing), _absent(missing))
    return Exit.FAILED


def _reports(found: list[Why], rule: str) -> Iterator[str]:
    for number, one in enumerate(found):
        if number:
            yield ""
        yield bold(one.item.headline)
        yield field("answer", safe(one.sentence))
        yield from _came(one)
        yield from _matched(one, rule)
        yield from _told(one)


def _came(one: Why) -> Iterator[str]:
    """How it came in, was read and placed."""
    item, placement = one.item, one.placement
    stamped = f"stamped {_clock(item.published_at)}, " if item.published_at else "without a date, "
    late = ""
    if item.published_at and item.received_at:
        late = f" ({length(item.received_at - item.published_at)} later)"
    yield field(
        "came", safe(f"item {item.id} of {one.source}: {stamped}seen {_clock(item.received_at)}{late}")
    )
    for gap in one.gaps:
        yield field("blind", safe(f"{one.source} {gap_line(gap)}"))
    if not one.gaps:
        yield field("blind", f"no: {safe(one.source)} was read all the time before")
    yield field("read as", safe(", ".join(_facts(item))))
    how = "opened it" if placement.link is Link.FIRST else f"{placement.link}: {placement.reason}"
    yield field("story", safe(f"{item.story}, {one.headline} ({how})"))


def _facts(item: Item) -> Iterator[str]:
    """What the parser made of it, as far as rules and policy look at it."""
    yield f"language {item.language or 'unknown'}"
    if item.agency:
        yield item.agency
    if item.urgency:
        yield f"urgency {item.urgency}"
    if item.genre:
        yield f"genre {item.genre}"
    if item.signal.value != "none":
        yield item.signal.value
    yield item.status.value
    if item.embargo_until:
        yield f"embargoed until {_clock(item.embargo_until)}"
    yield f"{len(item.body):,} characters of text"


def _matched(one: Why, rule: str) -> Iterator[str]:
    """Which version of the rule was live, and what it made of the item."""
    if one.rule is None:
        yield field("rule", safe(f"{rule} was not there yet; as it is now:"))
    else:
        by = f" by {one.rule.changed_by}" if one.rule.changed_by else ""
        of = f" of {one.versions}" if one.versions > 1 else ""
        off = ", disabled" if not one.rule.enabled else ""
        since = f"since {_clock(one.rule.changed_at)}{by}{off}"
        yield field("rule", safe(f"{rule}, version {one.rule.version}{of}, {since}"))
    yield from explained_lines(one.explained)
    if one.rule and one.hits_now != bool(one.evidence):
        yield field(
            "now", "the rule as it is now hits it" if one.hits_now else "the rule as it is now does not"
        )
    if one.hit:
        yield field("hit", safe(f"{_clock(one.hit.at)}, {one.hit.action}: {one.hit.reason}"))


def _told(one: Why) -> Iterator[str]:
    """Who silenced or held it, when it was sent and accepted, and who took care of it."""
    for silence in one.silences:
        matched = " ".join(f"{kind}={value}" for kind, value in silence.matchers)
        by = f" by {silence.author}" if silence.author else ""
        span = f"{_clock(silence.starts_at)} to {_clock(silence.ends_at)}"
        yield field("silenced", safe(f"{matched}, {span}{by}: {silence.comment}"))
    for message in one.deliveries:
        to = f"{message.channel}:{message.recipient}" if message.recipient else message.channel
        at = f"sent {_clock(message.sent_at)}" if message.sent_at else f"due {_clock(message.due_at)}"
        said = message.last_error or message.reason
        yield field(
            "message",
            f"{message.id}, {message.kind} to {safe(to)}: {state(message.state.value)}, decided "
            f"{_clock(message.created_at)}, {at}" + (f" ({safe(said)})" if said else ""),
        )
        for tried in (attempt for attempt in one.attempts if attempt.delivery == message.id):
            outcome = tried.outcome
            answer = " ".join(filter(None, (outcome.code, outcome.reason))) or outcome.verdict.value
            took = f"{tried.took.total_seconds():.1f} s"
            yield field(
                "",
                dim(f"try {tried.number} {_clock(tried.started_at)}, {took}: {answer}"),
            )
    if alert := one.alert:
        if alert.acknowledged_at:
            by = f" by {alert.acknowledged_by}" if alert.acknowledged_by else ""
            yield field("taken", safe(f"acknowledged {_clock(alert.acknowledged_at)}{by}"))
        else:
            yield field(
                "taken", f"alert {alert.id} is {state(alert.state.value)}, nobody has acknowledged it"
            )


def _absent(one: Absent) -> Iterator[str]:
    yield bold("It was never stored.")
    blind = [watched for watched in one.watched if watched.gaps]
    yield field("sources", f"{count(len(one.watched), 'source')}, {len(blind)} with gaps in the last 24 h")
    for watched in one.watched[:SOURCES]:
        source = watched.source
        site = ", on that site" if watched.same_site else ""
        read = f"last read {ago(source.last_ok_at, one.at)}, last item {ago(source.last_item_at, one.at)}"
        yield field("", f"{safe(source.name)}: {state(source.state.value)}{site}, {read}")
        for gap in watched.gaps:
            yield field("", safe(f"  {gap_line(gap)}"))
    for item, name in one.close:
        yield field("close", safe(f"item {item.id} of {name}, {_clock(item.received_at)}: {item.headline}"))
    if not one.close:
        yield field("close", "nothing with those words")


def gap_line(gap: Gap) -> str:
    """`down 05:10–05:31: timeout (4 polls)`."""
    end = gap.ended_at
    same_day = end and end.astimezone().date() == gap.began_at.astimezone().date()
    until = "now" if end is None else end.astimezone().strftime("%H:%M") if same_day else local(end)
    polls = f" ({count(gap.polls, 'poll')} failed)" if gap.polls else ""
    return f"down {local(gap.began_at)}–{until}: {gap.reason}{polls}"


def _clock(at: datetime | None) -> str:
    """`2026-11-24 05:24:10` in the zone of this machine."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "–"
