"""dpa wireQ: a queue of wire items over HTTP, from which each is deleted when it is safe with us.

    wireq://HOST/PATH        GET https://HOST/PATH/entries.json, a list of entries, each with its receipt
                             DELETE https://HOST/PATH/entry/RECEIPT, after the commit
    wireq+http://HOST/PATH   the same without TLS

Retry-After of the answer says when to ask again. What is not deleted comes again after a while, so that a
crash between commit and DELETE repeats an item, which is known again, and loses none.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from urllib.parse import quote

from service.fetch.http import Client, Result
from service.model import Cursor, Failure, FailureKind, Source

RECEIPT = "_wireq_receipt"
AS_IT_CAME = "/+=%:@,;~"  # a receipt is sent back as it was given

log = logging.getLogger(__name__)


def read(source: Source, client: Client) -> Result:
    """What is in the queue, a document an entry. Acknowledged, those entries are deleted from it."""
    base = base_of(source.url)
    result = client.start(replace(source, url=f"{base}/entries.json", cursor=Cursor())).result()
    if isinstance(result, Failure):
        return replace(result, source=source)
    try:
        entries = [entry for answer in result.documents for entry in _entries(answer.body)]
    except ValueError as error:
        reason = f"the queue's answer is not what wireQ sends: {error}"
        return Failure(source=source, kind=FailureKind.UNREADABLE, reason=reason)
    receipts: dict[str, str] = {}
    documents = []
    for number, entry in enumerate(entries):
        name = str(entry.get("entry_id") or number)
        receipts[name] = str(entry.pop(RECEIPT, ""))
        body = json.dumps({"entries": [entry]}).encode()
        documents.append(replace(result.documents[0], body=body, name=name))

    def acknowledge() -> None:
        _delete(source, client, base, [receipt for receipt in receipts.values() if receipt])

    def reject(name: str, reason: str) -> None:
        """It stays in the queue, which forgets it in time: a later version of ours may read it."""
        receipts.pop(name, None)
        log.warning("%s: entry %s stays in the queue: %s", source.name, name, reason)

    return replace(
        result,
        source=source,
        cursor=source.cursor,
        documents=tuple(documents),
        acknowledge=acknowledge if receipts else None,
        reject=reject,
    )


def base_of(url: str) -> str:
    """The HTTP URL that the paths of the queue are appended to."""
    scheme, _, rest = url.partition(":")
    return ("http:" if scheme == "wireq+http" else "https:") + rest.partition("?")[0].rstrip("/")


def _entries(body: bytes) -> list[dict[str, object]]:
    """The entries of an answer; raises ValueError where it is none."""
    try:
        answer = json.loads(body or b"{}")
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    entries = answer.get("entries", []) if isinstance(answer, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("it holds no list of entries")
    return entries


def _delete(source: Source, client: Client, base: str, receipts: list[str]) -> None:
    """Delete the entries. One that cannot be deleted comes again, and is known again."""
    urls = [f"{base}/entry/{quote(receipt, safe=AS_IT_CAME)}" for receipt in receipts]
    try:
        under_way = [client.start(replace(source, url=url), method="DELETE") for url in urls]
    except RuntimeError:  # the monitor stops
        return
    for future in under_way:
        result = future.result()
        if isinstance(result, Failure):
            log.warning("%s: an entry could not be deleted: %s", source.name, result.reason)
