"""A day at the shell: a source, a rule, a poll, an alert, and every way to look at them."""

from __future__ import annotations

import json
import re
import shlex
import stat
from pathlib import Path

import pytest

from service.model import Exit
from tests.inbox import HookServer
from tests.newsroom import MARKET, PRICES, TRIP, changed, rss
from tests.servers import FeedServer
from tests.shell import Shell

KIM = ("Kim Jong Un", "+", "Reise")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_init_writes_a_private_file_and_a_database_and_says_what_comes_next(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    answer = monitor("init")
    assert Exit.DONE == answer.code
    assert 0o600 == stat.S_IMODE(monitor.config.stat().st_mode)
    assert (tmp_path / "monitor.db").is_file()
    for command in ("add-source", "add-rule", "run"):
        assert re.search(rf"^  monitor .*{command}", answer.out, re.MULTILINE)
    assert Exit.DONE == monitor("list-rules").code


def test_init_keeps_a_file_that_is_there_and_force_keeps_it_aside(monitor: Shell) -> None:
    before = monitor.config.read_text(encoding="utf-8")
    kept = monitor("init", "--json")
    assert (False, before) == (kept.json["written"], monitor.config.read_text(encoding="utf-8"))
    forced = monitor("init", "--force", "--json")
    assert forced.json["written"]
    assert before == monitor.config.with_name("config.toml.old").read_text(encoding="utf-8")
    assert before != monitor.config.read_text(encoding="utf-8")


def test_init_says_where_it_cannot_write(tmp_path: Path) -> None:
    answer = Shell(tmp_path / "nowhere")("init")
    assert Exit.CONFIG == answer.code
    assert "cannot be written: No such file or directory" in answer.err


@pytest.mark.slow
def test_from_an_empty_folder_to_an_alert(tmp_path: Path, feeds: FeedServer) -> None:
    monitor = Shell(tmp_path)
    monitor("init")
    example = monitor.config.read_text(encoding="utf-8")
    monitor.config.write_text(example.replace("allowed_networks = []", 'allowed_networks = ["127.0.0.1"]'))
    added = monitor("add-source", feeds.serve("/wire", rss(TRIP, PRICES, MARKET)), "--name", "wire")
    assert (Exit.DONE, "") == (added.code, added.err)
    assert "3 items" in added.out
    assert TRIP.headline in added.out
    ruled = monitor("add-rule", *KIM)
    assert '"Kim Jong Un" + Reise' in ruled.out
    assert "nothing is stored yet" in ruled.out
    polled = monitor("poll")
    assert "1 source, 3 new items, 1 alert, 1 message sent" == polled.out.splitlines()[-1]
    assert f"[kim-jong-un-reise] {TRIP.headline}" in polled.out
    [alert] = monitor("list-alerts", "--json").json
    assert ("kim-jong-un-reise", TRIP.headline, "open") == (alert["rule"], alert["headline"], alert["state"])
    again = monitor("poll", "--json")
    assert (0, 0, 0) == (again.json["new_items"], again.json["alerts"], again.json["sent"])


@pytest.mark.slow
def test_every_view_of_a_told_story(monitor: Shell, feeds: FeedServer) -> None:
    monitor("add-source", feeds.serve("/wire", rss(TRIP, PRICES)), "--name", "wire", "--every", "90s")
    monitor("add-rule", *KIM, "--name", "kim")
    polled = monitor("poll", "--all", "--json")
    assert (1, 2, 1, 1, {}) == tuple(
        polled.json[key] for key in ("sources", "new_items", "alerts", "sent", "failed")
    )
    assert ">Auslandsreise<" in polled.err, "the console's message stands beside the document"

    newest, oldest = monitor("list-items", "--json").json
    items = {newest["headline"]: newest, oldest["headline"]: oldest}
    item = items[TRIP.headline]
    assert ("wire", "de", TRIP.text) == (item["source"], item["language"], item["body"])
    assert STAMP.fullmatch(item["received_at"])
    assert [newest] == monitor("list-items", "--limit", "1", "--json").json
    assert [oldest] == monitor("list-items", "--before", str(newest["id"]), "--json").json
    assert 2 == len(monitor("list-items", "--since", "1h", "--source", "wire", "--json").json)

    story = monitor("show-story", str(item["story"]), "--json").json
    assert (TRIP.headline, 1, 1) == (story["headline"], len(story["versions"]), len(story["alerts"]))
    assert ["wire"] == [sighting["source"] for sighting in story["carried_by"]]
    assert "Auslandsreise" in monitor("show-story", str(item["story"])).out

    [alert] = monitor("list-alerts", "--rule", "kim", "--json").json
    shown = monitor("show-alert", str(alert["id"]), "--json").json
    assert {"Auslandsreise", "Kim Jong Un"} == {
        place["text"] for hit in shown["hits"] for place in hit["evidence"]
    }
    people = monitor("show-alert", str(alert["id"])).out
    assert '"Auslandsreise" for Reise (body, compound)' in people
    assert ">Auslandsreise<" in people

    [delivery] = monitor("list-deliveries", "--json").json
    assert ("console", "alert", "sent", 1) == tuple(
        delivery[key] for key in ("channel", "kind", "state", "attempts")
    )
    assert [] == monitor("list-deliveries", "--failed", "--json").json
    assert "pending" == monitor("resend", str(delivery["id"]), "--json").json[0]["state"]
    assert 1 == monitor("poll", "--json").json["sent"]

    status = monitor("status", "--json").json
    assert (2, 1, 1) == (status["items"], status["alerts_24h"], status["deliveries"]["sent"])
    assert re.search(r"items +2 stored", monitor("status").out)
    rule = monitor("show-rule", "kim", "--json").json
    assert [TRIP.headline] == [hit["headline"] for hit in rule["hits"]]


@pytest.mark.slow
def test_a_rule_shows_what_it_would_have_hit_and_tells_only_when_asked(
    monitor: Shell, feeds: FeedServer
) -> None:
    monitor("add-source", feeds.serve("/wire", rss(TRIP, PRICES, MARKET)))
    monitor("poll")
    shown = monitor("add-rule", *KIM)
    assert "1 of 3 stored items" in shown.out
    assert ">Auslandsreise<" in shown.out
    assert 0 == monitor("poll", "--json").json["sent"]
    told = monitor("add-rule", "Preise", "--also-last", "2h", "--json").json
    assert (3, 2) == (told["backtest"]["items"], told["backtest"]["hits"])
    assert {PRICES.headline, MARKET.headline} == {each["headline"] for each in told["backtest"]["newest"]}
    assert 2 == monitor("poll", "--json").json["sent"]


@pytest.mark.slow
def test_a_rule_is_warned_of_terms_that_tell_little(monitor: Shell, tmp_path: Path) -> None:
    """From a hundred items on the archive is asked; a word in capitals is doubtful at any time."""
    assert ["WHO also hits the common word who"] == [
        warning.partition(";")[0] for warning in monitor("add-rule", "WHO", "--json").json["warnings"]
    ]
    items = [{"id": str(number), "title": f"Der Dax steigt auf {number} Punkte"} for number in range(120)]
    (tmp_path / "wire.json").write_text(
        json.dumps({"version": "https://jsonfeed.org/version/1.1", "language": "de", "items": items}),
        encoding="utf-8",
    )
    monitor("ingest", str(tmp_path / "wire.json"))
    answer = monitor("add-rule", "Dax", "+", "Pjöngjang")
    assert "Dax hits 100% of the archive" in answer.out
    assert "Pjöngjang never occurred in the archive" in answer.out


def test_query_arguments_of_any_kind_and_options_anywhere(monitor: Shell) -> None:
    monitor.configure("desk", "night")
    anna = "night:anna@a.example"
    for arguments, query, channels in (
        (["Kim Jong Un", "+", "Reise", "--to", "desk"], '"Kim Jong Un" + Reise', ["desk"]),
        (["--to", "desk", '"Kim Jong Un" + "Reise"'], '"Kim Jong Un" + Reise', ["desk"]),
        (["Zins", "--to", "desk", "-EZB", f"--to={anna}"], "Zins + -EZB", ["desk", anna]),
        (["--to", "desk", "--", "Zins", "-to"], "Zins + -to", ["desk"]),
        (["K+S", "|", "AT&T", "--to", "night"], "K+S | AT&T", ["night"]),
    ):
        rule = monitor("--json", "add-rule", *arguments).json
        understood = monitor("test-rule", query, "--json").json["query"]
        assert (understood, channels) == (rule["query"], rule["channels"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (['"Kim', "--to", "desk"], "  ^\n"),
        (["--to", "desk", "--", "-Kim"], "absent"),
        (["Zins", "--to", "nobody"], "no channel named 'nobody' (there is: desk, night)"),
        (["Zins", "--to", "desk:"], "nobody is named after the colon of 'desk:' (write desk alone"),
        (["Zins"], "say whom to tell"),
        (["Zins", "--to", "desk", "--lang", "xx"], "no language 'xx'"),
        (["Zins", "--to", "desk", "--digest", "sometimes"], "not a digest"),
        (["Zins", "--to", "desk", "--name", "a\nb"], "printable"),
        (["Zins", "--to", "desk", "--name", "new"], "a page of the desk"),
        (["@nosuch", "--to", "desk"], "no list"),
    ],
)
def test_a_refused_rule_writes_nothing(monitor: Shell, arguments: list[str], words: str) -> None:
    monitor.configure("desk", "night")
    answer = monitor("add-rule", *arguments)
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    assert words in answer.err
    assert [] == monitor("list-rules", "--json").json


def test_a_rule_that_asks_the_same_as_another_says_so(monitor: Shell) -> None:
    assert "asks the same" not in monitor("add-rule", "Zins", "-EZB", "--name", "zins").out
    assert "the rule zins asks the same" in monitor("add-rule", "Zins  NOT EZB").out
    monitor("disable-rule", "zins")
    monitor("remove-rule", "zins-ezb")
    assert "asks the same" not in monitor("add-rule", "Zins -EZB").out


def test_no_rule_takes_the_name_of_a_page(monitor: Shell) -> None:
    assert "new-2" == monitor("add-rule", "New", "--json").json["name"]


def test_a_rule_is_edited_rested_and_removed_and_its_history_stays(monitor: Shell) -> None:
    monitor("add-rule", "Zins", "-EZB", "--name", "zins")
    taken = monitor("add-rule", "Öl", "--name", "zins")
    assert Exit.USAGE == taken.code
    edited = monitor(
        "edit-rule",
        "zins",
        "Leitzins",
        "--priority",
        "flash",
        "--on",
        "updates",
        "--digest",
        "hourly",
        "--json",
    ).json
    assert ("Leitzins", 2, "flash", True, "hourly") == tuple(
        edited[key] for key in ("query", "version", "priority", "on_updates", "digest")
    )
    assert monitor("edit-rule", "zins", "--digest", "none", "--on", "new", "--json").json["digest"] is None
    shown = monitor("show-rule", "zins", "--json").json
    assert [2, 1] == [old["version"] for old in shown["versions"]]
    assert not monitor("disable-rule", "zins", "--json").json["enabled"]
    assert monitor("enable-rule", "zins", "--json").json["enabled"]
    removed = monitor("remove-rule", "zins")
    assert "monitor add-rule Leitzins --name zins --to console" in removed.out
    assert [] == monitor("list-rules", "--json").json
    missing = monitor("show-rule", "zins")
    assert Exit.NOT_FOUND == missing.code


def test_what_was_changed_or_removed_of_a_rule_is_brought_back_by_the_line_below(monitor: Shell) -> None:
    def back(said: str) -> None:
        [line] = [line for line in said.splitlines() if line.startswith("undo: monitor ")]
        assert Exit.DONE == monitor(*shlex.split(line.removeprefix("undo: monitor "))).code

    def stored() -> dict[str, object]:
        shown = monitor("show-rule", "zins", "--json").json
        names = ("query", "channels", "priority", "language", "digest", "on_updates", "tags", "escalate")
        return {name: shown[name] for name in names}

    monitor.configure("desk", "night")
    policy = ["--to", "desk", "--escalate", "10m=night", "--tag", "geld", "--on", "updates", "--lang", "de"]
    monitor("add-rule", "Zins -EZB", "--name", "zins", "--priority", "flash", "--digest", "daily", *policy)
    before, shown = stored(), monitor("show-rule", "zins").out
    assert ["10m=night", "geld"] == [
        line.split()[1] for line in shown.splitlines() if line[2:6] in {"else", "tags"}
    ]
    for change in (
        ["Leitzins", "--to", "night", "--priority", "low"],
        ["--escalate", "none", "--tag", "none", "--digest", "none", "--lang", "none", "--on", "new"],
    ):
        answer = monitor("edit-rule", "zins", *change)
        assert before != stored()
        back(answer.out)
        assert before == stored()
    back(monitor("remove-rule", "zins").out)
    assert before == stored()


def test_a_list_is_used_by_name_and_kept_while_it_is(monitor: Shell) -> None:
    assert Exit.DONE == monitor("add-list", "kim", "Kim Jong Un", "김정은").code
    assert [{"name": "kim", "terms": ["Kim Jong Un", "김정은"]}] == monitor("list-lists", "--json").json
    assert Exit.DONE == monitor("add-rule", "@kim", "+", "Reise").code
    assert Exit.USAGE == monitor("remove-list", "kim").code
    assert Exit.DONE == monitor("add-list", "ki", "Kim").code
    assert Exit.DONE == monitor("add-list", "korea", "@ki", "Pjöngjang").code
    assert "used by the list @korea" in monitor("remove-list", "ki").err
    assert Exit.DONE == monitor("remove-list", "korea").code
    assert Exit.DONE == monitor("remove-list", "ki").code
    unnamed = monitor("add-list", "a b", "Kim")
    assert (Exit.USAGE, True) == (unnamed.code, "not a list's name: 'a b'" in unnamed.err)
    replaced = monitor("add-list", "kim", "Kim")
    assert "undo: monitor add-list kim 'Kim Jong Un' '김정은'\n" in replaced.out
    monitor("remove-rule", monitor("list-rules", "--json").json[0]["name"])
    assert Exit.DONE == monitor("remove-list", "@kim").code
    assert Exit.NOT_FOUND == monitor("remove-list", "kim").code


@pytest.mark.slow
def test_a_source_is_stored_even_where_its_first_look_fails(monitor: Shell, feeds: FeedServer) -> None:
    added = monitor("add-source", feeds.serve("/wire", status=503), "--name", "wire", "--every", "90s")
    assert Exit.DONE == added.code
    assert "cannot be read yet" in added.out
    [source] = monitor("list-sources", "--json").json
    assert ("wire", "90s") == (source["name"], source["every"])
    polled = monitor("poll", "wire")
    assert Exit.DONE == polled.code
    assert "wire: " in polled.err
    assert re.search(r"^wire +falters ", monitor("list-sources").out, re.MULTILINE)
    assert Exit.FAILED == monitor("check-source", "wire").code


@pytest.mark.slow
def test_a_source_is_edited_paused_resumed_and_removed(monitor: Shell, feeds: FeedServer) -> None:
    url = feeds.serve("/wire", rss(MARKET))
    monitor("add-source", url, "--name", "wire", "--tag", "markets")
    assert Exit.USAGE == monitor("add-source", url, "--name", "other").code
    edited = monitor("edit-source", "wire", "--cron", "*/5 6-22 * * *", "--name", "börse", "--json").json
    assert ("börse", "*/5 6-22 * * *", ["markets"]) == (edited["name"], edited["cron"], edited["tags"])
    spaced = monitor("edit-source", "börse", "--every", "5m", "--json").json
    assert ("5m", None) == (spaced["every"], spaced["cron"])
    assert monitor("edit-source", "börse", "--adaptive", "--json").json["every"] is None
    assert "paused" == monitor("pause-source", "börse", "--json").json["state"]
    assert ["börse"] == [one["name"] for one in monitor("list-sources", "--state", "paused", "--json").json]
    assert "ok" == monitor("resume-source", "börse", "--json").json["state"]
    assert [] == monitor("list-sources", "--tag", "sport", "--json").json
    assert "no such sources\n" == monitor("list-sources", "--tag", "sport").err
    monitor("edit-source", "börse", "--every", "90s", "--timezone", "Asia/Tokyo", "--auth-env", "BÖRSE_KEY")
    before = monitor("list-sources", "--json").json
    [_, line] = monitor("remove-source", "börse").out.splitlines()
    assert Exit.NOT_FOUND == monitor("pause-source", "börse").code
    assert line.startswith(f"undo: monitor add-source {url} --name")
    assert line.endswith("--every 90s --timezone Asia/Tokyo --auth-env 'BÖRSE_KEY' --tag markets")
    assert Exit.DONE == monitor(*shlex.split(line.removeprefix("undo: monitor "))).code
    kept = ("name", "every", "timezone", "language", "tags")
    assert [{name: one[name] for name in kept} for one in before] == [
        {name: one[name] for name in kept} for one in monitor("list-sources", "--json").json
    ]


def test_no_folder_is_taken_that_holds_files_of_the_monitor(monitor: Shell) -> None:
    """Its own database would be read as a wire, and moved."""
    monitor("list-sources")  # the database is there
    answer = monitor("add-source", str(monitor.folder))
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    assert "holds the monitor's own files" in answer.err
    (monitor.folder / "drop").mkdir()
    added = monitor("add-source", str(monitor.folder / "drop"), "--name", "drop")
    assert "moved to done/, or to bad/" in added.out
    assert Exit.USAGE == monitor("edit-source", "drop", "--url", str(monitor.folder)).code
    assert Exit.DONE == monitor("check-source", str(monitor.folder / "drop")).code
    assert (monitor.folder / "monitor.db").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["file:///etc/passwd"], "file"),
        (["wire.example/feed"], "https://"),
        (["https://a.example/", "--every", "5m", "--cron", "* * * * *"], "either --every or --cron"),
        (["https://a.example/", "--timezone", "Mars/Olympus"], "Europe/Berlin"),
        (["https://a.example/", "--cron", "whenever"], "cron"),
        (["https://a.example/", "--name", "a/b"], "not a name"),
    ],
)
def test_a_refused_source_writes_nothing(monitor: Shell, arguments: list[str], words: str) -> None:
    answer = monitor("add-source", *arguments)
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    assert words in answer.err
    assert [] == monitor("list-sources", "--json").json


