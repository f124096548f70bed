"""Templates and what they can use: words in the reader's language, times in the reader's zone.

Every text that a template prints is escaped by Jinja2, and rid of control and direction characters first:
a headline cannot turn around the line that it stands in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from functools import partial
from gettext import NullTranslations
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.numbers import format_decimal
from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import HTMLResponse

from service import __version__
from service.actions import board
from service.actions.shapes import span, when
from service.app import App
from service.deliver.dialect import CONTROL, clean
from service.deliver.links import keyless
from service.locale.catalogue import UI_LANGUAGES, catalogue
from service.locale.reasons import Reasons, reasons
from service.model import Delivery, DeliveryState, Evidence, Item
from service.release import TOLD_IN
from service.web import drawing
from service.web.forms import SAID, said
from service.web.viewer import Viewer

HERE = Path(__file__).parent
FRESH = 5.0  # seconds for which a figure at the top of a page may be old
T = TypeVar("T")


class Memo:
    """Figures that are the same for everybody, worked out once in a while."""

    def __init__(self, seconds: float = FRESH) -> None:
        self._seconds = seconds
        self._known: dict[Hashable, tuple[float, object]] = {}
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work` answered at most so many seconds ago; one thread works it out, the others wait."""
        with self._lock:
            at, value = self._known.get(key, (0.0, None))
            if not at or time.monotonic() - at > self._seconds:
                value = work()
                self._known[key] = (time.monotonic(), value)
            return cast(T, value)

    def forget(self) -> None:
        """Something was changed just now: work it out anew."""
        with self._lock:
            self._known.clear()


class Views:
    """All templates in all languages."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.memo = Memo()
        self._of = {language: _environment(language, app) for language in UI_LANGUAGES}

    def text(self, template: str, viewer: Viewer, **facts: object) -> str:
        """A part of a page."""
        return self._of[viewer.language].get_template(template).render(viewer=viewer, **facts)

    def page(
        self, request: Request, viewer: Viewer, template: str, status: int = 0, **facts: object
    ) -> Response:
        """A page; where the fact `error` says what was wrong with the form before it, its status is 422."""
        status = status or (422 if facts.get("error") else 200)
        sentence = said(request)
        facts |= {"path": request.url.path, "version": __version__, "said": sentence}
        response = HTMLResponse(self.text(template, viewer, **facts), status)
        if sentence:
            response.delete_cookie(SAID, httponly=True, samesite="lax")
        return response

    def glance(self, viewer: Viewer) -> str:
        """The line at the top of the desk."""
        found = self.memo("glance", lambda: board.glance(self.app))
        return self.text("_glance.html", viewer, glance=found)

    def say(self, viewer: Viewer, text: str) -> str:
        """A sentence in the reader's language."""
        return translations(viewer.language).gettext(text)


def noted(text: str) -> str:
    """`text` as it is; the catalogues know by this that it is shown."""
    return text


def translations(language: str) -> NullTranslations:
    """The catalogue of the pages in a language."""
    return catalogue(HERE / "locale", language)


def _environment(language: str, app: App) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=_harmless,
    )
    words = translations(language)
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "told": reasons(language).said,
        "advised": partial(advised, reasons(language)),
        "headline": headline,
        "passage": drawing.passage,
        "outside": drawing.outside,
        "bars": drawing.bars,
        "lines": lines,
        "prose": prose,
        "verbatim": verbatim,
        "span": span,
        "at": at,
        "ago": ago,
        "keyless": keyless,
        "gathered": gathered,
        "lasting": lasting,
        "brief": brief,
        "number": number,
        "segment": lambda text: quote(text, safe=""),
        "query": lambda facts: urlencode({name: value for name, value in facts.items() if value}),
    }
    environment.globals |= {"changes": drawing.changes, "day": day, "stamp": stamp}
    environment.globals["clock"] = partial(_now, app)
    return environment


def gathered(delivery: Delivery) -> bool:
    """Whether a message was told in another one, with others: it is not that nothing was sent."""
    return delivery.state is DeliveryState.SUPPRESSED and TOLD_IN in delivery.reason


def _now(app: App) -> datetime:
    """The time that all nodes share; the database is opened when a page asks for it."""
    return app.store.now()


class Lines(str):
    """A text whose own lines are kept."""

    __slots__ = ()


