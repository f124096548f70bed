"""Where an item goes: into the story it is a version, a copy or a teaser of, or into one of its own.

One link decides, the best: there is no chain of likenesses that grows until all reports on a subject are
one story. An alert goes out once for a story, so a wrong link costs more than a missing one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from service.model import Candidate, Item, Link, Placement, Signal
from service.story import marks
from service.story.fingerprint import COMMON, SHORT, Comparison, containment, fingerprints, normal
from service.story.identity import Kind, Recognition

SERIES = frozenset({marks.MARKET, marks.HOLDINGS})  # written from templates, day after day
SERIES_THRESHOLD = 0.9
LEAST_WORDS = 4  # of a text that can be equal to another by more than chance
NOTICE = 60  # shingles: the notices and footers that many items carry are not longer
COMPARED = 8  # candidates whose texts are compared: those that share the most fingerprints


def place(
    item: Item, recognition: Recognition, candidates: Sequence[Candidate], frequency: Mapping[int, int]
) -> Placement:
    """The story of an item, how it belongs to it, and a reason that a person can check.

    What the source itself says comes first (a version of a known entry, a mark before a known headline), then
    the same link or the same text elsewhere, then the nearest text. `frequency` says in how many stored items
    a fingerprint stands. The order of the candidates makes no difference, nor does an item that is placed
    again.
    """
    if recognition.of is not None and recognition.kind is not Kind.NEW:
        known = recognition.of
        return Placement(
            link=Link.VERSION, story=known.story, nearest=known.item, score=1.0, reason=recognition.reason
        )
    # Oldest first, so that a story is joined at its beginning; ids count in the order of storing.
    earlier = sorted((c for c in candidates if not item.id or c.item.id < item.id), key=lambda c: c.item.id)
    return (
        _by_mark(item, earlier)
        or _by_link(item, earlier)
        or _by_text(item, earlier, frequency)
        or _by_likeness(item, earlier, frequency)
        or Placement(link=Link.FIRST, reason="no stored item has its link or much of its text")
    )


def _by_mark(item: Item, earlier: Sequence[Candidate]) -> Placement | None:
    """What a mark announces as a version, under the headline that the same desk gave before.

    Wires without keys of their own send `KORREKTUR: …` as a new item; a kill names the headline that it
    takes back, in its own or in its text.
    """
    if item.signal is Signal.NONE or _is_series(item):
        return None
    text = normal(item)
    named = " ".join(text.whole) if item.signal is Signal.KILL else ""
    for candidate in reversed(earlier):  # the newest that bears the headline
        other = candidate.item
        headline = normal(other).headline
        if other.source != item.source or len(headline) < LEAST_WORDS:
            continue
        if headline == text.headline or " ".join(headline) in named:
            reason = f"marked as {item.signal}, with the headline of item {other.id}"
            return Placement(link=Link.VERSION, story=other.story, nearest=other.id, score=1.0, reason=reason)
    return None


def _by_link(item: Item, earlier: Sequence[Candidate]) -> Placement | None:
    """The same address on another source, where it is the address of one story.

    A home page, a live blog or a ticker is the link of many entries; such an address proves nothing.
    """
    same = [c.item for c in earlier if c.link and _names_a_page(c.item.canonical_link)]
    elsewhere = [each for each in same if each.source != item.source]
    if not elsewhere or len({each.story for each in same}) > 1:
        return None
    return _equal(elsewhere[0], "the same link")


def _names_a_page(canonical_link: str) -> bool:
    """Whether an address leads deeper than to a host."""
    return any(sign in canonical_link for sign in "/?")


def _by_text(item: Item, earlier: Sequence[Candidate], frequency: Mapping[int, int]) -> Placement | None:
    """The same normal text, unless it is one that many items have: a notice to subscribers, a headline."""
    text = normal(item)
    if len(text.told) < LEAST_WORDS or (_is_series(item) and len(text.body) < SHORT):
        return None
    everywhere = median([frequency.get(h, 0) for h in fingerprints(item)] or [0]) > COMMON
    for candidate in earlier:
        other = normal(candidate.item)
        if other.told == text.told and (_kindred(item, candidate.item) or not everywhere):
            return _equal(candidate.item, "the same text")
    return None


def _equal(nearest: Item, what: str) -> Placement:
    reason = f"{what} as item {nearest.id}"
    return Placement(link=Link.EQUAL, story=nearest.story, nearest=nearest.id, score=1.0, reason=reason)


def _by_likeness(item: Item, earlier: Sequence[Candidate], frequency: Mapping[int, int]) -> Placement | None:
    """The nearest text, where it is near enough to be the same report."""
    looked_at = sorted(earlier, key=lambda c: (-c.shared, c.item.id))[:COMPARED]
    elsewhere = {
        story: _elsewhere(story, looked_at, frequency) for story in {c.item.story for c in looked_at}
    }
    compared = [(containment(item, c.item, elsewhere[c.item.story]), c.item) for c in looked_at]
    others = {other.story for comparison, other in compared if not comparison.kind and not _is_brief(other)}
    near = [
        (comparison, other)
        for comparison, other in compared
        if comparison.kind
        and not (_is_series(item) and comparison.score < SERIES_THRESHOLD)
        and not (comparison.common and comparison.shared < NOTICE and not _kindred(item, other))
        # A few words may open two different reports; they must not make one story of them.
        and not (_is_brief(other) and other.story in others)
    ]
    if not near:
        return None
    # A long text that is nearly the same says more than a teaser that is wholly contained.
    best, nearest = min(near, key=lambda pair: (-pair[0].score * pair[0].shared, pair[1].id))
    assert best.kind
    return Placement(
        link=best.kind,
        story=nearest.story,
        nearest=nearest.id,
        score=best.score,
        reason=f"{_in_words(best)} item {nearest.id}",
    )


def _elsewhere(
    story: int, looked_at: Sequence[Candidate], frequency: Mapping[int, int]
) -> Mapping[int, float]:
    """In how many items outside a story each fingerprint stands, by the look of the candidates.

    A report that forty portals carry is no boilerplate. It is told by its many sources: the reports from one
    template, too, may have come into one story, but from one desk. Where there are more candidates than are
    looked at, these stand for all.
    """
    sources = len({c.item.source for c in looked_at if c.item.story == story})
    if len(looked_at) < COMPARED:
        return {h: count - sources for h, count in frequency.items()}
    return {h: count * (1 - sources / COMPARED) for h, count in frequency.items()}


def _in_words(comparison: Comparison) -> str:
    changed = ", ".join(f"{now} where it had {was}" for was, now in comparison.numbers_changed[:3])
    return f"{comparison.score:.0%} of the shorter text{f', but {changed},' if changed else ''} as in"


def _kindred(a: Item, b: Item) -> bool:
    """Whether two headlines may be on one subject: equal, or with two longer words in common."""
    here, there = normal(a).headline, normal(b).headline
    return here == there or len({word for word in here if len(word) >= 4} & set(there)) >= 2


def _is_series(item: Item) -> bool:
    return item.genre in SERIES


def _is_brief(item: Item) -> bool:
    return len(normal(item).body) < SHORT
