"""A stream of wire stories, their copies and their look-alikes, out of a seed.

Every story is put together from frames and names, in German or English. Copies go through the edits that
portals make; look-alikes are what a duplicate filter must not join: reports from one template, and other
writers on the same event who quote the same people.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

SOURCES = 12
DAY = 24 * 60  # minutes


@dataclass(frozen=True, slots=True)
class Record:
    """One item as it arrives; `group` is what it truly belongs to, `kind` the edit that made it."""

    id: str
    group: str
    kind: str
    lang: str
    source: str
    title: str
    body: str
    minute: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A text on its way through the edits; paragraphs are lists of sentences."""

    lang: str
    title: str
    paragraphs: tuple[tuple[str, ...], ...]

    @property
    def body(self) -> str:
        return "\n\n".join(" ".join(paragraph) for paragraph in self.paragraphs)


# ---------------------------------------------------------------- prose

NAMES = (
    "Anneke Brodersen|Murat Yildirim|Tomasz Zielinski|Leonie Hartwig|Jiri Novotny|Sofia Lindqvist|Paul Obermayr|"
    "Amara Diallo|Greta Wessels|Niklas Thormann|Elif Korkmaz|Marco Bellandi|Yuki Tanabe|Rosa Aldunate|Henk Vermeer|"
    "Ilse Kranzler|Pavel Dobrev|Moira Callaghan|Deepak Nair|Clara Immenhof|Oskar Rydell|Fatima Benali|Lars Hoegh"
).split("|")
TOWNS = (
    "Oldenburg|Görlitz|Valparaíso|Tromsö|Lüneburg|Plovdiv|Galway|Würzburg|Trieste|Oulu|Košice|Passau|Gdynia|Leeds|"
    "Maribor|Füssen|Cardiff|Zwolle|Aarhus|Chemnitz|Tartu|Mérida|Saarbrücken|Dundee|Székesfehérvár|Nyköping|Bremen"
).split("|")
BODIES: Mapping[str, Sequence[str]] = {
    "de": (
        "der Hafenbehörde|dem Landesamt für Umwelt|der Gewerkschaft Bau|dem Verkehrsministerium|der Sparkasse|"
        "dem Bundesrechnungshof|der Universitätsklinik|der Wasserschutzpolizei|dem Weinbauverband|der Handwerkskammer|"
        "dem Kartellamt|der Straßenbaugesellschaft|dem Tierschutzbund|der Flugsicherung|der Förderbank"
    ).split("|"),
    "en": (
        "the harbour authority|the environment agency|the builders' union|the transport ministry|the savings bank|"
        "the audit office|the teaching hospital|the river police|the growers' association|the chamber of crafts|"
        "the competition watchdog|the road company|the animal welfare league|the air traffic service|the state lender"
    ).split("|"),
}
THINGS: Mapping[str, Sequence[str]] = {
    "de": (
        "die Schleuse|die Bürgschaft|das Kühlhaus|die Fähre|das Stellwerk|die Deponie|der Tunnel|das Archiv|die Mühle|"
        "der Windpark|die Seilbahn|das Impfzentrum|die Brauerei|der Steinbruch|das Planetarium|die Landebahn"
    ).split("|"),
    "en": (
        "the lock|the guarantee|the cold store|the ferry|the signal box|the landfill|the tunnel|the archive|the mill|"
        "the wind farm|the cable car|the vaccination centre|the brewery|the quarry|the planetarium|the runway"
    ).split("|"),
}
ADVERBS: Mapping[str, Sequence[str]] = {
    "de": "überraschend|nach langem Streit|einstimmig|gegen den Rat der Prüfer|ohne Aussprache|nur knapp|vorläufig".split(
        "|"
    ),
    "en": "unexpectedly|after a long dispute|unanimously|against its auditors' advice|without debate|narrowly|for now".split(
        "|"
    ),
}
FRAMES: Mapping[str, Sequence[str]] = {
    "de": (
        "{T} in {o} wird {a} geschlossen, teilte {n} am {d} mit.",
        "Bei {b} rechnet man mit Kosten von {x} Millionen Euro, ursprünglich waren {y} Millionen veranschlagt.",
        "{n} sprach in {o} von einem Fehler, den niemand habe kommen sehen, und kündigte binnen {y} Tagen Aufklärung an.",
        "Betroffen sind nach Angaben von {n} etwa {x} Haushalte zwischen {o} und {p}.",
        "Seit {j} gehört {t} zur Hälfte {b}, zur anderen Hälfte der Stadt {o}.",
        "«{q}», sagte {n} auf Nachfrage in {p}.",
        "In {o} demonstrierten am Abend {x} Menschen; {n} nannte die Zahl im Rathaus von {p} übertrieben.",
        "Ein Gutachten, das {b} bereits {j} vorlag, beziffert den Schaden an den Pfeilern auf {y} Prozent.",
        "Wer {t} nutzen will, muss von {d} an den Umweg über {p} nehmen, der rund {y} Minuten dauert.",
        "Die Opposition um {n} verlangt {a}, dass {b} alle {x} Seiten der Akten herausgibt.",
        "Zuvor hatte ein Gericht in {p} die Klage von {y} Anliegern {a} zugelassen.",
        "Von den {x} Beschäftigten sollen {y} nach {p} wechseln, für die übrigen verhandelt {n} über Abfindungen.",
        "{n} hatte das Amt erst {j} übernommen, nachdem der Vorgänger nach {p} gegangen war.",
        "Wie {b} weiter berichtete, lag die Ursache in einem Ventil, das {y} Jahre lang keiner geprüft hatte.",
        "Am Ufer von {o} sammelten Helfer bis zum Mittag {x} Kilogramm Treibgut ein.",
        "Nach {x} Stunden Beratung stand {a} fest, dass {t} bleibt.",
        "Für {o} wäre das der größte Auftrag seit {j}, sagte {n}, für {p} dagegen ein herber Verlust.",
        "Sollte der Pegel über {y} Meter steigen, müsste {b} {t} räumen lassen.",
        "Die Kaufleute in {o} klagen über {y} Prozent weniger Umsatz, die in {p} freuen sich über neue Kundschaft.",
        "{n} wollte sich dazu {a} nicht äußern.",
    ),
    "en": (
        "{T} in {o} will close {a}, {n} announced on {d}.",
        "Officials at {b} now put the bill at {x} million euros, up from an earlier {y} million.",
        "{n}, speaking in {o}, blamed a mistake nobody had seen coming and promised answers within {y} days.",
        "Some {x} households between {o} and {p} are affected, according to {n}.",
        "Since {j} half of {t} has belonged to {b}, the other half to the town of {o}.",
        '"{q}," {n} said when asked in {p}.',
        "In {o} a crowd of {x} gathered at dusk, a figure {n} called inflated from the town hall in {p}.",
        "A report that reached {b} in {j} estimates that {y} percent of the piers are damaged.",
        "Anyone heading for {t} must go round by {p} from {d}, a detour of about {y} minutes.",
        "Opponents led by {n} demand {a} that {b} release all {x} pages of the file.",
        "A court in {p} had earlier admitted, {a}, a suit brought by {y} residents.",
        "Of {x} workers, {y} are to move to {p}; {n} is negotiating pay-offs for the rest.",
        "{n} took over only in {j}, once a predecessor had left for {p}.",
        "The cause, {b} went on, was a valve left unchecked for {y} years.",
        "Volunteers on the shore at {o} had picked up {x} kilos of driftwood by noon.",
        "It took {x} hours of talks to settle, {a}, that {t} stays.",
        "It would be the largest order for {o} since {j}, said {n}, though a bitter loss to {p}.",
        "Should the river pass {y} metres, {b} would have to clear {t}.",
        "Shopkeepers in {o} complain of takings down {y} percent while those in {p} welcome new custom.",
        "{n} declined, {a}, to comment.",
    ),
}
QUOTES: Mapping[str, Sequence[Sequence[str]]] = {
    "de": (
        ("Wir haben", "Ich habe", "Man hat", "Alle haben"),
        ("zu lange", "mit großer Sorge", "am Ende vergeblich", "schon im Frühjahr"),
        (
            "auf Ersatzteile gewartet",
            "vor diesem Winter gewarnt",
            "an die Anwohner gedacht",
            "mit dem Käufer geredet",
        ),
        (
            "und jetzt zahlen die Falschen",
            "aber das Geld fehlt überall",
            "und trotzdem bleibt Vertrauen",
            "mehr war nicht drin",
        ),
    ),
    "en": (
        ("We have", "I have", "They have", "Everyone has"),
        ("for too long", "with real worry", "in the end for nothing", "ever since the spring"),
        (
            "been waiting on spare parts",
            "warned about this winter",
            "thought of the neighbours",
            "talked to the buyer",
        ),
        (
            "and now the wrong people pay",
            "but money is short all over",
            "and still there is trust",
            "there was no more to get",
        ),
    ),
}
DAYS: Mapping[str, Sequence[str]] = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
}
TITLES: Mapping[str, Sequence[str]] = {
    "de": (
        "{o}: {T} schließt {a}",
        "{n} verteidigt Pläne in {o}",
        "Streit um Millionen in {o}",
        "{T} kostet {x} Millionen",
    ),
    "en": (
        "{T} in {o} to close {a}",
        "{n} defends plans for {o}",
        "Row over millions in {o}",
        "{T} to cost {x} million",
    ),
}


