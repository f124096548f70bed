"""Who may sign in at the desk."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, insert, select, update

from service.errors import NotFoundError, UsageError
from service.model import Account, Role
from service.store.rows import columns, values
from service.store.schema import account as table


class Accounts:
    """The accounts of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def any(self) -> bool:
        """Whether anybody may sign in; while nobody may, the desk is open on this machine."""
        return bool(self._connection.execute(select(exists().where(table.c.id > 0))).scalar())

    def add(self, account: Account) -> Account:
        """The account as it was stored; raises UsageError for a name that is taken."""
        if self.find(account.name):
            raise UsageError(f"{account.name}: a user of this name exists")
        added = insert(table).values(values(account)).returning(table.c.id)
        number = self._connection.execute(added).scalar_one()
        return self.with_id(number)

    def find(self, name: str) -> Account | None:
        """The account of that name, where there is one."""
        row = self._connection.execute(select(*SHOWN).where(table.c.name == name)).one_or_none()
        return Account(**row._asdict()) if row else None

    def get(self, name: str) -> Account:
        """The account of that name; raises NotFoundError."""
        if found := self.find(name):
            return found
        raise NotFoundError("user", name, "`monitor user list` shows all")

    def with_id(self, account_id: int) -> Account:
        """The account; raises NotFoundError."""
        row = self._connection.execute(select(*SHOWN).where(table.c.id == account_id)).one_or_none()
        if row is None:
            raise NotFoundError("user", account_id)
        return Account(**row._asdict())

    def list(self) -> Sequence[Account]:
        """All accounts by name."""
        rows = self._connection.execute(select(*SHOWN).order_by(table.c.name))
        return [Account(**row._asdict()) for row in rows]

    def edit(self, account: Account) -> None:
        """Write all but the name; raises UsageError where no admin would be left."""
        if account.role is not Role.ADMIN:
            self._keep_an_admin(account.id)
        changes = values(account, "name", "created_at")
        self._connection.execute(update(table).where(table.c.id == account.id).values(changes))

    def remove(self, name: str) -> None:
        """Drop the account with its sessions and tokens.

        Raises NotFoundError, and UsageError for the last admin while there are others.
        """
        found = self.get(name)
        self._keep_an_admin(found.id)
        self._connection.execute(delete(table).where(table.c.id == found.id))

    def _keep_an_admin(self, leaving: int) -> None:
        accounts = self.list()
        others = [each for each in accounts if each.id != leaving]
        was_admin = any(each.id == leaving and each.role is Role.ADMIN for each in accounts)
        if was_admin and others and not any(each.role is Role.ADMIN for each in others):
            raise UsageError("the last admin stays (make another user an admin first)")


SHOWN = columns(table, Account)
