"""Looking after a monitor: doctor, status, migrate, resume-sending, and the daemon from the shell."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.model import Exit
from tests.newsroom import TRIP, rss
from tests.postgres import Cluster
from tests.servers import STALL, FeedServer
from tests.shell import COMMAND, DEADLINE, Answer, Shell


def level(answer: Answer, what: str, detail: str = "") -> str:
    """How bad the doctor finds something."""
    [found] = [one for one in answer.json if one["what"] == what and detail in one["detail"]]
    return str(found["level"])


def test_a_sound_monitor_is_without_fault(monitor: Shell) -> None:
    answer = monitor("doctor")
    assert (Exit.DONE, "") == (answer.code, answer.err)
    assert re.search(r"^OK    configuration +/.*config\.toml$", answer.out, re.MULTILINE)
    assert "FAIL" not in answer.out
    assert re.search(r"^WARN  daemon +none is running.*→ monitor run$", answer.out, re.MULTILINE)
    assert {"level", "what", "detail", "fix"} == set(monitor("doctor", "--json").json[0])


def test_the_doctor_finds_what_is_broken_and_says_so_with_exit_code_6(monitor: Shell) -> None:
    nowhere = Shell(monitor.folder / "nowhere")
    assert Exit.FAULT_FOUND == nowhere("doctor").code
    monitor.config.write_text("[http]\nnosuch = 1\n", encoding="utf-8")
    wrong = monitor("doctor", "--json")
    assert (Exit.FAULT_FOUND, "FAIL") == (wrong.code, level(wrong, "configuration", "http.nosuch"))
    monitor.configure(desk="slcak://a/b")
    channel = monitor("doctor", "--json")
    assert (Exit.FAULT_FOUND, "FAIL") == (channel.code, level(channel, "channel", "desk"))


def test_the_doctor_warns_of_a_file_that_others_can_read(monitor: Shell) -> None:
    monitor.config.chmod(0o644)
    answer = monitor("doctor", "--json")
    assert (Exit.DONE, "WARN") == (answer.code, level(answer, "file mode"))


def test_the_doctor_finds_a_database_that_is_none(monitor: Shell) -> None:
    (monitor.folder / "monitor.db").write_text("not a database, certainly not one of ours", encoding="utf-8")
    answer = monitor("doctor", "--json")
    assert (Exit.FAULT_FOUND, "FAIL") == (answer.code, level(answer, "database"))
    refused = monitor("list-rules")
    assert Exit.FAILED == refused.code
    assert re.fullmatch(r"monitor: .+\n", refused.err)


@pytest.mark.slow
def test_the_doctor_knows_how_each_source_is_doing(monitor: Shell, feeds: FeedServer) -> None:
    for name, status in (("good", 200), ("gone", 410), ("new", 200)):
        monitor("add-source", feeds.serve(f"/{name}", rss(TRIP), status=status), "--name", name)
    monitor("add-source", feeds.url("/locked"), "--name", "locked", "--auth-env", "NO_SUCH_VARIABLE")
    monitor("poll", "good", "gone")
    answer = monitor("doctor", "--json")
    assert Exit.FAULT_FOUND == answer.code
    assert ["OK", "FAIL", "WARN", "WARN"] == [
        level(answer, "source", name) for name in ("good:", "gone:", "new:", "locked:")
    ]


@pytest.mark.slow
def test_a_copy_sends_nothing_until_it_is_told_to(monitor: Shell, tmp_path: Path, feeds: FeedServer) -> None:
    monitor("add-rule", "Kim")
    copied = Shell(tmp_path / "copy")
    copied.folder.mkdir()
    copied.configure()
    shutil.copy(monitor.folder / "monitor.db", copied.folder)
    wire = tmp_path / "wire.xml"
    wire.write_bytes(rss(TRIP))
    assert (1, 0) == tuple(copied("ingest", str(wire), "--json").json[key] for key in ("alerts", "sent"))
    for command in (["poll"], ["test-channel", "console"]):
        assert "`monitor resume-sending` lets it send from here" in copied(*command).err
    stopped = copied("doctor", "--json")
    assert (Exit.FAULT_FOUND, "FAIL") == (stopped.code, level(stopped, "sending"))
    assert "monitor resume-sending" in copied("status").out
    assert copied("resume-sending", "--json").json["sending"]
    assert 2 == copied("poll", "--json").json["sent"]


def test_status_of_an_empty_monitor_says_what_to_do(monitor: Shell) -> None:
    out = monitor("status").out
    for command in ("monitor run", "monitor add-source", "monitor add-rule"):
        assert command in out
    assert len(out.splitlines()) < 24
    assert {"ok", "failing", "silent", "paused", "gone"} == set(monitor("status", "--json").json["sources"])


def test_migrate_leaves_a_database_of_this_version_alone(monitor: Shell) -> None:
    assert (Exit.DONE, Exit.DONE) == (monitor("migrate").code, monitor("migrate").code)


@pytest.mark.slow
@pytest.mark.parametrize("dry", [False, True])
def test_the_daemon_runs_until_it_is_asked_to_stop(monitor: Shell, feeds: FeedServer, dry: bool) -> None:
    """With --dry-run it polls and shows what would be told, and nothing of it is stored."""
    monitor("add-source", feeds.serve("/wire", rss(TRIP)), "--name", "wire", "--every", "1s")
    monitor("add-rule", "Kim Jong Un", "+", "Reise")
    monitor.config.write_text(
        monitor.config.read_text() + '\n[alerts]\ngroup_wait = "1s"\n', encoding="utf-8"
    )
    looked = len(feeds.requests)
    with monitor.running("run", *(["--dry-run"] if dry else [])) as running:
        assert running.stdout
        told = next(line for line in running.stdout if TRIP.headline in line)
        assert "kim-jong-un-reise" in told
        assert len(feeds.requests) > looked
        if not dry:
            assert 1 == len(monitor("status", "--json").json["daemons"])
            assert "OK" == level(monitor("doctor", "--json"), "daemon")
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=DEADLINE)
    assert Exit.DONE == running.returncode, err
    assert " stopped" in err
    assert [] == monitor("status", "--json").json["daemons"]
    assert (0 if dry else 1) == len(monitor("list-items", "--json").json)


@pytest.mark.slow
def test_a_daemon_in_the_background_leaves_ctrl_c_to_others(monitor: Shell, feeds: FeedServer) -> None:
    """A script that starts it with `monitor run &` has it ignore what is meant for the script itself."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a child inherits
    try:
        with monitor.running("run", out=subprocess.DEVNULL) as running:
            assert running.stderr
            assert any(" started " in line for line in running.stderr)
            running.send_signal(signal.SIGINT)
            monitor("add-source", feeds.serve("/wire", rss(TRIP)), "--every", "1s")
            feeds.wait(len(feeds.requests) + 2)  # it goes on polling
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=DEADLINE)
    finally:
        signal.signal(signal.SIGINT, before)
    assert Exit.DONE == running.returncode


