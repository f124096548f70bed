"""Messages: a `Notice` in, the words of a `Message` out; pure but for reading the templates.

The wording stands in `templates/`, one file for each shape and dialect; here stands what they may say.
Wire text is untrusted: it is escaped by the dialect it goes to, and only then marked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service.deliver import dialect
from service.deliver.payload import payload
from service.deliver.templating import Stylist, UnfilledError
from service.deliver.view import address, rules, shorten, shown, view, within
from service.errors import UsageError
from service.model import Channel, DeliveryKind, Item, Message, Notice, Priority, Telling

SUBJECT = 180  # characters; what a mail program shows of a subject is shorter still
RULES_IN_SUBJECT = 2
CHAT = 900  # characters of a chat message: under the 1,000 of the narrowest services (Teams, Pushover)
# (characters of an excerpt, entries of a digest, characters of a paragraph), tried in turn.
CHAT_FITS = ((200, 8, 700), (80, 4, 300), (0, 2, 120))
LONGEST_LINK = 400  # characters of an address in a chat message; a longer one is left to the mail
HOST = "wire-monitor.invalid"  # in ids, where no address of our own is configured (RFC 2606)

SHAPES = {
    DeliveryKind.ALERT: "alert",
    DeliveryKind.UPDATE: "alert",
    DeliveryKind.CORRECTION: "alert",
    DeliveryKind.RETRACTION: "retraction",
    DeliveryKind.DIGEST: "digest",
    DeliveryKind.TEST: "note",
    DeliveryKind.OPERATOR: "note",
}


def render(
    notice: Notice,
    channel: Channel,
    *,
    base_url: str = "",
    agent: str = "Wire Monitor",
    stylist: Stylist | None = None,
) -> Message:
    """The message for one recipient: subject, plain text, HTML, chat Markdown and JSON.

    Its id depends on the story, the revision and the delivery alone, so that a repeat carries the same one.
    Templates of the channel's own replace what they are there for; where they fail, or nobody fills them
    (`stylist`), the built-in ones are used and the failure is said in the text, since a message must not be
    lost to its wording.
    """
    seen = view(notice, base_url, agent)
    shape = SHAPES[notice.kind]
    subject = seen["subject"] = _subject(_fill("subject.txt", seen))
    text = _fill(f"{shape}.txt", seen).strip() + "\n"
    html = _fill(f"{shape}.html", seen)
    chat = _chat(f"{shape}.md", notice, seen)
    if channel.templates and stylist:
        try:
            own = stylist.fill(channel.templates, seen)
        except UnfilledError as error:
            text += "\n" + _fill("unfilled.txt", seen | {"error": str(error)})
        else:
            subject = _subject(own.get("subject", "")) or subject
            text = own["text"].strip() + "\n" if "text" in own else text
            html = own.get("html", "" if "text" in own else html)
            chat = own.get("chat", "").strip() or (
                dialect.escape_lines(text)[:CHAT] if "text" in own else chat
            )
    identity = message_id(notice, base_url)
    return Message(
        id=identity,
        subject=subject,
        text=text,
        html=html,
        chat=chat,
        data=payload(notice, identity, subject, text),
        thread=notice.thread,
        headers=_headers(notice, base_url),
        embargo_until=_embargo(notice),
    )


def check_templates(channel: Channel) -> None:
    """Nothing, if the channel's own templates can be filled; raises UsageError with their fault."""
    sample = Notice(
        kind=DeliveryKind.ALERT,
        delivery=0,
        channel=channel.name,
        item=Item(headline="Sample", body="A sample."),
        source="Sample",
        tellings=(Telling(rule="sample"),),
    )
    with closing(Stylist()) as stylist:
        try:
            stylist.fill(channel.templates, view(sample, "", "Wire Monitor") | {"subject": "Sample"})
        except UnfilledError as error:
            raise UsageError(f"the templates cannot be filled: {error}") from error


def message_id(notice: Notice, base_url: str = "") -> str:
    """`alert-<story>.<revision>.<delivery>@<host>`: the same for every try of a delivery."""
    shown = notice.item or notice.previous
    about = "alert" if shown and shown.story else notice.kind.value
    story = shown.story if shown else 0
    return f"{about}-{story}.{notice.revision}.{notice.delivery}@{_host(base_url)}"


def _subject(filled: str) -> str:
    return shorten(" ".join(dialect.clean(filled).split()), SUBJECT)


def _embargo(notice: Notice) -> datetime | None:
    """Until when the message may be shown only to those who may see what is embargoed."""
    items = [one.item for one in (notice, *notice.entries) if one.item]
    ends = [item.embargo_until for item in items if item.embargo_until and item.embargo_until > notice.now]
    return max(ends, default=None)


# ---------------------------------------------------------------- templates


@cache
def templates(*, html: bool) -> ImmutableSandboxedEnvironment:
    """The built-in templates, sandboxed, since a channel may bring its own; a missing name is an error.

    Two environments, not one that escapes by file name: a macro of a text template that is called from an
    HTML one would count as escaped without being so.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("service.deliver"),
        autoescape=html,
        undefined=StrictUndefined,
        auto_reload=False,  # they come with the package: looking after each file is a tenth of the work
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Callable[..., str]] = {
        "short": shorten,
        "md": dialect.escape,
        "md_lines": dialect.escape_lines,
        "md_link": dialect.link,
    }
    environment.filters.update(filters)
    environment.globals["RULES_IN_SUBJECT"] = RULES_IN_SUBJECT
    return environment


def _fill(name: str, seen: Mapping[str, Any]) -> str:
    return templates(html=name.endswith(".html")).get_template(name).render(seen)


def _chat(name: str, notice: Notice, seen: Mapping[str, Any]) -> str:
    """The chat message within its length: with less and less of the text, at last the subject alone."""
    for window, listed, room in CHAT_FITS:
        fitted = dict(seen)
        if notice.item:
            item = shown(notice, notice.item, window=window)
            fitted["item"] = item if len(item.link) <= LONGEST_LINK else replace(item, link="")
        fitted["entries"] = seen["entries"][:listed]
        fitted["paragraphs"] = [within(paragraph, room) for paragraph in seen["paragraphs"]]
        fitted["more_entries"] = len(notice.entries) + notice.more - len(fitted["entries"])
        chat = _fill(name, fitted).strip()
        if len(chat) <= CHAT:
            return chat
    return dialect.escape(seen["subject"])


# ---------------------------------------------------------------- ids and headers


def _host(base_url: str) -> str:
    try:
        host = urlsplit(base_url).hostname or HOST
    except ValueError:
        return HOST
    return host if re.fullmatch(r"[a-z0-9.-]+", host) else HOST


def _headers(notice: Notice, base_url: str) -> Mapping[str, str]:
    """What a mail program may sort by: the list of the first rule (RFC 2919), kind and rules."""
    headers = {"X-Monitor-Kind": notice.kind.value}
    if told := rules(notice):
        ascii_name = unicodedata.normalize("NFKD", told[0]).encode("ascii", "ignore").decode()
        label = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-") or "rule"
        headers["List-Id"] = f"<{label}.{_host(base_url)}>"
        headers["X-Monitor-Rules"] = ", ".join(told)
    if leave := address(notice.links.get("unsubscribe", "")):
        headers["List-Unsubscribe"] = f"<{leave}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    if notice.priority is Priority.FLASH:
        headers["Importance"] = "high"
    return headers
