"""The files of SQLite databases: written whole or not at all, copied while others write, looked at.

Sources: SQLite, "Online Backup API", "Write-Ahead Logging" and "Database File Format".
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from service.errors import NotFoundError, SchemaError, StoreError, UsageError
from service.failpoints import passes
from service.store.db import WAY_OUT
from service.store.schema import REVISION

Advance = Callable[[int], None]  # called with the number of megabytes that were done since the last call

MEGABYTE = 2**20
STEP = 4 * MEGABYTE  # copied at once, and safe on the disk before the next: no long wait for whoever writes
PART = ".part"  # of a file that is being written, or was when its writer was killed
SIDES = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file while it is open, or after a crash
HEADER, DUMP = b"SQLite format 3\0", b"PGDMP"
SHARED = (510, 0x40000002)  # bytes that every connection locks as long as it is open in WAL mode (os.h)


@contextmanager
def written(file: Path, *, replace: bool = False) -> Iterator[Path]:
    """A path beside `file` to write to; at the end of the block it becomes `file`, for its owner alone.

    Where the block fails, or the process ends in it, there is no `file`, or the old one. What a killed one
    left is used again. Raises UsageError where `file` is there and is not to be replaced.
    """
    part = file.with_name(f"{file.name}{PART}")
    try:
        opened = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written: {_why(error)}") from error
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"{file}: is being written already (wait for the other command)") from error
        try:
            _check_place(file, replace=replace)
            os.ftruncate(opened, 0)
            os.fchmod(opened, 0o600)
            _remove_sides(part)
            yield part
            os.fsync(opened)
            passes("copied")
            part.replace(file)
            _sync(file.parent)
        except OSError as error:
            raise StoreError(f"{file}: cannot be written: {_why(error)}") from error
        finally:
            part.unlink(missing_ok=True)
            _remove_sides(part)
    finally:
        os.close(opened)


def _check_place(file: Path, *, replace: bool) -> None:
    if not os.path.lexists(file):
        return
    if file.is_dir():
        raise UsageError(f"{file}: a folder (name the file in it)")
    if not file.is_file():
        raise UsageError(f"{file}: no ordinary file (name another)")
    if not replace:
        raise UsageError(f"{file}: is there already (--force replaces it)")


def _remove_sides(file: Path) -> None:
    """What was written for another content of the file would be taken for this one's."""
    for side in SIDES:
        Path(f"{file}{side}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Let what was written to a file, or the names in a folder, outlive a power failure."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


# ---------------------------------------------------------------- copying


def copy(database: Path, target: Path, advance: Advance) -> None:
    """Copy a database as it is at this moment; others go on writing to it. `target` exists, and is empty.

    The copy is one file, without a log beside it. Raises StoreError.
    """
    with _named(target, database), closing(connect(database)) as source, closing(_writable(target)) as copied:
        # What is read from here on is one state. Without it, every write of another process would make the
        # copy begin anew.
        source.execute("BEGIN")
        pages = source.execute("PRAGMA page_count").fetchone()[0]
        size = source.execute("PRAGMA page_size").fetchone()[0]
        _check_room(target, pages * size)
        done = 0

        def copying(_status: int, remaining: int, _total: int) -> None:
            nonlocal done
            _sync(target)
            passes("copying")
            now = (pages - remaining) * size // MEGABYTE
            advance(now - done)
            done = now

        copied.execute("PRAGMA journal_mode = OFF")
        copied.execute("PRAGMA synchronous = OFF")
        source.backup(copied, pages=STEP // size, progress=copying)
        source.execute("COMMIT")
        copied.execute("PRAGMA journal_mode = DELETE")


def _check_room(file: Path, needed: int) -> None:
    """Nothing, if that many bytes fit; a disk filled to its last byte would stop a daemon that shares it."""
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        needs, has = needed // 10**6, free // 10**6
        name = str(file).removesuffix(PART)
        raise StoreError(f"{name}: {needs} MB do not fit into {has} MB (make room, or name another disk)")


def mark(file: Path, stopped: str) -> None:
    """Let a database of any version send nothing, for that reason, if it has none already."""
    with _named(file), closing(_writable(file)) as connection:
        connection.execute("UPDATE installation SET stopped = ? WHERE stopped = ''", (stopped,))


def connect(file: Path) -> sqlite3.Connection:
    """A connection that reads a file; it neither makes one nor changes one that nobody has open."""
    still = not any(Path(f"{file}{side}").exists() for side in SIDES)
    how = "mode=ro&immutable=1" if still and not os.access(file, os.W_OK) else "mode=rw"
    connection = sqlite3.connect(f"file:{quote(str(file))}?{how}", uri=True, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _writable(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, isolation_level=None)


# ---------------------------------------------------------------- looking


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file holds."""

    revision: str
    items: int


def look(file: Path, way_out: str, *, copy_of: Path | None = None) -> Facts:
    """What a database of ours holds, of this version or an older one; all of it was found to be sound.

    Raises NotFoundError, UsageError, SchemaError where a newer version wrote it, StoreError where it, or what
    it is a copy of, is damaged.
    """
    check_kind(file, HEADER)
    with _named(file, copy_of), closing(connect(file)) as connection:
        [(found,), *_] = connection.execute("PRAGMA quick_check(1)")
        if found != "ok":
            line = str(found).strip().splitlines()[-1]
            raise StoreError(f"{copy_of or file}: is damaged: {line} ({way_out})")
        names = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
        if not {"alembic_version", "installation", "item"} <= names:
            raise UsageError(f"{file}: no database of a monitor (give a file that `monitor backup` wrote)")
        [(revision,)] = connection.execute("SELECT version_num FROM alembic_version")
        [(items,)] = connection.execute("SELECT count(*) FROM item")
    check_revision(file, revision)
    return Facts(revision, items)


def check_kind(file: Path, wanted: bytes) -> None:
    """Nothing, if a file begins like a backup of that engine; raises NotFoundError or UsageError."""
    try:
        with file.open("rb") as opened:
            begins = opened.read(len(HEADER))
    except FileNotFoundError as error:
        raise NotFoundError("file", file) from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {_why(error)}") from error
    if begins.startswith(wanted):
        return
    if begins.startswith(DUMP):
        raise UsageError(f"{file}: a dump of PostgreSQL (database.url names an SQLite file)")
    if begins.startswith(HEADER):
        raise UsageError(f"{file}: an SQLite file (database.url names PostgreSQL)")
    raise UsageError(f"{file}: no backup of a monitor (give a file that `monitor backup` wrote)")


def check_revision(file: Path, revision: str) -> None:
    """Nothing, if this version knows the schema; raises SchemaError."""
    if revision > REVISION:
        raise SchemaError(f"{file}: a newer version wrote it (install that version)")


# ---------------------------------------------------------------- alone


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Keep every other process away from a database for the time of the block.

    Raises UsageError where one has it open. The lock is that of SQLite itself, so that it is heeded, and it
    can be had of a damaged file too; within the block this process must not open the file.
    """
    _write_back(database)
    with database.open("r+b") as held:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB, *SHARED)
        except OSError as error:
            raise UsageError(f"{database}: another process has it open (end it first)") from error
        yield


def _write_back(database: Path) -> None:
    """Leave no log beside the file; one that is damaged or in use keeps its own."""
    with suppress(sqlite3.Error), closing(_writable(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def keep(database: Path, kept: Path) -> None:
    """Give a database that nobody has open a second name, and what is beside it no other than that one."""
    try:
        os.link(database, kept)  # there is a database at every moment
    except OSError:  # a file system without links
        database.rename(kept)
    for side in SIDES:
        with suppress(FileNotFoundError):
            Path(f"{database}{side}").rename(f"{kept}{side}")


def adopt(part: Path, database: Path) -> None:
    """Give a new file the owner and the mode of the one that it replaces: root may be at the keyboard."""
    there = database.exists()
    like = (database if there else database.parent).stat()
    with suppress(PermissionError):
        os.chown(part, like.st_uid, like.st_gid)
    if there:
        part.chmod(like.st_mode & 0o777)


# ---------------------------------------------------------------- errors


@contextmanager
def _named(file: Path, origin: Path | None = None) -> Iterator[None]:
    """SQLite's errors as one line; `origin` is the file to blame where it is read and the other written."""
    try:
        yield
    except sqlite3.Error as error:
        blamed = origin if origin and getattr(error, "sqlite_errorname", "") in READING else file
        line = str(error)
        raise StoreError(f"{str(blamed).removesuffix(PART)}: {WAY_OUT.get(line, line)}") from error


READING = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_IOERR_READ"}


def _why(error: OSError) -> str:
    return error.strerror or str(error)
