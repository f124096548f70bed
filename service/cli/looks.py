"""What a look at a source found, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.cli.terminal import dim, length, local, safe
from service.cli.words import _, number, told

if TYPE_CHECKING:
    from service.actions.looking import Look

SAMPLE = 5  # headlines that are shown


def look_lines(look: Look) -> Iterator[str]:
    """The newest headlines of a look, how it is kept fresh, and what was wrong in it."""
    if look.source.url.startswith("folder:"):
        yield dim(f"  {_('what was read is moved to done/, or to bad/ with the reason')}")
    if look.parsed is None:
        return
    for item in look.newest[:SAMPLE]:
        yield f"  {local(item.published_at)}  {safe(item.headline)}"
    if (rest := len(look.newest) - SAMPLE) > 0:
        yield dim(f"  {_('… and {n} more', n=number(rest))}")
    for problem in look.parsed.problems[:SAMPLE]:
        yield f"  {_('problem')}: {safe(told(problem.what))}"
    for link in look.others[:SAMPLE]:
        yield f"  {_('another feed there')}: {safe(link.url)}" + (
            f" ({safe(link.title)})" if link.title else ""
        )
    if look.validators:
        values = (look.cursor.etag, look.cursor.last_modified)
        marks = safe(", ".join(filter(None, values)))
        fresh = look.freshness.max_age
        age = f", {_('good for {span}', span=length(fresh))}" if fresh else ""
        yield dim(f"  {_('recognized by {marks}', marks=marks)}{age}")
    elif look.source.url.startswith("http"):
        yield dim(f"  {_('it sends neither ETag nor Last-Modified: every poll transfers all of it')}")
    if look.hub:
        yield dim(f"  {_('its hub (WebSub): {url}', url=safe(look.hub))}")
