"""What is embargoed is read by nobody before its time, whatever door they come through, but for whoever may.

Two newsrooms hold the same story. In one its embargo ends in an hour; the other lives two hours behind until
the story is in, so that the embargo is over by now.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from service import config
from service.actions import people, rounds
from service.app import build
from service.daemon import LogLines
from service.model import Account, Role, Scope, utcnow
from service.web.server import create
from tests.desk import Visitor
from tests.desk import desk as served
from tests.newsroom import Room, newsroom
from tests.shell import Shell

HOUR = timedelta(hours=1)
HEADLINE = "Notenbankchefin kündigt Quittenernte an"
TEXT = (
    "Frankfurt (dpa) - Die Notenbankchefin hat im Falkenhof die Quittenernte angekündigt. Sie werde dieses "
    "Jahr früher beginnen als sonst, sagte sie vor Journalisten, und alle Zweigstellen seien vorbereitet."
)
SECRETS = ("quittenernte", "falkenhof", "distelfink", "notenbankchefin", "amselweg")
PASSWORD = "correct horse battery staple"
QUERY = "Notenbank*"  # the word that it fits is a secret, the rule is none


class LateClock:
    """The time, or some hours behind it."""

    def __init__(self, behind: timedelta) -> None:
        self.behind = behind

    def __call__(self) -> datetime:
        """What it shows."""
        return utcnow() - self.behind


@dataclass(slots=True)
class World:
    """A newsroom with an embargoed story, and everybody who asks for it."""

    room: Room
    shell: Shell
    web: Visitor
    tokens: dict[bool, str]  # with the right, and without
    feed: str
    log: LogLines
    logged: io.StringIO = field(default_factory=io.StringIO)

    def command(self, *arguments: str, trusted: bool) -> str:
        """What a command says."""
        answer = self.shell(*arguments, *(["--embargoed"] if trusted else []))
        assert answer.code in {0, 1, 2}, answer.err
        return answer.out + answer.err

    def page(self, path: str, *, trusted: bool, **fields: str) -> str:
        """What a page says, or the API; with fields, what it says to a form."""
        headers = {"Authorization": f"Bearer {self.tokens[trusted]}", "Origin": self.web.url}
        how = {"method": "POST", "data": fields} if fields else {"method": "GET"}
        answer = self.web.client.request(url=path, headers=headers, **how)
        assert answer.status_code in {200, 422}, (path, answer.text)
        return answer.text

    def ask(self, path: str, *, trusted: bool, **body: Any) -> str:
        """What the API says to a JSON document."""
        headers = {"Authorization": f"Bearer {self.tokens[trusted]}"}
        return self.web.client.post(path, json=body, headers=headers).text

    def live(self, *, trusted: bool) -> str:
        """What an open page is sent, up to the first pulse."""
        headers = {"Authorization": f"Bearer {self.tokens[trusted]}"}
        with self.web.client.stream("GET", "/live?since=0.0.0.1", headers=headers) as stream:
            said = []
            for line in stream.iter_lines():
                said.append(line)
                if line == "event: pulse":
                    break
        return "\n".join(said)

    def told(self, *, trusted: bool) -> str:
        """What the channel got that may see it, or the other."""
        path = "/chief" if trusted else "/desk"
        return "\n".join(post.body.decode() for post in self.room.hooks.posts if post.path == path)

    def written(self) -> str:
        """The log up to now."""
        self.log.finish()
        return self.logged.getvalue()


def entry(version: int, **facts: Any) -> dict[str, Any]:
    """A version of the story, as an agency's digital wire brings it."""
    return {
        "format": "digitalwires@0.9.1",
        "type": "composite",
        "entry_id": f"e{version}",
        "urn": "urn:newsml:wire.example:quitten-amselweg",
        "version": version,
        "version_created": "2026-11-24T01:00:00+01:00",
        "updated": "2026-11-24T01:00:20Z",
        "pubstatus": "usable",
        "signal": None,
        "embargoed": None,
        "language": "de",
        "urgency": 3,
        "headline": HEADLINE,
        "dateline": "Frankfurt (dpa)",
        "article_html": f"<section class='main'><p>{TEXT}</p></section>",
        "creditline": "dpa",
        "ednotes": [],
        "keyword_names": ["Distelfink"],
        "categories": [],
    } | facts


def ingest(room: Room, version: int, until: datetime | str | None, **facts: Any) -> None:
    """Read a version by hand."""
    held = until.isoformat(timespec="seconds") if isinstance(until, datetime) else until
    file = room.folder / f"v{version}.json"
    file.write_text(json.dumps({"entries": [entry(version, embargoed=held, **facts)]}), encoding="utf-8")
    assert {} == rounds.ingest(room.app, [file]).failures


def trust(room: Room, clock: LateClock, **chief: str) -> None:
    """Give the newsroom that clock, and two channels, of which one may see what is embargoed."""
    room.app.close()
    room.settings["channels"] = {
        "desk": {"url": room.hooks.url(path="/desk")},
        "chief": {"url": room.hooks.url(path="/chief"), "sees_embargoed": True, **chief},
    }
    settings = config.read(room.settings, path=str(room.folder / "config.toml"))
    room.app = build(settings, clock, migrate=True, group_wait=timedelta(0))


