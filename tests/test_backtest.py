"""The back-test: the live matcher over the archive, on the time axis of publication, and nothing missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.actions.backtest import Backtest, backtest, warnings
from service.actions.trials import Query
from service.model import Item
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.sieve import Sieve
from service.text.morphology import Morphology
from tests.newsroom import Entry, Room, newsroom

TEXT = "PJÖNGJANG (dpa-AFX) - Kim Jong Un, {}. Das meldete die Agentur. {}."
# Each number has words of its own, so that no two entries are one story.
SCENES = (
    "Fischer Hafen Sturm Netze",
    "Orchester Geige Probe Saal",
    "Gletscher Hütte Seil Grat",
    "Bäcker Ofen Teig Roggen",
    "Richter Akte Zeuge Urteil",
    "Imker Wabe Linde Honig",
    "Lotse Schleuse Pegel Kanal",
    "Maler Leinwand Firnis Pinsel",
    "Schmied Amboss Esse Hammer",
    "Winzer Rebe Keller Traube",
)
NOON = datetime.now(UTC).replace(hour=12, minute=5, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with newsroom(tmp_path) as made:
        made.add_source("wire")
        yield made


def entry(number: int, word: str, at: datetime | None = NOON, headline: str = "") -> Entry:
    return Entry(
        f"e{number}",
        headline or f"{SCENES[number % 10]}: {word}",
        TEXT.format(word, SCENES[number % 10]),
        at=at,
    )


def tried(room: Room, query: str, other: str = "") -> Backtest:
    return backtest(room.app, Query(parse(query)), Query(parse(other)) if other else None)


def test_a_first_poll_that_brings_ten_days_is_no_busy_hour(room: Room) -> None:
    days = [entry(day, "Auslandsreise", NOON - timedelta(days=day)) for day in range(10)]
    room.wire("wire", *days)
    room.poll()
    found = tried(room, "Reise")
    assert (10, 10, 10) == (found.items, found.hits, found.stories)
    assert {(NOON - timedelta(days=day)).date(): 1 for day in range(10)} == dict(found.days)
    assert 1.0 < found.per_day < 1.2
    assert (NOON.replace(minute=0), 1) == found.busiest


def test_one_old_item_does_not_make_the_others_rare(room: Room) -> None:
    room.wire(
        "wire",
        entry(0, "Reise", datetime(2003, 1, 1, tzinfo=UTC)),
        *(entry(number, "Reise") for number in range(1, 8)),
    )
    room.poll()
    assert 4.0 == tried(room, "Reise").per_day


def test_undated_items_count_when_they_came(room: Room) -> None:
    ahead = datetime.now(UTC) + timedelta(days=300)
    room.wire("wire", entry(1, "Reise", None), entry(2, "Reise", ahead))
    room.poll()
    assert {datetime.now(UTC).date()} >= set(tried(room, "Reise").days)


def test_the_newest_hits_come_first_with_their_places(room: Room) -> None:
    room.wire("wire", *(entry(number, "Auslandsreise") for number in range(8)))
    room.poll()
    newest = tried(room, "Reise").newest
    assert 5 == len(newest)
    assert sorted((result.item.id for result in newest), reverse=True) == [r.item.id for r in newest]
    assert {"Auslandsreise"} == {place.text for r in newest for place in r.evidence or ()}


def test_what_is_gained_and_lost_against_another_query_is_listed(room: Room) -> None:
    room.wire("wire", entry(1, "Auslandsreise"), entry(2, "Staatsbesuch"), entry(3, "Landkreise"))
    room.poll()
    found = tried(room, "Reise", "Besuch")
    assert (1, 1) == (found.gained.count, found.lost.count)
    assert [f"{SCENES[1]}: Auslandsreise"] == [r.item.headline for r in found.gained.results]
    assert [f"{SCENES[2]}: Staatsbesuch"] == [r.item.headline for r in found.lost.results]


def test_near_misses_name_the_word_that_stands_there_instead(room: Room) -> None:
    room.wire("wire", entry(1, "Auslandsreise"), entry(2, "Preise"), entry(3, "Landpreise"))
    room.poll()
    found = tried(room, '"Kim Jong Un" + Reise')
    assert 1 == found.hits
    assert {"1 more if Reise might also be Preise", "1 more if Reise might also be Landpreise"} == {
        near.sentence for near in found.near
    }


def test_a_term_that_is_everywhere_or_nowhere_is_warned_of(room: Room) -> None:
    room.wire("wire", *(entry(number, "Reise") for number in range(100)))
    room.poll()
    node = parse('Agentur + Zeppelin + "Kim Jong Un" + genre:chronik')
    found = tried(room, str(node))
    assert {"Agentur": 1.0, "Zeppelin": 0.0, '"Kim Jong Un"': 1.0} == found.shares
    said = warnings(node, found)
    assert "Agentur hits 100% of the archive" in said
    assert "Zeppelin never occurred in the archive" in said


def test_a_wildcard_is_shown_by_the_words_that_it_fits(room: Room) -> None:
    room.wire("wire", entry(1, "Reisende"), entry(2, "Reisende"), entry(3, "Reisepass"), entry(4, "Preise"))
    room.poll()
    assert {"Reise*": {"Reisende": 2, "Reisepass": 1}} == tried(room, "Reise* + Kim").words


WORDS = ("Kim", "Reise", "Auslandsreise", "Preise", "reisen", "Nord-Korea", "Nordkorea", "Zug", "Pek-", "¥")
TERMS = ("Reise", '"Kim Reise"', "Nordkorea", "=Preise", "Pek*", "*reise", "-Zug", "title:Kim", "/re.se/")


@given(st.lists(st.sampled_from(TERMS), min_size=1, max_size=3), st.sampled_from([" + ", " | "]),
       st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from(["de", "", "en"]))  # fmt: skip
def test_what_the_sieve_holds_back_matches_nothing(
    morphology: Morphology, terms: Sequence[str], joint: str, words: Sequence[str], language: str
) -> None:
    """A law: the sieve says no only where the evaluation of the whole query does."""
    text = joint.join(term for term in terms if not term.startswith("-")) or "Kim"
    node = parse(" ".join([f"({text})", *(term for term in terms if term.startswith("-"))]))
    item = Item(headline=" ".join(words[:2]), body=" ".join(words[2:]), language=language)
    [may] = Sieve([node], morphology).may_match(f"{item.headline}\n{item.body}", language)
    assert may or not node.holds(Document.of(item, morphology))
