"""The shapes of nouns as programs see them: what `--json` prints and the API answers.

Times are ISO 8601 in UTC, spans are written as they are typed (`90s`), nothing secret is in any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from service.model import (
    Account,
    Alert,
    Attempt,
    Change,
    Delivery,
    Evidence,
    Gap,
    Group,
    Hit,
    Item,
    Person,
    Placement,
    Rule,
    Secret,
    Sighting,
    Silence,
    Source,
    Story,
)

if TYPE_CHECKING:
    from service.actions.archive import Search
    from service.actions.backtest import Backtest
    from service.actions.desk import AlertView, StoryView, Told
    from service.actions.feedback import Quality
    from service.actions.looking import Look
    from service.actions.preview import Planned, Preview
    from service.actions.timeline import Timeline
    from service.actions.trials import Result, Trial
    from service.actions.why import Absent, Why
    from service.rules.lint import Explanation

Shape = dict[str, object]

NEWEST = 5  # hits of a back-test that are shown


def when(at: datetime | None) -> str | None:
    """`2026-11-24T05:24:00Z`, or None."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def span(length: timedelta | None) -> str | None:
    """`90s`, `5m`, `24h`, `7d`: the largest unit that leaves no rest; None stays None."""
    if length is None:
        return None
    seconds = round(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def source(one: Source) -> Shape:
    """A source."""
    return {
        "name": one.name,
        "url": one.url,
        "format": one.format or None,
        "language": one.language or None,
        "every": span(one.every),
        "cron": one.cron or None,
        "rhythm": span(one.rhythm),
        "timezone": one.timezone,
        "tags": list(one.tags),
        "state": one.state.value,
        "failures": one.failures,
        "last_error": one.last_error or None,
        "last_polled_at": when(one.last_polled_at),
        "last_item_at": when(one.last_item_at),
        "next_poll_at": when(one.next_poll_at),
        "pushed_until": when(one.pushed_until),
    }


def rule(one: Rule) -> Shape:
    """A rule."""
    return {
        "name": one.name,
        "query": one.query,
        "channels": list(one.channels),
        "priority": one.priority.value,
        "language": one.language or None,
        "digest": one.digest or None,
        "on_updates": one.on_updates,
        "tags": list(one.tags),
        "escalate": list(one.escalate),
        "enabled": one.enabled,
        "version": one.version,
        "created_at": when(one.created_at),
        "changed_at": when(one.changed_at),
        "changed_by": one.changed_by or None,
    }


def item(one: Item, source_name: str, *, withdrawn: bool | None = None) -> Shape:
    """An item; `withdrawn` says whether its original was, where that is known.

    The note of desks to desks is not for everybody, and not in it.
    """
    shape: Shape = {
        "id": one.id,
        "story": one.story,
        "source": source_name,
        "external_id": one.external_id or None,
        "version": one.version or None,
        "headline": one.headline,
        "slug": one.slug or None,
        "keywords": list(one.keywords),
        "places": list(one.places),
        "agency": one.agency or None,
        "body": one.body,
        "language": one.language or None,
        "published_at": when(one.published_at),
        "updated_at": when(one.updated_at),
        "received_at": when(one.received_at),
        "embargo_until": when(one.embargo_until),
        "urgency": one.urgency or None,
        "status": one.status.value,
        "signal": one.signal.value,
        "marks": list(one.marks),
        "genre": one.genre or None,
        "subjects": list(one.subjects),
        "instruments": [{"kind": each.kind, "code": each.code} for each in one.instruments],
        "byline": one.byline or None,
        "sign_off": one.sign_off or None,
        "link": one.link or None,
        "rights": one.rights or None,
    }
    return shape if withdrawn is None else shape | {"original_withdrawn": withdrawn}


def story(one: Story) -> Shape:
    """A story."""
    return {
        "id": one.id,
        "headline": one.headline,
        "status": one.status.value,
        "opened_at": when(one.opened_at),
        "updated_at": when(one.updated_at),
        "items": one.items,
        "sources": one.sources,
    }


def placement(one: Placement) -> Shape:
    """How an item came into its story."""
    return {
        "link": one.link.value,
        "nearest": one.nearest or None,
        "score": round(one.score, 3),
        "link_reason": one.reason or None,
    }


def sighting(one: Sighting) -> Shape:
    """A story as one source carried it."""
    return {
        "source": one.source,
        "at": when(one.at),
        "headline": one.headline,
        "link": one.link or None,
        "how": one.how.value,
    }


def evidence(one: Evidence) -> Shape:
    """One place that made a rule hit."""
    shape: Shape = {
        "field": one.field,
        "start": one.start,
        "end": one.end,
        "text": one.text,
        "term": one.term,
        "how": one.how,
    }
    return shape | {"list": one.list} if one.list else shape


def hit(one: Hit, of: Item) -> Shape:
    """A hit with its item and its places."""
    return {
        "item": one.item,
        "headline": of.headline,
        "embargo_until": when(of.embargo_until),
        "at": when(one.at),
        "rule_version": one.rule_version,
        "evidence": [evidence(place) for place in one.evidence],
    }


def trial(one: Trial) -> Shape:
    """What a query did; stored items are named by their id too."""

    def hits(results: Sequence[Result]) -> list[Shape]:
        return [result(one) for one in results if one.evidence is not None]

    shape: Shape = {"query": str(one.query.node), "items": one.items, "hits": hits(one.results)}
    if one.other:
        shape |= {"gained": hits(one.gained.results), "lost": hits(one.lost.results)}
    if one.explain:
        shape["explained"] = [
            {"headline": result.item.headline, "parts": explanation(result.explained)}
            for result in one.results
            if result.explained
        ]
    return shape


def result(one: Result) -> Shape:
    """An item that a query hits; a stored one is named by its id too."""
    shape: Shape = {
        "headline": one.item.headline,
        "evidence": [evidence(place) for place in one.evidence or ()],
    }
    if not one.item.id:
        return shape
    return shape | {"item": one.item.id, "source": one.source, "embargo_until": when(one.item.embargo_until)}


def search(found: Search, query: str) -> Shape:
    """What a search found, in how many items, how far back that was, and before which item it goes on."""
    return {
        "query": query,
        "items": found.items,
        "reached_at": when(found.reached),
        "before": found.before,
        "hits": [
            item(one.item, one.source) | {"evidence": [evidence(place) for place in one.evidence or ()]}
            for one in found.results
        ],
    }


def explanation(one: Explanation) -> Shape:
    """A part of a query on an item: whether it holds, where, or what came nearest."""
    return {
        "text": one.text,
        "hit": one.hit,
        "evidence": [evidence(place) for place in one.evidence],
        "nearest": one.nearest or None,
        "parts": [explanation(part) for part in one.parts],
    }


def backtest(one: Backtest) -> Shape:
    """What a rule would have hit, by the time of publication."""
    busiest = one.busiest
    return {
        "items": one.items,
        "hits": one.hits,
        "stories": one.stories,
        "alerts_a_day": round(one.per_day, 2),
        "from": when(one.first),
        "to": when(one.last),
        "days": {day.isoformat(): stories for day, stories in sorted(one.days.items())},
        "busiest_hour": {"at": when(busiest[0]), "stories": busiest[1]} if busiest else None,
        "terms": {term: round(share, 4) for term, share in one.shares.items()},
        "wildcards": {term: dict(words) for term, words in one.words.items()},
        "near_misses": [{"term": near.term, "form": near.form, "items": near.items} for near in one.near],
        "newest": [
            {
                "item": result.item.id,
                "headline": result.item.headline,
                "evidence": [evidence(place) for place in result.evidence or ()],
            }
            for result in one.newest[:NEWEST]
        ],
    }


def look(one: Look) -> Shape:
    """What a source shows right now."""
    parsed, cursor = one.parsed, one.cursor
    return {
        "readable": one.failure is None and one.sought is None,
        "reason": _reason(one),
        "title": parsed.feed.title or None if parsed else None,
        "found_format": parsed.format if parsed else None,
        "found_languages": list(one.languages),
        "found_url": one.found or None,
        "other_feeds": [{"url": link.url, "title": link.title or None} for link in one.others],
        "items": len(one.newest),
        "headlines": [each.headline for each in one.newest[:5]],
        "newest": [
            {
                "headline": each.headline,
                "published_at": when(each.published_at),
                "embargo_until": when(each.embargo_until),
            }
            for each in one.newest[:5]
        ],
        "rhythm": span(one.rhythm),
        "problems": [problem.what for problem in parsed.problems] if parsed else [],
        "validators": list(one.validators),
        "etag": cursor.etag or None,
        "last_modified": cursor.last_modified or None,
        "max_age": span(one.freshness.max_age),
        "hub": one.hub or None,
    }


def _reason(one: Look) -> str | None:
    failure = one.failure or one.sought
    return failure.reason if failure else None


def alert(one: Alert, rule_name: str, headline: str) -> Shape:
    """An alert."""
    return {
        "id": one.id,
        "rule": rule_name,
        "story": one.story,
        "headline": headline,
        "state": one.state.value,
        "revision": one.revision,
        "reason": one.reason or None,
        "opened_at": when(one.opened_at),
        "acknowledged_by": one.acknowledged_by or None,
        "acknowledged_until": when(one.acknowledged_until),
        "comment": one.comment or None,
        "relevance": one.relevance.value or None,
    }


def told(one: Told) -> Shape:
    """An alert with its names."""
    return alert(one.alert, one.rule, one.headline)


def alert_view(one: AlertView) -> Shape:
    """An alert, where its rule hit, and what was sent."""
    return told(one.told) | {
        "hits": [hit(found, item) for found, item in one.hits],
        "deliveries": [delivery(each) for each in one.deliveries],
    }


def story_view(one: StoryView) -> Shape:
    """A story with all that belongs to it."""
    return story(one.story) | {
        "versions": [
            item(each, name, withdrawn=one.withdrawn(each)) | placement(one.placements[each.id])
            for each, name in one.items
        ],
        "carried_by": [sighting(each) for each in one.sightings],
        "alerts": [told(each) for each in one.alerts],
        "deliveries": [delivery(each) for each in one.deliveries],
    }


def delivery(one: Delivery) -> Shape:
    """A delivery."""
    return {
        "id": one.id,
        "channel": one.channel,
        "recipient": one.recipient or None,
        "kind": one.kind.value,
        "story": one.story or None,
        "state": one.state.value,
        "reason": one.reason or None,
        "subject": one.message.subject if one.message else None,
        "attempts": one.attempts,
        "last_error": one.last_error or None,
        "due_at": when(one.due_at),
        "sent_at": when(one.sent_at),
    }


def attempt(one: Attempt) -> Shape:
    """One try at a delivery."""
    return {
        "number": one.number,
        "started_at": when(one.started_at),
        "took_ms": round(one.took.total_seconds() * 1000),
        "outcome": one.outcome.verdict.value,
        "code": one.outcome.code or None,
        "reason": one.outcome.reason or None,
    }


def quality(one: Quality) -> Shape:
    """How good a rule is, and a term that would make it better."""
    proposal = one.proposal
    return {
        "judged": one.judged.judged,
        "relevant": one.judged.relevant,
        "precision": one.judged.precision,
        "proposal": {
            "term": f"-{proposal.term}",
            "query": proposal.query,
            "drops_not_relevant": proposal.dropped,
            "of_not_relevant": proposal.not_relevant,
            "drops_unjudged": proposal.unjudged,
        }
        if proposal
        else None,
    }


def person(one: Person) -> Shape:
    """A person who is told."""
    return {
        "name": one.name,
        "addresses": dict(one.addresses),
        "language": one.language or None,
        "timezone": one.timezone or None,
        "left_at": when(one.removed_at),
        "left_because": one.left_because or None,
    }


def user(one: Account) -> Shape:
    """A user of the desk."""
    return {
        "name": one.name,
        "role": one.role.value,
        "has_password": bool(one.password),
        "sees_embargoed": one.sees_embargoed,
        "created_at": when(one.created_at),
    }


def token(one: Secret, owner: str = "") -> Shape:
    """A token, without itself; `owner` is the user whose it is."""
    return {
        "id": one.id,
        "name": one.name,
        "user": owner or None,
        "scopes": [scope.value for scope in one.scopes],
        "created_at": when(one.created_at),
        "expires_at": when(one.expires_at),
        "used_at": when(one.used_at),
    }


def group(one: Group) -> Shape:
    """People who are told together."""
    return {"name": one.name, "members": list(one.members)}


def gap(one: Gap) -> Shape:
    """A time in which a source was not read."""
    return {
        "from": when(one.began_at),
        "to": when(one.ended_at),
        "failed_polls": one.polls,
        "reason": one.reason or None,
    }


def silence(one: Silence) -> Shape:
    """A silence."""
    return {
        "id": one.id,
        "matchers": [f"{kind}={value}" for kind, value in one.matchers],
        "starts_at": when(one.starts_at),
        "ends_at": when(one.ends_at),
        "comment": one.comment,
        "author": one.author or None,
    }


def change(one: Change) -> Shape:
    """Who changed what."""
    return {
        "id": one.id,
        "at": when(one.at),
        "who": one.who or None,
        "what": one.what,
        "subject": one.subject or None,
        "detail": dict(one.detail),
    }


def why(one: Why) -> Shape:
    """An item, and what became of it under a rule."""
    placement = one.placement
    return {
        "answer": one.sentence,
        "fate": one.fate.value,
        "item": item(one.item, one.source),
        "gaps": [gap(each) for each in one.gaps],
        "placement": {
            "story": one.item.story,
            "headline": one.headline,
            "link": placement.link.value,
            "nearest": placement.nearest or None,
            "score": round(placement.score, 3),
            "reason": placement.reason or None,
        },
        "rule_version": one.rule.version if one.rule else None,
        "rule": rule(one.rule) if one.rule else None,
        "explained": explanation(one.explained),
        "hits_now": one.hits_now,
        "hit": hit(one.hit, one.item) | {"action": one.hit.action, "reason": one.hit.reason}
        if one.hit
        else None,
        "alert": alert(one.alert, one.rule.name if one.rule else "", one.headline) if one.alert else None,
        "silences": [silence(each) for each in one.silences],
        "deliveries": [
            delivery(each)
            | {"tries": [attempt(tried) for tried in one.attempts if tried.delivery == each.id]}
            for each in one.deliveries
        ],
    }


def absent(one: Absent) -> Shape:
    """A story that never came."""
    return {
        "sources": [
            {
                "name": each.source.name,
                "state": each.source.state.value,
                "last_ok_at": when(each.source.last_ok_at),
                "last_item_at": when(each.source.last_item_at),
                "same_site": each.same_site,
                "gaps": [gap(hole) for hole in each.gaps],
            }
            for each in one.watched
        ],
        "close": [item(each, name) for each, name in one.close],
    }


def preview(one: Preview) -> Shape:
    """What a rule would send about an item."""
    return {
        "rule": one.rule.name,
        "item": one.item.id,
        "hit": one.hits,
        "reason": one.reason,
        "messages": [_planned(each) for each in one.planned],
        "escalation": [{"after": span(stage.after), "to": stage.target} for stage in one.escalation],
    }


def _planned(one: Planned) -> Shape:
    delivery, message = one.delivery, one.message
    return {
        "to": f"{delivery.channel}:{delivery.recipient}" if delivery.recipient else delivery.channel,
        "kind": delivery.kind.value,
        "priority": delivery.priority.value,
        "because": one.because or None,
        "sent": message is not None,
        "at": when(one.at),
        "waits": list(one.waits),
        "reason": one.reason or None,
        "subject": message.subject if message else None,
        "text": message.text if message else None,
    }


def timeline(one: Timeline) -> list[Shape]:
    """The events of a story, the oldest first."""
    return [
        {
            "at": when(event.at),
            "what": event.what,
            "who": event.who,
            "text": event.text or None,
            "item": event.item or None,
            "changed": {
                name: [{"text": piece.text, "mark": piece.mark.value or None} for piece in change]
                for name, change in (("headline", event.headline), ("body", event.body))
                if change
            },
        }
        for event in one.events
    ]


def word_list(name: str, terms: tuple[str, ...]) -> Shape:
    """A named list of alternatives."""
    return {"name": name, "terms": list(terms)}


def lists(known: Mapping[str, tuple[str, ...]]) -> list[Shape]:
    """Every list, by name."""
    return [word_list(name, terms) for name, terms in sorted(known.items())]
