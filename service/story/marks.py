"""What a desk wrote before its headline: `WDH/KORREKTUR/ROUNDUP 2: …`, `UPDATE 1-…`, `EQS-PVR: …`.

A mark is anchored and closed by its agency's sign (`:` or `/` in German and French wires, `-` at Reuters,
brackets at Bloomberg), and nearly always in capitals. That is what tells `ROUNDUP: Kim reist ab` from a
report on the weedkiller Roundup. The headline itself stays as it was sent; `bare` reads past the marks.

Sources: Reuters Handbook of Journalism (slugs, updates, corrections, withdrawals); AP advisories on
writethrus; the marks in daily use on the wires of dpa, dpa-AFX and AFP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import NamedTuple

from service.config import Agency
from service.errors import ConfigError
from service.model import Item, Signal

# From the action that tells nobody to the one that takes a story back: of two signals the later one holds.
STRENGTH = (Signal.NONE, Signal.REPEAT, Signal.UPDATE, Signal.CORRECTION, Signal.KILL)

MARKET = "market"  # a series of reports from one template
HOLDINGS = "holdings"  # voting rights and managers' transactions: notices from one template
COLLECTION = "collection"  # many stories in one item


@dataclass(frozen=True, slots=True)
class Mark:
    """One kind of mark: how it is written, and what it says of the item.

    `label` is a word of ordinary language (`Devisen:`): it stays a part of the headline that is read.
    """

    pattern: re.Pattern[str]
    signal: Signal = Signal.NONE
    genre: str = ""
    urgency: int = 0  # 0: says nothing of it
    label: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    mark: Mark
    text: str
    end: int  # where the headline goes on


# ---------------------------------------------------------------- how marks are written

# A slash goes on to a further mark or a subject, so a colon has to follow soon: "ROUNDUP/Nordkorea: …".
_CLOSED = r"(?=\s?:|/[^:]{1,40}:)"
_NUMBER = r"(?:[ -]?\d{1,2})?"


def _colon(
    words: str, signal: Signal = Signal.NONE, genre: str = "", urgency: int = 0, *, label: bool = False
) -> Mark:
    """`WORD:` and `WORD 2/WORD:`, at dpa, AFP and most others; with `label` the colon alone closes it."""
    closed = r"(?=\s?:\s)" if label else _CLOSED
    return Mark(re.compile(rf"(?:{words}){'' if label else _NUMBER}{closed}"), signal, genre, urgency, label)


def _dash(words: str, signal: Signal = Signal.NONE, genre: str = "") -> Mark:
    """`WORD-Headline`, at Reuters: no blank before the dash, and small letters behind it.

    In a headline all of capitals, `OIL-RICH STATE …` may be a word like any other.
    """
    return Mark(re.compile(rf"(?:{words})(?=-\s?\S.*[a-z])"), signal, genre)


def _plain(pattern: str, signal: Signal = Signal.NONE, genre: str = "", urgency: int = 0) -> Mark:
    """A mark that closes itself, by brackets or by being a whole phrase."""
    return Mark(re.compile(pattern), signal, genre, urgency)


COMMON = (
    _plain(r"(?:KILL[ -]){2}KILL|MANDATORY KILL|STORY WITHDRAWN", Signal.KILL),
    # To hold is to stop using it for now; whoever was told has to know at once, as with a kill.
    _plain(r"(?:HOLD[ -]){2}HOLD", Signal.KILL),
    _plain(r"\*?TOP NEWS\*?|(?:TOP )?NEWS SUMMARY(?=\s?[:-])|NEWS DIGEST(?=\s?[:-])", genre=COLLECTION),
    _plain(r"\+{2,3} ?(?:EIL(?:MELDUNG)?|Eil(?:meldung)?|BREAKING|Breaking) ?\+{2,3}", urgency=2),
    _colon("BREAKING(?: NEWS)?|EILMELDUNG|Eilmeldung|EIL|URGENT|DRINGEND", urgency=2),
    _colon("BLITZ(?:MELDUNG)?|FLASH|ALERTE?", urgency=1),
    _colon("KORREKTUR|BERICHTIGUNG|CORRECTION|CORRECTED|RECTIFICATIF|CORRECCIÓN", Signal.CORRECTION),
    _colon("KILL|ANNULATION|ANNULLIERUNG|WITHDRAWN", Signal.KILL),
    _colon("WDHL?G?|WIEDERHOLUNG|RPT|REPEAT", Signal.REPEAT),
    _colon("UPDATE|AKTUALISIERUNG|NEUFASSUNG", Signal.UPDATE),
    _colon("EXCLUSIVE|EXKLUSIV", genre="exclusive"),
    _colon("ANALYSE|ANALYSIS", genre="analysis"),
    _colon("HINTERGRUND|BACKGROUND|FACTBOX|STICHWORT", genre="background"),
)

ISSUERS = (
    _colon("(?:EQS|DGAP)-(?:PVR|DD|Stimmrechte|Voting Rights)", genre=HOLDINGS),
    _colon("(?:EQS|DGAP)-Ad-?[Hh]oc", genre="ad-hoc", urgency=3),
    _colon("(?:EQS|DGAP)-[A-Z][A-Za-z]{1,12}", genre="issuer"),
    _colon(
        "OTS(?:-[A-Z][A-Za-z]+)?|PRESS RELEASE|PRESSEMITTEILUNG|BUSINESS WIRE|PR ?NEWSWIRE", genre="issuer"
    ),
    _colon("GNW(?:-Adhoc)?|Original-Research|IRW-PRESS|IRW-News", genre="issuer"),
    _dash("GNW|PRN", genre="issuer"),
)

DPA = (
    _plain(r"\((?:Blitz|BLITZ)[^)]{0,12}\)", urgency=1),
    _plain(r"\((?:Eil|EIL)[^)]{0,12}\)", urgency=2),
    _plain(r"\((?:Berichtigung|BERICHTIGUNG|Korrektur)(?::[^)]{0,300})?\)", Signal.CORRECTION),
    _plain(r"\((?:Wiederholung|WIEDERHOLUNG)(?::[^)]{0,300})?\)", Signal.REPEAT),
    _plain(r"\((?:Neu|NEU): ?[^)]{0,300}\)", Signal.UPDATE),
    _plain(
        r"ACHTUNG:(?=.{0,40}\b(?:Meldung|Bericht|dpa)\b.{0,160}(?:nicht (?:mehr )?verwenden|zurückgezogen))",
        Signal.KILL,
    ),
    _plain(r"\((?:Zusammenfassung|ZUSAMMENFASSUNG)[^)]{0,20}\)", Signal.UPDATE),
    _plain(r"\(KORR-Bericht\)|\((?:Hintergrund|Analyse)\)", genre="analysis"),
    _plain(r"\((?:Tages)?(?:überblick|Überblick)[^)]{0,30}\)", genre=COLLECTION),
)

# Only where the agency is known: a portal that warns its readers writes the same.
RECALLED = _plain(r"\((?:Achtung|ACHTUNG)\)", Signal.KILL)

AFX = (
    _colon("(?:GESAMT-)?ROUNDUP", Signal.UPDATE),
    _colon(
        r"(?:dpa-AFX[ -])?(?:[ÜU]BERBLICK|Überblick|TAGESÜBERBLICK|Tagesüberblick|KUNDEN-INFO)[^:/]{0,40}",
        genre=COLLECTION,
    ),
    _colon(
        "(?:dpa-AFX[ -])?(?:TAGESVORSCHAU|WOCHENVORSCHAU|Tagesvorschau|TERMINE)[^:/]{0,40}", genre="preview"
    ),
    _colon("AUSBLICK|VORSCHAU|PREVIEW", genre="preview"),
    _colon(
        r"(?:AKTIEN?|BRANCHEN?) IM FOKUS|AKTIEN-FLASH|INDEX-MONITOR|INDEX-FLASH|MÄRKTE[^:/]{0,20}",
        genre=MARKET,
    ),
    _colon("ANALYSE-FLASH|dpa-AFX-ANALYSER", genre="analysis"),
    _colon("IPO|KREISE"),
    _colon("INTERVIEW|PORTRÄT", genre="background"),
    _colon("Pressestimmen?|PRESSESTIMME", genre="press-review", label=True),
    _colon("Presse", genre="press-review", label=True),
    _colon(
        "Devisen|Rohstoffe|Anleihen|(?:Deutsche|US-|Europäische) ?(?:Staats)?[Aa]nleihen|Edelmetalle|Zinsen",
        genre=MARKET,
        label=True,
    ),
    _colon(
        r"Aktien (?:Frankfurt|Deutschland|Europa|New York|USA|Asien|Wien|Zürich|Schweiz|Osteuropa|Moskau)"
        r"(?: (?:Eröffnung|Ausblick|Schluss|Zwischenbilanz|Vorbörse|Nachbörse))?(?:/[^:]{1,30})?",
        genre=MARKET,
        label=True,
    ),
)

AFP = (
    _plain(r"\d{1,2}(?:\.|nd|rd|th|st)? LEAD(?=\s?[:/ -])|LEAD(?=\s?[:/])", Signal.UPDATE),
    _colon("ZUSAMMENFASSUNG|SYNTHÈSE|PAPIER GÉNÉRAL|AVANT-PAPIER", Signal.UPDATE),
    _colon("AKTUELL|ACTUALISATION|AMPLIACIÓN", Signal.UPDATE),
    _colon("ENCADRÉ|REPORTAGE|PORTRAIT", genre="background"),
)

REUTERS = (
    _plain(r"(?:UPDATE|WRAPUP) ?\d{1,2}(?=-\s?\S)", Signal.UPDATE),
    _dash("CORRECTED|CORRECTION|REFILED-CORRECTED", Signal.CORRECTION),
    _plain(r"\(CORRECTED\)", Signal.CORRECTION),
    # A refile mends what does not bear on the understanding, so it is no correction.
    _dash("REFILE|RPT", Signal.REPEAT),
    _dash("WITHDRAWN", Signal.KILL),
    _dash("BRIEF", genre="brief"),
    _dash("EXCLUSIVE", genre="exclusive"),
    _dash("ANALYSIS|INSIGHT|BREAKINGVIEWS|COLUMN|EXPLAINER", genre="analysis"),
    _dash("FACTBOX|TIMELINE|BACKGROUND", genre="background"),
    _dash("DIARY|PREVIEW", genre="preview"),
    _dash("TOP NEWS|DIGEST|PRESS DIGEST", genre=COLLECTION),
    _dash(
        "GLOBAL MARKETS|FOREX|TREASURIES|METALS|PRECIOUS|OIL|GRAINS|SOFTS|LIVESTOCK|(?:US |EURO |UK )?STOCKS|"
        "[A-Z]+ (?:STOCKS|SHARES|MARKETS|BONDS|DEBT|GRAINS|FX)|EMERGING MARKETS",
        genre=MARKET,
    ),
)

AP = (
    _plain(r"AP ?NewsAlert|APNewsAlert|AP NEWS ALERT", urgency=1),
    _plain(r"Correction:(?= .{1,80} story\b)", Signal.CORRECTION),
    _plain(r"(?:BC-)?(?:ADVISORY )?KILL(?=--)|(?:BC-)?ELIMINATION(?=--)", Signal.KILL),
    _plain(r"AP (?:Top|Week(?:ly)?|News Digest|Coverage Plan)\b[^:]{0,40}(?=:|$)", genre=COLLECTION),
)

BLOOMBERG = (
    _plain(r"\*+(?=[^a-z]{8,}$)", urgency=2),  # a red headline: all of capitals
    _plain(r"\((?:Correct|CORRECT)(?:\d|ed)?\)", Signal.CORRECTION),
    _plain(r"\((?:Update|UPDATE) ?\d?\)", Signal.UPDATE),
    _plain(r"\((?:Full|Repeat)\)", Signal.REPEAT),
)

TABLES: Mapping[str, tuple[Mark, ...]] = {
    "dpa": (RECALLED, *DPA, *AFX),
    "dpa-AFX": (RECALLED, *AFX, *DPA),
    "AFP": AFP,
    "Reuters": REUTERS,
    "AP": AP,
    "Bloomberg": BLOOMBERG,
}
EVERY = tuple(dict.fromkeys(mark for table in TABLES.values() for mark in table if mark != RECALLED))

# In a slug they stand between its parts: "NKOREA-TRAVEL/ (UPDATE 1, CORRECTED)", "BC-Kim,2nd Ld-Writethru".
SLUG = (
    (re.compile(r"(?<![A-Za-z])KILL(?![A-Za-z])|\bElimination\b"), Signal.KILL),
    (
        re.compile(r"(?<![A-Za-z])(?:CORRECTED|CORRECTION|KORREKTUR)(?![A-Za-z])|\bCorrective\b"),
        Signal.CORRECTION,
    ),
    (re.compile(r"\b(?:\d(?:st|nd|rd|th) )?Ld(?:-Writethru)?\b|\bWritethru\b"), Signal.UPDATE),
    (re.compile(r"\((?:UPDATE|WRAPUP) \d{1,2}\b"), Signal.UPDATE),
)

# Marks that a desk puts at the end of a headline, or as a line of their own before the text.
TRAILING = re.compile(
    r"\s*[(\[](?:WDHL?G?|Wiederholung|KORREKTUR|Korrektur|Berichtigung|CORRECTED|Corrected|Correct|CORRECTION|"
    r"Update ?\d?|UPDATE ?\d?|Full|Repeat|[Nn]eu|NEU|RPT)(?::[^)\]]{0,300})?[)\]]\s*$"
)
_TRAILING_SIGNALS = {"W": Signal.REPEAT, "R": Signal.REPEAT, "F": Signal.REPEAT, "K": Signal.CORRECTION}
_TRAILING_SIGNALS |= {"B": Signal.CORRECTION, "C": Signal.CORRECTION, "U": Signal.UPDATE, "N": Signal.UPDATE}

# An English desk names what it takes back, in a line of its own: "Please kill item dpa 157 'Kim …'".
KILL_REQUEST = re.compile(
    r"^(?:EDITORS?\W{1,3})?[Pp]lease (?:kill|withhold|hold|disregard) (?:\w+ ){0,2}"
    r"(?:item|story|report)\b.{0,40}[\d'\"‘“]",
    re.MULTILINE,
)
_OPENING_CHARACTERS = 400  # how far into a text its desk's own lines can stand


# ---------------------------------------------------------------- the two questions


def read(item: Item, agencies: Mapping[str, Agency] = {}) -> Item:
    """The item with `marks`, `signal`, `urgency` and `genre` filled in from headline, slug and first lines.

    What the format says in fields of its own is kept: a mark fills a gap, and raises a signal or an urgency
    but never lowers one. The status is the format's alone. Reading twice changes nothing.
    """
    found = list(_leading(item.headline, item.agency, agencies))
    elsewhere = list(_signals_elsewhere(item))
    trailing = TRAILING.search(item.headline)
    if not (found or elsewhere or trailing):
        return item
    marks = [each.text for each in found]
    signals = [item.signal, *(each.mark.signal for each in found), *elsewhere]
    if trailing:
        marks.append(trailing[0].strip())
        signals.append(_TRAILING_SIGNALS[trailing[0].strip()[1].upper()])
    urgencies = [urgency for urgency in (item.urgency, *(each.mark.urgency for each in found)) if urgency]
    return replace(
        item,
        marks=tuple(dict.fromkeys((*item.marks, *marks))),
        signal=max(signals, key=STRENGTH.index),
        urgency=min(urgencies, default=0),
        genre=item.genre or next((each.mark.genre for each in found if each.mark.genre), ""),
    )


def bare(headline: str, agency: str = "") -> str:
    """The headline without its marks, before and behind; the whole of it where it is nothing else."""
    inner = TRAILING.sub("", headline[mark_length(headline, agency) :]).strip()
    return inner or headline.strip()


def mark_length(headline: str, agency: str = "", agencies: Mapping[str, Agency] = {}) -> int:
    """How many leading characters of the headline are marks, the blanks behind them included.

    Labels in ordinary words (`Devisen:`, `Presse:`) are no part of it: people search for them.
    """
    return max((each.end for each in _leading(headline, agency, agencies) if not each.mark.label), default=0)


# ---------------------------------------------------------------- how they are found


def _leading(headline: str, agency: str, agencies: Mapping[str, Agency]) -> Iterator[_Found]:
    """The marks at the head of a headline, one after the other."""
    tables = (*_configured(agency, agencies), _table(agency))
    at = len(headline) - len(headline.lstrip())
    while found := _next(headline, at, tables):
        yield found
        if found.mark.label or found.end >= len(headline):
            return
        at = found.end


def _next(headline: str, at: int, tables: Iterable[_Table]) -> _Found | None:
    for mark in (mark for table in tables if table.any.match(headline, at) for mark in table.marks):
        if match := mark.pattern.match(headline, at):
            closing = _CLOSING.match(headline, match.end())
            return _Found(mark, match[0].strip(), closing.end() if closing else match.end())
    return None


class _Table(NamedTuple):
    """Marks in the order in which they are tried, and all in one pattern: most headlines bear none."""

    marks: tuple[Mark, ...]
    any: re.Pattern[str]


def _tabled(*marks: Mark) -> _Table:
    return _Table(marks, re.compile("|".join(mark.pattern.pattern for mark in marks)))


_CLOSING = re.compile(r"\s?(?:--?|[:/])?\s*")


def _table(agency: str) -> _Table:
    """The marks that an item of this agency may carry; of an unknown agency, all that are known.

    Portals pass on the headlines of their agencies without saying whose they are.
    """
    return _whole_table(next((name for name in TABLES if name.casefold() == agency.casefold()), ""))


@cache
def _whole_table(name: str) -> _Table:
    return _tabled(*TABLES.get(name, EVERY), *ISSUERS, *COMMON)


def _configured(agency: str, agencies: Mapping[str, Agency]) -> Iterator[_Table]:
    """The marks of the configuration; they come first, so that they can overrule the tables."""
    for name, table in agencies.items():
        if not agency or name.casefold() == agency.casefold():
            yield _compiled(tuple(table.marks.items()), tuple(table.genres.items()))


@lru_cache(maxsize=64)
def _compiled(marks: tuple[tuple[str, str], ...], genres: tuple[tuple[str, str], ...]) -> _Table:
    own = [_from_config(word, meaning) for word, meaning in marks]
    own += [_from_config(word, "none", genre) for word, genre in genres]
    return _tabled(*own)


def _from_config(word: str, meaning: str, genre: str = "") -> Mark:
    """A mark as the configuration writes it: `"EILT" = "flash"`, or a signal."""
    closed = rf"{re.escape(word)}{_NUMBER}(?=\s?[:/]|-\S|\s-\s)" if word[-1:].isalnum() else re.escape(word)
    if meaning == "flash":
        return Mark(re.compile(closed), genre=genre, urgency=1)
    return Mark(re.compile(closed), Signal(meaning), genre)


def check(agencies: Mapping[str, Agency], file: str = "config.toml") -> None:
    """Raise ConfigError where a mark of the configuration means nothing that is known."""
    known = {"flash", *Signal}
    for name, table in agencies.items():
        for word, meaning in table.marks.items():
            if meaning not in known:
                options = ", ".join(sorted(known))
                raise ConfigError(file, f"agencies.{name}.marks.{word}", f"{meaning!r} is none of {options}")


def _signals_elsewhere(item: Item) -> Iterator[Signal]:
    """What the slug says, and the desk's own lines before the text."""
    for pattern, signal in SLUG:
        if pattern.search(item.slug):
            yield signal
    opening = item.body[:_OPENING_CHARACTERS]
    if KILL_REQUEST.search(opening):
        yield Signal.KILL
    for line in map(str.strip, opening.splitlines()[:5]):
        if _LINES.any.match(line):
            yield from (mark.signal for mark in _LINES.marks if mark.pattern.match(line))


_LINES = _tabled(*DPA, COMMON[0], COMMON[1], REUTERS[2])
