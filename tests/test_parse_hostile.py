"""Documents that mean harm, in every format: each ends soon and in bounds, with a reason or its news."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from service.model import Document, Parsed, Source
from service.parse.formats import UnreadableError
from service.workers import WorkerError, Workers, WorkerTimeout
from tests.wires import read

MEMORY_BYTES = 512 * 2**20  # of address space, as the daemon gives
DEADLINE = timedelta(seconds=60)  # far above what is needed: what counts is that it is not

# The frame of each XML format; what is hostile stands where the headline would.
FRAMES = {
    "feed": ('<rss version="2.0"><channel><item><title>', "</title></item></channel></rss>"),
    "newsmlg2": (
        '<newsItem guid="g" version="1"><itemMeta/><contentMeta><headline>',
        "</headline></contentMeta></newsItem>",
    ),
    "newsml12": (
        "<NewsML><NewsItem><NewsComponent><NewsLines><HeadLine>",
        "</HeadLine></NewsLines></NewsComponent></NewsItem></NewsML>",
    ),
    "nitf": ("<nitf><body><body.head><hedline><hl1>", "</hl1></hedline></body.head></body></nitf>"),
    "sitemap": (
        '<urlset xmlns:n="news"><url><loc>https://a.example/</loc><n:news><n:title>',
        "</n:title></n:news></url></urlset>",
    ),
}
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
SECRET = "a file that must not be read"


def framed(format_: str, content: str, doctype: str = "") -> bytes:
    start, end = FRAMES[format_]
    return f"{doctype}{start}{content}{end}".encode()


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    pool = Workers(1, memory_bytes=MEMORY_BYTES, deadline=DEADLINE)
    yield pool
    pool.close()


@pytest.mark.parametrize("format_", FRAMES)
def test_entities_that_grow_are_refused(format_: str) -> None:
    laughs = f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]>'
    quadratic = f'<!DOCTYPE x [<!ENTITY a "{"a" * 5_000}">]>'
    many = "<!DOCTYPE x [" + "".join(f'<!ENTITY a{n} "x">' for n in range(300)) + "]>"
    for doctype, content in ((laughs, "&a9;"), (quadratic, "&a;" * 5_000), (many, "Kim")):
        with pytest.raises(UnreadableError, match="entities"):
            read(framed(format_, content, doctype))


@pytest.mark.parametrize("format_", FRAMES)
def test_no_file_and_no_address_is_opened(format_: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="ascii")
    for doctype, content in (
        (f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{secret}">]>', "Kim &a;"),
        (f'<!DOCTYPE x [<!ENTITY % p SYSTEM "file://{secret}"> %p;]>', "Kim"),
        (f'<!DOCTYPE x SYSTEM "file://{secret}">', "Kim &a;"),
        (
            "",
            f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" parse="text" href="file://{secret}"/>Kim',
        ),
    ):
        parsed = read(framed(format_, content, doctype))
        assert parsed.items[0].headline.startswith("Kim")
        assert SECRET not in repr(parsed)


@pytest.mark.parametrize("format_", FRAMES)
def test_what_is_nested_without_end_is_refused(format_: str) -> None:
    with pytest.raises(UnreadableError, match=r"nested|[Dd]epth") as refused:
        read(framed(format_, "<b>" * 100_000 + "Kim" + "</b>" * 100_000))
    assert "option" not in str(refused.value)  # what a library tells its programmers


def test_nested_json_is_refused() -> None:
    for frame in (
        '{"urn": "u", "version_created": %s}',
        '{"uri": "u", "headline": %s}',
        '{"items": [], "feed_url": %s}',
    ):
        with pytest.raises(UnreadableError, match=r"nested|not JSON"):
            read((frame % ("[" * 200_000)).encode())


def test_a_body_that_names_a_file_opens_none() -> None:
    """feedparser would open it, were it given the bytes alone."""
    (item,) = read(b"/etc/passwd", "story.txt").items
    assert item.headline == "/etc/passwd"
    with pytest.raises(UnreadableError):
        read(b"/etc/passwd", format="feed")


@pytest.mark.slow
def test_more_items_than_anybody_reads_are_left() -> None:
    entries = "<item><title>Kim</title></item>" * 6_000
    parsed = read(f'<rss version="2.0"><channel>{entries}</channel></rss>'.encode())
    assert len(parsed.items) == 5_000
    assert "5000" in parsed.problems[0].what


def ending(pool: Workers, document: Document) -> Parsed | str:
    """What a worker made of it, or the reason why it could not; a timeout or a crash fails the test."""
    try:
        return cast(Parsed, pool.run("service.parse.formats:parse", document, Source(name="wire", url="")))
    except WorkerError as error:
        if error.kind != "UnreadableError":
            raise
        return str(error)


LARGE = {
    "10 MB of text": "Kim reist ab. " * 750_000,
    "10 MB of tags": "<b>x</b>" * 1_250_000,
    "100,000 attributes": "<b " + " ".join(f'a{n}="x"' for n in range(100_000)) + ">Kim</b>",
    "500,000 ampersands": "&" * 500_000,
    "500,000 open brackets": "<" * 500_000,
    "a million references": "&#120;" * 1_000_000,
    "10 MB of comments": "<!--x-->" * 1_250_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("format_", FRAMES)
@pytest.mark.parametrize("what", LARGE)
def test_what_is_large_ends_with_news_or_a_reason(pool: Workers, format_: str, what: str) -> None:
    """Within the memory of a worker and long before its deadline."""
    end = ending(pool, Document(body=framed(format_, LARGE[what]), url="https://a.example/"))
    if isinstance(end, Parsed):
        assert all(len(item.headline) <= 1_000 for item in end.items)
    else:
        assert "\n" not in end


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b'<rss version="2.0"><channel>' + b" " * 10_000_000 + b"</channel></rss>",
        b'<rss version="2.0"><channel><item><title>Kim</title><author>a@'
        + b"a." * 16_000
        + b"</author></item></channel></rss>",
        b"\x01bdt0001 4 pl 9  dpa 0001\n\x02" + b"(x\n" * 300_000,
        b"\x01a0001\x1fx\nr a\n\x02" + b"^x" * 300_000,
        b'{"urn": "u", "version_created": "x", "article_html": "' + b"<div>" * 1_000_000 + b'"}',
        b'{"uri": "u", "pubstatus": "usable", "body_html": "' + b"&amp;lt;" * 500_000 + b'"}',
        b'{"version": "https://jsonfeed.org/version/1", "items": [' + b"{}," * 1_000_000,
        b"Kim\n\n" + b"/ab" * 2_000_000,
        b"Kim\n\n" + b"Peking/" * 1_000_000,
        b"Sperrfrist " * 500_000,
        b"\n" * 5_000_000 + b"Kim",
    ],
    ids=[
        "blanks",
        "author",
        "iptc7901",
        "anpa1312",
        "dpa",
        "ninjs",
        "jsonfeed",
        "slashes",
        "places",
        "embargoes",
        "lines",
    ],
)
def test_each_formats_own_hazards_end(pool: Workers, body: bytes) -> None:
    assert ending(pool, Document(body=body))


@pytest.mark.slow
def test_a_feed_that_takes_too_long_is_stopped() -> None:
    """What no look beforehand has foreseen is ended by the deadline, and the next feed is read."""
    pool = Workers(1, memory_bytes=MEMORY_BYTES, deadline=timedelta(seconds=1))
    entry = b"<item><title>Kim</title>" + b"<category>x</category>" * 60 + b"</item>"
    slow = b'<rss version="2.0"><channel>' + entry * 3_000 + b"</channel></rss>"
    source = Source(name="wire", url="")
    with pytest.raises(WorkerTimeout):
        pool.run("service.parse.formats:parse", Document(body=slow), source)
    parsed = pool.run("service.parse.formats:parse", Document(body=framed("feed", "Kim")), source)
    assert isinstance(parsed, Parsed)
    assert parsed.items[0].headline == "Kim"
    pool.close()
