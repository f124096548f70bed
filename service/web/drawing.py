"""What is drawn: matched words marked in a text, and small charts as SVG. All of it is safe to show.

Charts are drawn here and not in the browser: they stand in print, without JavaScript, and are read aloud by
their label. A bar takes its color from the page's style sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from service.deliver.excerpt import Mark, Piece, difference, excerpt, marked
from service.model import Evidence, Item

LONGEST_HEADLINE = 400  # characters; a wire may say anything
EXCERPT = 260
HEADLINE, TEXT = frozenset({"title"}), frozenset({"body", "lead"})

MARKED = {
    Mark.HIT: Markup("<mark>{}</mark>"),
    Mark.ADDED: Markup("<ins>{}</ins>"),
    Mark.REMOVED: Markup("<del>{}</del>"),
}


def pieces(found: Iterable[Piece]) -> Markup:
    """A text in pieces, each escaped first and marked then."""
    return Markup("").join(
        MARKED[piece.mark].format(piece.text) if piece.mark else escape(piece.text) for piece in found
    )


def headline(item: Item, evidence: Iterable[Evidence] = ()) -> Markup:
    """The headline with the places of the evidence marked."""
    places = [place for place in evidence if place.field in HEADLINE]
    if len(item.headline) > LONGEST_HEADLINE:
        return pieces(excerpt(item.headline, places, LONGEST_HEADLINE))
    return pieces(marked(item.headline, places))


def passage(item: Item, evidence: Iterable[Evidence] = (), longest: int = EXCERPT) -> Markup:
    """The part of the text that shows why it hit, else its beginning."""
    places = [place for place in evidence if place.field in TEXT and place.end <= len(item.body)]
    return pieces(excerpt(item.body, places, longest))


def changes(before: Item, after: Item) -> Markup:
    """What is new in the text of a later version, and what is gone."""
    return pieces(difference(before.body[:20_000], after.body[:20_000]))


def outside(url: str) -> str:
    """An address that may be followed: http or https, "" for any other (`javascript:`, `data:`)."""
    try:
        parts = urlsplit(url)
        return url if parts.scheme in {"http", "https"} and parts.hostname else ""
    except ValueError:
        return ""


def bars(counts: Sequence[int], label: str, *, height: int = 24, width: int = 5, gap: int = 1) -> Markup:
    """A row of bars, the last one the newest; `label` says in words what they show.

    Nothing is a thin line, so that a quiet day can be told from a missing one.
    """
    most = max(counts, default=0) or 1
    shapes = []
    for place, count in enumerate(counts):
        tall = max(1.0, count / most * height)
        kind = "now" if place == len(counts) - 1 else "none" if not count else "bar"
        shapes.append(
            Markup(
                '<rect class="{}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"><title>{}</title></rect>'
            ).format(kind, place * (width + gap), height - tall, width, tall, count)
        )
    long = max(1, len(counts) * (width + gap) - gap)
    return Markup(
        '<svg class="bars" role="img" aria-label="{0}" viewBox="0 0 {1} {2}" width="{1}" height="{2}"'
        ' preserveAspectRatio="none">{3}</svg>'
    ).format(label, long, height, Markup("").join(shapes))
