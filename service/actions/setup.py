"""The first step: a configuration file and an empty database."""

from __future__ import annotations

import os
from pathlib import Path

from service.actions.rounds import Progress, silent
from service.app import App
from service.config import example
from service.errors import ConfigError

MODE = 0o600  # channel URLs hold passwords
FIRST_LANGUAGES = ("de", "en")  # whose word tables are made now and not with the first item


def write_config(path: Path, *, force: bool = False) -> bool:
    """Whether the commented example was written to `path`; a file that is there stays as it is.

    With `force` the old file is kept beside it, with `.old` added to its name. Raises ConfigError where
    the file cannot be written.
    """
    try:
        if path.exists():
            if not force:
                return False
            path.rename(path.with_name(path.name + ".old"))
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8"
        ) as file:
            file.write(example())
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be written: {error.strerror}") from error
    return True


def read_dictionaries(app: App, progress: Progress = silent) -> None:
    """Derive the word tables of the first languages, which takes some seconds once on each machine."""
    for language in FIRST_LANGUAGES:
        app.morphology.table(language)["monitor"]
        progress(1)
