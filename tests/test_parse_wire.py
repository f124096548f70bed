"""The agencies' own formats: each story of the corpus becomes the item that it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.model import Instrument, Signal, Status
from service.parse.formats import UnreadableError
from tests.wires import NOW, body, items, read

# ---------------------------------------------------------------- IPTC 7901


def test_a_flash_in_iptc_7901_is_read_without_its_bells_and_its_notepad() -> None:
    (flash,) = items("eil.iptc7901.txt")
    assert flash.headline == "Fähre vor Amrum auf Grund gelaufen"
    assert flash.body == (
        "Eine Fähre mit 84 Menschen an Bord ist vor der Nordseeinsel Amrum auf Grund gelaufen. "
        "Verletzt wurde nach Angaben der Wasserschutzpolizei niemand."
    )
    assert (flash.urgency, flash.places, flash.agency) == (2, ("Wittdün",), "dpa")
    assert flash.published_at == datetime(2025, 9, 2, 3, 31, tzinfo=UTC), "local time, unless it says GMT"
    assert flash.external_id == "bdt0157-20250902"
    assert flash.keywords == ("Amrum", "Schifffahrt", "Notfälle")
    assert flash.sign_off == "dpa abc yydd n1 sku"
    assert flash.subjects == ("pl",)


def test_a_stream_of_messages_is_parted_and_each_read() -> None:
    yard, gala, kill = items("stream.iptc7901.txt")
    assert yard.headline == "«Wir bleiben am Wasser» - Eine Werft findet ihren Käufer", "Windows-1252"
    assert (yard.signal, yard.genre, yard.byline) == (
        Signal.CORRECTION,
        "KORR-Bericht",
        "Von Grete Holm, dpa",
    )
    assert yard.body.split("\n\n")[2:] == [
        "Zukunft bis 2030 gesichert",
        "Der Vertrag läuft bis zum Jahr 2030.",
    ]
    assert gala.embargo_until == datetime(2025, 9, 3, 18, 15, tzinfo=UTC)
    assert gala.genre == "Überblick"
    assert kill.signal is Signal.KILL
    assert "dpa 098" in kill.headline
    assert kill.published_at == datetime(2018, 11, 21, 21, 1, tzinfo=UTC)


def test_what_is_not_for_publication_is_in_the_note_alone() -> None:
    yard = items("stream.iptc7901.txt")[0]
    assert "5550199" in yard.note
    assert "1200 Beschäftigte, nicht 12.000" in yard.note
    assert "5550199" not in yard.body
    assert "Notizblock" not in yard.body


def test_a_message_without_its_end_is_ended_by_the_next() -> None:
    data = body("stream.iptc7901.txt").replace(b"\x03", b"")
    parsed = read(data)
    assert len(parsed.items) == 3
    assert "Kiel" not in parsed.items[0].body


def message(block: str) -> bytes:
    head = f"\x01bdt0001 4 pl 9  dpa 0001\n\nKim/\n\x02{block} =\n\n"
    return f"{head}Peking (dpa) - Kim.\n\x03020531 Sep 25\n".encode()


@pytest.mark.parametrize(
    ("block", "headline", "signal", "status"),
    [
        ("(Wiederholung)\nKim reist", "Kim reist", Signal.REPEAT, Status.USABLE),
        ("(Neu: Ankunft)\nKim reist", "Kim reist", Signal.UPDATE, Status.USABLE),
        ("(Achtung) Bitte nicht verwenden\nKim reist", "Kim reist", Signal.KILL, Status.CANCELED),
        ("(Zusammenfassung)\nKim\nreist\n(Foto vom\nZug)", "Kim reist", Signal.NONE, Status.USABLE),
        ("(Sperrfrist Beginn der Rede)\nKim reist", "Kim reist", Signal.NONE, Status.WITHHELD),
        ("(Blitz) Kim reist", "Kim reist", Signal.NONE, Status.USABLE),
    ],
)
def test_the_notes_before_a_headline_mean_something(
    block: str, headline: str, signal: Signal, status: Status
) -> None:
    (item,) = read(message(block)).items
    assert (item.headline, item.signal, item.status) == (headline, signal, status)


def test_the_numbers_of_a_service_begin_anew_at_its_own_midnight() -> None:
    """Both were sent on the same day of UTC, at ten past two and at ten to two of the night after."""
    early, late = (
        message("Kim reist").replace(b"020531 Sep", stamp) for stamp in (b"020210 Sep", b"030150 Sep")
    )
    assert read(early).items[0].external_id == "bdt0001-20250902"
    assert read(late).items[0].external_id == "bdt0001-20250903"


def test_a_message_that_cannot_be_read_costs_no_other() -> None:
    parsed = read(body("eil.iptc7901.txt") + b"\x01???\x02x\x03" + body("eil.iptc7901.txt"))
    assert len(parsed.items) == 2
    assert parsed.problems[0].what == "a message without a header"


# ---------------------------------------------------------------- ANPA 1312


def test_an_anpa_message_is_read() -> None:
    (bridge,) = items("message.anpa1312.txt")
    assert bridge.headline == "Harbor bridge closes for a month after barge strike"
    assert bridge.body.startswith("The harbor bridge will stay shut for a month after a barge")
    assert (bridge.places, bridge.agency) == (("DULUTH, Minn.",), "AP")
    assert (bridge.version, bridge.signal) == ("1st Ld-Writethru", Signal.UPDATE)
    assert (bridge.slug, bridge.urgency) == ("US--Harbor Bridge", 4)
    assert bridge.byline == "By DANA WHITLOCK"
    assert bridge.published_at == datetime(2018, 11, 13, 10, 49, tzinfo=UTC)


def test_later_versions_of_an_anpa_story_share_its_identity() -> None:
    first = body("message.anpa1312.txt")
    later = first.replace(b"a0433", b"a0512").replace(b"1st Ld", b"2nd Ld").replace(b"1049GMT", b"1130GMT")
    (one,), (other,) = read(first).items, read(later).items
    assert one.external_id == other.external_id
    assert one.version != other.version


@pytest.mark.parametrize(
    ("words", "status", "signal"),
    [
        (b"KILL, Harbor Bridge", Status.CANCELED, Signal.KILL),
        (b"CORRECTION: Harbor Bridge", Status.USABLE, Signal.CORRECTION),
        (b"WITHHOLD Harbor Bridge", Status.WITHHELD, Signal.NONE),
    ],
)
def test_an_anpa_advisory_takes_back(words: bytes, status: Status, signal: Signal) -> None:
    data = body("message.anpa1312.txt").replace(b"Harbor bridge closes for a month after barge strike", words)
    (item,) = read(data).items
    assert (item.status, item.signal) == (status, signal)


def test_a_headline_about_a_kill_takes_nothing_back() -> None:
    words = b"Police KILL three, HOLD two and await CORRECTION of bail"
    data = body("message.anpa1312.txt").replace(b"Harbor bridge closes for a month after barge strike", words)
    (item,) = read(data).items
    assert (item.headline, item.status, item.signal) == (words.decode(), Status.USABLE, Signal.UPDATE)


def test_a_line_to_the_desks_is_no_headline() -> None:
    headline = b"^Harbor bridge closes for a month after barge strike<\n"
    data = body("message.anpa1312.txt").replace(b"\r\n", b"\n").replace(headline, b"")
    assert headline not in data
    data = data.replace(b"^Eds: Updates with quotes.<\n", b"^Eds: Updates with quotes.<\n" + headline)
    (item,) = read(data).items
    assert item.headline == "Harbor bridge closes for a month after barge strike"
    assert "Eds: Updates with quotes." in item.note


# ---------------------------------------------------------------- notices of embargo

NOTICE = "Sperrfrist: 3. September 20.15 Uhr"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("eil.iptc7901.txt", "Wittdün (dpa) -", f"Achtung: {NOTICE}\n\n   Wittdün (dpa) -"),
        ("message.anpa1312.txt", "Eds: Updates with quotes.", "Eds: EMBARGOED UNTIL 2:15 p.m. EDT Sept. 3."),
        ("message.newsmlg2.xml", "</itemMeta>", f"<edNote>{NOTICE}</edNote></itemMeta>"),
        (
            "envelope.newsml12.xml",
            "</NewsManagement>",
            f"<Instruction>{NOTICE}</Instruction></NewsManagement>",
        ),
        ("story.nitf.xml", "</docdata>", f'<ed-msg info="{NOTICE}"/></docdata>'),
        ("story.ninjs1.json", "Adds quotes.", NOTICE),
        ("entries.dpa.json", '"ednotes": [', f'"ednotes": [{{"ednote": "{NOTICE}"}}, '),
    ],
)
def test_an_embargo_holds_that_an_agency_writes_beside_the_field_for_it(
    name: str, old: str, new: str
) -> None:
    data = body(name)
    changed = data.replace(old.encode(), new.encode(), 1)
    assert changed != data
    item = read(changed).items[0]
    assert item.embargo_until == datetime(2025, 9, 3, 18, 15, tzinfo=UTC)


def test_the_field_for_an_embargo_decides_over_a_notice() -> None:
    data = body("story.ninjs1.json").replace(
        b'Adds quotes."', f'{NOTICE}", "embargoed": "2025-09-04T08:00:00Z"'.encode(), 1
    )
    assert read(data).items[0].embargo_until == datetime(2025, 9, 4, 8, 0, tzinfo=UTC)


def test_news_in_a_feed_about_an_embargo_is_not_held() -> None:
    news = "Embargo: Was die EU am 3. September 20.15 Uhr plant"
    entry = f"<item><title>Öl</title><description>{news}</description></item>"
    (item,) = read(f"<rss version='2.0'><channel>{entry}</channel></rss>".encode()).items
    assert item.embargo_until is None


# ---------------------------------------------------------------- NewsML-G2


def test_a_g2_message_gives_its_texts_and_counts_what_it_leaves_out() -> None:
    parsed = read(body("message.newsmlg2.xml"))
    ferry, gala, storm, package = parsed.items
    assert ferry.external_id == "urn:newsml:kueste.example:20250902:faehre"
    assert (ferry.version, ferry.signal, ferry.status) == ("3", Signal.CORRECTION, Status.USABLE)
    assert ferry.headline == "Fähre vor Amrum auf Grund - 84 Menschen an Bord"
    assert ferry.body == "Die Fähre mit 84 Menschen sitzt fest.\n\nVerletzt wurde niemand."
    assert ferry.published_at == datetime(2025, 9, 2, 3, 24, tzinfo=UTC)
    assert ferry.updated_at == datetime(2025, 9, 2, 3, 38, tzinfo=UTC)
    assert (ferry.places, ferry.agency, ferry.language) == (("Wittdün",), "Küstendienst", "de")
    assert ferry.subjects == ("medtop:20000148", "org:windrose")
    assert ferry.instruments == (Instrument("ticker", "WNDR.DE"),)
    assert (ferry.urgency, ferry.genre, ferry.slug) == (3, "Bericht", "Amrum/Schifffahrt")
    assert (ferry.byline, ferry.rights) == ("Hanna Petersen", "(c) Küstendienst 2025")
    assert "84, nicht 48" in ferry.note
    assert gala.status is Status.WITHHELD, "an empty embargo is one without end"
    assert (storm.status, storm.signal) == (Status.CANCELED, Signal.KILL)
    assert (package.genre, package.body) == ("collection", "")
    assert [problem.what for problem in parsed.problems] == ["an item of class picture was left out: no text"]


@pytest.mark.parametrize(
    ("embargoed", "until", "status"),
    [
        ("2025-09-03T20:15:00+02:00", datetime(2025, 9, 3, 18, 15, tzinfo=UTC), Status.USABLE),
        ("2025-09-03T20:15:00", datetime(2025, 9, 3, 18, 15, tzinfo=UTC), Status.USABLE),
        ("after the speech", None, Status.WITHHELD),
        ("1025-09-03T20:15:00Z", None, Status.WITHHELD),
        ("2125-09-03T20:15:00Z", None, Status.WITHHELD),
    ],
)
def test_an_embargo_in_g2_holds_or_withholds(embargoed: str, until: datetime | None, status: Status) -> None:
    data = body("message.newsmlg2.xml").replace(
        b"<embargoed/>", f"<embargoed>{embargoed}</embargoed>".encode()
    )
    parsed = read(data)
    assert (parsed.items[1].embargo_until, parsed.items[1].status) == (until, status)
    assert (len(parsed.problems) > 1) == (until is None)


def test_a_status_in_g2_may_be_named_by_uri() -> None:
    cv = b"http://cv.iptc.org/newscodes/"
    data = body("message.newsmlg2.xml").replace(
        b'<pubStatus qcode="stat:usable"/>', b'<pubStatus uri="' + cv + b'pubstatusg2/canceled"/>', 1
    )
    (item, *_) = read(data).items
    assert (item.status, item.signal) == (Status.CANCELED, Signal.KILL)


def test_a_g2_message_that_only_shows_that_the_line_lives_is_no_fault() -> None:
    parsed = read(b"<newsMessage><header><sent>2025-09-02T12:00:00Z</sent></header><itemSet/></newsMessage>")
    assert parsed.items == ()
    assert [problem.what for problem in parsed.problems] == ["a message without a news item"]


def test_a_g2_item_alone_is_read_too() -> None:
    data = body("message.newsmlg2.xml")
    start, end = data.index(b"<newsItem"), data.index(b"</newsItem>") + len(b"</newsItem>")
    namespace = b'<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/"'
    (ferry,) = read(data[start:end].replace(b"<newsItem", namespace, 1)).items
    assert ferry.version == "3"


# ---------------------------------------------------------------- NewsML 1.2 and NITF


def test_newsml_1_is_read_with_the_nitf_inside() -> None:
    ferry, prize = items("envelope.newsml12.xml")
    assert ferry.external_id == "cotes.example:20250902:TX-PAR-7", "without the revision"
    assert (ferry.version, ferry.signal, ferry.urgency) == ("2", Signal.CORRECTION, 2)
    assert ferry.headline == "Un ferry échoué au large d'Amrum"
    assert ferry.body == "Un ferry avec 84 passagers s'est échoué mardi.\n\nAucun blessé n'est à déplorer."
    assert (ferry.agency, ferry.language, ferry.places) == ("Côtes Presse", "fr", ("Wittdün",))
    assert ferry.updated_at == datetime(2025, 9, 2, 3, 34, tzinfo=UTC)
    assert ferry.subjects == ("subj:03000000", "subj:03010000")
    assert prize.embargo_until == datetime(2025, 9, 3, 16, 0, tzinfo=UTC)
    assert (prize.status, prize.signal) == (Status.USABLE, Signal.NONE)


def test_an_embargo_without_a_date_withholds_in_newsml_1_and_nitf() -> None:
    newsml = body("envelope.newsml12.xml").replace(b"20250903T180000+0200", b"soon")
    assert read(newsml).items[1].status is Status.WITHHELD
    nitf = body("story.nitf.xml").replace(b'"usable"', b'"embargoed"')
    (held,) = read(nitf).items
    assert (held.status, held.embargo_until) == (Status.USABLE, datetime(2025, 9, 2, 11, 0, tzinfo=UTC))
    (withheld,) = read(nitf.replace(b"20250902T110000Z", b"soon")).items
    assert withheld.status is Status.WITHHELD


def test_nitf_is_read_without_its_pictures() -> None:
    (bridge,) = items("story.nitf.xml")
    assert bridge.headline == "Harbor bridge closes for a month"
    assert bridge.lead == "The bridge will stay shut — for a month, officials of Harbor Rail said."
    assert bridge.body.split("\n\n")[1:] == ["Monday closed\nFriday open"]
    assert (bridge.external_id, bridge.version) == ("lake-20250902-17", "3")
    assert (bridge.signal, bridge.urgency, bridge.language) == (Signal.CORRECTION, 2, "en")
    assert (bridge.places, bridge.agency, bridge.byline) == (("Duluth",), "Lake Wire", "Dana Whitlock")
    assert bridge.instruments == (Instrument("ticker", "HBR"),)
    assert bridge.note == "Adds quotes.\n\nFixes the name of the river."
    assert bridge.published_at == datetime(2025, 9, 2, 10, 49, tzinfo=UTC)
    assert bridge.embargo_until is None, "a date of release alone is no embargo"


def test_a_bare_ampersand_costs_no_story() -> None:
    parsed = read(body("story.nitf.xml").replace(b"Harbor Rail", b"Harbor & Rail"))
    assert "Harbor & Rail" in parsed.items[0].body
    assert parsed.problems


# ---------------------------------------------------------------- ninjs and dpa


def test_ninjs_1_is_read() -> None:
    (bridge,) = items("story.ninjs1.json")
    assert bridge.external_id == "urn:newsml:lake.example:2025:bridge"
    assert bridge.body == "The bridge will stay shut for a month.\n\nTrucks use the tunnel."
    assert (bridge.version, bridge.urgency, bridge.genre) == ("2", 3, "Current")
    assert (bridge.places, bridge.agency) == (("Duluth",), "Lake Wire")
    assert bridge.subjects == ("medtop:20000337",)
    assert bridge.instruments == (Instrument("ticker", "HBR"),)
    assert bridge.note == "Adds quotes."


def test_ninjs_3_is_read_with_its_many_headlines() -> None:
    withdrawn, bridge = items("items.ninjs3.json")
    assert (withdrawn.status, withdrawn.signal) == (Status.CANCELED, Signal.KILL)
    assert bridge.headline == "Brücke bleibt gesperrt"
    assert bridge.embargo_until == datetime(2025, 9, 3, 4, 0, tzinfo=UTC)
    assert bridge.agency == "Seedienst"


def test_the_versions_of_a_dpa_story_share_its_urn() -> None:
    flash, corrected, recalled, held = items("entries.dpa.json")
    assert flash.external_id == corrected.external_id == recalled.external_id
    assert [item.version for item in (flash, corrected, recalled)] == ["1", "2", "3"]
    assert (flash.urgency, flash.places, flash.agency) == (2, ("Wittdün",), "dpa")
    assert flash.keywords == ("Amrum", "Schifffahrt")
    assert flash.sign_off == "dpa abc yydd n1 sku"
    assert corrected.signal is Signal.CORRECTION
    assert corrected.body.split("\n\n")[-1] == "Die Fähre fährt seit 1998."
    assert corrected.updated_at == datetime(2025, 9, 2, 4, 5, tzinfo=UTC)
    assert "Berichtigt die Zahl" in corrected.note
    assert "5550199" in corrected.note
    assert "5550199" not in corrected.body
    assert (recalled.status, recalled.signal) == (Status.CANCELED, Signal.KILL)
    assert held.status is Status.WITHHELD, "an embargo that cannot be understood"


def test_a_recall_without_a_word_is_kept() -> None:
    """The one that it takes back is found by its identity alone."""
    (item,) = read(
        b'{"urn": "u:1", "version": 2, "version_created": "2025-09-02", "pubstatus": "canceled"}'
    ).items
    assert (item.headline, item.status) == ("", Status.CANCELED)


def test_an_empty_queue_is_no_fault() -> None:
    assert read(b'{"entries": []}').items == ()


def test_entries_that_are_none_are_refused() -> None:
    with pytest.raises(UnreadableError, match="no dpa digital wire"):
        read(b'{"entries": [{"title": "Kim"}]}')


def test_an_empty_list_of_ninjs_is_no_fault_where_the_source_says_that_it_is_one() -> None:
    assert read(b'{"items": []}', format="ninjs").items == ()
    with pytest.raises(UnreadableError):
        read(b'{"error": "busy"}', format="ninjs")


# ---------------------------------------------------------------- sitemaps, and all of them


def test_a_news_sitemap_is_headlines_and_links() -> None:
    (ferry,) = items("news.sitemap.xml")
    assert ferry.headline == 'Fähre "Windrose" läuft auf Grund'
    assert (ferry.agency, ferry.language) == ("Nordbote", "de")
    assert ferry.published_at == datetime(2025, 9, 2, 3, 24, tzinfo=UTC)
    assert ferry.keywords == ("Amrum", "Fähre")
    assert ferry.instruments == (Instrument("ticker", "WNDR"),)
    assert ferry.canonical_link == "nordbote.example/kueste/faehre-windrose-4711.html"


def test_a_title_of_a_sitemap_may_be_escaped_twice() -> None:
    data = body("news.sitemap.xml").replace("Fähre".encode(), b"M&amp;amp;A: F&amp;auml;hre", 1)
    assert read(data).items[0].headline.startswith("M&A: Fähre")


def test_a_sitemap_of_a_quiet_night_is_no_fault() -> None:
    assert read(b"<urlset>\n</urlset>").items == ()
    with pytest.raises(UnreadableError):
        read(b"<urlset>\n<url>")


def test_a_sitemap_without_news_says_so() -> None:
    with pytest.raises(UnreadableError, match="sitemap without news"):
        read(b"<urlset><url><loc>https://a.example/</loc></url></urlset>")


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("message.newsmlg2.xml", 3),
        ("envelope.newsml12.xml", 1),
        ("entries.dpa.json", 3),
        ("items.ninjs3.json", 2),
        ("news.sitemap.xml", 1),
        ("stream.iptc7901.txt", 3),
    ],
)
def test_what_came_whole_before_the_cut_is_kept(name: str, whole: int) -> None:
    data = body(name)
    parsed = read(data[: len(data) * 97 // 100])
    assert len(parsed.items) == whole


def test_an_xml_story_that_was_cut_is_refused_and_not_stored_in_half() -> None:
    with pytest.raises(UnreadableError, match="not readable as XML"):
        read(body("story.nitf.xml")[:-100])


def test_a_date_ahead_of_the_clock_is_no_embargo() -> None:
    data = body("story.ninjs1.json").replace(b"2025-09-02T10", b"2025-09-05T10")
    (item,) = read(data).items
    assert item.published_at == item.updated_at == NOW
    assert item.embargo_until is None
    assert item.status is Status.USABLE
