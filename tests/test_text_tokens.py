"""Tokens: what is a word, where it stands, and what hyphenated words are in one piece."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.fold import fold
from service.text.tokens import joined, runs, spans, words

# Letters of many scripts, marks, joiners, digits, and everything that parts words.
TEXTS = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("aZäß1 -‐–'’„…_/.\u00ad\u200b\u0301\u0308金かガﾊﾟกำั김\U00020000\ufe0f"),
    )
)


@given(TEXTS)
def test_words_are_the_slices_that_the_spans_name(text: str) -> None:
    assert words(text) == [text[start:end] for start, end in spans(text)]


@given(TEXTS)
def test_spans_lie_in_the_text_in_order_and_apart(text: str) -> None:
    edges = [edge for span in spans(text) for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in spans(text))


@given(TEXTS)
def test_every_letter_and_digit_is_in_a_token(text: str) -> None:
    covered = {place for start, end in spans(text) for place in range(start, end)}
    assert all(place in covered for place, character in enumerate(text) if character.isalnum())


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF, exclude_characters="\u00ad")))
def test_a_plain_text_reads_the_same_on_the_slow_path(text: str) -> None:
    assert words(f"{text} 金") == [*words(text), "金"]


@given(TEXTS)
def test_runs_are_letters_and_digits_of_any_script(text: str) -> None:
    assert runs(text) == re.findall(r"[^\W_]+", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kim Jong-un's", ["Kim", "Jong", "un", "s"]),
        ("AT&T, K+S und 24/7", ["AT", "T", "K", "S", "und", "24", "7"]),
        ("snake_case", ["snake", "case"]),
        ("Bundes\u00adkanzler", ["Bundes\u00adkanzler"]),
        ("cafe\u0301 au lait", ["cafe\u0301", "au", "lait"]),
        ("金正恩抵达", ["金", "正", "恩", "抵", "达"]),
        ("プーチン氏", ["プ", "ー", "チ", "ン", "氏"]),
        ("김정은은 베이징에", ["김정은은", "베이징에"]),
        ("ก็ดี", ["ก็", "ดี"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("", []),
        ("… – !", []),
    ],
)
def test_a_text_has_these_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nord-Korea hofft", [(0, 1, "NordKorea")]),
        ("die Nord‑Korea–Reise", [(1, 2, "NordKorea"), (1, 3, "NordKoreaReise"), (2, 3, "KoreaReise")]),
        ("Reise - Verbot", []),
        ("A--B", []),
        ("2024-25", []),
        ("Covid-19", [(0, 1, "Covid19")]),
        ("Hin und her", []),
    ],
)
def test_hyphenated_words_have_solid_forms(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert joined(text) == expected


@given(TEXTS)
def test_a_solid_form_is_made_of_its_tokens(text: str) -> None:
    tokens = words(text)
    for first, last, solid in joined(text):
        assert 1 <= last - first <= 3
        assert solid == "".join(tokens[first : last + 1])


def test_a_solid_form_never_has_more_than_four_pieces() -> None:
    assert max(last - first + 1 for first, last, _ in joined("a-b-c-d-e-f")) == 4


def test_a_token_folds_to_a_word_without_blanks() -> None:
    assert [fold(word) for word in words("Les ÉLECTIONS d’été")] == ["les", "elections", "d", "ete"]
