"""The short Markdown of chat messages, and what other dialects make of it; pure.

`Message.chat` uses four things only: `**strong**`, `~~struck~~`, `[label](url)` and a backslash before
whatever would otherwise be read as markup. They are what the chat services have in common, and few enough
to be turned into plain text, HTML or a terminal without guessing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

MARKUP = re.compile(r"([\\`*_~\[\]<>|#])")
# A zero-width space takes the power from what would wake a whole room (Slack, Discord, Mattermost).
MENTION = re.compile(r"@(?=(?:everyone|here|channel|all|room|team)\b)|<(?=[!@#])", re.IGNORECASE)
ZERO_WIDTH_SPACE = "\u200b"
# Characters that turn the reading direction around, or mark nothing that can be seen (UAX #9, 2.1 to 2.6).
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
URL_BREAKS = re.compile(r"[\s()<>\\\"'`|\[\]*]")

TOKEN = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])|(?P<strong>\*\*)|(?P<struck>~~)|\[(?P<label>(?:\\.|[^\]\\])*)\]\((?P<url>[^\s()]*)\)"
)


def clean(text: str) -> str:
    """`text` on one line, without control and direction characters: harmless in a header or a terminal."""
    return CONTROL.sub(" ", BIDI.sub("", text))


def escape(text: str) -> str:
    """Wire text as Markdown that shows it letter by letter and wakes nobody."""
    quiet = MENTION.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, clean(text))
    return MARKUP.sub(r"\\\1", quiet)


def escape_lines(text: str) -> str:
    """Like `escape`, line by line."""
    return "\n".join(map(escape, text.splitlines()))


def link(label: str, url: str) -> str:
    """A Markdown link; what would end its address early is percent-encoded."""
    safe = URL_BREAKS.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), url)
    return f"[{escape(label)}]({safe})"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a message in one style."""

    text: str
    strong: bool = False
    struck: bool = False
    url: str = ""


def runs(chat: str) -> Iterator[Run]:
    """The message as stretches of plain text with their style."""
    strong = struck = False
    at = 0
    for match in TOKEN.finditer(chat):
        if match.start() > at:
            yield Run(chat[at : match.start()], strong, struck)
        at = match.end()
        if match["escaped"]:
            yield Run(match["escaped"], strong, struck)
        elif match["strong"]:
            strong = not strong
        elif match["struck"]:
            struck = not struck
        else:
            yield Run(re.sub(r"\\(.)", r"\1", match["label"]), strong, struck, match["url"])
    if at < len(chat):
        yield Run(chat[at:], strong, struck)


def plain(chat: str) -> str:
    """The message without markup: links as their address, struck words in brackets."""
    parts = []
    for run in runs(chat):
        text = run.url or run.text
        parts.append(f"[{text}]" if run.struck else text)
    return "".join(parts)


def as_html(chat: str) -> str:
    """The message in the few tags that chat services with HTML know: b, s, a. Line ends stay."""
    parts = []
    for run in runs(chat):
        text = html.escape(run.text)
        if run.url:
            text = f'<a href="{html.escape(run.url)}">{text}</a>'
        if run.struck:
            text = f"<s>{text}</s>"
        parts.append(f"<b>{text}</b>" if run.strong else text)
    return "".join(parts).replace("</b><b>", "").replace("</s><s>", "")
