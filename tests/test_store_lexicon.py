"""Lexicons on disk: made once, made again where they are broken, and never in the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.store.lexicon import cache_directory, load

pytestmark = pytest.mark.slow  # each derives a language, some seconds


def lexicon_files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*.lexicon"))


def knows_elections(cache: Path) -> bool:
    entry = load(["en"], cache)["en"].entry("elections")
    return entry is not None and entry.nouns == ((1, ""),)


def test_a_language_is_derived_on_first_use_and_mapped_after(tmp_path: Path) -> None:
    lexicons = load(["en", "de"], tmp_path)
    assert lexicon_files(tmp_path) == []
    assert lexicons["en"].language == "en"
    (made,) = lexicon_files(tmp_path)
    before = (tmp_path / made).stat()
    assert knows_elections(tmp_path)
    assert (tmp_path / made).stat().st_ino == before.st_ino


@pytest.mark.parametrize("broken", [b"", b"not a lexicon", None])
def test_a_broken_file_is_made_again(broken: bytes | None, tmp_path: Path) -> None:
    assert knows_elections(tmp_path)
    (name,) = lexicon_files(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if broken is None else broken)
    assert knows_elections(tmp_path)
    assert (tmp_path / name).read_bytes() == whole


def test_an_older_edition_makes_room(tmp_path: Path) -> None:
    (tmp_path / "en-1.0.0-1-00000000.lexicon").write_bytes(b"of another version")
    (tmp_path / "fr-1.0.0-1-00000000.lexicon").write_bytes(b"of another language")
    assert knows_elections(tmp_path)
    kept = lexicon_files(tmp_path)
    assert len(kept) == 2
    assert "en-1.0.0-1-00000000.lexicon" not in kept


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert knows_elections(tmp_path / "file" / "cache")


def test_two_processes_at_once_make_one_file(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from service.store.lexicon import load;"
        "assert load(['en'], Path(sys.argv[1]))['en'].entry('elections')"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert len(lexicon_files(tmp_path)) == 1
    assert not list(tmp_path.glob(".*"))


def test_languages_without_tables_are_left_out(tmp_path: Path) -> None:
    lexicons = load(["en", "no", "zh", "xx", ""], tmp_path)
    assert sorted(lexicons) == ["en", "no"]
    assert lexicons.get("zh") is None


def test_the_cache_lies_where_the_system_says(tmp_path: Path) -> None:
    assert cache_directory({"CACHE_DIRECTORY": "/var/cache/a:/var/cache/b"}) == Path("/var/cache/a")
    assert cache_directory({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "wire-monitor"
    assert cache_directory({}).name == "wire-monitor"
