"""The shapes of nouns as programs see them: what `--json` prints and the API answers, by theme.

Nothing secret is in any of them.
"""

from service.actions.shapes.alerts import (
    alert,
    alert_view,
    attempt,
    delivery,
    preview,
    story_view,
    timeline,
    told,
)
from service.actions.shapes.people import group, person, token, user
from service.actions.shapes.rules import (
    NEWEST,
    backtest,
    evidence,
    explanation,
    hit,
    lists,
    news,
    quality,
    result,
    rule,
    search,
    trial,
    word_list,
)
from service.actions.shapes.shift import absent, change, gap, silence, why
from service.actions.shapes.stories import item, placement, sighting, story
from service.actions.shapes.wires import look, source
from service.actions.shapes.written import Shape, span, when

__all__ = [
    "NEWEST",
    "Shape",
    "absent",
    "alert",
    "alert_view",
    "attempt",
    "backtest",
    "change",
    "delivery",
    "evidence",
    "explanation",
    "gap",
    "group",
    "hit",
    "item",
    "lists",
    "look",
    "news",
    "person",
    "placement",
    "preview",
    "quality",
    "result",
    "rule",
    "search",
    "sighting",
    "silence",
    "source",
    "span",
    "story",
    "story_view",
    "timeline",
    "token",
    "told",
    "trial",
    "user",
    "when",
    "why",
    "word_list",
]