@pytest.mark.slow
def test_an_interrupt_ends_with_130_and_without_a_trace(monitor: Shell, feeds: FeedServer) -> None:
    monitor("add-source", feeds.serve("/wire", STALL), "--name", "wire")
    asked = len(feeds.requests)
    with monitor.running("poll", "wire") as running:
        feeds.wait(asked + 1)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=DEADLINE)
    assert 130 == running.returncode
    assert "Traceback" not in err


def test_a_shell_learns_to_complete(monitor: Shell) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_MONITOR_COMPLETE" in monitor("completion", shell).out


@pytest.mark.slow
def test_the_same_commands_work_on_postgresql(monitor: Shell, postgres: Cluster, tmp_path: Path) -> None:
    monitor.configure(database=postgres.database())
    assert Exit.DONE == monitor("init").code
    monitor("add-rule", "Kim Jong Un", "+", "Reise")
    wire = tmp_path / "wire.xml"
    wire.write_bytes(rss(TRIP))
    assert 1 == monitor("ingest", str(wire), "--json").json["sent"]
    assert [TRIP.headline] == [alert["headline"] for alert in monitor("list-alerts", "--json").json]
    assert "1 stored" in monitor("status").out
    doctor = monitor("doctor", "--json")
    assert (Exit.DONE, "OK") == (doctor.code, level(doctor, "database"))
    assert not list(tmp_path.glob("monitor.db*"))


