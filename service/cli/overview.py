"""`status`: everything on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from service.cli.screens import NAMED, field
from service.cli.session import Session, command
from service.cli.terminal import ago, due, length, moment, safe, state
from service.cli.words import _, ngettext, number, told
from service.model import SourceState

if TYPE_CHECKING:
    from service.actions.shapes import Shape
    from service.app import App


@command()
def status(session: Session) -> None:
    """Everything on one screen: the daemon, the sources, what came in, what was told."""
    seen = session.ask("/status", _status).shape
    session.answer(seen, screen(seen))


def _status(app: App) -> Shape:
    from service.actions import health

    return health.status(app).shape()


def screen(seen: Mapping[str, Any]) -> Iterator[str]:
    """What `status` shows of the shape that programs see."""
    at = moment(seen["at"])
    assert at
    counts = seen["sources"]
    sources = ", ".join(f"{counts[each]} {state(each)}" for each in SourceState if counts[each])
    yield field(_("daemon"), safe(", ".join(seen["daemons"])) or _("none is running (monitor run)"))
    copied = moment(seen["last_backup_at"])
    saved = f", {_('last backup {when}', when=ago(copied, at))}" if copied else ""
    yield field(_("database"), f"{safe(seen['database'])}{saved}")
    next_poll = _("next poll {when}", when=due(moment(seen["next_poll_at"]), at))
    yield field(_("sources"), f"{sources}; {next_poll}" if sources else _("none (monitor add-source URL)"))
    last = ago(moment(seen["last_item_at"]), at)
    stored = _("{n} stored, the last {when}", n=number(seen["items"]), when=last)
    yield field(_("items"), stored if seen["items"] else _("none yet"))
    yield from _rules(seen)
    yield field(_("alerts"), _("{n} in the last 24 h", n=number(seen["alerts_24h"])))
    yield field(_("messages"), _messages(seen["deliveries"]))
    if seen["stopped"]:
        yield field(_("sending"), safe(told(seen["stopped"])))
    yield from _latency(seen["latency_24h"])


def _rules(seen: Mapping[str, Any]) -> Iterator[str]:
    """How many rules there are, and which of them say too much or nothing."""
    resting = seen["rules"]["disabled"]
    rules = seen["rules"]["enabled"] + resting
    off = f", {_('{n} disabled', n=number(resting))}" if resting else ""
    yield field(_("rules"), f"{number(rules)}{off}" if rules else _("none (monitor add-rule QUERY)"))
    for name, alerts in seen["flooding"].items():
        lately = ngettext("{n} alert in the last 24 h", "{n} alerts in the last 24 h", alerts)
        yield field("", f"{safe(name)} {state(_('floods'), 'floods')}: {lately}")
    if silent := seen["never_fired"]:
        yield field("", f"{_('never fired')}: {safe(', '.join(silent[:NAMED]))}{_more(silent)}")


def _messages(counts: Mapping[str, int]) -> str:
    sent, waiting, dead = counts["sent"], counts["held"] + counts["pending"], counts["dead"]
    counted = _("{sent} sent, {waiting} waiting", sent=number(sent), waiting=number(waiting))
    given_up = f"{number(dead)} {state('dead')} (monitor list-deliveries --failed)"
    return f"{counted}, {given_up if dead else _('none given up')}"


def _latency(seen: Mapping[str, Any]) -> Iterator[str]:
    """How long each step took, in all, and of the sources with the longest way from stamp to sight."""
    if not seen["steps"]:
        return
    yield field(_("latency"), _("of the last 24 h, half of all within / 99 of 100 within"))
    yield field("", _steps(seen))
    slow = sorted(seen["sources"].items(), key=lambda one: -_seen_after(one[1]))
    for name, line in slow[:NAMED]:
        if line["clock_suspect"] or len(slow) > 1:
            yield field("", f"{safe(name)}: {_steps(line)}{_clock(line)}")


def _seen_after(line: Mapping[str, Any]) -> float:
    """Seconds from the stamp of an item until it was seen, half of all within."""
    return float(line["steps"].get("seen", {}).get("p50_s", 0.0))


def _steps(line: Mapping[str, Any]) -> str:
    whole = line["stamp_to_sent"]
    named = {**line["steps"]} | ({"stamp to sent": whole} if whole else {})
    return ", ".join(
        f"{told(step)} {_seconds(lag['p50_s'])} / {_seconds(lag['p99_s'])}" for step, lag in named.items()
    )


def _clock(line: Mapping[str, Any]) -> str:
    """What is to be said of a source's clock, where it is suspect."""
    if not line["clock_suspect"]:
        return ""
    if line["skew_s"] < 0:
        return f"; {_('its stamps are ahead (see its --timezone)')}"
    lag = length(timedelta(seconds=line["skew_s"]))
    return f"; {_('its stamps are at least {span} behind (see its --timezone)', span=lag)}"


def _seconds(span: float) -> str:
    """`0.3 s`, `40 s`, `3 min`: with a digit after the point where it is short."""
    return f"{number(round(span, 1))} s" if span < 10 else length(timedelta(seconds=span))


def _more(names: Sequence[str]) -> str:
    return f" {_('and {n} more', n=number(len(names) - NAMED))}" if len(names) > NAMED else ""
