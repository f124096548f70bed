"""Whether two texts give the same figures: what tells a corrected report from the report of another day.

Market reports, notices of voting rights and police reports are written from templates: their sentences are
the same, their figures and names are not. A corrected report has one number changed, and nothing else there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

AGREEING = 0.6  # of the numbers that stand in the same place, in one report and its copies
FEW = 3  # numbers: with fewer, a share says nothing
REACH = 3  # words on one side of a number that tell its place


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the numbers.

    `agree` says that both texts may be one report; `changed` pairs what stood in a place with what stands
    there now.
    """

    agree: bool
    changed: tuple[tuple[str, str], ...] = ()


def compare(new: Sequence[str], old: Sequence[str]) -> Figures:
    """Whether two runs of words give the same figures, and which were changed.

    A place is known by the three words before it, or by the three behind it. Where a sentence was added to
    one like it, the old number is still there, and nothing was changed. Numbers in places that only one text
    has, as in a new lead, count neither way.
    """
    was, now = _places(old), _places(new)
    kept, changed = 0, dict[tuple[str, str], None]()
    for place in was.keys() & now.keys():
        before, after = Counter(was[place]), Counter(now[place])
        kept += (before & after).total()
        if (gone := before - after) and (come := after - before):
            changed[min(gone), min(come)] = None
    kept //= 2  # each was counted by what stands before it and by what stands behind it
    return Figures(
        agree=_agree(kept, len(changed)) and not (changed and _from_one_template(new, old)),
        changed=tuple(sorted(changed)),
    )


def _agree(kept: int, changed: int) -> bool:
    if kept + changed < FEW:
        return kept > 0 or changed < 2
    return kept >= AGREEING * (kept + changed)


def _from_one_template(new: Sequence[str], old: Sequence[str]) -> bool:
    """Whether names were exchanged as well, in texts whose numbers differ: two reports, not one corrected.

    Counted are the places where up to four words stand for others, between three words each that are the
    same. One such place may be an editor's; in a text with hardly a number it is one too many.
    """
    allowed = 1 if sum(map(str.isdecimal, _merged(new))) >= FEW else 0
    aligned = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    fixed = [edit == "equal" and a_end - a >= REACH for edit, a, a_end, _, _ in aligned]
    exchanged = sum(
        edit == "replace"
        and max(a_end - a, b_end - b) <= REACH + 1
        and not any(map(str.isdecimal, old[a:a_end]))
        and (at == 0 or fixed[at - 1])
        and (at == len(aligned) - 1 or fixed[at + 1])
        for at, (edit, a, a_end, b, b_end) in enumerate(aligned)
    )
    return exchanged > allowed


def _merged(run: Sequence[str]) -> list[str]:
    """The words, in which digits in a row are one number, so that 1.000 and 1000 are the same."""
    merged: list[str] = []
    for word in run:
        if word.isdecimal() and merged and merged[-1].isdecimal():
            merged[-1] += word
        else:
            merged.append(word)
    return merged


def _places(run: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    """The numbers of a text by the words around them, in which other numbers are blanked."""
    merged = _merged(run)
    blanked = ["#" if word.isdecimal() else word for word in merged]
    places: dict[tuple[str, ...], list[str]] = {}
    for at, word in enumerate(merged):
        if word.isdecimal():
            places.setdefault(("<", *blanked[max(0, at - REACH) : at]), []).append(word)
            places.setdefault((*blanked[at + 1 : at + 1 + REACH], ">"), []).append(word)
    return places
