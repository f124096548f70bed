"""Mails in a real browser: readable in light and dark, whole on a phone, and nothing is asked of anybody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from service.deliver.operators import About
from tests.mails import mails, window
from tests.pictures import browser as chromium

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LARGEST = 100_000  # bytes; programs cut what is longer
# Text whose contrast to what lies behind it is under what WCAG 2.2, 1.4.3 asks for: 4.5, of large text 3.
FAINT = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92
                                                                     : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim();
    if (!text) continue;
    const style = getComputedStyle(texts.currentNode.parentElement);
    const [one, other] = [light(style.color), light(ground(texts.currentNode.parentElement))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const large = parseFloat(style.fontSize) >= (style.fontWeight >= 700 ? 18.66 : 24);
    if (ratio < (large ? 3 : 4.5)) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(1)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium: apt-get install chromium fonts-dejavu-core")
    with chromium() as opened:
        yield opened


def asked(page: Page) -> list[str]:
    """What the page asks of others, from now on."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    return urls


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", ["phone", "wide"])
def test_every_mail_is_readable_whole_and_asks_nobody(
    browser: Browser, size: str, dark: bool, language: str
) -> None:
    page = window(browser, size, dark=dark)
    urls, seen = asked(page), {}
    for name, mail in mails(language):
        page.set_content(mail.html)
        assert [] == page.evaluate(FAINT), name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        assert len(mail.html.encode()) < LARGEST, name
        if name in {"alert", "digest"}:
            marked = page.locator("h1 mark, td div > a > mark").all_inner_texts()
            assert {"alert": "Auslandsreise", "digest": "Bahn"}[name] in marked
        seen[name] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert len(seen) > len(About)
    assert {"rgb(20, 23, 28)" if dark else "rgb(242, 244, 247)"} == set(seen.values())
    assert [] == urls
    page.context.close()
