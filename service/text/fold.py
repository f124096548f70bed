"""One spelling for what readers take as the same word.

Rule words and wire words meet in folded form only; the original text is kept for show and for spans.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from unicodedata import category, combining, normalize

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
    try:
        folded = text.encode("ascii", "folded-apart").lower().decode("utf-8", "surrogatepass")
    except UnicodeEncodeError:
        folded = _plain(_composed(text))
    folded = folded.replace("`", "'")
    # What was dropped may have stood between characters that now compose (Hangul letters do).
    return folded if folded.isascii() else normalize("NFKC", folded)


_RUN = 16  # characters beyond ASCII that are folded at once, and remembered


def _folded_apart(error: UnicodeError) -> tuple[bytes, int]:
    """Error handler of `str.encode`: a run of characters beyond ASCII, folded by itself.

    Most of a text is ASCII, which the encoder copies at once; the same few runs of other letters come back.
    An ASCII character joins with nothing before it, so that each run ends by itself. It fails at a run that
    begins with a mark, which belongs to the letter before, and at a long one, which would not come back.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    run = error.object[error.start : error.end]
    folded = _apart(run) if len(run) <= _RUN else None
    if folded is None:
        raise error
    return folded, error.end


codecs.register_error("folded-apart", _folded_apart)


@lru_cache(maxsize=8192)
def _apart(run: str) -> bytes | None:
    """A run folded by itself, None where it begins with a mark."""
    composed = _composed(run)
    if composed and combining(composed[0]):
        return None
    return _plain(composed).encode("utf-8", "surrogatepass")


def _composed(text: str) -> str:
    return normalize("NFKC", normalize("NFKC", _INVISIBLE.sub("", text)).casefold())


def _plain(composed: str) -> str:
    return "".join(map(_without_marks, composed))


@lru_cache(maxsize=8192)
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
