"""Commands that only look ask the running daemon, and nobody can tell but by the time that it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from service.app import build
from service.config import load
from service.web.server import Server
from tests.servers import Answer, FeedServer, unused_port
from tests.shell import Shell

DEADLINE = 15.0  # seconds for a desk to listen

STORY = "Zins steigt\n\nDie Zentralbank hebt den Leitzins auf vier Prozent, teilte sie am Dienstag mit.\n"
EMBARGOED = {
    "uri": "urn:example:1",
    "type": "text",
    "headline": "Geheim: Zins fällt",
    "body_text": "Die Zentralbank senkt den Leitzins auf zwei Prozent, wie morgen bekannt wird.",
    "embargoed": "2036-11-25T06:00:00Z",
}

LOOKS = [
    ["list-rules"],
    ["list-lists"],
    ["list-sources"],
    ["list-sources", "--state", "paused", "--tag", "x y"],
    ["list-silences"],
    ["list-items"],
    ["list-items", "--limit", "1", "--since", "90m", "--versions"],
    ["list-items", "--limit", "5000"],  # more than the API gives at once
    ["list-items", "--embargoed"],
    ["list-items", "--source", "nosuch"],
    ["list-deliveries"],
    ["list-deliveries", "--failed", "--limit", "3"],
    ["list-deliveries", "--state", "sent", "--since", "1h"],
    ["list-people"],
    ["list-alerts"],
    ["list-alerts", "--rule", "zins", "--state", "open", "--before", "99"],
    ["status"],
    ["search", "Zins"],
    ["search", "Zentralbank", "hebt"],
    ["search", "Zentralbank hebt"],
    ["search", "Zins", "-EZB", "--limit", "1", "--since", "1h", "--lang", "de"],
    ["search", "Zeppelin"],
    ["search", "Zins", "--source", "nosuch"],
    ["search", "(Zins"],
    ["search", "Zins", "--embargoed"],
]


@contextmanager
def desk(monitor: Shell) -> Iterator[str]:
    """The desk that a daemon of this configuration would serve; its address."""
    app = build(load(monitor.config))
    server = Server(app)
    server.start()
    try:
        assert server.ready.wait(DEADLINE)
        yield server.url
    finally:
        server.stop()
        app.close()


@pytest.fixture
def monitor(tmp_path: Path) -> Shell:
    """A monitor with a little of everything, whose desk is closed."""
    shell = newsroom(tmp_path)
    for command in (
        ["add-rule", "Zins", "-EZB", "--name", "zins", "--priority", "high"],
        ["add-rule", "Streik", "--digest", "hourly"],
        ["disable-rule", "streik"],
        ["add-list", "bank", "EZB", "Federal Reserve"],
        ["add-source", "http://127.0.0.1:9/feed", "--name", "wire", "--every", "5m", "--tag", "x y"],
        ["pause-source", "wire"],
        ["add-person", "anna", "console:anna", "--lang", "de"],
        ["add-group", "night", "anna"],
        ["silence", "rule=zins", "--for", "2h", "--comment", "Ruhe, bitte"],
        ["ingest", str(tmp_path / "story.txt"), str(tmp_path / "secret.json")],
    ):
        done = shell(*command)
        assert done.code == 0, done.err
    return shell


def newsroom(folder: Path) -> Shell:
    folder.mkdir(exist_ok=True)
    shell = Shell(folder)
    shell.configure()
    with shell.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[web]\nlisten = "127.0.0.1:{unused_port()}"\n')
    (folder / "story.txt").write_text(STORY, encoding="utf-8")
    (folder / "secret.json").write_text(json.dumps(EMBARGOED), encoding="utf-8")
    return shell


def point(monitor: Shell, url: str) -> None:
    """Let the configuration name another address of the desk."""
    text = monitor.config.read_text(encoding="utf-8")
    listen = url.removeprefix("http://")
    monitor.config.write_text(re.sub('listen = ".*"', f'listen = "{listen}"', text), encoding="utf-8")


FACES = (["--json"], ["--ui-lang", "en"], ["--ui-lang", "de"])
FEW = [["list-rules"], ["list-items"], ["search", "Zins"]]


def answers(
    monitor: Shell, looks: Sequence[list[str]] = FEW, faces: Sequence[list[str]] = FACES[:1]
) -> dict[str, tuple[int, str, str]]:
    """What the looks say, for people of both languages and for programs, but for the time that passes."""
    found = {}
    for look in looks:
        for face in faces:
            answer = monitor(*face, *look)
            found[" ".join([*face, *look])] = (answer.code, _timeless(answer.out), _timeless(answer.err))
    return found


def _timeless(text: str) -> str:
    """The text without spans that grow, and without the columns that grow with them."""
    return re.sub(" +", " ", re.sub(r'"at": "[^"]*"|\b\d+ (?:s|min)\b', "…", text))


@pytest.mark.slow
def test_every_look_says_the_same_with_a_daemon_and_without(monitor: Shell) -> None:
    without = answers(monitor, LOOKS, FACES)
    with desk(monitor) as url:
        point(monitor, url)
        assert without == answers(monitor, LOOKS, FACES)
    assert "Geheim" not in without["--json list-items"][1]
    assert "Geheim" in without["--json list-items --embargoed"][1]


@pytest.mark.slow
def test_a_look_does_not_mind_that_the_daemon_has_gone(monitor: Shell) -> None:
    with desk(monitor) as url:
        point(monitor, url)
        served = answers(monitor)
    assert served == answers(monitor)


@pytest.mark.slow
def test_a_look_that_the_daemon_answers_opens_no_database(monitor: Shell) -> None:
    script = (
        "import sys\nfrom service.cli.main import main\n"
        "code = main(['--config', 'config.toml', sys.argv[1]])\n"
        "print(code, 'sqlalchemy' in sys.modules, file=sys.stderr)"
    )
    with desk(monitor) as url:
        point(monitor, url)
        for look in (
            "list-rules",
            "list-lists",
            "list-sources",
            "list-silences",
            "list-items",
            "list-alerts",
            "status",
        ):
            assert monitor.python(script, look).err.splitlines()[-1] == "0 False", look
    assert monitor.python(script, "list-rules").err.splitlines()[-1] == "0 True"


@pytest.mark.slow
def test_the_desk_of_another_database_is_not_asked(monitor: Shell, tmp_path: Path) -> None:
    other = newsroom(tmp_path / "other")
    other("add-rule", "Wetter")
    without = answers(monitor)
    with desk(other) as url:
        point(monitor, url)
        assert without == answers(monitor)


@pytest.mark.slow
def test_a_desk_with_users_answers_a_token_alone(monitor: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor("user", "add", "anna", "--invite")
    token = monitor("--json", "token", "add", "shell", "--scope", "read").json["token"]
    without = answers(monitor)
    with desk(monitor) as url:
        point(monitor, url)
        assert without == answers(monitor)
        monkeypatch.setenv("MONITOR_TOKEN", token)
        assert without == answers(monitor)
        monkeypatch.setenv("MONITOR_TOKEN", "stolen")
        assert without == answers(monitor)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"[]"),
        Answer(body=b"[]", headers={"Monitor-Doorplate": "of another"}),
        Answer(body=b"no", status=500),
    ],
)
def test_another_server_on_that_port_is_not_believed(monitor: Shell, answer: Answer) -> None:
    with FeedServer() as foreign:
        without = monitor("list-rules")
        foreign.script("/api/v1/rules", answer)
        point(monitor, foreign.origin)
        assert without == monitor("list-rules")
        assert foreign.asked()


SHAPES = {
    "/rules/zins": ["show-rule", "zins"],
    "/alerts/1": ["show-alert", "1"],
    "/stories/1": ["show-story", "1"],
    "/why?rule=zins&of=Zins+steigt": ["why", "zins", "Zins", "steigt"],
    "/handover": ["handover"],
    "/preview?rule=zins&item=1": ["preview", "zins", "--item", "1"],
    "/audit": ["list-changes"],
    "/users": ["user", "list"],
    "/tokens": ["token", "list"],
    "/check-source?of=http://127.0.0.1:9/feed": ["check-source", "http://127.0.0.1:9/feed"],
    "/export-opml": ["export-opml"],
}


@pytest.mark.slow
def test_programs_see_the_same_shapes_from_a_command_and_from_the_api(monitor: Shell) -> None:
    """The commands that do not ask the daemon: the others draw what it answers."""
    seconds = r"\d\d:\d\d:\d\d(?:Z|\.\d+)?"  # of looks at a clock
    with desk(monitor) as url:
        for path, typed in SHAPES.items():
            asked = httpx.get(f"{url}/api/v1{path}", timeout=DEADLINE).text
            command = monitor("--json", *typed).out
            assert json.loads(re.sub(seconds, "…", command)) == json.loads(re.sub(seconds, "…", asked)), path
