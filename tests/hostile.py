"""Whatever a feed may do to a monitor, one case a line: what a server answers, and what has to come of it.

    for case in ANSWERS: server.script(f"/{case.name}", case.answer())
    for name, url in addresses(server).items(): ...     # none of which may be asked

A case is read nevertheless (`items` of it), or refused with a reason that holds `words`.
"""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from tests.newsroom import Entry, rss
from tests.servers import STALL, Answer, FeedServer, drip, gzip_bomb

MEGABYTE = 10**6
XML = {"Content-Type": "application/rss+xml"}
PACKED = {"Content-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Case:
    """What a server answers: a name, the answer, and how it has to end."""

    name: str
    answer: Callable[[], Answer]
    words: str = ""  # of the reason
    items: int = 0  # that are read nevertheless; 0: it is refused


def body(content: Callable[[], bytes], headers: Mapping[str, str] = XML) -> Callable[[], Answer]:
    """An answer that is made when it is asked for: some are large."""
    return lambda: Answer(body=content(), headers=headers)


def feed(inside: str, *, before: str = "") -> bytes:
    """A feed of one entry, with something inside."""
    return (
        f"<?xml version='1.0' encoding='utf-8'?>{before}<rss version='2.0'><channel><title>Wire</title>"
        f"<item><guid>{hash(inside[:2000])}</guid><pubDate>{format_datetime(datetime.now(UTC))}</pubDate>{inside}"
        "</item></channel></rss>"
    ).encode("utf-8", "surrogatepass")


def titled(title: str, text: str = "Ein Text.") -> bytes:
    return feed(f"<title>{title}</title><description>{text}</description>")


def laughs() -> bytes:
    """Ten levels of entities, each ten of the one below (the "billion laughs")."""
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 11))
    document = "<rss><channel><title>&l10;</title></channel></rss>"
    return f'<!DOCTYPE rss [<!ENTITY l0 "ha">{levels}]>{document}'.encode()


def quadratic(length: int) -> bytes:
    """A quarter of a megabyte that would be a gigabyte."""
    entity = f'<!DOCTYPE rss [<!ENTITY a "{"a" * length}">]>'
    return feed(f"<title>{'&a;' * 40_000}</title>", before=entity)