def _fill(rng: random.Random, frame: str, lang: str, cast: Sequence[str], towns: Sequence[str]) -> str:
    thing = rng.choice(THINGS[lang])
    here, there = rng.sample(list(towns), 2)
    sentence = frame.format(
        T=thing[0].upper() + thing[1:],
        t=thing,
        n=rng.choice(cast),
        o=here,
        p=there,
        b=rng.choice(BODIES[lang]),
        a=rng.choice(ADVERBS[lang]),
        d=rng.choice(DAYS[lang]),
        j=rng.randint(1987, 2024),
        x=rng.randint(40, 990),
        y=rng.randint(2, 39),
        q=" ".join(rng.choice(part) for part in QUOTES[lang]),
    )
    return sentence[0].upper() + sentence[1:]


def _draft(rng: random.Random, lang: str, cast: Sequence[str], towns: Sequence[str]) -> Draft:
    frames = rng.sample(list(FRAMES[lang]), rng.randint(6, 14))
    sentences = [_fill(rng, frame, lang, cast, towns) for frame in frames]
    cuts = range(0, len(sentences), 2)
    paragraphs = tuple(tuple(sentences[cut : cut + 2]) for cut in cuts)
    return Draft(lang, _fill(rng, rng.choice(TITLES[lang]), lang, cast, towns), paragraphs)


