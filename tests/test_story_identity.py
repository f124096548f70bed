"""Three polls of one document: what is new, what is known, what is a new version."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.model import Item, Seen, Signal, Status
from service.story.identity import Keys, Kind, Recognition, content, flood, names, order, recognise
from service.story.identity import identify as among
from service.text.url import canonical

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOWNS = ["Kiel", "Gera", "Ulm", "Trier", "Hagen", "Celle", "Fulda", "Jena", "Worms", "Essen"]


def entry(number: int, **fields: object) -> Item:
    """The entry of a feed: a council's decision on its bus line."""
    town = TOWNS[number % len(TOWNS)]
    link = f"https://www.rundblick.example/lokales/{town.lower()}-bus-{number}"
    item = Item(
        headline=f"{town} stellt Buslinie {number} auf Wasserstoff um",
        body=f"Der Stadtrat von {town} hat am Montag beschlossen, die Buslinie {number} umzustellen. "
        f"Das kostet {number + 3} Millionen Euro, wie die Stadt mitteilte.",
        external_id=f"tag:rundblick.example,2026:{number}",
        link=link,
        canonical_link=canonical(link),
        published_at=NOON + timedelta(minutes=number),
    )
    return replace(item, **fields)  # type: ignore[arg-type]


def identify(items: Sequence[Item]) -> list[Keys]:
    return among([names(item) for item in items])


class Memory:
    """What a store remembers of one source, as the pipeline writes it."""

    def __init__(self) -> None:
        self.known: dict[int, Seen] = {}
        self.items = 0

    def poll(self, document: Sequence[Item]) -> list[Recognition]:
        """Recognise each entry of a document, and remember it."""
        answers = []
        for keys, item in zip(identify(document), document, strict=True):
            answer = recognise(keys, names(item), self.known)
            answers.append(answer)
            if answer.kind is not Kind.SAME:
                self.items += 1
                story = answer.of.story if answer.of else self.items
                for key in (keys.primary, *keys.aliases):
                    self.known[key] = Seen(key, self.items, story, content(item))
        return answers

    def kinds(self, document: Sequence[Item]) -> list[Kind]:
        return [answer.kind for answer in self.poll(document)]


Change = Callable[[Item, int, int], Item]


def link_to(item: Item, link: str) -> Item:
    return replace(item, link=link, canonical_link=canonical(link))


