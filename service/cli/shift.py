"""The work of a shift: take care of alerts, judge them, look ahead, hand over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from service.cli.arguments import NUMBER, SPAN
from service.cli.session import Session, command
from service.cli.terminal import bold, dim, local, safe
from service.cli.words import _, language, ngettext, told
from service.model import Exit, Relevance

if TYPE_CHECKING:
    from service.actions.preview import Planned, Preview


@command()
@click.argument("alerts", type=NUMBER, nargs=-1, required=True, metavar="ALERT…")
@click.option("--for", "lasts", type=SPAN, metavar="SPAN", help="Only for so long; then it is open again.")
@click.option("--comment", default="", metavar="TEXT", help="For the next shift.")
@click.option("--relevant", "said", flag_value="relevant", help="Say that the rule was right, too.")
@click.option("--not-relevant", "said", flag_value="not-relevant", help="Say that the rule was wrong, too.")
def ack(
    session: Session, alerts: tuple[int, ...], lasts: timedelta | None, comment: str, said: str | None
) -> None:
    """Take care of alerts: nothing but corrections and withdrawals is told of them any more.

    What was called relevant or not makes the precision of a rule, which `monitor show-rule` shows.
    """
    from service.actions import alerts as actions
    from service.actions import shapes

    with session.app() as app:
        until = app.store.now() + lasts if lasts else None
        taken = [actions.acknowledge(app, number, session.person, until, comment) for number in alerts]
        if said:
            taken = [actions.judge(app, number, Relevance(said), session.person) for number in alerts]
    session.answer(
        [shapes.told(one) for one in taken],
        (_("alert {id} is yours: {headline}", id=one.alert.id, headline=safe(one.headline)) for one in taken),
    )


@command()
@click.option("--since", "begin", default="8h", metavar="TIME", help="22:00, or so long ago: 8h (default).")
@click.option("--to", "targets", multiple=True, metavar="CHANNEL", help="Send it there as well; repeatable.")
def handover(session: Session, begin: str, targets: tuple[str, ...]) -> None:
    """What was told, what nobody takes care of, what was silenced, and what was blind."""
    from service.actions import handover as actions
    from service.actions import rounds, rules

    with session.app() as app:
        seen = actions.handover(app, actions.since(app, begin))
        sent = actions.send(app, seen, rules.targets(app, targets)) if targets else 0
        if targets:
            session.record(app, ", ".join(targets), since=begin)
        if sent:
            rounds.deliver(app)

    def lines() -> Iterator[str]:
        title, sections = seen.sections(language())
        yield bold(title)
        for heading, under in sections:
            yield ""
            yield bold(heading)
            yield from (f"  {safe(line)}" for line in under)
        if sent:
            yield ""
            yield ngettext("{n} message with it in the outbox", "{n} messages with it in the outbox", sent)

    session.answer(seen.shape() | ({"messages": sent} if targets else {}), lines())


@command()
@click.argument("rule", metavar="RULE")
@click.option("--item", type=NUMBER, required=True, metavar="ID", help="The stored item it is tried with.")
def preview(session: Session, rule: str, item: int) -> int:
    """What a rule would send about an item that came in now: to whom, when, and why. Nothing is sent."""
    from service.actions import preview as actions
    from service.actions import shapes

    with session.app() as app:
        seen = actions.preview(app, rule, item)
    session.answer(shapes.preview(seen), _lines(seen))
    return Exit.DONE if any(one.message for one in seen.planned) else Exit.FAILED


def _lines(seen: Preview) -> Iterator[str]:
    yield bold(safe(seen.item.headline))
    yield f"  {_('alert') if seen.planned else _('no alert')}: {safe(told(seen.reason))}"
    for one in seen.planned:
        delivery = one.delivery
        yield ""
        to = _("to {target}", target=safe(_target(one)))
        yield f"  {to}, {told(delivery.kind.value)}, {delivery.priority.value}: {safe(told(one.because))}"
        if one.message is None:
            yield f"    {_('not sent')}: {safe(told(one.reason))}"
            continue
        waits = _(", then ").join(map(told, one.waits))
        when = _("after {waits}", waits=safe(waits)) if waits else _("at once")
        yield f"    {local(one.at)}, {when}" + (f", {_('together with others')}" if one.reason else "")
        yield f"    {safe(one.message.subject)}"
        yield from (dim(f"    | {line}") for line in one.message.text.splitlines())
    if seen.escalation:
        yield ""
        steps = ", ".join(seen.rule.escalate)
        yield "  " + _("while nobody acknowledges: {steps}", steps=safe(steps))


def _target(one: Planned) -> str:
    recipient = one.delivery.recipient
    return f"{one.delivery.channel}:{recipient}" if recipient else one.delivery.channel
