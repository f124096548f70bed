"""The buffer of a lexicon: what is packed is found again, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.lexicon import Entry, Lexicon, apply, ending, pack

WORDS = st.text(alphabet="abcdeßñйか", min_size=1, max_size=8)
ENDINGS = st.lists(st.tuples(st.integers(0, 9), st.text(alphabet="abñй", max_size=4)), max_size=3).map(tuple)
COSTS = st.integers(0, 30)
ENTRIES = st.builds(Entry, ENDINGS, ENDINGS, ENDINGS, COSTS, COSTS, COSTS, st.integers(-1, 20))


@given(st.dictionaries(WORDS, ENTRIES, max_size=40), WORDS)
def test_every_packed_form_is_found_and_no_other(entries: dict[str, Entry], other: str) -> None:
    lexicon = Lexicon.read("xx", pack(entries))
    assert {form: lexicon.entry(form) for form in entries} == entries
    assert lexicon.entry(other) == entries.get(other)


@given(WORDS, WORDS)
def test_an_ending_leads_from_the_form_to_the_lemma(form: str, lemma: str) -> None:
    assert apply(form, [ending(form, lemma)]) == [lemma]


@pytest.mark.parametrize("broken", [b"", b"short", b"\0" * 64, b"wirelex2" + b"\xff" * 24])
def test_what_is_no_lexicon_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="lexicon"):
        Lexicon.read("xx", broken)


def test_a_lexicon_cut_short_is_refused() -> None:
    whole = pack({"reise": Entry(nouns=((0, ""),))})
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="whole"):
            Lexicon.read("xx", whole[:length])
