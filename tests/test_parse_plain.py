"""Plain stories: the agency form, a story typed by hand, embargoes, and the hour that comes twice."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from service.model import Instrument, Status
from service.parse.formats import UnreadableError
from tests.servers import gzip_bomb
from tests.wires import NOW, items, read


def story(text: str, now: datetime = NOW) -> object:
    return read(text.encode(), "story.txt", now=now).items[0]


def stamped(stamp: str, now: datetime) -> datetime | None:
    return (
        read(f"Kim reist\n\n{stamp}\n\nPEKING (dpa-AFX) - Kim.".encode(), "story.txt", now=now)
        .items[0]
        .published_at
    )


def test_the_agency_form_is_taken_apart() -> None:
    (item,) = items("agency.plain.txt")
    assert item.headline == "Elbtal AG streicht Dividende - Aktie fällt"
    assert item.published_at == datetime(2025, 9, 2, 3, 24, tzinfo=UTC)
    assert (item.places, item.agency) == (("DRESDEN", "FRANKFURT"), "dpa-AFX")
    assert item.lead.startswith("Der Maschinenbauer Elbtal")
    assert item.body.endswith("An den Zielen bis 2028 halte man fest.")
    assert item.sign_off == "abc/DE/fg"
    assert item.language == "de"
    assert item.instruments == (Instrument("isin", "DE0007164600"), Instrument("wkn", "716460"))


def test_a_story_typed_by_hand_is_a_headline_and_a_text() -> None:
    (item,) = items("bare.plain.txt")
    assert item.headline == "Bürgermeisterin eröffnet die neue Brücke"
    assert item.body == "Nach drei Jahren Bauzeit ist die Brücke über die Warnow wieder frei."


@pytest.mark.parametrize(
    "text", ["Kim reist\nEr fährt mit dem Zug.", "Kim reist\r\n\r\nEr fährt mit dem Zug.\r\n"]
)
def test_the_headline_is_the_first_line_where_there_are_no_paragraphs(text: str) -> None:
    (item,) = read(text.encode(), "story.txt").items
    assert (item.headline, item.body) == ("Kim reist", "Er fährt mit dem Zug.")


def test_a_paragraph_may_be_a_line_and_a_line_may_be_a_part_of_one() -> None:
    long = "Kim fährt mit dem Zug. " * 6
    copied = f"Kim reist\n\n{long}\nAnkunft am Abend\n{long}/abc/DE"
    (item,) = read(copied.encode(), "story.txt").items
    assert item.body.split("\n\n") == [long.strip(), "Ankunft am Abend", long.strip()]
    (wrapped,) = read("Kim reist\n\nKim fährt\nmit dem Zug.\n\nEr kommt an.".encode(), "story.txt").items
    assert wrapped.body == "Kim fährt\nmit dem Zug.\n\nEr kommt an."


@pytest.mark.parametrize(
    ("dateline", "places", "agency"),
    [
        ("PEKING (dpa-AFX) - ", ("PEKING",), "dpa-AFX"),
        ("Frankfurt/Main (dpa) - ", ("Frankfurt/Main",), "dpa"),
        ("Frankfurt am Main/New York (dpa) - ", ("Frankfurt am Main", "New York"), "dpa"),
        ("St. Petersburg (AFP) – ", ("St. Petersburg",), "AFP"),
        ("Den Haag/Köln (dpa/tmn) - ", ("Den Haag", "Köln"), "dpa/tmn"),
        ("Der Präsident (72) - ", (), ""),
        ("Er sagte (laut) - ", (), ""),
    ],
)
def test_a_dateline_is_places_and_an_agency(dateline: str, places: tuple[str, ...], agency: str) -> None:
    (item,) = read(f"Kim\n\n{dateline}kim reist ab.".encode(), "story.txt").items
    assert (item.places, item.agency) == (places, agency)
    assert item.body == ("kim reist ab." if places else f"{dateline}kim reist ab.")


@pytest.mark.parametrize(
    ("end", "sign_off"),
    [
        ("bekundet./fkr/DP/zb", "fkr/DP/zb"),
        ("bekundet.\n\n/fkr/DP/zb\n", "fkr/DP/zb"),
        ("«Nein»/ab/cd", "ab/cd"),
        ("unter https://a.example/ab/cd", ""),
        ("Kurs 1/2/3 steigt", ""),
        ("und/oder", ""),
    ],
)
def test_a_sign_off_is_taken_off_the_last_sentence_and_nothing_else_is(end: str, sign_off: str) -> None:
    (item,) = read(f"Kim\n\nEr hat {end}".encode(), "story.txt").items
    assert item.sign_off == sign_off
    assert ("/" in item.body) == (not sign_off)


def test_the_hour_that_comes_twice_is_the_one_that_has_just_been() -> None:
    """26 October 2025, 02:30 in Berlin is 00:30 and again 01:30 UTC."""
    first, second = datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    assert stamped("26.10.25 02:30 Uhr", now=datetime(2025, 10, 26, 0, 31, tzinfo=UTC)) == first
    assert stamped("26.10.25 02:30 Uhr", now=datetime(2025, 10, 26, 1, 31, tzinfo=UTC)) == second
    assert stamped("26.10.25 02:30 Uhr", now=datetime(2025, 11, 9, 8, 0, tzinfo=UTC)) == first


@pytest.mark.parametrize("stamp", ["02.09.25 05:24 Uhr", "2.9.2025 05:24 Uhr", "02.09.2025, 05.24 Uhr"])
def test_a_stamp_may_be_written_in_some_ways(stamp: str) -> None:
    assert stamped(stamp, NOW) == datetime(2025, 9, 2, 3, 24, tzinfo=UTC)


def test_a_stamp_may_stand_right_under_the_headline() -> None:
    (item,) = read("Kim\nreist\n02.09.25 05:24 Uhr\n\nPEKING (dpa) - Er fährt.".encode(), "story.txt").items
    assert (item.headline, item.places, item.body) == ("Kim reist", ("PEKING",), "Er fährt.")
    assert item.published_at == datetime(2025, 9, 2, 3, 24, tzinfo=UTC)


@pytest.mark.parametrize("stamp", ["31.02.25 05:24 Uhr", "02.09.25 25:24 Uhr"])
def test_a_stamp_that_cannot_be_is_no_date(stamp: str) -> None:
    assert stamped(stamp, NOW) is None


@pytest.mark.parametrize(
    "notice",
    [
        "Sperrfrist 3. September 20.15 Uhr",
        "Sperrfrist: 03.09.2025, 20:15 Uhr",
        "ACHTUNG: Sperrfrist Mittwoch, 3. September 2025, 20.15 Uhr",
        "Sperrfrist bis 3.9. 20.15 Uhr - Beginn der Gala",
        "+++ Sperrfrist Mittwoch 20.15 Uhr +++",
        "Sperrfrist: morgen, 20.15 Uhr",
        "Embargoed until September 3, 18:15 GMT",
        "EMBARGO: 3 September 2025 1815 GMT",
        "EMBARGOED UNTIL 1815 GMT WEDNESDAY SEPTEMBER 3",
        "Embargoed until 2:15 p.m. EDT, Sept. 3",
        "Embargoed until 11:15 AM (PT) September 3, 2025",
        "Embargo: 4 September 2025, 03:15 JST",
    ],
)
@pytest.mark.parametrize("place", ["{notice}\n\nKim reist\n\nText.", "Kim reist\n\n{notice}\n\nText."])
def test_an_embargo_is_read_as_desks_write_it(notice: str, place: str) -> None:
    (item,) = read(place.format(notice=notice).encode(), "story.txt").items
    assert item.embargo_until == datetime(2025, 9, 3, 18, 15, tzinfo=UTC)
    assert item.status is Status.USABLE
    assert item.headline == "Kim reist"


@pytest.mark.parametrize(
    "notice",
    [
        "Sperrfrist: Beginn der Rede",
        "Sperrfrist 41. September 20 Uhr",
        "Sperrfrist: 3. September",
        "Sperrfrist: 3. September 20.15 Uhr Ortszeit",
        "Embargoed until 8:15 p.m. local time September 3",
        "Embargoed until 10:00 CST September 3",
        "Embargoed until 14 p.m. September 3",
    ],
)
def test_an_embargo_that_cannot_be_understood_withholds_the_story(notice: str) -> None:
    parsed = read(f"Kim reist\n\n{notice}\n\nText.".encode(), "story.txt")
    assert parsed.items[0].status is Status.WITHHELD
    assert parsed.items[0].embargo_until is None
    assert "embargo" in parsed.problems[0].what


@pytest.mark.parametrize("notice", ["Sperrfrist: aufgehoben", "Sperrfrist: keine", "Embargo: lifted"])
def test_an_embargo_that_was_lifted_holds_nothing(notice: str) -> None:
    (item,) = read(f"Kim reist\n\n{notice}\n\nText.".encode(), "story.txt").items
    assert (item.status, item.embargo_until) == (Status.USABLE, None)


@pytest.mark.parametrize(
    "headline",
    ["Sperrfrist für Aktienverkäufe endet", "Embargo gegen Russland verschärft", "Embargo bleibt bis Herbst"],
)
def test_news_about_an_embargo_is_no_embargo(headline: str) -> None:
    (item,) = read(f"{headline}\n\n{headline}, 3. September 20.15 Uhr.".encode(), "story.txt").items
    assert (item.status, item.embargo_until) == (Status.USABLE, None)


def test_a_story_in_windows_characters_is_read() -> None:
    (item,) = read("Müller „reist“ – ab\n\nText.".encode("cp1252"), "story.txt").items
    assert item.headline == "Müller „reist“ – ab"


def test_a_story_with_tags_in_it_is_read_without_them() -> None:
    (item,) = read(b"<h1>Kim reist</h1><p>Er f&auml;hrt.</p>", "story.html", format="plain").items
    assert (item.headline, item.body) == ("Kim reist", "Er fährt.")


def test_packed_data_is_no_story_in_chinese_characters() -> None:
    """Its zeros stand where those of UTF-16 would, and elsewhere too."""
    bomb = gzip_bomb(20)
    packed = gzip.compress(bomb)
    for data in (packed, packed[10:], bomb, bytes(64) + b"\xff" * 64):
        with pytest.raises(UnreadableError):
            read(data, media_type="")


def test_a_servers_excuse_is_no_news() -> None:
    """Over the web a text without the agency's form is an error page; in a file it is a story."""
    with pytest.raises(UnreadableError, match="text, not a feed"):
        read(b"Please try again later.", media_type="text/plain")
    assert read(b"Please try again later.", "story.txt").items[0].headline == "Please try again later."
