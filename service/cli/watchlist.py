"""The watchlist in git: make the desk what a file says, and write the file that says what the desk is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.arguments import STANDARD_INPUT, contents
from service.cli.drawing import progress
from service.cli.session import Session, command
from service.cli.terminal import columns_of, dim, local, padded, safe, styled, talk
from service.cli.words import _, number, told
from service.errors import UsageError

if TYPE_CHECKING:
    from service.actions.watchlist.apply import Done, Step

MARKS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}
WIDEST = 32  # columns of a name, and what is longer pushes its line
SHOWN = 6  # texts of a list; of a longer one, a change shows what came and what went
BESIDE = 60  # columns of two texts that are still compared on one line
INDENT = " " * 4


@command()
@click.argument("watchlist", metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--remove", is_flag=True, help="Remove what this file once named and names no more.")
def apply(session: Session, watchlist: str, dry_run: bool, remove: bool) -> None:
    r"""Make the desk what a TOML file says, all of it or nothing; `-` reads standard input.

    \b
    [rules.kim]
    query = '"Kim Jong Un" + "Reise"'
    to = ["mail:anna"]

    Sources, people, groups, lists and rules; a key is the option of the same name, what is left out has its
    default. What the file does not name stays. `monitor export-watchlist` writes such a file.
    """
    from service.actions.watchlist import apply as watchlists
    from service.actions.watchlist import tables

    name = "standard input" if watchlist == STANDARD_INPUT else Path(watchlist).name
    wanted = tables.read(contents(watchlist), name)
    with session.app() as app, progress(_("comparing")):
        done = watchlists.apply(app, wanted, name, dry_run=dry_run, remove=remove, by=session.person)
    session.answer(done.shape(), _lines(done, dry_run=dry_run))
    if done.left:
        names = ", ".join(map(safe, done.left[:SHOWN])) + (" …" if len(done.left) > SHOWN else "")
        talk(_("no more in the file, and left as it is (--remove takes it off): {names}", names=names))


@command()
@click.argument("watchlist", metavar="[FILE]", required=False)
def export_watchlist(session: Session, watchlist: str | None) -> None:
    """Print what this desk watches and whom it tells as a file for `monitor apply`; no secret is in it.

    With FILE it is written there, where there is none yet.
    """
    from service.actions.watchlist.apply import export

    with session.app() as app:
        text = export(app)
    if watchlist is None:
        session.answer({"watchlist": text}, text.splitlines())
        return
    try:
        with Path(watchlist).expanduser().open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{watchlist}: is there already (monitor export-watchlist > {watchlist} replaces it)"
        ) from error
    except OSError as error:
        raise UsageError(f"{watchlist}: cannot be written: {error.strerror}") from error
    session.answer({"file": watchlist}, [_("{file} written", file=safe(watchlist))])


def _lines(done: Done, *, dry_run: bool) -> Iterator[str]:
    """A line for each thing, and for each key that changed."""
    if not done.steps:
        yield _("nothing to do")
        return
    width = min(max(columns_of(_name(step)) for step in done.steps), WIDEST)
    for step in done.steps:
        yield from _step_lines(step, width)
    counts = Counter(step.change for step in done.steps)
    numbers = {change: number(counts[change]) for change in MARKS}
    if dry_run:
        yield _("{added} to add, {changed} to change, {removed} to remove (a dry run)", **numbers)
    else:
        yield _("{added} added, {changed} changed, {removed} removed", **numbers)


def _step_lines(step: Step, width: int) -> Iterator[str]:
    mark, color = MARKS[step.change]
    changed = step.change == "changed"
    facts = "" if changed else _facts(step)
    yield f"{styled(mark, color)} {padded(_name(step), width)}  {facts}".rstrip()
    if changed:
        column = max(map(columns_of, step.keys))
        for key, (old, new) in step.keys.items():
            first, *others = _difference(old, new)
            yield f"{INDENT}{padded(key, column)}  {first}"
            yield from (f"{INDENT}{' ' * column}  {line}" for line in others)
    if hand := step.by_hand:
        who = safe(hand.who) or _("somebody")
        said = _("last by hand: {who}, {what}, {at}", who=who, what=hand.what, at=local(hand.at))
        yield dim(f"{INDENT}{said}")
    for sentence in step.advice:
        yield f"{INDENT}{_('note')}: {safe(told(sentence))}"


def _name(step: Step) -> str:
    return safe(f"{step.kind.name}.{step.name}")


def _facts(step: Step) -> str:
    """What a new thing says, or one that goes said: the first key speaks for itself."""
    known = [(key, old if new is None else new) for key, (old, new) in step.keys.items()]
    return ", ".join(
        [*(_said(value) for _key, value in known[:1]), *(f"{k} {_said(v)}" for k, v in known[1:])]
    )


def _difference(old: Any, new: Any) -> list[str]:  # noqa: ANN401 - a value of TOML
    """`normal → flash`; a long text below the other; of a long list, what came and what went."""
    if isinstance(old, tuple) and isinstance(new, tuple) and max(len(old), len(new)) > SHOWN:
        came, went = [one for one in new if one not in old], [one for one in old if one not in new]
        words = [*(f"+ {one}" for one in came), *(f"- {one}" for one in went)]
        return [_list(words) if words else _("in another order")]
    before, after = _said(old), _said(new)
    beside = columns_of(before) + columns_of(after) <= BESIDE
    return [f"{before} → {after}"] if beside else [f"- {before}", f"+ {after}"]


def _said(value: Any) -> str:  # noqa: ANN401 - a value of TOML
    if isinstance(value, tuple):
        return _list(value) or "–"
    return safe(str(value).lower() if isinstance(value, bool) else value) or "–"


def _list(words: Iterable[str]) -> str:
    shown = [safe(word) for word in words]
    rest = len(shown) - SHOWN
    more = f", {_('… and {n} more', n=number(rest))}" if rest > 0 else ""
    return ", ".join(shown[:SHOWN]) + more
