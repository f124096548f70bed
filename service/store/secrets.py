"""Secrets that were handed out: sessions, invitations, tokens, feed addresses. Only hashes are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from service.errors import NotFoundError, UsageError
from service.model import Purpose, Secret
from service.store.rows import columns, values
from service.store.schema import answer
from service.store.schema import secret as table


class Secrets:
    """The secrets of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, secret: Secret, digest: str) -> Secret:
        """The secret as it was stored under the hash of what was handed out."""
        row = values(secret) | {"hash": digest}
        number = self._connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
        return self._get(number)

    def find(self, digest: str, purpose: Purpose, now: datetime) -> Secret | None:
        """The secret with that hash, where it serves that purpose and has not expired."""
        lasting = or_(table.c.expires_at.is_(None), table.c.expires_at > now)
        query = select(*SHOWN).where(table.c.hash == digest, table.c.purpose == purpose, lasting)
        row = self._connection.execute(query).one_or_none()
        return Secret(**row._asdict()) if row else None

    def used(self, secret_id: int, now: datetime) -> None:
        """It was used just now."""
        self._connection.execute(update(table).where(table.c.id == secret_id).values(used_at=now))

    def list(self, purpose: Purpose, *, account: int = 0, rule: int = 0) -> Sequence[Secret]:
        """All of one purpose, or those of an account or a rule, the newest first."""
        query = select(*SHOWN).where(table.c.purpose == purpose).order_by(table.c.id.desc())
        if account:
            query = query.where(table.c.account == account)
        if rule:
            query = query.where(table.c.rule == rule)
        return [Secret(**row._asdict()) for row in self._connection.execute(query)]

    def revoke(self, secret_id: int, purpose: Purpose) -> Secret:
        """The secret that opens nothing from now on; raises NotFoundError."""
        found = self._get(secret_id, purpose)
        self._connection.execute(delete(table).where(table.c.id == found.id))
        return found

    def revoke_all(self, account: int, *purposes: Purpose, but: int = 0) -> int:
        """Take an account's secrets of some purposes, all `but` one; the number of them."""
        gone = (table.c.account == account) & table.c.purpose.in_(purposes) & (table.c.id != but)
        return self._connection.execute(delete(table).where(gone)).rowcount

    def prune(self, now: datetime) -> int:
        """Drop what has expired; the number of secrets."""
        return self._connection.execute(delete(table).where(table.c.expires_at <= now)).rowcount

    # ------------------------------------------------------------ answers

    def answered(self, key: str, request: str) -> tuple[int, str] | None:
        """Status and body that were answered under that key; None for a new one.

        A status of 0 is still being worked on. Raises UsageError where the request was another one.
        """
        query = select(answer.c.request, answer.c.status, answer.c.body).where(answer.c.key == key)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.request != request:
            raise UsageError("this Idempotency-Key was sent with another request (use a new one)")
        return row.status, row.body

    def answer(self, key: str, request: str, now: datetime, status: int = 0, body: str = "") -> None:
        """Write down what is answered under that key, or that it is being worked on."""
        row = {"key": key, "request": request, "status": status, "body": body, "at": now}
        self.forget_answer(key)
        self._connection.execute(insert(answer).values(row))

    def forget_answer(self, key: str) -> None:
        """The request failed: it may be sent again under the same key."""
        self._connection.execute(delete(answer).where(answer.c.key == key))

    def prune_answers(self, before: datetime) -> int:
        """Drop answers that were given before then; the number of them."""
        return self._connection.execute(delete(answer).where(answer.c.at < before)).rowcount

    def count(self, purpose: Purpose) -> int:
        """How many there are of one purpose."""
        query = select(func.count()).select_from(table).where(table.c.purpose == purpose)
        return self._connection.execute(query).scalar_one()

    def _get(self, secret_id: int, purpose: Purpose | None = None) -> Secret:
        query = select(*SHOWN).where(table.c.id == secret_id)
        if purpose:
            query = query.where(table.c.purpose == purpose)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(purpose.value if purpose else "secret", secret_id)
        return Secret(**row._asdict())


SHOWN = columns(table, Secret)
