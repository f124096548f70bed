"""A folder drop: complete files come once, and go where a person looks for them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.config import Http
from service.errors import UsageError
from service.fetch.transports import Fetcher, check_url
from service.model import Failure, Fetched, Source, utcnow
from service.quantities import Size

STORY = b"Hafen wird ausgebaut\n\nHamburg (dpa) - Der Hafen wird ausgebaut."


@pytest.fixture(scope="module")
def fetcher() -> Iterator[Fetcher]:
    fetcher = Fetcher(Http(max_bytes=Size(10_000)), clock=utcnow, agent_version="1")
    yield fetcher
    fetcher.close()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "wire drop").mkdir()
    return Source(name="wire", url=check_url(str(tmp_path / "wire drop")))


@pytest.fixture
def folder(tmp_path: Path, source: Source) -> Path:
    return tmp_path / "wire drop"


def drop(folder: Path, name: str, body: bytes = STORY, *, age: float = 60.0) -> Path:
    path = folder / name
    path.write_bytes(body)
    os.utime(path, (time.time() - age,) * 2)
    return path


def look(fetcher: Fetcher, source: Source) -> Fetched:
    result = fetcher.fetch(source)
    assert isinstance(result, Fetched), result
    return result


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_files_come_oldest_first_and_are_done_when_they_are_acknowledged(
    fetcher: Fetcher, source: Source, folder: Path
) -> None:
    drop(folder, "a.txt", age=10)
    drop(folder, "b.xml", b"<newsItem/>", age=20)
    fetched = look(fetcher, source)
    assert [(d.name, d.body) for d in fetched.documents] == [("b.xml", b"<newsItem/>"), ("a.txt", STORY)]
    assert names(folder) == ["a.txt", "b.xml"]
    assert fetched.acknowledge
    fetched.acknowledge()
    assert names(folder) == ["done/a.txt", "done/b.xml"]
    again = look(fetcher, source)
    assert (again.documents, again.acknowledge) == ((), None)


def test_a_file_that_was_not_acknowledged_comes_again(fetcher: Fetcher, source: Source, folder: Path) -> None:
    drop(folder, "a.txt")
    assert len(look(fetcher, source).documents) == 1
    assert len(look(fetcher, source).documents) == 1


def test_a_name_may_be_dropped_again(fetcher: Fetcher, source: Source, folder: Path) -> None:
    for body in (b"one", b"two", b"three"):
        drop(folder, "a.txt", body)
        fetched = look(fetcher, source)
        assert fetched.acknowledge
        fetched.acknowledge()
    assert names(folder) == ["done/a.txt", "done/a.txt~2", "done/a.txt~3"]
    assert (folder / "done/a.txt~3").read_bytes() == b"three"


def test_a_file_that_changed_since_it_was_read_stays(fetcher: Fetcher, source: Source, folder: Path) -> None:
    drop(folder, "a.txt")
    fetched = look(fetcher, source)
    drop(folder, "a.txt", b"a longer version of it")
    assert fetched.acknowledge
    fetched.acknowledge()
    assert names(folder) == ["a.txt"]
    assert look(fetcher, source).documents[0].body == b"a longer version of it"


def test_what_could_not_be_read_is_set_aside_with_the_reason(
    fetcher: Fetcher, source: Source, folder: Path
) -> None:
    drop(folder, "a.txt")
    drop(folder, "b.bin", b"\0\1\2")
    fetched = look(fetcher, source)
    assert fetched.reject
    assert fetched.acknowledge
    fetched.reject("b.bin", "no format knows this")
    fetched.reject("never there", "nothing happens")
    fetched.acknowledge()
    assert names(folder) == ["bad/b.bin", "bad/b.bin.reason", "done/a.txt"]
    assert (folder / "bad/b.bin.reason").read_text() == "no format knows this\n"


def test_the_longest_of_names_is_set_aside_and_dropped_again(
    fetcher: Fetcher, source: Source, folder: Path
) -> None:
    name = "x" * 251 + ".txt"
    for _ in range(2):
        drop(folder, name)
        fetched = look(fetcher, source)
        assert fetched.acknowledge
        fetched.acknowledge()
    assert len(list((folder / "done").iterdir())) == 2
    for _ in range(2):
        drop(folder, name)
        fetched = look(fetcher, source)
        assert fetched.reject
        fetched.reject(name, "cannot be read")
    bad = sorted(path.name for path in (folder / "bad").iterdir())
    assert len(bad) == 4
    assert sum(path.endswith(".reason") for path in bad) == 2


def test_a_file_that_is_too_large_is_set_aside_and_to_look_moves_nothing(
    fetcher: Fetcher, source: Source, folder: Path
) -> None:
    drop(folder, "huge.xml", b"x" * 10_001)
    drop(folder, "a.txt")
    fetched = look(fetcher, source)
    assert [document.name for document in fetched.documents] == ["a.txt"]
    assert names(folder) == ["a.txt", "huge.xml"]
    assert fetched.acknowledge
    fetched.acknowledge()
    assert names(folder) == ["bad/huge.xml", "bad/huge.xml.reason", "done/a.txt"]
    assert (folder / "bad/huge.xml.reason").read_text() == "larger than 0.01 MB (http.max_bytes)\n"


def test_what_is_still_being_written_is_left_alone(fetcher: Fetcher, source: Source, folder: Path) -> None:
    for name in (".hidden", "a.tmp", "b.part", "c.filepart", "d.xml.reason"):
        drop(folder, name)
    assert look(fetcher, source).documents == ()


def test_neither_links_nor_subfolders_nor_pipes_are_read(
    fetcher: Fetcher, source: Source, folder: Path, tmp_path: Path
) -> None:
    secret = drop(tmp_path, "secret.txt")
    (folder / "link.txt").symlink_to(secret)
    (folder / "sub").mkdir()
    drop(folder / "sub", "a.txt")
    os.mkfifo(folder / "pipe.txt")
    assert look(fetcher, source).documents == ()


def test_more_than_one_look_can_hold_comes_in_parts(fetcher: Fetcher, source: Source, folder: Path) -> None:
    for number in range(201):
        drop(folder, f"{number:03}.txt", age=1000 - number)
    first = look(fetcher, source)
    assert first.acknowledge
    first.acknowledge()
    rest = look(fetcher, source)
    assert [len(first.documents), len(rest.documents)] == [200, 1]
    assert [first.more, rest.more] == [True, False]


@pytest.mark.slow
def test_a_young_file_is_waited_for_and_read_when_it_grew_no_more(
    fetcher: Fetcher, source: Source, folder: Path
) -> None:
    drop(folder, "young.txt", age=1.5)
    drop(folder, "tomorrow.txt", age=-86400)
    assert len(look(fetcher, source).documents) == 2


@pytest.mark.slow
def test_a_file_that_grows_while_it_is_waited_for_is_left_for_the_next_look(
    fetcher: Fetcher, source: Source, folder: Path
) -> None:
    path = drop(folder, "growing.txt", age=1.0)
    results: list[Fetched | Failure] = []
    fetcher.submit(source, results.append)
    deadline = time.monotonic() + 10
    while not results and time.monotonic() < deadline:
        with path.open("ab") as file:
            file.write(b".")
        time.sleep(0.05)
    assert isinstance(results[0], Fetched)
    assert results[0].documents == ()


def test_a_folder_that_is_not_there_is_a_reason(fetcher: Fetcher, source: Source, folder: Path) -> None:
    folder.rmdir()
    failure = fetcher.fetch(source)
    assert isinstance(failure, Failure)
    assert failure.reason == f"{folder}: no such file or directory"
    file = fetcher.fetch(replace(source, url=check_url(__file__)))
    assert isinstance(file, Failure)
    assert "not a directory" in file.reason


def test_a_folder_that_is_more_than_a_drop_is_refused_until_it_is_meant(tmp_path: Path) -> None:
    """What is read is moved: a slip of the hand must not take a home or /etc apart."""
    home = tmp_path / "home"
    (home / "letters").mkdir(parents=True)
    for named in (str(home), f"folder://{home}", f"{home}/letters/.."):
        with pytest.raises(UsageError, match=rf"holds letters/ too.*mkdir {home}/done"):
            check_url(named)
    (home / "letters" / "bad").mkdir()
    assert check_url(str(home / "letters")) == f"folder://{home}/letters"
    (home / "done").mkdir()
    assert check_url(str(home)) == f"folder://{home}"
    assert check_url(str(tmp_path / "to come")) == f"folder://{tmp_path}/to%20come"
