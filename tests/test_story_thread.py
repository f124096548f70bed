"""Which story an item belongs to, by link, by text and by likeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.model import Candidate, Item, Link, Placement, Seen
from service.story import marks
from service.story.fingerprint import fingerprints, text_hash
from service.story.identity import Kind, Recognition
from service.story.thread import place

NEW = Recognition(Kind.NEW)
STORY = (
    "Die Regierung in Ulan Bator hat am Dienstag den Bau einer zweiten Bahnstrecke nach China beschlossen. "
    "Der Zug soll von 2029 an jeden Tag 14 Stunden kürzer unterwegs sein als heute.\n\n"
    "Verkehrsministerin Sarnai Batbold sagte vor dem Parlament, das Land werde damit unabhängiger von der "
    "alten Trasse. Die Kosten bezifferte sie auf 820 Millionen Euro.\n\n"
    "Umweltverbände kritisierten die Pläne. Die Strecke führe durch das Gebiet der letzten wilden Kamele, "
    "hieß es in einer Erklärung. Die Ministerin kündigte 37 Brücken für die Tiere an."
)
OTHER = (
    "Im Hafen von Kiel ist am Abend ein Frachter mit einer Schleuse zusammengestoßen. Verletzt wurde "
    "niemand, wie die Wasserschutzpolizei mitteilte. Die Schleuse bleibt bis Freitag gesperrt, Schiffe "
    "müssen so lange warten."
)


def item(
    body: str = STORY, *, headline: str = "Mongolei baut neue Bahn nach China", **fields: object
) -> Item:
    return replace(Item(headline=headline, body=body, source=1), **fields)  # type: ignore[arg-type]


def stored(body: str = STORY, *, number: int = 7, **fields: object) -> Item:
    return replace(item(body, source=2, id=number, story=number + 100), **fields)  # type: ignore[arg-type]


def found(new: Item, *others: Item) -> list[Candidate]:
    """The candidates as the store gives them."""
    return [
        Candidate(
            item=other,
            shared=len(set(fingerprints(new)) & set(fingerprints(other))),
            link=bool(new.canonical_link) and new.canonical_link == other.canonical_link,
            text=text_hash(new) == text_hash(other),
        )
        for other in others
    ]


def placed(new: Item, *others: Item, recognition: Recognition = NEW) -> Placement:
    return place(new, recognition, found(new, *others), {})


def test_an_item_like_no_other_opens_a_story() -> None:
    answer = placed(item(), stored(OTHER, headline="Frachter rammt Schleuse"))
    assert (answer.link, answer.story) == (Link.FIRST, 0)
    assert answer.reason


def test_a_version_goes_to_the_story_of_its_item_whatever_its_text() -> None:
    known = Recognition(Kind.VERSION, Seen(1, 7, 107, 0), "another headline or text for item 7")
    answer = placed(item(OTHER), stored(OTHER, number=9), recognition=known)
    assert answer == Placement(
        link=Link.VERSION, story=107, nearest=7, score=1.0, reason="another headline or text for item 7"
    )


def test_the_same_link_on_another_source_is_the_same_story() -> None:
    there = stored(OTHER, canonical_link="rundblick.example/bahn-7", headline="Ganz anders erzählt")
    answer = placed(item(canonical_link="rundblick.example/bahn-7"), there)
    assert (answer.link, answer.story, answer.nearest) == (Link.EQUAL, 107, 7)
    assert "link" in answer.reason


def test_a_home_page_or_a_live_blog_is_no_story() -> None:
    home = "rundblick.example"
    assert placed(item(canonical_link=home), stored(OTHER, canonical_link=home)).link is Link.FIRST
    blog = "rundblick.example/live"
    entries = [stored(OTHER, number=n, canonical_link=blog, headline=f"Meldung {n}") for n in (7, 8)]
    assert placed(item(canonical_link=blog), *entries).link is Link.FIRST
    own = stored(OTHER, canonical_link=blog, source=1)
    assert placed(item(canonical_link=blog), own).link is Link.FIRST


def test_the_same_text_under_another_headline_is_equal() -> None:
    answer = placed(item(headline="Kamele müssen weichen"), stored())
    assert (answer.link, answer.story) == (Link.EQUAL, 107)


def test_the_same_text_with_umlauts_written_out_and_a_credit_is_equal() -> None:
    plain = (
        "ULAN BATOR (dpa) - " + STORY.replace("ä", "ae").replace("ü", "ue").replace("ß", "ss") + "/abc/DE/xy"
    )
    assert placed(item(plain), stored()).link is Link.EQUAL


def test_a_notice_that_many_items_have_for_text_makes_no_story_of_them() -> None:
    notice = "Diesen Beitrag lesen nur Abonnenten. Bitte melden Sie sich an, um ihn ganz zu sehen."
    new = item(notice)
    everywhere = dict.fromkeys(fingerprints(new), 30)
    there = stored(notice, headline="Frachter rammt Schleuse")
    assert place(new, NEW, found(new, there), everywhere).link is Link.FIRST
    assert place(new, NEW, found(new, there), {}).link is Link.EQUAL
    kin = replace(there, headline="Neue Bahn nach China: Mongolei plant")
    assert place(new, NEW, found(new, kin), everywhere).link is Link.EQUAL


def test_a_stored_notice_is_no_teaser_of_the_texts_that_end_with_it() -> None:
    notice = "Diesen Beitrag lesen nur Abonnenten. Bitte melden Sie sich an, um ihn ganz zu sehen. " * 2
    there = stored(notice, headline="Frachter rammt Schleuse")
    new = item(f"{STORY}\n\n{notice}")
    everywhere = dict.fromkeys(set(fingerprints(new)) - set(fingerprints(item())), 30)
    assert place(new, NEW, found(new, there), everywhere).link is Link.FIRST


def test_two_empty_items_are_not_equal() -> None:
    assert placed(item("", headline=""), stored("", headline="")).link is Link.FIRST


def test_the_same_series_title_on_another_day_is_another_story() -> None:
    title = "Devisen: Eurokurs gibt leicht nach"
    today = marks.read(item("", headline=title))
    assert placed(today, marks.read(stored("", headline=title))).link is Link.FIRST


@given(st.permutations(range(4)))
def test_the_order_of_the_candidates_makes_no_difference(order: Sequence[int]) -> None:
    others = [
        stored(),
        stored(STORY[:200], number=8),
        stored(OTHER, number=9),
        stored(STORY.replace("820", "840"), number=10),
    ]
    expected = placed(item(STORY[20:]), *others)
    assert placed(item(STORY[20:]), *(others[at] for at in order)) == expected


def test_an_item_that_is_placed_again_stays_where_it_is() -> None:
    first, copy = stored(number=7), stored(number=8, source=3, story=107)
    before = placed(replace(copy, id=0, story=0), first)
    assert placed(copy, first, copy) == before
    assert placed(first, first, copy).link is Link.FIRST
