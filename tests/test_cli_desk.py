"""Silences, the search, and the history of a rule, as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.model import Exit
from tests.newsroom import MARKET, PRICES, TRIP, rss
from tests.shell import Shell


@pytest.fixture
def monitor(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.configure()
    shell("add-rule", "Kim", "--name", "kim")
    (tmp_path / "wire.xml").write_bytes(rss(TRIP, PRICES, MARKET))
    return shell


def bring(monitor: Shell) -> None:
    assert Exit.DONE == monitor("ingest", str(monitor.folder / "wire.xml")).code


@pytest.mark.slow
def test_a_silence_keeps_quiet_and_says_so_until_it_is_ended(monitor: Shell) -> None:
    added = monitor("silence", "rule=kim", "--for", "2h", "--comment", "Parteitag", "--json")
    assert (Exit.DONE, ["rule=kim"]) == (added.code, added.json["matchers"])
    bring(monitor)
    reasons = [one["reason"] for one in monitor("list-deliveries", "--json").json]
    assert reasons
    assert all("Parteitag" in reason for reason in reasons)
    assert "Parteitag" in monitor("list-silences").out
    assert Exit.DONE == monitor("end-silence", str(added.json["id"])).code
    assert [] == monitor("list-silences", "--json").json
    assert Exit.NOT_FOUND == monitor("end-silence", str(added.json["id"])).code


@pytest.mark.parametrize(
    ("matcher", "code"), [("rule=nobody", Exit.NOT_FOUND), ("desk", Exit.USAGE), ("channel=x", Exit.USAGE)]
)
def test_a_silence_of_nothing_is_refused(monitor: Shell, matcher: str, code: Exit) -> None:
    assert code == monitor("silence", matcher, "--for", "2h", "--comment", "x").code
    assert Exit.USAGE == monitor("silence", "rule=kim", "--for", "2h").code


@pytest.mark.slow
def test_a_search_speaks_the_language_of_rules(monitor: Shell) -> None:
    bring(monitor)
    found = monitor("search", '"Kim Jong Un"', "+", "Reise", "--json")
    assert (Exit.DONE, 3, [TRIP.headline]) == (
        found.code,
        found.json["items"],
        [hit["headline"] for hit in found.json["hits"]],
    )
    assert ">Auslandsreise<" in monitor("search", "Reise").out
    assert [PRICES.headline] == [
        h["headline"] for h in monitor("search", "Kim", "-Reise", "--json").json["hits"]
    ]
    nothing = monitor("search", "Zeppelin über Berlin")
    assert (Exit.FAILED, True) == (nothing.code, '  query      "Zeppelin über Berlin"\n' in nothing.out)
    assert Exit.USAGE == monitor("search", "(Kim").code


def test_a_search_goes_on_page_by_page(monitor: Shell) -> None:
    bring(monitor)
    first = monitor("search", "Kim", "--limit", "1", "--json").json
    second = monitor("search", "Kim", "--limit", "1", "--before", str(first["before"]), "--json").json
    assert {TRIP.headline, PRICES.headline} == {first["hits"][0]["headline"], second["hits"][0]["headline"]}


@pytest.mark.slow
def test_a_rule_shows_who_changed_what_and_when_and_what_became_of_its_hits(monitor: Shell) -> None:
    bring(monitor)
    monitor("edit-rule", "kim", "Kim", "+", "Reise", "--priority", "high")
    monitor("disable-rule", "kim")
    shown = monitor("show-rule", "kim")
    for said in ("query Kim → Kim + Reise", "priority normal → high", "enabled yes → no", "2 hits: 2 alerts"):
        assert said in shown.out
    assert {"candidates": 2, "open": 2} == monitor("show-rule", "kim", "--json").json["counts"]