def _scene(rng: random.Random) -> tuple[str, list[str], list[str]]:
    """A language, the people and the towns of an event."""
    return rng.choice(["de", "de", "de", "en"]), rng.sample(NAMES, 3), rng.sample(TOWNS, 3)


# ---------------------------------------------------------------- what portals do to a text

Edit = Callable[[random.Random, Draft], Draft]


def _told(draft: Draft, body: str) -> Draft:
    return replace(draft, paragraphs=tuple((paragraph,) for paragraph in body.split("\n\n")))


def _new_head(rng: random.Random, draft: Draft) -> Draft:
    return replace(draft, title=_fill(rng, rng.choice(TITLES[draft.lang]), draft.lang, NAMES, TOWNS))


def _same(_rng: random.Random, draft: Draft) -> Draft:
    return draft


def _teaser(length: int) -> Edit:
    def cut(_rng: random.Random, draft: Draft) -> Draft:
        return _told(draft, draft.body[:length].rsplit(" ", 1)[0].replace("\n\n", " ") + " …")

    return cut


def _first_sentence(_rng: random.Random, draft: Draft) -> Draft:
    return _told(draft, draft.paragraphs[0][0])


def _added(rng: random.Random, draft: Draft) -> Draft:
    extra = tuple(_fill(rng, rng.choice(FRAMES[draft.lang]), draft.lang, NAMES, TOWNS) for _ in range(2))
    at = rng.randint(1, len(draft.paragraphs))
    return replace(draft, paragraphs=(*draft.paragraphs[:at], extra, *draft.paragraphs[at:]))


def _new_lead(rng: random.Random, draft: Draft) -> Draft:
    lead = _fill(rng, rng.choice(FRAMES[draft.lang]), draft.lang, NAMES, TOWNS)
    return replace(draft, paragraphs=((lead,), *draft.paragraphs[1:]))


def _number(rng: random.Random, draft: Draft) -> Draft:
    """One number of the text is another one: the case that a desk must see."""
    body = draft.body
    places = list(re.finditer(r"\b\d{1,3}\b", body))
    place = rng.choice(places)
    other = str(int(place[0]) + rng.choice([-1, 1, 2, 7]))
    return _told(draft, body[: place.start()] + other + body[place.end() :])


def _footer(rng: random.Random, draft: Draft) -> Draft:
    return replace(draft, paragraphs=(*draft.paragraphs, (rng.choice(FOOTERS[draft.lang]),)))


FOOTERS: Mapping[str, Sequence[str]] = {
    "de": (
        "Mehr Nachrichten aus der Region lesen Sie jeden Morgen in unserem kostenlosen Newsletter. Hier anmelden.",
        "© dpa-infocom. Dieser Text wurde automatisch übernommen und von der Redaktion nicht bearbeitet.",
        "Haben Sie einen Fehler entdeckt? Schreiben Sie uns, wir gehen jedem Hinweis nach und danken herzlich dafür.",
    ),
    "en": (
        "Sign up here for our free morning briefing and never miss a story from your part of the country.",
        "This article was provided by a news agency and has not been edited by our staff. All rights reserved.",
        "Spotted a mistake? Write to the desk; every message is read and the text is put right if needed.",
    ),
}


