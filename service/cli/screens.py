"""Blocks of text that more than one command shows: rules, hits, deliveries, the status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from service.cli.drawing import table
from service.cli.terminal import Whole, bold, dim, local, marked, moment, safe, state, styled
from service.cli.words import _, language, ngettext, number, told
from service.model import Evidence, Item, Rule

if TYPE_CHECKING:
    from service.actions.backtest import Backtest
    from service.actions.feedback import Quality
    from service.actions.timeline import Timeline
    from service.deliver.excerpt import Piece
    from service.rules.lint import Explanation

NAMED = 5  # rules or sources that are listed by name
EXCERPT = 90  # characters of the text around a place
NAMES = {"de": 12}  # columns of the names of fields, where ten are too few
INDENT = " " * 20  # the column after a time


def field(name: str, value: str) -> str:
    """One line of a block: the name in a column of its own, as wide as the names of the language."""
    return f"  {name:<{NAMES.get(language(), 10)}} {value}"


def undo(command: str, *words: str) -> Whole:
    """The command that takes back what was just done; the words are quoted already."""
    return Whole(_("undo: {command}", command=" ".join(["monitor", command, *words])))


def by(name: str) -> str:
    """` by anna`, where it is known who."""
    return f" {_('by {name}', name=name)}" if name else ""


def rule_lines(rule: Rule) -> Iterator[str]:
    """A rule as it is stored."""
    policy = [
        rule.priority.value,
        _("digest {times}", times=rule.digest) if rule.digest else "",
        _("updates too") if rule.on_updates else "",
        _("language {tag}", tag=rule.language) if rule.language else "",
        "" if rule.enabled else _("disabled"),
    ]
    yield field(_("query"), bold(rule.query))
    yield field(_("tells"), safe(f"{', '.join(rule.channels)} ({', '.join(filter(None, policy))})"))
    if rule.escalate:
        yield field(_("else"), safe(", ".join(rule.escalate)))
    if rule.tags:
        yield field(_("tags"), safe(", ".join(rule.tags)))


def quality_lines(seen: Quality) -> Iterator[str]:
    """How good a rule is, and how it could be better; nothing where nobody has judged."""
    judged = seen.judged
    if judged.precision is None:
        return
    share = _("{share}% of {n} judged", share=round(judged.precision * 100), n=number(judged.judged))
    yield field(_("precision"), share)
    if one := seen.proposal:
        gain = _("drops {n} of {all} not relevant", n=one.dropped, all=one.not_relevant)
        cost = f", {_('and {n} that nobody judged', n=one.unjudged)}" if one.unjudged else ""
        yield field(_("try"), f"-{safe(one.term)}  ({gain}{cost})")


def history_lines(versions: Sequence[Rule]) -> Iterator[str]:
    """The versions of a rule, the newest first: who made each, when, and what it changed."""
    from service.actions.rules import changed

    for newer, older in pairwise(versions):
        yield _version(newer)
        for name, (before, after) in changed(older, newer).items():
            yield f"{INDENT}{name} {_value(before)} → {_value(after)}"
    yield f"{_version(versions[-1])}: {safe(versions[-1].query)}"


def _version(rule: Rule) -> str:
    """Which version it is, and who made it when."""
    name = _("version {number}", number=rule.version)
    return field(name, safe(f"{local(rule.changed_at)}{by(rule.changed_by)}"))


def _value(value: object) -> str:
    """A setting as a person reads it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return safe(", ".join(value) if isinstance(value, tuple) else str(value)) or _("none")


def tally_line(counts: Mapping[str, int]) -> str:
    """`looked at for 40 items, 12 hits: 3 alerts, 1 update, 7 told already, 1 held back`."""
    told_of = {
        "open": ngettext("{n} alert", "{n} alerts", counts.get("open", 0)),
        "update": ngettext("{n} update", "{n} updates", counts.get("update", 0)),
        "join": ngettext("{n} told already", "{n} told already", counts.get("join", 0)),
        "suppress": ngettext("{n} held back", "{n} held back", counts.get("suppress", 0)),
    }
    parts = [words for action, words in told_of.items() if counts.get(action)]
    hits = sum(times for action, times in counts.items() if action != "candidates")
    found = ngettext("{n} hit", "{n} hits", hits) + (f": {', '.join(parts)}" if parts else "")
    items = counts.get("candidates", 0)
    looked = ngettext("looked at for {n} item", "looked at for {n} items", items)
    return f"{looked}, {found}" if items else found


def hit_lines(item: Item, evidence: Sequence[Evidence], source: str = "", *, reasons: bool) -> Iterator[str]:
    """An item with its matched words marked, and on request why each one matched."""
    at = local(item.received_at if item.id else item.published_at)
    titled = [place for place in evidence if place.field == "title"]
    yield f"  {at:<16}  {f'{safe(source)}  ' if source else ''}{marked(item.headline, spans(titled))}"
    if item.embargo_until and evidence:  # of what may not be read yet, there is none
        yield INDENT + state(_("embargoed until {at}", at=local(item.embargo_until)))
    # The text is shown where it holds what the headline does not say.
    missing = {place.term for place in evidence} - {place.term for place in titled}
    body = [place for place in evidence if place.field == "body"]
    around = next((place.start for place in body if place.term in missing), None)
    if around is not None:
        yield INDENT + marked(item.body, spans(body), EXCERPT, around)
    if reasons:
        yield INDENT + dim(_("matched {words}", words=because(evidence)))


