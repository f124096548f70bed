"""The hits of a rule for feed readers, under a secret address, and as tables for whoever is signed in.

A feed shows headlines and leads, and never the address of a source, which may hold a password. What was
withdrawn leaves a tombstone: a reader that knows them deletes the entry (RFC 6721), another sees it no more.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from service.actions import exports
from service.actions.exports import Found
from service.actions.people import digest
from service.actions.shapes import when
from service.deliver.dialect import clean
from service.model import Rule
from service.web.auth import Door, Monitor, Reader
from service.web.drawing import outside
from service.web.editor import base_url
from service.web.names import Name
from service.web.problems import as_json

LEAD = 500  # characters of an entry

router = APIRouter(tags=["feeds"])


@router.get("/feeds/{secret}.atom", response_class=Response)
def atom(request: Request, app: Door, secret: str) -> Response:
    """The stories that a rule hit, as an Atom feed (RFC 4287)."""
    rule, found = exports.by_secret(app, digest(secret))
    return _answer(
        request, _atom(rule, found, base_url(request, app)).encode("utf-8", "replace"), "application/atom+xml"
    )


@router.get("/feeds/{secret}.json", response_class=Response)
def json_feed(request: Request, app: Door, secret: str) -> Response:
    """The stories that a rule hit, as a JSON Feed 1.1."""
    rule, found = exports.by_secret(app, digest(secret))
    base = base_url(request, app)
    body = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": clean(rule.name),
        "home_page_url": f"{base}/",
        "items": [
            {
                "id": _id(one, base),
                "url": outside(one.item.link) or f"{base}/stories/{one.story.id}",
                "title": clean(one.item.headline),
                "content_text": clean(one.item.lead[:LEAD]),
                "date_published": when(one.hit.at),
                "date_modified": when(one.changed_at),
                "tags": one.words,
                "authors": [{"name": one.source}],
                **({"language": one.item.language} if one.item.language else {}),
            }
            for one in found
            if not one.withdrawn
        ],
        "_withdrawn": [
            {"id": _id(one, base), "at": when(one.story.updated_at)} for one in found if one.withdrawn
        ],
    }
    return _answer(request, as_json(body), "application/feed+json")


def _answer(request: Request, body: bytes, kind: str) -> Response:
    """The feed with its validator, or 304 to whoever has it already."""
    etag = f'"{digest(body.decode("utf-8", "replace"))[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=60"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)


def _id(one: Found, base: str) -> str:
    """A tag URI (RFC 4151): the same for all versions of a story, whatever the address of the desk."""
    return f"tag:{urlsplit(base).hostname},2026:story/{one.story.id}"


def _atom(rule: Rule, found: list[Found], base: str) -> str:
    newest = when(exports.updated(found) or rule.created_at) or ""
    entries = "".join(_tombstone(one, base) if one.withdrawn else _entry(one, base) for one in found)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">'
        f"<id>tag:{escape(urlsplit(base).hostname or '')},2026:rule/{rule.id}</id>"
        f"<title>{_text(rule.name)}</title><updated>{newest}</updated>"
        f"<link href={quoteattr(base + '/')}/><author><name>Wire Monitor</name></author>{entries}</feed>\n"
    )


def _entry(one: Found, base: str) -> str:
    link = outside(one.item.link) or f"{base}/stories/{one.story.id}"
    words = "".join(f"<category term={quoteattr(_plain(word))}/>" for word in one.words)
    language = f" xml:lang={quoteattr(_plain(one.item.language))}" if one.item.language else ""
    return (
        f"<entry{language}><id>{escape(_id(one, base))}</id><title>{_text(one.item.headline)}</title>"
        f"<link href={quoteattr(_plain(link))}/><published>{when(one.hit.at)}</published>"
        f"<updated>{when(one.changed_at)}</updated>"
        f"<author><name>{_text(one.source)}</name></author>"
        f"<summary>{_text(one.item.lead[:LEAD])}</summary>{words}</entry>"
    )


def _tombstone(one: Found, base: str) -> str:
    """RFC 6721: this entry was deleted, and when."""
    gone = when(one.story.updated_at or one.hit.at) or ""
    return f"<at:deleted-entry ref={quoteattr(_id(one, base))} when={quoteattr(gone)}/>"


def _text(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    """What XML 1.0 may hold (2.2), on one line."""
    return "".join(c for c in clean(text) if not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")


@router.get("/rules/{name}/hits.csv", response_class=Response)
def table(app: Monitor, _: Reader, name: Name) -> Response:
    """The hits of a rule as a table."""
    text = exports.as_csv(exports.hits(app, name))
    return _file(text.encode("utf-8", "replace"), "text/csv; charset=utf-8", "hits.csv")


@router.get("/rules/{name}/hits.jsonl", response_class=StreamingResponse)
def lines(app: Monitor, _: Reader, name: Name) -> Response:
    """The hits of a rule, a line of JSON each."""
    found = exports.hits(app, name)
    response = StreamingResponse(exports.as_lines(found), media_type="application/jsonl")
    response.headers["Content-Disposition"] = 'attachment; filename="hits.jsonl"'
    return response


def _file(body: bytes, kind: str, name: str) -> Response:
    return Response(body, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
