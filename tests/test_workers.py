"""Workers: a function that hangs, swells or crashes costs one process, and nobody else anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from service.workers import WorkerDied, WorkerError, WorkerMemory, Workers, WorkerTimeout
from tests.wires import NOW, body, read

LONG = timedelta(seconds=60)
MEMORY_BYTES = 400_000_000
PATIENCE_SECONDS = 20


def workers(size: int = 1, deadline: timedelta = LONG) -> Workers:
    return Workers(size, memory_bytes=MEMORY_BYTES, deadline=deadline)


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    """One for all tests here: that each finds it sound is a part of what they test."""
    pool = workers()
    yield pool
    pool.close()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while alive(pid):
        assert time.monotonic() < until, f"process {pid} is still there"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_function_runs_in_another_process_and_its_value_comes_back(pool: Workers) -> None:
    assert pool.run("builtins:sorted", [3, 1, 2]) == [1, 2, 3]
    assert pool.run("os:getpid") != os.getpid()
    assert pool.run("os:getpid") == pool.run("os:getpid"), "a sound worker is used again"


def test_large_values_go_both_ways(pool: Workers) -> None:
    data = os.urandom(5_000_000)
    assert pool.run("builtins:bytes", data) == data


def test_an_exception_comes_back_as_its_own_words(pool: Workers) -> None:
    with pytest.raises(WorkerError, match="invalid literal for int") as caught:
        pool.run("builtins:int", "Kim")
    assert caught.value.kind == "ValueError"
    assert "Traceback" in caught.value.trace
    assert pool.run("builtins:int", "7") == 7


def test_a_function_that_does_not_exist_is_an_error_and_no_crash(pool: Workers) -> None:
    with pytest.raises(WorkerError, match="No module named"):
        pool.run("no_such_module:parse")


def test_more_memory_than_allowed_ends_the_call_and_not_the_pool(pool: Workers) -> None:
    with pytest.raises(WorkerMemory):
        pool.run("builtins:bytearray", 10 * MEMORY_BYTES)
    assert pool.run("builtins:len", "Kim") == 3


def test_a_worker_that_crashes_is_replaced(pool: Workers) -> None:
    with pytest.raises(WorkerDied, match="exit code 3"):
        pool.run("os:_exit", 3)
    with pytest.raises(WorkerDied, match="signal 6"):
        pool.run("os:abort")
    assert pool.run("builtins:len", "Kim") == 3


def test_a_worker_killed_while_idle_is_not_noticed(pool: Workers) -> None:
    pid = pool.run("os:getpid")
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    assert pool.run("builtins:len", "Kim") == 3


def test_a_print_disturbs_nothing(pool: Workers) -> None:
    assert pool.run("builtins:print", "Kim") is None


def test_a_worker_is_given_no_secrets(pool: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_PASSWORD", "secret")
    fresh = workers()
    assert fresh.run("os:getenv", "DESK_PASSWORD") is None
    fresh.close()


@pytest.mark.slow
def test_the_deadline_kills_one_worker_and_the_next_call_finds_another() -> None:
    pool = workers(deadline=timedelta(seconds=1))
    first = pool.run("os:getpid")
    with pytest.raises(WorkerTimeout, match="longer than 1 s"):
        pool.run("time:sleep", 3600)
    second = pool.run("os:getpid")
    assert isinstance(first, int)
    assert not alive(first)
    assert second != first
    pool.close()


@pytest.mark.slow
def test_as_many_calls_run_at_a_time_as_there_are_workers(tmp_path: Path) -> None:
    """Two calls that wait for each other end only if they run side by side; a third waits its turn."""
    pool = workers(2)
    with ThreadPoolExecutor(3) as threads:
        meetings = [threads.submit(pool.run, "tests.test_workers:meet", str(tmp_path), name) for name in "ab"]
        third = threads.submit(pool.run, "os:getpid")
        assert [meeting.result(PATIENCE_SECONDS) for meeting in meetings] == ["met", "met"]
        assert isinstance(third.result(PATIENCE_SECONDS), int)
    pool.close()


def meet(folder: str, name: str) -> str:
    """Come to a place and wait for another; runs in a worker."""
    (Path(folder) / name).touch()
    until = time.monotonic() + PATIENCE_SECONDS
    while len(list(Path(folder).iterdir())) < 2:
        if time.monotonic() > until:
            return "alone"
        time.sleep(0.01)
    return "met"


@pytest.mark.slow
def test_closing_ends_the_workers_and_whoever_calls_is_told() -> None:
    pool = workers()
    pid = pool.run("os:getpid")
    assert isinstance(pid, int)
    pool.close()
    assert not alive(pid)
    with pytest.raises(WorkerDied, match="closed"):
        pool.run("os:getpid")


@pytest.mark.slow
@pytest.mark.parametrize("mood", ["idle", "busy"])
def test_a_worker_ends_with_its_parent_even_where_that_is_killed(tmp_path: Path, mood: str) -> None:
    """An idle one at once, by the end of the pair; a busy one by its own alarm, soon after the deadline."""
    note = tmp_path / "pid"
    deadline = 1 if mood == "busy" else 60
    script = (
        "import time; from datetime import timedelta; from service.workers import Workers\n"
        f"pool = Workers(1, memory_bytes={MEMORY_BYTES}, deadline=timedelta(seconds={deadline}))\n"
        f"pool.run('tests.test_workers:announce', {str(note)!r}, {mood!r})\n"
        "time.sleep(3600)\n"
    )
    path = os.pathsep.join(sys.path)
    parent = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path})
    until = time.monotonic() + PATIENCE_SECONDS
    while not (note.exists() and note.read_text(encoding="ascii")):
        assert time.monotonic() < until
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    wait_until_gone(int(note.read_text(encoding="ascii")))


def announce(note: str, mood: str) -> str:
    """Say who one is, and stay in the call if busy; runs in a worker."""
    Path(note).write_text(str(os.getpid()), encoding="ascii")
    while mood == "busy":
        time.sleep(0.1)
    return mood


@pytest.mark.slow
def test_an_interrupted_call_leaves_no_answer_for_the_next_one() -> None:
    """Ctrl-C in the parent breaks a call off; its late answer must not become another call's."""
    pool = workers()
    pool.run("builtins:len", "")
    main = threading.main_thread().ident
    assert main
    threading.Timer(0.3, signal.pthread_kill, [main, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        pool.run("time:sleep", PATIENCE_SECONDS)
    assert pool.run("builtins:len", "Kim") == 3
    pool.close()


def test_a_worker_that_stays_swollen_is_replaced(pool: Workers) -> None:
    swollen = pool.run("tests.test_workers:keep", 80_000_000)
    assert pool.run("os:getpid") != swollen


def keep(size: int, kept: list[bytes] = []) -> int:  # noqa: B006 - to be kept is the point
    """Hold on to that many bytes and say who does; runs in a worker."""
    kept.append(b"k" * size)
    return os.getpid()


@pytest.mark.slow
def test_a_feed_is_parsed_in_a_worker_as_it_is_here() -> None:
    pool = workers()
    from service.model import Document, Source

    data = body("portal.rss.xml")
    document = Document(body=data, url="https://www.nordbote.example/rss", received_at=NOW)
    source = Source(id=7, name="wire", url="https://www.nordbote.example/rss")
    assert pool.run("service.parse.formats:parse", document, source) == read(data)
    with pytest.raises(WorkerError, match=r"^empty$") as caught:
        pool.run("service.parse.formats:parse", Document(body=b" "), source)
    assert caught.value.kind == "UnreadableError"
    pool.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["portal.rss.xml", "message.newsmlg2.xml", "entries.dpa.json", "eil.iptc7901.txt"]
)
def test_a_worker_that_parses_is_small(name: str) -> None:
    from service.model import Document, Source

    pool = workers()
    for _ in range(30):
        pool.run(
            "service.parse.formats:parse", Document(body=body(name), name=name), Source(name="wire", url="x")
        )
    pid = pool.run("os:getpid")
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    assert pages * os.sysconf("SC_PAGE_SIZE") < 60_000_000
    pool.close()
