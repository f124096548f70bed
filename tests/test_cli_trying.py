"""`test-rule`: on files without a database, on an item, on the archive; with the exit code of grep."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.model import Exit
from tests.newsroom import MARKET, PRICES, TRIP, Entry, rss
from tests.shell import Shell

KIM = ("Kim Jong Un", "+", "Reise")


def plain(folder: Path, entry: Entry) -> str:
    """The story as a plain text: headline, blank line, text."""
    path = folder / f"{entry.key}.txt"
    path.write_text(f"{entry.headline}\n\n{entry.text}\n", encoding="utf-8")
    return str(path)


@pytest.mark.slow
def test_files_need_neither_a_configuration_nor_a_database(tmp_path: Path) -> None:
    """The whole shape is the contract of `--json`."""
    monitor = Shell(tmp_path)
    trip, prices = plain(tmp_path, TRIP), plain(tmp_path, PRICES)
    answer = monitor.process("test-rule", *KIM, "--file", trip, "--file", prices, "--lang", "de", "--json")
    assert (Exit.DONE, "") == (answer.code, answer.err)
    [hit] = answer.json["hits"]
    assert {"query": '"Kim Jong Un" + Reise', "items": 2, "hits": [hit]} == answer.json
    assert {"headline", "evidence"} == set(hit)
    assert TRIP.headline == hit["headline"]
    compound = {"field": "body", "text": "Auslandsreise", "term": "Reise", "how": "compound"}
    [place] = [each for each in hit["evidence"] if each["how"] == "compound"]
    assert compound == {key: place[key] for key in compound}
    assert len("Auslandsreise") == place["end"] - place["start"]
    assert {"prices-1.txt", "trip-1.txt"} == {path.name for path in tmp_path.iterdir()}


def test_nothing_hit_is_exit_code_1(monitor: Shell, tmp_path: Path) -> None:
    answer = monitor("test-rule", *KIM, "--file", plain(tmp_path, PRICES), "--lang", "de", "--json")
    assert (Exit.FAILED, []) == (answer.code, answer.json["hits"])
    people = monitor("test-rule", *KIM, "--file", plain(tmp_path, PRICES), "--lang", "de")
    assert Exit.FAILED == people.code
    assert "0 of 1 item" in people.out
    assert PRICES.headline in people.out
    assert not list(tmp_path.glob("monitor.db*"))


def test_a_person_sees_the_words_and_why_they_matched(monitor: Shell, tmp_path: Path) -> None:
    answer = monitor("test-rule", *KIM, "--file", plain(tmp_path, TRIP), "--lang", "de")
    assert Exit.DONE == answer.code
    assert "1 of 1 item" in answer.out
    assert ">Kim Jong Un<" in answer.out
    assert ">Auslandsreise<" in answer.out
    assert '"Auslandsreise" for Reise (body, compound)' in answer.out


def test_a_word_at_the_very_beginning_of_the_text_is_shown(monitor: Shell, tmp_path: Path) -> None:
    path = plain(tmp_path, Entry("start", "Aus Pjöngjang", "Reise nach Peking begonnen, heißt es."))
    assert ">Reise< nach Peking" in monitor("test-rule", "Reise", "--file", path, "--lang", "de").out


def test_a_feed_is_many_items_and_declares_its_own_language(monitor: Shell, tmp_path: Path) -> None:
    path = tmp_path / "wire.xml"
    path.write_bytes(rss(TRIP, PRICES, MARKET))
    answer = monitor("test-rule", "Preis", "--file", str(path), "--json")
    assert (3, {PRICES.headline, MARKET.headline}) == (
        answer.json["items"],
        {hit["headline"] for hit in answer.json["hits"]},
    )


def test_a_file_that_cannot_be_read_is_named(monitor: Shell, tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)))
    for path, code in ((tmp_path / "nosuch", Exit.NOT_FOUND), (tmp_path, Exit.USAGE), (binary, Exit.USAGE)):
        answer = monitor("test-rule", "Kim", "--file", str(path), "--json")
        assert (code, "") == (answer.code, answer.out)
        assert str(path) in answer.err


@pytest.mark.slow
def test_a_list_is_taken_from_the_database_and_asks_for_a_configuration(
    monitor: Shell, tmp_path: Path
) -> None:
    monitor("add-list", "kim", "Kim Jong Un", "김정은")
    answer = monitor(
        "test-rule", "@kim", "+", "Reise", "--file", plain(tmp_path, TRIP), "--lang", "de", "--json"
    )
    assert {"kim"} == {
        place["list"] for hit in answer.json["hits"] for place in hit["evidence"] if "list" in place
    }
    nowhere = Shell(tmp_path / "nowhere")
    nowhere.folder.mkdir()
    refused = nowhere.process("test-rule", "@kim", "--file", plain(tmp_path, TRIP))
    assert Exit.CONFIG == refused.code
    assert not list(nowhere.folder.iterdir())


@pytest.mark.slow
def test_the_archive_one_item_and_a_rule(monitor: Shell, tmp_path: Path) -> None:
    wire = tmp_path / "wire.xml"
    wire.write_bytes(rss(TRIP, PRICES, MARKET))
    monitor("ingest", str(wire))
    monitor("add-rule", *KIM, "--name", "kim")
    for arguments in (KIM, ("--rule", "kim"), (*KIM, "--since", "1h")):
        answer = monitor("test-rule", *arguments, "--json")
        assert (Exit.DONE, 3, [TRIP.headline]) == (
            answer.code,
            answer.json["items"],
            [hit["headline"] for hit in answer.json["hits"]],
        )
    [hit] = monitor("test-rule", *KIM, "--json").json["hits"]
    alone = monitor("test-rule", "--rule", "kim", "--item", str(hit["item"]), "--json")
    assert (Exit.DONE, 1) == (alone.code, alone.json["items"])
    others = {item["id"] for item in monitor("list-items", "--json").json} - {hit["item"]}
    assert Exit.FAILED == monitor("test-rule", "--rule", "kim", "--item", str(min(others))).code
    assert Exit.NOT_FOUND == monitor("test-rule", "--rule", "kim", "--item", "4711").code
    assert Exit.NOT_FOUND == monitor("test-rule", "--rule", "nosuch").code


@pytest.mark.slow
def test_two_queries_are_compared_by_what_is_gained_and_lost(monitor: Shell, tmp_path: Path) -> None:
    wire = tmp_path / "wire.xml"
    wire.write_bytes(rss(TRIP, PRICES, MARKET))
    monitor("ingest", str(wire))
    monitor("add-rule", "Preise", "--name", "preise")
    answer = monitor("test-rule", "Kim", "--compare", "preise", "--json")
    assert ([TRIP.headline], [MARKET.headline]) == tuple(
        [hit["headline"] for hit in answer.json[change]] for change in ("gained", "lost")
    )
    assert answer.json["lost"][0]["evidence"]
    people = monitor("test-rule", "Kim", "--compare", "preise", "--file", str(wire)).out
    assert ["1 item", "1 item"] == [
        line[13:] for line in people.splitlines() if line[2:6] in {"gain", "lost"}
    ]


@pytest.mark.slow
def test_an_explanation_names_each_part_and_whether_it_holds(monitor: Shell, tmp_path: Path) -> None:
    answer = monitor("test-rule", *KIM, "--file", plain(tmp_path, PRICES), "--lang", "de", "--explain")
    assert Exit.FAILED == answer.code
    lines = [line.split() for line in answer.out.splitlines()]
    assert ["✗", "Reise"] in [line[:2] for line in lines]
    assert ["✓", '"Kim'] in [line[:2] for line in lines]
    assert "nearest: Preise" in answer.out
    arguments = ("test-rule", *KIM, "--file", plain(tmp_path, PRICES), "--lang", "de", "--explain", "--json")
    [explained] = monitor(*arguments).json["explained"]
    assert [False, True, False] == [
        explained["parts"]["hit"],
        *(part["hit"] for part in explained["parts"]["parts"]),
    ]


def test_a_language_without_words_is_refused(monitor: Shell) -> None:
    answer = monitor("test-rule", "Kim", "--lang", "xx")
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    assert "no language 'xx' (one of de, en, " in answer.err