CHANGES: dict[str, Change] = {
    "nothing": lambda item, _number, _poll: item,
    "GUID missing": lambda item, _number, _poll: replace(item, external_id=""),
    "GUID blank": lambda item, _number, _poll: replace(item, external_id="  "),
    "GUID repeated": lambda item, _number, _poll: replace(item, external_id="rundblick"),
    "GUID repeated and one link": lambda item, _number, _poll: replace(
        link_to(item, "https://rundblick.example/"), external_id="rundblick"
    ),
    "GUID is the place in the feed": lambda item, number, _poll: replace(item, external_id=str(number)),
    "GUID changes each poll": lambda item, number, poll: replace(item, external_id=f"{number}-{poll}"),
    "GUID vanishes": lambda item, _number, poll: replace(
        item, external_id=item.external_id if not poll else ""
    ),
    "http becomes https": lambda item, number, poll: replace(
        link_to(item, f"http{'s' if poll % 2 else ''}://rundblick.example/{number}"),
        external_id=f"http{'s' if poll % 2 else ''}://rundblick.example/{number}",
    ),
    "trackers and slashes": lambda item, number, poll: replace(
        link_to(item, f"https://rundblick.example/{number}{'/' * poll}?utm_source=rss{poll}"), external_id=""
    ),
    "no GUID and no link": lambda item, _number, _poll: replace(
        item, external_id="", link="", canonical_link=""
    ),
    "re-dated": lambda item, _number, poll: replace(
        item, published_at=NOON + timedelta(hours=poll), updated_at=NOON + timedelta(hours=poll)
    ),
    "credit and sign-off": lambda item, _number, poll: replace(
        item, body=f"ULM (dpa) - {item.body}/abc/DP/xy" if poll else item.body
    ),
    "a date for a version": lambda item, _number, poll: replace(item, version=f"2026-03-02T12:0{poll}:00Z"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_twenty_entries_are_twenty_items_over_three_shuffled_polls(change: Change) -> None:
    memory = Memory()
    for poll in range(3):
        document = [change(entry(number), number, poll) for number in range(20)]
        random.Random(poll).shuffle(document)
        expected = Kind.SAME if poll else Kind.NEW
        assert memory.kinds(document) == [expected] * 20
    assert memory.items == 20


def test_a_retitled_entry_is_a_version_of_itself() -> None:
    memory = Memory()
    memory.poll([entry(1), entry(2)])
    retitled = replace(entry(1), headline="Gera verschiebt die Umstellung")
    same, version = memory.poll([entry(2), retitled])
    assert (same.kind, version.kind) == (Kind.SAME, Kind.VERSION)
    assert version.of is not None
    assert version.of.story == 1
    assert "item 1" in version.reason


def test_a_retitled_entry_without_guid_is_known_by_its_link() -> None:
    memory = Memory()
    memory.poll([entry(1, external_id="")])
    assert memory.kinds([entry(1, external_id="", headline="Gera verschiebt alles")]) == [Kind.VERSION]


def test_a_rewritten_text_under_a_new_guid_is_a_version_by_link_and_headline() -> None:
    memory = Memory()
    memory.poll([entry(1)])
    assert memory.kinds([entry(1, external_id="again", body="Nun doch nicht.")]) == [Kind.VERSION]


def test_a_guid_that_moves_to_https_with_a_new_headline_is_a_version() -> None:
    memory = Memory()
    bare = replace(entry(1), link="", canonical_link="")
    memory.poll([replace(bare, external_id="http://www.rundblick.example/bus?id=1&utm_source=rss")])
    moved = replace(bare, external_id="https://rundblick.example/bus/?id=1", headline="Gera verschiebt alles")
    assert memory.kinds([moved]) == [Kind.VERSION]


def test_a_version_that_was_seen_is_not_told_again() -> None:
    """Two servers behind one name serve an old and a new document in turn."""
    memory = Memory()
    old, new = entry(1), entry(1, body="Der Stadtrat hat die Entscheidung vertagt.")
    kinds = [memory.kinds([each])[0] for each in (old, new, old, new, old)]
    assert kinds == [Kind.NEW, Kind.VERSION, Kind.SAME, Kind.SAME, Kind.SAME]


def test_a_new_entry_under_the_guid_of_an_old_place_is_new() -> None:
    """Feeds that number their entries from the top give every entry another GUID at each poll."""
    memory = Memory()
    memory.poll([entry(number, external_id=str(number)) for number in range(5)])
    shifted = [
        entry(9, external_id="0"),
        *(entry(number, external_id=str(number + 1)) for number in range(4)),
    ]
    assert memory.kinds(shifted) == [Kind.NEW] + [Kind.SAME] * 4


def test_a_second_entry_under_a_guid_is_new() -> None:
    memory = Memory()
    memory.poll([entry(1, external_id="bus")])
    assert memory.kinds([entry(2, external_id="bus"), entry(1, external_id="bus")]) == [Kind.NEW, Kind.SAME]


def test_versions_of_the_format_share_one_key_within_a_document() -> None:
    wire = [entry(number, external_id="urn:wire:1", version=str(number)) for number in (1, 2)]
    assert len({keys.primary for keys in identify(wire)}) == 1
    assert Memory().kinds(wire) == [Kind.NEW, Kind.VERSION]


def test_a_recall_that_repeats_the_text_is_a_version() -> None:
    usable = entry(1)
    for recalled in (
        replace(usable, status=Status.CANCELED),
        replace(usable, signal=Signal.KILL),
        replace(usable, embargo_until=NOON),
    ):
        memory = Memory()
        memory.poll([usable])
        assert memory.kinds([recalled]) == [Kind.VERSION]


def test_marks_and_typography_make_no_version() -> None:
    plain = entry(1, headline="Kiel erhöht Preise für Müll", body="Die Stadt erhöht im Mai die Gebühren.")
    dressed = replace(plain, headline="WDH/ROUNDUP 2: Kiel erhoeht Preise für Müll")
    assert content(plain) == content(dressed)
    assert content(plain) != content(replace(plain, headline="Kiel senkt Preise für Müll"))


def test_two_entries_with_all_the_same_are_one_item() -> None:
    first, second = identify([entry(1), entry(1)])
    assert first == second


def test_a_feed_with_new_guids_and_links_is_a_flood() -> None:
    memory = Memory()
    memory.poll([entry(number) for number in range(20)])
    moved = [
        replace(link_to(entry(n), f"https://neu.example/{n}"), external_id=f"neu-{n}") for n in range(20)
    ]
    keys = identify(moved)
    answers = [recognise(k, names(i), memory.known) for k, i in zip(keys, moved, strict=True)]
    assert {answer.kind for answer in answers} == {Kind.NEW}
    assert flood(keys, answers, memory.known)


def test_twenty_real_news_are_no_flood() -> None:
    memory = Memory()
    memory.poll([entry(number) for number in range(20)])
    fresh = [entry(number) for number in range(20, 40)]
    keys = identify(fresh)
    answers = [recognise(k, names(i), memory.known) for k, i in zip(keys, fresh, strict=True)]
    assert {answer.kind for answer in answers} == {Kind.NEW}
    assert not flood(keys, answers, memory.known)
    assert not flood([], [], {})


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (entry(1, version="2"), entry(1, version="10")),
        (entry(1, version="1st Ld-Writethru"), entry(1, version="2nd Ld-Writethru")),
        (entry(1, version="1", updated_at=NOON + timedelta(hours=1)), entry(1, version="2", updated_at=NOON)),
        (entry(1, updated_at=NOON), entry(1, updated_at=NOON + timedelta(seconds=1))),
        (
            entry(1, version="3", published_at=NOON),
            entry(1, version="3", published_at=NOON + timedelta(days=1)),
        ),
    ],
)
def test_versions_are_ordered_by_number_then_by_time(earlier: Item, later: Item) -> None:
    arrived_last = replace(earlier, received_at=NOON + timedelta(days=9))
    assert order(arrived_last, later) == -1
    assert order(later, arrived_last) == 1


