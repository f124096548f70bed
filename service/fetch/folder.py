"""A folder that others drop files into: each file that is complete comes as a document.

    folder:///srv/wire                     what is watched; its subfolders are not
    folder:///srv/wire/done/               a file that was taken in, after the commit
    folder:///srv/wire/bad/NAME            one that could not be read, with NAME.reason beside it

A file counts as complete when nobody wrote to it for two seconds; a name that begins with a dot or ends in
.tmp, .part or .filepart is still being written, as FTP servers and rsync name them. What was read and not yet
moved (a crash in between) is read again, and known again by its content; the same name may be dropped again.
"""

from __future__ import annotations

import logging
import os
import shlex
import stat
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from service.errors import UsageError
from service.fetch.http import Client, Result
from service.model import Document, Failure, FailureKind, Fetched, Problem, Source

STABLE = 2.0  # seconds without a change
WRITING = (".tmp", ".part", ".filepart", ".reason")
MOST_FILES = 200  # at one look; the rest follows at the next
LONGEST_NAME = 240  # bytes of a name that something stands behind; file systems take 255
MOST_BYTES = 20_000_000  # likewise: they are held in memory until the commit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was found; `mark` changes with its content."""

    path: Path
    mark: tuple[int, int, int]
    size: int
    changed: float  # seconds since the epoch

    def unchanged(self) -> bool:
        """Whether the same file still lies there."""
        found = _found(self.path)
        return found is not None and found.mark == self.mark


def read(source: Source, client: Client) -> Result:
    """The complete files of the folder, oldest first. Acknowledged, they move to done/ (too large: bad/)."""
    folder, limit = Path(unquote(urlsplit(source.url).path)), client.settings.max_bytes
    try:
        files = _complete(folder)
    except OSError as error:
        return _failure(source, f"{folder}: {_why(error)}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return _failure(source, f"{folder}: files cannot be moved from it (it needs write permission)")
    taken: dict[str, _File] = {}
    documents: list[Document] = []
    large: dict[_File, Problem] = {}
    more = len(files) > MOST_FILES
    for file in files[:MOST_FILES]:
        if documents and sum(len(document.body) for document in documents) + file.size > MOST_BYTES:
            more = True
            break
        if file.size > limit:
            large[file] = Problem(f"larger than {limit / 10**6:g} MB (http.max_bytes)", file.path.name)
            continue
        if (document := _document(file, client.clock())) is not None:
            documents.append(document)
            taken[file.path.name] = file

    def acknowledge() -> None:
        for file, problem in large.items():
            _set_aside(file, problem.what)
        for file in taken.values():
            _move(file, folder / "done")

    def reject(name: str, reason: str) -> None:
        if file := taken.pop(name, None):
            _set_aside(file, reason)

    return Fetched(
        source=source,
        cursor=source.cursor,
        documents=tuple(documents),
        acknowledge=acknowledge if taken or large else None,
        reject=reject,
        aside=tuple(large.values()),
        more=more,
    )


def url_of(path: str) -> str:
    """The URL of a folder that was named by its path or its URL.

    Raises UsageError where it is none, or is more than a drop: what is read is moved.
    """
    if path.startswith("folder:"):
        parts = urlsplit(path)
        if parts.netloc:
            raise UsageError(
                f"a folder is named by its full path (write folder:///{parts.netloc}{parts.path})"
            )
        path = unquote(parts.path)
    if not path.isprintable():
        raise UsageError("a folder's path holds no control characters")
    try:
        folder = Path(path).expanduser().absolute()
    except RuntimeError as error:  # ~nobody
        raise UsageError(f"no such home directory: {path!r}") from error
    folder = Path(os.path.normpath(folder))
    if more := _more_than_a_drop(folder):
        meant = f"mkdir {shlex.quote(str(folder / 'done'))}"
        raise UsageError(
            f"{folder} holds {more}/ too, and what is read there is moved (if that is meant: {meant})"
        )
    return "folder://" + quote(str(folder))


def _more_than_a_drop(folder: Path) -> str:
    """A folder in it, where nobody has said that files may be moved out of it; "" where it is a drop."""
    try:
        with os.scandir(folder) as entries:
            inside = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:  # not there yet
        return ""
    others = [name for name in inside if name not in {"done", "bad"}]
    return "" if "done" in inside or not others else others[0]


def _complete(folder: Path) -> list[_File]:
    """The files that nobody writes to any more, oldest first; a young one is waited for."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if not e.name.startswith(".") and not e.name.endswith(WRITING)]
    files = [file for name in names if (file := _found(folder / name))]
    if wait := max((_remaining(file) for file in files), default=0.0):
        time.sleep(wait)
        files = [file for file in files if file.unchanged()]
    return sorted(files, key=lambda file: (file.changed, file.path.name))


def _found(path: Path) -> _File | None:
    """The regular file at a path: no link, which would let a sender have any file of ours read."""
    try:
        status = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    mark = (status.st_ino, status.st_size, status.st_mtime_ns)
    # A sender may set a date in the future, but not when the file system was told so.
    changed = status.st_mtime if status.st_mtime <= time.time() else status.st_ctime
    return _File(path, mark, status.st_size, changed)


def _remaining(file: _File) -> float:
    """The seconds until the file counts as complete. File times are the machine's: so is the clock here."""
    return min(max(STABLE - (time.time() - file.changed), 0.0), STABLE)


def _document(file: _File, now: datetime) -> Document | None:
    """The file's content; None where it went away or was written to while it was read."""
    try:
        with os.fdopen(os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
            body = opened.read(file.size + 1)
    except OSError as error:
        log.warning("%s cannot be read: %s", file.path, _why(error))
        return None
    if len(body) != file.size or not file.unchanged():
        return None
    return Document(body=body, name=file.path.name, received_at=now)


def _move(file: _File, folder: Path) -> Path | None:
    """Where the file was moved to; None where it is another one by now, or cannot be moved."""
    if not file.unchanged():
        return None
    try:
        folder.mkdir(exist_ok=True)
        target = _free(folder / os.fsdecode(os.fsencode(file.path.name)[:LONGEST_NAME]))
        file.path.rename(target)
    except OSError as error:
        log.warning("%s cannot be moved to %s: %s", file.path, folder.name, _why(error))
        return None
    return target


def _set_aside(file: _File, reason: str) -> None:
    if target := _move(file, file.path.parent / "bad"):
        try:
            target.with_name(target.name + ".reason").write_text(reason + "\n", encoding="utf-8")
        except OSError as error:  # the operators are told all the same
            log.warning("%s: the reason could not be written: %s", target, _why(error))


def _free(path: Path) -> Path:
    """The path, or the next free one beside it: NAME, NAME~2, NAME~3."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.name}~{number}"), number + 1
    return free


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _failure(source: Source, reason: str) -> Failure:
    return Failure(source=source, kind=FailureKind.NETWORK, reason=reason)
