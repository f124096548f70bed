"""`tail` follows what comes in: by the daemon or the database, until whoever reads has seen enough."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer

import pytest

from service.model import Exit
from tests.desk import Visitor, busy_desk
from tests.newsroom import MARKET, PRICES, TRIP, Entry, Room, rss
from tests.servers import unused_port
from tests.shell import DEADLINE, Shell

STEPS = Entry(
    "steps-1",
    "Außenminister äußert sich zu Reiseplänen",
    "SEOUL (dpa) - Südkoreas Außenminister hat Kim Jong Un zu einer Reise nach Seoul eingeladen.",
)
SECRET = {
    "uri": "urn:example:1",
    "type": "text",
    "headline": "Geheim: Zins fällt",
    "body_text": "Die Zentralbank senkt den Leitzins auf zwei Prozent, wie morgen bekannt wird.",
    "embargoed": (datetime.now(UTC) + timedelta(days=2)).isoformat(),
}


@pytest.fixture
def monitor(tmp_path: Path) -> Shell:
    """A monitor with a rule, whose desk no daemon serves yet."""
    shell = Shell(tmp_path)
    shell.configure()
    with shell.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[web]\nlisten = "127.0.0.1:{unused_port()}"\n')
    shell("add-rule", '"Kim Jong Un" + Reise', "--name", "kim")
    return shell


def bring(monitor: Shell, *entries: Entry) -> None:
    """Let these come in, one after the other."""
    for entry in entries:
        file = monitor.folder / f"{entry.key}.xml"
        file.write_bytes(rss(entry))
        answer = monitor("ingest", str(file))
        assert Exit.DONE == answer.code, answer.err


@contextmanager
def following(monitor: Shell, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`monitor tail`, which is ended where a line that must come does not."""
    with monitor.running("tail", *arguments) as process:
        watch = Timer(DEADLINE, process.kill)
        watch.start()
        try:
            yield process
        finally:
            watch.cancel()


def lines(process: subprocess.Popen[str], count: int = 1) -> list[str]:
    """The next lines that it prints, without the minute in which each item came in."""
    assert process.stdout
    told = [process.stdout.readline().rstrip("\n") for _ in range(count)]
    for line in told:
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  ", line), line
    return [line[18:] for line in told]


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """How it ended, and what it said beside its answer."""
    process.wait(DEADLINE)
    assert process.stderr
    return process.returncode, process.stderr.read().strip()


TRIP_LINE = "ingest        >Kim Jong Un< bricht im Sonderzug nach Peking auf  [kim]"
PRICES_LINE = "ingest        Kim Jong Un lässt die Preise senken"
MARKET_LINE = "ingest        Aktien Frankfurt: Dax im Minus"


@pytest.mark.slow
def test_the_last_items_stand_first_and_others_follow_as_they_come(monitor: Shell) -> None:
    bring(monitor, TRIP, PRICES)
    with following(monitor) as tail:
        assert [TRIP_LINE, PRICES_LINE] == lines(tail, 2)
        bring(monitor, MARKET, STEPS)
        assert [MARKET_LINE, "ingest        Außenminister äußert sich zu >Reiseplänen<  [kim]"] == lines(
            tail, 2
        )
        tail.send_signal(signal.SIGINT)
        assert (130, "") == ended(tail)


@pytest.mark.slow
def test_it_goes_on_where_the_daemon_ends_and_where_one_begins(monitor: Shell) -> None:
    bring(monitor, TRIP)
    with following(monitor, "--source", "ingest") as tail:
        assert [TRIP_LINE] == lines(tail)
        with monitor.running("run", out=subprocess.DEVNULL) as daemon:
            assert daemon.stderr
            assert any(" web.listening " in line for line in daemon.stderr)
            bring(monitor, PRICES)
            assert [PRICES_LINE] == lines(tail)
        bring(monitor, MARKET)
        assert [MARKET_LINE] == lines(tail)


@pytest.mark.slow
def test_what_a_query_or_a_rule_hits_is_shown_alone(monitor: Shell) -> None:
    bring(monitor, TRIP, PRICES, MARKET)
    with following(monitor, "Preis", "-Dax") as query, following(monitor, "--alerts") as alerts:
        assert ["ingest        Kim Jong Un lässt die >Preise< senken"] == lines(query)
        assert [TRIP_LINE] == lines(alerts)
        later = Entry("later-1", "Ölpreise geben nach", "LONDON (dpa) - Öl ist am Montag billiger geworden.")
        bring(monitor, STEPS, later)
        assert ["ingest        >Ölpreise< geben nach"] == lines(query)
        assert ["ingest        Außenminister äußert sich zu >Reiseplänen<  [kim]"] == lines(alerts)
        # A rule that is told of what was there before brings it in again.
        monitor("add-rule", "Dax", "--name", "dax", "--also-last", "2h")
        assert [f"{MARKET_LINE.replace('Dax', '>Dax<')}  [dax]"] == lines(alerts)


@pytest.mark.slow
def test_it_ends_when_nobody_reads_any_more_though_nothing_comes_in(monitor: Shell) -> None:
    bring(monitor, TRIP, PRICES)
    with following(monitor) as tail:
        assert tail.stdout
        assert 2 == len(lines(tail, 2))
        tail.stdout.close()
        assert (Exit.DONE, "") == ended(tail)


