"""Puts the German and English lexicons into the wheel, so that a new installation need not derive them.

They are derived from the dictionaries that simplemma brings, which have licences of their own (see its
documentation): look at those before you publish a wheel. `MONITOR_BUILD_LEXICONS=0` builds one without; then,
as for the other languages, the first use of a language derives its lexicon into the cache directory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LANGUAGES = ("de", "en")


class LexiconHook(BuildHookInterface):  # type: ignore[type-arg]
    """Derives the lexicons when a wheel is built; an editable installation uses the cache."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to what the wheel includes."""
        if version != "standard" or os.environ.get("MONITOR_BUILD_LEXICONS") == "0":
            return
        sys.path.insert(0, self.root)
        from service.store.lexicon import file_name

        folder = Path(tempfile.mkdtemp(prefix="lexicons-"))
        for language in LANGUAGES:
            path = folder / file_name(language)
            command = [sys.executable, "-m", "service.store.lexicon", language, str(path)]
            subprocess.run(command, check=True, cwd=self.root)  # noqa: S603 - our own module
            build_data["force_include"][str(path)] = f"service/store/lexicons/{path.name}"
