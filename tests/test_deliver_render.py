"""What people read: subject, text, HTML, chat and JSON of every kind of message."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.deliver.console import Console, block
from service.deliver.excerpt import Mark, Piece, difference, excerpt, marked
from service.deliver.render import CHAT, SUBJECT, render
from service.model import (
    Channel,
    DeliveryKind,
    Evidence,
    Item,
    Link,
    Message,
    Notice,
    Priority,
    Sighting,
    Status,
    Telling,
    Verdict,
)

NOW = datetime(2026, 11, 24, 13, 2, tzinfo=UTC)
DESK = Channel(name="desk", url="console://")

HEADLINE = "Kim bricht zu Auslandsreise nach Peking auf"
BODY = (
    "Pjöngjang (xyz) - Der nordkoreanische Machthaber Kim ist am 3. Oktober zu einer Auslandsreise"
    " aufgebrochen. Das meldete die staatliche Agentur.\n\nDie Fahrt führt nach Peking. Dort ist ein Treffen"
    " mit dem Präsidenten geplant, wie am Abend aus Kreisen der Botschaft verlautete. Über den Inhalt der"
    " Gespräche wurde zunächst nichts bekannt. Die Preise für Bahnfahrten blieben unverändert."
)


def place(text: str, word: str, field: str = "body", term: str = "", how: str = "exact") -> Evidence:
    start = text.index(word)
    return Evidence(field, start, start + len(word), word, term or word, how)


REISE = Telling(
    rule="Nordkorea",
    evidence=(
        place(HEADLINE, "Kim", "title"),
        place(BODY, "Kim"),
        place(BODY, "Auslandsreise", term="Reise", how="compound"),
    ),
    alert=4,
)
ITEM = Item(
    headline=HEADLINE,
    body=BODY,
    id=11,
    story=7,
    language="de",
    published_at=NOW,
    link="https://wire.example.org/kim?id=1&x=(2)",
    note="desk only",
)
ALERT = Notice(
    kind=DeliveryKind.ALERT,
    delivery=3,
    channel="desk",
    recipient="night@example.org",
    item=ITEM,
    source="XYZ Basic",
    tellings=(REISE,),
    sightings=(
        Sighting(source="XYZ Basic", at=NOW),
        Sighting(
            source="Evening Post",
            at=NOW + timedelta(minutes=4),
            link="https://post.example.org/1",
            how=Link.COPY,
        ),
    ),
    now=NOW,
)


def shown(pieces: tuple[Piece, ...]) -> str:
    signs = {Mark.NONE: "{}", Mark.HIT: ">{}<", Mark.ADDED: "+{}+", Mark.REMOVED: "-{}-"}
    return "".join(signs[piece.mark].format(piece.text) for piece in pieces)


class Reader(HTMLParser):
    """The visible text of a page, its marked words, and whatever would load or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.marked: list[str] = []
        self.foreign: list[str] = []
        self._stack: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._stack.append(tag)
        if tag in {"script", "img", "link", "iframe", "object"}:
            self.foreign.append(tag)
        self.foreign += [
            name for name, value in attrs if name == "src" or (value or "").startswith("javascript")
        ]
        if tag == "mark":
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._stack:
            return
        self.text += data
        if "mark" in self._stack:
            self.marked[-1] += data


def test_an_alert_says_what_where_when_and_why() -> None:
    message = render(ALERT, DESK)
    assert message.subject == f"[Nordkorea] {HEADLINE}"
    for expected in (
        HEADLINE,
        "XYZ Basic · 14:02 CET, 24 Nov 2026",
        ">Auslandsreise< aufgebrochen",
        'Matched: "Kim" (title, body), "Auslandsreise" for Reise (body, compound)',
        "Rule: Nordkorea",
        "https://wire.example.org/kim?id=1&x=(2)",
        "Evening Post, 14:06 CET",
    ):
        assert expected in message.text


def test_the_html_marks_the_same_words_and_loads_nothing() -> None:
    page = Reader(render(ALERT, DESK).html)
    assert page.marked == ["Kim", "Kim", "Auslandsreise"]
    assert page.foreign == []
    assert "Preise" not in page.text