def _without_umlauts(_rng: random.Random, draft: Draft) -> Draft:
    plain = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}
    table = str.maketrans(plain)
    return replace(_told(draft, draft.body.translate(table)), title=draft.title.translate(table))


def _markup(rng: random.Random, draft: Draft) -> Draft:
    named = {"ä": "&auml;", "ö": "&ouml;", "ü": "&uuml;", "ß": "&szlig;", "é": "&#233;"}
    body = escape(draft.body)
    for letter, entity in named.items():
        body = body.replace(letter, entity)
    paragraphs = [f"<p>{paragraph}</p>" for paragraph in body.split("\n\n")]
    paragraphs[0] = paragraphs[0].replace("<p>", f"<p><strong>{rng.choice(TOWNS)}</strong> – ", 1)
    return _told(draft, "".join(paragraphs))


def _abridged(rng: random.Random, draft: Draft) -> Draft:
    """A third to a half is cut away, sentence by sentence."""
    keep = rng.uniform(0.5, 0.7)
    kept = [tuple(s for s in paragraph if rng.random() < keep) for paragraph in draft.paragraphs[1:]]
    return replace(draft, paragraphs=(draft.paragraphs[0], *(paragraph for paragraph in kept if paragraph)))


SYNONYMS = {
    "sagte": "erklärte", "teilte": "gab", "etwa": "ungefähr", "nach": "laut", "Abend": "Dienstagabend",
    "rund": "etwa", "said": "told reporters", "about": "roughly", "now": "currently", "demand": "insist",
    "some": "around", "earlier": "previously", "weiter": "zudem", "bis zum": "gegen",
}  # fmt: skip