@pytest.mark.slow
def test_hostile_words_never_reach_the_terminal_raw(
    monitor: Shell, feeds: FeedServer, tmp_path: Path
) -> None:
    """Of a feed, of a server's reason, of a person's own names."""
    evil = "Kim \x9b31m\u202egnp.exe Reise"
    wire = tmp_path / "evil.json"
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [{"id": "1", "title": evil, "content_text": evil}],
    }
    wire.write_text(json.dumps(feed), encoding="utf-8")
    monitor("add-source", feeds.serve("/feed", status=500), "--name", "a\u202eb")
    monitor("add-rule", "Kim", "--name", "k")
    answers = [
        monitor("ingest", str(wire)),
        monitor("list-items"), monitor("list-items", "--json"), monitor("show-story", "1"),
        monitor("list-sources"), monitor("list-alerts"), monitor("list-deliveries"),
        monitor("show-rule", "no\x1b[2Jsuch"), monitor("no\x1b[2Jsuch"), monitor("add-rule", '"\x1b]0;x'),
    ]  # fmt: skip
    for answer in answers:
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", answer.out + answer.err
        )


@pytest.mark.slow
def test_files_are_read_as_items_whatever_their_age_and_a_bad_one_stops_nothing(
    monitor: Shell, tmp_path: Path
) -> None:
    (tmp_path / "trip.txt").write_text(f"{TRIP.headline}\n\n{TRIP.text}\n", encoding="utf-8")
    (tmp_path / "broken.bin").write_bytes(bytes(range(256)))
    monitor("add-rule", *KIM)
    answer = monitor(
        "ingest", str(tmp_path / "broken.bin"), str(tmp_path / "trip.txt"), "--source", "dpa", "--json"
    )
    assert (Exit.FAILED, 1, 1, ["broken.bin"]) == (
        answer.code, answer.json["alerts"], answer.json["sent"], list(answer.json["failed"])
    )  # fmt: skip
    assert ["dpa"] == [item["source"] for item in monitor("list-items", "--json").json]
    assert Exit.NOT_FOUND == monitor("ingest", str(tmp_path / "nosuch.txt")).code


