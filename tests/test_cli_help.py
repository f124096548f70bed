"""The front of the command line: help without weight, one line for what went wrong, exit codes."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import click
import pytest

from service.cli.main import COMMANDS, HOMES, cli
from service.model import Exit
from tests.shell import Shell

# What a look at the help must not pay for.
HEAVY = (
    "aiohttp", "alembic", "apprise", "apscheduler", "asyncio", "fastapi", "feedparser", "lxml", "msgspec",
    "re2", "rich", "simplemma", "sqlalchemy",
)  # fmt: skip


@pytest.fixture
def monitor(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["--help"], ["add-rule", "--help"], ["doctor", "--help"], ["--version"]]
)
def test_help_loads_nothing_heavy(monitor: Shell, arguments: list[str]) -> None:
    script = (
        "import sys, json\nfrom service.cli.main import main\n"
        "code = main(json.loads(sys.argv[1]))\n"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)"
    )
    answer = monitor.python(script, json.dumps(arguments))
    code, modules = json.loads(answer.err)
    assert Exit.DONE == code
    assert answer.out.strip()
    assert set() == {name.partition(".")[0] for name in modules} & set(HEAVY)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["list-rules", "list-items", "list-deliveries", "list-silences", "status"]
)
def test_a_command_loads_only_what_it_needs(monitor: Shell, command: str) -> None:
    """Neither the network nor the words of any language are wanted for a look at the database."""
    monitor.configure()
    script = (
        "import sys, json\nfrom service.cli.main import main\n"
        "code = main(['--config', 'config.toml', '--json', sys.argv[1]])\n"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)"
    )
    code, modules = json.loads(monitor.python(script, command).err.splitlines()[-1])
    assert Exit.DONE == code
    needed = {"alembic", "asyncio", "msgspec", "re2", "sqlalchemy"}  # alembic creates the database, once
    assert set() == {name.partition(".")[0] for name in modules} & (set(HEAVY) - needed)


def test_every_command_of_the_table_is_there_and_explains_itself() -> None:
    for name, (home, summary) in HOMES.items():
        command = cli.get_command(click.Context(cli), name)
        assert isinstance(command, click.Command), home
        assert name == command.name
        assert command.help, name
        assert len(summary) < 62, name


def test_the_help_has_every_command_under_a_theme_in_80_columns(monitor: Shell) -> None:
    answer = monitor("--help")
    assert (Exit.DONE, "") == (answer.code, answer.err)
    assert [f"{theme}:" in answer.out for theme in COMMANDS] == [True] * len(COMMANDS)
    assert set(HOMES) <= set(answer.out.split())
    assert max(map(len, answer.out.splitlines())) <= 80


@pytest.mark.slow
def test_without_a_command_the_help_is_shown_as_a_wrong_use(monitor: Shell) -> None:
    answer = monitor.process()
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    assert answer.err.startswith("Usage: monitor")


def test_every_command_takes_the_common_options(monitor: Shell) -> None:
    for name in HOMES:
        answer = monitor(name, "--help")
        assert (Exit.DONE, "") == (answer.code, answer.err), name
        assert "--config FILE" in answer.out, name
        assert "--json" in answer.out, name
        assert max(map(len, answer.out.splitlines())) <= 80, name


def test_no_command_file_is_long() -> None:
    for name in {home.partition(":")[0] for home, _ in HOMES.values()}:
        path = importlib.import_module(f"service.cli.{name}").__file__
        assert path
        assert len(Path(path).read_text(encoding="utf-8").splitlines()) < 250, name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "no such command 'nosuch'"),
        (["list-rule"], "did you mean"),
        (["add-source"], "missing argument 'URL'"),
        (["add-source", "https://a.example/", "--evry", "5m"], "did you mean --every"),
        (["add-source", "https://a.example/", "--every", "5"], "not a duration: '5'"),
        (["add-rule", "Zins", "--prioritx", "high"], "did you mean --priority"),
        (["list-items", "--limit", "0"], "--limit"),
        (["list-items", "--before", "9" * 30], "is not an ID"),
        (["show-story", "first"], "is not an ID"),
        (["resend"], "name the messages by ID"),
        (["test-rule"], "give a query, or --rule NAME"),
        (["test-rule", "Zins", "--rule", "zins"], "give a query, or --rule NAME"),
        (["edit-rule", "zins"], "nothing to change"),
        (["edit-source", "wire"], "nothing to change"),
    ],
)
def test_a_wrong_use_is_one_line_with_exit_code_2(monitor: Shell, arguments: list[str], words: str) -> None:
    monitor.configure()
    answer = monitor(*arguments)
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    assert words in answer.err
    assert re.fullmatch(r"monitor: .+\n", answer.err)
    assert not list(monitor.folder.glob("monitor.db*"))


def test_without_a_configuration_the_way_out_is_named(monitor: Shell) -> None:
    answer = monitor("list-rules")
    assert Exit.CONFIG == answer.code
    assert "monitor init" in answer.err
    assert not list(monitor.folder.iterdir())


def test_a_wrong_key_is_named_with_exit_code_3(monitor: Shell) -> None:
    monitor.config.write_text('[http]\ntimeout = "soon"\n', encoding="utf-8")
    answer = monitor("list-rules")
    assert (Exit.CONFIG, "") == (answer.code, answer.out)
    assert re.fullmatch(r"monitor: config\.toml: http\.timeout: .+\n", answer.err)


@pytest.mark.slow
def test_common_options_stand_before_or_after_the_command(monitor: Shell) -> None:
    monitor.configure()
    assert [] == monitor("--json", "list-rules").json
    assert [] == monitor("list-rules", "--json").json
    elsewhere = Shell(monitor.folder / "elsewhere")
    elsewhere.folder.mkdir()
    answer = elsewhere("list-rules", "--json", "--config", str(monitor.config))
    assert ([], Exit.DONE) == (answer.json, answer.code)


def test_an_error_leaves_standard_output_empty_for_programs(monitor: Shell) -> None:
    monitor.configure()
    for arguments in (["show-rule", "nosuch"], ["show-alert", "7"], ["show-story", "7"], ["resend", "7"]):
        answer = monitor("--json", *arguments)
        assert (Exit.NOT_FOUND, "") == (answer.code, answer.out)
        assert answer.err.startswith("monitor: no ")


@pytest.mark.slow
def test_a_fault_of_the_program_is_one_line_and_its_trace_is_asked_for(monitor: Shell) -> None:
    """A device without room for the answer stands for whatever nobody thought of."""
    monitor.configure()
    quiet = monitor.process("--config", "config.toml", "list-rules", "--json", out=Path("/dev/full"))
    assert Exit.FAILED == quiet.code
    assert re.fullmatch(r"monitor: unexpected: OSError: .+ \(MONITOR_DEBUG=1 shows the trace\)\n", quiet.err)
    traced = monitor.process("list-rules", "--json", out=Path("/dev/full"), MONITOR_DEBUG="1")
    assert Exit.FAILED == traced.code
    assert "Traceback" in traced.err


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_fault(monitor: Shell) -> None:
    answer = monitor.python(
        "import os, sys, time\n"
        "from service.cli.main import main\n"
        "reading, writing = os.pipe()\nos.dup2(writing, 1)\nos.close(writing)\nos.close(reading)\n"
        "code = main(['--help'])\n",
    )
    assert "" == answer.err
