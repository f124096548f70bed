"""Folders that wake us: what is dropped is read within seconds, and not at the next look.

The kernel tells of changes on disks of this machine (inotify(7)); of those that other machines make on a
shared disk it says nothing, so that folders are looked at all the same. The one home of watchfiles.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import unquote, urlsplit

log = logging.getLogger(__name__)

STEP = 200  # milliseconds; what comes within one is told together
PATIENCE = 2.0  # seconds for the thread to end

Dropped = Callable[[Collection[str]], None]


class Waker:
    """Calls `dropped` with the URLs of folders into which something was put, from a thread of its own."""

    def __init__(self, dropped: Dropped) -> None:
        self._dropped = dropped
        self._watched: dict[Path, str] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, urls: Collection[str]) -> None:
        """Watch these folders from now on, as far as they exist."""
        folders = {Path(unquote(urlsplit(url).path)).resolve(): url for url in urls}
        there = {folder: url for folder, url in folders.items() if folder.is_dir()}
        if there == self._watched and (not there or (self._thread and self._thread.is_alive())):
            return
        self.close()
        self._watched, self._end = there, threading.Event()
        if there:
            arguments = (there, self._end)
            self._thread = threading.Thread(target=self._run, args=arguments, name="drops", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Watch nothing any more."""
        self._end.set()
        if self._thread:
            self._thread.join(PATIENCE)
        self._thread, self._watched = None, {}

    def _run(self, there: dict[Path, str], end: threading.Event) -> None:
        import watchfiles

        def comes(change: watchfiles.Change, _path: str) -> bool:
            return change is not watchfiles.Change.deleted  # we move files away ourselves

        watched = watchfiles.watch(
            *there,
            watch_filter=comes,
            debounce=STEP,
            step=STEP,
            stop_event=end,
            raise_interrupt=False,
            recursive=False,
        )
        try:
            for changes in watched:
                if urls := {url for _, path in changes if (url := there.get(Path(path).parent))}:
                    self._dropped(urls)
        except Exception:  # a folder that goes away, or too many watches: the next look begins anew
            log.debug("the folders are not watched", exc_info=True)
