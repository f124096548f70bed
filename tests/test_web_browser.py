"""The desk in a real browser: every page, the live update, the editor, keys alone, a phone, both themes.

Chromium comes from the system (`apt-get install chromium fonts-dejavu-core`), axe-core from npm by its name;
neither is shipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from service.actions import people
from service.model import Account, Role
from tests.desk import busy_desk
from tests.newsroom import PRICES, TRIP, Entry, Room

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LATE = 0.5  # seconds that a script takes on a slow line
AXE = "axe-core@4.14.1"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
PAGES = (
    "/",
    "/rules",
    "/rules/Kim",
    "/rules/new",
    "/rules/Kim/edit",
    "/search?q=Preise",
    "/stories/1",
    "/sources",
    "/deliveries",
    "/deliveries/1",
    "/silences",
    "/handover",
    "/why?rule=Kim&of=Preise",
    "/people",
    "/settings",
    "/wall",
    "/api",
    "/nowhere",
)
NEWS = Entry(
    "news", "Kim Jong Un kehrt von seiner Reise zurück", "PJÖNGJANG - Kim Jong Un ist von der Reise zurück."
)


@dataclass(slots=True)
class Desk:
    """A desk in a browser, and all that the browser complained about."""

    room: Room
    browser: Browser
    url: str
    said: list[str] = field(default_factory=list)

    def page(self, path: str = "/", **settings: object) -> Page:
        """A new window on a page."""
        options = {"locale": "en-GB", "timezone_id": "Europe/Berlin"} | settings
        context = self.browser.new_context(**options)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("console", lambda message: self._hear(message.text, message.location["url"]))
        page.on("pageerror", lambda error: self.said.append(f"{path}: {error}"))
        page.on("request", lambda request: self._ours(path, request.url))
        page.goto(self.url + path, wait_until="domcontentloaded")
        return page

    def _hear(self, text: str, url: str) -> None:
        if not url.endswith("/nowhere"):  # that a page is not there is no fault of the page
            self.said.append(f"{url}: {text}")

    def _ours(self, path: str, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.said.append(f"{path}: asked {url}")

    def news(self, *entries: Entry) -> None:
        """Something comes in and is told."""
        self.room.wire("wire", TRIP, PRICES, *entries)
        self.room.poll()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium fonts-dejavu-core")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def desk(browser: Browser, tmp_path: Path) -> Iterator[Desk]:
    """A desk of one's own; whatever the console said is a failure."""
    with busy_desk(tmp_path, web={"base_url": "https://desk.example.org"}) as (room, visitor):
        here = Desk(room, browser, visitor.url)
        yield here
        for context in browser.contexts:
            context.close()
        assert here.said == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core: $AXE_CORE, else from npm."""
    if given := os.environ.get("AXE_CORE"):
        return Path(given).read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs axe-core: set AXE_CORE to its axe.min.js, or install npm")
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run([npm, "pack", AXE, "--silent"], cwd=folder, check=True, capture_output=True, timeout=120)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def faults(page: Page, axe: str) -> list[object]:
    """What axe finds: the rule that is broken, and where."""
    found = page.evaluate(f"{axe}; axe.run()")
    return [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found["violations"]]


def fits(page: Page) -> bool:
    """Whether nothing is beside the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_no_page_has_a_fault_that_axe_finds(desk: Desk, axe: str, theme: str, width: int) -> None:
    page = desk.page("/", color_scheme=theme, viewport={"width": width, "height": 800})
    for path in PAGES:
        page.goto(desk.url + path, wait_until="domcontentloaded")
        if path.startswith("/rules/Kim/edit"):
            expect(page.locator("#trial .sum")).to_be_visible()
        assert faults(page, axe) == [], path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_at_the_door_has_a_fault_that_axe_finds_or_is_wider_than_its_window(
    desk: Desk, axe: str, theme: str
) -> None:
    links = re.findall(r"/l/\S+", desk.room.hooks.posts[0].json["text"])
    assert len(links) == 4
    people.add(desk.room.app, Account(name="anna", role=Role.ADMIN))
    welcome = f"/welcome/{people.invite(desk.room.app, 'anna').text}"
    page = desk.page("/sign-in", color_scheme=theme)
    for path in ("/sign-in", welcome, *links):
        page.goto(desk.url + path, wait_until="domcontentloaded")
        assert faults(page, axe) == [], path
        assert fits(page), path
        if path.startswith("/l/"):  # the page that says what was done
            page.locator("button.lead").click()
            expect(page.locator("main .said")).to_be_visible()
            assert faults(page, axe) == [], path
    page.goto(desk.url + welcome, wait_until="domcontentloaded")
    page.locator("[name=password]").fill("correct horse battery staple")
    page.get_by_role("button").click()
    page.wait_for_url(f"{desk.url}/")
    for path in ("/people", "/settings"):
        page.goto(desk.url + path, wait_until="domcontentloaded")
        assert faults(page, axe) == [], path
        assert fits(page), path


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_page_is_wider_than_its_window(desk: Desk, width: int) -> None:
    """Not in German either, whose words are longer."""
    page = desk.page("/", viewport={"width": width, "height": 800}, locale="de-DE")
    for path in PAGES:
        page.goto(desk.url + path, wait_until="domcontentloaded")
        assert fits(page), path


