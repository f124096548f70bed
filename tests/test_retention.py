"""What is older than `[retention]` says, by hand: counted, dropped, and what has to stay."""

from __future__ import annotations

import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.model import Exit
from tests.inbox import HookServer
from tests.newsroom import PRICES, TRIP, Entry, rss
from tests.postgres import Cluster
from tests.shell import Shell

DAY = 86_400 * 10**6  # microseconds, as the database counts
AGED = {"item": "stored_at", "story": "updated_at", "delivery": "created_at", "attempt": "started_at"}
NOUNS = {"items", "stories", "deliveries", "attempts", "fingerprints", "seen", "gaps", "nodes"}


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Shell]:
    """A monitor that told the desk of one of two stories."""
    with HookServer() as hooks:
        shell = Shell(tmp_path)
        shell.configure(desk=hooks.url())
        with shell.config.open("a", encoding="utf-8") as file:
            file.write('\n[web]\nlisten = "127.0.0.1:0"\n')
        shell("add-rule", "Kim + Reise", "--name", "kim")
        ingest(shell, TRIP, PRICES)
        yield shell


def ingest(monitor: Shell, *entries: Entry) -> None:
    wire = monitor.folder / "wire.xml"
    wire.write_bytes(rss(*entries))
    assert Exit.DONE == monitor("ingest", str(wire)).code


def age(monitor: Shell, days: int) -> None:
    """Let everything that is stored be so much older."""
    with closing(sqlite3.connect(monitor.folder / "monitor.db", timeout=30)) as connection, connection:
        for table, column in AGED.items():
            connection.execute(f"UPDATE {table} SET {column} = {column} - ?", (days * DAY,))


def gone(monitor: Shell, *options: str) -> dict[str, Any]:
    """How many rows of what; the space is looked at elsewhere."""
    said = monitor("prune", "--json", *options).json
    assert NOUNS | {"dry_run", "freed_bytes"} == said.keys()
    return {what: number for what, number in said.items() if number and what != "freed_bytes"}


def test_a_dry_run_says_what_would_go_and_nothing_does(monitor: Shell) -> None:
    assert {"dry_run": True} == gone(monitor, "--dry-run")
    assert "nothing is older than [retention] says\n" == monitor("prune").err
    age(monitor, 181)
    would = gone(monitor, "--dry-run")
    assert (2, 2, 1, 1) == tuple(would[what] for what in ("items", "stories", "deliveries", "attempts"))
    assert would["fingerprints"] > 10
    said = monitor("prune", "--dry-run").out
    assert re.search(r"^what +older than +would go$", said, re.MULTILINE)
    assert re.search(r"^items +180d +2$", said, re.MULTILINE)
    assert 2 == len(monitor("list-items", "--json").json)
    went = gone(monitor)
    assert would == {**went, "dry_run": True}
    assert [] == monitor("list-items", "--json").json


@pytest.mark.slow
def test_what_went_is_in_the_record_and_a_rule_keeps_its_count(monitor: Shell) -> None:
    before = monitor("show-rule", "kim", "--json").json["counts"]["candidates"]
    age(monitor, 181)
    went = gone(monitor)
    [change, *_] = monitor("list-changes", "--json").json
    assert "prune" == change["what"]
    assert change["detail"] == {what: went[what] for what in NOUNS & went.keys()}
    assert before == monitor("show-rule", "kim", "--json").json["counts"]["candidates"] == 1
    ingest(monitor, TRIP)  # it is no news
    assert [] == monitor("list-items", "--json").json


@pytest.mark.slow
def test_the_young_stay_and_each_kind_has_its_own_age(monitor: Shell) -> None:
    age(monitor, 91)
    assert {"attempts", "fingerprints"} == gone(monitor).keys()
    assert 2 == len(monitor("list-items", "--json").json)
    [alert] = monitor("list-alerts", "--json").json
    assert "sent" in monitor("show-alert", str(alert["id"])).out


@pytest.mark.slow
def test_space_is_given_back_beside_a_running_monitor(monitor: Shell) -> None:
    """Who prunes by hand keeps less than the running one, which would be quicker otherwise."""
    ingest(monitor, *(Entry(f"n-{n}", f"Nachricht {n}", f"Wort{n} " * 2000) for n in range(300)))
    with monitor.running("run") as running:
        assert running.stderr
        assert any(" started " in line for line in running.stderr)
        age(monitor, 150)
        with monitor.config.open("a", encoding="utf-8") as file:
            file.write('\n[retention]\nitems = "100d"\n')
        pruned = monitor("prune")
        assert (Exit.DONE, "") == (pruned.code, pruned.err)
        assert re.search(r"^\d\.\d MB given back$", pruned.out, re.MULTILINE)
        assert re.search(r"^items +100d +302$", pruned.out, re.MULTILINE)
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
    assert Exit.DONE == running.returncode
    assert not re.search("failed|locked", err)
    assert (monitor.folder / "monitor.db").stat().st_size < 2 * 10**6


@pytest.mark.slow
def test_on_postgresql_it_is_the_same(monitor: Shell, postgres: Cluster) -> None:
    monitor.configure(database=postgres.database())
    ingest(monitor, TRIP)
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write('\n[retention]\nitems = "1s"\nfingerprints = "1s"\n')
    would: dict[str, Any] = {}
    while would.get("items") != 1:  # until it is a second old
        would = gone(monitor, "--dry-run")
    assert would == gone(monitor) | {"dry_run": True}
    assert [] == monitor("list-items", "--json").json
