"""An item in the archive, without the path that leads there: for tests of what is kept beside it."""

from __future__ import annotations

from datetime import datetime

from service.model import Item, Link, Placement
from service.store.db import Transaction


def stored(tx: Transaction, item: Item, now: datetime) -> Item:
    """The item as it was stored, in a story of its own, where nothing finds it again."""
    opens = Placement(link=Link.FIRST)
    return tx.items.add(item, opens, keys=(), content=0, text_hash=0, fingerprints=(), now=now)