def test_a_story_appears_on_an_open_page_and_its_message_gets_its_tick(desk: Desk) -> None:
    page = desk.page("/")
    expect(page.locator(".story")).to_have_count(1)
    desk.news(NEWS)
    first = page.locator(".story").first
    expect(first).to_contain_text("kehrt von seiner Reise zurück")
    expect(first.locator(".tick.sent")).to_be_visible()
    expect(page.locator("#glance")).to_contain_text("2 open", timeout=15_000)


def test_a_message_appears_on_the_open_list_of_deliveries(desk: Desk) -> None:
    page = desk.page("/deliveries")
    expect(page.locator("#deliveries tbody tr")).to_have_count(1)
    desk.news(NEWS)
    expect(page.locator("#deliveries tbody tr")).to_have_count(2)
    expect(page.locator("#deliveries tbody tr").first).to_contain_text("kehrt von seiner Reise zurück")


def test_every_page_is_reached_by_its_links(desk: Desk) -> None:
    """From the desk on, each link that stays here is followed once, and leads to a page."""
    page, seen, waiting = desk.page("/"), set[str](), ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = page.goto(desk.url + path, wait_until="domcontentloaded")
        assert answer is not None
        assert answer.status == 200, path
        found = page.locator("a[href^='/']").evaluate_all("links => links.map(a => a.getAttribute('href'))")
        waiting += [one.partition("#")[0] for one in found if "/hits." not in one and ".json" not in one]
    plain = {path.partition("?")[0] for path in seen}
    assert {path.partition("?")[0] for path in PAGES} - plain <= {"/nowhere", "/why"}


def _late(route: Route) -> None:
    time.sleep(LATE)
    route.continue_()


def test_a_page_is_live_also_where_one_of_its_scripts_came_late(desk: Desk) -> None:
    page = desk.page("/nowhere")
    page.route("**/hx-sse.min.js", _late)
    page.goto(desk.url + "/", wait_until="domcontentloaded")
    desk.news(NEWS)
    expect(page.locator(".story").first).to_contain_text("kehrt von seiner Reise zurück")


def test_a_page_that_is_scrolled_offers_what_is_new_and_does_not_jump(desk: Desk) -> None:
    page = desk.page("/", viewport={"width": 390, "height": 300})
    page.evaluate("document.body.style.minHeight = '3000px'; window.scrollTo(0, 900)")
    desk.news(NEWS)
    button = page.get_by_role("button", name="1 new story")
    expect(button).to_be_visible()
    expect(page.locator(".story")).to_have_count(1)
    button.click()
    expect(page.locator(".story")).to_have_count(2)
    expect(page.locator(".story").first).to_be_focused()


