"""The live rules follow the stored ones, change by change."""

from __future__ import annotations

from service.model import Item, Rule
from service.rules.watchlist import Watchlist
from service.text.morphology import Morphology


def rule(number: int, query: str, *, enabled: bool = True, language: str = "", version: int = 1) -> Rule:
    return Rule(
        id=number, name=f"rule-{number}", query=query, enabled=enabled, language=language, version=version
    )


def told(watchlist: Watchlist, text: str, *, language: str = "de", source: str = "dpa") -> list[int]:
    item = Item(headline=text, language=language)
    return [each.id for each, evidence in watchlist.match(item, source) if evidence]


def test_rules_match_from_the_next_item_on(morphology: Morphology) -> None:
    watchlist = Watchlist(morphology)
    assert not told(watchlist, "Kim auf Auslandsreise")
    watchlist.update([rule(1, "Kim + Reise"), rule(2, "Xi"), rule(3, "source:dpa")], (), {})
    assert [1, 3] == told(watchlist, "Kim auf Auslandsreise")
    assert [1] == told(watchlist, "Kim auf Auslandsreise", source="afp")
    watchlist.update([rule(2, "Auslandsreise", version=2)], [3], {})
    assert [1, 2] == told(watchlist, "Kim auf Auslandsreise")
    assert {1, 2} == set(watchlist.rules)
    assert 2 == watchlist.rules[2].version


def test_a_match_brings_the_rule_as_it_was_stored(morphology: Morphology) -> None:
    watchlist = Watchlist(morphology)
    stored = rule(4, '"Kim Jong Un"', version=3)
    watchlist.update([stored], (), {})
    ((matched, evidence),) = watchlist.match(Item(headline="Kim Jong-uns Zug", language="de"), "dpa")
    assert stored == matched
    assert ["Kim Jong-uns"] == [one.text for one in evidence]


def test_a_disabled_rule_is_dropped(morphology: Morphology) -> None:
    watchlist = Watchlist(morphology)
    watchlist.update([rule(1, "Kim")], (), {})
    watchlist.update([rule(1, "Kim", enabled=False)], (), {})
    assert not told(watchlist, "Kim")
    assert not watchlist.rules


def test_a_rule_lends_its_language_to_items_that_do_not_say_theirs(morphology: Morphology) -> None:
    watchlist = Watchlist(morphology)
    watchlist.update([rule(1, "Reise", language="de"), rule(2, "Reise")], (), {})
    assert [1] == told(watchlist, "Auslandsreise", language="")
    assert [1, 2] == told(watchlist, "Auslandsreise", language="de")
    assert not told(watchlist, "Auslandsreise", language="en")


def test_a_changed_list_changes_the_rules_that_name_it(morphology: Morphology) -> None:
    watchlist = Watchlist(morphology)
    lists = {"kim": ["Kim Jong Un"], "korea": ["@kim", "Seoul"]}
    watchlist.update([rule(1, "@korea"), rule(2, "Kim")], (), lists)
    assert [2] == told(watchlist, "Kim Dschong Un")
    watchlist.update((), (), {**lists, "kim": ["Kim Jong Un", "Kim Dschong Un"]})
    assert [1, 2] == told(watchlist, "Kim Dschong Un")
    watchlist.update((), (), lists)
    assert [2] == told(watchlist, "Kim Dschong Un")


def test_a_rule_whose_list_has_gone_is_reported_until_it_is_back(morphology: Morphology) -> None:
    watchlist = Watchlist(morphology)
    watchlist.update([rule(1, "@kim"), rule(2, "Kim"), rule(3, "Kim (")], (), {"kim": ["Kim"]})
    assert {3} == set(watchlist.broken)
    watchlist.update((), (), {})
    assert {1, 3} == set(watchlist.broken)
    assert "no list is named 'kim'" in watchlist.broken[1]
    assert [2] == told(watchlist, "Kim")
    watchlist.update((), (), {"kim": ["Kim"]})
    assert {3} == set(watchlist.broken)
    assert [1, 2] == told(watchlist, "Kim")
    watchlist.update((), [3], {"kim": ["Kim"]})
    assert not watchlist.broken


def test_the_canonical_text_of_the_longest_query_is_still_read(morphology: Morphology) -> None:
    """What was typed within the bound may be written back beyond it."""
    watchlist = Watchlist(morphology)
    watchlist.update([rule(1, " + ".join(["Kim"] * 1024))], (), {})
    assert not watchlist.broken
    assert [1] == told(watchlist, "Kim")


def test_rules_are_counted_and_failures_told(morphology: Morphology) -> None:
    watchlist = Watchlist(morphology)
    watchlist.update([rule(1, '"Kim Zug"')], (), {})
    told(watchlist, "Zug: Kim")
    told(watchlist, "Kim Zug")
    assert (2, 1) == watchlist.counters[1]
    assert not watchlist.failures
