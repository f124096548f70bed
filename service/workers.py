"""Functions run in processes that may be killed: a time and a memory limit around untrusted input.

A worker is a plain interpreter that has imported this module and nothing else; it answers over a socket
pair with pickled frames and ends with its parent. `concurrent.futures` cannot kill a single worker, and
`multiprocessing` imports the program's main module again in each.

    workers = Workers(2, memory_bytes=600_000_000, deadline=timedelta(seconds=20))
    parsed = workers.run("service.parse.formats:parse", document, source)
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from queue import LifoQueue
from typing import BinaryIO, cast

LENGTH_BYTES = 8  # of a frame, big endian, before its pickle
CALLS_UNTIL_RECYCLED = 5000  # so that what a library leaks stays small; none grew over half as many
SWOLLEN_BYTES = 60_000_000  # resident after a call: a new worker is smaller, and ready in a tenth of a second
ORPHAN_GRACE_SECONDS = 5  # after the deadline a worker ends itself: then nobody is left to kill it
# What a worker needs of the environment; the rest may hold secrets, and it reads untrusted input.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TZDIR", "HOME", "PYTHONHASHSEED", "COVERAGE_PROCESS_START")


class WorkerError(Exception):
    """The function raised: `str()` is what its own exception said.

    `kind` is the name of that exception's class ("UnreadableError"), `trace` its traceback for a log.
    """

    def __init__(self, text: str, kind: str = "", trace: str = "") -> None:
        """Keep the parts; the exception itself stays in the worker."""
        super().__init__(text)
        self.kind, self.trace = kind, trace


class WorkerTimeout(WorkerError):  # noqa: N818 - the name says what happened
    """It took longer than the deadline; the worker was killed."""


class WorkerMemory(WorkerError):  # noqa: N818 - the name says what happened
    """It needed more memory than it may have; the worker was ended."""


class WorkerDied(WorkerError):  # noqa: N818 - the name says what happened
    """The worker ended without an answer (a crash in a C library, or killed from outside)."""


class Workers:
    """At most `size` processes, each with `memory_bytes` of address space, that run functions by name.

    Thread-safe: `size` calls run at a time, further ones wait for their turn; the wait does not count
    against `deadline`. Workers start with their first call.
    """

    def __init__(self, size: int, *, memory_bytes: int, deadline: timedelta) -> None:
        self._memory_bytes, self._deadline = memory_bytes, deadline.total_seconds()
        self._size = size
        self._closed = threading.Event()
        # Last in, first out: the worker that is warm is used again, and few are started while little is due.
        self._free: LifoQueue[_Worker | None] = LifoQueue()
        for _ in range(size):
            self._free.put(None)

    def run(self, function: str, *arguments: object) -> object:
        """What "module:function" returns for the arguments; both must be picklable.

        Raises WorkerTimeout, WorkerMemory, WorkerDied, or WorkerError with the words of the function's own
        exception. Whichever it is, the next call finds a sound worker.
        """
        worker = self._free.get()
        try:
            if self._closed.is_set():
                raise WorkerDied("the workers are closed")
            if worker is None or worker.is_worn():
                self._discard(worker)
                worker = None  # before the start, which may fail
                worker = _Worker(self._memory_bytes, self._deadline)
            return worker.call(function, arguments)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End all workers; calls under way come to their end first (within the deadline)."""
        self._closed.set()
        for worker in [self._free.get() for _ in range(self._size)]:
            self._discard(worker)
        for _ in range(self._size):  # whoever waits for a turn is told
            self._free.put(None)

    @staticmethod
    def _discard(worker: _Worker | None) -> None:
        if worker is not None:
            worker.end()


