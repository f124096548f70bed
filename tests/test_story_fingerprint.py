"""What a text is known by, and how much of one stands in another."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.model import Item, Link
from service.story.containment import THRESHOLD, Comparison, Probe, weights
from service.story.figures import compare
from service.story.fingerprint import Sketch, fingerprints, normal, sketch, text_hash
from tests.bench.wire_stream import stream
from tests.test_story_thread import OTHER, STORY, item

WORDS = [f"wort{chr(97 + a)}{chr(97 + b)}" for a in range(26) for b in range(26)]


def text(start: int, length: int) -> str:
    """A text of made-up words, none twice."""
    return " ".join(WORDS[start : start + length])


def containment(new: Item, old: Item, frequency: Mapping[int, int]) -> Comparison | None:
    return Probe(sketch(new)).containment(sketch(old), weights(frequency))


def test_credits_addresses_stamps_and_sign_offs_are_no_part_of_a_text() -> None:
    plain = normal(item()).told
    for dressed in (
        f"ULAN BATOR (dpa-AFX) - {STORY}/fkr/DP/zb",
        f"ULAN BATOR, March 3 (Reuters) - {STORY} (Reuters)",
        f"{STORY} … mehr",
        f"{STORY} Weiterlesen >",
        f"{STORY}\n\n© 2026 Rundblick Verlag",
        f"03.03.2026 05:24 Uhr\n\n{STORY}",
        f"{STORY} https://rundblick.example/bahn?utm_source=rss",
    ):
        assert normal(item(dressed)).told == plain


def test_a_hash_is_of_the_text_and_of_the_headline_only_where_the_text_is_short() -> None:
    assert text_hash(item(headline="Eins")) == text_hash(item(headline="Zwei"))
    assert text_hash(item("Mehr in Kürze.", headline="Eins")) != text_hash(
        item("Mehr in Kürze.", headline="Zwei")
    )
    assert text_hash(Item(headline="")) == 0


def test_a_long_text_keeps_its_opening_and_a_sample() -> None:
    kept = fingerprints(item(text(0, 400), headline=""))
    opening = fingerprints(item(text(0, 27), headline=""))
    assert kept[: len(opening)] == opening
    assert len(opening) == 24
    assert 24 + 15 < len(kept) < 24 + 60
    assert len(fingerprints(item(" ".join(map(str, range(100_000)))))) <= 600


def test_what_is_sampled_does_not_depend_on_where_it_stands() -> None:
    here = set(fingerprints(item(text(0, 190), headline="")))
    moved = set(fingerprints(item(text(190, 4) + " " + text(0, 186), headline="")))
    assert len(here & moved) > 0.7 * len(here)


def test_a_text_contains_its_parts_and_no_other_text() -> None:
    long = item(text(0, 200))
    for start, length in ((0, 40), (0, 120), (10, 150)):
        part = containment(item(text(start, length)), long, {})
        assert part
        assert part.score == 1.0
        assert part.kind is (Link.TEASER if length < 100 else Link.COPY)
    assert containment(item(text(300, 200)), long, {}) is None


def test_a_quotation_from_further_down_is_no_teaser() -> None:
    assert containment(item(text(150, 30)), item(text(0, 200)), {}) is None


def test_boilerplate_weighs_little() -> None:
    template = text(0, 90)
    a, b = item(f"{text(100, 40)} {template}"), item(f"{text(200, 40)} {template}")
    plain = containment(a, b, {})
    assert plain
    assert 0.6 < plain.score < 0.7
    assert containment(a, b, dict.fromkeys(fingerprints(item(template)), 40)) is None


def test_three_words_in_common_are_chance() -> None:
    short, long = item(text(0, 6), headline="Kurz"), item(f"{text(0, 6)} {text(50, 100)}", headline="Lang")
    assert containment(short, long, {}) is None


def test_a_number_is_changed_where_the_words_around_it_stand() -> None:
    sentence = "der zug braucht {} stunden und kostet 820 millionen euro im jahr 2029"
    new, old = sentence.format(16).split(), sentence.format(14).split()
    assert compare(new, old).changed == (("14", "16"),)
    assert compare(old, old).changed == ()


def test_a_number_in_a_new_sentence_is_no_change() -> None:
    old = normal(item()).told
    assert compare((*old, "die", "kosten", "bezifferte", "sie", "auf", "9", "milliarden"), old).changed == ()
    lead = ["nach", "5", "jahren", "streit", "und", "12", "gutachten"]
    assert compare((*lead, *old), old).agree


def test_grouping_digits_changes_no_number() -> None:
    grouped, plain = (f"rund {number} menschen kamen".split() for number in ("1 000", "1000"))
    assert compare(grouped, plain).changed == ()


def test_two_numbers_that_both_changed_are_another_report() -> None:
    report = "im lager liegen {} kisten äpfel und an der rampe warten {} weitere lastwagen auf ihre fracht"
    old, one, both = (report.format(*numbers).split() for numbers in ((40, 7), (41, 7), (38, 9)))
    assert compare(one, old).agree
    assert not compare(both, old).agree


def test_reports_from_one_template_do_not_agree() -> None:
    report = "die aktie von {} stieg um {} prozent auf {} euro während {} um {} prozent nachgab in {} tagen"
    old = report.format("ahrens", 3, 45, "bolten", 7, 2).split()
    new = report.format("cygna", 9, 12, "drefa", 1, 4).split()
    assert not compare(new, old).agree
    one_number = "unbekannte brachen in {} ein und flohen zeugen melden sich unter {} bei der wache".format
    assert not compare(one_number("celle", 4711).split(), one_number("worms", 4812).split()).agree


def test_a_stream_of_the_bench_is_made_from_its_seed() -> None:
    first = stream(3, 20)
    assert stream(3, 20) == first
    assert stream(4, 20) != first
    assert [each.minute for each in first] == sorted(each.minute for each in first)


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_can_be_compared_from_both_sides(one: str, other: str) -> None:
    a, b = item(one, headline=other[:30]), item(f"{one} {other}")
    there, back = containment(a, b, {}), containment(b, a, {})
    assert (there is None) == (back is None)
    if there and back:
        assert (there.score, there.shared, there.common) == (back.score, back.shared, back.common)
        assert THRESHOLD <= there.score <= 1.0
    assert all(-(2**63) <= h < 2**63 for h in (*fingerprints(a), text_hash(a)))
    assert fingerprints(a) == fingerprints(a)


PARAGRAPHS = st.lists(st.integers(0, 9), min_size=1, max_size=6)


@settings(deadline=None)
@example([1, 2, 3], [1, 9, 8], [1, 1, 40, 40, 1, 1, 1, 1, 1, 1])  # most of the new one is boilerplate
@given(PARAGRAPHS, PARAGRAPHS, st.lists(st.sampled_from([1, 7, 8, 12, 40]), min_size=10, max_size=10))
def test_no_report_is_passed_over_that_a_count_of_all_shingles_finds(
    one: list[int], other: list[int], counts: list[int]
) -> None:
    # They begin alike: what only stands further down is a quotation.
    new, old = (item("\n".join(text(60 * n, 15 + 5 * n) for n in (0, *more))) for more in (one, other))
    paragraph_of = {h: n for n in range(10) for h in sketch(item(text(60 * n, 15 + 5 * n))).told}
    frequency = {h: counts[paragraph_of[h]] for h in fingerprints(new) if h in paragraph_of}
    found = containment(new, old, frequency)
    share = counted(sketch(new), sketch(old), frequency)
    assert (found is not None) == (share >= THRESHOLD)
    assert found is None or found.score == pytest.approx(share)


def counted(new: Sketch, old: Sketch, frequency: Mapping[int, int]) -> float:
    """The weighted share of the smaller text in the larger one, by its definition."""
    small, large = sorted((new, old), key=lambda each: (each.told_length, each.hash))
    told = set(small.told)
    shared = told & set(large.shingles)
    known = {h: 1 / (1 + max(0, frequency[h] - 6)) for h in told & frequency.keys()}
    inside, outside = [known[h] for h in known.keys() & shared], [known[h] for h in known.keys() - shared]
    mass = len(shared) * mean(inside or [*known.values()] or [1])
    return mass / (mass + len(told - shared) * mean(outside or [1])) if len(shared) >= 4 else 0.0


@settings(deadline=None)
@given(st.text(alphabet="  .…/-(){}[]mehr\n", max_size=2000))
def test_hostile_endings_are_cut_in_no_time(tail: str) -> None:
    assert normal(item(OTHER + tail)).body[:5] == normal(item(OTHER)).body[:5]
