"""Pictures of the desk, taken by Chromium: the three of the README, or every page in every form.

python -m tests.pictures                  docs/desk.png, docs/editor.png, docs/sources.png
python -m tests.pictures --every FOLDER   every page, light and dark, on a phone and on a desk
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from service.actions import people
from service.model import Account
from tests.desk import desk
from tests.newsday import PASSWORD, newsday
from tests.newsroom import Room

DOCS = Path(__file__).parents[1] / "docs"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
COLORS = 128  # of a picture; text needs few, and the file is a third
PAGES = {
    "desk": "/",
    "desk-filtered": "/?rule=Hochwasser",
    "rules": "/rules",
    "rule": "/rules/Leitzins",
    "new-rule": "/rules/new",
    "editor": "/rules/Leitzins/edit",
    "search": "/search",
    "search-found": "/search?q=Hochwasser+-Keller",
    "search-refused": "/search?q=Kim+NEAR%2F0+Reise",
    "sources": "/sources",
    "deliveries": "/deliveries",
    "delivery": "/deliveries/1",
    "silences": "/silences",
    "handover": "/handover",
    "why": "/why?rule=Leitzins&of=Preise",
    "people": "/people",
    "settings": "/settings",
    "wall": "/wall",
    "api": "/api",
    "nowhere": "/nowhere",
}
SIZES = {"phone": (360, 780), "wide": (1440, 900)}


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("needs Chromium: apt-get install chromium fonts-dejavu-core")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


def window(
    opened: Browser, url: str, *, width: int, height: int, theme: str = "light", language: str = "en-GB"
) -> Page:
    """A window in which anna is signed in."""
    context = opened.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale=language,
        timezone_id="Europe/Berlin",
    )
    page = context.new_page()
    page.goto(f"{url}/sign-in", wait_until="domcontentloaded")
    page.locator("input[name=name]").fill("anna")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button.lead").click()
    page.wait_for_url(f"{url}/")
    return page


def keep(page: Page, path: Path, *, whole: bool = False) -> None:
    """A picture of a window, in few colors."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=whole, animations="disabled", caret="hide")))
    image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def readme(opened: Browser, url: str) -> None:
    """The three of the README."""
    page = window(opened, url, width=1280, height=860)
    keep(page, DOCS / "desk.png")
    page.goto(f"{url}/rules/Leitzins/edit", wait_until="domcontentloaded")
    page.locator("#query").fill('(Leitzins | Zinsentscheid | "key rate" | Notenbank) -survey')
    expect(page.locator("#trial")).to_contain_text("Lost")
    keep(page, DOCS / "editor.png")
    page = window(opened, url, width=1280, height=720, theme="dark")
    page.goto(f"{url}/sources", wait_until="domcontentloaded")
    keep(page, DOCS / "sources.png")


def every(opened: Browser, room: Room, url: str, folder: Path) -> None:
    """Every page, in every form: light in English, dark in German."""
    folder.mkdir(parents=True, exist_ok=True)
    link, unsubscribe = re.findall(r"/l/[au]\S+", room.hooks.posts[-1].json["text"])
    people.add(room.app, Account(name="neu"))
    welcome = f"/welcome/{people.invite(room.app, 'neu').text}"
    door = {"sign-in": "/sign-in", "welcome": welcome, "link": link, "unsubscribe": unsubscribe}
    for size, (width, height) in SIZES.items():
        for theme, language in (("light", "en-GB"), ("dark", "de-DE")):
            look: dict[str, Any] = {"width": width, "height": height, "theme": theme, "language": language}
            page = window(opened, url, **look)
            _each(page, url, PAGES | {"story": _story(page, url)}, folder, f"{size}-{theme}")
            page.context.clear_cookies()
            _each(page, url, door, folder, f"{size}-{theme}")


def _each(page: Page, url: str, pages: dict[str, str], folder: Path, form: str) -> None:
    for name, path in pages.items():
        page.goto(url + path, wait_until="domcontentloaded")
        if name == "editor":
            expect(page.locator("#trial .samples")).to_be_visible()
        keep(page, folder / f"{name}-{form}.png", whole=True)


def _story(page: Page, url: str) -> str:
    """The story of most versions."""
    page.goto(f"{url}/?rule=Streik+im+Verkehr", wait_until="domcontentloaded")
    return page.locator(".story h2 a").first.get_attribute("href") or "/"


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        newsday(Path(folder)) as room,
        desk(room) as visitor,
        browser() as opened,
    ):
        if given.every:
            every(opened, room, visitor.url, given.every)
        else:
            readme(opened, visitor.url)


if __name__ == "__main__":
    main()
