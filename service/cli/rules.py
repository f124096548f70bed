"""Rules: add, list, show, edit, enable, disable, remove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from service.cli import spelled
from service.cli.arguments import SPAN, Choice
from service.cli.drawing import progress, table
from service.cli.screens import (
    backtest_lines,
    field,
    hit_lines,
    rule_lines,
    undo,
)
from service.cli.session import QueryCommand, Session, command
from service.cli.terminal import dim, quoted, safe, state
from service.cli.words import _, told
from service.errors import UsageError
from service.model import Priority, Rule

if TYPE_CHECKING:
    from service.actions.backtest import Backtest
    from service.actions.shapes import Shape
    from service.app import App

LEVELS = [each.value for each in Priority]


def policy(function: Any) -> Any:  # noqa: ANN401 - a decorator
    """The options that `add-rule` and `edit-rule` share."""
    for option in (
        click.option(
            "--on",
            type=Choice(["new", "updates"]),
            metavar="WHAT",
            help="new: only new stories; updates: later versions too.",
        ),
        click.option("--digest", metavar="TIME", help="Gather: hourly, daily or five cron fields."),
        click.option(
            "--lang", "language", metavar="TAG", help="Whose word forms hold where an item names none."
        ),
        click.option(
            "--priority",
            type=Choice(LEVELS),
            metavar="LEVEL",
            help=f"How much it may disturb: {', '.join(LEVELS)}.",
        ),
        click.option(
            "--escalate",
            multiple=True,
            metavar="10m=CHANNEL",
            help="Tell that one, too, if nobody acknowledges in time; repeatable.",
        ),
        click.option("--tag", "tags", multiple=True, metavar="TAG", help="What routes go by; repeatable."),
        click.option("--to", "channels", multiple=True, metavar="CHANNEL", help="Whom it tells; repeatable."),
        click.option("--name", metavar="NAME", help="What you call it."),
    ):
        function = option(function)
    return function


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a rule that were given; the others keep their defaults, or what is stored."""
    said = {name: value for name, value in options.items() if value not in (None, ())}
    if "priority" in said:
        said["priority"] = Priority(said["priority"])
    if "on" in said:
        said["on_updates"] = said.pop("on") == "updates"
    return said


ENDED = {"digest": "", "language": "", "escalate": (), "tags": ()}  # what `none` stands for when it is edited


@command(cls=QueryCommand)
@click.argument("query", metavar="QUERY…", nargs=-1, required=True)
@click.option("--also-last", type=SPAN, metavar="SPAN", help="Tell of what came in this long before, too.")
@policy
def add_rule(session: Session, query: Sequence[str], also_last: timedelta | None, **options: Any) -> None:  # noqa: ANN401
    r"""Watch for something from now on, and show what it would have hit.

    \b
    monitor add-rule "Kim Jong Un" + "Reise"    both, Auslandsreise too
    monitor add-rule Zins -EZB                  the one without the other
    monitor add-rule 'title:(Kim OR Xi)' --to desk --priority flash

    Options are long ones only, so -EZB is a word of the query. --to takes CHANNEL or CHANNEL:RECIPIENT.
    """
    from service.actions import rules, shapes
    from service.actions.backtest import forecast, warnings
    from service.rules.grammar import join_arguments

    wanted = Rule(**{"name": "", "query": "", **settings(options)})
    # What --also-last tells of is all there already: no other rule's hit is waited for.
    with session.app(group_wait=timedelta(0) if also_last else None) as app:
        with app.store.read() as tx:
            node = rules.understand(tx, join_arguments(query))
        added = rules.add(app, wanted, node, also_last=also_last, by=session.person)
        session.record(app, added.name, query=added.query)
        session.say(_("rule {name} added", name=safe(added.name)))
        with progress(_("reading the archive")) as advance:
            tried = forecast(app, added, progress=advance)
        advice = [*rules.twins(app, added), *warnings(node, tried)]
    session.answer(
        shapes.rule(added) | {"backtest": shapes.backtest(tried), "warnings": advice},
        _added(added, tried, advice),
    )


