"""Rules: understand a query, add, edit, switch, remove, and the lists that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from service.actions import recipients
from service.alerts.escalation import stages
from service.alerts.hours import check_digest
from service.app import App, check_language
from service.errors import NotFoundError, QueryError, UsageError
from service.model import Rule
from service.rules.grammar import parse
from service.rules.nodes import Node
from service.store.db import Transaction

RESERVED = frozenset({"new", "try", "preview"})  # /rules/new and the like are other pages
# What a version of a rule may change beside its query.
SETTINGS = ("enabled", "channels", "priority", "language", "digest", "on_updates")


def understand(tx: Transaction | None, text: str) -> Node:
    """The query that the text means; raises QueryError."""
    return parse(text, tx.rules.lists() if tx else None)


def add(app: App, rule: Rule, node: Node, *, also_last: timedelta | None = None, by: str = "") -> Rule:
    """Store a rule under its canonical query; with `also_last`, it is told of what that time brought.

    Raises UsageError where it would tell nobody, or its name is taken.
    """
    from service.actions.sources import free_name, slug

    now = app.store.now()
    rule = checked(app, replace(rule, query=str(node)))
    with app.store.unveiled().begin() as tx:  # what is embargoed is matched, and told in its time
        recipients.check(app, tx, rule.channels)
        taken = RESERVED | {each.name for each in tx.rules.list()}
        name = rule.name or free_name(slug(rule.query), taken)
        rule = tx.rules.add(replace(rule, name=name, created_at=now, changed_at=now, changed_by=by), now)
        if also_last:
            app.teller.refresh(tx)
            app.teller.catch_up(tx, rule, now - also_last, now)
    return rule


def edit(app: App, name: str, /, *, by: str = "", **changes: object) -> Rule:
    """The next version of a rule."""
    with app.store.begin() as tx:
        rule = tx.rules.get(name)
        changed = checked(app, replace(rule, **changes))  # type: ignore[arg-type]
        recipients.check(app, tx, set(changed.channels) - set(rule.channels))
        if changed.query != rule.query:
            tx.rules.expect(rule.id, None)
        return tx.rules.edit(changed, app.store.now(), by)


def listed(app: App) -> Sequence[Rule]:
    """All rules by name, disabled ones included."""
    with app.store.read() as tx:
        return tx.rules.list()


def twins(app: App, rule: Rule) -> list[str]:
    """A sentence for each other rule at work that asks the same."""
    others = (one for one in listed(app) if one.id != rule.id and one.enabled)
    return [f"the rule {one.name} asks the same" for one in others if one.query == rule.query]


def history(app: App, name: str) -> tuple[Rule, Sequence[Rule]]:
    """A rule and its former versions, the newest first; raises NotFoundError."""
    with app.store.read() as tx:
        rule = tx.rules.get(name)
        return rule, [old for old in tx.rules.versions(rule.id) if old.version < rule.version]


def tally(app: App, name: str) -> dict[str, int]:
    """How many items a rule was looked at for, and what became of its hits: open, update, join, suppress."""
    with app.store.read() as tx:
        rule = tx.rules.get(name).id
        return {"candidates": tx.rules.counted(rule)[0], **tx.alerts.tally(rule)}


def held_back(app: App, name: str) -> dict[str, int]:
    """How many hits of a rule were told to nobody, by the reason, the most first; raises NotFoundError."""
    with app.store.read() as tx:
        return tx.alerts.held_back(tx.rules.get(name).id)


def keep_counts(app: App) -> None:
    """Write down how often the rules were looked at and hit since this was done last."""
    if counts := app.teller.counts():
        with app.store.begin() as tx:
            tx.rules.count({rule: counts[rule] for rule in tx.rules.with_ids(counts)})


def changed(older: Rule, newer: Rule) -> dict[str, tuple[object, object]]:
    """What a version changed: the fields with their former and their new value."""
    pairs = {each: (getattr(older, each), getattr(newer, each)) for each in (*SETTINGS, "query")}
    return {each: pair for each, pair in pairs.items() if pair[0] != pair[1]}


def switch(app: App, name: str, *, on: bool, by: str = "") -> Rule:
    """The rule, at work or at rest; raises NotFoundError."""
    with app.store.begin() as tx:
        turn = tx.rules.enable if on else tx.rules.disable
        return turn(name, app.store.now(), by)


def remove(app: App, name: str) -> Rule:
    """The rule as it was; its alerts stay, its name may be used again. Raises NotFoundError."""
    with app.store.begin() as tx:
        rule = tx.rules.get(name)
        tx.rules.remove(name, app.store.now())
    return rule


def all_lists(app: App) -> Mapping[str, tuple[str, ...]]:
    """Every named list with its terms."""
    with app.store.read() as tx:
        return tx.rules.lists()


def targets(app: App, given: Sequence[str]) -> tuple[str, ...]:
    """Where a rule tells: what was given, else the defaults, else the only channel there is."""
    known = app.config.channels
    for target in given:
        channel, colon, recipient = target.partition(":")
        if channel not in known:
            there = ", ".join(sorted(known)) or "none; add one under [channels] in the configuration"
            raise UsageError(f"no channel named {channel!r} (there is: {there})")
        if colon and not recipient.strip():
            raise UsageError(f"nobody is named after the colon of {target!r} (write {channel} alone, or who)")
    if given:
        return tuple(dict.fromkeys(given))
    if app.config.alerts.default_channels:
        return app.config.alerts.default_channels
    if len(known) == 1:
        return tuple(known)
    if known:
        raise UsageError(f"say whom to tell: --to {' or --to '.join(sorted(known))}")
    raise UsageError("there is no channel to tell (add one under [channels] in the configuration)")


def checked(app: App, rule: Rule) -> Rule:
    """The rule, where its settings can be meant; raises UsageError that says which cannot."""
    if rule.digest:
        check_digest(rule.digest, app.config.digest)
    check_language(rule.language)
    for stage in stages(rule.escalate):
        targets(app, [stage.target])
    if rule.name and (len(rule.name) > 80 or not rule.name.isprintable()):
        raise UsageError("a rule's name has up to 80 printable characters")
    if rule.name in RESERVED:
        raise UsageError(f"no rule can be named {rule.name}: a page of the desk is")
    return replace(rule, channels=targets(app, rule.channels))


def add_list(app: App, name: str, terms: Sequence[str]) -> None:
    """Store a named list of alternatives; each term must be a query of its own. Raises QueryError."""
    with app.store.begin() as tx:
        check_list(name, {**tx.rules.lists(), name: tuple(terms)})
        tx.rules.add_list(name, terms, app.store.now())


def check_list(name: str, lists: Mapping[str, Sequence[str]]) -> None:
    """Nothing, if that one of the lists can be meant; raises UsageError, or QueryError for a term."""
    if not lists[name]:
        raise UsageError("a list has at least one term")
    if not _names_a_list(name):
        raise UsageError(f"not a list's name: {name!r} (one word, without quotes and parentheses)")
    parse(f"@{name}", lists)


def _names_a_list(name: str) -> bool:
    """Whether a query could name a list so."""
    try:
        return str(parse(f"@{name}", {name: ("term",)})) == f"@{name}"
    except QueryError:
        return False


def remove_list(app: App, name: str) -> None:
    """Remove a list that no rule and no other list needs; raises NotFoundError."""
    with app.store.begin() as tx:
        lists = tx.rules.lists()
        if name not in lists:
            raise NotFoundError("list", name, "`monitor list-lists` shows all")
        check_unused(name, tx.rules.list(), lists)
        tx.rules.remove_list(name)


def check_unused(name: str, rules: Iterable[Rule], lists: Mapping[str, Sequence[str]]) -> None:
    """Nothing, if none of the rules and of the other lists names that list; raises UsageError."""
    mention = re.compile(rf'@{re.escape(name)}(?![^\s(),"])')
    for rule in rules:
        if mention.search(rule.query):
            raise UsageError(f"@{name} is used by the rule {rule.name!r}")
    for other, terms in lists.items():
        if any(map(mention.search, terms)):
            raise UsageError(f"@{name} is used by the list @{other}")
