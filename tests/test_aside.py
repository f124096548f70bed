"""Agency files that cannot be read lie in `bad/` with the reason; the others go on, the desk is told once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.actions.oversight import tend
from tests.newsroom import TRIP, Room, newsroom, rss
from tests.test_policies import Shifted, desk

pytestmark = pytest.mark.slow

BINARY = re.compile(r"\d\.bin")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    drops = tmp_path / "drops"
    drops.mkdir()
    http = {"allowed_networks": ["127.0.0.1"], "max_bytes": "1MB"}
    with newsroom(tmp_path, http=http, alerts={"operators": ["desk"]}) as made:
        made.add_rule('"Kim Jong Un" + Reise')
        made.add_source("dpa", f"folder://{drops}")
        yield made


def drop(room: Room, name: str, body: bytes) -> None:
    path = room.folder / "drops" / name
    path.write_bytes(body)
    os.utime(path, (time.time() - 60,) * 2)


def told(room: Room) -> list[str]:
    return [post.body.decode() for post in room.hooks.posts if post.json["kind"] == "operator"]


def subjects(room: Room) -> list[str]:
    return [post.json["subject"] for post in room.hooks.posts if post.json["kind"] == "operator"]


def test_a_file_that_cannot_be_read_lies_aside_and_is_told_once(room: Room) -> None:
    drop(room, "0001.bin", os.urandom(2000))
    drop(room, "0002.xml", rss(TRIP))
    drop(room, "0003.xml", b" " * 2_000_000)
    tally = room.poll()
    assert tally.failures == {}
    drops = room.folder / "drops"
    bad = {path.name for path in (drops / "bad").iterdir()}
    assert bad == {"0001.bin", "0001.bin.reason", "0003.xml", "0003.xml.reason"}
    assert (drops / "bad" / "0001.bin.reason").read_text() == "binary data, not a feed\n"
    assert (drops / "bad" / "0003.xml.reason").read_text() == "larger than 1 MB (http.max_bytes)\n"
    assert [path.name for path in (drops / "done").iterdir()] == ["0002.xml"]
    (subject,) = subjects(room)
    assert "dpa: 2 documents cannot be read" in subject
    text = room.hooks.posts[-1].body.decode() + room.hooks.posts[0].body.decode()
    assert "0001.bin: binary data, not a feed" in text
    assert f"folder://{drops}/bad" in text
    room.poll()
    assert len(subjects(room)) == 1


def test_a_wire_that_brings_only_such_files_does_not_ring_all_the_time(room: Room) -> None:
    for number in range(3):
        drop(room, f"{number}.bin", os.urandom(2000))
        assert room.poll().failures == {}
    assert len(subjects(room)) == 1
    assert len(list((room.folder / "drops" / "bad").iterdir())) == 6
    assert room.source("dpa").last_error == ""


def test_what_followed_within_the_hour_is_told_together_after_it(tmp_path: Path) -> None:
    clock = Shifted()
    drops = tmp_path / "drops"
    drops.mkdir()
    with desk(tmp_path, clock, alerts={"operators": ["desk"]}) as room:
        room.add_source("dpa", f"folder://{drops}")
        for number in range(3):
            drop(room, f"{number}.bin", os.urandom(2000))
            room.poll("dpa")
        tend(room.app)
        assert ["0.bin"] == [name for post in told(room) for name in BINARY.findall(post)]
        clock.advance(hours=1)
        tend(room.app)
        tend(room.app)
        first, second = told(room)
        assert "dpa: 1 document cannot be read" in first
        assert "dpa: 2 documents cannot be read" in second
        assert ["1.bin", "2.bin"] == BINARY.findall(second)