BLOCKS = "▁▂▃▄▅▆▇█"
MOST_DAYS = 60  # one block each, on one line


def backtest_lines(tried: Backtest, advice: Sequence[str]) -> Iterator[str]:
    """How the hits of a back-test lie in time, what it just missed, and what to think over."""
    if tried.hits:
        said = _("stories by the day of their publication (UTC)")
        yield field(_("by day"), f"{blocks(tried)}, {said}")
    if tried.busiest and tried.stories > 1:
        at, stories = tried.busiest
        busiest = _("{n} in the hour from {at}", n=number(stories), at=local(at))
        yield field(_("busiest"), busiest)
    for term, words in tried.words.items():
        forms = ", ".join(f"{word} ({number(times)})" for word, times in words.items())
        yield field(_("fits"), safe(f"{term}: {forms}"))
    for near in tried.near:
        yield field(_("near"), safe(told(near.sentence)))
    for sentence in advice:
        yield field(_("mind"), safe(told(sentence)))


def blocks(tried: Backtest) -> str:
    """`2026-11-01 ▁▁▃█▂ 2026-11-24`: stories day by day, from the first hit to the end of the archive."""
    if not tried.days or not tried.last:
        return ""
    first, last = min(tried.days), max(*tried.days, tried.last.date())
    first = max(first, last - timedelta(days=MOST_DAYS - 1))
    counts = [tried.days[first + timedelta(days=day)] for day in range((last - first).days + 1)]
    most = max(*counts, 1)
    row = "".join(BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] for count in counts)
    return f"{first} {row} {last}"


def spans(evidence: Sequence[Evidence]) -> list[tuple[int, int]]:
    """The places of evidence in its field."""
    return [(place.start, place.end) for place in evidence]


def because(evidence: Sequence[Evidence]) -> str:
    """`"Kim Jong Un" (title, body), "Auslandsreise" for Reise (body, compound)`."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for place in evidence:
        term = f" {_('for {term}', term=place.term)}" if place.text != place.term else ""
        listed = f" {_('of {list}', list=f'@{place.list}')}" if place.list else ""
        how = "" if place.how in {"exact", "phrase", "value"} else told(place.how)
        fields = reasons.setdefault((f'"{place.text}"{term}{listed}', how), [])
        if (where := told(place.field)) not in fields:
            fields.append(where)
    return ", ".join(
        f"{words} ({', '.join(filter(None, (*fields, how)))})" for (words, how), fields in reasons.items()
    )


def explained_lines(part: Explanation, depth: int = 0) -> Iterator[str]:
    """Each part of a query: whether it holds, and where, or what came nearest."""
    said = f"{_('nearest')}: {part.nearest}" if part.nearest else ""
    if part.evidence and (not part.parts or not part.hit):  # what holds because of its parts is said there
        said = _("{words} at {places}", words=because(part.evidence), places=_places(part.evidence))
    sign = state("✓") if part.hit else state("✗")
    yield f"{INDENT}{'  ' * depth}{sign}  {safe(part.text)}{dim(f'  {said}' if said else '')}"
    for child in part.parts:
        yield from explained_lines(child, depth + 1)


def _places(evidence: Sequence[Evidence]) -> str:
    """`body 71–84`: where the evidence stands, in characters of its field."""
    shown = [f"{told(place.field)} {place.start}–{place.end}" for place in evidence[:NAMED]]
    return ", ".join(shown) + (" …" if len(evidence) > NAMED else "")


def delivery_lines(deliveries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Messages, as programs see them, as a table."""
    rows = (
        (
            one["id"],
            moment(one["sent_at"] or one["due_at"]),
            state(one["state"]),
            told(one["kind"]),
            f"{one['channel']}:{one['recipient']}" if one["recipient"] else one["channel"],
            one["attempts"],
            told(one["last_error"] or one["reason"] or "") or one["subject"],
        )
        for one in deliveries
    )
    columns = (
        _("id"), _("sent or due"), _("state"), _("kind"), _("to"), _("tries"), _("what is said about it")
    )  # fmt: skip
    return table(columns, rows, _("no messages"))


def timeline_lines(line: Timeline) -> Iterator[str]:
    """Each event on a line, with what a version changed under it; copies in a row are one line."""
    from service.actions.timeline import condensed

    for event, more in condensed(line.events):
        others = dim(f" {_('and {n} more', n=number(more))}") if more else ""
        what = bold(told(event.what).ljust(12))
        text = " – ".join(told(part) for part in event.text.split(" – "))
        yield f"  {local(event.at)}  {what}  {safe(event.who)}{others}  {safe(text)}"
        for name, change in ((_("headline"), event.headline), (_("text"), event.body)):
            if change:
                yield f"{INDENT}{dim(name)} {pieces(change)}"


def pieces(change: Sequence[Piece]) -> str:
    """A difference: `[-zwei-] {+vier+}`, as wdiff writes it, in color where there is any."""
    shown = {"added": ("{+", "+}", "green"), "removed": ("[-", "-]", "red")}
    parts = []
    for piece in change:
        text = safe(piece.text)
        if piece.mark in shown:
            begin, end, color = shown[piece.mark]
            blank = text[len(text.rstrip()) :]
            text = styled(f"{begin}{text.strip()}{end}", color) + blank
        parts.append(text)
    return "".join(parts)