def _copy_edit(rng: random.Random, draft: Draft) -> Draft:
    words = draft.body.split(" ")
    for at in rng.sample(range(len(words)), len(words) // 25):
        words[at] = SYNONYMS.get(words[at], words[at])
    return _told(draft, " ".join(words))


def _combo(rng: random.Random, draft: Draft) -> Draft:
    for edit in rng.sample([_new_head, _new_lead, _footer, _without_umlauts, _added, _copy_edit], 3):
        draft = edit(rng, draft)
    return draft


EDITS: Mapping[str, Edit] = {
    "same": _same, "new_head": _new_head, "teaser200": _teaser(200), "teaser400": _teaser(400),
    "first_sentence": _first_sentence, "paragraph": _added, "lead": _new_lead, "number": _number,
    "footer": _footer, "umlauts": _without_umlauts, "markup": _markup, "abridged": _abridged,
    "copy_edit": _copy_edit, "combo": _combo,
}  # fmt: skip
LOOK_ALIKES = ("market", "notice", "same_event")


# ---------------------------------------------------------------- look-alikes


def _market(rng: random.Random, lang: str) -> Draft:
    """The report of a day on the exchange: the template stays, figures and names change."""
    up = rng.random() < 0.5
    names = rng.sample([name.split()[1] + (" AG" if lang == "de" else " plc") for name in NAMES], 3)
    figures = [f"{rng.uniform(0.1, 3.9):.2f}" for _ in range(4)]
    index = f"{rng.randint(15, 19)}.{rng.randint(100, 999)}"
    if lang == "de":
        figures = [figure.replace(".", ",") for figure in figures]
        text = (
            f"Der deutsche Aktienmarkt hat am {rng.choice(DAYS[lang])} {'zugelegt' if up else 'nachgegeben'}. Der "
            f"Leitindex schloss {figures[0]} Prozent {'höher' if up else 'tiefer'} bei {index} Punkten. Der Index der "
            f"mittelgroßen Werte bewegte sich um {figures[1]} Prozent auf {rng.randint(24000, 27000)} Zähler.\n\n"
            f"Unter den Einzelwerten standen die Papiere von {names[0]} mit einem Plus von {figures[2]} Prozent an der "
            f"Spitze. Am Ende des Index fanden sich die Anteilsscheine von {names[1]} und {names[2]}.\n\n"
            f"Am Rentenmarkt lag die Umlaufrendite bei {figures[3]} Prozent. Der Euro kostete zuletzt "
            f"1,{rng.randint(1000, 1300)} US-Dollar."
        )
        return _told(
            Draft(lang, f"Aktien Frankfurt Schluss: Leitindex {'legt zu' if up else 'gibt nach'}", ()), text
        )
    text = (
        f"Shares closed {'higher' if up else 'lower'} on {rng.choice(DAYS[lang])}, with the benchmark index "
        f"{'gaining' if up else 'losing'} {figures[0]} percent to {index} points. The broader mid-cap index moved "
        f"{figures[1]} percent in light trading as investors awaited the central bank.\n\n"
        f"Among single stocks {names[0]} led the winners with a gain of {figures[2]} percent, while {names[1]} and "
        f"{names[2]} were at the bottom of the list. The yield on ten-year bonds stood at {figures[3]} percent."
    )
    return _told(Draft(lang, f"Stocks end {'higher' if up else 'lower'} in cautious trade", ()), text)


def _notice(rng: random.Random, _lang: str) -> Draft:
    """A notification of voting rights: law prescribes its words, only the parties and shares change."""
    company, holder = rng.choice(NAMES).split()[1] + " AG", rng.choice(NAMES)
    share = f"{rng.uniform(2.9, 5.1):.2f}".replace(".", ",")
    day = f"{rng.randint(1, 28)}. {rng.choice(['Januar', 'Februar', 'März', 'April'])} 2026"
    text = (
        f"{company}: Veröffentlichung gemäß § 40 Abs. 1 WpHG mit dem Ziel der europaweiten Verbreitung.\n\n"
        f"{holder}, {rng.choice(TOWNS)}, hat uns gemäß § 33 Abs. 1 WpHG am {day} mitgeteilt, dass der Stimmrechtsanteil "
        f"an der {company}, {rng.choice(TOWNS)}, Deutschland, am {day} die Schwelle von {rng.choice([3, 5])} Prozent der "
        f"Stimmrechte überschritten hat und an diesem Tag {share} Prozent (das entspricht {rng.randint(90000, 990000)} "
        f"Stimmrechten) betragen hat."
    )
    return _told(Draft("de", f"EQS-PVR: {company}: Veröffentlichung der Stimmrechte", ()), text)


def _another_writer(rng: random.Random, draft: Draft, cast: Sequence[str], towns: Sequence[str]) -> Draft:
    """A text of its own on the same event, in which a tenth to a quarter is quoted from the first."""
    own = _draft(rng, draft.lang, cast, towns)
    theirs = [sentence for paragraph in draft.paragraphs for sentence in paragraph]
    mine = [sentence for paragraph in own.paragraphs for sentence in paragraph]
    quoted = rng.sample(theirs, max(1, round(len(mine) * rng.uniform(0.1, 0.25))))
    for at, sentence in zip(rng.sample(range(len(mine)), len(quoted)), quoted, strict=True):
        mine[at] = sentence
    return replace(own, paragraphs=tuple((sentence,) for sentence in mine))


# ---------------------------------------------------------------- the stream


def stream(seed: int, stories: int = 600) -> list[Record]:
    """The records in order of arrival: `stories` reports over five days, with all that belongs to them."""
    rng = random.Random(seed)
    records = [record for number in range(stories) for record in _told_by_many(rng, number)]
    for number in range(stories // 5):
        day = rng.randrange(5 * DAY)
        records.append(_record(rng, f"m{number}", "market", _market(rng, rng.choice(["de", "en"])), day))
        if number % 2:
            records.append(_record(rng, f"n{number}", "notice", _notice(rng, "de"), rng.randrange(5 * DAY)))
    return [
        replace(record, id=f"r{at}")
        for at, record in enumerate(sorted(records, key=lambda each: each.minute))
    ]


def _told_by_many(rng: random.Random, number: int) -> Iterator[Record]:
    """A story, its copies on other sources (before or after it), and sometimes another writer's own."""
    lang, cast, towns = _scene(rng)
    draft = _draft(rng, lang, cast, towns)
    minute = rng.randrange(5 * DAY)
    yield _record(rng, f"s{number}", "base", draft, minute)
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 5])):
        kind = rng.choice(list(EDITS))
        delay = rng.choice([-3, 2, 9, 40, 300, 1400])
        yield _record(rng, f"s{number}", kind, EDITS[kind](rng, draft), max(0, minute + delay))
    if rng.random() < 0.15:
        other = _another_writer(rng, draft, cast, towns)
        yield _record(rng, f"e{number}", "same_event", other, minute + rng.choice([5, 60, 600]))


def _record(rng: random.Random, group: str, kind: str, draft: Draft, minute: int) -> Record:
    source = f"source-{rng.randrange(SOURCES)}"
    return Record("", group, kind, draft.lang, source, draft.title, draft.body, minute)
