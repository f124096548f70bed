"""One spelling for what readers take as the same word.

Rule words and wire words meet in folded form only; the original text is kept for show and for spans.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from unicodedata import category, normalize

# The umlauts of German and the extra vowels of the north have a spelling of their own on wires without
# them (Pjoengjang, Aarhus, Groenland). They must never become the bare vowel: Öl is not in Politik.
_DIGRAPHS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "æ": "ae", "ø": "oe", "œ": "oe"}
# Letters that readers write without their stroke, and that Unicode does not decompose.
_STROKES = {"ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ŧ": "t", "ß": "ss"}
_APOSTROPHES = dict.fromkeys("’‘‛ʼ′´`ʹ", "'")
_HYPHENS = dict.fromkeys("‐‑‒–—―−", "-")
# In Cyrillic a mark may make another letter (й, ї, ў); only the e with dots is written without them.
_CYRILLIC = {"ё": "е"}

# What takes no room on the page: soft hyphen, zero-width characters, directions, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)


def fold(text: str) -> str:
    """The spelling that is compared: NFKC, case folded, without diacritics; folding it again changes nothing.

    ß is ss, ä ö ü are ae oe ue, å is aa, æ is ae, ø is oe; other diacritics of Latin and Greek are
    dropped, those of Cyrillic and of other scripts kept where they make another letter. Soft hyphens
    and zero-width characters are removed, apostrophes and hyphens made alike. The length may change:
    spans belong to the original text.

    Source: Unicode Standard, 3.13 (default case folding), UAX 15 (NFKC).
    """
    if text.isascii():
        return text.lower().replace("`", "'")
    text = normalize("NFKC", normalize("NFKC", _INVISIBLE.sub("", text)).casefold())
    text = text.encode("ascii", "plain-letters").decode("utf-8", "surrogatepass").replace("`", "'")
    # What was dropped may have stood between characters that now compose (Hangul letters do).
    return text if text.isascii() else normalize("NFKC", text)


_RUN = 16  # characters beyond ASCII that are made plain, and remembered, at once


def _as_plain(error: UnicodeError) -> tuple[bytes, int]:
    """Error handler of `str.encode`: composed, case-folded characters beyond ASCII without what `fold` drops.

    Most of a text is ASCII, which the encoder copies at once; the same few runs of other letters come back.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    start, end = error.start, error.end
    if end - start > _RUN:
        end = start + _RUN
    return _plain(error.object[start:end]), end


codecs.register_error("plain-letters", _as_plain)


@lru_cache(maxsize=8192)
def _plain(run: str) -> bytes:
    return "".join(map(_without_marks, run)).encode("utf-8", "surrogatepass")


def _without_marks(letter: str) -> str:
    for table in (_DIGRAPHS, _STROKES, _APOSTROPHES, _HYPHENS, _CYRILLIC):
        if letter in table:
            return table[letter]
    base, *marks = list(normalize("NFD", letter))
    if not marks:
        return "" if "\u0300" <= base <= "\u036f" else base
    if not _is_latin_or_greek(base):
        return letter
    # The first mark decides: ǟ is an ä with a macron.
    return _DIGRAPHS.get(normalize("NFC", base + marks[0])) or _without_marks(base)


def _is_latin_or_greek(letter: str) -> bool:
    """Whether diacritics on this base may be dropped; told by the Unicode block, not by the name."""
    return (letter < "\u0400" or "\u1e00" <= letter < "\u2000") and category(letter).startswith("L")
