"""Every kind of mail that goes out, in both languages; `python -m tests.mails FOLDER` takes pictures of them.

The stories are our own. Look at the pictures after a change to the templates: light and dark, desk and phone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page

from service.deliver.operators import About, word
from service.deliver.render import render
from service.model import (
    Channel,
    DeliveryKind,
    Evidence,
    Item,
    Link,
    Message,
    Notice,
    Priority,
    Sighting,
    Signal,
    Status,
    Telling,
)
from tests.pictures import browser, keep
from tests.test_deliver_operators import EVERY
from tests.test_deliver_operators import NOW as MORNING

SIZES = {"phone": (360, 640), "wide": (760, 640)}
NOW = datetime(2026, 11, 24, 13, 2, tzinfo=UTC)
SITE = "https://monitor.example.org"
HEADLINE = "Kim Jong Un bricht zu Auslandsreise nach Peking auf"
BODY = (
    "Pjöngjang (xyz) - Der nordkoreanische Machthaber Kim Jong Un ist am Dienstag zu einer Auslandsreise "
    "aufgebrochen. Das meldete die staatliche Nachrichtenagentur am Mittag.\n\nDie Fahrt führt nach Peking. "
    "Dort ist ein Treffen mit dem chinesischen Präsidenten geplant, wie am Abend aus Kreisen der Botschaft "
    "verlautete. Über den Inhalt der Gespräche wurde zunächst nichts bekannt."
)
ITEM = Item(
    headline=HEADLINE, body=BODY, story=7, language="de", published_at=NOW, link="https://x.example/kim"
)
OTHERS = (
    "EZB lässt Leitzins unverändert",
    "Hochwasser an der Oder: Pegel steigen weiter",
    "Bahn: Streik beginnt am Freitagmorgen",
    "Bundestag stimmt über Haushalt ab – Opposition kündigt Klage vor dem Verfassungsgericht in Karlsruhe an",
)


def place(text: str, words: str, field: str, term: str = "", how: str = "exact", of: str = "") -> Evidence:
    start = text.index(words)
    return Evidence(field, start, start + len(words), words, term or words, how, of)


KOREA = Telling(
    rule="Nordkorea",
    evidence=(
        place(HEADLINE, "Kim Jong Un", "title", how="phrase"),
        place(BODY, "Kim Jong Un", "body", how="phrase"),
        place(HEADLINE, "Auslandsreise", "title", "Reise", "compound"),
        place(BODY, "Auslandsreise", "body", "Reise", "compound"),
    ),
)
SUMMITS = Telling(
    rule="Gipfel & Staatsbesuche",
    evidence=(
        place(HEADLINE, "Peking", "title", of="hauptstaedte"),
        place(BODY, "Präsidenten", "body", "Präsident", "inflection"),
    ),
)
LINKS = {does: f"{SITE}/l/{does[0]}" for does in ("acknowledge", "not relevant", "mute", "unsubscribe")}
ALERT = Notice(
    kind=DeliveryKind.ALERT,
    delivery=3,
    channel="desk",
    recipient="nacht@example.org",
    item=ITEM,
    source="XYZ Basisdienst",
    tellings=(KOREA, SUMMITS),
    sightings=(
        Sighting(source="XYZ Basisdienst", at=NOW),
        Sighting(
            source="Abendpost", at=NOW + timedelta(minutes=4), link="https://p.example/1", how=Link.COPY
        ),
        Sighting(source="Tagesblatt online", at=NOW + timedelta(minutes=9), how=Link.COPY),
    ),
    links=LINKS,
    now=NOW,
)


def later(kind: DeliveryKind, before: Item, item: Item, *tellings: Telling) -> Notice:
    """A further message on the thread."""
    first = NOW - timedelta(minutes=50)
    return replace(
        ALERT,
        kind=kind,
        item=item,
        previous=before,
        tellings=tellings,
        revision=1,
        thread="a@b",
        first_at=first,
    )


def digest(gathered: str, listed: int, more: int = 0, text: str = "") -> Notice:
    """Stories that are told together."""
    entries = []
    for number in range(listed):
        headline = OTHERS[number % len(OTHERS)]
        item = Item(
            headline=headline,
            story=number + 1,
            language="de",
            published_at=NOW - timedelta(minutes=17 * number),
            link=f"https://x.example/{number}" if number != 1 else "",
        )
        telling = Telling(
            rule=("Wirtschaft", "Politik")[number % 2],
            evidence=(place(headline, headline.split(maxsplit=1)[0].strip(":"), "title"),),
        )
        entries.append(replace(ALERT, item=item, tellings=(telling,), sightings=(), links={}))
    return replace(
        ALERT,
        kind=DeliveryKind.DIGEST,
        item=None,
        tellings=(),
        sightings=(),
        entries=tuple(entries),
        gathered=gathered,
        more=more,
        text=text,
        links={does: LINKS[does] for does in ("acknowledge", "unsubscribe")},
    )


def notices(language: str) -> Iterator[tuple[str, Notice]]:
    """Every kind of message, by name."""
    moscow = replace(
        ITEM, headline=HEADLINE.replace("Peking", "Moskau"), body=BODY.replace("Peking", "Moskau")
    )
    mended = replace(ITEM, headline=f"KORREKTUR: {HEADLINE}", marks=("KORREKTUR",), signal=Signal.CORRECTION)
    killed = replace(ITEM, headline="ZURÜCKZIEHUNG: Kim Jong Un", body="", status=Status.CANCELED)
    body = Telling(rule="Nordkorea", evidence=(KOREA.evidence[1], KOREA.evidence[3]))
    some: dict[str, Notice] = {
        "alert": ALERT,
        "embargo": replace(ALERT, item=replace(ITEM, embargo_until=NOW + timedelta(hours=4))),
        "escalation": replace(ALERT, unacknowledged=timedelta(minutes=11), priority=Priority.FLASH),
        "late": replace(ALERT, late=timedelta(minutes=41)),
        "update": later(DeliveryKind.UPDATE, replace(ITEM, body=BODY.partition("\n\n")[0]), ITEM, KOREA),
        "correction": later(DeliveryKind.CORRECTION, moscow, mended, body),
        "retraction": replace(
            later(DeliveryKind.RETRACTION, ITEM, killed, KOREA), links={"unsubscribe": LINKS["unsubscribe"]}
        ),
        "digest": digest("digest", 7),
        "quiet-hours": digest("quiet hours", 4),
        "storm": digest("storm", 50, more=950),
        "silence": digest("silence", 3, text="Gipfel, wir sind vor Ort (anna)"),
        "empty": digest("digest", 0),
        "test": Notice(
            kind=DeliveryKind.TEST, delivery=1, channel="mail", recipient="anna@x.example", now=NOW
        ),
    }
    for about in About:
        title, text = word(about, language, "Europe/Berlin", MORNING, **EVERY[about])
        some[about.value.replace("_", "-")] = Notice(
            kind=DeliveryKind.OPERATOR, delivery=1, channel="mail", title=title, text=text, now=NOW
        )
    for name, notice in some.items():
        yield name, replace(notice, language=language)


def mails(language: str) -> Iterator[tuple[str, Message]]:
    """The same, as they go out."""
    for name, notice in notices(language):
        yield name, render(notice, Channel(name="mail", url="console://"), base_url=SITE)


def window(opened: Browser, size: str, *, dark: bool) -> Page:
    """A window of a mail program; it reaches nobody."""
    width, height = SIZES[size]
    context = opened.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", offline=True
    )
    return context.new_page()


def main(folder: Path) -> None:
    """A picture of each, light and dark, on a phone and on a desk."""
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as opened:
        for size in SIZES:
            for dark in (False, True):
                page = window(opened, size, dark=dark)
                for language in ("de", "en"):
                    for name, mail in mails(language):
                        page.set_content(mail.html)
                        form = f"{language}-{size}-{'dark' if dark else 'light'}"
                        keep(page, folder / f"{name}-{form}.png", whole=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
