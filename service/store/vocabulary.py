"""The words that an item is found by, folded and cut for both engines; they are read in worker processes."""

from __future__ import annotations

from itertools import islice

from service.model import Item
from service.text.fold import fold
from service.text.tokens import runs

LONGEST = 64  # characters of a word that count
MOST = 5000  # different words of an item; PostgreSQL keeps a megabyte of them


def words(item: Item) -> str:
    """The different words of an item, folded, at most 5,000 of them, parted by blanks."""
    whole = " ".join((item.headline, item.slug, *item.keywords, item.body))
    found = dict.fromkeys(runs(fold(whole)))
    return " ".join(sorted({word[:LONGEST] for word in islice(found, MOST)}))


def parts(query: str) -> list[tuple[str, bool]]:
    """The words of a query, folded, and whether each is only the beginning of one."""
    found = []
    for piece in fold(query).split():
        pieces = runs(piece)
        found += [(word[:LONGEST], False) for word in pieces[:-1]]
        found += [(word[:LONGEST], piece.endswith("*")) for word in pieces[-1:]]
    return found