def test_a_filtered_page_shows_only_what_belongs_on_it(desk: Desk) -> None:
    desk.room.add_rule("Landkreis", name="Counties")
    page = desk.page("/?rule=Counties")
    expect(page.locator(".empty")).to_be_visible()
    desk.news(NEWS, Entry("county", "Landkreis wählt", "Im Landkreis wird gewählt."))
    expect(page.locator(".story")).to_have_count(1)
    expect(page.locator(".story")).to_contain_text("Landkreis wählt")


def test_the_keys_alone_move_take_open_and_search(desk: Desk) -> None:
    desk.news(NEWS)
    page = desk.page("/")
    page.keyboard.press("j")
    expect(page.locator(".story").nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(".story").nth(1)).to_be_focused()
    page.keyboard.press("a")
    expect(page.locator(".story").nth(1).locator(".taken")).to_be_visible()
    page.keyboard.press("k")
    page.keyboard.press("o")
    page.wait_for_url("**/stories/*")
    page.keyboard.press("/")
    page.wait_for_url("**/search")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("Preise -Dax a/o")
    assert page.locator("#q").input_value() == "Preise -Dax a/o", "keys rest while somebody writes"


def test_the_keys_can_be_switched_off(desk: Desk) -> None:
    page = desk.page("/settings")
    page.get_by_label("Keys: j, k, o, a and /").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".said")).to_have_text("Saved.")
    page.goto(f"{desk.url}/")
    page.keyboard.press("j")
    expect(page.locator(".story").first).not_to_be_focused()


def test_the_editor_shows_what_a_rule_would_have_hit_while_it_is_written(desk: Desk) -> None:
    page = desk.page("/rules/new")
    page.get_by_label("What to watch for").press_sequentially("Preise", delay=20)
    expect(page.locator("#trial .sum strong")).to_have_text("2")
    expect(page.locator("#trial mark").first).to_have_text("Preise")
    page.get_by_label("What to watch for").press_sequentially(" NEAR/0 Dax")
    expect(page.locator("#trial .place")).to_contain_text("~")
    page.get_by_label("What to watch for").fill("Preise -Dax")
    expect(page.locator("#trial .sum strong")).to_have_text("1")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("A text to try it on").fill("Dax und Preise\n\nBeide fallen.")
    expect(page.locator("#trial")).to_contain_text("It does not hit")
    page.get_by_label("Name", exact=True).fill("prices")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/rules/prices")


def test_the_editor_compares_with_the_saved_version(desk: Desk) -> None:
    page = desk.page("/rules/Kim/edit")
    page.get_by_label("What to watch for").fill('"Kim Jong Un"')
    expect(page.locator("#trial")).to_contain_text("gains 1, loses 0")


def test_every_page_works_without_scripts(desk: Desk) -> None:
    page = desk.page("/", java_script_enabled=False)
    page.get_by_role("button", name="Take").click()
    expect(page.locator(".taken")).to_be_visible()
    page.goto(f"{desk.url}/rules/new")
    page.get_by_label("What to watch for").fill("Preise")
    page.get_by_role("button", name="Try").click()
    expect(page.locator("#trial .sum strong")).to_have_text("2")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".said")).to_be_visible()
    page.goto(f"{desk.url}/")
    page.locator("select[name=rule]").select_option("Kim")
    page.get_by_role("button", name="Show").click()
    assert "rule=Kim" in page.url


def test_the_first_user_is_made_in_the_browser_and_closes_the_desk(desk: Desk) -> None:
    page = desk.page("/people")
    page.get_by_label("Name").first.fill("anna")
    page.get_by_role("button", name="Add and invite").click()
    page.wait_for_url("**/welcome/*")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".own")).to_contain_text("anna")
    stranger = desk.page("/rules")
    assert "/sign-in" in stranger.url
    stranger.get_by_label("Name").fill("anna")
    stranger.get_by_label("Password").fill("correct horse battery staple")
    stranger.get_by_role("button", name="Sign in").click()
    stranger.wait_for_url("**/rules")


def test_german_is_spoken_where_it_is_asked_for(desk: Desk) -> None:
    page = desk.page("/", locale="de-DE")
    expect(page.get_by_role("link", name="Zustellungen")).to_be_visible()
    expect(page.get_by_role("button", name="Übernehmen")).to_be_visible()
