"""Which report a withdrawal names: by its headline, by its number, or none that is sure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.model import Item
from service.story.naming import named

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
RESIGNS = Item(
    id=1, story=1, headline="Minister tritt zurück", external_id="bdt0157-20261124", published_at=NOON
)
RAIL = Item(
    id=2,
    story=2,
    headline="EILMELDUNG: Ulan Bator beschließt zweite Bahnstrecke",
    external_id="bdt0158-20261124",
    published_at=NOON,
)


def asked(text: str, *stored: Item, headline: str = "KILL KILL KILL") -> int:
    """The id of the item that a withdrawal of an hour later names; 0 for none."""
    withdrawal = Item(headline=headline, body=text, published_at=NOON + timedelta(hours=1))
    found = named(withdrawal, stored or (RESIGNS, RAIL))
    return found.id if found else 0


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ('Please kill item dpa 999 "Minister tritt zurück". It is wrong.', 1),
        ("Bitte die Meldung „Minister tritt zurück“ nicht verwenden.", 1),
        ("Die Meldung Ulan Bator beschließt zweite Bahnstrecke ist falsch.", 2),
        ("Bitte die Meldung dpa 157 nicht verwenden.", 1),
        ("Bitte Meldung Nr. 0158 löschen.", 2),
        ("Minister tritt zurück und andere Meldungen", 0),  # three words without quotes may be anybody's
        ("Bitte die Meldung dpa 15 nicht verwenden.", 0),
        ("Nicht verwenden.", 0),
    ],
)
def test_a_withdrawal_names_a_headline_or_a_number(text: str, which: int) -> None:
    assert which == asked(text)


def test_a_headline_in_the_withdrawals_own_counts_too() -> None:
    assert 2 == asked("", headline="KILL KILL KILL: dpa 158 - Ulan Bator beschließt zweite Bahnstrecke")


def test_a_headline_is_surer_than_a_number() -> None:
    assert 2 == asked('dpa 157 "Ulan Bator beschließt zweite Bahnstrecke"')


def test_the_newest_version_is_named_and_of_two_stories_neither() -> None:
    assert 3 == asked("„Minister tritt zurück“", RESIGNS, replace(RESIGNS, id=3))
    assert 0 == asked("„Minister tritt zurück“", RESIGNS, replace(RESIGNS, id=3, story=3))


def test_a_number_of_last_week_is_another_item() -> None:
    assert 0 == asked("dpa 157", replace(RESIGNS, published_at=NOON - timedelta(days=7)))
