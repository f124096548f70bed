"""Folders wake the daemon: what is dropped is due within a second, whenever the next look would have been."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.actions import sources
from service.actions.drops import Drops
from service.fetch.folder import url_of
from service.model import Source
from tests.newsroom import Room, newsroom
from tests.servers import DEADLINE

pytestmark = pytest.mark.slow


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        yield made


@pytest.fixture
def drops(room: Room) -> Iterator[Drops]:
    watching = Drops(room.app)
    yield watching
    watching.close()


def folder(room: Room, name: str) -> Path:
    """A folder that is a source, and was looked at just now."""
    path = room.folder / name
    path.mkdir()
    with room.app.store.begin() as tx:
        later = room.app.store.now() + timedelta(hours=1)
        tx.sources.add(Source(name=name, url=url_of(str(path)), next_poll_at=later), room.app.store.now())
    return path


def due(room: Room, name: str) -> bool:
    at = room.source(name).next_poll_at
    return at is not None and at <= room.app.store.now()


def wakes(room: Room, place: Path) -> bool:
    """Whether a file that is dropped makes the source due; many are, until the kernel is listened to."""
    deadline = time.monotonic() + DEADLINE
    while not due(room, place.name) and time.monotonic() < deadline:
        (place / f"{time.monotonic_ns()}.txt").write_text("Kim reist")
        time.sleep(0.1)
    return due(room, place.name)


def test_a_folder_into_which_something_is_dropped_is_due_and_no_other(room: Room, drops: Drops) -> None:
    first, second = folder(room, "first"), folder(room, "second wire")
    drops.look()
    assert wakes(room, first)
    assert not due(room, "second wire")
    assert wakes(room, second)


def test_what_is_taken_away_wakes_nobody(room: Room, drops: Drops) -> None:
    place, other, third = (folder(room, name) for name in ("wire", "other", "third"))
    (place / "a.txt").write_text("Kim reist")
    drops.look()
    assert wakes(room, other)
    (place / "a.txt").unlink()
    assert wakes(room, third)
    assert not due(room, "wire")


def test_folders_that_come_later_are_watched_and_paused_ones_are_not(room: Room, drops: Drops) -> None:
    drops.look()
    place, paused = folder(room, "wire"), folder(room, "paused")
    sources.pause(room.app, "paused")
    drops.look()
    (paused / "a.txt").write_text("Kim reist")
    assert wakes(room, place)
    assert room.source("paused").next_poll_at is None


def test_a_folder_that_went_away_is_watched_again_when_it_is_back(room: Room, drops: Drops) -> None:
    place = folder(room, "wire")
    drops.look()
    place.rmdir()
    drops.look()
    place.mkdir()
    drops.look()
    assert wakes(room, place)
