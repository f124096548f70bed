"""A desk made what a file says: compared, checked, and done in one transaction, all of it or nothing.

What the file does not name stays. A thing belongs to the file that named it last: with `remove`, what belongs
to this file and is named no more is taken off; what was added by hand, or belongs to another file, never is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from service.actions.backtest import warnings
from service.actions.shapes import Shape, when
from service.actions.watchlist import tables
from service.actions.watchlist.kind import Desk, Guard, Kind
from service.actions.watchlist.told import Groups, People
from service.actions.watchlist.watched import Lists, Rules, Sources
from service.app import App
from service.model import Change
from service.store.db import Transaction

# In this order, so that whoever is named is there before what names them.
KINDS: tuple[Kind[Any, Any], ...] = (People(), Groups(), Lists(), Sources(), Rules())
READ = tuple(tables.TABLES).index  # and in this one they are shown
SWITCHES = frozenset({"enable", "disable", "pause", "resume"})  # verbs of commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is added, changed or removed."""

    kind: Kind[Any, Any]
    name: str
    old: Any = None  # None: it is new
    new: Any = None  # None: it goes
    keys: Mapping[str, tuple[Any, Any]]  # of the file: what it said, and what it says; None: nothing
    by_hand: Change | None = None  # who changed it last, if that was no file
    advice: tuple[str, ...] = ()  # what to think over about a query

    @property
    def change(self) -> str:
        """`added`, `changed` or `removed`."""
        return "added" if self.old is None else "removed" if self.new is None else "changed"

    @property
    def command(self) -> str:
        """The command that does the same."""
        verbs = {"added": "add", "changed": self.kind.changing, "removed": "remove"}
        return f"{verbs[self.change]}-{self.kind.noun}"

    def shape(self) -> Shape:
        """As programs see it."""
        hand = self.by_hand
        return {
            "change": self.change,
            "kind": self.kind.noun,
            "name": self.name,
            "keys": {key: {"old": old, "new": new} for key, (old, new) in self.keys.items()},
            "by_hand": {"who": hand.who, "at": when(hand.at), "what": hand.what} if hand else None,
            "warnings": list(self.advice),
        }


@dataclass(frozen=True, slots=True)
class Done:
    """What an apply did, or would do."""

    steps: Sequence[Step]
    left: Sequence[str]  # what the file named once, and names no more: it stays

    def shape(self) -> list[Shape]:
        """As programs see it."""
        return [step.shape() for step in self.steps]


@dataclass(slots=True)
class _Plan:
    """A comparison under way."""

    desk: Desk
    remove: bool
    dropped: frozenset[str]  # what the file named once, as `rules.kim`
    steps: list[Step] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def no_guard(url: str, auth_env: str) -> None:
    """Let everything in."""


def apply(
    app: App,
    watchlist: tables.Watchlist,
    file: str,
    *,
    dry_run: bool = False,
    remove: bool = False,
    by: str = "",
    guard: Guard = no_guard,
) -> Done:
    """Make the desk what the file says, and answer what that changed; with `dry_run` nothing is kept.

    `file` is its name, for errors and for what is remembered of it. Raises PlaceError, or a QueryError with
    the place, and then nothing was changed.
    """
    now = app.store.now()
    with app.store.rehearse() if dry_run else app.store.begin() as tx:
        belonging = {file: frozenset[str]()} | tx.applied.named()
        names = {f"{kind}.{name}" for kind, things in watchlist.items() for name in things}
        dropped = belonging[file] - names
        plan = _compared(app, tx, watchlist, file, dropped, remove=remove, guard=guard)
        steps = list(_remarked(tx, plan, frozenset().union(*belonging.values())))
        _perform(tx, plan.desk, steps, now, by)
        for other, named in belonging.items():
            belong = names.union(plan.left) if other == file else named - names
            if belong != named:
                tx.applied.remember(other, belong)
    return Done(sorted(steps, key=lambda step: READ(step.kind.name)), plan.left)


def export(app: App) -> str:
    """The desk as it is, as a file; no secret is in it."""
    with app.store.read() as tx:
        found = {
            kind.name: {name: kind.table(one) for name, one in kind.stored(tx).items()} for kind in KINDS
        }
    return tables.write(found)


# ---------------------------------------------------------------- compare


def _compared(
    app: App,
    tx: Transaction,
    watchlist: tables.Watchlist,
    file: str,
    dropped: frozenset[str],
    *,
    remove: bool,
    guard: Guard,
) -> _Plan:
    """What differs, all of it checked."""
    left = tuple(one for one in tx.people.all() if one.removed_at is not None)
    plan = _Plan(Desk(app=app, file=file, guard=guard, left=left), remove, dropped)
    for kind in KINDS:
        _compare(plan, tx, kind, watchlist[kind.name])
    for step in plan.steps:
        if step.new is None:
            with plan.desk.placed(step.kind.name, step.name):
                step.kind.check_gone(plan.desk, step.name)
    for kind in KINDS:
        kind.check_whole(plan.desk)
    return plan


