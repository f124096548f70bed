"""The record of who changed what: every command that changes something is in it."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest

from service.cli.main import HOMES
from service.model import Exit
from tests.shell import Shell

LOOKS = {
    "check-source", "completion", "demo", "doctor", "export-opml", "export-watchlist", "list-alerts",
    "list-changes",
    "list-deliveries", "list-items", "list-lists", "list-people", "list-rules", "list-silences",
    "list-sources", "poll", "preview", "run", "search", "show-alert", "show-rule", "show-story", "status",
    "tail", "test-rule", "why",
}  # fmt: skip
BEGINS = {"init", "migrate"}  # there is no record yet, or none that could be written
DROPS = {"prune"}  # is in it where something went: see its own tests

STORY = "Zins steigt\n\nDie Zentralbank hebt den Leitzins auf vier Prozent, teilte sie am Dienstag mit.\n"
OTHER = "Streik beginnt\n\nDie Fahrer legen am Mittwoch in allen Depots der Stadt die Arbeit nieder.\n"
OPML = '<opml version="2.0"><body><outline text="b" xmlUrl="http://127.0.0.1:9/b"/></body></opml>'
WATCHLIST = '[rules.zug]\nquery = "Zug"\n'

# What is typed, and what the record says of it: the command, the thing, what was said.
CHANGES: list[tuple[list[str], tuple[str, str, dict[str, Any]]]] = [
    (["apply", "watch.toml"], ("add-rule", "zug", {"query": "Zug", "file": "watch.toml"})),
    (["add-rule", "Zins", "--name", "zins"], ("add-rule", "zins", {"query": "Zins"})),
    (["edit-rule", "zins", "--priority", "high"], ("edit-rule", "zins", {"priority": "high"})),
    (["disable-rule", "zins"], ("disable-rule", "zins", {})),
    (["enable-rule", "zins"], ("enable-rule", "zins", {})),
    (["ingest", "story.txt"], ("ingest", "ingest", {"files": ["story.txt"]})),
    (["ingest", "other.txt"], ("ingest", "ingest", {"files": ["other.txt"]})),
    (["ack", "1", "--comment", "mine"], ("ack", "alert 1", {"comment": "mine"})),
    (["resend", "1"], ("resend", "1", {})),
    (["merge-stories", "1", "2"], ("merge-stories", "story 1", {"of": 2})),
    (["split-story", "1", "--item", "2"], ("split-story", "story 1", {"items": [2], "to": 3})),
    (["handover", "--to", "console"], ("handover", "console", {"since": "8h"})),
    (["test-channel", "console"], ("test-channel", "console", {"state": "sent"})),
    (["add-list", "bank", "EZB", "Fed"], ("add-list", "bank", {"terms": ["EZB", "Fed"]})),
    (["remove-list", "bank"], ("remove-list", "bank", {})),
    (
        ["silence", "rule=zins", "--for", "2h", "--comment", "quiet"],
        ("silence", "rule=zins", {"lasts": "2h", "comment": "quiet"}),
    ),
    (["end-silence", "1"], ("end-silence", "1", {})),
    (
        ["add-source", "http://127.0.0.1:9/a", "--name", "wire"],
        ("add-source", "wire", {"url": "http://127.0.0.1:9/a"}),
    ),
    (["edit-source", "wire", "--every", "5m"], ("edit-source", "wire", {"every": "5m", "cron": ""})),
    (["pause-source", "wire"], ("pause-source", "wire", {})),
    (["resume-source", "wire"], ("resume-source", "wire", {})),
    (["remove-source", "wire"], ("remove-source", "wire", {"url": "http://127.0.0.1:9/a"})),
    (["import-opml", "feeds.opml"], ("import-opml", "feeds.opml", {"added": 1, "known": 0})),
    (["add-person", "anna", "console:anna"], ("add-person", "anna", {"to": ["console:anna"]})),
    (["edit-person", "anna", "--lang", "de"], ("edit-person", "anna", {"language": "de"})),
    (["add-group", "night", "anna"], ("add-group", "night", {"members": ["anna"]})),
    (["remove-group", "night"], ("remove-group", "night", {})),
    (["remove-person", "anna", "--because", "gone"], ("remove-person", "anna", {"because": "gone"})),
    (["user", "add", "ben", "--invite"], ("user add", "ben", {"role": "admin"})),
    (["token", "add", "bot", "--scope", "read"], ("token add", "bot", {"scopes": ["read"]})),
    (["remove-rule", "zins"], ("remove-rule", "zins", {"query": "Zins"})),
    (["resume-sending"], ("resume-sending", "", {"stopped": ""})),
    (["backup", "copy.db"], ("backup", "", {"items": 2})),
    (["restore", "copy.db"], ("restore", "", {})),
]


@pytest.fixture
def monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(tmp_path)
    shell.configure()
    texts = {"story.txt": STORY, "other.txt": OTHER, "feeds.opml": OPML, "watch.toml": WATCHLIST}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return shell


@pytest.mark.slow
def test_every_command_that_changes_something_is_in_the_record(monitor: Shell) -> None:
    assert set(HOMES) == LOOKS | BEGINS | DROPS | {typed[0] for typed, _ in CHANGES}
    for typed, (what, subject, detail) in CHANGES:
        done = monitor("--json", *typed)
        assert (Exit.DONE, "") == (done.code, "" if done.out else done.err), typed
        newest = monitor("--json", "list-changes", "--limit", "1").json[0]
        assert what == newest["what"]
        assert not subject or subject == newest["subject"]
        assert getpass.getuser() == newest["who"]
        assert detail.items() <= newest["detail"].items(), typed


def test_the_record_shows_who_did_what_to_one_thing(monitor: Shell) -> None:
    monitor("add-rule", "Zins", "-EZB", "--name", "zins")
    monitor("add-rule", "Streik")
    monitor("disable-rule", "zins")
    lines = monitor("list-changes", "--of", "zins").out.splitlines()
    assert ["id", "when", "who", "command", "of", "what", "with"] == lines[0].split()
    assert ["disable-rule", "add-rule"] == [line.split()[4] for line in lines[1:]]
    assert lines[2].endswith("query Zins -EZB")


def test_a_command_that_failed_is_not_in_the_record(monitor: Shell) -> None:
    assert Exit.NOT_FOUND == monitor("remove-rule", "nosuch").code
    assert Exit.USAGE == monitor("silence", "rule=nosuch", "--for", "2h", "--comment", "").code
    assert [] == monitor("--json", "list-changes").json
