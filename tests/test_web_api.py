"""The API: what the command line can do, for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Visitor, busy_desk
from tests.newsroom import TRIP, Room

JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, Visitor]]:
    """One desk for all tests of this file: each makes what it changes under a name of its own."""
    with busy_desk(tmp_path_factory.mktemp("api")) as (room, visitor):
        visitor.client.headers.update(JSON)
        yield room, visitor


@pytest.fixture
def api(here: tuple[Room, Visitor]) -> Visitor:
    return here[1]


def ask(api: Visitor, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = api.client.request(method, f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code < 300, answer.text
    return answer.json()


def test_an_alert_is_read_with_its_evidence_and_its_delivery(api: Visitor) -> None:
    alert = ask(api, "GET", "/alerts?rule=Kim")[0]
    shown = ask(api, "GET", f"/alerts/{alert['id']}")
    assert (TRIP.headline, "sent") == (shown["headline"], shown["deliveries"][0]["state"])
    assert {"Kim Jong Un", "Auslandsreise"} <= {e["text"] for e in shown["hits"][0]["evidence"]}


def test_a_list_leads_to_its_next_page(api: Visitor) -> None:
    first = api.get("/api/v1/items", limit=2)
    following = first.links["next"]["url"]
    second = api.get(following)
    ids = [item["id"] for item in (*first.json(), *second.json())]
    assert ids == sorted(ids, reverse=True)
    assert 3 <= len(set(ids)) == len(ids)


def test_a_rule_goes_from_its_beginning_to_its_end(api: Visitor) -> None:
    added = ask(api, "POST", "/rules", {"query": "Landkreis", "name": "counties", "priority": "high"})
    assert added["backtest"]["hits"] == 2
    edited = ask(api, "PATCH", "/rules/counties", {"query": "Landkreis -Dax", "priority": None})
    assert (2, "normal", "Landkreis -Dax") == (edited["version"], edited["priority"], edited["query"])
    assert not ask(api, "POST", "/rules/counties/disable")["enabled"]
    assert len(ask(api, "GET", "/rules/counties")["versions"]) == 2
    ask(api, "DELETE", "/rules/counties")
    assert api.get("/api/v1/rules/counties").status_code == 404


def test_a_source_goes_from_its_beginning_to_its_end(api: Visitor, here: tuple[Room, Visitor]) -> None:
    url = here[0].wire("second", TRIP)
    added = ask(api, "POST", "/sources", {"url": url, "name": "second", "every": "90s", "tags": ["a"]})
    assert (True, 1, "90s") == (added["look"]["readable"], added["look"]["items"], added["every"])
    edited = ask(api, "PATCH", "/sources/second", {"every": None, "cron": "*/5 * * * *"})
    assert (None, "*/5 * * * *") == (edited["every"], edited["cron"])
    assert ask(api, "POST", "/sources/second/pause")["state"] == "paused"
    assert ask(api, "GET", "/sources?state=paused")[0]["name"] == "second"
    assert ask(api, "POST", "/sources/second/resume")["state"] == "ok"
    ask(api, "DELETE", "/sources/second")


def test_a_query_is_tried_on_a_text_an_item_and_the_archive(api: Visitor) -> None:
    text = ask(api, "POST", "/test-rule", {"query": "Reise", "text": "Eine Auslandsreise\n\nNach Peking."})
    assert text["hits"][0]["evidence"][0]["how"] == "compound"
    archive = ask(api, "POST", "/test-rule", {"query": "Preise", "compare": "Kim"})
    assert {len(archive["gained"]), len(archive["lost"])} == {2, 1}
    item = ask(api, "GET", "/search?query=Sonderzug")["hits"][0]
    assert ask(api, "POST", "/test-rule", {"rule": "Kim", "item": item["id"]})["hits"]


@pytest.mark.slow
def test_a_query_is_taken_as_it_stands_and_as_a_phrase_only_from_a_shell(api: Visitor) -> None:
    words = "Reise Kim"  # side by side nowhere
    assert ask(api, "GET", f"/search?query={words}")["query"] == "Reise + Kim"
    assert ask(api, "GET", f"/search?query={words}")["hits"]
    assert ask(api, "GET", f"/search?argument={words}")["query"] == '"Reise Kim"'
    assert not ask(api, "GET", f"/search?argument={words}")["hits"]
    assert ask(api, "POST", "/test-rule", {"query": words, "text": "Kim auf Reise"})["hits"]
    assert ask(api, "POST", "/rules", {"query": words, "name": "both"})["query"] == "Reise + Kim"
    assert ask(api, "PATCH", "/rules/both", {"query": "Kim Zug"})["query"] == "Kim + Zug"
    assert api.get("/api/v1/search").status_code == 422


def test_what_is_ingested_alerts(api: Visitor) -> None:
    body = b"Kim Jong Un auf Reise\n\nWLADIWOSTOK - Kim Jong Un ist auf einer Reise nach Wladiwostok."
    answer = api.client.post("/api/v1/ingest?source=hand", content=body)
    assert answer.json() == {"new_items": 1, "source": "hand"}
    assert "Kim Jong Un auf Reise" in [alert["headline"] for alert in ask(api, "GET", "/alerts")]


def test_a_repeated_request_with_its_key_is_done_once(api: Visitor) -> None:
    silence = {"matchers": ["source=wire"], "lasts": "2h", "comment": "tests"}
    answers = [ask(api, "POST", "/silences", silence, **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0] == answers[1]
    assert [s["comment"] for s in ask(api, "GET", "/silences")].count("tests") == 1
    other = api.client.post(
        "/api/v1/silences", json=silence | {"lasts": "3h"}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status_code == 422
    ask(api, "DELETE", f"/silences/{answers[0]['id']}")


def test_an_alert_is_taken_for_a_while_with_a_comment_and_judged(api: Visitor) -> None:
    number = ask(api, "GET", "/alerts")[0]["id"]
    said = {"lasts": "2h", "comment": "on the phone with them", "relevance": "relevant"}
    taken = ask(api, "POST", f"/alerts/{number}/ack", said)
    assert ("acknowledged", "on the phone with them", "relevant") == (
        taken["state"],
        taken["comment"],
        taken["relevance"],
    )
    ends = datetime.fromisoformat(taken["acknowledged_until"])
    assert timedelta(minutes=119) < ends - datetime.now(UTC) <= timedelta(hours=2)
    later = "2999-12-24T18:00:00+01:00"
    assert (
        "2999-12-24T17:00:00"
        in ask(api, "POST", f"/alerts/{number}/ack", {"until": later})["acknowledged_until"]
    )
    for wrong in ({"until": "2020-01-01T00:00:00Z"}, {"until": "2999-12-24T18:00:00"}, {"lasts": "soon"}):
        answer = api.client.post(f"/api/v1/alerts/{number}/ack", json=wrong)
        assert (422, "application/problem+json") == (answer.status_code, answer.headers["content-type"])


def test_an_acknowledged_alert_says_so_and_is_on_record(api: Visitor) -> None:
    alert = ask(api, "GET", "/alerts?rule=Kim&limit=1")[0]
    assert ask(api, "POST", f"/alerts/{alert['id']}/ack")["state"] == "acknowledged"
    assert any(change["what"] == "ack" for change in ask(api, "GET", "/audit"))


def test_a_list_of_words_is_kept_while_a_rule_needs_it(api: Visitor) -> None:
    ask(api, "PUT", "/lists/towns", {"terms": ["Peking", "Leipzig"]})
    ask(api, "POST", "/rules", {"query": "@towns", "name": "towns"})
    assert api.client.delete("/api/v1/lists/towns").status_code == 422
    ask(api, "DELETE", "/rules/towns")
    ask(api, "DELETE", "/lists/towns")


def test_a_message_is_resent_under_its_id(api: Visitor) -> None:
    sent = ask(api, "GET", "/deliveries?state=sent")[0]
    again = ask(api, "POST", "/resend", {"ids": [sent["id"]]})[0]
    assert (sent["id"], "pending") == (again["id"], again["state"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/rules/none", None, 404, "no rule named none"),
        ("GET", "/alerts/99999999999999999999", None, 422, "number"),
        ("POST", "/rules", {"query": "Kim +"}, 422, "missing"),
        ("POST", "/rules", {"query": "Kim", "colour": "red"}, 422, "colour"),
        ("POST", "/rules", {"query": "Kim", "channels": ["nowhere"]}, 422, "no channel named"),
        ("POST", "/sources", {"url": "gopher://wire.example/"}, 422, "gopher"),
        ("POST", "/sources", {"url": "http://127.0.0.1:1/", "every": "soon"}, 422, "duration"),
        ("POST", "/silences", {"matchers": ["x=1"], "lasts": "1h", "comment": "c"}, 422, "matcher"),
        ("POST", "/test-rule", {}, 422, "either"),
        ("POST", "/users", {"name": "a", "role": "viewer"}, 422, "first user"),
        ("DELETE", "/tokens/5", None, 404, "token"),
        ("GET", "/items?since=soon", None, 422, "duration"),
        ("GET", "/nowhere", None, 404, "Not Found"),
        ("DELETE", "/rules", None, 405, "Not Allowed"),
    ],
)
def test_a_refusal_is_a_problem_with_its_reason(
    api: Visitor, method: str, path: str, body: Any, status: int, says: str
) -> None:
    answer = api.client.request(method, f"/api/v1{path}", json=body)
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert status == answer.json()["status"]
    assert says in answer.json()["detail"]


def test_a_refused_query_names_its_place(api: Visitor) -> None:
    answer = api.client.post("/api/v1/test-rule", json={"query": "Kim NEAR/0 Reise", "text": "x"}).json()
    assert answer["query"][answer["start"] : answer["end"]] == "NEAR/0"


def test_the_description_of_the_api_is_served_here_and_names_every_command(api: Visitor) -> None:
    paths = ask(api, "GET", "/openapi.json")["paths"]
    assert {"/api/v1/rules", "/api/v1/search", "/api/v1/ingest", "/api/v1/resend", "/healthz"} <= set(paths)
    page = api.client.get("/api", headers={"Accept": "text/html"})
    assert "/api/v1/silences" in page.text


@pytest.mark.slow
def test_the_monitor_says_whether_it_is_alive_ready_and_how_much(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, api):
        assert api.get("/healthz").json() == {"status": "ok"}
        assert api.get("/readyz").json() == {"status": "ready", "reasons": []}
        room.wire("wire", TRIP, TRIP.__class__("new", "Kim auf Reise", "Kim Jong Un geht auf Reise."))
        room.poll()
        room.poll()
        text = api.get("/metrics").text
        for line in (
            'monitor_items_ingested_total{source="wire"} 1.0',
            'monitor_items_duplicate_total{source="wire"} 1.0',
            'monitor_fetch_total{result="ok",source="wire"} 1.0',
            'monitor_fetch_total{result="unchanged",source="wire"} 1.0',
            "monitor_fetch_seconds_count 2.0",
            'monitor_step_seconds_count{step="parse"} 1.0',
            'monitor_step_seconds_count{step="match"} 1.0',
            'monitor_step_seconds_count{step="commit"} 1.0',
            'monitor_hits_total{action="open",rule="Kim"} 1.0',
            'monitor_deliveries_total{channel="desk",result="sent"} 1.0',
            'monitor_delivery_seconds_count{channel="desk"} 1.0',
            "monitor_alert_latency_seconds_count 1.0",
            "monitor_alert_age_seconds_count 1.0",
            'monitor_sources{state="ok"} 1.0',
            'monitor_source_silent{source="wire"} 0.0',
            'monitor_source_last_item_timestamp_seconds{source="wire"}',
            'monitor_outbox{state="sent"} 2.0',
            "monitor_outbox_oldest_seconds 0.0",
            "monitor_poll_lag_seconds 0.0",
            "monitor_arrived 0.0",
            "monitor_pages_open 0.0",
            "monitor_database_up 1.0",
            "monitor_database_bytes ",
            "monitor_build_info{version=",
            "process_resident_memory_bytes ",
        ):
            assert line in text
        with room.app.store.begin() as tx:
            tx.installation.stop_sending("for the test")
        answer = api.get("/readyz")
        assert answer.status_code == 503
        assert "for the test" in answer.json()["reasons"][0]