def _compare(plan: _Plan, tx: Transaction, kind: Kind[Any, Any], written: Mapping[str, tables.Table]) -> None:
    """Add what differs in one kind to the plan, and the kind as it will be to the desk."""
    desk, stored = plan.desk, kind.stored(tx)
    written = kind.normal(desk, written, stored)
    matched = kind.matched(desk, written, stored)
    things: dict[str, Any] = {}
    for name, table in written.items():
        with desk.placed(kind.name, name):
            things[name] = kind.meant(name, table, matched.get(name))
    others = stored.keys() - {one.name for one in matched.values()}
    gone = {name for name in others if f"{kind.name}.{name}" in plan.dropped}
    if not plan.remove:
        plan.left += sorted(f"{kind.name}.{name}" for name in gone)
        gone = set()
    desk.things[kind.name] = {name: stored[name] for name in others - gone} | things
    for name, new in things.items():
        if keys := _checked(desk, kind, name, new, matched.get(name)):
            ready = desk.things[kind.name][name]
            plan.steps.append(Step(kind=kind, name=name, old=matched.get(name), new=ready, keys=keys))
            desk.changed.add(kind.name)
    for name in sorted(gone):
        keys = {key: (value, None) for key, value in tables.said(kind.table(stored[name])).items()}
        plan.steps.append(Step(kind=kind, name=name, old=stored[name], keys=keys))


def _checked(
    desk: Desk,
    kind: Kind[Any, Any],
    name: str,
    new: Any,  # noqa: ANN401 - a noun of the kind
    old: Any,  # noqa: ANN401 - likewise
) -> Mapping[str, tuple[Any, Any]]:
    """What is new about a thing of the file, which is put onto the desk as it will be stored."""
    if old is not None and not _differences(kind, old, new):
        desk.things[kind.name][name] = old
        return {}
    with desk.placed(kind.name, name):
        desk.things[kind.name][name] = new = kind.checked(desk, new, old)
    if old is None:
        return {key: (None, value) for key, value in tables.said(kind.table(new)).items()}
    return _differences(kind, old, new)


def _differences(kind: Kind[Any, Any], old: Any, new: Any) -> Mapping[str, tuple[Any, Any]]:  # noqa: ANN401
    """The keys that say something else, with what they said and say."""
    before, after = ({"name": one.name} | tables.keys(kind.table(one)) for one in (old, new))
    return {key: (before[key], after[key]) for key in after if before[key] != after[key]}


def _remarked(tx: Transaction, plan: _Plan, named: frozenset[str]) -> Iterable[Step]:
    """The steps, with who meddled with what the file says, and what there is to say of a query."""
    latest = tx.audit.latest({_former(step) for step in plan.steps})
    asking: dict[str, list[str]] = {}
    for rule in plan.desk.things["rules"].values():
        if rule.enabled:
            asking.setdefault(rule.query, []).append(rule.name)
    hands = _Hands(latest)
    for step in plan.steps:
        known = step.old is not None or _path(step) in named
        advice: list[str] = []
        if step.kind.name == "rules" and (node := plan.desk.queries.get(step.name)):
            twins = (name for name in asking.get(step.new.query, ()) if name != step.name)
            advice = [*(f"the rule {name} asks the same" for name in twins), *warnings(node)]
        yield replace(step, by_hand=hands.last(step) if known else None, advice=tuple(advice))


class _Hands:
    """Who touched what last, by hand; switching something off and on is apart from all else."""

    def __init__(self, changes: Iterable[Change]) -> None:
        """`changes` are the last ones of each command, the newest last."""
        self._last: dict[tuple[str, str, bool], Change] = {}
        for change in changes:
            verb, _, noun = change.what.rpartition("-")
            self._last[change.subject, noun, verb in SWITCHES] = change

    def last(self, step: Step) -> Change | None:
        """The last change of what the step changes; None where that was a file's, or is not known."""
        switched = bool(step.keys.keys() & tables.UNSAID)
        sorts = {switched, False} if step.keys.keys() - tables.UNSAID else {switched}
        found = [self._last.get((_former(step), step.kind.noun, sort)) for sort in sorts]
        newest = max(filter(None, found), key=attrgetter("id"), default=None)
        return None if newest is None or "file" in newest.detail else newest


# ---------------------------------------------------------------- do


def _perform(tx: Transaction, desk: Desk, steps: Sequence[Step], now: datetime, by: str) -> None:
    """Store the steps, and who did each; what goes makes room for what comes."""
    gone = [step for step in reversed(steps) if step.new is None]
    kept = [step for step in steps if step.old is not None and step.new is not None]
    for step in gone:
        step.kind.remove(tx, step.old, now)
    for kind in KINDS:
        kind.make_room(tx, [step.old for step in kept if step.kind is kind and "name" in step.keys])
    for kind in KINDS:
        for step in kept:
            if step.kind is kind:
                with desk.placed(kind.name, step.name):
                    kind.edit(tx, step.new, step.old, now, by)
        if new := [step.new for step in steps if step.kind is kind and step.old is None]:
            with desk.placed(kind.name):
                kind.add(tx, new, now, by)
    if steps:
        tx.audit.add(*(_change(desk.file, step, now, by) for step in steps))


def _change(file: str, step: Step, now: datetime, by: str) -> Change:
    """As the record has it: what was said, or of what is gone, what it was."""
    new = step.new is not None
    said = {key: value[new] for key, value in step.keys.items()}
    return Change(at=now, who=by, what=step.command, subject=step.name, detail=said | {"file": file})


def _former(step: Step) -> str:
    return str(step.name if step.old is None else step.old.name)


def _path(step: Step) -> str:
    return f"{step.kind.name}.{step.name}"
