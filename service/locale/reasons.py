"""What was decided, refused or met, said in the reader's language.

Decisions answer with an English sentence, which is stored with what was decided. It is said in another
language where it is shown, and nowhere earlier: the catalogue holds those sentences with gaps, as in
`{name}: a rule of this name exists`; the one that fits is found, and the gaps of its translation are filled.
So the rooms that decide know no languages, and what was stored long ago is read in the language of today.

A gap is filled with what stood there; `{reason:said}` in a translation asks that this, too, be said in the
reader's language, `{share:number}` for the language's own separators. A sentence that no entry fits stays as
it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from service.locale.catalogue import SEPARATORS, Catalogue, catalogue

HERE = Path(__file__).parent
GAP = re.compile(r"\{(\w+)\}")
LONGEST = 2000  # characters; what is longer is no sentence of ours
KEPT = 4096  # sentences: a page shows the same few again and again
DEEPEST = 4  # sentences within sentences


class _Form(NamedTuple):
    """A sentence with gaps, and its translation."""

    pattern: re.Pattern[str]
    translation: str
    literal: str  # the longest stretch between gaps: what lacks it needs no look at the pattern
    begins: int  # characters before the first gap: what begins alike fits best, then what has more letters
    letters: int  # outside of the gaps
    hints: bool  # it brings its own way out, in parentheses at its end
    wraps: bool  # it ends in another sentence, with whatever way out that one brings


class Reasons:
    """The sentences of one language. Methods may be called from any thread."""

    def __init__(self, messages: Mapping[str, str], language: str = "") -> None:
        """`messages` are English sentences, with gaps or without, and their translations."""
        self._separators = SEPARATORS.get(language, {})
        self._whole = {known: said for known, said in messages.items() if not GAP.search(known)}
        forms = [_form(known, said) for known, said in messages.items() if GAP.search(known)]
        self._forms = sorted(forms, key=lambda form: (-form.begins, -form.letters))
        self._hinting = [form for form in self._forms if form.hints]
        self._wrapping = [form for form in self._forms if form.begins and form.wraps]
        self.said = lru_cache(KEPT)(self._said)

    def _said(self, text: str, depth: int = 0) -> str:
        """The sentence in the language, or as it is where it is none of ours."""
        if self is NOTHING or len(text) > LONGEST or depth > DEEPEST:
            return text
        if whole := self._whole.get(text):
            return whole
        hinted = self._filled(self._hinting, text, depth)
        if not hinted and text.endswith(")"):
            hinted = self._filled(self._wrapping, text, depth) or self._parted(text, depth)
        return hinted or self._filled(self._forms, text, depth) or text

    def _filled(self, forms: Iterable[_Form], text: str, depth: int) -> str:
        """The translation of the first form that fits; "" where none does."""
        for form in forms:
            if form.literal in text and (found := form.pattern.fullmatch(text)):
                say = partial(self._said, depth=depth + 1)
                return form.translation.format_map(
                    {name: _Gap(gap, say, self._separators) for name, gap in found.groupdict().items()}
                )
        return ""

    def _parted(self, text: str, depth: int) -> str:
        """`sentence (way out)`, each said by itself; "" where it is none of that kind."""
        sentence, opened, hint = text.removesuffix(")").rpartition(" (")
        if not (opened and text.endswith(")")):
            return ""
        said = self._said(sentence, depth + 1)
        return "" if said == sentence else f"{said} ({self._said(hint, depth + 1)})"


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stood in a gap."""

    text: str
    say: Callable[[str], str]
    separators: Mapping[int, int]

    def __format__(self, wish: str) -> str:
        """As it stood; with a wish, as the reader's language has it."""
        if wish == "number":
            return self.text.translate(self.separators)
        return self.say(self.text) if wish == "said" else self.text


def _form(known: str, said: str) -> _Form:
    """The pattern of a sentence. Gaps take as little as they can, and anything, line breaks too."""
    parts = GAP.split(known)  # text, name, text, name, …, text
    hints = known.endswith(")")
    pattern = "".join(f"(?P<{part}>.*?)" if n % 2 else re.escape(part) for n, part in enumerate(parts))
    if hints and not parts[0]:  # a gap before `: ` would swallow the sentence around this one
        pattern = pattern.replace(".*?", "(?:(?!: ).)*?", 1)
    return _Form(
        pattern=re.compile(pattern, re.DOTALL),
        translation=said,
        literal=max(parts[::2], key=len),
        begins=len(parts[0]),
        letters=sum(character.isalpha() for part in parts[::2] for character in part),
        hints=hints,
        wraps=not parts[-1] and said.endswith(":said}"),
    )


NOTHING = Reasons({})  # English, which the sentences are in


@cache
def reasons(language: str) -> Reasons:
    """The sentences of a language."""
    found = catalogue(HERE, language)
    return Reasons(found.messages, language) if isinstance(found, Catalogue) else NOTHING