@contextmanager
def world(folder: Path, *, over: bool) -> Iterator[World]:
    """A newsroom with the story; `over`: its embargo has ended since."""
    clock, logged = LateClock(2 * HOUR if over else timedelta(0)), io.StringIO()
    with newsroom(folder) as room:
        trust(room, clock)
        log = room.app.listen(LogLines(logged))
        room.add_rule(QUERY, name="Bank", channels=("desk", "chief"))
        ingest(room, 1, clock() + HOUR)
        room.feeds.serve("/wire.json", (folder / "v1.json").read_bytes())
        clock.behind = timedelta(0)
        rounds.deliver(room.app)
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        may = [Scope.READ, Scope.WRITE]
        tokens = {
            trusted: people.add_token(room.app, "t", [*may, *([Scope.EMBARGOED] if trusted else [])]).text
            for trusted in (True, False)
        }
        shell = Shell(folder)
        shell.configure(desk="console://", chief="console://")
        feed = people.add_feed(room.app, "Bank").text
        with served(room) as web:
            yield World(room, shell, web, tokens, f"/feeds/{feed}", log, logged)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A newsroom where the embargo ends in an hour."""
    with world(tmp_path_factory.mktemp("before"), over=False) as made:
        yield made


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A newsroom where it ended an hour ago."""
    with world(tmp_path_factory.mktemp("after"), over=True) as made:
        yield made


Door = Callable[..., str]  # (world, trusted=) -> what is said there


def command(*arguments: str) -> Door:
    """A command is asked."""
    return lambda world, *, trusted: world.command(*arguments, trusted=trusted)


def page(path: str, **fields: str) -> Door:
    """A page is asked."""
    return lambda world, *, trusted: world.page(path, trusted=trusted, **fields)


DOORS: dict[str, Door] = {
    "list-items": command("list-items"),
    "list-items --json": command("list-items", "--json"),
    "list-items --versions": command("list-items", "--versions", "--json"),
    "search": command("search", QUERY),
    "search --json": command("search", QUERY, "--json"),
    "show-story": command("show-story", "1"),
    "show-story --json": command("show-story", "1", "--json"),
    "list-alerts": command("list-alerts"),
    "list-alerts --json": command("list-alerts", "--json"),
    "show-alert": command("show-alert", "1"),
    "show-alert --json": command("show-alert", "1", "--json"),
    "list-deliveries": command("list-deliveries", "--json"),
    "show-rule": command("show-rule", "Bank"),
    "why": command("why", "Bank", "1"),
    "why --json": command("why", "Bank", "1", "--json"),
    "handover": command("handover", "--since", "1d"),
    "test-rule": command("test-rule", QUERY),
    "test-rule --json": command("test-rule", QUERY, "--json"),
    "test-rule --item": command("test-rule", QUERY, "--item", "1", "--explain"),
    "preview": command("preview", "Bank", "--item", "1"),
    "status": command("status"),
    "check-source": lambda world, *, trusted: world.command(
        "check-source", world.room.feeds.url("/wire.json"), "--json", trusted=trusted
    ),
    "api check-source": lambda world, *, trusted: world.page(
        f"/api/v1/check-source?of={world.room.feeds.url('/wire.json')}", trusted=trusted
    ),
    "/": page("/"),
    "/wall": page("/wall"),
    "/handover": page("/handover"),
    "/stories": page("/stories/1"),
    "/search": page("/search"),
    "/search?q": page("/search?q=Notenbank*"),
    "/deliveries": page("/deliveries"),
    "/deliveries/1": page("/deliveries/1"),
    "/deliveries/2": page("/deliveries/2"),
    "/why": page("/why?rule=Bank&of=1"),
    "/rules": page("/rules/Bank"),
    "/rules.csv": page("/rules/Bank/hits.csv"),
    "/rules.jsonl": page("/rules/Bank/hits.jsonl"),
    "/rules/try": page("/rules/try", query=QUERY),
    "/rules/preview": page("/rules/preview", query=QUERY),
    "api items": page("/api/v1/items?versions=true"),
    "api tail": page("/api/v1/tail"),
    "api tail alerts": page("/api/v1/tail?alerts_only=true&since=1d"),
    "api story": page("/api/v1/stories/1"),
    "api alerts": page("/api/v1/alerts"),
    "api alert": page("/api/v1/alerts/1"),
    "api deliveries": page("/api/v1/deliveries"),
    "api delivery": page("/api/v1/deliveries/1"),
    "api search": page("/api/v1/search?query=Notenbank*"),
    "api rule": page("/api/v1/rules/Bank"),
    "api status": page("/api/v1/status"),
    "api test-rule": lambda world, *, trusted: world.ask("/api/v1/test-rule", trusted=trusted, query=QUERY),
    "api test-rule item": lambda world, *, trusted: world.ask(
        "/api/v1/test-rule", trusted=trusted, query=QUERY, item=1
    ),
    "live": lambda world, *, trusted: world.live(trusted=trusted),
    "channel": lambda world, *, trusted: world.told(trusted=trusted),
}
UNTRUSTED: dict[str, Door] = {  # where nobody is known, and so nobody may see it
    "atom": lambda world: world.page(world.feed + ".atom", trusted=False),
    "json feed": lambda world: world.page(world.feed + ".json", trusted=False),
    "log": lambda world: world.written(),
    "metrics": lambda world: world.room.app.store.name,
}
WORDLESS = {"list-deliveries", "status", "api status", "api deliveries", "api delivery", "metrics"}  # no text


