"""Which story an item belongs to, by link, by text and by likeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.model import Candidate, Item, Link, Placement, Seen, Signal
from service.story import marks, thread
from service.story.fingerprint import fingerprints, sketch, text_hash
from service.story.identity import Kind, Recognition

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
            item=other.id,
            source=other.source,
            story=other.story,
            shared=len(set(fingerprints(new)) & set(fingerprints(other))),
            link=bool(new.canonical_link) and new.canonical_link == other.canonical_link,
            text=text_hash(new) == text_hash(other),
        )
        for other in others
    ]


def place(
    new: Item, others: Sequence[Item], frequency: Mapping[int, int], recognition: Recognition = NEW
) -> Placement:
    """Where a new item goes when these are stored."""
    sketches = {other.id: sketch(other) for other in others}
    return thread.place(new, sketch(new), recognition, found(new, *others), sketches, frequency)


def placed(new: Item, *others: Item, recognition: Recognition = NEW) -> Placement:
    return place(new, others, {}, recognition)


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
    assert place(new, [there], everywhere).link is Link.FIRST
    assert place(new, [there], {}).link is Link.EQUAL
    kin = replace(there, headline="Neue Bahn nach China: Mongolei plant")
    assert place(new, [kin], everywhere).link is Link.EQUAL


def test_what_forty_portals_carry_is_a_report_and_no_boilerplate() -> None:
    portals = [stored(number=n, source=n, story=107) for n in range(7, 15)]
    rewritten = item("Kamele bekommen Brücken. " * 9 + STORY[STORY.index("Verkehrsministerin") :])
    frequency = dict.fromkeys(fingerprints(portals[0]), 40)
    assert place(rewritten, portals, frequency).story == 107
    some = dict.fromkeys(frequency, 13)
    assert place(rewritten, portals[:7], some).story == 107
    one_desk = [replace(each, source=3) for each in portals]
    assert place(rewritten, one_desk, frequency).story == 0


def test_a_stored_notice_is_no_teaser_of_the_texts_that_end_with_it() -> None:
    notice = "Diesen Beitrag lesen nur Abonnenten. Bitte melden Sie sich an, um ihn ganz zu sehen. " * 2
    there = stored(notice, headline="Frachter rammt Schleuse")
    new = item(f"{STORY}\n\n{notice}")
    everywhere = dict.fromkeys(set(fingerprints(new)) - set(fingerprints(item())), 30)
    assert place(new, [there], everywhere).link is Link.FIRST


def test_two_empty_items_are_not_equal() -> None:
    assert placed(item("", headline=""), stored("", headline="")).link is Link.FIRST


def test_the_same_series_title_on_another_day_is_another_story() -> None:
    title = "Devisen: Eurokurs gibt leicht nach"
    today = marks.read(item("", headline=title))
    assert placed(today, marks.read(stored("", headline=title))).link is Link.FIRST


def test_a_marked_item_is_a_version_of_the_one_with_its_headline() -> None:
    """Wires without keys of their own send a correction as an item of its own."""
    before = stored(source=1)
    corrected = marks.read(item(OTHER, headline="KORREKTUR: Mongolei baut neue Bahn nach China"))
    answer = placed(corrected, before)
    assert (answer.link, answer.story) == (Link.VERSION, 107)
    assert "correction" in answer.reason
    unmarked = replace(corrected, headline="Mongolei baut neue Bahn nach China", signal=Signal.NONE)
    assert placed(unmarked, before).link is Link.FIRST
    elsewhere = replace(before, source=2)
    assert placed(corrected, elsewhere).link is Link.FIRST


def test_a_kill_that_names_a_headline_goes_to_its_story() -> None:
    before = stored(source=1, headline="Ulan Bator beschließt zweite Bahnstrecke durch die Steppe")
    request = (
        "Please kill item 157 'Ulan Bator beschließt zweite Bahnstrecke durch die Steppe'. No new version."
    )
    kill = marks.read(item(request, headline="KILL KILL KILL - item 157"))
    assert kill.signal is Signal.KILL
    answer = placed(kill, before)
    assert (answer.link, answer.story, answer.nearest) == (Link.VERSION, 107, 7)


def test_a_series_is_no_version_of_yesterdays_report_for_a_mark() -> None:
    before = stored(source=1, headline="Devisen: Eurokurs gibt leicht nach")
    again = marks.read(item(OTHER, headline="WDH/Devisen: Eurokurs gibt leicht nach"))
    assert placed(again, before).link is Link.FIRST


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


def test_a_teaser_goes_to_its_story_and_the_story_to_its_teaser() -> None:
    long, short = item(), item(STORY[:180], headline="Bahn nach China geplant")
    for new, old in ((short, stored()), (long, stored(STORY[:180], headline="Bahn nach China geplant"))):
        answer = placed(new, old)
        assert (answer.link, answer.story) == (Link.TEASER, 107)
        assert "%" in answer.reason


def test_a_changed_number_is_said() -> None:
    answer = placed(item(STORY.replace("820", "840")), stored())
    assert (answer.link, answer.story) == (Link.NUMBER_CHANGED, 107)
    assert "840 where it had 820" in answer.reason


def test_a_short_report_like_another_of_its_desk_with_another_number_is_the_next_case() -> None:
    case = (
        "Bei einem Unfall auf der Autobahn {} sind am Montagabend zwei Menschen verletzt worden. Die Polizei "
        "sperrte die Strecke für mehrere Stunden. Den Schaden schätzt sie auf 40 000 Euro."
    )
    desk, portal = (stored(case.format(7), number=7), stored(case.format(7), number=8, story=107))
    portal = replace(portal, source=3)
    assert Link.FIRST is placed(item(case.format(9), source=2), desk, portal).link
    assert Link.NUMBER_CHANGED is placed(item(case.format(9), source=4), desk, portal).link, (
        "edited elsewhere"
    )
    assert 107 == placed(item(case.format(9), source=2, signal=Signal.UPDATE), desk).story, "it says so"


def test_a_long_text_with_a_changed_number_is_nearer_than_a_teaser() -> None:
    corrected = item(STORY.replace("37 Brücken", "38 Brücken"))
    answer = placed(corrected, stored(number=7), stored(STORY[:200], number=8))
    assert (answer.link, answer.nearest) == (Link.NUMBER_CHANGED, 7)


def test_a_short_teaser_does_not_join_two_stories() -> None:
    """A few words can open two reports; where one of them is in the story, the other stays out."""
    opening = "Die Regierung in Ulan Bator hat am Dienstag beschlossen"
    first = stored(f"{opening}, die Bahn auszubauen. {STORY[300:]}", number=7)
    teaser = stored(opening, number=8, story=107, headline="Neues aus Ulan Bator")
    second = item(f"{opening}, das Schulgeld abzuschaffen. {OTHER}", headline="Schule wird kostenlos")
    assert placed(second, first, teaser).link is Link.FIRST


def test_a_series_from_one_template_needs_more_than_its_template() -> None:
    report = (
        "Der Kurs des Euro ist am Montag gestiegen. Am Nachmittag wurden bei ruhigem Handel 1,1034 US-Dollar "
        "gezahlt. Am Morgen hatte der Euro etwas tiefer notiert. Händler verwiesen auf die Sitzung der Bank."
    )
    other_day = report.replace("Montag gestiegen", "Freitag gefallen").replace("1,1034", "1,0987")
    title = "Devisen: Eurokurs bewegt sich wenig"
    today, before = item(other_day, headline=title), stored(report, headline=title)
    assert placed(marks.read(today), marks.read(before)).link is Link.FIRST
    half_new = "Die Notenbank hat am Freitag ihre Zinsen zum dritten Mal in Folge nicht angetastet. " + report
    cut = item(half_new.replace("Händler verwiesen", "Beobachter verwiesen"), headline=title)
    again = stored(report + " Der Yen blieb im Blick der Händler, ebenso das Pfund und der Franken.")
    assert placed(cut, again).link is not Link.FIRST
    assert placed(marks.read(cut), again).link is Link.FIRST
    copied = placed(marks.read(item(report, headline=title)), marks.read(before))
    assert copied.link is Link.EQUAL


def test_an_item_that_is_placed_again_stays_where_it_is() -> None:
    first, copy = stored(number=7), stored(number=8, source=3, story=107)
    before = placed(replace(copy, id=0, story=0), first)
    assert placed(copy, first, copy) == before
    assert placed(first, first, copy).link is Link.FIRST
