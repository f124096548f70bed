"""Laws of the file of a watchlist: what is written is read as it was, what is exported is there already."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.actions.rules import RESERVED
from service.actions.watchlist import apply as watchlists
from service.actions.watchlist import tables
from service.actions.watchlist.tables import GroupTable, ListTable, PersonTable, RuleTable, SourceTable
from service.app import App
from service.errors import PlaceError
from tests.newsroom import newsroom

ODD = "\"'\\„“”’#[]{}=.,:;|+-@ äöüÄÖÜßéŒ김정은 \t\n\r\x1b\x7f\x85\u00a0\u2028\u202e\u200b\U000e0041😀"
TEXT = st.text(st.sampled_from(ODD) | st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
TEXTS = st.lists(TEXT, max_size=9).map(tuple)
SWITCH = st.none() | st.booleans()
ANYTHING: Mapping[str, st.SearchStrategy[tables.Table]] = {
    "sources": st.builds(SourceTable, url=TEXT, every=TEXT, timezone=TEXT, tags=TEXTS, paused=SWITCH),
    "people": st.builds(PersonTable, addresses=TEXTS, lang=TEXT),
    "groups": st.builds(GroupTable, members=TEXTS),
    "lists": st.builds(ListTable, terms=TEXTS),
    "rules": st.builds(RuleTable, query=TEXT, to=TEXTS, priority=TEXT, escalate=TEXTS, enabled=SWITCH),
}


@given(st.fixed_dictionaries({kind: st.dictionaries(TEXT, of, max_size=3) for kind, of in ANYTHING.items()}))
def test_what_is_written_is_read_as_it_was(watchlist: dict[str, dict[str, tables.Table]]) -> None:
    text = tables.write(watchlist)
    read = tables.read(text.encode(), "w.toml")
    said = [
        {kind: {name: tables.said(one) for name, one in things.items()} for kind, things in whole.items()}
        for whole in (watchlist, read)
    ]
    assert said[0] == said[1]
    assert text == tables.write(read)
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text.splitlines()) == text.count("\n")


@given(st.binary(max_size=60) | TEXT.map(str.encode))
def test_whatever_stands_in_a_file_it_is_read_or_refused(body: bytes) -> None:
    with suppress(PlaceError):
        tables.read(body, "w.toml")


# ---------------------------------------------------------------- a desk

WORD = st.text(string.ascii_letters + "äöüß", min_size=3, max_size=8).map("w{}".format)
NAME = st.text(
    st.sampled_from("abcXYZ.'\"#&()[]{}!?-_김😀") | st.characters(codec="utf-8", categories=["L", "N"]),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in RESERVED)
TAGS = st.lists(TEXT, max_size=3, unique=True).map(tuple)
FORMS = (
    '"{0} {1}"', "{0} + -{1}", "„{0} {1}“", "2 of ({0}, {1}, {2})", "title:({0} OR {1})", "={0}", "=={0}",
    "{0} NEAR/8 {1}", "{0}* | /{1}[0-9]+/", "\n  {0}\n  -{1}\n", '"{0} {1}"~8', "/a\\d'{0}\"/",
    "{0}\t+\r\n{1}",
)  # fmt: skip


def queries(*more: str) -> st.SearchStrategy[str]:
    return st.builds(str.format, st.sampled_from((*FORMS, *more)), WORD, WORD, WORD)


def rules(told: list[str]) -> st.SearchStrategy[RuleTable]:
    return st.builds(
        RuleTable,
        query=queries("@many + {0}"),
        to=st.lists(st.sampled_from(told), min_size=1, unique=True).map(tuple),
        priority=st.sampled_from(["flash", "high", "normal", "low"]),
        lang=st.sampled_from(["", "de"]),
        digest=st.sampled_from(["", "daily", "30 6 * * mon-fri"]),
        on=st.sampled_from(["new", "updates"]),
        tags=TAGS,
        escalate=st.sampled_from([(), ("10m=desk",)]),
        enabled=SWITCH,
    )


POLLED = st.builds(
    SourceTable,
    url=st.integers(0, 10**9).map("https://host{}.example/rss".format),
    every=st.sampled_from(["", "60s", "90s", "24h"]),
    timezone=st.sampled_from(["Europe/Berlin", "Asia/Seoul"]),
    tags=TAGS,
    auth_env=st.sampled_from(["", "WIRE_TOKEN"]),
    paused=SWITCH,
)


@st.composite
def desks(draw: st.DrawFn) -> dict[str, dict[str, tables.Table]]:
    """A desk that can be: odd names, queries of every form."""
    people = draw(st.lists(st.text("abcäß-_.'\"", min_size=1, max_size=6), unique=True, max_size=3))
    groups: dict[str, tables.Table] = {f"g{one}": GroupTable(members=(one, people[0])) for one in people[:2]}
    told = ["desk", *(f"desk:{name}" for name in (*people, *groups))]
    polled = draw(st.lists(POLLED, max_size=4, unique_by=lambda one: one.url))
    names = draw(st.lists(NAME, min_size=len(polled), max_size=len(polled), unique=True))
    return {
        "sources": dict(zip(names, polled, strict=True)),
        "people": {name: PersonTable(addresses=(f"desk:{name}@a.example",)) for name in people},
        "groups": groups,
        "lists": {"many": ListTable(terms=tuple(draw(st.lists(queries(), min_size=1, max_size=4))))},
        "rules": draw(st.dictionaries(NAME, rules(told), max_size=4)),
    }


NOTHING = tables.read(b"", "w.toml")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with newsroom(tmp_path_factory.mktemp("desk")) as room:
        yield room.app


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(watchlist=desks())
def test_what_was_exported_is_there_already(app: App, watchlist: dict[str, dict[str, tables.Table]]) -> None:
    def apply(wanted: tables.Watchlist, *, dry_run: bool = False, remove: bool = False) -> list[str]:
        done = watchlists.apply(app, wanted, "w.toml", dry_run=dry_run, remove=remove)
        return [step.change for step in done.steps]

    apply(NOTHING, remove=True)
    things = sum(map(len, watchlist.values()))
    assert ["added"] * things == apply(watchlist, dry_run=True) == apply(watchlist)
    with app.store.read() as tx:
        before = (tx.rules.revision(), tx.rules.list(), tx.sources.list(), tx.people.all())
    exported = watchlists.export(app)
    for same in (watchlist, tables.read(exported.encode(), "w.toml")):
        assert [] == apply(same, remove=True)
    with app.store.read() as tx:
        assert before == (tx.rules.revision(), tx.rules.list(), tx.sources.list(), tx.people.all())
    assert ["removed"] * things == apply(NOTHING, remove=True)
    assert things == len(apply(tables.read(exported.encode(), "w.toml")))
    assert exported == watchlists.export(app)
