"""The pages, without JavaScript: what they show, what a form does, and wire text that means harm."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
import pytest
from jinja2.runtime import Context
from markupsafe import escape

from service.actions import board, exports, handover, people, recipients, rules, silences
from service.model import DeliveryState, SourceState, Status
from service.release import TOLD_IN
from service.web.drawing import bars, outside
from service.web.server import Server
from service.web.viewer import NOBODY, Viewer
from service.web.views import at
from tests.desk import DEADLINE, busy_desk, desk
from tests.newsroom import MARKET, PRICES, TRIP, Entry, newsroom

HOSTILE = Entry(
    "evil",
    "<script>alert(1)</script> Kim Jong Un \u202eesieR\u202c auf Reise",
    "<img src=x onerror=alert(2)> {{7*7}} Kim Jong Un ist auf einer Reise. \x1b[31m",
    "javascript:alert(3)",
)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "bricht im Sonderzug"),
        ("/?rule=Kim&state=open", "Sonderzug"),
        ("/rules", "&#34;Kim Jong Un&#34; + Reise"),
        ("/rules/Kim", "Auslandsreise"),
        ("/rules/new?query=Dax", "Dax"),
        ("/rules/Kim/edit", "Kim Jong Un"),
        ("/search", "Dax im Minus"),
        ("/search?q=Preise", "<mark>Preise</mark>"),
        ("/search?q=Kim+%2B", "something is missing"),
        ("/sources", "wire"),
        ("/deliveries", "sent"),
        ("/deliveries/1", "Sonderzug"),
        ("/silences", "Nothing is silenced"),
        ("/stories/1", "PJÖNGJANG/PEKING"),
        ("/handover", "Sonderzug"),
        ("/why?rule=Kim&of=Preise+senken", "does not hit"),
        ("/people", "There are no users"),
        ("/settings", "Europe/Berlin"),
        ("/wall", "Sonderzug"),
        ("/api", "/api/v1/alerts"),
    ],
)
def test_every_page_shows_what_it_is_for(pages: httpx.Client, path: str, says: str) -> None:
    answer = pages.get(path)
    assert answer.status_code == 200
    assert says in answer.text
    assert "<script>" not in answer.text.replace("<script src", "")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> object:
    with busy_desk(tmp_path_factory.mktemp("pages")) as (_, visitor):
        yield visitor.client


def test_a_page_that_is_not_there_says_so_in_words(pages: httpx.Client) -> None:
    for path in ("/stories/99", "/rules/none", "/deliveries/99999999999999999999", "/nowhere"):
        answer = pages.get(path)
        assert (404, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])


def test_pages_speak_the_language_of_the_browser(pages: httpx.Client) -> None:
    german = pages.get("/", headers={"Accept-Language": "fr, de-AT;q=0.8, en;q=0.5"}).text
    assert 'lang="de"' in german
    assert "Quellen" in german
    assert 'lang="en"' in pages.get("/", headers={"Accept-Language": "fr;q=x, zz"}).text


@pytest.mark.slow
def test_times_are_shown_in_the_zone_of_the_reader(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        here = visitor.get("/").text
        visitor.client.cookies.set("zone", "Asia/Kathmandu")
        assert visitor.get("/").text != here
        visitor.client.cookies.set("zone", "../../etc/passwd")
        assert visitor.get("/").status_code == 200


@pytest.mark.slow
def test_wire_text_cannot_become_markup_or_turn_a_line_around(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        room.wire("wire", HOSTILE)
        room.add_source("wire")
        room.add_rule("Reise", name="<b>rule</b>")
        room.poll()
        with desk(room) as visitor:
            for path in (
                "/",
                "/stories/1",
                "/rules",
                "/search?q=Reise",
                "/rules/%3Cb%3Erule%3C%2Fb%3E",
                "/wall",
            ):
                page = visitor.get(path).text
                for harm in (
                    "<script>alert",
                    "<img src=x",
                    "javascript:",
                    "\u202e",
                    "\x1b",
                    "<b>rule",
                    ">49<",
                ):
                    assert harm not in page, (path, harm)


@pytest.mark.slow
def test_the_words_that_matched_are_marked_in_the_headline_too(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        room.wire("wire", TRIP, PRICES, Entry("n", "Kim Jong Un auf Reisen", "PEKING - Er ist dort."))
        room.poll()
        for path in ("/", "/rules/Kim", "/stories/4", "/search?q=Reise"):
            assert "auf <mark>Reisen</mark></a>" in visitor.get(path).text.replace("</h1>", "</a></h1>"), path


@pytest.mark.slow
def test_what_was_told_in_a_digest_is_not_said_to_be_unsent(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        with room.app.store.begin() as tx:
            [sent] = tx.outbox.list()
            waiting = tx.outbox.add(replace(sent, id=0, state=DeliveryState.HELD, message=None), sent.alerts)
            tx.outbox.suppress(waiting.id, f"told in the digest{TOLD_IN}{sent.id}")
        for path in ("/", "/deliveries"):
            assert "in a digest" in visitor.get(path).text
            assert "not sent" not in visitor.get(path).text


@pytest.mark.slow
def test_a_source_that_failed_once_is_not_called_alive(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        assert '<span class="lamp ok">alive</span>' in visitor.get("/sources").text
        room.feeds.serve("/wire", b"", status=503)
        room.poll()
        assert '<span class="lamp falters">falters</span>' in visitor.get("/sources").text


@pytest.mark.slow
def test_the_handover_is_that_of_the_command(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        room.wire("wire", TRIP, Entry("n", "Kim Jong Un auf Reisen", "PEKING - Er ist dort."))
        room.poll()
        board.acknowledge(room.app, 1, "anna")
        silences.add(room.app, ["rule=Kim"], timedelta(hours=4), "bekannt", "anna")
        room.wire("wire", Entry("s", "Reise von Kim Jong Un endet", "WLADIWOSTOK - Der Zug fährt zurück."))
        room.poll()
        page = visitor.get("/handover?since=2h").text
        seen = handover.handover(room.app, handover.since(room.app, "2h"))
        assert f"{len(seen.told)} alerts, {len(seen.waiting)} not taken" in page
        for told in (*seen.told, *seen.silences):
            assert re.sub(r"<[^>]+>", "", page).count(getattr(told, "headline", "bekannt")) >= 1
        assert list(seen.silenced) == ["Reise von Kim Jong Un endet"]
        assert "Reise von Kim Jong Un endet" in page
        refused = visitor.get("/handover?since=yesterday")
        assert (422, True) == (refused.status_code, "22:00 or 8h" in refused.text)


@pytest.mark.slow
def test_a_story_is_taken_on_the_page(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        assert "Take" in visitor.get("/").text
        assert visitor.post("/stories/1/ack").status_code == 303
        page = visitor.get("/").text
        assert 'class="taken"' in page
        assert "Sonderzug" not in visitor.get("/?state=open").text
        part = visitor.client.post("/stories/1/ack", headers={"HX-Request": "true"})
        assert part.text.lstrip().startswith('<article class="story acknowledged" id="story-1"')


@pytest.mark.slow
def test_a_rule_is_written_tried_saved_and_removed_on_pages(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        tried = visitor.post("/rules/preview", query="Preise", pasted="Reisen\n\nKein Wort davon.")
        assert "2" in tried.text
        assert "It does not hit" in tried.text
        wrong = visitor.post("/rules", query="Preise +")
        assert (422, True) == (wrong.status_code, "missing" in wrong.text)
        saved = visitor.post("/rules", query="Preise", name="p r", channels="desk", priority="high")
        assert saved.headers["location"] == "/rules/p%20r"
        assert "watches from now on" in visitor.get("/rules/p%20r").text
        edited = visitor.post(
            "/rules/p%20r", saved="p r", query="Preise -Dax", name="prices", channels="desk"
        )
        assert edited.headers["location"] == "/rules/prices"
        assert "Former versions" in visitor.get("/rules/prices").text
        assert visitor.post("/rules/prices/disable").status_code == 303
        assert visitor.post("/rules/prices/remove").headers["location"] == "/rules"


@pytest.mark.slow
def test_whoever_a_rule_tells_by_name_is_told_after_it_was_saved_on_a_page(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        recipients.add(room.app, "anna", ["desk:anna@desk.example"])
        recipients.set_group(room.app, "night", ["anna"])
        rules.edit(room.app, "Kim", channels=("desk:night", "desk"), escalate=("10m=desk:anna",))
        assert "10m=desk:anna" in visitor.get("/rules/Kim").text
        editor = visitor.get("/rules/Kim/edit").text
        boxes = re.findall(r'name="channels" value="([^"]*)" checked', editor)
        assert ["desk", "desk:night"] == boxes
        assert '<option value="desk:anna">' in editor
        visitor.post("/rules/Kim", query="Kim", channels=[*boxes, " desk:anna, desk ", ""])
        saved, _ = rules.history(room.app, "Kim")
        assert ("desk", "desk:night", "desk:anna") == saved.channels
        assert ("10m=desk:anna",) == saved.escalate


@pytest.mark.slow
def test_a_rule_and_a_source_of_any_name_have_their_pages(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        for name in ("AC/DC", "100 % / %2F", "a/enable", "Politik & Börse / Ausland?", "../x", "#1"):
            page = visitor.post("/rules", query="Preise", name=name, channels="desk").headers["location"]
            assert escape(name) in visitor.get(page).text
            assert visitor.get(f"{page}/edit").status_code == 200
            assert visitor.post(f"{page}/disable").headers["location"] == page
            assert name == visitor.client.get(f"/api/v1{page}").json()["name"]
            assert visitor.get(f"{page}/hits.csv").status_code == 200
            room.add_source(name)
            visitor.post(f"/sources/{quote(name, safe='')}/pause")
            assert room.source(name).state is SourceState.PAUSED


@pytest.mark.slow
def test_a_back_test_is_streamed_with_what_it_gains_and_loses(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        fields = {"query": "Preise", "saved": "Kim", "name": "Kim"}
        with visitor.client.stream("POST", "/rules/try", data=fields) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            text = answer.read().decode()
        assert "gains 2, loses 1" in text
        nothing_yet = visitor.post("/rules/try", query="").text
        assert "appears here while you write" in nothing_yet
        assert "wrong" not in nothing_yet
        wrong = visitor.post("/rules/try", query="Kim NEAR/0 Reise").text
        assert "~~~" in wrong


@pytest.mark.slow
def test_a_source_is_added_paused_and_polled_on_pages(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        url = room.wire("other", MARKET)
        assert visitor.post("/sources", url=url, name="other", every="5m").status_code == 303
        assert "other" in visitor.get("/sources").text
        assert visitor.post("/sources", url="gopher://x/").status_code == 422
        assert visitor.post("/sources", url=url, every="soon").status_code == 422
        visitor.post("/sources/other/pause")
        assert "paused" in visitor.get("/sources?state=paused").text
        assert visitor.post("/sources/other/resume").status_code == 303
        assert visitor.post("/sources/other/explode").status_code == 404


@pytest.mark.slow
def test_a_silence_begins_and_ends_on_pages(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        assert visitor.post("/silences", matcher="rule=Kim", lasts="2h", comment="known").status_code == 303
        assert "known" in visitor.get("/silences").text
        assert visitor.post("/silences", matcher="rule=None", lasts="2h", comment="x").status_code == 422
        visitor.post("/silences/1/end")
        assert "Nothing is silenced" in visitor.get("/silences").text


@pytest.mark.slow
def test_a_source_that_is_blind_is_said_at_the_top(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        room.add_source("gone-quiet", url=room.feeds.url("/nothing"))
        for _ in range(4):
            room.poll("gone-quiet")
        with desk(room) as visitor:
            page = visitor.get("/").text
            assert 'class="blind"' in page
            assert "gone-quiet" in page


@pytest.mark.slow
def test_settings_are_kept_in_the_browser_while_there_are_no_users(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        visitor.post("/settings", language="de", theme="dark", zone="Europe/London")
        page = visitor.get("/").text
        assert 'data-theme="dark"' in page
        assert 'lang="de"' in page
        assert "data-shortcuts" not in page
        assert visitor.post("/settings", zone="Mars/Olympus").status_code == 422


# ---------------------------------------------------------------- feeds and tables


@pytest.mark.slow
def test_a_feed_reader_follows_a_rule_until_its_address_is_closed(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        secret = people.add_feed(room.app, "Kim")
        atom = visitor.get(f"/feeds/{secret.text}.atom")
        entries = ET.fromstring(atom.text).findall("{http://www.w3.org/2005/Atom}entry")
        assert [entry.findtext("{http://www.w3.org/2005/Atom}title") for entry in entries] == [TRIP.headline]
        assert room.feeds.url("/wire") not in atom.text
        again = visitor.client.get(
            f"/feeds/{secret.text}.atom", headers={"If-None-Match": atom.headers["etag"]}
        )
        assert again.status_code == 304
        item = visitor.get(f"/feeds/{secret.text}.json").json()["items"][0]
        assert (TRIP.headline, TRIP.link) == (item["title"], item["url"])
        people.revoke_feed(room.app, secret.secret.id)
        assert visitor.get(f"/feeds/{secret.text}.atom").status_code == 404
        assert visitor.get("/feeds/guess.json").status_code == 404


@pytest.mark.slow
def test_what_was_withdrawn_leaves_a_tombstone(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor):
        secret = people.add_feed(room.app, "Kim")
        with room.app.store.begin() as tx:
            tx.stories.mark(1, Status.CANCELED, room.app.store.now())
        atom = ET.fromstring(visitor.get(f"/feeds/{secret.text}.atom").text)
        assert atom.find("{http://purl.org/atompub/tombstones/1.0}deleted-entry") is not None
        assert atom.find("{http://www.w3.org/2005/Atom}entry") is None
        feed = visitor.get(f"/feeds/{secret.text}.json").json()
        assert ([], 1) == (feed["items"], len(feed["_withdrawn"]))


@pytest.mark.slow
def test_hits_are_downloaded_as_a_table_and_as_lines(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, visitor):
        table = visitor.get("/rules/Kim/hits.csv")
        assert table.text.startswith("\ufeffat,headline")
        assert TRIP.headline in table.text
        lines = visitor.get("/rules/Kim/hits.jsonl").text.splitlines()
        assert len(lines) == 1


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert exports.cell(text).startswith("'")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//x", "http:///x", "vbscript:x", "http://[", ""]
)
def test_only_web_addresses_are_followed(url: str) -> None:
    assert outside(url) == ""


def test_a_row_of_bars_says_in_words_what_it_shows() -> None:
    drawn = bars([0, 2, 4], '"x" & y')
    assert 'aria-label="&#34;x&#34; &amp; y"' in drawn
    assert drawn.count("<rect") == 3


# ---------------------------------------------------------------- live, and the end


@pytest.mark.slow
def test_a_story_reaches_an_open_page_and_the_stop_does_not_wait_for_the_page(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (room, visitor), visitor.client.stream("GET", "/live?rule=Kim") as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        room.wire(
            "wire", TRIP, PRICES, Entry("n", "Reise von Kim Jong Un endet", "Kim Jong Un beendet die Reise.")
        )
        room.poll()
        seen = next(line for line in lines if "Reise</mark> von" in line or "beendet" in line)
        assert seen
        began = time.monotonic()
    assert time.monotonic() - began < DEADLINE


@pytest.mark.slow
def test_a_desk_with_pages_open_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with newsroom(tmp_path, web={"listen": "127.0.0.1:0"}) as room, ExitStack() as pages:
        server = Server(room.app)
        server.start()
        assert server.ready.wait(DEADLINE)
        client = pages.enter_context(httpx.Client(base_url=server.url, timeout=DEADLINE))
        streams = [pages.enter_context(client.stream("GET", "/live")) for _ in range(5)]
        server.stop()
        for stream in streams:
            assert stream.read()
        with pytest.raises(httpx.ConnectError):
            client.get("/healthz")


@pytest.mark.slow
def test_what_was_refused_and_why_is_said_in_the_language_of_the_reader(tmp_path: Path) -> None:
    with busy_desk(tmp_path) as (_, web):
        german = {"Accept-Language": "de"}
        page = web.client.get("/search", params={"q": "Kim NEAR/x Reise"}, headers=german).text
        assert "ein Abstand ist eine Zahl von Wörtern" in page
        assert "wie in Kim NEAR/8 Peking" in page
        assert "keine Regel namens nosuch" in web.client.get("/rules/nosuch", headers=german).text
        assert "no rule named nosuch" in web.get("/rules/nosuch").text


@pytest.mark.parametrize(("language", "day"), [("en", "{} Mar 09:05<"), ("de", "{}. März 09:05<")])
def test_a_day_is_written_as_in_the_language(language: str, day: str) -> None:
    today = datetime.now(UTC)
    other = 3 if (today.month, today.day) != (3, 3) else 4  # of today the hour is enough
    moment = today.replace(month=3, day=other, hour=9, minute=5)
    assert day.format(other) in at(cast(Context, {"viewer": Viewer(NOBODY, language)}), moment)