@pytest.mark.slow
def test_among_many_sources_the_doctor_names_those_that_are_not_well(
    monitor: Shell, feeds: FeedServer
) -> None:
    urls = [feeds.serve(f"/{number}", rss(TRIP)) for number in range(21)] + [feeds.url("/nowhere")]
    outlines = "".join(f'<outline text="wire {n}" xmlUrl="{url}"/>' for n, url in enumerate(urls))
    opml = monitor.folder / "wires.opml"
    opml.write_text(f"<opml version='2.0'><body>{outlines}</body></opml>")
    monitor("import-opml", str(opml))
    monitor("poll", "--all")
    answer = monitor("doctor")
    assert [line.split()[2:4] for line in answer.out.splitlines() if " source " in line] == [
        ["21", "are"],
        ["wire-21:", "the"],
    ]


def test_the_doctor_names_rules_that_reach_nobody(monitor: Shell) -> None:
    monitor.configure(desk="webhook://127.0.0.1:1/hook", chat="console://")
    monitor("add-person", "anna", "desk:anna@example.org")
    monitor("add-group", "night", "anna")
    monitor("add-rule", "Kim", "--name", "kim", "--to", "desk:night")
    monitor("add-rule", "Zins", "--name", "zins", "--to", "chat", "--to", "desk")
    assert "rule" not in {one["what"] for one in monitor("doctor", "--json").json}
    left = monitor("remove-person", "anna")
    assert "nobody is left in the group night\n" in left.out
    assert "undo: monitor add-group night anna\n" in left.out
    monitor.configure(chat="console://")
    found = monitor("doctor", "--json")
    assert ("FAIL", "WARN") == (
        level(found, "rule", "kim reaches nobody at desk:night"),
        level(found, "rule", "zins reaches nobody at desk"),
    )
    assert Exit.FAULT_FOUND == found.code
    monitor("disable-rule", "kim")
    assert Exit.DONE == monitor("doctor").code
    monitor.configure(mail="smtp://127.0.0.1:1?from=monitor@example.org")
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write('\n[alerts]\noperators = ["mail:anna"]\n')
    monitor("disable-rule", "zins")
    assert "FAIL" == level(
        monitor("doctor", "--json"), "operators", "no person, no group and no mail address"
    )


@pytest.mark.slow
def test_a_command_whose_output_was_closed_does_its_work(monitor: Shell) -> None:
    """As by `>&-`: what it says goes nowhere, and nothing fails."""
    for arguments in (["add-list", "kim", "Kim"], ["list-lists"], ["--json", "list-lists"]):
        closed = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", COMMAND, *arguments],
            cwd=monitor.folder,
            env=monitor.environment,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
        assert (Exit.DONE, b"") == (closed.returncode, closed.stderr)
    assert [{"name": "kim", "terms": ["Kim"]}] == monitor("list-lists", "--json").json


FAULTS = {
    "channels.desk.url": '[channels.desk]\nurl = "slack://"\n',
    "quiet_hours.holidays": '[quiet_hours]\nholidays = "DE-XX"\n',
    "agencies.dpa.marks.STAND": '[agencies.dpa]\nmarks = { STAND = "updated" }\n',
}


@pytest.mark.slow
@pytest.mark.parametrize("key", FAULTS)
def test_the_daemon_does_not_start_with_what_it_could_not_work_with(monitor: Shell, key: str) -> None:
    """It would poll on, and take in nothing."""
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write("\n" + FAULTS[key])
    answer = monitor.process("run")
    assert Exit.CONFIG == answer.code
    [line] = answer.err.splitlines()
    assert f"config.toml: {key}: " in line
    assert Exit.FAULT_FOUND == monitor("doctor").code


@pytest.mark.slow
def test_a_hangup_reads_channels_and_routes_anew_and_a_wrong_file_changes_nothing(monitor: Shell) -> None:
    with monitor.config.open("a", encoding="utf-8") as file:
        file.write('\n[web]\nlisten = "127.0.0.1:0"\n')
    sound = monitor.config.read_text(encoding="utf-8")

    def until(event: str) -> str:
        assert running.stderr
        return next(line for line in running.stderr if f" {event} " in line)

    with monitor.running("run", out=subprocess.DEVNULL) as running:
        until("started")
        monitor.config.write_text(sound + FAULTS["channels.desk.url"], encoding="utf-8")
        running.send_signal(signal.SIGHUP)
        assert "channels.desk.url: slack://" in until("config.refused")
        more = '[channels.desk]\nurl = "console://"\n[routes.energy]\ntags = ["oil"]\nchannels = ["desk"]\n'
        monitor.config.write_text(sound + more, encoding="utf-8")
        running.send_signal(signal.SIGHUP)
        assert "console; desk" in until("config.read")
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=DEADLINE)
    assert Exit.DONE == running.returncode
