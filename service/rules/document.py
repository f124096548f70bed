"""One item as the rules read it: fields as tokens, each step taken only when a candidate needs it.

The presearch asks for `keys` alone. They come from blank-separated chunks whose keys are remembered, so
that an item of known words costs a split and a union; tokens, positions and spans follow for hits.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from service.model import Item
from service.text import tokens
from service.text.fold import fold
from service.text.morphology import Morphology

V = TypeVar("V")

TEXT_FIELDS = ("title", "body", "place")  # what a term without a field looks at
WORD_FIELDS = ("title", "lead", "body", "place", "author", "text")
VALUE_FIELDS = (
    "source", "agency", "category", "genre", "lang", "isin", "wkn", "ticker", "url", "urgency",
)  # fmt: skip
FIELDS = (*WORD_FIELDS, *VALUE_FIELDS)

REMEMBERED = 100_000  # chunks of one language
GAP = "\x1f"  # stands between folded words; no letter folds to it, while a few ligatures fold to blanks
LONGEST_CHUNK = 64  # characters; longer ones are no words, and would only fill the memory


class Place(NamedTuple):
    """Where a term stands in a stream: its first and last token, its characters, and how it came there."""

    first: int
    last: int
    start: int
    end: int
    term: str
    how: str
    list: str = ""


class _Memory(dict[str, V], Generic[V]):
    """What was computed for a chunk; when full, the older half goes."""

    def __init__(self, compute: Callable[[str], V]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, chunk: str) -> V:
        value = self._compute(chunk)
        if len(chunk) <= LONGEST_CHUNK:
            if len(self) >= REMEMBERED:
                for old in list(self)[: REMEMBERED // 2]:
                    self.pop(old, None)
            self[chunk] = value
        return value


# Folding knows no language: one memory serves all.
_SURFACES = _Memory(fold)
# The surfaces of a chunk, a gap before each, so that chunks put together are a stream's surfaces.
_FOLDED: _Memory[str] = _Memory(
    lambda chunk: "".join(f"{GAP}{surface(word)}" for word in tokens.words(chunk))
)


def surface(word: str) -> str:
    """The folded form of one token."""
    return _SURFACES[word]


class Reading:
    """How one language reads words: the keys of chunks, tokens and terms, each computed once."""

    def __init__(self, morphology: Morphology, language: str) -> None:
        self.language = language
        self.keys = morphology.table(language)
        self.chunks: _Memory[frozenset[str]] = _Memory(self._chunk)
        # A rule's words are few beside the wire's; the bound only guards against a flood of back-tests.
        self.term = lru_cache(maxsize=65536)(lambda word: morphology.term(word, language))
        self.phrase_word = lru_cache(maxsize=65536)(lambda word: morphology.phrase_word(word, language))
        self.inflections: Callable[[str], frozenset[str]] = lambda word: morphology.inflections(
            word, language
        )

    def _chunk(self, chunk: str) -> frozenset[str]:
        """The keys of all tokens in a chunk, and of its solid forms (Nord-Korea)."""
        words = tokens.words(chunk)
        if len(words) == 1:
            return self.keys[words[0]]
        solid = [word for _, _, word in tokens.joined(chunk)]
        return frozenset().union(*map(self.keys.__getitem__, words + solid))


@lru_cache(maxsize=128)
def reading(morphology: Morphology, language: str) -> Reading:
    """The reading of a language, the same each time; without a lexicon it folds alone."""
    return Reading(morphology, language)


class Stream:
    """One field of an item: its tokens and where they stand. `name` is the field that evidence names."""

    def __init__(self, name: str, text: str, reading: Reading) -> None:
        self.name, self.text, self.reading = name, text, reading

    @cached_property
    def chunks(self) -> list[str]:
        """What stands between blanks, in order."""
        return self.text.split()

    @cached_property
    def keys(self) -> set[str]:
        """The keys of all its tokens and solid forms."""
        return set().union(*map(self.reading.chunks.__getitem__, set(self.chunks)))

    @cached_property
    def folded(self) -> str:
        """The surfaces in their order, a gap around each: an exact phrase is a substring of it."""
        return "".join(map(_FOLDED.__getitem__, self.chunks)) + GAP

    @cached_property
    def words(self) -> list[str]:
        """The tokens as they stand."""
        return tokens.words(self.text)

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """The characters of each token."""
        return tokens.spans(self.text)

    @cached_property
    def positions(self) -> dict[str, list[int]]:
        """The token indices of each distinct word."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for index, word in enumerate(self.words):
            found[word].append(index)
        return found

    @cached_property
    def solid(self) -> list[tuple[int, int, str]]:
        """The solid forms of hyphenated words: first token, last token, form."""
        return tokens.joined(self.text)

    @cached_property
    def keyed(self) -> dict[str, list[int]]:
        """The token indices of each key, for words."""
        return self._indices(self.reading.keys.__getitem__)

    @cached_property
    def inflected(self) -> dict[str, list[int]]:
        """The token indices of each inflection key, for phrases."""
        return self._indices(self.reading.inflections)

    def _indices(self, keys: Callable[[str], frozenset[str]]) -> dict[str, list[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for word, indices in self.positions.items():
            for key in keys(word):
                found[key] += indices
        return found

    def where(self, matches: Callable[[str], bool]) -> list[int]:
        """The indices of the tokens that match, in order."""
        return sorted(index for word, indices in self.positions.items() if matches(word) for index in indices)

    def place(self, first: int, last: int, term: str, how: str) -> Place:
        """The tokens `first` to `last` as a place."""
        return Place(first, last, self.spans[first][0], self.spans[last][1], term, how)

    def around(self, start: int, end: int, term: str, how: str) -> Place:
        """The characters `start` to `end` as a place, with the tokens that they touch or follow."""
        first = bisect_right(self.spans, (start, len(self.text))) - 1
        if first < 0 or self.spans[first][1] <= start:
            first += 1
        last = max(first, bisect_left(self.spans, (end, 0)) - 1)
        return Place(first, last, start, end, term, how)


class Document:
    """An item in one language. Fields are read when first asked for.

    `lead` is the first paragraph of the body, and its places are places of the body; a term without a
    field looks at title, body and place.
    """

    def __init__(self, item: Item, morphology: Morphology, source: str, language: str) -> None:
        self.item, self.source, self.language = item, source, language
        self._morphology = morphology
        self.reading = reading(morphology, language)
        self._streams: dict[str, tuple[Stream, ...]] = {}
        self._readings: dict[str, Document] = {}

    @classmethod
    def of(cls, item: Item, morphology: Morphology, *, source: str = "", language: str = "") -> Document:
        """The item in its own language, else in `language` (that of the rule)."""
        own = item.language.partition("-")[0].lower()
        return cls(item, morphology, source, own or language)

    def read_as(self, language: str) -> Document:
        """This item in the language of a rule, where it does not say its own; read once for each."""
        if self.language or not language:
            return self
        if language not in self._readings:
            self._readings[language] = Document(self.item, self._morphology, self.source, language)
        return self._readings[language]

    def streams(self, field: str = "") -> tuple[Stream, ...]:
        """The streams of a field; without one, those of the whole text."""
        known = self._streams.get(field)
        if known is None:
            known = self._streams[field] = tuple(self._read(field))
        return known

    def _read(self, field: str) -> Iterator[Stream]:
        if field in {"", "text"}:
            for name in TEXT_FIELDS:
                yield from self.streams(name)
        elif field in WORD_FIELDS:
            yield Stream("body" if field == "lead" else field, self._text(field), self.reading)

    def _text(self, field: str) -> str:
        """The original text of a field by words."""
        item = self.item
        match field:
            case "title":
                return item.headline
            case "lead":
                return item.lead
            case "body":
                return item.body
            case "place":
                return ", ".join(item.places)
            case _:
                return item.byline

    @cached_property
    def keys(self) -> set[str]:
        """The keys of title, body and place together, and "", which every item holds."""
        return {""}.union(
            *map(self.reading.chunks.__getitem__, set(chain(*(stream.chunks for stream in self.streams()))))
        )

    @cached_property
    def folded(self) -> str:
        """The folded streams of the text; what is adjacent in it is adjacent in one of them."""
        return "\n".join([stream.folded for stream in self.streams()])

    @cached_property
    def values(self) -> frozenset[str]:
        """What fields by value hold, as `field:value`, folded, and the keys of the author's name.

        `url:` and `author:` alone say that there is one at all.
        """
        pairs = [f"{field}:{fold(value)}" for field in VALUE_FIELDS for value in self.value(field)]
        pairs += ["url:"] * bool(self.value("url"))
        if self.item.byline:
            pairs += ["author:", *(f"author:{key}" for key in self.streams("author")[0].keys)]
        return frozenset(pairs)

    def value(self, field: str) -> tuple[str, ...]:
        """The values of a field by value, as the item gives them; empty ones left out."""
        item = self.item
        match field:
            case "source":
                given: tuple[str, ...] = (self.source,)
            case "agency":
                given = (item.agency,)
            case "category":
                given = item.subjects + item.keywords
            case "genre":
                given = (item.genre,)
            case "lang":
                given = (item.language.partition("-")[0],)
            case "url":
                given = (item.link, item.canonical_link)
            case "urgency":
                given = (str(item.urgency) if item.urgency else "",)
            case _:
                given = tuple(one.code for one in item.instruments if one.kind.lower() == field)
        return tuple(filter(None, given))
