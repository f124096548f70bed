"""The command line as a person types it, in a folder of its own.

    monitor = Shell(tmp_path)
    monitor("init")
    answer = monitor("add-rule", "Zins", "-EZB")
    assert (0, "") == (answer.code, answer.err)

Commands run in this process, which is quick; `process` starts a real one, and `running` one that goes on.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.cli.main import main

HERE = Path(__file__).parent.parent
COMMAND = "import sys; from service.cli.main import main; sys.exit(main())"
DEADLINE = 60.0  # seconds that a command may take under load


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        assert self.out, self.err
        return json.loads(self.out)


@dataclass(slots=True)
class Shell:
    """A folder with a configuration, and `monitor` in it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def environment(self) -> dict[str, str]:
        """Of a process of its own."""
        return os.environ | {"PYTHONPATH": str(HERE), "PYTHONIOENCODING": "utf-8"}

    def configure(self, *channels: str, database: str = "", **urls: str) -> None:
        """Write a small configuration: loopback may be polled, `console` or the named channels are told."""
        tables = dict.fromkeys(channels, "console://") | urls or {"console": "console://"}
        lines = ['[http]\nallowed_networks = ["127.0.0.1"]\ntimeout = "5s"']
        if database:
            lines.append(f'[database]\nurl = "{database}"')
        lines += [f'[channels.{name}]\nurl = "{url}"' for name, url in tables.items()]
        self.config.write_text("\n".join(lines), encoding="utf-8")
        self.config.chmod(0o600)

    def __call__(self, *arguments: str) -> Answer:
        """Run a command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--config", str(self.config), *arguments])
        return Answer(code, out.getvalue(), err.getvalue())

    def process(self, *arguments: str, out: Path | None = None, **environment: str) -> Answer:
        """Run a command in a process of its own, in the folder; `out` takes its standard output."""
        return self.python(COMMAND, *arguments, out=out, **environment)

    def python(self, script: str, *arguments: str, out: Path | None = None, **environment: str) -> Answer:
        """Run a script with this project at hand."""
        with out.open("w") if out else nullcontext(subprocess.PIPE) as stdout:
            done = subprocess.run(
                [sys.executable, "-c", script, *arguments],
                stdout=stdout,
                stderr=subprocess.PIPE,
                cwd=self.folder,
                env=self.environment | environment,
                timeout=DEADLINE,
                check=False,
            )
        return Answer(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())

    @contextmanager
    def running(self, *arguments: str, out: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
        """A command at work in a process of its own; it is over when the block ends."""
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            stdout=out,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
            text=True,
            encoding="utf-8",
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=DEADLINE)
