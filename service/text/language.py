"""The language of a text that does not say it: by its script, else by its commonest words."""

from __future__ import annotations

from collections import defaultdict

from service.text.tokens import words

# The commonest words, of each language its own list.
_COMMON = """
de der die das und ist nicht mit von den dem des ein eine einen einer zu im auf für sich auch nach bei aus
de wird werden über sind hat am zum zur
en the of and to in is that for on with as was by at from has are have be it its after his will not an this
fr le la les des et est une du dans pour que qui sur au aux par pas plus avec ce son sa ses ont été en un à
es el la los las de y que en un una por con para se del al es su lo más como pero sus ha fue
it il la di che è e un una per non con del della dei delle nel alla sono si gli ha più anche lo le dal
pt o a os as de e que do da dos das em um uma para com não por no na ao se mais é foi são pelo pela
nl de het een en van in is dat op te met voor niet zijn aan er ook door bij naar uit wordt heeft maar om
sv och att det som en är på av för med den till inte har ett om de från var efter vid kan ska sig
da og at det er en på til af for med den der ikke har et som de fra var efter ved kan skal sig blev
nb og at det er en på til av for med den som ikke har et de fra var etter ved kan skal seg ble
pl i w z na do nie się że jest to o jak po za od przez dla ale są był oraz ma tym
"""
STOP_WORDS: dict[str, set[str]] = defaultdict(set)
for _language, *_words in map(str.split, _COMMON.strip().splitlines()):
    STOP_WORDS[_language].update(_words)


def detect(text: str) -> str:
    """The language of a text as a BCP 47 primary tag; "" where it cannot be told."""
    tokens = [word.casefold() for word in words(text)]
    scores = sorted(
        ((sum(t in stop for t in tokens), code) for code, stop in STOP_WORDS.items()), reverse=True
    )
    (best, code), (second, _) = scores[0], scores[1]
    return code if best >= 2 and best > second else ""
