"""What a query means: every form of the language on short items, and where it says that it hit."""

from __future__ import annotations

import pytest

from service.model import Evidence, Instrument, Item
from service.rules.document import Document
from service.rules.grammar import parse
from service.rules.index import evaluate
from service.text.morphology import Morphology

LISTS = {"kim": ["Kim Jong Un", "Kim Dschong Un", "김정은"], "depot": ["DE0007164600", "DE000BASF111"]}

TRIP = Item(
    headline="Sonderzug des nordkoreanischen Machthabers in Peking eingetroffen",
    body="""PEKING - Der grün-gelbe Sonderzug rollte am Dienstagnachmittag in den Hauptbahnhof ein.

Kim Jong Un bricht nur selten zu einer Auslandsreise auf. Begleitet wird er diesmal von Außenministerin
Choe Son Hui und mehreren Fachleuten für Raketentechnik.

Am Mittwoch will der Staatschef an der Parade in der chinesischen Hauptstadt teilnehmen, teilte das
Außenministerium mit. Es wäre seine erste Begegnung mit so vielen Staatsgästen.""",
    language="de",
    places=("Peking",),
)
MARKETS = Item(
    headline="Preise für Kartoffeln ziehen in vielen Landkreisen an",
    body="""Nach der trockenen Witterung sind die Preise ab Hof binnen einer Woche um acht Prozent gestiegen.

Besonders deutlich fiel der Aufschlag in den Landkreisen Uelzen und Celle aus. In Südkorea, wo
Kim Jong Un zuletzt als Karikatur auf Chipstüten zu sehen war, verteuerten sich Importe.""",
    language="de",
)


def hits(
    query: str, item: Item, morphology: Morphology, *, source: str = "", language: str = ""
) -> list[Evidence]:
    """The evidence, or nothing; and the law that every hit has some, within the original text."""
    document = Document.of(item, morphology, source=source, language=language)
    found = evaluate(parse(query, LISTS), document, language)
    assert found is None or found
    texts = {
        "title": item.headline,
        "body": item.body,
        "place": ", ".join(item.places),
        "author": item.byline,
    }
    for one in found or ():
        assert one.field not in texts or texts[one.field][one.start : one.end] == one.text
    return list(found or ())


def test_a_journey_abroad_is_told_and_prices_in_the_districts_are_not(morphology: Morphology) -> None:
    """The query that began it all."""
    query = '"Kim Jong Un" + "Reise"'
    told = hits(query, TRIP, morphology)
    assert [("Kim Jong Un", "phrase"), ("Auslandsreise", "compound")] == [(one.text, one.how) for one in told]
    assert "Reise" not in TRIP.body.replace("Auslandsreise", "")
    assert not hits(query, MARKETS, morphology)


