"""Feeds: RSS, RDF, Atom and JSON Feed to items, and what is kept of broken ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from service.model import Freshness, Item
from service.parse.formats import UnreadableError
from tests.wires import NOW, body, items, read

CET = timedelta(hours=2)


MODULES = (
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
)


def rss(*entries: str, channel: str = "") -> bytes:
    items = "".join(f"<item>{entry}</item>" for entry in entries)
    feed = f'<rss version="2.0" {MODULES}><channel><title>Bote</title>{channel}{items}</channel></rss>'
    return f'<?xml version="1.0" encoding="utf-8"?>{feed}'.encode()


def only(data: bytes) -> Item:
    parsed = read(data)
    assert len(parsed.items) == 1, parsed
    return parsed.items[0]


def test_an_rss_entry_becomes_an_item_with_all_it_carries() -> None:
    ferry = items("portal.rss.xml")[0]
    assert ferry.headline == 'Fähre "Windrose" läuft vor Amrum auf Grund', "escaped twice, as many portals do"
    assert ferry.body.split("\n\n") == [
        "Die Fähre sitzt seit dem Morgen fest. Mehr",
        "Wittdün. Die Fähre „Windrose“ ist am Dienstag vor Amrum auf Grund gelaufen.",
        "An Bord waren 84 Menschen,\nverletzt wurde niemand.",
        "Bergung mit der Flut",
        "Fährplan ausgesetzt",
    ]
    assert ferry.source == 7
    assert ferry.external_id == "nordbote-4711"
    assert ferry.published_at == datetime(2025, 9, 2, 3, 24, tzinfo=UTC)
    assert ferry.received_at == NOW
    assert ferry.keywords == ("Küste", "Schifffahrt", "Amrum", "Fähre")
    assert ferry.subjects == ("Schifffahrt",)
    assert (ferry.byline, ferry.agency, ferry.rights) == ("Hanna Petersen", "NBK", "Nordbote Verlag")
    assert ferry.language == "de"
    assert ferry.link.startswith("https://www.nordbote.example/kueste/faehre-windrose-4711.html?utm_source")
    assert ferry.canonical_link == "nordbote.example/kueste/faehre-windrose-4711.html"


def test_a_teaser_that_only_begins_the_text_is_not_repeated() -> None:
    trip = items("portal.rss.xml")[1]
    assert trip.headline == "Kim Jong Un bricht zu seltener Auslandsreise auf", "the soft hyphen is gone"
    assert trip.body == "Der Machthaber verlässt das Land mit dem Zug. Sein Ziel ist Peking."


def test_a_date_without_a_zone_is_wall_clock_time_of_the_source() -> None:
    assert items("portal.rss.xml")[1].published_at == datetime(2025, 9, 2, 4, 10, tzinfo=UTC)
    entry = rss("<title>Kim</title><pubDate>2025-09-02 06:10</pubDate>")
    assert read(entry, timezone="UTC").items[0].published_at == datetime(2025, 9, 2, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "stamp",
    [
        "Di, 02 Sep 2025 08:10:00 +0200",
        "2. September 2025 08:10 MESZ",
        "Tue, 02 Sep 2025 08:10:00 CEST",
        "Tue Sep 02 08:10:00 CEST 2025",
        "Tue, 02 Sep 2025 07:10:00 BST",
        "02.09.2025 08:10",
        "Tue, 02 Sep 2025 08:10",
    ],
)
def test_a_date_may_be_written_in_german_and_name_a_european_zone(stamp: str) -> None:
    entry = only(rss(f"<title>Kim</title><pubDate>{stamp}</pubDate>"))
    assert entry.published_at == datetime(2025, 9, 2, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("Fr, 28 Mär 2025 23:30:15 +0100", datetime(2025, 3, 28, 22, 30, 15, tzinfo=UTC)),
        ("Di, 31 Dez 2024 23:30 +0100", datetime(2024, 12, 31, 22, 30, tzinfo=UTC)),
        ("Mi, 01 Okt 24 00:30", datetime(2024, 9, 30, 22, 30, tzinfo=UTC)),
        ("Mi, 41 Okt 2024 00:30", None),
        ("Mi, 01 Foo 2024 00:30", None),
        ("Mi, 01 Okt 2024 00:30 +9999", None),
        ("heute", None),
    ],
)
def test_a_german_month_is_a_month_and_what_is_none_is_no_date(stamp: str, at: datetime | None) -> None:
    assert only(rss(f"<title>Kim</title><pubDate>{stamp}</pubDate>")).published_at == at


def test_a_relative_link_is_joined_to_where_the_document_came_from() -> None:
    assert (
        items("portal.rss.xml")[1].link == "https://www.nordbote.example/ausland/kim-auslandsreise-4712.html"
    )


def test_each_entry_is_joined_to_the_base_that_it_is_under() -> None:
    one = '<title>Kim</title><link xml:base="https://archiv.example/2025/">kim.html</link>'
    other = "<title>Xi</title><link>xi.html</link>"
    links = [item.link for item in read(rss(one, other), url="https://bote.example/feed/rss.xml").items]
    assert links == ["https://archiv.example/2025/kim.html", "https://bote.example/feed/xi.html"]


@pytest.mark.parametrize("url", ["https://bote.example/feed.xml", "http://neu.bote.example/rss/"])
def test_a_guid_stays_what_it_is_wherever_the_feed_moves(url: str) -> None:
    """`isPermaLink` is true where a feed does not say otherwise, and many number their entries."""
    entry = rss("<title>Kim</title><guid>artikel-4711</guid>")
    assert [item.external_id for item in read(entry, url=url).items] == ["artikel-4711"]


def test_a_guid_is_a_link_where_it_looks_like_one() -> None:
    kim = "https://bote.example/kim"
    assert only(rss(f"<title>Kim</title><guid>{kim}</guid>")).link == kim
    assert only(rss("<title>Kim</title><guid>artikel-4711</guid>")).link == ""


def test_the_words_of_a_media_feed_are_keywords() -> None:
    entry = "<title>Kim</title><category>Asien</category><media:keywords>Zug, Peking</media:keywords>"
    assert only(rss(entry)).keywords == ("Asien", "Zug", "Peking")


@pytest.mark.parametrize("link", ["http://[::1", "", "javascript:alert(1)"])
def test_an_entry_whose_link_leads_nowhere_has_none(link: str) -> None:
    assert only(rss(f"<title>Kim</title><link>{link}</link>")).link == ""


def test_a_feed_says_when_to_come_back_and_who_it_is() -> None:
    feed = read(body("portal.rss.xml")).feed
    assert (feed.title, feed.language) == ("Nordbote & Küstenblatt", "de")
    assert (feed.link, feed.hub) == ("https://www.nordbote.example/", "https://hub.nordbote.example/")
    assert feed.freshness == Freshness(
        ttl=timedelta(minutes=30), skip_hours=frozenset({0, 3}), skip_days=frozenset({6})
    )


@pytest.mark.parametrize(
    ("channel", "ttl"),
    [
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl>soon</ttl>", None),
        ("<ttl>0</ttl>", None),
        ("<ttl>99999999999999999999</ttl>", None),
        (
            '<u:updatePeriod xmlns:u="http://purl.org/rss/1.0/modules/syndication/">daily</u:updatePeriod>',
            timedelta(days=1),
        ),
    ],
)
def test_a_time_to_live_is_a_number_of_minutes_or_nothing(channel: str, ttl: timedelta | None) -> None:
    assert read(rss("<title>Kim</title>", channel=channel)).feed.freshness.ttl == ttl


def test_an_atom_entry_from_an_alert_leads_to_the_page_itself() -> None:
    crane, ferry = items("agency.atom.xml")
    assert crane.headline == "Port of Leith shut after crane collapse"
    assert crane.body.startswith("Police closed the port & two roads.\n\nLEITH, Scotland – The port")
    assert crane.link == "https://www.harborwire.example/leith-crane?id=42&utm_campaign=alert"
    assert crane.canonical_link == "harborwire.example/leith-crane?id=42"
    assert crane.published_at == datetime(2025, 9, 2, 6, 30, tzinfo=UTC)
    assert crane.updated_at == datetime(2025, 9, 2, 8, 45, tzinfo=UTC)
    assert (crane.byline, crane.language, crane.rights) == ("Morag Sinclair", "en", "© Harbor Wire")
    assert ferry.body == "Boats run again from 6 < 7 o'clock."
    assert ferry.published_at == ferry.updated_at == datetime(2025, 9, 1, 18, 0, tzinfo=UTC)


def test_rdf_in_its_own_character_set_is_read() -> None:
    (yard,) = items("journal.rdf.xml")
    assert yard.headline == "Müller übernimmt die Werft"
    assert yard.external_id == "https://tagebuch.example/1"
    assert yard.published_at == datetime(2025, 9, 1, 10, 0, tzinfo=UTC)
    assert yard.keywords == ("Werften",)


def test_a_json_feed_is_read_as_far_as_it_is_one() -> None:
    parsed = read(body("wire.feed.json"))
    crane, open_again = parsed.items
    assert crane.body == "Ein Kran ist am Morgen umgestürzt.\n\nDer Hafen ist gesperrt."
    assert (crane.external_id, crane.byline) == ("h1", "Morag Sinclair, Jan Ahlers")
    assert crane.published_at == datetime(2025, 9, 2, 5, 30, tzinfo=UTC)
    assert open_again.headline == "Die Sperrung ist aufgehoben.", "the first words, where there is no title"
    assert (open_again.external_id, open_again.link) == ("2", "https://www.nordbote.example/2")
    assert parsed.feed.hub == "https://hub.hafen.example/"
    assert [problem.where for problem in parsed.problems] == ["h3"], "neither headline nor text"


def test_items_of_a_json_feed_without_an_address_do_not_share_that_of_the_feed() -> None:
    bare = [{"id": "1", "title": "Kim", "content_text": "a"}, {"id": "2", "title": "Xi", "content_text": "b"}]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Bote", "items": bare}
    assert [item.canonical_link for item in read(json.dumps(feed).encode()).items] == ["", ""]


def test_a_prism_date_is_a_date_of_publication() -> None:
    prism = 'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/"'
    date = f"<prism:publicationDate {prism}>2025-09-02</prism:publicationDate>"
    assert only(rss(f"<title>Kim</title>{date}")).published_at == datetime(2025, 9, 1, 22, 0, tzinfo=UTC)


def test_a_feed_burner_gives_the_original_link() -> None:
    item = only(
        rss(
            "<title>Kim</title><link>https://feeds.example/~r/1</link>"
            "<feedburner:origLink>https://a.example/kim</feedburner:origLink>"
        )
    )
    assert item.link == "https://a.example/kim"


def test_a_photographer_is_no_agency_and_an_agency_is() -> None:
    assert only(rss('<title>Kim</title><media:credit role="photographer">Jensen</media:credit>')).agency == ""
    assert only(rss("<title>Kim</title><media:credit>Reuter</media:credit>")).agency == "Reuter"


def test_the_dateline_of_an_entry_is_found_and_left_in_its_text() -> None:
    item = only(
        rss("<title>Kim reist</title><description>Peking/Pjöngjang (dpa) - Kim reist ab.</description>")
    )
    assert (item.places, item.agency) == (("Peking", "Pjöngjang"), "dpa")
    assert item.body.startswith("Peking/Pjöngjang (dpa) - Kim")


def test_a_link_that_a_click_must_not_open_is_dropped() -> None:
    assert only(rss("<title>Kim</title><link>javascript:alert(1)</link>")).link == ""


# ---------------------------------------------------------------- broken feeds


def test_a_feed_that_was_cut_off_keeps_its_whole_entries() -> None:
    """Wherever the cut is: neither a whole one is lost nor a part of one taken for a whole."""
    whole = rss(*(f"<title>Kim <![CDATA[{n}]]></title><guid>{n}</guid>" for n in range(4)))
    for end in range(whole.index(b"</item>") + 7, len(whole)):
        cut = read(whole[:end])
        assert [item.headline for item in cut.items] == [f"Kim {n}" for n in range(len(cut.items))]
        assert len(cut.items) == whole[:end].count(b"</item>")
        assert "cut off" in cut.problems[0].what


def test_a_json_feed_that_was_cut_off_keeps_its_whole_items() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1",
        "items": [{"id": str(n), "title": "Kim"} for n in range(20)],
    }
    whole = json.dumps(feed).encode()
    cut = read(whole[: len(whole) * 2 // 3])
    assert 10 <= len(cut.items) < 20
    assert "cut off" in cut.problems[0].what


def test_umlauts_survive_a_feed_that_claims_another_encoding() -> None:
    data = rss("<title>Müller über Xi</title>")
    for claimed in (data, data.decode().encode("latin-1"), data.decode().encode("utf-16")):
        assert only(claimed).headline == "Müller über Xi"
    assert read(data, charset="iso-8859-1").items[0].headline == "Müller über Xi"


def test_one_wrong_byte_does_not_spoil_the_other_umlauts() -> None:
    data = rss("<title>Müller über Xi</title>", "<title>Kim</title>").replace(b"Kim", b"K\xfcm")
    assert [item.headline for item in read(data).items] == ["Müller über Xi", "Küm"]


def test_control_characters_and_impossible_references_cost_nothing() -> None:
    item = only(rss("<title>Kim\x00 re\x0bist &#xFFFFFFFF; &#55296; &#0; ab</title>"))
    assert item.headline.startswith("Kim reist")
    assert item.headline.endswith("ab")


def test_a_bare_ampersand_is_read_and_noted() -> None:
    parsed = read(rss("<title>Kim & Xi</title>"))
    assert parsed.items[0].headline == "Kim & Xi"
    assert parsed.problems


def test_what_the_parser_trips_over_costs_only_itself() -> None:
    """A position in a made-up reference system and a backslash in an entity make feedparser raise."""
    point = (
        '<g:where xmlns:g="http://www.georss.org/georss"><m:Point xmlns:m="http://www.opengis.net/gml" '
        'srsName="EPSG:north"><m:pos>1 2</m:pos></m:Point></g:where>'
    )
    assert only(rss(f"<title>Kim</title>{point}")).headline == "Kim"
    backslash = rss("<title>Kim</title>").replace(b"<rss", b'<!DOCTYPE rss [<!ENTITY a "\\1\\q">]><rss')
    assert only(backslash).headline == "Kim"


def test_an_authors_name_of_a_kilobyte_is_left_out() -> None:
    parsed = read(rss(f"<title>Kim</title><dc:creator>a@{'a.' * 16000}</dc:creator>"))
    assert (parsed.items[0].headline, parsed.items[0].byline) == ("Kim", "")
    assert "author" in parsed.problems[0].what


def test_a_feed_without_entries_is_a_feed() -> None:
    assert read(rss()).items == ()


def test_a_format_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UnreadableError, match=r"no format is named 'word' \(there is: .*feed.*plain"):
        read(rss("<title>Kim</title>"), format="word")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"<!DOCTYPE html><html><head><title>Moved</title></head></html>", "an HTML page, not a feed"),
        (b"<html><body>404</body></html>", "an HTML page, not a feed"),
        (b"<?xml version='1.0'?><!-- x --><html xmlns='x'/>", "an HTML page, not a feed"),
        (b"%PDF-1.7 \x00\x01", "a PDF file, not a feed"),
        (rb"{\rtf1\ansi Kim}", "an RTF file, not a feed"),
        (bytes(range(256)) * 40, "binary data, not a feed"),
        (b"<opml><body/></opml>", "XML, but not a known format (its root is <opml>)"),
        (b'{"error": "quota"}', "JSON, but not a known format"),
        (b"<rss version='2.0'><channel><title>Bo", "cut off before the first whole item"),
    ],
)
def test_what_is_no_feed_says_in_one_line_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(data, media_type="text/html")
    assert str(caught.value) == reason
