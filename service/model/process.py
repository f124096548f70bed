"""The process and its clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def utcnow() -> datetime:
    """The time of this machine, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A running process that shares the database."""

    host: str
    boot_id: str
    pid: int
    started_at: datetime
    version: str = ""
    seen_at: datetime | None = None
    id: int = 0

    @property
    def name(self) -> str:
        """`host:pid`, for people and logs."""
        return f"{self.host}:{self.pid}"


class Exit(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    NOT_FOUND = 4
    FAULT_FOUND = 6
