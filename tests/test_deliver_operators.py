"""What the monitor says of itself to those who run it: in their language, with their figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.actions.board import Blind
from service.actions.desk import Told
from service.actions.handover import Handover
from service.alerts.blind import news
from service.deliver.operators import About, word
from service.model import Alert, AlertState, Outage, Silence

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADDRESS = "https://wire.example.org/feeds/politics/asia-and-the-pacific?format=rss&edition=international"


def outage(name: str, kind: str, hours: float, reason: str = "", over: datetime | None = None) -> Outage:
    return Outage(source=1, name=name, kind=kind, since=NOW - hours * HOUR, reason=reason, over_at=over)


def shift() -> Handover:
    """A night with a bit of everything."""
    taken = Alert(
        rule=1, story=1, id=7, state=AlertState.ACKNOWLEDGED, opened_at=NOW - 6 * HOUR, acknowledged_by="anna"
    )
    waiting = Told(Alert(rule=1, story=2, id=8, opened_at=NOW - HOUR), "Kim", "Kim reist nach Hanoi")
    return Handover(
        since=NOW - 8 * HOUR,
        at=NOW,
        zone="Europe/Berlin",
        told=[waiting, Told(taken, "Kim", "Kim trifft Putin")],
        waiting=[waiting],
        silences=[
            Silence(
                matchers=(("rule", "dax"),),
                starts_at=NOW,
                ends_at=NOW + 24 * HOUR,
                comment="Feiertag",
                author="anna",
            )
        ],
        silenced=["Dax schließt höher"],
        dead=2,
        blind=[Blind("source", "wire", "the server answers 500"), Blind("daemon", "", "")],
    )


EVERY: dict[About, dict[str, Any]] = {
    About.BLIND: {
        "news": news(
            [
                outage("AP", "silent", 1.5),
                outage("dpa", "failing", 5, "the server answers 500"),
                outage("old", "gone", 90, "the server answers 410"),
                outage("new", "moved", 1, ADDRESS),
            ],
            [outage("AFP", "silent", 90, over=NOW), outage("KNA", "failing", 3, over=NOW)],
            1204,
        )
    },
    About.CHANNEL_DOWN: {"channel": "mail", "since": NOW - HOUR, "error": "no answer", "waiting": 1},
    About.CHANNEL_UP: {"channel": "mail", "away": timedelta(minutes=47)},
    About.FORECAST: {"rule": "kim", "alerts": 1250, "expected": 2.5},
    About.ALIVE: {
        "items": 12_345,
        "alerts": 1,
        "sent": 2,
        "polled": 1,
        "blind": 0,
        "dead": 0,
        "down": ["mail", "chat"],
    },
    About.ASIDE: {
        "source": "dpa",
        "shown": {"0001.xml": "an HTML page, not a feed", "0002.xml": "binary data, not a feed"},
        "more": 7,
        "kept": "folder:///srv/wire/bad",
    },
    About.UNKNOWN_KILL: {"headline": "KILL: Meldung 17", "lead": "Bitte nicht verwenden."},
    About.HANDOVER: {"shift": shift(), "listed": 50},
}

ENGLISH = {
    About.BLIND: f"""3 of 1,204 sources are silent or failing, 1 has moved, 2 are back
AP: silent for 90 min, against its habit; it answers, but brings nothing new
dpa: cannot be read for 5 h: the server answers 500
old: is gone: the server answers 410
new: has moved for good to {ADDRESS}, and is read there
AFP is back: silent for 3 days
KNA is back: not to be read for 3 h""",
    About.CHANNEL_DOWN: """Channel mail takes no messages
Since Tue 05:00 nothing has arrived on mail: no answer

1 message waits for it; it is tried again for a day.""",
    About.CHANNEL_UP: """Channel mail works again
It took nothing for 47 min.""",
    About.FORECAST: """Rule kim alerts more than was expected
1,250 alerts in 24 hours; 2.5 a day were expected when it was written.

Try it narrower:
monitor test-rule --rule kim --since 24h --explain""",
    About.ALIVE: """Alive: 12,345 items, 1 alert, 2 messages in 24 hours
1 source is polled, none is blind.

No message was given up.

These channels take nothing: mail, chat.""",
    About.ASIDE: """dpa: 9 documents cannot be read
0001.xml: an HTML page, not a feed
0002.xml: binary data, not a feed
… and 7 more

