"""Sources, and what is brought in by hand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from service.actions import opml, rounds, shapes, sources
from service.actions.people import record
from service.actions.shapes import Shape
from service.model import Document, Source, SourceState
from service.web.api.exchange import Body, Json, OnceRoute, Span, span
from service.web.auth import Monitor, Reader, Writer
from service.web.names import Name

router = APIRouter(prefix="/sources", tags=["sources"], route_class=OnceRoute, default_response_class=Json)
beside = APIRouter(tags=["sources"], route_class=OnceRoute, default_response_class=Json)


class Settings(Body):
    """What may be said of a source; `every` and `cron` exclude each other, null takes back."""

    name: str | None = None
    format: str | None = None
    language: str | None = None
    timezone: str | None = None
    every: Span | None = None
    cron: str | None = None
    tags: list[str] | None = None
    auth_env: str | None = None


class NewSource(Settings):
    """A source to be polled."""

    url: str


class Edited(Settings):
    """What is changed."""

    url: str | None = None


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a source; null becomes the empty value that means: nothing said."""
    fields = {name: "" if value is None else value for name, value in given.items()}
    if "every" in fields:
        fields["every"] = span(given["every"])
    if "tags" in fields:
        fields["tags"] = tuple(given["tags"] or ())
    if "timezone" in fields:
        fields["timezone"] = given["timezone"] or Source(name="", url="").timezone
    return fields


@router.get("")
def list_sources(app: Monitor, _: Reader, state: SourceState | None = None, tag: str = "") -> list[Shape]:
    """All sources by name, or those in a state or with a tag."""
    return [shapes.source(one) for one in sources.listed(app, state=state, tag=tag)]


@router.post("", status_code=201)
def add_source(app: Monitor, who: Writer, body: NewSource) -> Shape:
    """Poll a feed or a wire from now on; the answer says what a first look found."""
    wanted = Source(**{"name": "", **_fields(body.given())})
    who.stays_outside(wanted.url, wanted.auth_env)
    look = sources.add(app, wanted)
    record(app, who.name, "add-source", look.source.name)
    return shapes.source(look.source) | {"look": shapes.look(look)}


@router.get("/{name}")
def show_source(app: Monitor, _: Reader, name: Name) -> Shape:
    """One source."""
    return shapes.source(sources.named(app, name))


@router.patch("/{name}")
def edit_source(app: Monitor, who: Writer, name: Name, body: Edited) -> Shape:
    """Change the settings of a source; it is due at once."""
    fields = _fields(body.given())
    if "url" in fields or fields.get("auth_env"):
        before = sources.named(app, name)
        who.stays_outside(fields.get("url", before.url), fields.get("auth_env", before.auth_env))
    edited = sources.edit(app, name, **fields)
    record(app, who.name, "edit-source", edited.name, body.given())
    return shapes.source(edited)


@router.delete("/{name}")
def remove_source(app: Monitor, who: Writer, name: Name) -> Shape:
    """Remove a source; its items stay."""
    removed = sources.remove(app, name)
    record(app, who.name, "remove-source", name)
    return shapes.source(removed)


@router.post("/{name}/pause")
def pause_source(app: Monitor, who: Writer, name: Name) -> Shape:
    """Stop polling a source for now."""
    paused = sources.pause(app, name)
    record(app, who.name, "pause-source", name)
    return shapes.source(paused)


@router.post("/{name}/resume")
def resume_source(app: Monitor, who: Writer, name: Name) -> Shape:
    """Poll a source again, at once."""
    resumed = sources.resume(app, name)
    record(app, who.name, "resume-source", name)
    return shapes.source(resumed)


@beside.get("/check-source")
def check_source(
    app: Monitor, who: Writer, of: Annotated[str, Query(description="a name or a URL")]
) -> Shape:
    """A look at a source or a URL, storing nothing."""
    who.stays_outside(of)
    return shapes.look(sources.check(app, of))


@beside.post("/poll")
def poll(app: Monitor, who: Writer, names: list[str]) -> list[Shape]:
    """Make sources due at once; the daemon fetches them within a second."""
    polled = [shapes.source(sources.resume(app, name)) for name in names]
    record(app, who.name, "poll", ", ".join(names))
    return polled


INGEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@beside.get("/export-opml")
def export_opml(app: Monitor, _: Reader, tag: str = "") -> Shape:
    """All sources, or those with a tag, as OPML for another reader; no secret is in it."""
    text, count = opml.export(app, tag=tag)
    return {"sources": count, "opml": text}


@beside.post("/import-opml", openapi_extra=INGEST)
async def import_opml(request: Request, app: Monitor, who: Writer, tag: str = "") -> Shape:
    """Poll every feed of an OPML document; what is polled already stays, a bad entry is named."""
    body = await request.body()

    def take() -> opml.Imported:
        for entry in opml.entries(body):
            if isinstance(entry, Source):
                who.stays_outside(entry.url, entry.auth_env)
        done = opml.import_feeds(app, body, tags=[tag] if tag else [])
        record(app, who.name, "import-opml", "", {"added": len(done.added), "known": len(done.known)})
        return done

    return (await run_in_threadpool(take)).shape()


@beside.post("/ingest", openapi_extra=INGEST)
async def ingest(
    request: Request, app: Monitor, who: Writer, source: str = rounds.INGEST, name: str = ""
) -> Shape:
    """Read a document of any format as items, match them and tell; a document that is none is refused."""
    document = Document(body=await request.body(), name=name[:200], received_at=app.store.now())

    def take() -> int:
        new = rounds.receive(app, document, source)
        record(app, who.name, "ingest", name or source)
        return new

    return {"new_items": await run_in_threadpool(take), "source": source}
