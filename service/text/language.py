"""The language of a text that does not say it: by its script, else by its small words and endings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from operator import itemgetter

from service.text.tokens import words

# Small words that nearly every sentence has, words of the news, and with a hyphen endings of long words.
_EVIDENCE = """
de der die das und ist nicht mit von den dem des ein eine einen einer eines zu im auf für sich auch nach
de bei aus wird werden über sind hat haben am zum zur wegen gegen unter vor durch wie oder aber noch nur
de sie er es ich wurde wurden sei zwischen seit bis kein keine ohne beim vom als war waren soll will kann
de mehr -ung -ungen -keit -heit -lich -schaft regierung präsident polizei montag dienstag mittwoch
de donnerstag freitag samstag sonntag tote verletzte prozent jahr bundesregierung minister milliarden
de millionen zinsen preise steigt fällt reist wartet startet trifft neue heute
en the of and to in is that for on with as was by at from has are have be it its after his her will not an
en this said who what their they but been were would which about over more than into amid says could
en against he she you we when out up new how why can -ing -ed -ly -ness -ment government president police
en monday tuesday wednesday thursday friday saturday sunday dead killed percent year minister prime billion
en million rates prices rise rises fall falls meet meets today inflation economy a
fr le la les des et est une du dans pour que qui sur au aux par pas plus avec ce son sa ses ont été en un à
fr de se il elle ils mais ou comme cette leur nous vous être deux après contre entre sans sous selon fait d
fr l qu n s -tion -ment -eux -euse -ité -aient -ées gouvernement président police lundi mardi mercredi
fr jeudi vendredi samedi dimanche morts blessés année ministre milliards millions hausse baisse guerre
fr nouveau nouvelle aujourd hui attendu grève a
es el la los las de y que en un una por con para se del al es su lo más como pero sus ha fue no tras sobre
es desde entre hasta también este esta son ser está muy sin según cuando contra ante e -ción -ciones -dad
es -ado -ando -mente gobierno presidente policía lunes martes miércoles jueves viernes sábado domingo
es muertos heridos año ministro millones precios sube baja guerra nuevo nueva hoy muere viaja accidente a
it il la di che è e un una per non con del della dei delle degli nel nella alla sono si gli ha più anche lo
it le dal dalla come ma da al su tra fra dopo contro essere stato questo questa i ai sul sulla l d -zione
it -zioni -mente -ità -ato -ando governo presidente polizia lunedì martedì mercoledì giovedì venerdì sabato
it domenica morti feriti anno ministro miliardi milioni prezzi guerra nuovo nuova oggi morto incontra
it approva tassi manovra a
pt o a os as de e que do da dos das em um uma para com não por no na ao se mais é foi são pelo pela à mas
pt como ser também após entre contra até sobre seu sua nos nas já está -ção -ções -dade -ado -ando -mente
pt governo presidente polícia segunda terça quarta quinta sexta sábado domingo mortos feridos ano ministro
pt milhões preços guerra novo nova hoje sobe aprova viaja acidente
nl de het een en van in is dat op te met voor niet zijn aan er ook door bij naar uit wordt heeft maar
nl worden om over na tegen als nog hij ze we dit die meer dan tot of werd onder tussen geen hebben kan
nl -lijk -ing -heid -ijk -aar regering president politie maandag dinsdag woensdag donderdag vrijdag
nl zaterdag zondag doden gewonden jaar minister miljard miljoen prijzen stijgt daalt kabinet koning nieuwe
nl vandaag akkoord bezoekt bereikt
sv och att det som en är på av för med den till inte har ett om de från var efter vid kan ska sig men han
sv hon i mot under över när mellan också blir blev vill nya utan eller så -ning -ningen -het -arna -erna
sv -ade -ande regeringen regering presidenten polisen måndag tisdag onsdag torsdag fredag lördag söndag
sv döda skadade år ministern miljarder miljoner räntan skatten höjer sänker kungen två idag olycka reser
da og at det er en på til af for med den der ikke har et som de fra var efter ved kan skal sig blev om men
da han hun i mod under over når mellem også bliver vil nye uden eller så ud ind op nu være -ning -hed -ede
da -erne -lig -else regeringen regering præsidenten politiet mandag tirsdag onsdag torsdag fredag lørdag
da søndag døde sårede år ministeren milliarder millioner renten skatten hæver sænker sænke kongen to dag
da ulykke rejser
nb og at det er en på til av for med den som ikke har et de fra var etter ved kan skal seg ble om men han
nb hun i mot under over når mellom også blir vil nye uten eller så ut inn opp nå være -ning -het -ene -lig
nb -else regjeringen regjering presidenten politiet mandag tirsdag onsdag torsdag fredag lørdag søndag døde
nb skadde år ministeren milliarder millioner renten skatten hever senker senke kongen to dag ulykke reiser
pl i w z na do nie się że jest to o jak po za od przez dla ale są był była oraz ma tym tego ze przed pod
pl jego będzie może co czy ich także przeciw już -ego -ych -ość -ania -ami -ach -owi -ów rząd prezydent
pl policja poniedziałek wtorek środa czwartek piątek sobota niedziela ofiary rannych rok roku minister
pl miliardów milionów ceny wojna nowy nowa dziś jedzie spadają premier osoby
"""
_SMALL_WORDS: defaultdict[str, set[str]] = defaultdict(set)
_ENDINGS: defaultdict[str, set[str]] = defaultdict(set)
for _code, *_listed in map(str.split, _EVIDENCE.strip().splitlines()):
    for _mark in _listed:
        (_ENDINGS if _mark.startswith("-") else _SMALL_WORDS)[_mark.lstrip("-")].add(_code)

# Letters that few of these languages write.
_LETTERS: Mapping[str, frozenset[str]] = {
    letter: frozenset(codes.split())
    for letters, codes in (
        ("ßü", "de"), ("äö", "de sv"), ("å", "sv da nb"), ("øæ", "da nb"), ("ñ", "es"), ("ãõ", "pt"),
        ("çê", "fr pt"), ("èù", "fr it"), ("ìò", "it"), ("œ", "fr"), ("łąęśżźćń", "pl"),
    )
    for letter in letters
}  # fmt: skip

# One script, one language, of those that wires use; Kana tells Japanese from Chinese, see `_by_script`.
_SCRIPTS = (
    ("ja", re.compile("[\u3041-\u30ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("th", re.compile("[\u0e01-\u0e5b]")),
    ("ar", re.compile("[\u0620-\u064a]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("he", re.compile("[\u05d0-\u05ea]")),
    ("uk", re.compile("[ґєіїҐЄІЇ]")),
    ("ru", re.compile("[ыэъёЫЭЪЁ]")),
)
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_BEYOND_LATIN = re.compile("[\u0370-\u1fff\u3041-\ud7a3]")  # the scripts above, and more

ENOUGH = 1.0  # one small word that no other of these languages has
CLEARLY = 1.2  # times the evidence of the next
MARGIN = 0.5  # and so much above it
LOOKED_AT = 150  # tokens; a story does not change its language


def detect(text: str) -> str:
    """The language of a text as a BCP 47 primary tag; "" where it cannot be told.

    Knows de en fr es it pt nl sv da nb pl by words, and ru uk zh ja ko th ar el he by script. A headline of
    names has no evidence: it is "" rather than a guess.
    """
    text = text[: LOOKED_AT * 12]
    if _BEYOND_LATIN.search(text):
        if found := _by_script(text):
            return found
        if len(_CYRILLIC.findall(text)) > len(_LATIN.findall(text)):
            return ""  # Bulgarian, Serbian, or too little to tell
    scores: defaultdict[str, float] = defaultdict(float)
    for word in words(text)[:LOOKED_AT]:
        for code, weight in _votes(word):
            scores[code] += weight
    ranked = sorted([*scores.items(), ("", 0.0), ("", 0.0)], key=itemgetter(1), reverse=True)
    (best, score), (_, second) = ranked[:2]
    return best if score >= ENOUGH and score >= max(CLEARLY * second, second + MARGIN) else ""


def _by_script(text: str) -> str:
    """The language whose script the text is mostly written in; "": Latin, or not told by the script."""
    latin = len(_LATIN.findall(text))
    for code, letters in _SCRIPTS:
        count = len(letters.findall(text))
        if code in {"uk", "ru"}:
            if count and len(_CYRILLIC.findall(text)) > latin:
                return code
        elif count and (count > latin / 4 or (code == "ja" and count > latin / 20 > 0)):
            return code
    return ""


@lru_cache(maxsize=8192)
def _votes(word: str) -> tuple[tuple[str, float], ...]:
    """The same for each language: evidence that several share says less."""
    return tuple((code, weight / len(codes)) for codes, weight in _evidence(word) for code in codes)


def _evidence(word: str) -> Iterator[tuple[frozenset[str] | set[str], float]]:
    """The languages that a word speaks for, with a weight; a capital may be a name (Los Angeles, Le Pen)."""
    small = word.lower()
    sure = 1.0 if word == small else 0.5
    if codes := _SMALL_WORDS.get(small):
        yield codes, sure
    elif len(small) > 5:
        for length in (2, 3, 4, 5, 6):
            if codes := _ENDINGS.get(small[-length:]):
                yield codes, sure / 2
    if not small.isascii():
        for letter in set(small) & _LETTERS.keys():
            yield _LETTERS[letter], sure / 2
