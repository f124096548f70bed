"""`show-rule`: the track record of a rule."""

from __future__ import annotations

from collections.abc import Iterator

import click

from service.cli.screens import field, history_lines, hit_lines, quality_lines, rule_lines, tally_line
from service.cli.session import Session, command
from service.cli.terminal import safe
from service.cli.words import _, number, told

LATELY = 10  # hits that are shown


@command()
@click.argument("name", metavar="NAME")
def show_rule(session: Session, name: str) -> None:
    """One rule, its former versions, and what it hit lately."""
    from service.actions import desk, feedback, rules, shapes

    with session.app() as app:
        rule, former = rules.history(app, name)
        hits = desk.hits(app, name, LATELY)
        counts, held = rules.tally(app, name), rules.held_back(app, name)
        seen = feedback.quality(app, name)
        names = desk.source_names(app)

    def lines() -> Iterator[str]:
        yield _("rule {name}, version {version}", name=safe(rule.name), version=rule.version)
        yield from rule_lines(rule)
        yield from history_lines([rule, *former])
        yield field(_("counted"), tally_line(counts))
        for reason, times in held.items():
            yield field("", _("held back {times}: {reason}", times=number(times), reason=safe(told(reason))))
        yield from quality_lines(seen)
        yield field(_("hits"), _("the newest first") if hits else _("none yet"))
        for hit, item in hits:
            yield from hit_lines(item, hit.evidence, names.get(item.source, ""), reasons=False)

    session.answer(
        shapes.rule(rule)
        | {
            "versions": [shapes.rule(old) for old in former],
            "hits": [shapes.hit(hit, item) for hit, item in hits],
            "counts": counts,
            "held_back": held,
            "quality": shapes.quality(seen),
        },
        lines(),
    )