@pytest.mark.parametrize(
    ("query", "text", "language", "hit"),
    [
        # the truth table
        ('"Kim Jong Un" + "Reise"', "Kim Jong Un bricht zu einer Auslandsreise auf", "de", True),
        ('"Kim Jong Un" + "Reise"', "Kim Jong Un lässt die Preise in den Landkreisen senken", "de", False),
        ('"Kim Jong Un" Reise', "Die Reisen Kim Jong-uns sind selten", "de", True),
        ("Zins -EZB", "Leitzinsen: EZB wartet ab", "de", False),
        ("Zins -EZB", "Bauzinsen steigen", "de", True),
        ("==WHO", "Who is next?", "en", False),
        ("2 of (Öl, Gas, Kohle)", "Ölpreis und Gaspreis fallen", "de", True),
        ("2 of (Öl, Gas, Kohle)", "Der Ölpreis fällt", "de", False),
        ("Kim NEAR/7 Peking", "Kim traf am Montag mit dem Zug in Peking ein", "de", False),
        ("Kim NEAR/8 Peking", "Kim traf am Montag mit dem Zug in Peking ein", "de", True),
        ("K+S", "Der Kaliproduzent K+S hebt die Prognose", "de", True),
        ('"S&P 500"', "Der S&P 500 schließt fester", "de", True),
        ("Außenminister", "Aussenministerin Choe reist mit", "de", True),
        ("Zins + -EZB", "Bauzinsen steigen", "de", True),
        ("Pjöngjang", "Reise nach Pjoengjang", "de", True),
        ("金正恩", "朝鲜领导人金正恩抵达北京", "zh", True),
        # words
        ("Reise", "Eine Reise", "de", True),
        ('"Reise"', "Auf Reisen", "de", True),
        ("Reise", "Das Reiseverbot", "de", True),
        ("Reise", "Die Nordkorea-Reise", "de", True),
        ("Reise", "Preise, Kreise, Greis", "de", False),
        ("reise", "Eine Auslandsreise", "de", True),
        ("Öl", "Die Politik", "de", False),
        ("Nordkorea", "Nord-Korea droht", "de", True),
        ("Nordkorea", "Nord Korea droht", "de", False),
        ("Nordkorea-Reise", "Die Nordkoreareise", "de", True),
        ("Nordkorea-Reise", "Die Nordkorea-Reisen", "de", True),
        ("Nordkorea-Reise", "Reise nach Nordkorea", "de", False),
        ("dpa-AFX", "Wie dpa-AFX meldet", "de", True),
        ("AT&T", "AT & T", "en", True),
        ("Reise", "Auslandsreise", "", False),
        ("Reise", "REISE", "", True),
        ("élection", "Les elections", "fr", True),
        ("김정은", "김정은이 베이징에", "ko", True),
        ("김정은", "새김정은", "ko", False),
        ("北京", "抵达北京", "", True),
        ("京北", "抵达北京", "", False),
        # folding
        ("Straße", "STRASSE", "", True),
        ("Mueller", "Müller", "", True),
        ("Muller", "Müller", "", False),
        ("Bundeskanzler", "Bundes\u00adkanzler", "", True),
        ("Müller", "Mu\u0308ller", "", True),
        # phrases
        ('"Kim Jong Un"', "Kim Jong-un", "de", True),
        ('"Kim Jong Un"', "KIM JONG UN", "de", True),
        ('"Kim Jong Un"', "Kim Jong Uns Zug", "de", True),
        ('"Kim Jong Un"', "Kim Jong Un's train", "en", True),
        ('"Kim Jong Un"', "Kim/Jong–Un", "", True),
        ('"Kim Jong Un"', "Kim Jong Uns", "", True),
        ('"Kim Jong Un"', "Kim Yong Un", "de", False),
        ('"Kim Jong Un"', "Kim Jong Unterhändler", "de", False),
        ('"Kim Jong Un"', "Kim Jong. Der Un", "de", False),
        ('"Deutsche Bank"', "der Deutschen Bank", "de", True),
        ('"Deutsche Bank"', "Deutsche-Bank-Chef", "de", True),
        ('"Deutsche Bank"', "Deutsche Bankchefs", "de", False),
        # exact forms
        ("=Reise", "REISE", "de", True),
        ("=Reise", "Reisen und Auslandsreise", "de", False),
        ('="Kim Jong Un"', "kim jong-un", "de", True),
        ('="Kim Jong Un"', "Kim Jong Uns", "de", False),
        ("==WHO", "Die WHO warnt", "de", True),
        ("==WHO", "Die Who", "de", False),
        ("==Müller", "Mu\u0308ller", "de", True),
        ("==Mueller", "Müller", "de", False),
        ('=="Die Zeit"', "die Zeit", "de", False),
        # wildcards
        ("Nordkorea*", "Nordkoreas Führung", "de", True),
        ("Nordkorea*", "Nord-Koreas Führung", "de", True),
        ("Nordkorea*", "In Südnordkorea", "de", False),
        ("*minister", "Der Außenminister", "de", True),
        ("*minister", "Die Ministerin", "de", False),
        ("*zins*", "Leitzinserhöhung", "de", True),
        ("*zins*", "Der Ziegel", "de", False),
        ('"Kim Jong Unter*"', "Kim Jong Unterhändler", "de", True),
        ('"Kim Jong Unter*"', "Kim Unterhändler", "de", False),
        # expressions
        ("/DE[0-9A-Z]{10}/", "ISIN DE000BASF111", "de", True),
        ("/DE[0-9A-Z]{10}/", "ISIN de000basf111", "de", False),
        (r"/\bUn\b/", "Kim Jong Un", "de", True),
        (r"/\b/", "Kim", "de", False),
        ("/€ ?[0-9]+/", "für € 5", "de", True),
        # distance
        ('"Kim Peking"~8', "In Peking traf Kim ein", "de", True),
        ('"Kim Peking"~2', "In Peking traf am Abend Kim ein", "de", False),
        ('"Kim Kim"~3', "Kim kam", "de", False),
        ('"Kim Kim"~3', "Kim und Kim", "de", True),
        ("Kim NEAR/8 Peking", "Peking empfängt Kim", "de", True),
        ("Kim BEFORE/8 Peking", "Peking empfängt Kim", "de", False),
        ("Kim BEFORE/8 Kim", "Kim", "de", False),
        ("Kim BEFORE/8 Kim", "Kim trifft Kim", "de", True),
        ("Kim BEFORE/2 Peking", "Kim in Peking", "de", True),
        ("Kim BEFORE/4 Peking NEAR/1 Zug", "Kim fährt Zug in Peking", "de", True),
        ("Kim BEFORE/4 Peking NEAR/1 Xi", "Xi sah Kim in Peking", "de", False),
        ("Kim BEFORE/4 Peking NEAR/2 Xi", "Xi sah Kim in Peking", "de", True),
        ("Kim NEAR/3 Zug NEAR/1 Xi", "Xi und Kim: Kim Zug", "de", False),
        ("Kim NEAR/3 Zug NEAR/1 Xi", "Xi Kim und Kim Zug", "de", True),
        ("(Kim | Xi) NEAR/2 Peking", "Xi in Peking", "de", True),
        ("@kim NEAR/2 Peking", "Kim Dschong Un in Peking", "de", True),
        ("/K.m/ NEAR/2 Peking", "Kim in Peking", "de", True),
        ('"Kim Jong Un" NEAR/2 Peking', "Peking: Kim Jong Un", "de", True),
        # together
        ("@kim", "김정은이 베이징에", "ko", True),
        ("Kim -Reise", "Kim auf Auslandsreise", "de", False),
        ("Kim (Xi | Putin)", "Kim und Putin", "de", True),
        ("Kim (Xi | Putin)", "Kim", "de", False),
        ("Kim (-Xi | Putin)", "Kim", "de", True),
        ("Kim -(Xi Putin)", "Kim trifft Xi", "de", True),
        ("2 of (Kim, Xi Putin, Trump)", "Kim sieht Xi und Putin", "de", True),
    ],
)
def test_a_query_hits_what_it_means(
    query: str, text: str, language: str, hit: bool, morphology: Morphology
) -> None:
    found = hits(query, Item(headline="", body=text, language=language), morphology)
    assert hit == bool(found)


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("title:Kim", False),
        ("title:Xi", True),
        ("lead:Gäste", True),
        ("lead:Kim", False),
        ("body:Kim body:Gäste", True),
        ("body:Xi", False),
        ("place:Peking", True),
        ("Peking", True),
        ("text:Peking", True),
        ("body:Peking", False),
        ("author:Maier", True),
        ("author:*aier", True),
        ("author:/Ma.er/", True),
        ("author:@kim", False),
        ("Maier", False),
        ("title:(Xi OR Kim)", True),
        ("title:(Xi Kim)", False),
        ("title:2 of (Xi, Gast, Kim)", True),
        ("title:(Xi NEAR/2 Gast)", True),
        ("Gäste NEAR/99 Kim", True),
        ("Xi NEAR/99 Kim", False),
        ('"Gäste Sie"', False),
        ("source:dpa", True),
        ("source:DPA", True),
        ("source:dp", False),
        ("source:(afp | dpa)", True),
        ("agency:dpa-AFX", True),
        ("category:Politik", True),
        ('category:"Außenpolitik Asien"', True),
        ("genre:Überblick", True),
        ("genre:ueberblick", True),
        ("lang:de", True),
        ("lang:en", False),
        ("isin:de0007164600", True),
        ("isin:@depot", True),
        ("wkn:716460", True),
        ("ticker:SAP", False),
        ("url:/politik/", True),
        ("url:POLITIK", True),
        ("url:/sport/", False),
        ("urgency:2", True),
        ("urgency:<=3", True),
        ("urgency:>2", False),
        ("Kim source:dpa -lang:en", True),
        ("Kim -url:politik", False),
    ],
)
def test_a_field_is_looked_at_alone(query: str, hit: bool, morphology: Morphology) -> None:
    item = Item(
        headline="Xi empfängt Gäste",
        body="Sie sind Gäste aus Asien.\n\nKim kommt mit dem Zug.",
        language="de-DE",
        places=("Peking", "Seoul"),
        agency="dpa-AFX",
        byline="Von Jo Maier",
        subjects=("Politik",),
        keywords=("Außenpolitik Asien",),
        genre="Überblick",
        instruments=(Instrument("isin", "DE0007164600"), Instrument("wkn", "716460")),
        link="https://example.com/Politik/1",
        urgency=2,
    )
    assert hit == bool(hits(query, item, morphology, source="dpa"))