def test_the_chat_message_is_short_and_ends_with_the_link() -> None:
    chat = render(ALERT, DESK).chat
    assert chat.startswith(f"**\\[Nordkorea\\] {HEADLINE}**\n")
    assert "**Auslandsreise**" in chat
    assert chat.endswith("[Read the story](https://wire.example.org/kim?id=1&x=%282%29)")


def test_the_json_holds_item_rules_and_evidence_but_not_the_note_of_the_desk() -> None:
    data = json.loads(json.dumps(render(ALERT, DESK).data))
    assert data["schema_version"] == 1
    assert (data["kind"], data["story"], data["recipient"]) == ("alert", 7, "night@example.org")
    assert data["item"]["headline"] == HEADLINE
    assert data["item"]["published_at"] == "2026-11-24T13:02:00Z"
    [rule] = data["rules"]
    assert (rule["name"], rule["alert"]) == ("Nordkorea", 4)
    found = rule["evidence"][2]
    assert data["item"]["body"][found["start"] : found["end"]] == "Auslandsreise"
    assert [source["source"] for source in data["sources"]] == ["XYZ Basic", "Evening Post"]
    assert "desk only" not in json.dumps(data)


def test_the_id_is_the_same_on_every_try_and_differs_by_delivery_and_revision() -> None:
    base = "https://monitor.example.org:8443/"
    assert render(ALERT, DESK, base_url=base).id == "alert-7.0.3@monitor.example.org"
    assert render(replace(ALERT, now=NOW + timedelta(hours=1)), DESK, base_url=base).id == (
        render(ALERT, DESK, base_url=base).id
    )
    later = replace(ALERT, kind=DeliveryKind.UPDATE, revision=1, delivery=9, thread="alert-7.0.3@host")
    message = render(later, DESK)
    assert message.id == "alert-7.1.9@wire-monitor.invalid"
    assert message.thread == "alert-7.0.3@host"
    assert message.subject == f"UPDATE: [Nordkorea] {HEADLINE}"


def test_three_rules_make_one_message_that_names_each_reason() -> None:
    rules = [replace(REISE, rule=name) for name in ("Asien", "Bahn", "China")]
    message = render(replace(ALERT, tellings=tuple(rules)), DESK)
    assert message.subject.startswith("[Asien, Bahn +1] ")
    for name in ("Asien", "Bahn", "China"):
        assert f"Matched [{name}]: " in message.text
    assert "Rules: Asien, Bahn, China" in message.text


def test_a_rule_that_was_removed_meanwhile_leaves_no_empty_brackets() -> None:
    assert render(replace(ALERT, tellings=(Telling(rule=""),)), DESK).subject == HEADLINE


def test_a_late_message_says_how_late_it_is() -> None:
    assert "· 23 min late" in render(replace(ALERT, late=timedelta(minutes=23, seconds=40)), DESK).text
    assert "· 3 h 05 min late" in render(replace(ALERT, late=timedelta(hours=3, minutes=5)), DESK).text


def test_an_embargo_that_is_not_over_stands_out() -> None:
    blocked = replace(ALERT, item=replace(ITEM, embargo_until=NOW + timedelta(hours=2)))
    message = render(blocked, DESK)
    for part in (message.text, message.html, message.chat):
        assert "Embargo until 16:02 CET, 24 Nov 2026" in part
    assert message.subject.startswith("EMBARGO: [Nordkorea] ")
    assert render(replace(blocked, language="de"), DESK).subject.startswith("SPERRFRIST: [Nordkorea] ")
    assert "Embargo" not in render(replace(blocked, now=NOW + timedelta(hours=3)), DESK).text