def test_two_versions_that_say_nothing_of_their_order_have_none() -> None:
    silent = Item(headline="Kiel", received_at=NOON)
    assert order(silent, replace(silent, version="2", received_at=NOON + timedelta(days=1))) == 0


texts = st.text(alphabet="abäß .:/-1", max_size=12)
items = st.builds(
    Item,
    headline=texts,
    body=texts,
    external_id=st.sampled_from(["", "x", "1", "guid-a", "http://h.example/a", "https://h.example/a"]),
    link=st.sampled_from(["", "https://h.example/a", "https://h.example/b?utm_source=x", "junk"]),
    version=st.sampled_from(["", "1", "2", "10", "1st Ld"]),
    updated_at=st.sampled_from([None, NOON, NOON + timedelta(hours=1)]),
)


@given(st.lists(items, max_size=8))
def test_a_document_that_is_polled_twice_brings_nothing_new(document: list[Item]) -> None:
    memory = Memory()
    memory.poll(document)
    assert set(memory.kinds(document)) <= {Kind.SAME}


@given(st.lists(items, max_size=6))
def test_keys_fit_a_signed_column_and_tell_names_from_hints(document: list[Item]) -> None:
    for keys in identify(document):
        everything = (keys.primary, *keys.aliases)
        assert all(-(2**63) <= key < 2**63 for key in everything)
        assert len(set(everything)) == len(everything)
        assert sorted((*keys.names, *keys.hints)) == sorted(everything)


@given(items, items)
def test_order_is_the_same_from_both_sides(a: Item, b: Item) -> None:
    assert order(a, b) == -order(b, a)


def test_keys_without_aliases_have_one_name() -> None:
    assert Keys(8).names == (8,)