@pytest.mark.slow
def test_it_ends_without_a_word_where_its_pipe_breaks(monitor: Shell) -> None:
    bring(monitor, TRIP, PRICES, MARKET)
    with following(monitor, "--json", "--since", "1h") as tail:
        assert tail.stdout
        first = json.loads(tail.stdout.readline())
        assert (TRIP.headline, ["kim"]) == (first["headline"], [hit["rule"] for hit in first["hits"]])
        tail.stdout.close()
        bring(monitor, STEPS)
        assert (Exit.DONE, "") == ended(tail)


@pytest.mark.slow
def test_programs_get_a_json_object_a_line(monitor: Shell) -> None:
    bring(monitor, TRIP, PRICES)
    with following(monitor, "--json", "--rule", "kim") as tail:
        assert tail.stdout
        seen = json.loads(tail.stdout.readline())
        bring(monitor, MARKET, STEPS)
        assert [STEPS.headline] == [json.loads(tail.stdout.readline())["headline"]]
    [hit] = seen["hits"]
    assert ("kim", "open", "a new story") == (hit["rule"], hit["action"], hit["reason"])
    assert {"Kim Jong Un", "Auslandsreise"} == {place["text"] for place in hit["evidence"]}
    [listed] = [one for one in monitor("list-items", "--json").json if one["id"] == seen["id"]]
    assert listed == {name: value for name, value in seen.items() if name not in {"hits", "evidence"}}


@pytest.mark.slow
def test_what_may_not_be_read_yet_stays_veiled(monitor: Shell) -> None:
    monitor("add-rule", "Leitzins", "--name", "zins")
    (monitor.folder / "secret.json").write_text(json.dumps(SECRET), encoding="utf-8")
    with (
        following(monitor) as tail,
        following(monitor, "--embargoed") as trusted,
        following(monitor, "Zins") as query,
    ):
        monitor("ingest", str(monitor.folder / "secret.json"))
        bring(monitor, Entry("rates-1", "Zins steigt", "FRANKFURT (dpa) - Die Bank hebt den Zins."))
        [veiled, _] = lines(tail, 2)
        [open_, _] = lines(trusted, 2)
        assert ["ingest        >Zins< steigt"] == lines(query)
    until = r"20\d\d-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(rf"ingest        Embargoed until {until} \w+  \[zins\]", veiled)
    assert re.fullmatch(rf"ingest        embargoed until {until}: Geheim: Zins fällt  \[zins\]", open_)


@pytest.mark.slow
def test_a_database_that_is_away_is_waited_for(monitor: Shell) -> None:
    bring(monitor, TRIP)
    database, aside = monitor.folder / "monitor.db", monitor.folder / "aside.db"
    with following(monitor) as tail:
        assert [TRIP_LINE] == lines(tail)
        for name in ("monitor.db-wal", "monitor.db-shm"):
            (monitor.folder / name).unlink(missing_ok=True)
        database.rename(aside)
        database.mkdir()
        assert tail.stderr
        said = tail.stderr.readline()
        assert "monitor.db: cannot be opened" in said
        assert said.endswith("; looking again\n")
        database.rmdir()
        aside.rename(database)
        bring(monitor, PRICES)
        assert [PRICES_LINE] == lines(tail)


def test_a_wrong_name_or_query_is_refused_at_once(monitor: Shell) -> None:
    assert Exit.NOT_FOUND == monitor("tail", "--rule", "nosuch").code
    assert Exit.NOT_FOUND == monitor("tail", "--source", "nosuch", "--since", "1h").code
    assert Exit.USAGE == monitor("tail", "(Zins").code
    assert Exit.USAGE == monitor("tail", "Zins", "--nosuch").code


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, Visitor]]:
    with busy_desk(tmp_path_factory.mktemp("tail")) as found:
        yield found


def test_programs_follow_over_the_api_by_a_mark(here: tuple[Room, Visitor]) -> None:
    room, api = here
    seen = api.get("/api/v1/tail").json()
    assert [TRIP.headline, PRICES.headline, MARKET.headline] == [one["headline"] for one in seen["items"]]
    assert seen == api.get("/api/v1/tail", since="1h").json()
    nothing = api.get("/api/v1/tail", after=seen["after"]).json()
    assert {"items": [], "after": seen["after"], "more": False} == nothing
    many = [
        Entry(f"many-{n}", f"Fall {n} von vielen", f"KÖLN (dpa) - Es ist Nummer {n}.") for n in range(120)
    ]
    room.wire("wire", *many)
    room.poll()
    first = api.get("/api/v1/tail", after=seen["after"]).json()
    second = api.get("/api/v1/tail", after=first["after"]).json()
    assert (True, False) == (first["more"], second["more"])
    came = [one["headline"] for one in (*first["items"], *second["items"])]
    assert (sorted(one.headline for one in many), 120) == (sorted(came), len(came))
    last = api.get("/api/v1/tail", query="Sonderzug", alerts_only=True).json()
    assert [TRIP.headline] == [one["headline"] for one in last["items"]]
    assert 422 == api.get("/api/v1/tail", after="yesterday").status_code
    assert 404 == api.get("/api/v1/tail", rule="nosuch").status_code