def test_a_correction_shows_what_changed() -> None:
    corrected = replace(
        ITEM, headline=HEADLINE.replace("Peking", "Moskau"), body=BODY.replace("3. Oktober", "4. Oktober")
    )
    notice = replace(ALERT, kind=DeliveryKind.CORRECTION, item=corrected, previous=ITEM, revision=1)
    message = render(notice, DESK)
    assert message.subject.startswith("CORRECTION: [Nordkorea] Kim")
    assert "nach [-Peking-] {+Moskau+} auf" in message.text
    assert "am [-3.-] {+4.+} Oktober" in message.text
    assert ">Peking</del>" in message.html
    assert ">Moskau</ins>" in message.html
    assert "~~Peking~~ **Moskau**" in message.chat


def test_the_mark_of_a_correction_is_no_change() -> None:
    corrected = replace(
        ITEM,
        headline=f"WDH/KORREKTUR: {HEADLINE}",
        marks=("WDH", "KORREKTUR"),
        body=BODY.replace("3. Oktober", "4. Oktober"),
    )
    notice = replace(ALERT, kind=DeliveryKind.CORRECTION, item=corrected, previous=ITEM, revision=1)
    message = render(notice, DESK)
    assert "am ~~3.~~ **4.** Oktober" in message.chat
    assert "{+" not in message.text.split("Oktober")[0].replace("{+4.+}", "")


def test_the_subject_of_a_correction_keeps_the_thread_together() -> None:
    marked = replace(ITEM, headline=f"WDH/KORREKTUR: {HEADLINE}", marks=("WDH", "KORREKTUR"))
    corrected = replace(ALERT, kind=DeliveryKind.CORRECTION, item=marked, previous=ITEM, revision=1)
    assert f"CORRECTION: {render(ALERT, DESK).subject}" == render(corrected, DESK).subject


def test_an_update_in_a_chat_points_at_the_first_message() -> None:
    first_at = NOW - timedelta(minutes=22)
    update = replace(ALERT, kind=DeliveryKind.UPDATE, first_at=first_at, revision=1)
    chat = render(update, DESK, base_url="https://monitor.example.org").chat
    assert (
        "↪ Told before (13:40 CET, 24 Nov 2026): [Open in the monitor](https://monitor.example.org/stories/7)"
        in chat
    )
    assert "↪" not in render(replace(update, kind=DeliveryKind.ALERT), DESK).chat


def test_every_text_ends_with_what_the_reader_may_do() -> None:
    links = {
        "acknowledge": "https://monitor.example.org/l/a",
        "unsubscribe": "https://monitor.example.org/l/u",
    }
    for kind in (DeliveryKind.ALERT, DeliveryKind.RETRACTION, DeliveryKind.DIGEST):
        message = render(replace(ALERT, kind=kind, links=links, previous=ITEM), DESK)
        for part in (message.text, message.html):
            assert "https://monitor.example.org/l/a" in part
        assert "I take care of it: https://monitor.example.org/l/a\nUnsubscribe: " in message.text


def test_a_retraction_tells_what_was_told_and_that_it_must_not_be_used() -> None:
    kill = replace(ITEM, headline="Notice: story withdrawn", body="", status=Status.CANCELED)
    notice = replace(
        ALERT,
        kind=DeliveryKind.RETRACTION,
        item=kill,
        previous=ITEM,
        text="The figures were not confirmed.",
        revision=2,
    )
    message = render(notice, DESK)
    assert message.subject == f"RETRACTED: [Nordkorea] {HEADLINE}"
    for part in (message.text, Reader(message.html).text, message.chat):
        assert "withdrew this story" in part
        assert "The figures were not confirmed." in part
        assert HEADLINE in part
    assert "do not use" in message.text.lower()


def test_a_retraction_without_the_earlier_version_can_be_written() -> None:
    notice = replace(ALERT, kind=DeliveryKind.RETRACTION, tellings=())
    assert render(notice, DESK).subject == f"RETRACTED: {HEADLINE}"


def test_a_digest_lists_its_stories_and_counts_the_rest() -> None:
    entries = tuple(
        replace(ALERT, item=replace(ITEM, headline=f"Story number {number}")) for number in range(60)
    )
    digest = Notice(
        kind=DeliveryKind.DIGEST, delivery=5, channel="desk", title="60 stories", entries=entries, now=NOW
    )
    message = render(digest, DESK)
    assert message.subject == "[Nordkorea] 60 stories"
    for part in (message.text, Reader(message.html).text):
        assert "Story number 49" in part
        assert "Story number 50" not in part
        assert "and 10 more stories" in part
    assert len(message.html) < 100_000
    assert len(message.chat) <= CHAT


