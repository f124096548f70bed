"""The tables of one language: what is known of a folded form, alone and as a part of a compound.

A lexicon is one read-only buffer, so that processes share it through a mapped file. It holds no words:
a word is known by its fingerprint, and its lemmas are told as the ending to cut and the ending to add.

    header   magic, number of slots, bytes of the entries (32 bytes, in the byte order of the machine)
    slots    64 bits each, open addressing from CRC-32 modulo their number; 0 is empty
             CRC-32 of the folded form (32 bits), CRC-CCITT of it (16 bits), number of its entry (16 bits)
    entries  a line of text each, see `Entry`

Two different words share both checksums about once in 2**48.
"""

from __future__ import annotations

import struct
from array import array
from binascii import crc_hqx
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from zlib import crc32

MAGIC = b"wirelex2"
HEADER = struct.Struct("=8sQQ8x")
SLOT_BYTES = 8
LOAD = 0.66  # of the slots are taken: about two looks for a word that is there, as many for one that is not
MOST_ENTRIES = 1 << 16

Ending: TypeAlias = tuple[int, str]  # how many characters to cut from the folded form, and what to add


@dataclass(frozen=True, slots=True)
class Entry:
    """What a language knows of a folded form. A cost is in bits, above 0; 0: not used so."""

    nouns: tuple[Ending, ...] = ()  # lemmas of the form as a noun; where case does not tell, see `others`
    others: tuple[Ending, ...] = ()  # lemmas of the form written small
    stems: tuple[Ending, ...] = ()  # what it stands for as a modifier: Grenz- is Grenze, Arbeits- is Arbeit
    modifier: int = 0  # cost as a part before the last one
    head: int = 0  # cost as the last part of a noun
    quality: int = 0  # cost as the last part of an adjective (steuer-frei)
    tail: int = 0  # letters of the head, where the form is a compound; 0: it is none

    def __str__(self) -> str:
        """One line: `modifier head quality tail|cut ending,…|cut ending,…|cut ending,…`."""
        numbers = f"{self.modifier} {self.head} {self.quality} {self.tail}"
        groups = (self.nouns, self.others, self.stems)
        return "|".join((numbers, *(",".join(f"{cut} {add}" for cut, add in group) for group in groups)))

    @classmethod
    def read(cls, line: str) -> Entry:
        """The entry of a line that `str` wrote."""
        numbers, *groups = line.split("|")
        nouns, others, stems = map(_endings, groups)
        return cls(nouns, others, stems, *map(int, numbers.split(" ")))


def _endings(group: str) -> tuple[Ending, ...]:
    pairs = (rule.split(" ") for rule in group.split(",") if rule)
    return tuple((int(cut), add) for cut, add in pairs)


def ending(form: str, lemma: str) -> Ending:
    """How to come from the form to its lemma."""
    same = len(lemma)
    while not form.startswith(lemma[:same]):  # seldom more than a few letters differ
        same -= 1
    return len(form) - same, lemma[same:]


def apply(form: str, endings: Iterable[Ending]) -> list[str]:
    """The lemmas that the endings make of a folded form."""
    return [form[: len(form) - cut] + add for cut, add in endings]


def pack(entries: Mapping[str, Entry]) -> bytes:
    """The buffer of a lexicon for these folded forms.

    Where there are more than 65,536 different entries, the forms of the rarest are left out.
    """
    kinds: dict[Entry, int] = {}
    numbers = array("L", (kinds.setdefault(entry, len(kinds)) for entry in entries.values()))
    ranks = {number: rank for rank, (number, _) in enumerate(Counter(numbers).most_common(MOST_ENTRIES))}
    size = int(len(entries) / LOAD) + 2  # one slot at least stays empty, where a search ends
    slots = array("Q", bytes(SLOT_BYTES * size))
    for form, number in zip(entries, numbers, strict=True):
        if (rank := ranks.get(number)) is None:
            continue
        key = form.encode()
        checksum = crc32(key)
        place = checksum % size
        while slots[place]:
            place = place + 1 if place + 1 < size else 0
        slots[place] = checksum << 32 | crc_hqx(key, 0) << 16 | rank
    ranked = {ranks[number]: kind for kind, number in kinds.items() if number in ranks}
    lines = "".join(f"{ranked[rank]}\n" for rank in range(len(ranked))).encode()
    return HEADER.pack(MAGIC, size, len(lines)) + slots.tobytes() + lines


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lemmas and parts of one language; read-only, and cheap to look into (under 1 µs)."""

    language: str
    slots: memoryview
    entries: tuple[Entry, ...]

    @classmethod
    def read(cls, language: str, buffer: bytes | memoryview) -> Lexicon:
        """The lexicon in a buffer that `pack` made; the slots stay in the buffer.

        Raises ValueError where it is none, or not whole.
        """
        view = memoryview(buffer)
        if len(view) < HEADER.size:
            raise ValueError("a lexicon that is not whole")
        magic, size, length = HEADER.unpack(view[: HEADER.size])
        end = HEADER.size + SLOT_BYTES * size
        if magic != MAGIC or not size or len(view) != end + length:
            raise ValueError("not a lexicon of this version, or not whole")
        lines = bytes(view[end:]).decode().split("\n")[:-1]
        return cls(language, view[HEADER.size : end].cast("Q"), tuple(map(Entry.read, lines)))

    def entry(self, form: str) -> Entry | None:
        """What is known of a folded form; None: nothing."""
        key = form.encode()
        checksum = crc32(key)
        slots = self.slots
        size = len(slots)
        place = checksum % size
        while slot := slots[place]:
            if slot >> 32 == checksum and slot >> 16 & 0xFFFF == crc_hqx(key, 0):
                return self.entries[slot & 0xFFFF]
            place = place + 1 if place + 1 < size else 0
        return None