They lie in folder:///srv/wire/bad with their reasons beside. What follows this hour comes together.""",
    About.UNKNOWN_KILL: """A withdrawal names no story that is known
KILL: Meldung 17

Bitte nicht verwenden.""",
    About.HANDOVER: """Handover since Mon 22:00: 2 alerts, 1 not acknowledged
Not acknowledged:
Tue 05:00  Kim reist nach Hanoi [Kim] (alert 8)

Taken or withdrawn:
Tue 00:00  Kim trifft Putin [Kim] (alert 7) – anna

Silenced:
Dax schließt höher
rule=dax until Wed 06:00: Feiertag (anna)

Blind:
source wire: the server answers 500
no monitor is running
2 messages were given up""",
}

GERMAN = {
    About.BLIND: f"""3 von 1.204 Quellen sind still oder nicht lesbar, 1 ist umgezogen, 2 sind wieder da
AP: still seit 90 min, entgegen der Gewohnheit; antwortet, bringt aber nichts Neues
dpa: nicht lesbar seit 5 h (der Server antwortet 500)
old: gibt es nicht mehr (der Server antwortet 410)
new: ist dauerhaft umgezogen und wird nun unter {ADDRESS} gelesen
AFP ist wieder da: 3 Tage still
KNA ist wieder da: 3 h nicht lesbar""",
    About.CHANNEL_DOWN: """Kanal mail nimmt keine Nachrichten an
Seit Di 05:00 ist auf mail nichts mehr angekommen: keine Antwort

1 Nachricht wartet darauf; die Zustellung wird einen Tag lang versucht.""",
    About.CHANNEL_UP: """Kanal mail funktioniert wieder
Er hat 47 min lang nichts angenommen.""",
    About.FORECAST: """Regel kim schlägt öfter an als erwartet
1.250 Alarme in 24 Stunden; erwartet waren 2,5 am Tag, als sie geschrieben wurde.

Enger fassen und ausprobieren:
monitor test-rule --rule kim --since 24h --explain""",
    About.ALIVE: """Läuft: 12.345 Meldungen, 1 Alarm, 2 Nachrichten in 24 Stunden
1 Quelle wird abgefragt, keine ist blind.

Keine Nachricht war unzustellbar.

Diese Kanäle nehmen nichts an: mail, chat.""",
    About.ASIDE: """dpa: 9 Dokumente sind nicht lesbar
0001.xml: eine HTML-Seite, kein Feed
0002.xml: Binärdaten, kein Feed
… und 7 weitere

Sie liegen mit Begründung in folder:///srv/wire/bad. Was in dieser Stunde folgt, kommt zusammen.""",
    About.UNKNOWN_KILL: """Rückzug einer Meldung, die der Monitor nicht kennt
KILL: Meldung 17

Bitte nicht verwenden.""",
    About.HANDOVER: """Übergabe seit Mo 22:00: 2 Alarme, 1 nicht übernommen
Noch nicht übernommen:
Di 05:00  Kim reist nach Hanoi [Kim] (Alarm 8)

Übernommen oder zurückgezogen:
Di 00:00  Kim trifft Putin [Kim] (Alarm 7) – anna

Stummgeschaltet:
Dax schließt höher
rule=dax bis Mi 06:00: Feiertag (anna)

Blind:
Quelle wire: der Server antwortet 500
Es läuft kein Monitor
2 Nachrichten waren unzustellbar""",
}


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("de", GERMAN), ("fr", ENGLISH)])
@pytest.mark.parametrize("about", About)
def test_operators_read_it_in_their_language(about: About, language: str, words: dict[About, str]) -> None:
    assert words[about].partition("\n")[::2] == word(about, language, "Europe/Berlin", NOW, **EVERY[about])


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_quiet_night_and_a_calm_day_say_so(language: str) -> None:
    calm = Handover(
        since=NOW, at=NOW, zone="UTC", told=[], waiting=[], silences=[], silenced=[], dead=0, blind=[]
    )
    _, text = word(About.HANDOVER, language, "UTC", NOW, shift=calm, listed=50)
    assert 4 == text.splitlines().count("nothing" if language == "en" else "nichts")


@pytest.mark.parametrize(("language", "rest"), [("en", "and 1 more"), ("de", "und 1 weitere")])
def test_a_long_night_is_listed_in_part_and_counted(language: str, rest: str) -> None:
    night = shift()
    night = Handover(
        since=night.since,
        at=NOW,
        zone="UTC",
        told=night.told,
        waiting=night.told,
        silences=[],
        silenced=["Dax", "Dow"],
        dead=0,
        blind=[],
    )
    _, text = word(About.HANDOVER, language, "UTC", NOW, shift=night, listed=1)
    assert 2 == text.splitlines().count(rest)