def test_an_item_of_unknown_language_is_read_in_the_language_of_the_rule(morphology: Morphology) -> None:
    unknown = Item(headline="Kim auf Auslandsreise")
    assert not hits("Reise", unknown, morphology)
    assert hits("Reise", unknown, morphology, language="de")
    english = Item(headline="Kim auf Auslandsreise", language="en")
    assert not hits("Reise", english, morphology, language="de")


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("Reise", "Reise, Reisen", [("Reise", "exact"), ("Reisen", "inflection")]),
        ("Reise", "Auslandsreise", [("Auslandsreise", "compound")]),
        ("Nordkorea", "Nord-Korea-Reise", [("Nord-Korea", "exact")]),
        ('"Kim Jong Un"', "Kim Jong-uns", [("Kim Jong-uns", "phrase")]),
        ("Zug NEAR/2 Kim", "Kim im Zug. Er, Kim", [("Kim", "near"), ("Kim", "near"), ("Zug", "near")]),
        ('"Zug Kim"~2', "Kim im Zug", [("Kim im Zug", "near")]),
        ("*zug*", "Sonderzüge, Zugfahrt", [("Zugfahrt", "wildcard")]),
        ("/[0-9]+ ?%/", "um 3 % und 12%", [("3 %", "regex"), ("12%", "regex")]),
        ("金正恩", "朝鲜金正恩", [("金正恩", "substring")]),
        ("=reise", "Reise", [("Reise", "exact")]),
        ("==Reise", "Reise reise", [("Reise", "exact")]),
        ("Kim -Xi", "Kim", [("Kim", "exact")]),
        ("Kim (Xi | Zug)", "Kim im Zug", [("Kim", "exact"), ("Zug", "exact")]),
        ("Kim | Kim Zug", "Kim im Zug", [("Kim", "exact"), ("Zug", "exact")]),
        ("2 of (Kim, Xi, Zug)", "Kim im Zug", [("Kim", "exact"), ("Zug", "exact")]),
        ("lead:Kim", "Kim", [("Kim", "exact")]),
    ],
)  # fmt: skip
def test_a_hit_says_where_and_how(
    query: str, text: str, expected: list[tuple[str, str]], morphology: Morphology
) -> None:
    found = hits(query, Item(headline="", body=text, language="de"), morphology)
    assert sorted(expected) == sorted((one.text, one.how) for one in found)
    assert {"body"} == {one.field for one in found}


