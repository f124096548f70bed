"""Alerts and their messages: list, show, send again, test a channel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from service.actions.page import Page
from service.cli.arguments import NUMBER, State
from service.cli.drawing import table
from service.cli.screens import delivery_lines, field, hit_lines
from service.cli.session import Session, command, paged, part
from service.cli.terminal import bold, local, moment, safe, state, talk
from service.cli.words import _, ngettext, told
from service.errors import UsageError
from service.model import AlertState, DeliveryState, Exit

if TYPE_CHECKING:
    from service.actions.desk import AlertView
    from service.actions.shapes import Shape
    from service.app import App

ALERTS = [each.value for each in AlertState]
DELIVERIES = [each.value for each in DeliveryState]


@command()
@click.option("--rule", default="", metavar="NAME", help="Only of this rule.")
@click.option(
    "--state", "wanted", type=State(ALERTS), metavar="STATE", help=f"Only those: {', '.join(ALERTS)}."
)
@paged
def list_alerts(session: Session, page: Page, rule: str, wanted: str | None) -> None:
    """Which rule found which story, newest first."""

    def look(app: App) -> list[Shape]:
        from service.actions import desk, shapes

        found = desk.alerts(app, page, rule=rule, state=AlertState(wanted) if wanted else None)
        return [shapes.told(one) for one in found]

    found = session.ask("/alerts", look, rule=rule, state=wanted, **part(page)).shape
    rows = (
        (one["id"], moment(one["opened_at"]), state(one["state"]), one["rule"], one["story"], one["headline"])
        for one in found
    )
    columns = (_("id"), _("opened"), _("state"), _("rule"), _("story"), _("headline"))
    session.answer(found, table(columns, rows, _("no alerts")))


@command()
@click.argument("alert", type=NUMBER, metavar="ID")
def show_alert(session: Session, alert: int) -> None:
    """One alert: why the rule hit, and what was sent to whom."""
    from service.actions import desk, shapes

    with session.app() as app:
        seen = desk.alert(app, alert)
    session.answer(shapes.alert_view(seen), _alert(seen))


def _alert(seen: AlertView) -> Iterator[str]:
    from service.actions import shapes

    alert = seen.told.alert
    yield bold(seen.told.headline)
    opened = _("opened {at}", at=local(alert.opened_at))
    yield field(_("alert"), f"{alert.id}, {state(alert.state.value)}, {opened}")
    yield field(_("rule"), safe(seen.told.rule))
    yield field(_("story"), f"{alert.story} (monitor show-story {alert.story})")
    if alert.reason:
        yield field(_("because"), safe(told(alert.reason)))
    yield ""
    for hit, item in seen.hits:
        yield from hit_lines(item, hit.evidence, reasons=True)
    yield ""
    yield from delivery_lines([shapes.delivery(one) for one in seen.deliveries])


@command()
@click.option("--failed", is_flag=True, help="Only those that failed.")
@click.option(
    "--state",
    "wanted",
    type=State(DELIVERIES),
    metavar="STATE",
    help=f"Only those: {', '.join(DELIVERIES)}.",
)
@paged
def list_deliveries(session: Session, page: Page, failed: bool, wanted: str | None) -> None:
    """Messages, newest first, and what became of each."""

    def look(app: App) -> list[Shape]:
        from service.actions import desk, shapes

        found = desk.deliveries(app, page, failed=failed, state=DeliveryState(wanted) if wanted else None)
        return [shapes.delivery(one) for one in found]

    found = session.ask("/deliveries", look, failed=failed, state=wanted, **part(page)).shape
    session.answer(found, delivery_lines(found))


@command()
@click.argument("ids", type=NUMBER, nargs=-1, metavar="ID…")
@click.option("--failed", is_flag=True, help="All that were given up.")
def resend(session: Session, ids: tuple[int, ...], failed: bool) -> None:
    """Send messages once more, under their old ids: a receiver that got one already can tell.

    They go out with the next round of a running daemon, or with `monitor poll`.
    """
    from service.actions import desk, shapes

    if bool(ids) is failed:
        raise UsageError(_("name the messages by ID, or say --failed"))
    with session.app() as app:
        if failed:
            ids = tuple(one.id for one in desk.deliveries(app, Page(limit=10_000), state=DeliveryState.DEAD))
        again = desk.resend(app, ids)
        session.record(app, ", ".join(map(str, ids)))
    session.answer(
        [shapes.delivery(one) for one in again],
        [ngettext("{n} message will be sent again", "{n} messages will be sent again", len(again))],
    )


@command()
@click.argument("name", metavar="CHANNEL[:RECIPIENT]")
def test_channel(session: Session, name: str) -> int:
    """Send a test message on the way of every other, and say what the server answered."""
    from service.actions import rounds, shapes

    with session.app() as app:
        sent = rounds.test_channel(app, name)
        stopped = rounds.why_stopped(app)
        session.record(app, name, state=sent.state.value)
    shape = shapes.delivery(sent)
    session.answer(shape, delivery_lines([shape]))
    if stopped:
        talk(f"  {safe(told(stopped))}")
    return Exit.DONE if sent.state is DeliveryState.SENT else Exit.FAILED
