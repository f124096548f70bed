"""Detection: the right language, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.language import detect

KNOWN = {
    "de",
    "en",
    "fr",
    "es",
    "it",
    "pt",
    "nl",
    "sv",
    "da",
    "nb",
    "pl",
    "ru",
    "uk",
    "zh",
    "ja",
    "ko",
    "th",
    "ar",
    "el",
    "he",
}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Kim Jong Un bricht zu einer Auslandsreise auf"),
        ("de", "Drei Verletzte nach Brand in Hochhaus"),
        ("en", "Oil prices rise on supply fears, and the Fed is watching"),
        ("en", "Five killed in blast near the government quarter"),
        ("fr", "Les syndicats appellent à la grève dans les transports"),
        ("es", "El Gobierno aprueba la reforma de las pensiones"),
        ("it", "Il governo approva la manovra, le opposizioni sono contro"),
        ("pt", "O presidente não viaja para a China, diz o governo"),
        ("nl", "Twee doden bij brand in een flat, politie onderzoekt oorzaak"),
        ("sv", "Två döda i olycka på motorvägen, säger polisen"),
        ("da", "To døde efter ulykke, politiet efterlyser vidner"),
        ("nb", "To døde etter ulykke, politiet søker vitner"),
        ("pl", "Dwie osoby zginęły w wypadku, a kierowca jest ranny"),
        ("ru", "Цены на нефть выросли"),
        ("uk", "Ціни на нафту зросли"),
        ("zh", "朝鲜领导人金正恩抵达北京"),
        ("ja", "プーチン大統領が北京に到着"),
        ("ko", "김정은 위원장, 베이징 도착"),
        ("th", "นายกรัฐมนตรีเดินทางไปปักกิ่ง"),
        ("ar", "الرئيس يصل إلى بكين"),
        ("el", "Ο πρωθυπουργός στο Βερολίνο"),
        ("he", "ראש הממשלה בברלין"),
    ],
)
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text",
    ["", "12:30", "Kim Jong Un", "Los Angeles", "Le Pen", "AT&T", "Bayern - Dortmund 3:1", "Президент"],
)
def test_names_and_numbers_tell_no_language(text: str) -> None:
    assert detect(text) == ""


def test_a_foreign_name_in_its_own_script_does_not_turn_the_language() -> None:
    assert detect("Der Präsident (Зеленский) ist nach Berlin gereist und wird dort erwartet") == "de"


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    assert detect(text) in KNOWN | {""}