@pytest.mark.parametrize(
    ("language", "all_of_them", "rest"),
    [
        ("en", "1,200 stories in a short time", "and 1,150 more stories"),
        ("de", "1.200 Meldungen in kurzer Zeit", "und 1.150 weitere Meldungen"),
    ],
)
def test_thousands_are_written_as_in_the_language(language: str, all_of_them: str, rest: str) -> None:
    storm = Notice(
        kind=DeliveryKind.DIGEST,
        delivery=5,
        channel="desk",
        entries=(ALERT,) * 60,
        more=1140,
        gathered="storm",
        language=language,
        now=NOW,
    )
    message = render(storm, DESK)
    assert all_of_them in message.subject
    for part in (message.text, Reader(message.html).text):
        assert all_of_them in part
        assert rest in part


def test_a_chat_message_of_the_monitor_ends_with_a_whole_line() -> None:
    lines = [f"wire {number}: nothing new for {number} h, against its habit" for number in range(60)]
    for shown in (8, 60):
        notice = Notice(kind=DeliveryKind.OPERATOR, delivery=6, channel="desk", title="Blind",
                        text="\n".join(lines[:shown]), now=NOW)  # fmt: skip
        chat = render(notice, DESK).chat
        assert len(chat) <= CHAT
        told = [line.replace("\\", "") for line in chat.splitlines() if line.startswith("wire ")]
        assert told == lines[: len(told)]
        assert len(told) >= 8
        assert (len(told) < shown) == ("…" in chat.splitlines())


def test_a_headline_that_is_cut_says_so() -> None:
    long = replace(ALERT, item=replace(ITEM, headline="Bundestag " + "berät weiter " * 20))
    digest = Notice(kind=DeliveryKind.DIGEST, delivery=5, channel="desk", entries=(long,), now=NOW)
    assert "weiter…" in render(digest, DESK).chat


def test_an_empty_digest_says_so() -> None:
    digest = Notice(
        kind=DeliveryKind.DIGEST, delivery=5, channel="desk", title="No stories since 07:00", now=NOW
    )
    message = render(digest, DESK)
    for part in (message.text, message.html, message.chat):
        assert "Nothing matched." in part


def test_a_test_message_names_channel_and_recipient() -> None:
    test = Notice(kind=DeliveryKind.TEST, delivery=6, channel="desk", recipient="night@example.org", now=NOW)
    message = render(test, DESK)
    assert message.subject == "Test message to desk"
    assert "This channel works: desk, to night@example.org." in message.text


def test_an_operator_message_carries_its_words() -> None:
    notice = Notice(
        kind=DeliveryKind.OPERATOR,
        delivery=6,
        channel="desk",
        title="Source XYZ is silent",
        text="Nothing since 12:00.\n\nIt usually writes every minute.",
        now=NOW,
    )
    message = render(notice, DESK)
    assert message.subject == "Source XYZ is silent"
    assert "It usually writes every minute." in message.text
    assert "It usually writes every minute." in message.html


# As much as a notice can hold, so that every word of a language is needed.
FULL = replace(
    ALERT,
    item=replace(ITEM, embargo_until=NOW + timedelta(hours=2)),
    previous=replace(ITEM, headline="Kim bleibt", status=Status.WITHHELD),
    sightings=tuple(Sighting(source=f"Source {number}", at=NOW) for number in range(9)),
    tellings=(
        replace(
            REISE, evidence=tuple(Evidence("body", n, n + 1, f"w{n}", "t", "near", "list") for n in range(9))
        ),
    ),
    late=timedelta(minutes=20),
    text="Absatz.",
)


