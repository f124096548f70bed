"""The query language: text in, nodes out.

    query   = any
    any     = all  { ( "|" | "OR" | "ODER" ) all }
    all     = not  { [ "+" | "AND" | "UND" ] not }
    not     = [ "-" | "NOT" | "NICHT" ] near
    near    = part { ( "NEAR/" n | "BEFORE/" n ) part }
    part    = [ field ":" ] ( "(" query ")" | count | "@" name | term )
    count   = n "of" "(" query { "," query } ")"
    term    = word | wildcard | '"' words '"' [ "~" n ] | "=" … | "==" … | "/" regex "/"

`scanner` says where a token ends. All that is refused raises `QueryError`.
"""

# ruff: noqa: D210, D403, D415 - the docstring of each rule begins with the rule as the grammar has it
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple, NoReturn, TypeAlias

from service.errors import QueryError
from service.rules.document import FIELDS, VALUE_FIELDS
from service.rules.near import Near, Step, is_operand
from service.rules.nodes import And, Count, Field, ListRef, Node, Not, Or, together
from service.rules.operand import KEYWORD, QUOTES, TermError
from service.rules.operators import SIGNS, term
from service.rules.patterns import Regex, Value
from service.rules.scanner import DISTANCE, Scanner, Token

LONGEST = 4096  # characters of a query
DEEPEST = 64  # parentheses, fields and lists inside one another
MOST_TERMS = 20_000  # of a query with its lists written out
MOST_REGEXES = 8  # of a query; compiling one may take some milliseconds

NUMBER = re.compile(r"[0-9]{1,9}")
COUNT = re.compile(r"([0-9]{1,9})\s+of\s*\(")
FIELD = re.compile(r"([^\W\d_]+):")
DASHED = re.compile(r"[–—−‐‑][^\W_]")  # what a word processor makes of a hyphen
# What takes no room on the page comes along when a query is copied from one.
UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
BROKEN = re.compile("[\ud800-\udfff]")
PLAIN_WORD = re.compile(rf"(?![-+=/@|])[^()*{QUOTES}]+")


class KnownList(NamedTuple):
    """A list that was read: its alternatives, how many terms they are, and how deep."""

    node: Node
    terms: int
    height: int


# By name, and the field that the list is read in.
KnownLists: TypeAlias = dict[tuple[str, str], KnownList]


def parse(
    text: str,
    lists: Mapping[str, Sequence[str]] | None = None,
    *,
    longest: int = LONGEST,
    known: KnownLists | None = None,
) -> Node:
    """The query that the text means; `str` of it is its canonical text.

    `lists` are the named lists by name, each with its entries as they were given at a shell. Raises
    QueryError with the place and a hint. `longest` is in characters. `known` keeps the lists that were
    read for the next query; who passes it empties it when a list changes.
    """
    if len(text) > longest:
        problem = f"a query has at most {longest:,} characters, this one has {len(text):,}"
        raise QueryError(problem, text, (longest, longest + 1), "put the alternatives into a list")
    if broken := BROKEN.search(text):
        raise QueryError("a broken character", text, broken.span(), "type it again")
    return _Parser(
        CONTROL.sub(" ", UNSEEN.sub("", text)), _Shared(lists or {}, {} if known is None else known)
    ).query()


def join_arguments(arguments: Sequence[str]) -> str:
    """One query text from the arguments of a shell, which has taken the quotes away.

    An argument of two or more plain words is a phrase, any other is taken as it stands.
    """
    return " ".join(f'"{argument.strip()}"' if _is_plain(argument) else argument for argument in arguments)


def _is_plain(argument: str) -> bool:
    """Whether an argument is two or more words without anything that the language knows."""
    words = argument.split()
    return len(words) > 1 and all(
        PLAIN_WORD.fullmatch(word) and not KEYWORD.fullmatch(word) and not _names_field(word)
        for word in words
    )


def _names_field(word: str) -> bool:
    found = FIELD.match(word)
    return found is not None and (found[1] in FIELDS or word[found.end() :][:1].isalpha())


class _Shared:
    """What a query shares with the lists that it names: each is read once, and the bounds hold for all."""

    def __init__(self, lists: Mapping[str, Sequence[str]], read: KnownLists) -> None:
        self.lists, self.read = lists, read
        self.under_way: list[str] = []
        self.terms = self.regexes = self.depth = self.deepest = 0


