"""Puts into the wheel what an installation need not make: lexicons, and catalogues in their compiled form.

The German and English lexicons are derived from the dictionaries that simplemma brings, which have licences
of their own (see its documentation): look at those before you publish a wheel. `MONITOR_BUILD_LEXICONS=0`
builds one without; then, as for the other languages, the first use of a language derives its lexicon into the
cache directory.
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


class DerivedFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Derives them when a wheel is built; an editable installation reads the sources and uses the cache."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to what the wheel includes."""
        if version != "standard":
            return
        sys.path.insert(0, self.root)
        folder, included = Path(tempfile.mkdtemp(prefix="derived-")), build_data["force_include"]
        self._catalogues(folder, included)
        if os.environ.get("MONITOR_BUILD_LEXICONS") != "0":
            self._lexicons(folder, included)

    def _catalogues(self, folder: Path, included: dict[str, str]) -> None:
        from service.locale.catalogue import compiled_from

        for number, source in enumerate(Path(self.root, "service").rglob("messages.po")):
            path = folder / f"{number}.mo"
            path.write_bytes(compiled_from(source))
            included[str(path)] = str(source.relative_to(self.root).with_suffix(".mo"))

    def _lexicons(self, folder: Path, included: dict[str, str]) -> None:
        from service.store.lexicon import file_name

        for language in LANGUAGES:
            path = folder / file_name(language)
            command = [sys.executable, "-m", "service.store.lexicon", language, str(path)]
            subprocess.run(command, check=True, cwd=self.root)  # noqa: S603 - our own module
            included[str(path)] = f"service/store/lexicons/{path.name}"
