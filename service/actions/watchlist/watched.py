"""What is watched: sources, rules, and the lists that rules name, as a file speaks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import structs

from service.actions import recipients, rules, sources
from service.actions.shapes import span
from service.actions.watchlist.kind import Desk, Kind
from service.actions.watchlist.tables import ListTable, RuleTable, SourceTable
from service.errors import UsageError
from service.fetch.transports import check_url
from service.model import Priority, Rule, Source, SourceState
from service.quantities import duration
from service.rules.grammar import parse
from service.rules.nodes import Node
from service.rules.watchlist import LONGEST_CANONICAL
from service.store.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList:
    """A named list of alternatives."""

    name: str
    terms: tuple[str, ...]


class Lists(Kind[WordList, ListTable]):
    """Named lists of alternatives."""

    name, noun, changing = "lists", "list", "add"

    def stored(self, tx: Transaction) -> Mapping[str, WordList]:
        """All that there are, by name."""
        return {name: WordList(name=name, terms=terms) for name, terms in tx.rules.lists().items()}

    def table(self, one: WordList) -> ListTable:
        """The terms in their order."""
        return ListTable(terms=one.terms)

    def meant(self, name: str, table: ListTable, old: WordList | None) -> WordList:
        """Each term once."""
        del old
        return WordList(name=name, terms=tuple(dict.fromkeys(table.terms)))

    def checked(self, desk: Desk, new: WordList, old: WordList | None) -> WordList:
        """As `add-list` does; it may name others of the same file."""
        del old
        rules.check_list(new.name, desk.lists)
        return new

    def check_whole(self, desk: Desk) -> None:
        """A list that changed must not break another one."""
        if self.name in desk.changed:
            for name, terms in desk.lists.items():
                if any("@" in term for term in terms):
                    with desk.placed(self.name, name):
                        rules.check_list(name, desk.lists)

    def check_gone(self, desk: Desk, name: str) -> None:
        """No rule and no list may name a list that is gone."""
        rules.check_unused(name, desk.things["rules"].values(), desk.lists)

    def add(self, tx: Transaction, new: Sequence[WordList], now: datetime, by: str) -> None:
        """Store those that are new."""
        del by
        for one in new:
            tx.rules.add_list(one.name, one.terms, now)

    def edit(self, tx: Transaction, new: WordList, old: WordList, now: datetime, by: str) -> None:
        """Store what has changed."""
        del old
        self.add(tx, [new], now, by)

    def remove(self, tx: Transaction, old: WordList, now: datetime) -> None:
        """Take one off."""
        del now
        tx.rules.remove_list(old.name)


class Sources(Kind[Source, SourceTable]):
    """What is polled."""

    name, noun = "sources", "source"

    def stored(self, tx: Transaction) -> Mapping[str, Source]:
        """All but those that files were read under: nothing polls them."""
        return {one.name: one for one in tx.sources.list() if not one.url.startswith("ingest:")}

    def table(self, one: Source) -> SourceTable:
        """What a person says of it."""
        return SourceTable(
            url=one.url,
            every=span(one.every) or "",
            cron=one.cron,
            lang=one.language,
            format=one.format,
            timezone=one.timezone,
            tags=one.tags,
            auth_env=one.auth_env,
            paused=one.state is SourceState.PAUSED,
        )

    def normal(
        self, desk: Desk, written: Mapping[str, SourceTable], stored: Mapping[str, Source]
    ) -> Mapping[str, SourceTable]:
        """Addresses in their normal form; one that is polled is not judged again."""
        polled = {one.url for one in stored.values()}
        found = dict(written)
        for name, table in written.items():
            if table.url not in polled:
                desk.guard(table.url, table.auth_env)  # before a look at a folder says what is in it
                with desk.placed(self.name, name, "url"):
                    found[name] = structs.replace(table, url=check_url(table.url))
        return found

    def matched(
        self, desk: Desk, written: Mapping[str, SourceTable], stored: Mapping[str, Source]
    ) -> Mapping[str, Source]:
        """What is polled at its address already, whatever its name; else what has its name."""
        polled = {one.url: one for one in stored.values()}
        found: dict[str, Source] = {}
        named: dict[str, str] = {}
        for name, table in written.items():
            if (twin := named.setdefault(table.url, name)) != name:
                with desk.placed(self.name, name, "url"):
                    raise UsageError(f"{table.url} is the address of [sources.{twin}], too")
            if table.url in polled:
                found[name] = polled[table.url]
        taken = {one.id for one in found.values()}
        for name in written.keys() & stored.keys():
            if stored[name].id in taken:
                continue
            if name in found:
                other = found[name].name
                with desk.placed(self.name, name, "url"):
                    raise UsageError(
                        f"is polled already, as {other} (`monitor remove-source {other}`, or name it so)"
                    )
            found[name] = stored[name]
        return found

    def meant(self, name: str, table: SourceTable, old: Source | None) -> Source:
        """The settings; what polling taught stays."""
        try:
            every = timedelta(seconds=duration(table.every).total_seconds()) if table.every else None
        except ValueError as error:
            raise UsageError(str(error)) from error
        source = old or Source(name=name, url=table.url)
        state = source.state
        if table.paused is not None and table.paused is not (state is SourceState.PAUSED):
            state = SourceState.PAUSED if table.paused else SourceState.OK
        return replace(
            source,
            name=name,
            url=table.url,
            every=every,
            cron=table.cron,
            language=table.lang,
            format=table.format,
            timezone=table.timezone,
            tags=tuple(dict.fromkeys(table.tags)),
            auth_env=table.auth_env,
            state=state,
        )

    def checked(self, desk: Desk, new: Source, old: Source | None) -> Source:
        """As `add-source` and `edit-source` do, without a look at it."""
        if not new.name:
            raise UsageError("a source has a name")
        if old is None or old.url != new.url:
            sources.spare(desk.app, new.url)
        if old is None or (old.url, old.auth_env) != (new.url, new.auth_env):
            desk.guard(new.url, new.auth_env)
        return sources.checked(new)

    def add(self, tx: Transaction, new: Sequence[Source], now: datetime, by: str) -> None:
        """They are due at once."""
        del by
        for one in new:
            tx.sources.add(one, now)

    def edit(self, tx: Transaction, new: Source, old: Source, now: datetime, by: str) -> None:
        """It is due at once; history, identity and rhythm stay."""
        del by
        tx.sources.edit(replace(new, next_poll_at=now))
        if new.state is not old.state:
            if new.state is SourceState.PAUSED:
                tx.sources.pause(new.name)
            else:
                tx.sources.resume(new.name, now)

    def remove(self, tx: Transaction, old: Source, now: datetime) -> None:
        """Its items stay."""
        tx.sources.remove(old.name, now)

    def make_room(self, tx: Transaction, renamed: Iterable[Source]) -> None:
        """Each takes a name that nobody can give, so that two may change theirs for one another."""
        for one in renamed:
            tx.sources.edit(replace(one, name=f"/{one.id}"))


class Rules(Kind[Rule, RuleTable]):
    """What is watched for."""

    name, noun = "rules", "rule"

    def stored(self, tx: Transaction) -> Mapping[str, Rule]:
        """All that there are, by name."""
        return {one.name: one for one in tx.rules.list()}

    def table(self, one: Rule) -> RuleTable:
        """What a person says of it."""
        return RuleTable(
            query=one.query,
            to=one.channels,
            priority=one.priority.value,
            lang=one.language,
            digest=one.digest,
            on="updates" if one.on_updates else "new",
            tags=one.tags,
            escalate=one.escalate,
            enabled=one.enabled,
        )

    def meant(self, name: str, table: RuleTable, old: Rule | None) -> Rule:
        """The query is not read yet."""
        if table.priority not in tuple(Priority):
            raise UsageError(f"priority: {table.priority!r} is none of {', '.join(Priority)}")
        if table.on not in {"new", "updates"}:
            raise UsageError(f"on: {table.on!r} is none of new, updates")
        rule = old or Rule(name=name, query=table.query)
        return replace(
            rule,
            query=table.query,
            channels=tuple(dict.fromkeys(table.to)),
            priority=Priority(table.priority),
            language=table.lang,
            digest=table.digest,
            on_updates=table.on == "updates",
            tags=tuple(dict.fromkeys(table.tags)),
            escalate=table.escalate,
            enabled=rule.enabled if table.enabled is None else table.enabled,
        )

    def checked(self, desk: Desk, new: Rule, old: Rule | None) -> Rule:
        """As `add-rule` and `edit-rule` do."""
        if not new.name:
            raise UsageError("a rule has a name")
        node = self._understood(desk, new)
        with desk.placed(self.name, new.name, "to"):
            rules.targets(desk.app, new.channels)
        rule = rules.checked(desk.app, replace(new, query=str(node)))
        with desk.placed(self.name, new.name, "to"):
            known = set(old.channels) if old else set()
            recipients.check_targets(desk.app, desk.directory, set(rule.channels) - known)
        if old is None or old.query != rule.query:
            desk.queries[rule.name] = node
        return rule

    def check_whole(self, desk: Desk) -> None:
        """A list that changed must not break a rule that names it."""
        if "lists" in desk.changed:
            for rule in desk.things[self.name].values():
                if "@" in rule.query and rule.name not in desk.queries:
                    self._understood(desk, rule)

    def _understood(self, desk: Desk, rule: Rule) -> Node:
        """Its query. What an export printed may be longer than what was typed."""
        with desk.placed(self.name, rule.name, "query"):
            node = parse(rule.query, desk.lists, longest=LONGEST_CANONICAL, known=desk.known)
            if len(str(node)) > LONGEST_CANONICAL:
                raise UsageError("the query is too long (put the alternatives into a list)")
            return node

    def add(self, tx: Transaction, new: Sequence[Rule], now: datetime, by: str) -> None:
        """They match from now on, and nothing that was stored before."""
        tx.rules.add_many([replace(one, changed_by=by) for one in new], now)

    def edit(self, tx: Transaction, new: Rule, old: Rule, now: datetime, by: str) -> None:
        """The next version; the former one is kept."""
        if new.query != old.query:
            tx.rules.expect(old.id, None)
        tx.rules.edit(new, now, by)

    def remove(self, tx: Transaction, old: Rule, now: datetime) -> None:
        """Its alerts stay."""
        tx.rules.remove(old.name, now)