def _harmless(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    return clean(value) if type(value) is str else value


def lines(text: str) -> Markup:
    """A text of several paragraphs, each as one."""
    return Markup("").join(
        Markup('<p dir="auto">{}</p>').format(clean(part))
        for part in text.split("\n\n")
        if CONTROL.sub("", part)
    )


PLAIN, CODE = Markup("{}"), Markup("<code>{}</code>")


def prose(text: str, *, inline: bool = False) -> Markup:
    """A text of ours, with what stands between backticks as code."""
    parts = [(CODE if odd % 2 else PLAIN).format(part) for odd, part in enumerate(text.split("`"))]
    drawn = Markup("").join(parts)
    return drawn if inline else Markup("<p>{}</p>").format(Markup("</p><p>").join(drawn.split("\n\n")))


def advised(said: Reasons, marked: str) -> str:
    """A query over its mark, as both stand, and the hint below them in the reader's language."""
    query, mark, *hint = marked.split("\n")
    return "\n".join([query, mark, *map(said.said, hint)])


def verbatim(text: str) -> Lines:
    """A text with its own lines, each of them harmless."""
    return Lines("\n".join(clean(line) for line in text.splitlines()))


EMBARGOED = noted("Embargoed until %(until)s")


@pass_context
def headline(context: Context, item: Item, evidence: Iterable[Evidence] = ()) -> Markup:
    """The headline with its matched words marked; under an embargo the end of that, and both for who may."""
    shown = drawing.headline(item, evidence)
    if item.embargo_until is None or item.embargo_until <= context["clock"]():
        return shown
    viewer: Viewer = context["viewer"]
    before, _, after = translations(viewer.language).gettext(EMBARGOED).partition("%(until)s")
    label = Markup("<strong>{}{}{}</strong>").format(before, at(context, item.embargo_until), after)
    return Markup("{} · {}").format(label, shown) if viewer.sees_embargoed or not item.id else label


@pass_context
def at(context: Context, moment: datetime | None, style: str = "auto") -> Markup:
    """A time as a person reads it: of today the hour, of another day the day too; the whole on pointing."""
    viewer: Viewer = context["viewer"]
    if moment is None:
        return Markup('<span class="never">–</span>')
    local, today = viewer.local(moment), viewer.local(datetime.now(moment.tzinfo))
    clock = format_time(local, "HH:mm", locale=viewer.locale)
    if style == "clock" or (style == "auto" and local.date() == today.date()):
        text = clock
    elif local.year == today.year:
        text = f"{format_skeleton('MMMd', local, locale=viewer.locale)} {clock}"
    else:
        text = format_datetime(local, "short", locale=viewer.locale)
    whole = format_datetime(local, "full", locale=viewer.locale)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(when(moment), whole, text)


@pass_context
def ago(context: Context, moment: datetime | None, now: datetime) -> str:
    """How long ago, in words: `12 seconds ago`."""
    viewer: Viewer = context["viewer"]
    if moment is None:
        return "–"
    past = min(moment - now, timedelta(seconds=-1))  # of none, Babel says: in 0 seconds
    return format_timedelta(past, add_direction=True, threshold=1.2, locale=viewer.locale)


@pass_context
def lasting(context: Context, length: timedelta) -> str:
    """How long, in words: `2 hours`."""
    viewer: Viewer = context["viewer"]
    return format_timedelta(length, threshold=1.2, locale=viewer.locale).replace(" ", "\N{NO-BREAK SPACE}")


@pass_context
def brief(context: Context, length: timedelta) -> str:
    """How long, for a table: `0.3 s`, `40 s`, `3 min`, `2 h`."""
    seconds = length.total_seconds()
    size, unit = (1, "s") if seconds < 100 else (60, "min") if seconds < 6000 else (3600, "h")
    shown = number(context, seconds if seconds < 10 else round(seconds / size))
    return f"{shown}\N{NO-BREAK SPACE}{unit}"


@pass_context
def number(context: Context, value: float) -> str:
    """A number with the separators of the language."""
    locale: Locale = context["viewer"].locale
    return format_decimal(round(value, 1) if isinstance(value, float) else value, locale=locale)


@pass_context
def day(context: Context, moment: datetime | None) -> str:
    """The day of a time, in words, as a heading."""
    viewer: Viewer = context["viewer"]
    return format_date(viewer.local(moment), "full", locale=viewer.locale) if moment else ""


def stamp(moment: datetime | None) -> str:
    """A time for programs."""
    return when(moment) or ""