@pytest.mark.slow
def test_files_that_are_read_together_have_no_rhythm(monitor: Shell, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(3)]
    for number, file in enumerate(files):
        file.write_text(f"Meldung {number}\n\nDer Text der Meldung {number}.\n", encoding="utf-8")
    assert Exit.DONE == monitor("ingest", *map(str, files)).code
    listed = monitor("list-sources")
    assert (Exit.DONE, "") == (listed.code, listed.err)


@pytest.mark.slow
def test_a_channel_is_tested_on_the_way_of_every_message(monitor: Shell) -> None:
    with HookServer() as hooks:
        monitor.configure(desk=hooks.url(), dead=f"webhook://127.0.0.1:{hooks.port}/x")
        answer = monitor("test-channel", "desk", "--json")
        assert (Exit.DONE, "sent", "test") == (answer.code, answer.json["state"], answer.json["kind"])
        assert ["test"] == [post.json["kind"] for post in hooks.posts]
        hooks.answer(400)
        refused = monitor("test-channel", "desk", "--json")
        assert (Exit.FAILED, "dead") == (refused.code, refused.json["state"])
        assert "the receiver refuses the message" == refused.json["last_error"]
        [failed] = monitor("list-deliveries", "--failed", "--json").json
        assert "1 message will be sent again" in monitor("resend", "--failed").out
        assert 1 == monitor("poll", "--json").json["sent"]
        assert failed["id"] in {
            one["id"] for one in monitor("list-deliveries", "--state", "sent", "--json").json
        }
        assert Exit.NOT_FOUND == monitor("test-channel", "nosuch").code


@pytest.mark.slow
def test_a_second_version_is_a_row_of_its_own_only_on_request(monitor: Shell, feeds: FeedServer) -> None:
    monitor("add-source", feeds.serve("/wire", rss(TRIP)))
    monitor("poll", "--all")
    feeds.serve("/wire", rss(changed(TRIP, headline="Kim Jong Un auf der Reise nach Peking", text="Neu.")))
    monitor("poll", "--all")
    assert 1 == len(monitor("list-items", "--json").json)
    assert 2 == len(monitor("list-items", "--versions", "--json").json)


def test_an_address_that_is_longer_than_any_is_refused(monitor: Shell) -> None:
    """On PostgreSQL no message to it could be stored, nor the item that it tells of."""
    long = "console:" + "x" * 501
    for command in (
        ["add-rule", "Kim", "--to", long],
        ["add-person", "anna", long],
    ):
        refused = monitor(*command)
        assert (Exit.USAGE, "") == (refused.code, refused.out)
        assert refused.err.startswith("monitor: an address has up to 500 characters: xxx")
    assert Exit.DONE == monitor("add-rule", "Kim", "--to", long[:-1]).code
