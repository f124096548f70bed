"""What the desks' marks say, and what only looks like a mark."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config import Agency
from service.errors import ConfigError
from service.model import Item, Signal, Status
from service.story.marks import TABLES, bare, check, mark_length, read

NONE, UPDATE, REPEAT, CORRECTION, KILL = (
    Signal.NONE,
    Signal.UPDATE,
    Signal.REPEAT,
    Signal.CORRECTION,
    Signal.KILL,
)


@pytest.mark.parametrize(
    ("agency", "headline", "signal", "rest"),
    [
        ("dpa-AFX", "ROUNDUP: Kim reist nach Peking", UPDATE, "Kim reist nach Peking"),
        ("dpa-AFX", "ROUNDUP 2: Kim reist nach Peking", UPDATE, "Kim reist nach Peking"),
        ("dpa-AFX", "ROUNDUP/Nordkorea: Kim reist ab", UPDATE, "Nordkorea: Kim reist ab"),
        ("dpa-AFX", "WDH: Kim reist nach Peking", REPEAT, "Kim reist nach Peking"),
        ("dpa-AFX", "WDH/ROUNDUP: Kim reist nach Peking", UPDATE, "Kim reist nach Peking"),
        ("dpa-AFX", "WDH/KORREKTUR/ROUNDUP 2: Kim reist ab", CORRECTION, "Kim reist ab"),
        ("dpa-AFX", "KORREKTUR: Werk schließt erst 2027", CORRECTION, "Werk schließt erst 2027"),
        ("dpa", "(Eil) Kim in Peking eingetroffen", NONE, "Kim in Peking eingetroffen"),
        ("dpa", "(Berichtigung: Zahl im 2. Absatz) Kim in Peking", CORRECTION, "Kim in Peking"),
        ("dpa", "(Achtung) Kim in Peking", KILL, "Kim in Peking"),
        (
            "dpa",
            "ACHTUNG: Meldung dpa 0123 bitte nicht verwenden",
            KILL,
            "Meldung dpa 0123 bitte nicht verwenden",
        ),
        ("AFP", "2. LEAD: Kim reist ab", UPDATE, "Kim reist ab"),
        ("AFP", "RECTIFICATIF: Kim part pour Pékin", CORRECTION, "Kim part pour Pékin"),
        ("AFP", "ANNULATION: Kim part pour Pékin", KILL, "Kim part pour Pékin"),
        ("Reuters", "UPDATE 3-Kim boards train for Beijing", UPDATE, "Kim boards train for Beijing"),
        ("Reuters", "CORRECTED-UPDATE 2-Kim boards train", CORRECTION, "Kim boards train"),
        ("Reuters", "WRAPUP 1-Kim boards train", UPDATE, "Kim boards train"),
        ("Reuters", "UPDATE 1-KIM BOARDS TRAIN", UPDATE, "KIM BOARDS TRAIN"),
        ("Reuters", "RPT-Kim boards train", REPEAT, "Kim boards train"),
        ("Reuters", "REFILE-Kim boards train", REPEAT, "Kim boards train"),
        ("Reuters", "STORY WITHDRAWN: Kim boards train", KILL, "Kim boards train"),
        ("AP", "Correction: Kim-Trip story", CORRECTION, "Kim-Trip story"),
        ("AP", "KILL--Kim-Trip", KILL, "Kim-Trip"),
        ("Bloomberg", "Kim Boards Train for Beijing (Correct)", CORRECTION, "Kim Boards Train for Beijing"),
        ("Bloomberg", "Kim Boards Train for Beijing (Update 2)", UPDATE, "Kim Boards Train for Beijing"),
        ("", "UPDATE 1-Kim boards train", UPDATE, "Kim boards train"),
        ("", "KORREKTUR/ROUNDUP: Kim reist ab", CORRECTION, "Kim reist ab"),
        ("", "KILL KILL KILL: Kim reist ab", KILL, "Kim reist ab"),
        ("", "HOLD HOLD HOLD - Kim reist ab", KILL, "Kim reist ab"),
        ("", "+++ EIL +++ Kim in Peking", NONE, "Kim in Peking"),
        ("", "Kim reist ab (Wiederholung)", REPEAT, "Kim reist ab"),
    ],
)
def test_a_mark_gives_its_signal_and_is_no_part_of_the_headline(
    agency: str, headline: str, signal: Signal, rest: str
) -> None:
    item = read(Item(headline=headline, agency=agency))
    assert (item.signal, bare(headline, agency)) == (signal, rest)
    assert item.headline == headline
    assert item.marks


@pytest.mark.parametrize(
    "headline",
    [
        "Roundup weedkiller trial: jury awards millions",
        "ROUNDUP weedkiller costs maker billions",
        "Bayer stops ROUNDUP: shares rise",
        "Update für Millionen Geräte: Hersteller warnt",
        "Kill Bill: Tarantino plant dritten Teil",
        "KILL BILL: der dritte Teil",
        "Lead in drinking water: what to do",
        "Eilig: Stadt sucht Busfahrer",
        "Presseschau in eigener Sache",
        "US-Regierung: Zölle kommen",
        "EU: Kommission rügt Ungarn",
        "IPOs erleben ein Rekordjahr",
        "Korrektur der Wachstumszahlen: Institut wird vorsichtiger",
        "Analysts: rate cut likely",
        "ACHTUNG: Glatteis in Bayern",
        "ACHTUNG: Diese Kindersitze bitte nicht mehr verwenden",
        "RÜCKZUG: Trainer hört auf",
        "LEAD POISONING: CITY SUED",
        "OIL-RICH STATE SEEKS LOAN",
        "KILL-Switch for cars becomes law",
        "* Sterne über Kiel",
        "A1: Unfall mit drei Lastwagen",
        "Flash floods: dozens missing",
        "USA/Iran: Gespräche vertagt",
        "Kim reist ab (neunte Reise)",
        "Update1 Ltd files for bankruptcy",
    ],
)
@pytest.mark.parametrize("agency", ["", "dpa", "Reuters"])
def test_words_that_look_like_marks_are_none(agency: str, headline: str) -> None:
    item = Item(headline=headline, agency=agency)
    assert read(item) == item
    assert bare(headline, agency) == headline
    assert mark_length(headline, agency) == 0


@pytest.mark.parametrize(
    ("headline", "genre"),
    [
        ("EQS-Adhoc: Muster AG senkt Prognose", "ad-hoc"),
        ("EQS-PVR: Muster AG: Veröffentlichung gemäß § 40 WpHG", "holdings"),
        ("DGAP-DD: Muster AG: Kauf", "holdings"),
        ("EQS-News: Muster AG legt Zahlen vor", "issuer"),
        ("OTS: Verband fordert Reform", "issuer"),
        ("PRESS RELEASE: Muster plc", "issuer"),
        ("dpa-AFX Überblick: UNTERNEHMEN - Die wichtigsten Meldungen", "collection"),
        ("WDH/dpa-AFX-Überblick: KONJUNKTUR", "collection"),
        ("TOP NEWS: What matters today", "collection"),
        ("TAGESVORSCHAU: Termine am 3. März", "preview"),
        ("Devisen: Eurokurs gibt leicht nach", "market"),
        ("Aktien Frankfurt Eröffnung: Dax legt zu", "market"),
        ("ROUNDUP/Aktien Frankfurt Schluss: Dax legt zu", "market"),
        ("INDEX-MONITOR: Muster steigt ab", "market"),
        ("AKTIE IM FOKUS: Muster bricht ein", "market"),
        ("GLOBAL MARKETS-Stocks slip", "market"),
        ("ANALYSE-FLASH: Bank senkt Muster auf Halten", "analysis"),
        ("Presse: Muster prüft Verkauf", "press-review"),
        ("FACTBOX-What to know about the train", "background"),
        ("EXCLUSIVE-Train ordered last year", "exclusive"),
        ("BRIEF-Muster posts loss", "brief"),
        ("DIARY-Political events", "preview"),
    ],
)
def test_a_mark_can_tell_the_genre(headline: str, genre: str) -> None:
    assert read(Item(headline=headline)).genre == genre
    assert read(Item(headline=headline, genre="interview")).genre == "interview"


def test_a_bracketed_warning_recalls_only_where_the_agency_is_known() -> None:
    warning = Item(headline="(Achtung) Glatteis in Bayern")
    assert read(warning).signal is NONE
    assert read(replace(warning, agency="dpa")).signal is KILL


def test_a_label_in_ordinary_words_stays_readable() -> None:
    assert mark_length("Devisen: Eurokurs gibt nach") == 0
    assert mark_length("ROUNDUP/Aktien Frankfurt: Dax legt zu") == len("ROUNDUP/")
    assert read(Item(headline="ROUNDUP/Devisen: Euro")).marks == ("ROUNDUP", "Devisen")


@pytest.mark.parametrize(
    ("headline", "urgency"),
    [
        ("BLITZ: Kim in Peking", 1),
        ("EILMELDUNG: Kim in Peking", 2),
        ("EIL: Kim in Peking", 2),
        ("*KIM ARRIVES IN BEIJING", 2),
        ("EQS-Adhoc: Muster AG", 3),
        ("Kim in Peking", 0),
    ],
)
def test_a_flash_mark_raises_the_urgency(headline: str, urgency: int) -> None:
    assert read(Item(headline=headline)).urgency == urgency
    assert read(Item(headline=headline, urgency=1)).urgency == 1
    assert read(Item(headline=headline, urgency=6)).urgency == (urgency or 6)


def test_what_the_format_says_is_never_weakened_by_a_mark() -> None:
    structured = Item(headline="WDH: Kim reist ab", signal=CORRECTION, status=Status.CANCELED)
    item = read(structured)
    assert (item.signal, item.status, item.marks) == (CORRECTION, Status.CANCELED, ("WDH",))
    assert read(replace(structured, headline="KORREKTUR: Kim", signal=REPEAT)).signal is CORRECTION


@pytest.mark.parametrize(
    ("slug", "signal"),
    [
        ("NKOREA-TRAVEL/ (UPDATE 1, CORRECTED)", CORRECTION),
        ("NKOREA-TRAVEL/ (UPDATE 1)", UPDATE),
        ("BC-Kim-Trip,2nd Ld-Writethru", UPDATE),
        ("BC-Kim-Trip-KILL", KILL),
        ("skill-shortage-corrected-leads", NONE),
    ],
)
def test_marks_stand_in_slugs_too(slug: str, signal: Signal) -> None:
    assert read(Item(headline="Kim boards train", slug=slug)).signal is signal


@pytest.mark.parametrize(
    ("body", "signal"),
    [
        ("(Berichtigung: 3. Absatz, 2027 statt 2026)\n\nDas Werk schließt.", CORRECTION),
        ("(Neu: Reaktion der Ministerin)\n\nDas Werk schließt.", UPDATE),
        ("(Wiederholung)\n\nDas Werk schließt.", REPEAT),
        ("Please kill item dpa 157 'Works to close'. A corrected story will follow.", KILL),
        ('"Please hold the story," the editor said, and put down her 20 pages.', NONE),
        ("Das Werk schließt (neu: im Mai).\n\nBitte nicht mehr verwenden, warnt der Hersteller.", NONE),
    ],
)
def test_a_desk_writes_its_own_lines_before_the_text(body: str, signal: Signal) -> None:
    assert read(Item(headline="Werk schließt", body=body)).signal is signal


def test_the_configuration_adds_marks_and_overrules_the_tables() -> None:
    own = {"mdw": Agency(marks={"STAND": "update", "AUSSER KRAFT": "kill"}, genres={"WETTER": "weather"})}
    assert read(Item(headline="STAND 3: Kim reist", agency="mdw"), own).signal is UPDATE
    assert read(Item(headline="AUSSER KRAFT: Kim reist", agency="MDW"), own).signal is KILL
    assert read(Item(headline="WETTER: Sturm", agency="mdw"), own).genre == "weather"
    assert read(Item(headline="STAND 3: Kim reist", agency="dpa"), own).signal is NONE
    assert mark_length("STAND 3: Kim reist", "mdw", own) == len("STAND 3: ")
    quiet = {"dpa-AFX": Agency(marks={"KORREKTUR": "none"})}
    assert read(Item(headline="KORREKTUR: Kim", agency="dpa-AFX"), quiet).signal is NONE


def test_a_mark_of_the_configuration_that_means_nothing_is_named() -> None:
    check({"mdw": Agency(marks={"STAND": "flash"})})
    with pytest.raises(ConfigError, match=r"agencies\.mdw\.marks\.STAND: 'updated' is none of correction, "):
        check({"mdw": Agency(marks={"STAND": "updated"})})


pieces = st.sampled_from(
    [
        "WDH",
        "ROUNDUP 2",
        "KORREKTUR",
        "UPDATE 1",
        "EIL",
        "(Eil)",
        "*",
        "/",
        ":",
        "-",
        " ",
        "Kim",
        "reist",
        "ß",
        "\n",
    ]
)


@given(st.lists(pieces, max_size=12).map("".join), st.sampled_from(["", *TABLES]))
def test_reading_twice_changes_nothing_and_marks_lie_inside(headline: str, agency: str) -> None:
    item = read(Item(headline=headline, agency=agency))
    assert read(item) == item
    assert 0 <= mark_length(headline, agency) <= len(headline)
    assert bare(headline, agency) in headline
    assert bool(bare(headline, agency)) == bool(headline.strip())
