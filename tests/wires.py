"""The corpus of wires, and the shortest way from bytes to items."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from service.model import Document, Item, Parsed, Source
from service.parse.formats import parse

CORPUS = Path(__file__).parent / "corpus"
NAMES = sorted(path.name for path in CORPUS.iterdir() if path.suffix != ".md")
NOW = datetime(2025, 9, 2, 12, 0, tzinfo=UTC)  # noon of the day on which the corpus plays
URL = "https://www.nordbote.example/rss"


def body(name: str) -> bytes:
    """The bytes of a file of the corpus."""
    return (CORPUS / name).read_bytes()


def read(
    data: bytes,
    name: str = "",
    *,
    now: datetime = NOW,
    url: str = URL,
    charset: str = "",
    media_type: str = "",
    format: str = "",  # noqa: A002 - as the source calls it
    language: str = "",
    timezone: str = "Europe/Berlin",
) -> Parsed:
    """What comes out of `data`; raises UnreadableError."""
    document = Document(
        body=data, url=url, name=name, received_at=now, charset=charset, media_type=media_type
    )
    source = Source(id=7, name="wire", url=url, format=format, language=language, timezone=timezone)
    return parse(document, source)


def items(name: str) -> tuple[Item, ...]:
    """The items of a file of the corpus."""
    return read(body(name), name).items
