"""The watchlist in git: `monitor apply` makes the desk what a file says, all of it or nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from service.model import Exit
from tests.newsroom import PRICES, TRIP, newsroom
from tests.shell import COMMAND, DEADLINE, HERE, Answer, Shell

WATCHLIST = """
[rules.kim]
query = '@kim + Reise'
to = ["mail:night", "desk"]
priority = "flash"

[rules.zins]
query = "Zins -EZB"
to = ["desk"]

[lists.kim]
terms = ["Kim Jong Un", "@dprk"]

[lists.dprk]
terms = ["Nordkorea"]

[groups.night]
members = ["ben", "anna"]

[people.anna]
addresses = ["mail:anna@example.org"]
lang = "de"

[people.ben]
addresses = ["mail:ben@example.org"]

[sources.portal]
url = "https://portal.example/news.rss"
every = "60s"
tags = ["politics"]
"""


class Desk:
    """A desk in a folder, and its file."""

    def __init__(self, folder: Path) -> None:
        self.monitor, self.file = Shell(folder), folder / "watchlist.toml"
        self.monitor.configure(desk="console://", mail="smtp://127.0.0.1:9?from=a@example.org")

    def apply(self, text: str, *options: str) -> Answer:
        self.file.write_text(text, encoding="utf-8")
        return self.monitor("apply", str(self.file), *options)

    def steps(self, text: str, *options: str) -> list[tuple[str, str, str]]:
        answer = self.apply(text, "--json", *options)
        return [(one["change"], one["kind"], one["name"]) for one in answer.json]

    def ask(self, *words: str) -> Any:
        return self.monitor("--json", *words).json

    def named(self, *words: str) -> list[str]:
        return [one["name"] for one in self.ask(*words)]

    @property
    def state(self) -> Any:
        return [self.ask(f"list-{noun}") for noun in ("rules", "lists", "people", "sources", "changes")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk for what is refused, which leaves it as it is."""
    return Desk(tmp_path_factory.mktemp("empty"))


# ---------------------------------------------------------------- what it does


def test_a_desk_becomes_what_its_file_says_whatever_the_order_of_its_parts(desk: Desk) -> None:
    assert desk.apply(WATCHLIST).out.splitlines() == [
        "+ sources.portal  https://portal.example/news.rss, every 1m, tags politics",
        "+ people.anna     mail:anna@example.org, lang de",
        "+ people.ben      mail:ben@example.org",
        "+ groups.night    anna, ben",
        "+ lists.kim       Kim Jong Un, @dprk",
        "+ lists.dprk      Nordkorea",
        "+ rules.kim       @kim + Reise, to mail:night, desk, priority flash",
        "+ rules.zins      Zins -EZB, to desk",
        "8 added, 0 changed, 0 removed",
    ]
    [kim, zins] = desk.ask("list-rules")
    assert ("@kim + Reise", ["mail:night", "desk"], "flash") == (
        kim["query"], kim["channels"], kim["priority"]
    )  # fmt: skip
    assert ("zins", 1, True) == (zins["name"], zins["version"], zins["enabled"])
    [portal] = desk.ask("list-sources")
    assert ("1m", ["politics"], "ok") == (portal["every"], portal["tags"], portal["state"])
    assert portal["next_poll_at"]
    people = desk.ask("list-people")
    assert [{"name": "night", "members": ["anna", "ben"]}] == people["groups"]