class _Parser(Scanner):
    """Reads a query by recursive descent, one method for each rule of the grammar."""

    def __init__(self, text: str, shared: _Shared, field: str = "") -> None:
        super().__init__(text)
        self.shared, self.field = shared, field
        self.negated: tuple[int, int] | None = None

    def query(self) -> Node:
        """query = any"""
        if self.next().kind == "end":
            self.refuse("an empty query", (0, len(self.text)), 'write a word, as in "Kim Jong Un" + Reise')
        node = self._any()
        if (rest := self.next()).kind != "end":
            self.refuse(f"this {self.text[rest.start]} closes nothing", (rest.start, rest.end))
        if node.absent:
            self.refuse(
                "this could hit an item by what is absent from it alone",
                self.negated or (0, len(self.text)),
                "add a word that must be there, as in Zins -EZB",
            )
        return node

    # ------------------------------------------------------------ the rules of the grammar

    def _any(self) -> Node:
        """any = all { ( "|" | "OR" | "ODER" ) all }"""
        members = [self._all()]
        while (token := self.next()).kind == "|":
            self.at = token.end
            members.append(self._all())
        return together(Or, members)

    def _all(self) -> Node:
        """all = not { [ "+" | "AND" | "UND" ] not }"""
        members = [self._not()]
        while (token := self.next()).kind in {"+", "-", "", "("}:
            if token.kind == "+":
                self.at = token.end
            members.append(self._not())
        return together(And, members)

    def _not(self) -> Node:
        """not = [ "-" | "NOT" | "NICHT" ] near"""
        token = self.next()
        if token.kind != "-":
            return self._near()
        self.at = token.end
        if self.text[token.start] == "-" and self.text[token.end : token.end + 1].strip() in {"", ")", ","}:
            self.refuse(
                "a - alone", (token.start, token.end), "write -word without a blank, or quote the dash"
            )
        node = Not(self._near())
        self.negated = self.negated or (token.start, self.at)
        return node

    def _near(self) -> Node:
        """near = part { ( "NEAR/" n | "BEFORE/" n ) part }"""
        start = self.next().start
        members, steps = [self._part()], []
        ends = [(start, self.at)]
        while (token := self.next()).kind == "NEAR":
            steps.append(self._step(token))
            start = self.next().start
            members.append(self._part())
            ends.append((start, self.at))
        if not steps:
            return members[0]
        for member, span in zip(members, ends, strict=True):
            if not is_operand(member):
                self.refuse(
                    "beside NEAR stands a term, a list, or alternatives of terms",
                    span,
                    "as in title:(Kim NEAR/3 Xi), or (Kim | Xi) NEAR/8 Peking",
                )
        return Near(tuple(members), tuple(steps))

    def _step(self, token: Token) -> Step:
        """( "NEAR/" n | "BEFORE/" n )"""
        self.at = token.end
        written = DISTANCE.fullmatch(self.text[token.start : token.end])
        assert written
        span = (token.start, token.end)
        if not NUMBER.fullmatch(written[2]):
            self.refuse("a distance is a number of tokens", span, "as in Kim NEAR/8 Peking")
        if int(written[2]) < 1:
            self.refuse("a distance of at least 1 is needed", span)
        return Step(int(written[2]), written[1] == "BEFORE")

    def _part(self) -> Node:
        """part = [ field ":" ] ( "(" query ")" | count | "@" name | term )"""
        token = self.next()
        if token.kind not in {"", "("}:
            self._missing(token)
        self._count_terms(token, 1)
        self.at = token.start
        if found := COUNT.match(self.text, token.start):
            return self._count(found)
        if token.kind == "(":
            self.at = token.end
            return self._enclosed(token.start, ")")[0]
        if name := self._field(token):
            return self._in_field(token, name)
        if self.text[token.start] == "@":
            return self._list(token)
        return self._term(token)

    def _enclosed(self, start: int, closer: str) -> list[Node]:
        """ "(" query ")", or for a count "(" query { "," query } ")"; the parenthesis is behind."""
        self._deeper(start)
        self.closers.append(closer)
        members = [self._any()]
        while (token := self.next()).kind == "," == closer:
            self.at = token.end
            members.append(self._any())
        if token.kind != ")":
            self.refuse("this parenthesis is not closed", (start, start + 1), "add )")
        self.at = token.end
        self.closers.pop()
        self.shared.depth -= 1
        return members

    def _count(self, found: re.Match[str]) -> Node:
        """count = n "of" "(" query { "," query } ")" """
        self.at = found.end()
        members = self._enclosed(found.end() - 1, ",")
        least = int(found[1])
        if not 1 <= least <= len(members):
            self.refuse(
                f"{least} of {len(members)} cannot be counted",
                found.span(1),
                f"a number from 1 to {len(members)}, and commas between the parts",
            )
        return Count(least, tuple(members))

    def _field(self, token: Token) -> str:
        """field ":", or "" where the token is none."""
        found = FIELD.match(self.text, token.start, token.end)
        if not found:
            return ""
        name, after = found[1], self.text[found.end() : found.end() + 1]
        if name in FIELDS:
            self.at = found.end()
            if not after.strip():
                self.refuse(
                    f"nothing stands after {name}:", found.span(), f"write {name}:word without a blank"
                )
            return name
        if self.field not in VALUE_FIELDS and (after.isalpha() or (after and after in QUOTES + "(")):
            close = get_close_matches(name.lower(), FIELDS, n=1)
            hint = f"is it {close[0]}:? " if close else f"a field is one of {', '.join(FIELDS)}; "
            quoted = self.text[token.start : token.end]
            self.refuse(f"no field is named {name}", found.span(1), f'{hint}as text, quote it: "{quoted}"')
        return ""

    def _in_field(self, token: Token, name: str) -> Node:
        """field ":" ( "(" query ")" | count | "@" name | term )"""
        if self.field:
            self.refuse(f"a field inside the field {self.field}:", (token.start, self.at))
        self._deeper(token.start)
        self.field = name
        inner = self.next()
        if inner.kind == "-":
            self.refuse("a - stands before the field", inner.span, f"write -{name}:word")
        node = self._part()
        self.field = ""
        self.shared.depth -= 1
        return Field(name, node)

    def _list(self, token: Token) -> Node:
        """ "@" name"""
        self.at = token.end
        span, name, shared = token.span, self.text[token.start + 1 : token.end], self.shared
        if name not in shared.lists:
            known = ", ".join(f"@{each}" for each in sorted(shared.lists)[:20]) or "none"
            self.refuse(f"no list is named {name[:40]!r}", span, f"there is: {known}; as text, quote it")
        if name in shared.under_way:
            self.refuse(f"the list @{name} contains itself", span)
        if known_list := shared.read.get((name, self.field)):
            self._deeper(token.start, known_list.height)
            shared.depth -= known_list.height
            self._count_terms(token, known_list.terms)
            return ListRef(name, known_list.node)
        deepest, terms, shared.deepest = shared.deepest, shared.terms, shared.depth
        self._deeper(token.start)
        node = self._entries(name, span)
        shared.depth -= 1
        shared.read[name, self.field] = KnownList(node, shared.terms - terms, shared.deepest - shared.depth)
        shared.deepest = max(deepest, shared.deepest)
        return ListRef(name, node)

    def _entries(self, name: str, span: tuple[int, int]) -> Node:
        """The entries of a list as alternatives; what is wrong with one is said at its name."""
        self.shared.under_way.append(name)
        members = []
        for entry in self.shared.lists[name]:
            try:
                members.append(_Parser(join_arguments([entry]), self.shared, self.field).query())
            except QueryError as error:
                self.refuse(f"the list @{name} has {entry!r}: {error.problem}", span, error.hint)
        self.shared.under_way.pop()
        if not members:
            self.refuse(f"the list @{name} is empty", span)
        return together(Or, members)

    def _term(self, token: Token) -> Node:
        """term = word | wildcard | '"' words '"' [ "~" n ] | "=" … | "==" … | "/" regex "/" """
        if self.field in VALUE_FIELDS:
            operand = self.operand("", token.start)
            try:
                return Value.of(self.field, operand.text)
            except TermError as error:
                self.refuse(error.problem, (token.start, self.at), error.hint)
        if DASHED.match(self.text, token.start):
            self.refuse("a dash before a word", token.span, "NOT is a hyphen, as in -EZB; as text, quote it")
        sign = next((sign for sign in SIGNS if self.text.startswith(sign, token.start)), "")
        if sign == Regex.sign:
            operand = self.regex(token)
            self._count_regexes(token.start)
        else:
            operand = self.operand(sign, token.start + len(sign))
        try:
            return term(operand)
        except TermError as error:
            self.refuse(error.problem, (token.start, self.at), error.hint)

    # ------------------------------------------------------------ refusals

    def _deeper(self, start: int, levels: int = 1) -> None:
        shared = self.shared
        shared.depth += levels
        shared.deepest = max(shared.deepest, shared.depth)
        if shared.depth > DEEPEST:
            self.refuse(f"nested over {DEEPEST} deep", (start, start + 1))

    def _count_terms(self, token: Token, terms: int) -> None:
        self.shared.terms += terms
        if self.shared.terms > MOST_TERMS:
            problem = f"a query has at most {MOST_TERMS:,} terms, with those of its lists"
            self.refuse(problem, token.span)

    def _count_regexes(self, start: int) -> None:
        self.shared.regexes += 1
        if self.shared.regexes > MOST_REGEXES:
            problem = f"a query has at most {MOST_REGEXES} regular expressions"
            self.refuse(problem, (start, self.at), "join them by |")

    def _missing(self, token: Token) -> NoReturn:
        """Where a part should stand, something else does."""
        if token.kind == "end":
            self.refuse(
                "something is missing at the end", (token.start, token.start + 1), "a word should follow"
            )
        shown = self.text[token.start : token.end]
        hint = f'as a word, write "{shown}"' if shown.isalpha() else "a word should stand before it"
        self.refuse(f"{shown} stands where a word should", token.span, hint)
