"""`why`: the audit of one story under one rule, as a short report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from service.cli.screens import by, explained_lines, field
from service.cli.session import Session, command
from service.cli.terminal import ago, bold, dim, length, local, safe, state
from service.cli.words import _, ngettext, number, told
from service.model import Exit, Gap, Item, Link, Status

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
    for place, one in enumerate(found):
        if place:
            yield ""
        yield bold(one.item.headline)
        yield field(_("answer"), safe(told(one.sentence)))
        yield from _came(one)
        yield from _matched(one, rule)
        yield from _told(one)


def _came(one: Why) -> Iterator[str]:
    """How it came in, was read and placed."""
    item, placement = one.item, one.placement
    stamped, seen = _("without a date"), _("seen {at}", at=_clock(item.received_at))
    if item.published_at:
        stamped = _("stamped {at}", at=_clock(item.published_at))
        if item.received_at:
            seen += f" ({_('{span} later', span=length(item.received_at - item.published_at))})"
    which = _("item {id} of {source}", id=item.id, source=one.source)
    yield field(_("came"), safe(f"{which}: {stamped}, {seen}"))
    for gap in one.gaps:
        yield field(_("blind"), safe(f"{one.source} {gap_line(gap)}"))
    if not one.gaps:
        yield field(_("blind"), _("no: {source} was read all the time before", source=safe(one.source)))
    yield field(_("read as"), safe(", ".join(_facts(item))))
    how = _("opened it") if placement.link is Link.FIRST else told(placement.reason) or placement.link
    yield field(_("story"), safe(f"{item.story}, {one.headline} ({how})"))


def _facts(item: Item) -> Iterator[str]:
    """What the parser made of it, as far as rules and policy look at it."""
    yield _("language {tag}", tag=item.language or _("unknown"))
    if item.agency:
        yield item.agency
    if item.urgency:
        yield _("urgency {number}", number=item.urgency)
    if item.genre:
        yield _("genre {name}", name=item.genre)
    if item.signal.value != "none":
        yield told(item.signal.value)
    if item.status is not Status.USABLE:
        yield told(item.status.value)
    if item.embargo_until:
        yield _("embargoed until {at}", at=_clock(item.embargo_until))
    yield ngettext("{n} character of text", "{n} characters of text", len(item.body))


def _matched(one: Why, rule: str) -> Iterator[str]:
    """Which version of the rule was live, and what it made of the item."""
    if one.rule is None:
        yield field(_("rule"), _("{rule} was not there yet; as it is now:", rule=safe(rule)))
    else:
        version = _("version {number} of {all}", number=one.rule.version, all=one.versions)
        since = _("since {at}", at=_clock(one.rule.changed_at)) + by(one.rule.changed_by)
        off = "" if one.rule.enabled else f", {_('disabled')}"
        yield field(_("rule"), safe(f"{rule}, {version}, {since}{off}"))
    yield from explained_lines(one.explained)
    if one.rule and one.hits_now != bool(one.evidence):
        hits = _("the rule as it is now hits it")
        yield field(_("now"), hits if one.hits_now else _("the rule as it is now does not"))
    if one.hit:
        yield field(_("hit"), safe(f"{_clock(one.hit.at)}: {told(one.hit.reason)}"))


def _told(one: Why) -> Iterator[str]:
    """Who silenced or held it, when it was sent and accepted, and who took care of it."""
    for silence in one.silences:
        matched = " ".join(f"{kind}={value}" for kind, value in silence.matchers)
        span = f"{_clock(silence.starts_at)} – {_clock(silence.ends_at)}"
        yield field(_("silenced"), safe(f"{matched}, {span}{by(silence.author)}: {silence.comment}"))
    for message in one.deliveries:
        to = f"{message.channel}:{message.recipient}" if message.recipient else message.channel
        sent, due = _clock(message.sent_at), _clock(message.due_at)
        at = _("sent {at}", at=sent) if message.sent_at else _("due {at}", at=due)
        decided = _("decided {at}", at=_clock(message.created_at))
        what = _("{id}, {kind} to {target}", id=message.id, kind=told(message.kind.value), target=safe(to))
        said = told(message.last_error or message.reason)
        yield field(
            _("message"),
            f"{what}: {state(message.state.value)}, {decided}, {at}" + (f" ({safe(said)})" if said else ""),
        )
        for tried in (attempt for attempt in one.attempts if attempt.delivery == message.id):
            outcome = tried.outcome
            answer = " ".join(filter(None, (outcome.code, told(outcome.reason)))) or outcome.verdict.value
            took = f"{number(round(tried.took.total_seconds(), 1))} s"
            try_ = _("try {number}", number=tried.number)
            yield field("", dim(f"{try_} {_clock(tried.started_at)}, {took}: {answer}"))
    if alert := one.alert:
        if alert.acknowledged_at:
            taken = _("acknowledged {at}", at=_clock(alert.acknowledged_at))
            yield field(_("taken"), safe(f"{taken}{by(alert.acknowledged_by)}"))
        else:
            which = _("alert {id} is {state}", id=alert.id, state=state(alert.state.value))
            yield field(_("taken"), f"{which}, {_('nobody has acknowledged it')}")


def _absent(one: Absent) -> Iterator[str]:
    yield bold(_("It was never stored."))
    if one.veiled:
        hidden = ngettext(
            "{n} item that nobody may read yet", "{n} items that nobody may read yet", one.veiled
        )
        yield field(_("unless"), f"{hidden} (--embargoed)")
    blind = [watched for watched in one.watched if watched.gaps]
    sources = ngettext("{n} source", "{n} sources", len(one.watched))
    gaps = ngettext("{n} with gaps in the last 24 h", "{n} with gaps in the last 24 h", len(blind))
    yield field(_("sources"), f"{sources}, {gaps}")
    for watched in one.watched[:SOURCES]:
        source = watched.source
        site = f", {_('on that site')}" if watched.same_site else ""
        ok, came = ago(source.last_ok_at, one.at), ago(source.last_item_at, one.at)
        read = _("last read {ok}, last item {came}", ok=ok, came=came)
        yield field("", f"{safe(source.name)}: {state(source.state.value)}{site}, {read}")
        for gap in watched.gaps:
            yield field("", safe(f"  {gap_line(gap)}"))
    for item, name in one.close:
        which = _("item {id} of {source}", id=item.id, source=name)
        yield field(_("close"), safe(f"{which}, {_clock(item.received_at)}: {item.headline}"))
    if not one.close:
        yield field(_("close"), _("nothing with those words"))


def gap_line(gap: Gap) -> str:
    """`down 05:10–05:31: timeout (4 polls)`."""
    end = gap.ended_at
    same_day = end and end.astimezone().date() == gap.began_at.astimezone().date()
    until = _("now") if end is None else end.astimezone().strftime("%H:%M") if same_day else local(end)
    failed = ngettext("{n} poll failed", "{n} polls failed", gap.polls) if gap.polls else ""
    span = f"{local(gap.began_at)}–{until}"
    down = _("down {span}: {reason}", span=span, reason=told(gap.reason))
    return f"{down} ({failed})" if failed else down


def _clock(at: datetime | None) -> str:
    """`2026-11-24 05:24:10` in the zone of this machine."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "–"