def test_a_second_run_has_nothing_to_do_and_changes_no_version(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    before = desk.state
    assert "nothing to do\n" == desk.apply(WATCHLIST).out
    assert [] == desk.steps(WATCHLIST, "--remove")
    assert before == desk.state


def test_a_change_is_shown_key_by_key(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    changed = WATCHLIST.replace("flash", "high").replace('["desk"]', '["desk", "mail:anna"]')
    answer = desk.apply(changed.replace('"60s"', '"5m"').replace("Nordkorea", "DPRK"))
    assert answer.out.splitlines() == [
        "~ sources.portal",
        "    every  1m → 5m",
        "~ lists.dprk",
        "    terms  Nordkorea → DPRK",
        "~ rules.kim",
        "    priority  flash → high",
        "~ rules.zins",
        "    to  desk → desk, mail:anna",
        "0 added, 4 changed, 0 removed",
    ]
    assert [2, 2] == [one["version"] for one in desk.ask("list-rules")]


def test_of_a_long_list_what_came_and_went_is_shown(desk: Desk) -> None:
    def words(*names: str) -> str:
        return f"[lists.many]\nterms = {list(names)}"

    many = [f"Wort{number}" for number in range(9)]
    assert "… and 3 more" in desk.apply(words(*many)).out
    assert "    terms  + neu, - Wort3\n" in desk.apply(words(*many[:3], *many[4:], "neu")).out
    assert "in another order" in desk.apply(words("neu", *many[4:], *many[:3])).out


def test_long_queries_are_compared_one_below_the_other(desk: Desk) -> None:
    long = "Reise | Besuch | Treffen | Gipfel | Staatsbesuch"
    desk.apply(f'[rules.x]\nquery = "{long}"\nto = ["desk"]')
    answer = desk.apply(f'[rules.x]\nquery = "{long} | Fahrt"\nto = ["desk"]')
    assert f"    query  - {long}\n           + {long} | Fahrt\n" in answer.out


def test_a_key_that_is_left_out_has_its_default(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    desk.apply(WATCHLIST.replace('priority = "flash"\n', "").replace('every = "60s"\n', ""))
    assert "normal" == desk.ask("list-rules")[0]["priority"]
    assert desk.ask("list-sources")[0]["every"] is None


def test_a_rehearsal_shows_the_same_and_changes_nothing(desk: Desk) -> None:
    before = desk.state
    rehearsed = desk.steps(WATCHLIST, "--dry-run")
    assert "8 to add, 0 to change, 0 to remove (a dry run)" in desk.apply(WATCHLIST, "--dry-run").out
    assert before == desk.state
    assert rehearsed == desk.steps(WATCHLIST)


def test_what_the_file_does_not_name_stays(desk: Desk) -> None:
    desk.monitor("add-rule", "Streik", "--name", "streik", "--to", "desk")
    desk.apply(WATCHLIST)
    assert ["kim", "streik", "zins"] == desk.named("list-rules")


def test_what_left_the_file_is_named_and_goes_when_that_was_asked_for(desk: Desk) -> None:
    desk.monitor("add-rule", "Streik", "--name", "streik", "--to", "desk")
    desk.apply(WATCHLIST)
    shorter = WATCHLIST.replace(WATCHLIST[: WATCHLIST.index("[rules.zins]")], "")
    answer = desk.apply(shorter)
    assert "nothing to do\n" == answer.out
    assert "(--remove takes it off): rules.kim\n" in answer.err
    assert [("removed", "rule", "kim")] == desk.steps(shorter, "--remove", "--dry-run")
    assert (
        "- rules.kim  @kim + Reise, to mail:night, desk, priority flash"
        in desk.apply(shorter, "--remove").out
    )
    assert ["streik", "zins"] == desk.named("list-rules")
    assert [] == desk.steps(shorter, "--remove")


def test_all_of_a_file_goes_in_an_order_that_holds(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    assert 8 == len(desk.steps("", "--remove"))
    assert [[], [], {"people": [], "groups": []}, []] == desk.state[:4]


def test_a_thing_belongs_to_the_file_that_named_it_last(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    other = desk.file.with_name("economy.toml")
    other.write_text('[rules.zins]\nquery = "Zins -EZB"\nto = ["desk"]', encoding="utf-8")
    assert "nothing to do\n" == desk.monitor("apply", str(other)).out
    kept = {name for _, _, name in desk.steps("", "--remove", "--dry-run")}
    assert ("zins" in kept, "kim" in kept) == (False, True)
    other.write_text("", encoding="utf-8")
    assert "- rules.zins" in desk.monitor("apply", str(other), "--remove").out


def test_what_others_need_is_not_taken_off(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    desk.monitor("add-rule", "@dprk + Rakete", "--name", "rakete", "--to", "mail:anna")
    before = desk.state
    without = WATCHLIST.replace('[lists.dprk]\nterms = ["Nordkorea"]', "").replace(', "@dprk"', "")
    answer = desk.apply(without, "--remove")
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    assert "monitor: watchlist.toml: lists.dprk: @dprk is used by the rule 'rakete'\n" == answer.err
    gone = re.sub(r"\[people.anna\]\n.*\n.*\n", "", WATCHLIST).replace('"ben", "anna"', '"ben"')
    assert "people.anna: the person anna is told by the rule 'rakete'" in desk.apply(gone, "--remove").err
    assert before == desk.state


# ---------------------------------------------------------------- renames


def test_a_source_is_known_by_its_address_and_renamed_with_its_history(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    before = desk.ask("list-sources")[0]
    answer = desk.apply(WATCHLIST.replace("sources.portal", "sources.news"), "--remove")
    assert "~ sources.news\n    name  portal → news\n" in answer.out
    [after] = desk.ask("list-sources")
    assert ("news", before["url"]) == (after["name"], after["url"])
    assert "nothing to do\n" == desk.apply(desk.file.read_text(encoding="utf-8"), "--remove").out


def test_sources_change_their_names_for_each_other(desk: Desk) -> None:
    def pair(first: str, second: str) -> str:
        return "".join(
            f'[sources.{name}]\nurl = "https://{host}.example/rss"\n'
            for name, host in ((first, "nord"), (second, "sued"))
        )

    desk.apply(pair("a", "b"))
    desk.apply(pair("b", "a"))
    assert {"b": "https://nord.example/rss", "a": "https://sued.example/rss"} == {
        one["name"]: one["url"] for one in desk.ask("list-sources")
    }
    desk.apply(pair("a", "c"))
    assert ["a", "c"] == desk.named("list-sources")


def test_an_address_that_another_source_has_is_refused_with_the_way_out(desk: Desk) -> None:
    desk.monitor("add-source", "https://nord.example/rss", "--name", "nord")
    desk.monitor("add-source", "https://sued.example/rss", "--name", "sued")
    answer = desk.apply('[sources.nord]\nurl = "https://sued.example/rss"')
    assert Exit.USAGE == answer.code
    assert "sources.nord.url: is polled already, as sued (`monitor remove-source sued`" in answer.err
    twice = '[sources.a]\nurl = "https://x.example/"\n[sources.b]\nurl = "HTTPS://x.example"'
    assert "sources.b.url: https://x.example/ is the address of [sources.a], too" in desk.apply(twice).err


# ---------------------------------------------------------------- by hand, and switches


def test_what_was_changed_by_hand_is_said_before_it_is_put_back(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    desk.monitor("edit-rule", "kim", "--priority", "low")
    desk.monitor("remove-rule", "zins")
    answer = desk.apply(WATCHLIST)
    who = desk.ask("list-changes")[0]["who"]
    assert re.search(
        rf"~ rules.kim\n    priority  low → flash\n    last by hand: {who}, edit-rule, 20..-..-.. ..:..\n",
        answer.out,
    )
    assert re.search(rf"\+ rules.zins .*\n    last by hand: {who}, remove-rule, 20", answer.out)
    assert "by hand" not in desk.apply(WATCHLIST.replace("flash", "high")).out


def test_what_was_switched_at_the_desk_stays_where_the_file_does_not_speak_of_it(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    desk.monitor("pause-source", "portal")
    desk.monitor("disable-rule", "kim")
    assert [] == desk.steps(WATCHLIST)
    said = WATCHLIST.replace('priority = "flash"', "enabled = true").replace('"60s"', '"60s"\npaused = false')
    answer = desk.apply(said)
    assert "    paused  true → false\n    last by hand: " in answer.out
    assert "    enabled   false → true\n" in answer.out
    assert ("ok", True) == (desk.ask("list-sources")[0]["state"], desk.ask("list-rules")[0]["enabled"])
    desk.apply(said.replace("enabled = true", "enabled = false").replace("paused = false", "paused = true"))
    assert ("paused", False) == (
        desk.ask("list-sources")[0]["state"], desk.ask("list-rules")[0]["enabled"]
    )  # fmt: skip


def test_the_record_has_each_change_under_its_author(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    desk.apply(WATCHLIST.replace("flash", "low"))
    newest, *others = desk.ask("list-changes")
    assert ("edit-rule", "kim", {"priority": "low", "file": "watchlist.toml"}) == (
        newest["what"], newest["subject"], newest["detail"]
    )  # fmt: skip
    assert {"add-rule", "add-source", "add-list", "add-person", "add-group"} == {
        one["what"] for one in others
    }
    assert {newest["who"]} == {one["who"] for one in others}
    assert newest["who"] == desk.ask("show-rule", "kim")["changed_by"]


# ---------------------------------------------------------------- refused

REFUSED = {
    "a key nobody knows": ('[rules.x]\nquerry = "Kim"', "rules.x.querry: unknown key (did you mean query?)"),
    "a kind nobody knows": ('[rule.x]\nquery = "Kim"', "rule: unknown key (did you mean rules?)"),
    "a rule without a query": ('[rules.x]\nto = ["desk"]', "rules.x: lacks query (write query = …)"),
    "a number": ("[rules.x]\nquery = 5", "rules.x.query: expected a text, got a number"),
    "a text for a list": ('[rules.x]\nquery = "Kim"\nto = "desk"', "rules.x.to: expected a list, got a text"),
    "no tables": ("rules = 5", "rules: expected tables, as in [rules.NAME]"),
    "no table": ('[rules]\nx = "Kim"', "rules.x: expected a table, as in [rules.x]"),
    "an unknown channel": ('[rules.x]\nquery = "Kim"\nto = ["fax"]', "rules.x.to: no channel named 'fax'"),
    "nobody": ('[rules.x]\nquery = "Kim"\nto = ["mail:anna"]', "rules.x.to: mail:anna: no person"),
    "no channel": ('[rules.x]\nquery = "Kim"', "rules.x.to: say whom to tell"),
    "no priority": ('[rules.x]\nquery = "Kim"\npriority = "urgent"', "is none of flash, high, normal, low"),
    "no occasion": ('[rules.x]\nquery = "Kim"\non = "all"', "rules.x: on: 'all' is none of new, updates"),
    "no digest": ('[rules.x]\nquery = "Kim"\nto = ["desk"]\ndigest = "never"', "rules.x: not a digest"),
    "a reserved name": ('[rules.new]\nquery = "Kim"\nto = ["desk"]', "no rule can be named new"),
    "no name": ('[rules.""]\nquery = "Kim"\nto = ["desk"]', "a rule has a name"),
    "no duration": ('[sources.x]\nurl = "https://a.example/"\nevery = "5"', "sources.x: not a duration: '5'"),
    "two rhythms": (
        '[sources.x]\nurl = "https://a.example/"\nevery = "5m"\ncron = "* * * * *"',
        "either --every",
    ),
    "no address": ('[sources.x]\nurl = "gopher://a.example/"', "sources.x.url: nothing here fetches gopher:"),
    "a password": ('[sources.x]\nurl = "https://u:p@a.example/"', "sources.x.url: a URL carries no user"),
    "no member": ('[groups.x]\nmembers = ["zoe"]', "groups.x: no person named zoe (write [people.zoe], too)"),
    "no members": ("[groups.x]\nmembers = []", "groups.x: a group has at least one member"),
    "no terms": ("[lists.x]\nterms = []", "lists.x: a list has at least one term"),
    "no mail address": ('[people.x]\naddresses = ["mail:anna"]', "people.x: not a mail address: 'anna'"),
    "two addresses": ('[people.x]\naddresses = ["mail:a@b.c", "mail:d@b.c"]', "one address on a channel"),
    "a NUL": ('[lists.x]\nterms = ["a\\u0000b"]', "lists.x: a text holds no NUL character"),
    "no TOML": ("[rules.x", "not TOML: Expected ']'"),
    "too deep": (f"x = {'[' * 20_000}", "not TOML: it nests too deep"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_one_line_with_its_place_and_changes_nothing(
    empty: Desk, text: str, words: str
) -> None:
    whole = text if text.startswith(("x =", "rules =")) else f'{text}\n[lists.good]\nterms = ["gut"]'
    for options in ((), ("--dry-run",)):
        answer = empty.apply(whole, *options)
        assert (Exit.USAGE, "") == (answer.code, answer.out)
        assert re.fullmatch(r"monitor: watchlist\.toml: .+\n", answer.err)
        assert words in answer.err
    assert [] == empty.ask("list-lists")
    assert [] == empty.ask("list-changes")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("Kim NEAR/0 Reise", "a distance of at least 1 is needed"),
        ("@nosuch", "no list is named 'nosuch'"),
        ("-Kim", "by what is absent"),
        ('"Kim', "this quote is not closed"),
    ],
)
def test_a_query_that_is_refused_is_shown_with_its_place_marked(
    empty: Desk, query: str, problem: str
) -> None:
    answer = empty.apply(f"{WATCHLIST}\n[rules.x]\nquery = '{query}'\nto = [\"desk\"]")
    assert (Exit.USAGE, "") == (answer.code, answer.out)
    first, shown, mark, last = answer.err.splitlines()
    assert "monitor: watchlist.toml: rules.x.query: the query cannot be taken" == first
    assert ("  " + query, {"~", "^"}) == (shown, set(mark.strip()) | {"~"})
    assert problem in last
    assert [] == empty.ask("list-rules")


def test_lists_are_judged_together_and_with_the_rules_that_name_them(desk: Desk) -> None:
    circle = '[lists.a]\nterms = ["@b"]\n[lists.b]\nterms = ["@a"]'
    assert "contains itself" in desk.apply(circle).err
    desk.apply('[lists.a]\nterms = ["Kim"]')
    desk.monitor("add-rule", "@a NEAR/5 Reise", "--name", "near", "--to", "desk")
    answer = desk.apply('[lists.a]\nterms = ["Kim + Reise"]')
    assert answer.err.startswith("monitor: watchlist.toml: rules.near.query: the query cannot be taken\n")
    assert [{"name": "a", "terms": ["Kim"]}] == desk.ask("list-lists")


def test_a_name_is_a_persons_or_a_groups(desk: Desk) -> None:
    desk.apply(WATCHLIST)
    before = desk.state
    assert "night" in desk.apply('[people.night]\naddresses = ["mail:n@example.org"]').err
    both = '[people.ben]\naddresses = ["mail:b@example.org"]\n[groups.ben]\nmembers = ["anna"]'
    assert "groups.ben: ben: there is a person of this name" in desk.apply(both).err
    assert before == desk.state


# ---------------------------------------------------------------- in and out


@pytest.mark.slow
def test_a_file_comes_by_standard_input(desk: Desk) -> None:
    def typed(text: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-c", COMMAND, "--config", str(desk.monitor.config), "apply", "-"]
        environment = desk.monitor.environment
        return subprocess.run(
            words, input=text, capture_output=True, text=True, env=environment, timeout=DEADLINE, check=False
        )

    assert "+ rules.zins" in typed(WATCHLIST).stdout
    refused = typed("[rules")
    assert Exit.USAGE == refused.returncode
    assert refused.stderr.startswith("monitor: standard input: not TOML")


def test_files_that_cannot_be_read_or_are_there_already_are_named(desk: Desk, tmp_path: Path) -> None:
    assert Exit.NOT_FOUND == desk.monitor("apply", str(tmp_path / "none.toml")).code
    assert Exit.USAGE == desk.monitor("apply", str(tmp_path)).code
    desk.file.write_bytes(b"\xff\xfe")
    assert "watchlist.toml: not TOML: it is no UTF-8" in desk.monitor("apply", str(desk.file)).err
    answer = desk.monitor("export-watchlist", str(desk.file))
    assert (Exit.USAGE, b"\xff\xfe") == (answer.code, desk.file.read_bytes())
    assert "is there already" in answer.err


def test_a_desk_goes_out_and_comes_back_elsewhere(desk: Desk, tmp_path: Path) -> None:
    desk.apply(WATCHLIST)
    desk.monitor("disable-rule", "zins")
    desk.monitor("pause-source", "portal")
    (tmp_path / "story.txt").write_text("Zins\n\nDie Zentralbank hebt den Zins.", encoding="utf-8")
    desk.monitor("ingest", str(tmp_path / "story.txt"))
    out = tmp_path / "out.toml"
    assert Exit.DONE == desk.monitor("export-watchlist", str(out)).code
    text = out.read_text(encoding="utf-8")
    assert text == desk.monitor("export-watchlist").out
    assert text == desk.ask("export-watchlist")["watchlist"]
    assert "ingest" not in text
    assert "nothing to do\n" == desk.monitor("apply", str(out)).out
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other")
    other.apply(text)
    assert text == other.monitor("export-watchlist").out
    assert (False, "paused") == (
        other.ask("list-rules")[1]["enabled"], other.ask("list-sources")[0]["state"]
    )  # fmt: skip


def test_the_file_in_the_readme_is_taken_as_it_stands(desk: Desk) -> None:
    _, _, section = (HERE / "README.md").read_text(encoding="utf-8").partition("## The watchlist in git\n")
    [block] = re.findall(r"(?:^    (?:\[|\w+ = ).*\n)+", section.partition("\n## ")[0], re.MULTILINE)
    answer = desk.apply(textwrap.dedent(block))
    assert "+ rules.kim       @kim + Reise, to mail:anna, priority flash" in answer.out
    assert "4 added" in answer.out


@pytest.mark.slow
def test_a_running_monitor_takes_new_rules_at_its_next_intake(tmp_path: Path) -> None:
    with newsroom(tmp_path) as room:
        monitor = Shell(tmp_path)
        monitor.configure(desk=room.hooks.url())
        room.wire("wire", PRICES)
        file = tmp_path / "watchlist.toml"
        file.write_text(f'[sources.wire]\nurl = "{room.feeds.url("/wire")}"', encoding="utf-8")
        assert "+ sources.wire" in monitor("apply", str(file)).out
        room.poll()
        with file.open("a", encoding="utf-8") as more:
            more.write('\n[lists.kim]\nterms = ["Kim Jong Un"]\n[rules.kim]\nquery = "@kim + Reise"\n')
        monitor("apply", str(file))
        room.wire("wire", TRIP, PRICES)
        room.poll()
        assert [TRIP.headline] == room.told()


@pytest.mark.slow
def test_both_engines_do_the_same(tmp_path: Path, database_url: str) -> None:
    desk = Desk(tmp_path)
    desk.monitor.configure(database=database_url, desk="console://", mail="smtp://127.0.0.1:9?from=a@b.c")
    assert 8 == len(desk.steps(WATCHLIST, "--dry-run"))
    assert 8 == len(desk.steps(WATCHLIST))
    assert [] == desk.steps(WATCHLIST)
    desk.monitor("edit-rule", "kim", "--priority", "low")
    swapped = WATCHLIST.replace("sources.portal", "sources.news")
    assert [("changed", "source", "news"), ("changed", "rule", "kim")] == desk.steps(swapped)
    assert [] == desk.steps(desk.monitor("export-watchlist").out)
    assert len(desk.steps("", "--remove")) > 7
