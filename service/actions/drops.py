"""Folders that are watched while the daemon runs."""

from __future__ import annotations

from collections.abc import Collection

from service.app import App
from service.errors import StoreError
from service.fetch.waking import Waker


class Drops:
    """Makes a folder due as soon as something is dropped into it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._waker = Waker(self._due)

    def look(self) -> None:
        """Watch the folders that are sources now."""
        with self._app.store.read() as tx:
            self._waker.watch(tx.sources.scheduled("folder:"))

    def close(self) -> None:
        """Watch none of them any more."""
        self._waker.close()

    def _due(self, urls: Collection[str]) -> None:
        try:
            with self._app.store.begin() as tx:
                tx.sources.hurry(urls, self._app.store.now())
        except StoreError as error:  # it is looked at in some seconds anyway
            self._app.report("store.failed", reason=str(error))