def many(entries: int, each: int) -> bytes:
    """A feed of so many entries with so many characters."""
    text = ("Der Hafen wird ausgebaut, sagt das Amt. " * (each // 40 + 1))[:each]
    return rss(*(Entry(f"e{n}", f"Meldung Nummer {n}", f"{n} {text}") for n in range(entries)))


def endless() -> Iterator[bytes]:
    return itertools.repeat(b"<item><title>Kim</title></item>" * 3000)


def burst() -> Iterator[bytes]:
    """A megabyte at once, then next to nothing."""
    return itertools.chain([b" " * MEGABYTE], drip(b"<", every=0.2)())


ANSWERS = (
    # --- XML
    Case("laughs", body(laughs), "entities"),
    Case("quadratic-entity", body(lambda: quadratic(5_000)), "entities"),
    Case("long-doctype", body(lambda: quadratic(130_000)), "its first 64 KB"),
    Case(
        "external-entity",
        body(
            lambda: feed(
                "<title>Kim &x;</title>", before='<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            )
        ),
        items=1,
    ),
    Case("nested", body(lambda: b"<rss>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</rss>"), "nested"),
    Case(
        "attributes",
        body(lambda: b"<rss " + b" ".join(b'a%d="x"' % n for n in range(200_000)) + b"><channel/></rss>"),
        "attributes",
    ),
    Case(
        "author",
        body(lambda: feed(f"<title>Kim</title><author>a@{'a.' * 16_000}</author>")),
        items=1,
    ),
    Case("ampersands", body(lambda: titled("Kim", "&" * 500_000)), items=1),
    Case("divs", body(lambda: titled("Kim", f"&lt;div&gt;{'&lt;div&gt;' * 50_000}Kim")), items=1),
    Case("anchors", body(lambda: titled("Kim", "&lt;a " * 60_000)), items=1),
    Case("numbers", body(lambda: titled("Kim &#xFFFFFFFF; und &#55296; reisen")), items=1),
    Case(
        "doctype",
        body(lambda: feed("<title>Kim</title>", before='<!DOCTYPE rss [<!ENTITY a "\\1">]>')),
        items=1,
    ),
    # --- size and packing
    Case("large", body(lambda: many(2800, 3300)), items=2800),
    Case("too-large", lambda: Answer(body=lambda: iter([b" " * MEGABYTE] * 50), headers=XML), "10 MB"),
    Case("blanks", body(lambda: b" " * 50 * MEGABYTE), "10 MB"),
    Case("endless", lambda: Answer(body=endless, headers=XML), "10 MB"),
    Case("gzip-bomb", lambda: Answer(body=gzip_bomb(200), headers=PACKED), "10 MB"),
    Case(
        "bomb-in-bomb",
        lambda: Answer(body=gzip.compress(gzip_bomb(200)), headers=PACKED),
        "gzip-compressed data",
    ),
    Case("gzip-unsaid", body(lambda: gzip.compress(titled("Kim reist"))), items=1),
    Case("brotli", lambda: Answer(body=b"\x1b\xff\xff\xff" * 99, headers={"Content-Encoding": "br"}), "'br'"),
    Case("short-length", lambda: Answer(raw=reply(titled("Kim"), b"Content-Length: 9\r\n")), "HTTP"),
    Case("long-length", lambda: Answer(raw=reply(titled("Kim"), b"Content-Length: 99999\r\n")), "broke off"),
    # --- no feed
    Case("page", body(lambda: b"<!doctype html><html><body>Please accept our cookies</body></html>"), "HTML"),
    Case("empty", body(lambda: b""), "empty"),
    Case("garbage", body(lambda: bytes(range(256)) * 400, {"Content-Type": "image/png"}), ""),
    Case("missing", lambda: Answer(status=404), "404"),
    # --- text
    Case("control", body(lambda: titled("Kim \x00reist\x0b nach\x1f Peking")), items=1),
    Case("latin", body(lambda: titled("Öl aus Köln").decode().encode("latin-1")), items=1),
    Case("cut", body(lambda: many(20, 400)[:6000]), items=5),
    Case(
        "utf-7",
        body(lambda: b"<?xml version='1.0' encoding='utf-7'?>" + titled("+ADw-script+AD4-")[38:]),
        items=1,
    ),
    Case(
        "utf-16",
        body(lambda: titled("Kim reist").decode().replace("utf-8", "utf-16").encode("utf-16")),
        items=1,
    ),
    Case("overlong", body(lambda: titled("Kim @@").replace(b"@@", b"\xc0\xbc\xe0\x80\xbc")), items=1),
    Case("surrogate", body(lambda: titled("Kim \ud800 reist")), items=1),
    Case("line-breaks", body(lambda: titled("Kim&#13;&#10;Bcc: all@example.org&#10;")), items=1),
    Case("overrides", body(lambda: titled("Kim \u202egnp.exe\u202c")), items=1),
    Case("template", body(lambda: titled("{{7*7}} {% for x in y %} ${jndi:x}")), items=1),
    Case("long-title", body(lambda: titled("Kim " * 2_400_000)), items=1),
    Case("long-guid", body(lambda: feed(f"<title>Kim</title><guid>{'g' * MEGABYTE}</guid>")), items=1),
    Case("scripts", body(lambda: feed("<title>Kim</title><link>javascript:alert(1)</link>")), items=1),
    Case("data-link", body(lambda: feed("<title>Kim</title><link>data:text/html,x</link>")), items=1),
    Case("year-0", body(lambda: dated("Mon, 01 Jan 0000 00:00:00 GMT")), items=1),
    Case("year-9999", body(lambda: dated("Fri, 31 Dec 9999 23:59:59 GMT")), items=1),
    Case("year-minus", body(lambda: dated("-1-01-01T00:00:00Z")), items=1),
    # --- headers and time
    Case(
        "long-etag",
        lambda: Answer(raw=reply(titled("Kim"), b"ETag: " + b"e" * MEGABYTE + b"\r\n")),
        "headers",
    ),
    Case("cookies", lambda: Answer(raw=reply(titled("Kim"), b"Set-Cookie: a=b\r\n" * 100_000)), "HTTP"),
    Case("stall", lambda: Answer(body=STALL), "nothing of a document came"),
    Case("slow-loris", lambda: Answer(body=drip(b"<", every=0.2), headers=XML), "too slowly"),
    Case("burst", lambda: Answer(body=burst, headers=XML), "too slowly"),
    Case("nonsense", lambda: Answer(raw=b"\x00\xff\x00\xff" * 5000), "HTTP"),
)


def dated(stamp: str) -> bytes:
    return (
        feed("<title>Kim</title>")
        .replace(b"<pubDate>", b"<x>")
        .replace(b"</pubDate>", b"</x>")
        .replace(b"<item>", f"<item><pubDate>{stamp}</pubDate>".encode())
    )


def reply(content: bytes, headers: bytes) -> bytes:
    """An HTTP answer to the letter."""
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + headers + b"\r\n" + content


def redirects(server: FeedServer) -> dict[str, str]:
    """Redirects that lead nowhere good, served by `server`; the reason has to hold the words."""
    for hop in range(100):
        server.redirect(f"/hop/{hop}", server.url(f"/hop/{hop + 1}"))
    server.redirect("/loop", server.url("/loop"))
    expected = {"hop/0": "redirects", "loop": "redirects"}
    for name, target, words in (
        ("to-file", "file:///etc/passwd", "file: is not followed"),
        ("to-gopher", "gopher://127.0.0.1:70/", "gopher: is not followed"),
        ("to-metadata", "http://169.254.169.254/latest/meta-data/", "private address"),
        ("to-private", "http://10.0.0.1/", "private address"),
        ("to-mapped", "http://[::ffff:10.0.0.1]/", "private address"),
        ("to-ssh", "http://example.org:22/", "port 22"),
        ("to-login", "http://desk:secret@example.org/", "--auth-env"),
        ("to-nowhere", "http://[::1", "no URL"),
    ):
        server.redirect(f"/{name}", target)
        expected[name] = words
    return expected


def addresses(port: str) -> tuple[str, ...]:
    """Ways to write an address in the house, and what is no web address at all."""
    return (
        f"http://127.0.0.1:{port}/",
        f"http://127.1:{port}/",
        f"http://2130706433:{port}/",
        f"http://0177.0.0.1:{port}/",
        f"http://0x7f.1:{port}/",
        f"http://0:{port}/",
        f"http://0.0.0.0:{port}/",
        f"http://[::1]:{port}/",
        f"http://[::ffff:127.0.0.1]:{port}/",
        f"http://[64:ff9b::7f00:1]:{port}/",
        f"http://[fe80::1%25lo]:{port}/",
        f"http://①②⑦.⓪.⓪.①:{port}/",
        f"http://localhost:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/",
        "http://[fd00:ec2::254]/",
        f"http://user:secret@127.0.0.1:{port}/",
        f"http://example.org\\@127.0.0.1:{port}/",
        f"http://127.0.\t0.1:{port}/",
        "http://example.org:25/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/_x",
        "javascript:alert(1)",
        "data:text/xml,<rss/>",
    )
