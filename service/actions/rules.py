"""Rules: understand a query, try it on the archive, add, edit, explain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from service.actions.rounds import Progress, silent
from service.actions.sources import free_name, slug
from service.alerts.hours import check_digest
from service.app import LANGUAGES, App
from service.errors import NotFoundError, UsageError
from service.model import Evidence, Item, Rule
from service.rules import lint
from service.rules.document import Document
from service.rules.grammar import join_arguments, parse
from service.rules.index import evaluate
from service.rules.nodes import ListRef, Node, Term
from service.store.db import Transaction

NEWEST = 5  # hits that a back-test shows
WINDOW = timedelta(days=30)
CONCLUSIVE = 100  # items of an archive from which on its frequencies say something


@dataclass(frozen=True, slots=True)
class Sample:
    """An item that a query hits, with the places."""

    item: Item
    evidence: tuple[Evidence, ...]


@dataclass(slots=True)
class Backtest:
    """What a query would have hit: items read, hits, stories, and when."""

    items: int = 0
    hits: int = 0
    first: datetime | None = None
    last: datetime | None = None
    stories: set[int] = field(default_factory=set)
    days: Counter[date] = field(default_factory=Counter)  # stories by the day of their first hit
    hours: Counter[datetime] = field(default_factory=Counter)
    newest: list[Sample] = field(default_factory=list)
    terms: Counter[str] = field(default_factory=Counter)  # items that a term hits by itself

    def add(self, item: Item, evidence: tuple[Evidence, ...] | None) -> None:
        """Count one item of the archive, oldest first."""
        self.items += 1
        at = item.received_at or item.published_at
        if at:
            self.first, self.last = self.first or at, at
        if evidence is None:
            return
        self.hits += 1
        self.newest = [*self.newest[-NEWEST + 1 :], Sample(item, evidence)]
        if item.story not in self.stories:
            self.stories.add(item.story)
            if at:
                self.days[at.date()] += 1
                self.hours[at.replace(minute=0, second=0, microsecond=0)] += 1

    def share(self, term: str) -> float:
        """The share of the archive that a term of the query hits by itself."""
        return self.terms[term] / self.items

    @property
    def per_day(self) -> float:
        """Alerts a day that are to be expected: stories over the span that the archive covers."""
        if not self.first or not self.last:
            return 0.0
        return len(self.stories) / max(1.0, (self.last - self.first).total_seconds() / 86400)

    @property
    def sentence(self) -> str:
        """One line for a person."""
        if not self.items:
            return "nothing is stored yet to try it on"
        if not self.hits:
            return f"none of {self.items:,} stored items"
        stories = "1 story" if len(self.stories) == 1 else f"{len(self.stories):,} stories"
        return (
            f"{self.hits:,} of {self.items:,} stored items, {stories}, about {self.per_day:,.1f} alerts a day"
        )


def understand(tx: Transaction | None, arguments: Sequence[str]) -> Node:
    """The query that the arguments of a shell, or one text, mean; raises QueryError."""
    return parse(join_arguments(arguments), tx.rules.lists() if tx else None)


def backtest(
    app: App,
    node: Node,
    *,
    language: str = "",
    since: timedelta = WINDOW,
    progress: Progress = silent,
) -> Backtest:
    """What the query would have hit in the archive, by the same evaluator that matches live."""
    result = Backtest()
    terms = {str(part): part for part in node.walk() if isinstance(part, (Term, ListRef))}
    with app.store.read() as tx:
        names = tx.sources.names()
        for item in tx.items.scan(since=app.store.now() - since):
            document = Document.of(item, app.morphology, source=names.get(item.source, ""), language=language)
            result.add(item, evaluate(node, document, language))
            result.terms.update(
                text for text, term in terms.items() if term.holds(document.read_as(language))
            )
            progress(1)
    return result


def warnings(node: Node, tried: Backtest | None = None) -> list[str]:
    """What the lint has to say about a query, a sentence each; with a back-test, about its terms too."""
    frequency = tried.share if tried and tried.items >= CONCLUSIVE else None
    return [advice.sentence for advice in lint.lint(node, frequency)]


def add(app: App, rule: Rule, node: Node, *, also_last: timedelta | None = None, by: str = "") -> Rule:
    """Store a rule under its canonical query; with `also_last`, it is told of what that time brought.

    Raises UsageError where it would tell nobody, or its name is taken.
    """
    now = app.store.now()
    rule = _checked(app, replace(rule, query=str(node)))
    with app.store.begin() as tx:
        taken = {each.name for each in tx.rules.list()}
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
        changed = _checked(app, replace(rule, **changes))  # type: ignore[arg-type]
        return tx.rules.edit(changed, app.store.now(), by)


def listed(app: App) -> Sequence[Rule]:
    """All rules by name, disabled ones included."""
    with app.store.read() as tx:
        return tx.rules.list()


def history(app: App, name: str) -> tuple[Rule, Sequence[Rule]]:
    """A rule and its former versions, the newest first; raises NotFoundError."""
    with app.store.read() as tx:
        rule = tx.rules.get(name)
        return rule, [old for old in tx.rules.versions(rule.id) if old.version < rule.version]


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
        if target.partition(":")[0] not in known:
            there = ", ".join(sorted(known)) or "none; add one under [channels] in the configuration"
            raise UsageError(f"no channel named {target.partition(':')[0]!r} (there is: {there})")
    if given:
        return tuple(dict.fromkeys(given))
    if app.config.alerts.default_channels:
        return app.config.alerts.default_channels
    if len(known) == 1:
        return tuple(known)
    if known:
        raise UsageError(f"say whom to tell: --to {' or --to '.join(sorted(known))}")
    raise UsageError("there is no channel to tell (add one under [channels] in the configuration)")


def _checked(app: App, rule: Rule) -> Rule:
    """The rule, where its settings can be meant."""
    if rule.digest:
        check_digest(rule.digest, app.config.digest)
    if rule.language and rule.language not in LANGUAGES:
        raise UsageError(f"no language {rule.language!r} (one of {', '.join(LANGUAGES)})")
    if rule.name and (len(rule.name) > 80 or not rule.name.isprintable()):
        raise UsageError("a rule's name has up to 80 printable characters")
    return replace(rule, channels=targets(app, rule.channels))


def add_list(app: App, name: str, terms: Sequence[str]) -> None:
    """Store a named list of alternatives; each term must be a query of its own. Raises QueryError."""
    if not terms:
        raise UsageError("a list has at least one term")
    with app.store.begin() as tx:
        lists = {**tx.rules.lists(), name: tuple(terms)}
        if str(parse(f"@{name}", lists)) != f"@{name}":
            raise UsageError(f"not a list's name: {name!r} (one word, without quotes and parentheses)")
        tx.rules.add_list(name, terms)


def remove_list(app: App, name: str) -> None:
    """Remove a list that no rule and no other list needs; raises NotFoundError."""
    mention = re.compile(rf'@{re.escape(name)}(?![^\s(),"])')
    with app.store.begin() as tx:
        lists = tx.rules.lists()
        if name not in lists:
            raise NotFoundError("list", name, "`monitor list-lists` shows all")
        for rule in tx.rules.list():
            if mention.search(rule.query):
                raise UsageError(f"@{name} is used by the rule {rule.name!r}")
        for other, terms in lists.items():
            if any(map(mention.search, terms)):
                raise UsageError(f"@{name} is used by the list @{other}")
        tx.rules.remove_list(name)