def _added(rule: Rule, tried: Backtest, advice: Sequence[str]) -> Iterator[str]:
    """The rule as it was understood, what it would have hit, and the way back."""
    yield from rule_lines(rule)
    yield field(_("would hit"), told(tried.sentence))
    yield from backtest_lines(tried, advice)
    for result in tried.newest:
        yield from hit_lines(result.item, result.evidence or (), result.source, reasons=False)
    yield field(_("undo"), dim(f"monitor remove-rule {quoted(rule.name)}"))


@command()
def list_rules(session: Session) -> None:
    """All rules, disabled ones included."""
    found = session.ask("/rules", _rules).shape
    rows = (
        (
            one["name"],
            state(_("on") if one["enabled"] else _("off")),
            one["digest"] or one["priority"],
            ", ".join(one["channels"]),
            one["query"],
        )
        for one in found
    )
    columns = (_("name"), _("state"), _("priority"), _("tells"), _("query"))
    session.answer(found, table(columns, rows, _("no rules (monitor add-rule QUERY)")))


def _rules(app: App) -> list[Shape]:
    from service.actions import rules, shapes

    return [shapes.rule(one) for one in rules.listed(app)]


@command(cls=QueryCommand)
@click.argument("rule", metavar="NAME")
@click.argument("query", metavar="[QUERY]…", nargs=-1)
@policy
def edit_rule(session: Session, rule: str, query: Sequence[str], **options: Any) -> None:  # noqa: ANN401
    """Change a rule: its query, where words are given, or its settings. The former version is kept.

    --name renames it; --to replaces all it told; none ends a --digest, an --escalate, a --tag or a --lang.
    """
    from service.actions import rules, shapes
    from service.actions.backtest import forecast
    from service.rules.grammar import join_arguments

    changes = settings(options)
    changes |= {name: end for name, end in ENDED.items() if changes.get(name) in ("none", ("none",))}
    if not changes and not query:
        raise UsageError(_("nothing to change (see `monitor {command} --help`)", command="edit-rule"))
    with session.app() as app:
        if query:
            with app.store.read() as tx:
                changes["query"] = str(rules.understand(tx, join_arguments(query)))
        former, _older = rules.history(app, rule)
        edited = rules.edit(app, rule, by=session.person, **changes)
        session.record(app, edited.name, **changes)
        if query:
            with progress(_("reading the archive")) as advance:
                forecast(app, edited, progress=advance)
    said = _("rule {name} is in version {version}", name=safe(edited.name), version=edited.version)
    words = [quoted(former.query)] if former.query != edited.query else []
    fields = [name for name in changes if name != "query" and getattr(former, name) != getattr(edited, name)]
    way_back = undo("edit-rule", quoted(edited.name), *words, *spelled.of_rule(former, *fields))
    session.answer(shapes.rule(edited), [said, *rule_lines(edited), *([way_back] if words or fields else [])])


@command()
@click.argument("name", metavar="NAME")
def enable_rule(session: Session, name: str) -> None:
    """Let a rule match again, from now on."""
    _switch(session, name, on=True)


@command()
@click.argument("name", metavar="NAME")
def disable_rule(session: Session, name: str) -> None:
    """Let a rule rest; its alerts and its history stay."""
    _switch(session, name, on=False)


def _switch(session: Session, name: str, *, on: bool) -> None:
    from service.actions import rules, shapes

    with session.app() as app:
        rule = rules.switch(app, name, on=on, by=session.person)
        session.record(app, name)
    said = _("rule {name} matches again", name=safe(name)) if on else _("rule {name} rests", name=safe(name))
    session.answer(shapes.rule(rule), [said])


@command()
@click.argument("name", metavar="NAME")
def remove_rule(session: Session, name: str) -> None:
    """Remove a rule. Its alerts stay; the name may be used again."""
    from service.actions import rules, shapes

    with session.app() as app:
        removed = rules.remove(app, name)
        session.record(app, name, query=removed.query)
    kept = [name for name in ("escalate", "tags", "digest", "language") if getattr(removed, name)]
    kept += ["priority"] if removed.priority is not Priority.NORMAL else []
    kept += ["on_updates"] if removed.on_updates else []
    session.answer(
        shapes.rule(removed),
        [
            _("rule {name} removed", name=safe(name)),
            undo("add-rule", quoted(removed.query), *spelled.of_rule(removed, "name", "channels", *kept)),
        ],
    )