def test_a_list_adds_its_name_and_a_field_by_value_its_value(morphology: Morphology) -> None:
    item = Item(headline="Kim Dschong Un", language="de", link="https://example.com/a")
    assert hits("@kim", item, morphology) == [
        Evidence("title", 0, 14, "Kim Dschong Un", "Kim Dschong Un", "phrase", "kim")
    ]
    near = hits("@kim NEAR/2 Zug", Item(headline="Kim Jong Uns Zug"), morphology)
    assert [("Kim Jong Uns", "near", "kim"), ("Zug", "near", "")] == [
        (one.text, one.how, one.list) for one in near
    ]
    assert hits("source:dpa url:example", item, morphology, source="DPA") == [
        Evidence("source", 0, 3, "DPA", "source:dpa", "value"),
        Evidence("url", 8, 15, "example", "url:example", "substring"),
    ]


def test_a_term_reports_each_place_once_and_twenty_at_most(morphology: Morphology) -> None:
    item = Item(headline="", body="Kim " * 50)
    assert len(hits("Kim", item, morphology)) == 20
    assert len(hits("Kim Kim | Kim", Item(headline="Kim und Kim"), morphology)) == 2


@pytest.mark.parametrize(
    "query", ["Kim", '"Kim Xi"', "=Kim", "==Kim", "*kim*", "/./", "Kim NEAR/9 Xi", "author:/./"]
)
@pytest.mark.parametrize(
    "text", ["", " \n\n ", "\ud800 Kim \udfff", "ﷺ", "\u0301\u200b", "½ ² Kim", "İ" * 99, "a" * 9999]
)
def test_no_text_breaks_a_query(query: str, text: str, morphology: Morphology) -> None:
    hits(query, Item(headline=text, body=text, byline=text, language="de"), morphology)