class _Worker:
    """The parent's side of one process."""

    def __init__(self, memory_bytes: int, deadline: float) -> None:
        self._deadline, self._calls, self._in_call, self._resident_bytes = deadline, 0, False, 0
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [sys.executable, "-m", __spec__.name, str(theirs.fileno()), str(memory_bytes), str(deadline)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )

    def is_worn(self) -> bool:
        """Whether it has to be replaced before the next call."""
        # A call that was broken off (an interrupt in the parent) leaves an answer that is nobody's.
        if self._in_call or self._process.poll() is not None:
            return True
        return self._calls >= CALLS_UNTIL_RECYCLED or self._resident_bytes > SWOLLEN_BYTES

    def call(self, function: str, arguments: tuple[object, ...]) -> object:
        request = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        self._calls, self._in_call = self._calls + 1, True
        try:
            kind, value, self._resident_bytes = self._exchange(request)
            self._in_call = False
        except TimeoutError:
            self.end()
            raise WorkerTimeout(f"took longer than {self._deadline:g} s") from None
        except (OSError, EOFError, pickle.UnpicklingError):
            raise WorkerDied(f"the worker ended without an answer ({self.end()})") from None
        if kind == "answer":
            return value
        if kind == "memory":  # what is left of its memory is not to be trusted
            self.end()
            raise WorkerMemory("needed more memory than it may have")
        raise WorkerError(*cast(tuple[str, str, str], value))

    def end(self) -> str:
        """Kill it, and say how it had ended."""
        self._socket.close()
        # It ends by itself when the pair is closed, unless it is busy; both are over at once this way.
        self._process.kill()
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _exchange(self, request: bytes) -> tuple[str, object, int]:
        until = time.monotonic() + self._deadline
        self._socket.settimeout(self._deadline)
        self._socket.sendall(len(request).to_bytes(LENGTH_BYTES, "big"))
        self._socket.sendall(request)
        length = int.from_bytes(self._receive(LENGTH_BYTES, until), "big")
        return cast(tuple[str, object, int], pickle.loads(self._receive(length, until)))  # noqa: S301 - our own

    def _receive(self, length: int, until: float) -> bytearray:
        received = bytearray(length)
        view = memoryview(received)
        while view:
            self._socket.settimeout(max(1e-3, until - time.monotonic()))
            if not (count := self._socket.recv_into(view)):
                raise EOFError
            view = view[count:]
        return received


def _environment() -> dict[str, str]:
    """The environment of a worker: how to find our modules, and little more."""
    known = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return known | {"PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path)}  # noqa: PTH100


def serve(stream: BinaryIO, deadline: float) -> None:
    """Answer calls until the parent is gone."""
    while header := stream.read(LENGTH_BYTES):
        # Should the parent vanish during a call, the alarm ends what nobody waits for any more.
        signal.setitimer(signal.ITIMER_REAL, deadline + ORPHAN_GRACE_SECONDS)
        request = stream.read(int.from_bytes(header, "big"))
        answer = _answer(request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        stream.write(len(answer).to_bytes(LENGTH_BYTES, "big") + answer)
        stream.flush()


def _answer(request: bytes) -> bytes:
    """A pickled (kind, value, resident bytes): an answer, an error's words, or that memory ran out."""
    try:
        name, arguments = pickle.loads(request)  # noqa: S301 - from our own parent
        module, _, attribute = name.partition(":")
        function = cast(Callable[..., object], getattr(importlib.import_module(module), attribute))
        return pickle.dumps(("answer", function(*arguments), _resident_bytes()), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return pickle.dumps(("memory", None, 0))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        kind = type(error).__name__
        told = (str(error) or kind, kind, traceback.format_exc(limit=-8))
        return pickle.dumps(("error", told, _resident_bytes()))


def _resident_bytes() -> int:
    """How much memory this process holds; 0 where the system does not say.

    Not from getrusage: its maximum survives the exec and would be the parent's.
    """
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib would have to be imported
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _main() -> None:
    """The worker's side: `python -m service.workers SOCKET MEMORY_BYTES DEADLINE_SECONDS`."""
    import resource

    descriptor, memory_bytes, deadline = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    # A signal to the whole process group is the parent's to act on; it closes the pair when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout = sys.stderr  # a function that prints must not disturb whoever reads our stdout
    with socket.socket(fileno=descriptor) as pair, pair.makefile("rwb") as stream:
        serve(cast(BinaryIO, stream), deadline)


if __name__ == "__main__":
    _main()
