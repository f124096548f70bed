"""What the README says of sources is what there is, and each cell has its test."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from service.fetch.schedule import DROPS
from service.fetch.transports import TRANSPORTS
from service.parse.formats import FORMATS
from tests.wires import NAMES, body, read

HERE = Path(__file__).parent
README = (HERE.parent / "README.md").read_text(encoding="utf-8")
SOURCES = README.partition("## Sources\n")[2].partition("\n## ")[0]
LINES = [line.strip("|") for line in SOURCES.splitlines() if line.startswith("|")]
ROWS = [[cell.strip() for cell in line.split("|")] for line in LINES]
TESTS = {
    "http": "test_fetch_http.py",
    "https": "test_fetch_http.py",
    "folder": "test_fetch_folder.py",
    "ftp": "test_fetch_remote.py",
    "ftps": "test_fetch_remote.py",
    "sftp": "test_fetch_remote.py",
    "s3": "test_fetch_s3.py",
    "imap": "test_fetch_imap.py",
    "imaps": "test_fetch_imap.py",
    "wireq": "test_fetch_wireq.py",
    "wireq+http": "test_fetch_wireq.py",
}
SPANS = {"10 s": 10, "minute": 60, "30 s": 30}


def test_every_transport_stands_in_the_table_and_has_its_tests() -> None:
    named = {scheme for row in ROWS for scheme in re.findall(r"`([a-z0-9+]+):(?://)?`", row[0])}
    assert set(TRANSPORTS) == named == set(TESTS)
    assert all((HERE / name).is_file() for name in TESTS.values())


def test_drops_are_polled_as_the_table_says() -> None:
    for row in ROWS:
        for scheme in re.findall(r"`([a-z0-9+]+):(?://)?`", row[0]):
            if scheme in DROPS:
                expected = timedelta(
                    seconds=SPANS[row[2].removeprefix("at once, and ").removeprefix("every ")]
                )
                assert expected == DROPS[scheme], scheme


def test_every_format_stands_in_the_table() -> None:
    named = [row[1].strip("`") for row in ROWS if re.fullmatch(r"`[a-z0-9]+`", row[1])]
    assert set(FORMATS) == set(named)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_known_by_its_content_and_read(name: str) -> None:
    """A file of the corpus in that format, without its name and without a media type."""
    corpus = [read(body(file)) for file in NAMES if "plain" not in file or name == "plain"]
    assert any(parsed.format == name and parsed.items for parsed in corpus)