def secrets(said: str) -> list[str]:
    """The words of the story in what was said; escaped ones, too."""
    return [word for word in SECRETS if word in said.casefold()]


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_the_text_is_nowhere_before_its_time(door: str, before: World) -> None:
    said = DOORS[door](before, trusted=False)
    assert [] == secrets(said), said


@pytest.mark.slow
def test_a_story_that_may_not_be_read_yet_is_not_said_to_be_missing(before: World) -> None:
    assert "1 item that nobody may read yet" in before.command("why", "Bank", "Vulkan", trusted=False)
    assert "It may be the 1 item" in before.page("/why?rule=Bank&of=Vulkan", trusted=False)
    assert "may read yet" not in before.command("why", "Bank", "Vulkan", trusted=True)


@pytest.mark.slow
@pytest.mark.parametrize("door", sorted(DOORS.keys() - WORDLESS - {"/deliveries/1"}))  # it waits unwritten
def test_whoever_has_the_right_sees_it_and_that_it_is_embargoed(door: str, before: World) -> None:
    said = DOORS[door](before, trusted=True)
    assert secrets(said), said
    assert "embargo" in said.casefold(), said


@pytest.mark.slow
@pytest.mark.parametrize("door", sorted(DOORS.keys() - WORDLESS))
def test_the_text_is_everywhere_after_its_time(door: str, after: World) -> None:
    said = DOORS[door](after, trusted=False)
    assert secrets(said), said


@pytest.mark.slow
def test_no_address_of_the_desk_shows_it_before_its_time(before: World) -> None:
    """Those that are written next year included: whatever answers to GET is asked."""
    filled = {"name": "Bank", "secret": "none", "token": "none", "invitation": "none"}
    whole = create(before.room.app)
    rooms = [getattr(room, "original_router", None) for room in whole.routes]
    pages = [
        route.path
        for room in rooms
        for route in getattr(room, "routes", ())
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods and route.path != "/live"
    ]
    api = [path for path, methods in whole.openapi()["paths"].items() if "get" in methods]
    tried = 0
    for address in (*pages, *api):
        path = re.sub(r"{(\w+)[^}]*}", lambda match: filled.get(match[1], "1"), address)
        headers = {"Authorization": f"Bearer {before.tokens[False]}"}
        answer = before.web.client.get(path, headers=headers)
        tried += answer.status_code == 200
        assert [] == secrets(answer.text), path
    assert tried > 30, "the token opens them"


@pytest.mark.slow
@pytest.mark.parametrize("door", UNTRUSTED)
def test_the_text_is_in_no_feed_and_no_log_before_its_time(door: str, before: World) -> None:
    said = UNTRUSTED[door](before)
    assert [] == secrets(said), said


@pytest.mark.slow
@pytest.mark.parametrize("door", ["atom", "json feed"])
def test_a_feed_has_the_text_after_its_time(door: str, after: World) -> None:
    assert secrets(UNTRUSTED[door](after))


@pytest.mark.slow
def test_the_label_stands_where_the_text_will_be(before: World) -> None:
    [item] = json.loads(before.command("list-items", "--json", trusted=False))
    assert item["headline"].startswith("Embargoed until 20")
    assert ("", None, [], []) == (item["body"], item["link"], item["keywords"], item["marks"])


@pytest.mark.slow
def test_a_user_may_be_given_the_right_and_a_token_no_more_than_its_user(before: World) -> None:
    assert before.shell("user", "role", "anna", "--sees-embargoed").code == 0
    scopes = [Scope.READ, Scope.EMBARGOED]
    token = people.add_token(before.room.app, "anna's", scopes, user="anna").text
    headers = {"Authorization": f"Bearer {token}"}
    assert secrets(before.web.client.get("/api/v1/items", headers=headers).text)
    assert before.shell("user", "role", "anna", "--no-sees-embargoed").code == 0
    assert [] == secrets(before.web.client.get("/api/v1/items", headers=headers).text)


@pytest.mark.slow
def test_an_admin_gives_the_right_on_the_page(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        people.add(room.app, Account(name="anna", role=Role.ADMIN), PASSWORD)
        ingest(room, 1, utcnow() + HOUR)
        with served(room) as web:
            web.sign_in("anna", PASSWORD)
            assert [] == secrets(web.get("/stories/1").text)
            web.post("/people/anna/embargo", sees="on")
            assert secrets(web.get("/stories/1").text)
            web.post("/people/anna/embargo")
            assert [] == secrets(web.get("/stories/1").text)
