"""`monitor migrate --to`: a desk moves from SQLite to PostgreSQL and back, and nobody is told twice."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from service.model import Exit, Item, Link, Placement, Source
from service.store.db import Store
from tests.inbox import HookServer
from tests.newsroom import MARKET, PRICES, TRIP, changed, rss
from tests.postgres import Cluster
from tests.servers import FeedServer
from tests.shell import COMMAND, DEADLINE, Shell

ODD = changed(
    TRIP, key="odd-1", headline="Ölpreis 𝔖 “fällt” <b>&</b> steigt", text="Zeile\u2028zwei \\ {} , NULL"
)
CORRECTED = changed(MARKET, headline="KORREKTUR: Aktien Frankfurt: Dax im Plus", text="Der Dax hat zugelegt.")


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


def furnish(monitor: Shell, feeds: FeedServer) -> None:
    """A desk with something of everything, made as people make it."""
    url = feeds.serve("/wire", rss(TRIP, PRICES, MARKET, ODD))
    portal = feeds.serve("/portal", rss(changed(TRIP, key="p-1")))
    for command in (
        ["add-source", url, "--name", "wire", "--tag", "agency", "--every", "5m"],
        ["add-source", portal, "--name", "Portal", "--cron", "*/5 6-22 * * *"],
        ["add-source", feeds.url("/missing"), "--name", "missing"],
        ["add-list", "kim", "Kim Jong Un", "김정은"],
        ["add-person", "anna", "console:anna@example.org"],
        ["add-group", "night", "anna"],
        ["add-rule", "@kim", "Reise", "--name", "trip", "--to", "console:night", "--priority", "high"],
        ["add-rule", "Dax OR Öl", "--name", "Markt", "--digest", "daily"],
        ["silence", "rule=Markt", "--for", "2h", "--comment", "quiet \N{PILE OF POO}"],
        ["poll"],
    ):
        done = monitor(*command)
        assert Exit.DONE == done.code, (command, done.err)
    feeds.serve("/wire", rss(TRIP, PRICES, CORRECTED, ODD, changed(TRIP, key="trip-2", text="Kim. Reise.")))
    for command in (
        ["poll", "--all"],
        ["edit-rule", "trip", "--priority", "flash"],
        ["ack", "1", "--comment", "mine", "--relevant"],
        ["remove-source", "missing"],
        ["user", "add", "ben", "--role", "admin", "--invite"],
        ["token", "add", "prometheus", "--scope", "metrics"],
    ):
        done = monitor(*command)
        assert Exit.DONE == done.code, (command, done.err)


def answers(monitor: Shell) -> dict[str, Any]:
    """What the desk says about itself, as far as it does not change with the hour or the place."""
    commands = [
        ["list-sources"], ["list-items", "--versions"], ["list-rules"], ["list-lists"], ["list-alerts"],
        ["list-deliveries"], ["list-silences"], ["list-people"], ["list-changes"], ["user", "list"],
        ["token", "list"], ["show-rule", "trip"], ["search", "Dax"], ["search", "Ölpreis"],
        ["why", "trip", TRIP.headline], ["why", "Markt", CORRECTED.headline],
    ]  # fmt: skip
    commands += [["show-alert", str(one["id"])] for one in monitor("list-alerts", "--json").json]
    stories = {one["story"] for one in monitor("list-items", "--versions", "--json").json}
    commands += [["show-story", str(story)] for story in stories]
    said = {}
    for command in commands:
        answer = monitor(*command, "--json")
        assert Exit.DONE == answer.code, (command, answer.err)
        said[" ".join(command)] = answer.json
    said["list-changes"] = [one for one in said["list-changes"] if one["what"] != "migrate"]
    said["detail of changes"] = [list(one["detail"]) for one in said["list-changes"]]
    return said


@pytest.mark.slow
def test_a_desk_that_goes_to_postgresql_and_back_says_the_same(
    monitor: Shell, feeds: FeedServer, postgres: Cluster
) -> None:
    furnish(monitor, feeds)
    before = answers(monitor)
    assert len(before["list-items --versions"]) > 5
    assert before["search Dax"]
    places = [f"sqlite:///{monitor.folder}/monitor.db", postgres.database(), "sqlite:///back.db"]
    for old, new in pairwise(places):
        moved = monitor("migrate", "--to", new, "--json")
        assert (Exit.DONE, "") == (moved.code, moved.err)
        assert moved.json["rows"] == sum(moved.json["tables"].values()) > 100
        assert len(before["list-items --versions"]) == moved.json["tables"]["item"]
        assert moved.json["sending"]
        monitor.configure(database=old)
        assert f"moved to {moved.json['to']} " in monitor("status", "--json").json["stopped"]
        monitor.configure(database=new)
        assert monitor("status", "--json").json["sending"]
        assert before == answers(monitor)
        migrated = monitor("list-changes", "--json", "--limit", "1").json[0]
        assert ("migrate", moved.json["to"]) == (migrated["what"], migrated["subject"])
    # Other bytes, so that they are read, and nothing in them is new; what comes next has the next ids.
    feeds.serve("/wire", rss(TRIP, PRICES, CORRECTED, ODD, title="The wire"))
    assert 0 == monitor("poll", "--all", "--json").json["new_items"]
    feeds.serve(
        "/wire", rss(changed(MARKET, key="new-1", headline="Zucker wird knapp", text="Rüben fehlen."))
    )
    assert 1 == monitor("poll", "--all", "--json").json["new_items"]
    newest = monitor("list-items", "--limit", "1", "--json").json[0]
    assert newest["id"] > max(one["id"] for one in before["list-items --versions"])
    with opened(f"sqlite:///{monitor.folder}/back.db") as store, store.read() as tx:
        assert [newest["id"]] == [one.id for one in tx.items.search("Rüben")]
    assert Exit.DONE == monitor("doctor").code


@pytest.mark.slow
@pytest.mark.parametrize("place", ["committed", "delivery-claimed"])
def test_a_message_that_waited_goes_out_once_and_from_the_new_place(
    monitor: Shell, hooks: HookServer, empty_url: str, place: str
) -> None:
    """The process that should have sent it died, in one case with the message in its hand."""
    old = f"sqlite:///{monitor.folder}/monitor.db"
    monitor.configure(desk=hooks.url())
    monitor("add-rule", "Kim")
    (monitor.folder / "wire.xml").write_bytes(rss(TRIP))
    assert -signal.SIGKILL == monitor.process("ingest", "wire.xml", MONITOR_FAIL_AT=place).code
    moved = monitor("migrate", "--to", empty_url)
    assert (Exit.DONE, "") == (moved.code, moved.err)
    assert "1 message waits, and goes out from there" in moved.out
    assert not re.search("^node ", moved.out, re.MULTILINE)  # on another machine its lease would run on
    assert 0 == monitor("poll", "--json").json["sent"]
    assert "moved to" in monitor("poll").err
    monitor.configure(database=empty_url, desk=hooks.url())
    assert 1 == monitor("poll", "--json").json["sent"]
    monitor.configure(database=old, desk=hooks.url())
    assert 0 == monitor("poll", "--json").json["sent"]
    assert [TRIP.headline] == [post.json["item"]["headline"] for post in hooks.posts]
    assert "messages go out from here" in monitor("resume-sending").out
    assert 1 == monitor("poll", "--json").json["sent"]


@contextmanager
def daemon(monitor: Shell) -> Iterator[subprocess.Popen[str]]:
    """A daemon that is at work, for the time of the block."""
    running = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run"],
        cwd=monitor.folder,
        env=monitor.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stderr
        assert next(line for line in running.stderr if " started " in line)
        yield running
    finally:
        running.terminate()
        running.communicate(timeout=DEADLINE)


@pytest.mark.slow
def test_nothing_is_moved_while_a_daemon_is_at_work(monitor: Shell) -> None:
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write('\n[web]\nlisten = "127.0.0.1:0"\n')
    with daemon(monitor) as running:
        refused = monitor("migrate", "--to", "sqlite:///new.db")
        assert Exit.USAGE == refused.code
        assert re.fullmatch(rf"monitor: .+:{running.pid} runs on this database \(stop it .+\)\n", refused.err)
        assert not (monitor.folder / "new.db").exists()
        assert monitor("status", "--json").json["sending"]
    assert Exit.DONE == monitor("migrate", "--to", "sqlite:///new.db").code


KILLED = ("carrying:3", "carried", "handed-over")


@pytest.mark.slow
@pytest.mark.parametrize("place", KILLED)
def test_a_move_that_was_killed_is_no_move_and_is_done_again(
    monitor: Shell, empty_url: str, place: str
) -> None:
    monitor("add-rule", "Kim", "--name", "kim")
    (monitor.folder / "wire.xml").write_bytes(rss(TRIP, PRICES))
    monitor("ingest", str(monitor.folder / "wire.xml"))
    before = monitor("list-items", "--json").json
    killed = monitor.process("migrate", "--to", empty_url, MONITOR_FAIL_AT=place)
    assert -signal.SIGKILL == killed.code
    assert (place != "handed-over") == monitor("status", "--json").json["sending"]
    new = Shell(monitor.folder / "new")
    new.folder.mkdir()
    new.configure(database=empty_url)
    assert ([], []) == (new("list-items", "--json").json, new("list-rules", "--json").json)
    again = monitor("migrate", "--to", empty_url)
    assert (Exit.DONE, "") == (again.code, again.err)
    assert before == new("list-items", "--json").json
    assert (False, True) == tuple(one("status", "--json").json["sending"] for one in (monitor, new))
    assert "migrate" == new("list-changes", "--json", "--limit", "1").json[0]["what"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--to", "sqlite:///monitor.db"], Exit.USAGE, "monitor.db: that is the database in use"),
        (["--to", "sqlite:///nowhere/new.db"], Exit.FAILED, "nowhere/new.db: cannot be opened"),
        (["--to", "sqlite:///full.db"], Exit.USAGE, "full.db: not empty, audit has rows"),
        (["--to", "sqlite:///text.db"], Exit.FAILED, "text.db: not a database"),
        (["--to", "mysql://desk/x"], Exit.USAGE, "the new database: mysql is not supported"),
        (["--to", "new.db"], Exit.USAGE, "the new database: not a database URL"),
        (["--to", "postgresql://anna:hunter2@127.0.0.1:9/x"], Exit.FAILED, "anna:***@127.0.0.1:9/x: "),
        (["--to-env", "NO_SUCH_VARIABLE"], Exit.USAGE, "NO_SUCH_VARIABLE is not set"),
        (["--to-file", "nowhere.url"], Exit.USAGE, "cannot be read: nowhere.url"),
        (["--to", "sqlite:///a.db", "--to-env", "B"], Exit.USAGE, "give one of --to, --to-env and --to-file"),
    ],
)
def test_a_place_that_will_not_do_is_refused_in_one_line_and_nothing_changes(
    monitor: Shell, options: list[str], code: Exit, said: str
) -> None:
    monitor("add-list", "bank", "EZB")
    full = Shell(monitor.folder / "full")
    full.folder.mkdir()
    full.configure(database=f"sqlite:///{monitor.folder}/full.db")
    full("add-list", "bank", "EZB")
    (monitor.folder / "text.db").write_text("minutes of the meeting\n" * 100, encoding="utf-8")
    refused = monitor("migrate", *options)
    assert (code, "") == (refused.code, refused.out)
    assert re.fullmatch(r"monitor: [^\n]+\n", refused.err)
    assert said in refused.err
    assert "hunter2" not in refused.err
    assert monitor("status", "--json").json["sending"]
    assert 1 == len(monitor("list-changes", "--json").json)


@pytest.mark.slow
def test_what_was_moved_is_not_moved_again(monitor: Shell) -> None:
    assert Exit.DONE == monitor("migrate", "--to", "sqlite:///new.db").code
    again = monitor("migrate", "--to", "sqlite:///new.db")
    assert Exit.USAGE == again.code
    assert "new.db: this database was moved there already (name it in config.toml)" in again.err
    assert Exit.DONE == monitor("migrate", "--to", "sqlite:///other.db").code
    monitor.configure(database="sqlite:///other.db")
    assert (
        "moved to" in monitor("status", "--json").json["stopped"]
    )  # another sends in its place, and this is none


def test_every_table_is_moved(monitor: Shell) -> None:
    """One that a migration made past the schema would stay behind."""
    moved = monitor("migrate", "--to", "sqlite:///new.db", "--json").json["tables"]
    with closing(sqlite3.connect(monitor.folder / "new.db")) as connection:
        there = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
    ours = {name for name in there if not re.match("alembic_version|item_search|sqlite_", name)}
    assert moved.keys() == ours


def test_sending_that_was_stopped_by_hand_stays_stopped(monitor: Shell) -> None:
    monitor("init")
    with opened(f"sqlite:///{monitor.folder}/monitor.db") as store, store.begin() as tx:
        tx.installation.stop_sending("quiet for the election")
    moved = monitor("migrate", "--to", "sqlite:///new.db", "--json").json
    assert moved["stopped"].startswith("quiet for the election; ")
    monitor.configure(database="sqlite:///new.db")
    assert "messages go out from here" in monitor("resume-sending").out
    monitor.configure()
    assert not monitor("status", "--json").json["sending"]


@pytest.mark.slow
def test_the_url_may_stand_where_no_history_shows_it(monitor: Shell, tmp_path: Path) -> None:
    (tmp_path / "new.url").write_text("sqlite:///by-file.db\n", encoding="utf-8")
    by_file = monitor("migrate", "--to-file", "new.url")
    assert Exit.DONE == by_file.code
    assert '\n    url_file = "new.url"\n' in by_file.out
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write('\n[database]\nurl_file = "new.url"\n')
    assert monitor("status", "--json").json["database"].endswith("/by-file.db")
    (tmp_path / "more.url").write_text("sqlite:///more.db\n", encoding="utf-8")
    by_env = monitor.process("migrate", "--to-env", "DESK_URL", DESK_URL="sqlite:///by-env.db")
    assert (Exit.DONE, "") == (by_env.code, by_env.err)
    assert by_env.out.endswith('\n    url_env = "DESK_URL"\nand take url_file out of it\n')


@pytest.mark.slow
def test_a_copy_that_may_not_send_does_not_send_from_another_place_either(
    monitor: Shell, tmp_path: Path
) -> None:
    monitor("add-list", "bank", "EZB")
    (tmp_path / "monitor.db").rename(tmp_path / "copy.db")
    monitor.configure(database="sqlite:///copy.db")
    moved = monitor("migrate", "--to", "sqlite:///new.db")
    assert "nothing is sent from there: this database was copied or moved here" in moved.out
    monitor.configure(database="sqlite:///new.db")
    assert not monitor("status", "--json").json["sending"]
    monitor("resume-sending")
    assert monitor("status", "--json").json["sending"]


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """An open store, which shows everything as it is stored."""
    store = Store(url)
    try:
        store.open()
        yield store.unveiled()
    finally:
        store.close()


def item(store: Store, source: Source, number: int) -> Item:
    """An item in a story of its own."""
    with store.begin() as tx:
        return tx.items.add(
            Item(headline=f"Meldung {number}", source=source.id),
            Placement(link=Link.FIRST),
            keys=[number],
            content=number,
            text_hash=number,
            fingerprints=[number],
            now=store.now(),
        )


@pytest.mark.slow
def test_an_id_that_was_given_once_is_not_given_again(monitor: Shell, postgres: Cluster) -> None:
    """What outlives an item would point to another one: what goes away goes first, and then all is moved."""
    places = ["sqlite:///monitor.db", postgres.database(), postgres.database(), "sqlite:///new.db"]
    given: list[int] = []
    for old, new in zip(places, [*places[1:], ""], strict=True):
        monitor.configure(database=old)
        with opened(old.replace("sqlite:///", f"sqlite:///{monitor.folder}/")) as store:
            with store.begin() as tx:
                source = tx.sources.add(
                    Source(name=f"wire-{len(given)}", url=f"https://a.example/{new}"), store.now()
                )
            given += [item(store, source, number).id for number in range(2)]
            with store.begin() as tx:
                tx.items.prune(store.now() + timedelta(days=1), 100)
        if new:
            assert Exit.DONE == monitor("migrate", "--to", new).code
    assert list(range(1, 9)) == given


@pytest.mark.slow
def test_texts_that_postgresql_refuses_are_moved_as_it_can_hold_them(
    monitor: Shell, postgres: Cluster
) -> None:
    """Nothing of ours writes them; a hand with a shell of SQLite may."""
    monitor("add-rule", "Kim", "--name", "kim")
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as connection, connection:
        connection.execute("UPDATE rule SET query = 'Kim' || char(0) || 'Jong'")
    url = postgres.database()
    moved = monitor("migrate", "--to", url)
    assert (Exit.DONE, "") == (moved.code, moved.err)
    monitor.configure(database=url)
    assert ["Kim\ufffdJong"] == [rule["query"] for rule in monitor("list-rules", "--json").json]


@pytest.mark.slow
def test_what_does_not_arrive_as_it_was_is_found_and_nothing_is_moved(monitor: Shell) -> None:
    monitor("add-rule", "Kim", "--name", "kim")
    other = Shell(monitor.folder / "other")
    other.folder.mkdir()
    other.configure(database=f"sqlite:///{monitor.folder}/new.db")
    assert Exit.DONE == other("init").code
    with closing(sqlite3.connect(monitor.folder / "new.db")) as connection:
        connection.execute(
            "CREATE TRIGGER helpful AFTER INSERT ON rule BEGIN UPDATE rule SET query = 'Kym'; END"
        )
    failed = monitor("migrate", "--to", "sqlite:///new.db")
    assert Exit.FAILED == failed.code
    assert "new.db: rule did not arrive as it was (nothing was moved)" in failed.err
    assert monitor("status", "--json").json["sending"]
    assert [] == other("list-rules", "--json").json
