"""Which installation a database belongs to, so that a copy of it does not flood the desk.

The place is recorded when the database is created. A database that finds itself in another place was
copied or restored: it stores and lists, and sends nothing until a person says so.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from service.store.schema import installation as table

MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")  # machine-id(5): stays over boots


def place(connection: Connection) -> str:
    """Where this database is: the machine and the path of the file, or the cluster, the database, the table.

    A standby that takes over has its primary's system identifier, and goes on sending. What was restored
    from a dump has tables of its own, in the same database too.
    """
    if connection.dialect.name == "sqlite":
        path = connection.execute(text("SELECT file FROM pragma_database_list WHERE name = 'main'"))
        return f"sqlite:{_machine()}:{Path(path.scalar_one()).resolve()}"
    oids = "SELECT oid, 'installation'::regclass::oid FROM pg_database WHERE datname = current_database()"
    database, relation = connection.execute(text(oids)).one()
    try:
        with connection.begin_nested():
            cluster = connection.execute(
                text("SELECT system_identifier FROM pg_control_system()")
            ).scalar_one()
    except DBAPIError:  # a hosted database may hide it
        cluster = ""
    return f"postgresql:{cluster}:{database}:{relation}"


def _machine() -> str:
    """The id of this machine; "" in a container that has none."""
    for path in MACHINE_IDS:
        try:
            return Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
    return ""


def found(connection: Connection, now: datetime) -> None:
    """Give a new database its identity and its place."""
    key = secrets.token_hex(32)
    row = {"id": str(uuid4()), "created_at": now, "place": place(connection), "key": key}
    connection.execute(insert(table).values(row))


class Installation:
    """The identity of the database; `here` is the place where it was opened."""

    def __init__(self, connection: Connection, here: str) -> None:
        self._connection = connection
        self.here = here

    @property
    def id(self) -> str:
        """A UUID, given at creation; a copy has the same."""
        uuid: str = self._connection.execute(select(table.c.id)).scalar_one()
        return uuid

    @property
    def created_at(self) -> datetime:
        """When the database was made."""
        at: datetime = self._connection.execute(select(table.c.created_at)).scalar_one()
        return at

    @property
    def key(self) -> bytes:
        """What signs the links in messages; whoever has it can act on alerts."""
        return bytes.fromhex(self._connection.execute(select(table.c.key)).scalar_one())

    def sending_allowed(self) -> bool:
        """Whether messages may leave: the database is where it was, and nobody stopped it."""
        return not self.reason()

    def reason(self) -> str:
        """Why nothing is sent, one line with the way out; "" where messages may leave."""
        row = self._connection.execute(select(table.c.place, table.c.stopped, table.c.moved_to)).one()
        if row.stopped:
            return f"{row.stopped}; `monitor resume-sending` starts it again"
        if row.place != self.here and row.moved_to:
            return (
                f"moved to {row.moved_to} (name that in config.toml); "
                "`monitor resume-sending` lets this one send, too"
            )
        if row.place != self.here:
            return "this database was copied or moved here; `monitor resume-sending` lets it send from here"
        return ""

    @property
    def stopped(self) -> str:
        """Why sending was stopped by hand; "" where it was not."""
        reason: str = self._connection.execute(select(table.c.stopped)).scalar_one()
        return reason

    def stop_sending(self, reason: str) -> None:
        """Let nothing leave until a person resumes it."""
        self._connection.execute(update(table).values(stopped=reason))

    def resume_sending(self) -> None:
        """Messages may leave from here, and from nowhere else."""
        self._connection.execute(update(table).values(place=self.here, stopped="", moved_to=""))

    def moved(self, place: str) -> bool:
        """Whether the database at that place sends for this installation."""
        return bool(self._connection.execute(select(table.c.place)).scalar_one() == place)

    def move(self, place: str, name: str) -> None:
        """From now on the database `name` at that place sends, and this one does not.

        One that may not send from here hands nothing on: neither will the other, until a person says so.
        """
        sending = table.c.place.in_([self.here, place])  # it is there already where a move was broken off
        self._connection.execute(update(table).where(sending).values(place=place, moved_to=name))

    def arrive(self) -> None:
        """This database was moved to here, and all of it has come."""
        self._connection.execute(update(table).where(table.c.place == self.here).values(moved_to=""))

    def size_bytes(self) -> int:
        """What the database takes on its disk, without the log that it writes ahead."""
        if self._connection.dialect.name == "sqlite":
            pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            return int(self._connection.execute(text(pages)).scalar_one())
        return int(self._connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
