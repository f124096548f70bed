"""XML from outside, by lxml with everything off that reaches out or grows (entities, DTD, network)."""

from __future__ import annotations

import html
import io
import re
from typing import TypeAlias

from lxml import etree

from service.model import Document
from service.parse.encoding import utf8
from service.parse.formats import UnreadableError, root
from service.parse.guard import possible, refuse_entities
from service.text.html import one_line, to_text

Element: TypeAlias = "etree._Element"  # noqa: SLF001 - lxml has no other name for it

LARGEST_BYTES = 16_000_000
HINT = " use XML_PARSE_HUGE option,"  # of libxml2 to its programmers, where a limit is met
REFERENCE = re.compile(rb"&(?!amp;|lt;|gt;|quot;|apos;)([A-Za-z][A-Za-z0-9]{1,31};)")
BARE = re.compile(rb"&(?!(?:\w{2,32}|#\d{1,8}|#[xX][0-9a-fA-F]{1,7});)")
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def elements(document: Document, *names: str, may_lack: bool = False) -> tuple[list[Element], str]:
    """The outermost elements of these local names, and what is wrong with the document, else "".

    Of a document that was cut off they are those that came whole; one that is only not well-formed (a bare
    `&`) is read as far as it can be understood. Each stands in its tree, so that what encloses it can be
    asked. HTML's named entities are resolved although no DTD is read.
    Raises UnreadableError where there is no such element, unless a whole document `may_lack` it.
    """
    if len(document.body) > LARGEST_BYTES:
        raise UnreadableError(f"XML of more than {LARGEST_BYTES // 1_000_000} MB")
    body = utf8(document.body, document.charset)
    refuse_entities(body)
    body = REFERENCE.sub(_numbered, possible(body))
    found, broken = _walk(body, names, recover=False)
    if broken and re.search(rb"</(?:[\w.-]+:)?" + re.escape(root(body)) + rb"\s*>\s*\Z", body[-200:]):
        found, _ = _walk(BARE.sub(b"&amp;", body), names, recover=True)
    if not found and (broken or not may_lack):
        raise UnreadableError(
            f"not readable as XML: {broken}" if broken else f"there is no <{names[0]}> in it"
        )
    return found, broken


def _walk(body: bytes, names: tuple[str, ...], *, recover: bool) -> tuple[list[Element], str]:
    """The elements up to the end or the first fault, and the fault."""
    found: list[Element] = []
    try:
        for _, element in etree.iterparse(
            io.BytesIO(body),
            events=("end",),
            tag=[f"{{*}}{name}" for name in names],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            recover=recover,
        ):
            if not any(local(ancestor) in names for ancestor in element.iterancestors()):
                found.append(element)
    except etree.XMLSyntaxError as error:
        return found, one_line((error.msg or "").replace(HINT, "")) or "not well-formed"
    return found, ""


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def path(steps: str) -> str:
    """The same path in any namespace: wires change theirs with every version of a standard."""
    return "/".join(step if step in {".", ""} else f"{{*}}{step}" for step in steps.split("/"))


def first(element: Element, *paths: str) -> Element | None:
    """The first element on the first of the paths that leads to one."""
    return next((found for steps in paths if (found := element.find(path(steps))) is not None), None)


def every(element: Element, steps: str) -> list[Element]:
    """All elements on a path."""
    return element.findall(path(steps))


def text(element: Element | None, *paths: str) -> str:
    """The text on one line inside the first of the paths (or the element itself), "" where there is none."""
    for steps in paths or (".",):
        for found in [] if element is None else every(element, steps):
            if words := one_line("".join(map(str, found.itertext(etree.Element)))):
                return words
    return ""


def attribute(element: Element | None, steps: str, name: str) -> str:
    """An attribute of the first element on a path that has it, "" where none has."""
    found = [] if element is None else [element] if steps == "." else every(element, steps)
    return next((str(value).strip() for each in found if (value := each.get(name))), "")


def paragraphs(element: Element | None) -> str:
    """What is to be read inside an element, paragraphs parted by a blank line."""
    if element is None:
        return ""
    return to_text(etree.tostring(element, encoding="unicode", with_tail=False))


def language(element: Element) -> str:
    """The `xml:lang` that holds for an element."""
    chain = (element, *element.iterancestors())
    return next((str(tag) for each in chain if (tag := each.get(LANGUAGE))), "")


def _numbered(reference: re.Match[bytes]) -> bytes:
    """An HTML entity by number; one that nobody knows stays to be seen."""
    character = html.unescape(f"&{reference[1].decode()}")
    if character.startswith("&"):
        return b"&amp;" + reference[1]
    return "".join(f"&#{ord(each)};" for each in character).encode()
