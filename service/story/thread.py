"""Where an item goes: into the story it is a version, a copy or a teaser of, or into one of its own.

One link decides, the best: there is no chain of likenesses that grows until all reports on a subject are
one story. An alert goes out once for a story, so a wrong link costs more than a missing one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from service.model import Candidate, Item, Link, Placement, Signal
from service.story import marks
from service.story.containment import COMMON, Comparison, Probe, Weights, weights
from service.story.fingerprint import SHORT, Sketch, normal
from service.story.identity import Kind, Recognition

SERIES = frozenset({marks.MARKET, marks.HOLDINGS})  # written from templates, day after day
SERIES_THRESHOLD = 0.9
LEAST_WORDS = 4  # of a text that can be equal to another by more than chance
NOTICE = 60  # shingles: the notices and footers that many items carry are not longer
CASE = 60  # words: a report of a desk that has one like it with another number is the next case, below it
COMPARED = 8  # candidates whose texts are compared: those that share the most fingerprints


def place(
    item: Item,
    text: Sketch,
    recognition: Recognition,
    candidates: Sequence[Candidate],
    sketches: Mapping[int, Sketch],
    frequency: Mapping[int, int],
) -> Placement:
    """The story of an item, how it belongs to it, and a reason that a person can check.

    What the source itself says comes first (a version of a known entry, a mark before a known headline), then
    the same link or the same text elsewhere, then the nearest text. `text` is the item's, `sketches` are
    those of the candidates, by their id; `frequency` says in how many stored items a fingerprint stands. The
    order of the candidates makes no difference, nor does an item that is placed again.
    """
    if recognition.of is not None and recognition.kind is not Kind.NEW:
        known = recognition.of
        return Placement(
            link=Link.VERSION, story=known.story, nearest=known.item, score=1.0, reason=recognition.reason
        )
    # Oldest first, so that a story is joined at its beginning; ids count in the order of storing.
    earlier = [
        _Earlier(each, sketches[each.item])
        for each in sorted(candidates, key=lambda each: each.item)
        if not item.id or each.item < item.id
    ]
    return (
        _by_mark(item, text, earlier)
        or _by_link(item, earlier)
        or _by_text(item, text, earlier, frequency)
        or _by_likeness(item, text, earlier, frequency)
        or Placement(link=Link.FIRST, reason="no stored item has its link or much of its text")
    )


class _Earlier(NamedTuple):
    """A candidate with its text."""

    found: Candidate
    text: Sketch


def _by_mark(item: Item, text: Sketch, earlier: Sequence[_Earlier]) -> Placement | None:
    """What a mark announces as a version, under the headline that the same desk gave before.

    Wires without keys of their own send `KORREKTUR: …` as a new item; a kill names the headline that it
    takes back, in its own or in its text.
    """
    if item.signal is Signal.NONE or _is_series(item):
        return None
    if known := next((other for other, _ in earlier if other.named), None):
        return _version(known, f"a withdrawal that names item {known.item}")
    named = " ".join(normal(item).whole) if item.signal is Signal.KILL else ""
    for other, there in reversed(earlier):  # the newest that bears the headline
        if other.source != item.source or len(there.headline.split()) < LEAST_WORDS:
            continue
        if there.headline == text.headline or there.headline in named:
            return _version(other, f"marked as {item.signal}, with the headline of item {other.item}")
    return None


def _version(of: Candidate, reason: str) -> Placement:
    return Placement(link=Link.VERSION, story=of.story, nearest=of.item, score=1.0, reason=reason)


def _by_link(item: Item, earlier: Sequence[_Earlier]) -> Placement | None:
    """The same address on another source, where it is the address of one story.

    A home page, a live blog or a ticker is the link of many entries; such an address proves nothing.
    """
    if not _names_a_page(item.canonical_link):
        return None
    same = [other for other, _ in earlier if other.link]
    elsewhere = [each for each in same if each.source != item.source]
    if not elsewhere or len({each.story for each in same}) > 1:
        return None
    return _equal(elsewhere[0], "the same link")


def _names_a_page(canonical_link: str) -> bool:
    """Whether an address leads deeper than to a host."""
    return any(sign in canonical_link for sign in "/?")


def _by_text(
    item: Item, text: Sketch, earlier: Sequence[_Earlier], frequency: Mapping[int, int]
) -> Placement | None:
    """The same normal text, unless it is one that many items have: a notice to subscribers, a headline."""
    if text.told_length < LEAST_WORDS or (_is_series(item) and text.length < SHORT):
        return None
    for other, there in earlier:
        if there.hash == text.hash and (_kindred(text, there) or not _is_everywhere(text, frequency)):
            return _equal(other, "the same text")
    return None


def _is_everywhere(text: Sketch, frequency: Mapping[int, int]) -> bool:
    return median([frequency.get(h, 0) for h in text.kept] or [0]) > COMMON


def _equal(nearest: Candidate, what: str) -> Placement:
    reason = f"{what} as item {nearest.item}"
    return Placement(link=Link.EQUAL, story=nearest.story, nearest=nearest.item, score=1.0, reason=reason)


def _by_likeness(
    item: Item, text: Sketch, earlier: Sequence[_Earlier], frequency: Mapping[int, int]
) -> Placement | None:
    """The nearest text, where it is near enough to be the same report."""
    if not earlier:
        return None
    looked_at = sorted(earlier, key=lambda each: (-each.found.shared, each.found.item))[:COMPARED]
    sources = Counter(story for story, _ in {(each.found.story, each.found.source) for each in looked_at})
    weighs = {n: _elsewhere(n, len(looked_at), frequency) for n in set(sources.values())}
    probe = Probe(text)
    compared = [
        (probe.containment(there, weighs[sources[other.story]]), other, there) for other, there in looked_at
    ]
    others = {other.story for comparison, other, there in compared if not comparison and not _is_brief(there)}
    own = {other.story for other, _ in looked_at if other.source == item.source}
    told = own if item.signal is Signal.NONE else set()
    near = [
        (comparison, other)
        for comparison, other, there in compared
        if comparison
        and not (_is_series(item) and comparison.score < SERIES_THRESHOLD)
        and not (comparison.common and comparison.shared < NOTICE and not _kindred(text, there))
        # A police desk writes each accident in the words of the last; who corrects a number says so.
        and not (comparison.kind is Link.NUMBER_CHANGED and other.story in told and text.told_length < CASE)
        # A few words may open two different reports; they must not make one story of them.
        and not (_is_brief(there) and other.story in others)
    ]
    if not near:
        return None
    # A long text that is nearly the same says more than a teaser that is wholly contained.
    best, nearest = min(near, key=lambda pair: (-pair[0].score * pair[0].shared, pair[1].item))
    return Placement(
        link=best.kind,
        story=nearest.story,
        nearest=nearest.item,
        score=best.score,
        reason=f"{_in_words(best)} item {nearest.item}",
    )


def _elsewhere(sources: int, looked_at: int, frequency: Mapping[int, int]) -> Weights:
    """What each fingerprint weighs by the items outside a story that it stands in, as the candidates show.

    A report that forty portals carry is no boilerplate. It is told by its many sources: the reports from one
    template, too, may have come into one story, but from one desk. Where there are more candidates than are
    looked at, these stand for all.
    """
    if looked_at < COMPARED:
        return weights(frequency, lambda count: count - sources)
    return weights(frequency, lambda count: count * (1 - sources / COMPARED))


def _in_words(comparison: Comparison) -> str:
    changed = ", ".join(f"{now} where it had {was}" for was, now in comparison.numbers_changed[:3])
    return f"{comparison.score:.0%} of the shorter text{f', but {changed},' if changed else ''} as in"


def _kindred(a: Sketch, b: Sketch) -> bool:
    """Whether two headlines may be on one subject: equal, or with two longer words in common."""
    there = set(b.headline.split())
    return a.headline == b.headline or len({w for w in a.headline.split() if len(w) >= 4} & there) >= 2


def _is_series(item: Item) -> bool:
    return item.genre in SERIES


def _is_brief(text: Sketch) -> bool:
    return text.length < SHORT