@pytest.mark.parametrize("kind", list(DeliveryKind))
@pytest.mark.parametrize("title", ["", "60 Meldungen"])
def test_every_kind_of_message_can_be_written_in_german(kind: DeliveryKind, title: str) -> None:
    entries = (FULL,) * 60 if title else ()
    message = render(replace(FULL, kind=kind, language="de", title=title, entries=entries), DESK)
    for part in (message.subject, message.text, Reader(message.html).text, message.chat):
        for english in ("Matched", "Read", "Rule", "more", "late", "Written", "withdrew", "Nov", "stories"):
            assert english not in part
    assert 'lang="de"' in message.html


def test_a_german_alert_reads_as_a_newsroom_writes() -> None:
    text = render(replace(ALERT, language="de", late=timedelta(minutes=23)), DESK).text
    assert "XYZ Basic · 14:02 MEZ, 24.11.2026 · 23 min verspätet" in text
    assert "Treffer: „Kim“ (Titel, Text), „Auslandsreise“ für Reise (Text, im Kompositum)" in text
    assert "Auch bei:\n  Evening Post" in text


def test_a_language_without_words_falls_back_to_english() -> None:
    assert "Matched" in render(replace(ALERT, language="tlh"), DESK).text


def test_what_the_source_holds_back_says_so() -> None:
    held = replace(ALERT, item=replace(ITEM, status=Status.WITHHELD))
    assert "Withheld by the source" in render(held, DESK).text


EVIL = [
    "<script>alert(1)</script> & \"quotes\" 'single'",
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnirts desrever\u2066",
    "line\r\nBcc: thief@example.org\x00\x1b[31m",
    "**bold** ~~gone~~ [x](javascript:alert(1)) @everyone <!channel>",
    "",
    "A" * 5000,
]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("kind", [kind for kind in DeliveryKind if kind is not DeliveryKind.TEST])
def test_wire_text_is_harmless_in_every_kind_of_message(kind: DeliveryKind, evil: str) -> None:
    item = replace(ITEM, headline=evil, body=f"{evil}\n\n{evil}", link=f"javascript:{evil}", language=evil)
    telling = replace(REISE, rule=evil, evidence=(Evidence("body", 2, 9, evil[2:9], evil, "exact"),))
    notice = replace(
        ALERT,
        kind=kind,
        item=item,
        previous=ITEM,
        source=evil,
        tellings=(telling,),
        title=evil,
        text=evil,
        entries=(replace(ALERT, item=item, tellings=(telling,)),),
    )
    message = render(notice, DESK)
    page = Reader(message.html)
    assert page.foreign == []
    assert len(message.subject) <= SUBJECT
    assert message.subject.isprintable()
    assert len(message.chat) <= CHAT
    assert len(message.html) < 100_000
    assert "49" not in message.subject
    assert not any(control in message.text for control in "\r\x00\x1b\u202e\u2066")
    assert not any(value for value in message.headers.values() if not value.isprintable())
    json.dumps(message.data)


def test_flash_is_marked_as_important() -> None:
    assert render(replace(ALERT, priority=Priority.FLASH), DESK).headers["Importance"] == "high"
    assert render(ALERT, DESK).headers["List-Id"] == "<nordkorea.wire-monitor.invalid>"


# ---------------------------------------------------------------- excerpts and differences


def test_an_excerpt_begins_and_ends_with_a_sentence() -> None:
    pieces = excerpt(BODY, [place(BODY, "Gespräche")])
    assert shown(pieces) == (
        "Über den Inhalt der >Gespräche< wurde zunächst nichts bekannt. "
        "Die Preise für Bahnfahrten blieben unverändert."
    )


@pytest.mark.parametrize(
    "pause", ["am 3. Oktober", "am 13. Oktober", "mit J. Smith", "für die G. m. b. H. Nord"]
)
def test_a_date_or_an_initial_does_not_end_a_sentence(pause: str) -> None:
    text = f"Zuerst etwas anderes. Die Fahrt begann {pause} als Reise nach Norden."
    assert shown(excerpt(text, [place(text, "Reise")], 60)).startswith(
        f"Die Fahrt begann {pause} als >Reise<"
    )


