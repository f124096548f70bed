"""Settings spelled again as options, for the line that takes back what was done."""

from __future__ import annotations

from collections.abc import Iterator

from service.cli.terminal import quoted
from service.model import Rule, Source


def of_rule(rule: Rule, *fields: str) -> Iterator[str]:
    """The options that say these fields of a rule again."""
    lists = {"channels": "--to", "escalate": "--escalate", "tags": "--tag"}
    plain = {"name": "--name", "priority": "--priority", "language": "--lang", "digest": "--digest"}
    for name in fields:
        value = getattr(rule, name)
        if name == "on_updates":
            yield f"--on {'updates' if value else 'new'}"
        elif name in lists:
            yield from (f"{lists[name]} {quoted(one)}" for one in value or ("none",))
        else:
            yield f"{plain[name]} {quoted(value or 'none')}"


def of_source(source: Source) -> Iterator[str]:
    """The options that say the settings of a source again, where they are not what is usual."""
    from service.actions import shapes

    usual = Source(name=source.name, url=source.url)
    every = str(shapes.source(source)["every"])
    plain = (
        ("every", "--every", every),
        ("cron", "--cron", source.cron),
        ("language", "--lang", source.language),
        ("format", "--format", source.format),
        ("timezone", "--timezone", source.timezone),
        ("auth_env", "--auth-env", source.auth_env),
    )
    yield from (
        f"{said} {quoted(text)}"
        for name, said, text in plain
        if getattr(source, name) != getattr(usual, name)
    )
    yield from (f"--tag {quoted(tag)}" for tag in source.tags)
