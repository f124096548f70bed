"""What pages are made of: vendored files are what they say they are, and every word is in every language."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import service.web
from service.locale.catalogue import UI_LANGUAGES

WEB = Path(service.web.__file__).parent
STATIC = WEB / "static"
OWN = {"desk.css", "desk.js", "icon.svg", "manifest.json", "VENDORED.md"}


def test_every_vendored_file_is_the_one_that_was_published() -> None:
    table = (STATIC / "VENDORED.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", table, re.MULTILINE))
    files = {path.name for path in STATIC.iterdir() if path.is_file()} - OWN
    assert files == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_no_page_asks_another_host_for_anything() -> None:
    for path in [*(WEB / "templates").iterdir(), STATIC / "desk.css", STATIC / "desk.js"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:src|href|url\()\s*=?\s*[\"'(]?\s*(?:https?:)?//", text), path.name
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script>", text), path.name


@pytest.mark.parametrize("language", sorted(set(UI_LANGUAGES) - {"en"}))
def test_every_word_of_the_pages_is_in_the_catalogue(language: str) -> None:
    found = extract_from_dir(
        WEB,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "say": (2,), "noted": None},
    )
    shown = {message for _, _, message, _, _ in found}
    path = WEB / "locale" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        known = {message.id for message in read_po(file, locale=language) if message.id and message.string}
    assert shown - known == set(), "not translated"
    assert known - shown == set(), "not used"


def test_the_parts_of_a_page_are_small() -> None:
    assert sum((STATIC / name).stat().st_size for name in ("desk.css", "desk.js")) < 40_000
