"""Queries are read as the language says, written back as they were understood, and refused with a place."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import QueryError
from service.rules.grammar import DEEPEST, LONGEST, join_arguments, parse

LISTS = {
    "kim": ["Kim Jong Un", "Kim Dschong Un", "김정은"],
    "korea": ["Nordkorea*", "@kim"],
    "depot": ["DE0007164600", "DE000BASF111"],
    "loop": ["Kim", "@pool"],
    "pool": ["@loop"],
    "empty": [],
    "broken": ["Kim", '"Kim'],
    "absent": ["-Kim"],
    "deep": ["(" * 40 + "Kim" + ")" * 40],
    "many": [f"Wort{number}" for number in range(5_000)],
}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('"Kim Jong Un" + "Reise"', '"Kim Jong Un" + Reise'),
        ('"Kim Jong Un" AND Reise UND Peking', '"Kim Jong Un" + Reise + Peking'),
        ("Kim OR Xi ODER Putin | Trump", "Kim | Xi | Putin | Trump"),
        ("Zins -EZB", "Zins -EZB"),
        ("Zins + -EZB NOT Fed NICHT BoE", "Zins -EZB -Fed -BoE"),
        ("a b | c d", "a + b | c + d"),
        ("(a | b) (c d)", "(a | b) + c + d"),
        ("Kim -(a b)", "Kim -(a + b)"),
        ("Kim -(-Xi)", "Kim -(-Xi)"),
        ("-Kim NEAR/3 Xi Putin", "-(Kim NEAR/3 Xi) + Putin"),
        ("Kim NEAR/8 Peking BEFORE/3 Zug", "Kim NEAR/8 Peking BEFORE/3 Zug"),
        ("(Kim|Xi) NEAR/8 @kim", "Kim|Xi NEAR/8 @kim"),
        ("(Kim | Xi) NEAR/8 @kim", "(Kim | Xi) NEAR/8 @kim"),
        ("Kim|Xi", "Kim|Xi"),
        ("Kim |Xi", "Kim | Xi"),
        ("Kim +Xi", "Kim + Xi"),
        ("Kim +-Xi", "Kim -Xi"),
        ("K+S AT&T dpa-AFX AC/DC 24/7", "K+S + AT&T + dpa-AFX + AC/DC + 24/7"),
        ('"Procter & Gamble" "S&P 500"', '"Procter & Gamble" + "S&P 500"'),
        ("7 of 9", "7 + of + 9"),
        ("2 of (Öl, Gas, Kohle)", "2 of (Öl, Gas, Kohle)"),
        ("2  of(Öl,Gas oil,(a|b))", "2 of (Öl, Gas + oil, a|b)"),
        ("title:(Kim OR Xi)", "title:(Kim | Xi)"),
        ("title:2 of (Kim, Xi)", "title:2 of (Kim, Xi)"),
        ("-title:Kim Xi", "-title:Kim + Xi"),
        ("source:(dpa | afp) lang:de", "source:(dpa | afp) + lang:de"),
        ('category:subj:econ source:("title:x" a:b)', 'category:subj:econ + source:("title:x" + a:b)'),
        (
            "urgency:<=3 url:/politik/ category:medtop:20000",
            "urgency:<=3 + url:/politik/ + category:medtop:20000",
        ),
        ("isin:@depot", "isin:@depot"),
        ("12:30 https://example.com Kim:", "12:30 + https://example.com + Kim"),
        ('"title:Kim"', '"title:Kim"'),
        ('"ODER" =ODER and not', '"ODER" + ="ODER" + and + not'),
        ("NOTAR ANDERS ORT NEAR BEFORE", "NOTAR + ANDERS + ORT + NEAR + BEFORE"),
        ("„Kim Jong Un“ “a b” «c d»", '"Kim Jong Un" + "a b" + "c d"'),
        ('"Kim  Jong\tUn"', '"Kim Jong Un"'),
        ('Kim"Jong Un"Xi(Putin)', 'Kim + "Jong Un" + Xi + Putin'),
        ("Nordkorea* *minister *zins* Nord-Korea*", "Nordkorea* + *minister + *zins* + Nord-Korea*"),
        ('"Reise*" "Kim Jong*"', 'Reise* + "Kim Jong*"'),
        ('"E*Trade"', '"E*Trade"'),
        ('"Kim Peking"~8', '"Kim Peking"~8'),
        ('==WHO =="Die Zeit" =Reise =\'s', '==WHO + =="Die Zeit" + =Reise + =s'),
        ('/DE[0-9A-Z]{10}/ /a\\/b (c) "/', '/DE[0-9A-Z]{10}/ + /a\\/b (c) "/'),
        ("@kim @korea", "@kim + @korea"),
        ("Kim, Xi.", "Kim + Xi"),
        ("\ufeff\u200e„Kim\u00ad Jong“\u200b", '"Kim Jong"'),
        ("\u202eKim\u202c\x00Xi", "Kim + Xi"),
        ("金正恩 김정은 Ким", "金正恩 + 김정은 + Ким"),
    ],
)
def test_a_query_is_written_back_as_it_was_understood(text: str, canonical: str) -> None:
    node = parse(text, LISTS)
    assert canonical == str(node)
    assert node == parse(canonical, LISTS)


@pytest.mark.parametrize(
    ("text", "marked", "problem", "hint"),
    [
        ("", "", "an empty query", "Kim Jong Un"),
        (" \t", "  ", "an empty query", ""),
        ('Kim "Jong Un', '"', "this quote is not closed", "add a quote"),
        ("Kim (Xi", "(", "this parenthesis is not closed", "add )"),
        ("2 of (Kim, Xi", "(", "this parenthesis is not closed", ""),
        ("Kim) Xi", ")", "this ) closes nothing", ""),
        ("-Kim", "-Kim", "by what is absent", "Zins -EZB"),
        ("-Kim | Reise", "-Kim", "by what is absent", ""),
        ("-(-Kim)", "-Kim", "by what is absent", ""),
        ("2 of (-A, B, C)", "-A", "by what is absent", ""),
        ("@absent", "@absent", "by what is absent", ""),
        ("Zins - EZB", "-", "a - alone", "without a blank"),
        ("Zins -", "-", "a - alone", ""),
        ("Zins –EZB", "–EZB", "a dash before a word", "-EZB"),
        ("0 of (Kim, Xi)", "0", "0 of 2 cannot be counted", "from 1 to 2"),
        ("3 of (Kim, Xi)", "3", "3 of 2 cannot be counted", ""),
        ("/a*/", "/a*/", "matches the empty text", ""),
        ("Kim /(?=a)/", "/(?=a)/", "not a regular expression of RE2", "look-around"),
        (r"/(a)\1/", r"/(a)\1/", "not a regular expression of RE2", "back-reference"),
        (r"/\p{Nope}/", r"/\p{Nope}/", "not a regular expression of RE2", ""),
        (r"/(\pL{500}){20}/", r"/(\pL{500}){20}/", "not a regular expression of RE2", ""),
        ("/abc", "/", "this regular expression is not closed", "quote"),
        ("/var/log", "/", "a regular expression ends at this /", "\\/"),
        ("Titel:Kim", "Titel", "no field is named Titel", "is it title:?"),
        ("foo:bar", "foo", "no field is named foo", '"foo:bar"'),
        ('foo:"bar x"', "foo", "no field is named foo", ""),
        ("title: Kim", "title:", "nothing stands after title:", ""),
        ("title:-Kim", "-", "a - stands before the field", "-title:word"),
        ("title:(Kim body:Xi)", "body:", "a field inside the field title:", ""),
        ("urgency:hot", "hot", "a number from 1 to 9", "urgency:<=3"),
        ("lang:deutsch", "deutsch", "a code of two or three letters", "lang:de"),
        ("source:dp*", "dp*", "a wildcard does not work on source:", ""),
        ("@nobody", "@nobody", "no list is named 'nobody'", "@kim"),
        ("@", "@", "no list is named ''", ""),
        ("@loop", "@loop", "contains itself", ""),
        ("@empty", "@empty", "is empty", ""),
        ("Xi @broken", "@broken", "the list @broken has '\"Kim'", "add a quote"),
        ("Ab*", "Ab*", "at least 3 letters", ""),
        ("*öl", "*öl", "at least 3 letters", ""),
        ("*", "*", "letter", ""),
        ("Rei*se", "Rei*se", "at the start or the end", "Nordkorea*"),
        ('"Kim * Un"', '"Kim * Un"', "at the end of the last word", "Kim Jong*"),
        ('"Nord* Korea"', '"Nord* Korea"', "at the end of the last word", ""),
        ("*Nord-Korea", "*Nord-Korea", "with a single word", ""),
        ("=Reise*", "=Reise*", "takes no wildcard", ""),
        ("Kim NEAR/0 Reise", "NEAR/0", "at least 1", ""),
        ("Kim NEAR/x Reise", "NEAR/x", "a number of tokens", "NEAR/8"),
        ("Kim NEAR/3 (a b)", "(a b)", "beside NEAR stands a term", ""),
        ("Kim NEAR/3 title:Xi", "title:Xi", "beside NEAR stands a term", "title:("),
        ("Kim NEAR/3 -Xi", "-", "stands where a word should", ""),
        ('"Kim Xi"~0', '"Kim Xi"~0', "at least 1", ""),
        ('"Kim"~3', '"Kim"~3', "two words", ""),
        ('"Kim Xi"~', "~", "a number of tokens", ""),
        ("Kim & Xi", "&", "no letter or digit", "AND is +"),
        ('Kim ""', '""', "no letter or digit", ""),
        ("€", "€", "no letter or digit", "/€/"),
        ("AND Kim", "AND", "AND stands where a word should", '"AND"'),
        ("Kim OR", "", "missing at the end", ""),
        ("+Kim", "+", "stands where a word should", ""),
        ("Kim | | Xi", "|", "stands where a word should", ""),
        ("()", ")", "stands where a word should", ""),
        ("=", "=", "nothing stands after =", ""),
        ("Kim \ud800", "\ud800", "a broken character", ""),
        ("(" * (DEEPEST + 1) + "Kim", "(", "nested over 64 deep", ""),
        ("(" * 30 + "@deep" + ")" * 30, "(", "nested over 64 deep", ""),
        ("@deep " + "(" * 30 + "@deep" + ")" * 30, "@", "nested over 64 deep", ""),
        ("Kim " * 1024 + "!", "!", "at most 4,096 characters", "list"),
        ("@many " * 5, "@many", "at most 20,000 terms", ""),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_with_its_place(
    text: str, marked: str, problem: str, hint: str
) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text, LISTS)
    error = refused.value
    start, end = error.span
    assert problem in error.problem or problem in str(error)
    assert hint in error.hint
    assert 0 <= start <= end
    assert error.text[start:end] == marked or (text.startswith("(" * 30) and problem in error.problem)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["Kim Jong Un", "+", "Reise"], '"Kim Jong Un" + Reise'),
        (['"Kim Jong Un" + Reise'], '"Kim Jong Un" + Reise'),
        (["Zins", "-EZB"], "Zins -EZB"),
        (["K+S Aktie"], '"K+S Aktie"'),
        (["7 of 9", "12:30 Uhr"], '"7 of 9" "12:30 Uhr"'),
        (["Kim ODER Xi"], "Kim ODER Xi"),
        (["Kim -Xi"], "Kim -Xi"),
        (["title:Kim Xi"], "title:Kim Xi"),
        (["foo:bar baz"], "foo:bar baz"),
        (["Kim Jong*"], "Kim Jong*"),
        (["2 of (Öl, Gas)"], "2 of (Öl, Gas)"),
        (["Kim @liste", "=a b", "/a b/"], "Kim @liste =a b /a b/"),
        ([" Kim  Xi "], '"Kim  Xi"'),
        ([""], ""),
        ([], ""),
    ],
)
def test_at_a_shell_two_or_more_plain_words_are_a_phrase(arguments: list[str], text: str) -> None:
    assert text == join_arguments(arguments)


# ---------------------------------------------------------------- laws

WORDS = st.sampled_from(
    [
        "Kim",
        "Xi",
        "Reise",
        "Öl",
        "K+S",
        "dpa-AFX",
        "AT&T",
        "24/7",
        "7",
        "of",
        "or",
        "not",
        "Straße",
        "金正恩",
        "12:30",
        "Kim|Xi",
    ]
)
TERMS = st.one_of(
    WORDS,
    WORDS.map(lambda word: f'"{word}"'),
    st.lists(WORDS, min_size=2, max_size=3).map(lambda words: f'"{" ".join(words)}"'),
    st.builds('"Kim {}"~{}'.format, WORDS, st.integers(1, 99)),
    st.builds("={}".format, WORDS),
    st.builds('=="{}"'.format, WORDS),
    st.sampled_from(
        ["Nordkorea*", "*minister", "*zins*", '"Kim Jong*"', "/a[bc] d/", '"ODER"', '"of"', "@kim", "@korea"]
    ),
)
VALUES = st.sampled_from(["dpa", '"dpa AFX"', "a:b", '"(x)"', '"OR"', '"2 of"', "/politik/"])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        some.map(" | ".join),
        some.map(" ".join),
        some.map(" + ".join),
        inner.map("({})".format),
        st.builds("{} -({})".format, TERMS, inner),
        st.builds("({}) NOT {}".format, inner, TERMS),
        some.map(lambda parts: f"1 of ({', '.join(parts)})"),
    )


QUERIES = st.recursive(TERMS, _combined, max_leaves=8)
FIELDED = st.one_of(
    QUERIES,
    st.builds("title:({}) lead:{} {}".format, QUERIES, TERMS, QUERIES),
    st.builds("source:({} | {}) {}".format, VALUES, VALUES, QUERIES),
    st.builds("({} | {}) NEAR/3 {} BEFORE/2 {}".format, TERMS, TERMS, TERMS, TERMS),
)


@given(FIELDED)
def test_the_canonical_text_of_any_query_means_the_same(text: str) -> None:
    try:
        node = parse(text, LISTS)
    except QueryError:
        if " of (" in text:  # "7 of (" came together by chance, and counts
            return
        raise
    assert node == parse(str(node), LISTS)
    assert str(node) == str(parse(str(node), LISTS))


SIGNS = [
    *'"„“()+-|=/@*~:,<>&\\[]{}^$.?!0123456789abAB \t\n\u200e\u202e\u00ad\ud800\x00金é\u0301\U0001f600',
    *("OR", "AND", "NOT", "NEAR/", "BEFORE/3", " of (", "title:", "url:", "@kim", "(?i)"),
    *("(a+)+$", r"\p{Greek}", r"\pL"),
]


def test_ten_thousand_random_queries_are_read_or_refused() -> None:
    dice = random.Random(3)
    for _ in range(10_000):
        text = "".join(dice.choices(SIGNS, k=dice.randint(1, 30)))
        _read_or_refused(text)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    _read_or_refused(text)


def _read_or_refused(text: str) -> None:
    try:
        node = parse(text, LISTS)
    except QueryError as error:
        start, end = error.span
        problems = (error.problem, 0 <= start <= end, str(error) != "")
    else:
        problems = (str(node), node == parse(str(node), LISTS, longest=4 * LONGEST), True)
    assert all(problems)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "(",
            "a|",
            '"',
            '"a" ',
            "-(",
            "1 of (",
            "title:(",
            "a NEAR/9 ",
            "a-",
            "=",
            " ",
            "文",
            "@kim ",
            "@many ",
        ),
        *("/a/ ", "*abc* ", r"/[\pL\pN]{40}/ ", "/(a+)+$/ ", "a|a "),
    ],
)
def test_a_hostile_query_of_full_length_is_read_or_refused(piece: str) -> None:
    with suppress(QueryError):
        node = parse((piece * LONGEST)[:LONGEST], LISTS)
        assert node == parse(str(node), LISTS, longest=4 * LONGEST)
