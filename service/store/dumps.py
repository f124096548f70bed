"""Backups of PostgreSQL, by its own programs: `pg_dump` writes them, `pg_restore` reads them.

A password goes to them in the environment, never on the command line: everybody may read that.

Source: PostgreSQL, "pg_dump", "pg_restore" and "libpq: Environment Variables".
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from service.errors import StoreError, UsageError
from service.store.db import SECRET, Store
from service.store.files import DUMP, check_kind, check_revision


def dump(url: str, target: Path) -> None:
    """Write a database, as it is at this moment, into a file of PostgreSQL's custom format."""
    _run(url, "pg_dump", "--format=custom", "--no-password", f"--file={target}")
    _run(url, "pg_restore", "--list", str(target))  # what cannot be listed cannot be restored


def look(file: Path, url: str) -> str:
    """The version of the schema in a dump of ours, this one's or an older.

    Raises NotFoundError, UsageError, SchemaError where a newer version wrote it, StoreError.
    """
    check_kind(file, DUMP)
    rows = _run(url, "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file))
    found = re.search(r"^COPY .*alembic_version .*\n(\d+)$", rows, re.MULTILINE)
    if not found:
        raise UsageError(f"{file}: no database of a monitor (give a file that `monitor backup` wrote)")
    check_revision(file, found[1])
    return found[1]


def restore(url: str, file: Path) -> None:
    """Put a dump into an empty database, all of it or nothing; raises UsageError where there are tables."""
    store = Store(url)
    try:
        if not store.is_empty():
            raise UsageError(
                f"{store.name}: is not empty (ALTER DATABASE … RENAME TO … keeps it, then CREATE DATABASE …)"
            )
    finally:
        store.close()
    connected = _connection(url)[0]
    options = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", "--no-password")
    _run(url, "pg_restore", *options, f"--dbname={connected}", str(file))


def _run(url: str, program: str, *arguments: str) -> str:
    """What a program of PostgreSQL says on standard output; raises StoreError with its reason."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, no shell
            [program, *arguments],
            env={**os.environ, **_connection(url)[1]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise StoreError(
            f"{program} is not on this machine (install PostgreSQL's client programs, or do it on its server)"
        ) from error
    if done.returncode:
        raise StoreError(SECRET.sub(r"\1***", _said(program, done.stderr)))
    return done.stdout


def _said(program: str, words: str) -> str:
    """The first complaint of a program and what it adds to it, on one line."""
    lines = [line.removeprefix(f"{program}: ").strip() for line in words.splitlines() if line.strip()]
    first = next((n for n, line in enumerate(lines) if line.startswith("error:")), 0)
    complaint = "".join(lines[first : first + 1]).removeprefix("error: ") or "failed"
    details = [line for line in lines[first + 1 : first + 2] if line.startswith("detail:")]
    return f"{program}: {'; '.join([complaint, *details])}"


def _connection(url: str) -> tuple[str, dict[str, str]]:
    """The name of the database, as libpq takes it, and the environment that says all else."""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import Conninfo

    parsed = make_url(url).set(drivername="postgresql+psycopg")
    given = {
        name: str(value) for name, value in parsed.get_dialect()().create_connect_args(parsed)[1].items()
    }
    variables = {
        option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar
    }
    known = {variables[name]: value for name, value in given.items() if name in variables}
    return make_conninfo(dbname=given.get("dbname")), known
