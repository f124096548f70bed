"""What is deployed fits what is built."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from service.cli.main import COMMANDS
from service.config import Web

ROOT = Path(__file__).parents[1]


def commands() -> set[str]:
    return {name for theme in COMMANDS.values() for name in theme}


def test_the_unit_and_the_image_call_commands_that_there_are() -> None:
    unit = (ROOT / "deploy/monitor.service").read_text(encoding="utf-8")
    image = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    started = re.search(r"^ExecStart=\S+/monitor .*?(\S+)$", unit, re.MULTILINE)
    assert started
    called = [started[1], *re.findall(r'^CMD \["([a-z-]+)"', image, re.MULTILINE)]
    assert ["run", "run"] == called
    assert set(called) <= commands()
    assert f"http://{Web().listen}/healthz" in image


def test_the_timer_starts_a_backup_beside_the_monitor() -> None:
    """Under its user, with its configuration and its folder; `$` and `%` are systemd's own, and doubled."""
    unit, nightly = (
        (ROOT / f"deploy/{name}.service").read_text(encoding="utf-8")
        for name in ("monitor", "monitor-backup")
    )
    assert (ROOT / "deploy/monitor-backup.timer").is_file()
    [started] = re.findall(r"^ExecStart=/bin/sh -c 'exec (\S+) (.*)'$", nightly, re.MULTILINE)
    program, arguments = started
    assert f"ExecStart={program} --config ${{CREDENTIALS_DIRECTORY}}/config.toml run" in unit
    assert "--config ${CREDENTIALS_DIRECTORY}/config.toml backup --force backup/" in arguments
    assert not re.search(r"(?<![$])[$](?![${])|(?<!%)%(?!%)", arguments)
    for line in ("LoadCredential=config.toml:/etc/monitor/config.toml", "WorkingDirectory=/var/lib/monitor"):
        assert line in unit
        assert line in nightly
    assert "backup" in commands()


def test_the_image_copies_all_that_the_build_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    image = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [
        *wheel["force-include"],
        *wheel["packages"],
        project["project"]["readme"],
        "hatch_build.py",
        "LICENSE",
    ]
    copied = " ".join(re.findall(r"^COPY (.*)$", image, re.MULTILINE))
    assert [] == [name for name in needed if name not in copied.split()]


def test_every_command_of_the_readme_is_one() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^    |`|bin/)monitor ([a-z]+(?:-[a-z]+)*)", readme, re.MULTILINE))
    assert {"demo", "init", "add-source", "add-rule", "run"} <= named
    assert set() == named - commands()
