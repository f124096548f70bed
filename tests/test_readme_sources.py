"""What the README says of sources is what there is, and each cell has its test."""

from __future__ import annotations

import json
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


# What a cell says, and the test that shows it: `test_FILE.py`, `test_NAME`.
CELLS = {
    "a feed or a wire": "fetch_http:a_feed_comes_with_its_type_its_charset_and_its_address",
    "ETag and Last-Modified": "fetch_http:validators_go_back_byte_for_byte",
    "Retry-After": "fetch_http:retry_after_is_read_in_both_forms_up_to_a_day",
    "max-age": "fetch_http:freshness_is_read_from_the_headers",
    "ttl, skipHours": "parse_feed:a_feed_says_when_to_come_back_and_who_it_is",
    "its WebSub hub brings": "websub:what_a_hub_brings_is_told_at_once_and_is_known_to_the_next_poll",
    "where `[web] base_url` is set": "websub:without_an_address_from_outside_no_hub_is_asked",
    "at its own rhythm": "fetch_schedule:a_source_is_met_at_most_a_tenth_of_its_gap_late",
    "5 min to 24 h": "fetch_schedule:a_source_is_always_due_again_and_not_too_late",
    "files that stand still": "fetch_folder:a_young_file_is_waited_for_and_read_when_it_grew_no_more",
    "`done/`": "fetch_folder:files_come_oldest_first_and_are_done_when_they_are_acknowledged",
    "`bad/` with the reason": "aside:a_file_that_cannot_be_read_lies_aside_and_is_told_once",
    "at once": "drops:a_folder_into_which_something_is_dropped_is_due_and_no_other",
    "files of a folder": "fetch_remote:sftp_files_come_once",
    "each once": "fetch_s3:each_object_below_a_prefix_is_read_once",
    "nothing is changed there": "fetch_remote:each_file_comes_once_and_again_when_it_changed",
    "`ftps://`": "fetch_remote:files_come_over_tls_from_a_server_whose_certificate_is_trusted",
    "attachments": "fetch_imap:attachments_that_may_be_wires_are_documents_and_pictures_are_not",
    "else the text": "fetch_imap:a_mail_is_a_story_with_its_subject_its_date_and_its_text",
    "unread": "fetch_imap:each_mail_is_read_once_and_stays_unread_in_the_mailbox",
    "deleted after they were stored": "crash:a_kill_loses_no_entry_of_a_queue_that_is_emptied_by_reading",
    "RSS 0.9x to 2.0": "readme_sources:old_feeds_are_read",
    "RDF": "parse_feed:rdf_in_its_own_character_set_is_read",
    "Atom": "parse_feed:an_atom_entry_from_an_alert_leads_to_the_page_itself",
    "JSON Feed": "parse_feed:a_json_feed_is_read_as_far_as_it_is_one",
    "Google News sitemap": "parse_wire:a_news_sitemap_is_headlines_and_links",
    "messages of several items": "parse_wire:a_g2_message_gives_its_texts_and_counts_what_it_leaves_out",
    "packages, signals": "parse_wire:a_g2_message_gives_its_texts_and_counts_what_it_leaves_out",
    "embargoes": "parse_wire:an_embargo_in_g2_holds_or_withholds",
    "NewsML 1.2": "parse_wire:newsml_1_is_read_with_the_nitf_inside",
    "alone or inside NewsML": "parse_wire:nitf_is_read_without_its_pictures",
    "ninjs 1 to 3": "readme_sources:all_generations_of_ninjs_are_read",
    "wireQ": "parse_wire:the_versions_of_a_dpa_story_share_its_urn",
    "the variant of dpa too": "parse_wire:a_flash_in_iptc_7901_is_read_without_its_bells_and_its_notepad",
    "satellite and FTP": "parse_wire:a_stream_of_messages_is_parted_and_each_read",
    "ANPA 1312": "parse_wire:an_anpa_message_is_read",
    "by mail": "fetch_imap:a_mail_in_the_agency_form_is_read_as_one",
    "with or without date and place": "parse_plain:a_story_typed_by_hand_is_a_headline_and_a_text",
}


@pytest.mark.parametrize("words", CELLS)
def test_a_cell_of_the_tables_has_a_test_that_is_there(words: str) -> None:
    assert any(words in cell for row in ROWS for cell in row)
    file, _, name = CELLS[words].partition(":")
    assert f"def test_{name}(" in (HERE / f"test_{file}.py").read_text(encoding="utf-8")


def test_no_row_of_the_tables_is_without_a_test() -> None:
    rows = [row for row in ROWS if row[0] not in {"address", "format", "---"}]
    assert not [row[0] for row in rows if not any(words in "|".join(row) for words in CELLS)]


RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


@pytest.mark.parametrize(
    "feed",
    [
        '<!DOCTYPE rss SYSTEM "rss-0.91.dtd"><rss version="0.91"><channel>{}</channel></rss>',
        '<rss version="0.92"><channel>{}</channel></rss>',
        f'<r:RDF xmlns:r="{RDF}" xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel/>{{}}</r:RDF>',
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#">{}</feed>',
    ],
    ids=["RSS 0.91", "RSS 0.92", "RSS 0.90", "Atom 0.3"],
)
def test_old_feeds_are_read(feed: str) -> None:
    entry = "item" if "purl.org/atom" not in feed else "entry"
    story = f"<{entry}><title>Kim reist</title><link>https://a.example/1</link></{entry}>"
    parsed = read(feed.format(story).encode())
    assert (parsed.format, [item.headline for item in parsed.items]) == ("feed", ["Kim reist"])


@pytest.mark.parametrize(
    "story",
    [
        {"headline": "Kim reist", "body_text": "Nach Peking.", "pubstatus": "usable"},
        {
            "standard": {"name": "ninjs", "version": "2.0"},
            "headlines": [{"role": "main", "value": "Kim reist"}],
            "bodies": [{"role": "main", "contenttype": "text/plain", "value": "Nach Peking."}],
            "pubstatus": "usable",
        },
        {
            "standard": {"name": "ninjs", "version": "3.0"},
            "headlines": [{"role": "main", "value": "Kim reist"}],
            "bodies": [{"role": "main", "contentType": "text/plain", "value": "Nach Peking."}],
            "pubStatus": "usable",
        },
    ],
    ids=["1", "2", "3"],
)
def test_all_generations_of_ninjs_are_read(story: dict[str, object]) -> None:
    parsed = read(json.dumps({"uri": "urn:a:1", "type": "text", **story}).encode())
    (item,) = parsed.items
    assert (parsed.format, item.headline, item.body) == ("ninjs", "Kim reist", "Nach Peking.")


def test_every_format_stands_in_the_table() -> None:
    named = [row[1].strip("`") for row in ROWS if re.fullmatch(r"`[a-z0-9]+`", row[1])]
    assert set(FORMATS) == set(named)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_known_by_its_content_and_read(name: str) -> None:
    """A file of the corpus in that format, without its name and without a media type."""
    corpus = [read(body(file)) for file in NAMES if "plain" not in file or name == "plain"]
    assert any(parsed.format == name and parsed.items for parsed in corpus)
