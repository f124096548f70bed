"""OPML in and out: a thousand feeds, folders as tags, bad entries named and the rest kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from service.actions import opml, sources
from service.errors import UsageError
from service.model import Exit, Source
from tests.newsroom import Room, newsroom
from tests.shell import Shell

SUBSCRIPTIONS = """<?xml version="1.0" encoding="utf-8"?>
<opml version="2.0"><head><title>Abos</title></head><body>
 <outline text="Politik &amp; Welt">
  <outline text="Nordbote" type="rss" xmlUrl="https://nordbote.example/rss" htmlUrl="https://nordbote.example"/>
  <outline text="Asien"><outline title="Nordbote" text="x" type="rss" XMLURL="feed:https://nordbote.example/asien"
   category="/Reise/Korea,dpa" language="de-AT"/></outline>
 </outline>
 <outline text="Küstenblatt: Wirtschaft" xmlUrl="feed://kuestenblatt.example/w.xml"/>
 <outline text="Nordbote, noch einmal" xmlUrl="https://NORDBOTE.example:443/rss#neu"/>
 <outline text="Falle" xmlUrl="javascript:alert(1)"/>
 <outline text="Geheim" xmlUrl="https://anna:geheim@nordbote.example/x"/>
 <outline text="Mehr" type="include" url="https://nordbote.example/more.opml"/>
 <outline text="Nur ein Ordner"/>
</body></opml>"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        yield made


def test_folders_become_tags_and_names_are_unique(room: Room) -> None:
    done = opml.import_feeds(room.app, SUBSCRIPTIONS.encode(), tags=["abos"])
    assert ["Nordbote", "Nordbote-2", "küstenblatt-wirtschaft"] == done.added
    first, second, third = (room.source(name) for name in done.added)
    assert ("https://nordbote.example/rss", ("Politik & Welt", "abos")) == (first.url, first.tags)
    assert "https://nordbote.example/asien" == second.url
    assert ("Politik & Welt", "Asien", "Reise", "Korea", "dpa", "abos") == second.tags
    assert ("de", "http://kuestenblatt.example/w.xml") == (second.language, third.url)
    assert all(source.next_poll_at for source in (first, second, third))


def test_what_stands_there_twice_is_known_and_bad_entries_are_named(room: Room) -> None:
    done = opml.import_feeds(room.app, SUBSCRIPTIONS.encode())
    assert ["https://nordbote.example/rss"] == done.known
    trap, secret, inclusion = done.problems
    assert trap.startswith("Falle: ")
    assert "carries no user" in secret
    assert "geheim" not in secret.lower().replace("geheim: ", "", 1)
    assert "Mehr" in inclusion
    again = opml.import_feeds(room.app, SUBSCRIPTIONS.encode())
    assert ([], 4, 3) == (again.added, len(again.known), len(again.problems))


def test_an_export_comes_back_with_every_setting(room: Room, tmp_path: Path) -> None:
    for source in (
        Source(
            name="Küsten Blatt",
            url="https://kuestenblatt.example/w.xml",
            tags=("Küste", "Politik/Inland", "Kunst, Kultur", "dpa"),
            every=timedelta(seconds=90),
            timezone="Asia/Seoul",
            language="de",
            auth_env="BLATT",
            format="feed",
        ),
        Source(name="drop", url="folder:///srv/wire", cron="*/5 6-22 * * mon-fri"),
        Source(name="nordbote", url="https://nordbote.example/rss", tags=("Küste",)),
    ):
        with room.app.store.begin() as tx:
            tx.sources.add(source, room.app.store.now())
    text, count = opml.export(room.app)
    assert 3 == count
    assert 2 == len(
        etree.fromstring(text.encode()).findall("body/outline")
    )  # one folder, and what has no tag
    before = sources.listed(room.app)
    (tmp_path / "other").mkdir()
    with newsroom(tmp_path / "other") as other:
        done = opml.import_feeds(other.app, text.encode())
        assert [] == done.problems
        after = sources.listed(other.app)
    kept = ("name", "url", "tags", "every", "cron", "timezone", "language", "auth_env", "format")
    assert [[getattr(one, key) for key in kept] for one in before] == [
        [getattr(one, key) for key in kept] for one in after
    ]


@pytest.mark.slow
def test_a_thousand_feeds_come_in_with_progress(room: Room) -> None:
    outlines = "".join(
        f"<outline text='Wire' xmlUrl='https://host{number}.example/rss'/>" for number in range(1000)
    )
    steps: list[int] = []
    body = f"<opml version='1.0'><body>{outlines}</body></opml>".encode()
    done = opml.import_feeds(room.app, body, progress=steps.append)
    assert (1000, 1000, 1000) == (len(done.added), len(set(done.added)), sum(steps))
    assert len(steps) > 5


def test_of_a_file_that_was_cut_off_the_whole_entries_are_taken(room: Room) -> None:
    body = SUBSCRIPTIONS.encode().partition(b' <outline text="Geheim"')[0]
    done = opml.import_feeds(room.app, body)
    assert 3 == len(done.added)
    assert "not well-formed" in done.problems[-1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<opml><body/></opml>",
        b"\x00\xff binary",
        b'{"feeds": []}',
        (
            b"<!DOCTYPE opml [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>"
            b"<opml><body><outline text='&b;' xmlUrl='https://a.example/'/></body></opml>"
        ),
        b"<opml><body>" + b"<outline text='x'>" * 5000 + b"</body></opml>",
    ],
    ids=["empty", "without entries", "binary", "json", "entities", "deep"],
)
def test_what_is_no_opml_is_refused_with_a_reason(room: Room, body: bytes) -> None:
    with pytest.raises(UsageError, match=r"not an OPML file: ."):
        opml.import_feeds(room.app, body)
    assert [] == sources.listed(room.app)


def test_an_entity_of_the_machine_is_not_read(room: Room, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("geheim", encoding="utf-8")
    body = (
        f"<!DOCTYPE opml [<!ENTITY x SYSTEM 'file://{tmp_path}/secret'>]><opml><body>"
        "<outline text='a' xmlUrl='https://a.example/'>&x;</outline></body></opml>"
    )
    opml.import_feeds(room.app, body.encode())
    assert all("geheim" not in repr(source) for source in sources.listed(room.app))


def test_at_the_shell_a_list_goes_out_and_comes_in(tmp_path: Path) -> None:
    monitor = Shell(tmp_path)
    monitor.configure()
    file = tmp_path / "abos.opml"
    file.write_text(SUBSCRIPTIONS, encoding="utf-8")
    answer = monitor("import-opml", str(file), "--tag", "abos")
    assert Exit.DONE == answer.code
    assert "3 sources added, 1 was there already" in answer.out
    assert "left out: Falle: " in answer.out
    out = monitor("export-opml", "--tag", "Asien")
    assert 1 == len(etree.fromstring(out.out.encode()).findall(".//outline[@xmlUrl]"))
    assert 3 == monitor("export-opml", "--json").json["sources"]
    missing = monitor("import-opml", str(tmp_path / "none.opml"))
    assert Exit.NOT_FOUND == missing.code
    assert "no file named" in missing.err
