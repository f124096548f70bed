"""The API does all that the command line can do, and says what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from service.cli.main import HOMES
from tests.desk import Visitor, busy_desk
from tests.newsroom import MARKET, PRICES, TRIP, Entry, Room

# Each command, and the requests that do the same.
REQUESTS = {
    "poll": ["POST /poll"],
    "ingest": ["POST /ingest"],
    "add-source": ["POST /sources"],
    "list-sources": ["GET /sources", "GET /sources/{name}"],
    "check-source": ["GET /check-source"],
    "edit-source": ["PATCH /sources/{name}"],
    "pause-source": ["POST /sources/{name}/pause"],
    "resume-source": ["POST /sources/{name}/resume"],
    "remove-source": ["DELETE /sources/{name}"],
    "import-opml": ["POST /import-opml"],
    "export-opml": ["GET /export-opml"],
    "add-rule": ["POST /rules"],
    "test-rule": ["POST /test-rule"],
    "list-rules": ["GET /rules"],
    "show-rule": ["GET /rules/{name}"],
    "edit-rule": ["PATCH /rules/{name}"],
    "enable-rule": ["POST /rules/{name}/enable"],
    "disable-rule": ["POST /rules/{name}/disable"],
    "remove-rule": ["DELETE /rules/{name}"],
    "add-list": ["PUT /lists/{name}"],
    "list-lists": ["GET /lists"],
    "remove-list": ["DELETE /lists/{name}"],
    "list-items": ["GET /items"],
    "tail": ["GET /tail"],
    "merge-stories": ["POST /stories/{number}/merge"],
    "split-story": ["POST /stories/{number}/split"],
    "why": ["GET /why"],
    "search": ["GET /search"],
    "show-story": ["GET /stories/{number}"],
    "list-alerts": ["GET /alerts"],
    "show-alert": ["GET /alerts/{number}"],
    "list-deliveries": ["GET /deliveries", "GET /deliveries/{number}"],
    "silence": ["POST /silences"],
    "list-silences": ["GET /silences"],
    "end-silence": ["DELETE /silences/{number}"],
    "resend": ["POST /resend"],
    "ack": ["POST /alerts/{number}/ack", "POST /stories/{number}/ack"],
    "handover": ["GET /handover", "POST /handover"],
    "preview": ["GET /preview"],
    "test-channel": ["POST /channels/{name}/test", "GET /channels"],
    "add-person": ["POST /people"],
    "edit-person": ["PATCH /people/{name}"],
    "remove-person": ["DELETE /people/{name}"],
    "add-group": ["PUT /groups/{name}"],
    "remove-group": ["DELETE /groups/{name}"],
    "list-people": ["GET /people"],
    "user": [
        "GET /users",
        "POST /users",
        "PATCH /users/{name}",
        "POST /users/{name}/invite",
        "DELETE /users/{name}",
    ],
    "token": ["GET /tokens", "POST /tokens", "DELETE /tokens/{number}"],
    "apply": ["POST /apply"],
    "export-watchlist": ["GET /watchlist"],
    "list-changes": ["GET /audit"],
    "status": ["GET /status"],
}

# What has to be done at the machine itself, and why.
AT_THE_MACHINE = {
    "init": "there is nobody to ask before there is a configuration",
    "demo": "it brings a wire and a desk of its own",
    "run": "it is what answers",
    "doctor": "it looks at files and ports of its machine; what concerns the daemon is in /readyz",
    "migrate": "the daemon has to rest meanwhile",
    "completion": "it is for a shell",
    "resume-sending": "a copy that somebody reached by mistake must not be told to send",
    "backup": "it writes a file",
    "restore": "the daemon has to rest meanwhile",
    "prune": "the daemon does it by itself",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, Visitor]]:
    with busy_desk(tmp_path_factory.mktemp("commands")) as (room, visitor):
        visitor.client.headers.update({"Accept": "application/json"})
        yield room, visitor


@pytest.fixture
def room(here: tuple[Room, Visitor]) -> Room:
    return here[0]


@pytest.fixture
def api(here: tuple[Room, Visitor]) -> Visitor:
    return here[1]


def ask(api: Visitor, method: str, path: str, body: Any = None) -> Any:
    answer = api.client.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


def test_every_command_has_its_request_or_a_reason(api: Visitor) -> None:
    commands = set(HOMES)
    assert commands - set(REQUESTS) - set(AT_THE_MACHINE) == set(), "has neither a request nor a reason"
    assert set(REQUESTS) - commands == set(), "is no command"
    described = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in ask(api, "GET", "/openapi.json")["paths"].items()
        for method in methods
        if path.startswith("/api/v1")
    }
    promised = {request for requests in REQUESTS.values() for request in requests}
    assert promised - described == set(), "is not served"
    assert described - promised == set(), "belongs to no command"


def test_a_shift_is_handed_over(api: Visitor, room: Room) -> None:
    seen = ask(api, "GET", "/handover?since=8h")
    assert [TRIP.headline] == [one["headline"] for one in seen["told"]]
    posts = len(room.hooks.posts)
    assert 1 == ask(api, "POST", "/handover", {"since": "8h", "to": ["desk"]})["messages"]
    room.poll()
    assert TRIP.headline in room.hooks.wait(posts + 1)[-1].json["text"]
    assert 422 == api.get("/api/v1/handover", since="yesterday").status_code
    assert 422 == api.client.post("/api/v1/handover", json={"to": ["nowhere"]}).status_code


def test_a_story_that_was_told_or_missed_is_explained(api: Visitor) -> None:
    [told] = ask(api, "GET", f"/why?rule=Kim&of={TRIP.headline}")
    assert "told" == told["fate"]
    [missed] = ask(api, "GET", f"/why?rule=Kim&of={PRICES.headline}")
    assert ("no-hit", TRIP.headline) != (missed["fate"], missed["item"]["headline"])
    assert ["wire"] == [
        one["name"] for one in ask(api, "GET", "/why?rule=Kim&of=Vulkanausbruch%20auf%20Island")["sources"]
    ]


def test_what_a_rule_would_send_is_shown_and_not_sent(api: Visitor, room: Room) -> None:
    item = ask(api, "GET", "/search?query=Sonderzug")["hits"][0]
    posts = len(room.hooks.posts)
    seen = ask(api, "GET", f"/preview?rule=Kim&item={item['id']}")
    assert (True, ["desk"]) == (seen["hit"], [one["to"] for one in seen["messages"]])
    assert TRIP.headline in seen["messages"][0]["text"]
    assert posts == len(room.hooks.posts)


@pytest.mark.slow
def test_people_are_told_by_name_until_they_leave(api: Visitor) -> None:
    anna = ask(api, "POST", "/people", {"name": "anna", "addresses": ["desk:anna"], "language": "de"})
    assert {"desk": "anna"} == anna["addresses"]
    assert "en" == ask(api, "PATCH", "/people/anna", {"language": "en"})["language"]
    assert ["anna"] == ask(api, "PUT", "/groups/night", {"members": ["anna"]})["members"]
    seen = ask(api, "GET", "/people")
    assert (["anna"], ["night"]) == tuple(
        [one["name"] for one in seen[kind]] for kind in ("people", "groups")
    )
    ask(api, "DELETE", "/groups/night")
    assert "new desk" == ask(api, "DELETE", "/people/anna?because=new desk")["left_because"]
    assert 404 == api.client.patch("/api/v1/people/nobody", json={"language": "de"}).status_code
    assert 422 == api.client.post("/api/v1/people", json={"name": "ben"}).status_code


def test_stories_are_parted_and_joined(api: Visitor, room: Room) -> None:
    def story_of(words: str) -> int:
        return int(ask(api, "GET", f"/search?query={words}")["hits"][0]["story"])

    joined = ask(api, "POST", f"/stories/{story_of('Sonderzug')}/merge", {"story": story_of("Dax")})
    assert {TRIP.headline, MARKET.headline} <= {
        item["headline"] for item in ask(api, "GET", f"/stories/{joined['id']}")["versions"]
    }
    item = ask(api, "GET", "/search?query=Dax")["hits"][0]["id"]
    parted = ask(api, "POST", f"/stories/{joined['id']}/split", {"items": [item]})
    assert [item] == parted["moved"]
    assert parted["id"] == story_of("Dax")


def test_subscriptions_come_and_go_as_opml(api: Visitor, room: Room) -> None:
    exported = ask(api, "GET", "/export-opml")
    assert (1, True) == (exported["sources"], room.feeds.url("/wire") in exported["opml"])
    other = exported["opml"].replace("/wire", "/third").replace('"wire"', '"third"')
    answer = api.client.post("/api/v1/import-opml?tag=moved", content=other.encode())
    assert ["third"] == answer.json()["added"], answer.text
    assert ["third"] == [one["name"] for one in ask(api, "GET", "/sources?tag=moved")]
    ask(api, "DELETE", "/sources/third")
    assert 422 == api.client.post("/api/v1/import-opml", content=b"no opml").status_code


def test_a_desk_is_what_a_file_says_and_says_what_it_is(api: Visitor) -> None:
    def apply(text: str, **options: str) -> Any:
        return api.client.post("/api/v1/apply", params=options, content=text.encode())

    watchlist = '[lists.zug]\nterms = ["Sonderzug"]\n[rules.zug]\nquery = "@zug"\npriority = "low"\n'
    [added, rule] = apply(watchlist, dry_run="true").json()
    assert ("added", "list", "zug") == (added["change"], added["kind"], added["name"])
    assert {"old": None, "new": "low"} == rule["keys"]["priority"]
    assert 2 == len(apply(watchlist).json())
    assert [] == apply(watchlist).json()
    assert [] == apply(ask(api, "GET", "/watchlist")["watchlist"], dry_run="true", name="other.toml").json()
    refused = apply('[rules.zug]\nquery = "Kim NEAR/0 Reise"')
    assert (422, 4) == (refused.status_code, refused.json()["start"])
    assert refused.json()["detail"].startswith("watchlist.toml: rules.zug.query: a distance")
    assert "rules.zug.qury: unknown key" in apply('[rules.zug]\nqury = "Kim"').json()["detail"]
    assert ["removed"] * 2 == [one["change"] for one in apply("", remove="true").json()]
    assert {"add-rule", "remove-rule"} == {
        one["what"] for one in ask(api, "GET", "/audit?of=zug") if "rule" in one["what"]
    }


def test_a_rule_has_tags_and_steps_and_a_list_its_ready_spellings(api: Visitor) -> None:
    policy = {"query": "Zug", "name": "Züge", "tags": ["rail"], "escalate": ["10m=desk"]}
    added = ask(api, "POST", "/rules", policy)
    assert (["rail"], ["10m=desk"]) == (added["tags"], added["escalate"])
    shown = ask(api, "GET", "/rules/Züge")
    assert {"counts", "held_back", "quality", "versions", "hits"} <= set(shown)
    assert "North Korea" in ask(api, "PUT", "/lists/nk", {"country": "KP"})["terms"]
    for path in ("/rules/Züge", "/lists/nk"):
        ask(api, "DELETE", path)


def test_an_alert_is_taken_for_a_while_and_its_rule_judged(api: Visitor, room: Room) -> None:
    room.wire(
        "wire", TRIP, Entry("again", "Kim Jong Un reist ab", "Kim Jong Un ist auf der Reise nach Moskau.")
    )
    room.poll()
    alert = ask(api, "GET", "/alerts?rule=Kim&limit=1")[0]
    care = {"lasts": "1h", "comment": "bekannt", "relevance": "not-relevant"}
    assert "acknowledged" == ask(api, "POST", f"/alerts/{alert['id']}/ack", care)["state"]
    assert 1 == ask(api, "GET", "/rules/Kim")["quality"]["judged"]


@pytest.mark.slow
def test_a_user_is_invited_and_gets_another_role(api: Visitor) -> None:
    """The last of this file: the first user closes the desk."""
    made = ask(api, "POST", "/users", {"name": "anna", "role": "admin"})
    assert made["invitation"].startswith("/welcome/")
    begun = api.post(made["invitation"], password=f"four plain words {datetime.now(UTC).year}")
    assert 303 == begun.status_code
    assert ask(api, "POST", "/users/anna/invite")["invitation"] != made["invitation"]
    ask(api, "POST", "/users", {"name": "ben", "role": "viewer"})
    assert "editor" == ask(api, "PATCH", "/users/ben", {"role": "editor"})["role"]
    assert ["user role", "user add"] == [one["what"] for one in ask(api, "GET", "/audit?of=ben")]