def test_an_excerpt_shows_the_densest_place() -> None:
    text = "Kim. " + "Nothing happens here at all. " * 30 + "Then Kim went on a Reise to see Kim."
    last = text.rindex("Kim")
    evidence = [
        Evidence("body", 0, 3, "Kim", "Kim", "exact"),
        place(text, "Reise"),
        Evidence("body", last, last + 3, "Kim", "Kim", "exact"),
    ]
    assert shown(excerpt(text, evidence)).endswith("Then Kim went on a >Reise< to see >Kim<.")


def test_a_long_sentence_is_cut_between_words() -> None:
    text = "word " * 200 + "Reise " + "word " * 200
    pieces = shown(excerpt(text, [place(text, "Reise")]))
    assert pieces.startswith("… word ")
    assert pieces.endswith(" word …")
    assert ">Reise<" in pieces
    assert len(pieces) < 320


SPANS = st.lists(
    st.tuples(st.integers(-5, 400), st.integers(-5, 400)).map(
        lambda span: Evidence("body", span[0], span[1], "", "", "exact")
    ),
    max_size=6,
)


@given(st.text("ab .!\n\u202e", max_size=300), SPANS, st.integers(1, 300))
def test_an_excerpt_is_part_of_the_text_with_the_marks_where_they_were(
    text: str, evidence: list[Evidence], window: int
) -> None:
    """Law: nothing is added but ellipses, nothing marked that was not found, wherever the spans lie."""

    def flat(words: str) -> str:
        return "".join(words.replace("\u202e", "").split())

    pieces = excerpt(text, evidence, window)
    assert flat("".join(piece.text for piece in pieces).replace("…", "")) in flat(text)
    found = "".join(flat(text[max(e.start, 0) : max(e.end, 0)]) for e in evidence)
    assert all(set(flat(piece.text)) <= set(found) for piece in pieces if piece.mark is Mark.HIT)
    assert flat("".join(piece.text for piece in marked(text, evidence))) == flat(text)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_a_difference_keeps_the_new_and_names_the_old(before: list[str], after: list[str]) -> None:
    """Law: without the removed words it is the new text, where nothing was shortened."""
    pieces = difference(" ".join(before), " ".join(after))
    if before == after:
        assert pieces == ()
    elif not any("…" in piece.text for piece in pieces):
        kept = "".join(piece.text for piece in pieces if piece.mark is not Mark.REMOVED)
        assert kept.split() == after


# ---------------------------------------------------------------- the terminal


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_whole_lines_with_the_words_marked() -> None:
    stream = io.StringIO()
    outcome = Console(stream).send(render(ALERT, DESK), "")
    assert outcome.verdict is Verdict.SENT
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"┃ [Nordkorea] {HEADLINE}"
    assert "\x1b" not in stream.getvalue()
    assert any(">Auslandsreise< aufgebrochen" in line for line in lines)
    assert "┃ https://wire.example.org/kim?id=1&x=%282%29" in lines


def test_a_terminal_gets_80_columns_and_inverted_words() -> None:
    stream = Terminal()
    Console(stream).send(render(ALERT, DESK), "")
    text = stream.getvalue()
    assert "\x1b[7mAuslandsreise\x1b[0m" in text
    plain = text.replace("\x1b[1m", "").replace("\x1b[7m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert all(len(line) <= 80 for line in plain.splitlines())
    assert "Pjöngjang" in plain


def test_a_headline_cannot_color_the_terminal() -> None:
    evil = replace(ALERT, item=replace(ITEM, headline="\x1b[31mred\x07"))
    assert "\x1b[31m" not in block(render(evil, DESK), styled=True)


def test_a_terminal_without_umlauts_shows_the_message_all_the_same() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    assert Console(stream).send(Message(id="a@b", subject="x", text="Grüße"), "").verdict is Verdict.SENT
    assert b"Gr??e" in raw.getvalue()


def test_a_closed_stream_is_a_failure_and_no_exception() -> None:
    stream = io.StringIO()
    stream.close()
    assert Console(stream).send(render(ALERT, DESK), "").verdict is Verdict.TRANSIENT
