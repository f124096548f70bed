"""What arrives together is stored together, and stands or falls by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service import failpoints
from service.actions.rounds import Tally
from service.model import Cursor, Document, Failure, FailureKind, Fetched, Link, Source, SourceState
from tests.newsroom import MARKET, PRICES, TRIP, Entry, Room, changed, newsroom, open_app, rss

LEASE = timedelta(minutes=1)
COPY = changed(TRIP, key="p-9", headline="Kim Jong Un auf Reise", link="https://other.example/4711")


@pytest.fixture
def room(tmp_path: Path, database_url: str) -> Iterator[Room]:
    with newsroom(tmp_path, database={"url": database_url}) as made:
        yield made


def claimed(room: Room, *sources: Source) -> list[Source]:
    """These sources, stored and in our hand."""
    app, node = room.app, room.app.node
    with app.store.begin() as tx:
        for source in sources:
            tx.sources.add(source, app.store.now())
        found = tx.sources.claim_all(app.store.now(), LEASE, node.id)
    return sorted(found, key=lambda source: source.id)


def wires(count: int) -> list[Source]:
    return [Source(name=f"wire-{n}", url=f"https://wire-{n}.example/") for n in range(count)]


def fetched(source: Source, *entries: Entry) -> Fetched:
    document = Document(body=rss(*entries), url=source.url)
    return Fetched(source=source, cursor=Cursor(), documents=(document,), status=200)


def stored(room: Room) -> list[tuple[str, int]]:
    """The headlines of all items with their stories, in the order in which they came."""
    with room.app.store.read() as tx:
        return sorted((item.headline, item.story) for item in tx.items.list())


@pytest.fixture
def passed() -> Iterator[Counter[str]]:
    """How often each place of the path was passed."""
    places: Counter[str] = Counter()
    failpoints.listen(lambda name: places.update([name]))
    yield places
    failpoints.listen(lambda _name: None)


def test_documents_that_arrive_together_are_stored_in_one_transaction(
    room: Room, passed: Counter[str]
) -> None:
    one, other = claimed(room, *wires(2))
    assert room.app.pipeline.intake([fetched(one, TRIP), fetched(other, MARKET)]) == 2
    assert passed["parsed"] == 2
    assert passed["committed"] == 1
    assert [room.source(source.name).last_item_at is not None for source in (one, other)] == [True, True]


def test_an_item_knows_what_arrived_together_with_it(room: Room) -> None:
    one, other = claimed(room, *wires(2))
    room.app.pipeline.intake([fetched(one, TRIP), fetched(other, COPY)])
    assert len(stored(room)) == 2
    assert len({story for _, story in stored(room)}) == 1


def test_a_source_that_another_node_has_by_now_takes_no_other_with_it(room: Room) -> None:
    tally = room.app.listen(Tally())
    room.add_rule('"Kim Jong Un"')
    one, late, other = claimed(room, *wires(3))
    late = replace(late, epoch=late.epoch - 1)
    arrived = [fetched(one, TRIP), fetched(late, PRICES), fetched(other, MARKET)]
    assert room.app.pipeline.intake(arrived) == 2
    assert {headline for headline, _ in stored(room)} == {TRIP.headline, MARKET.headline}
    assert tally.counts["source.taken-over"] == 1
    assert tally.counts["hit.open"] == 1  # nothing was said of what came to nothing


def test_a_source_that_cannot_be_taken_in_is_marked_and_takes_no_other_with_it(room: Room) -> None:
    """Its time zone has gone from the tables of zones, which shows when its habit is learned."""
    one, broken, other = claimed(room, *wires(3))
    broken = replace(broken, timezone="Europe/Atlantis", last_ok_at=room.app.store.now())
    arrived = [fetched(one, TRIP), fetched(broken, PRICES), fetched(other, MARKET)]
    assert room.app.pipeline.intake(arrived) == 2
    assert {headline for headline, _ in stored(room)} == {TRIP.headline, MARKET.headline}
    assert [room.source(source.name).failures for source in (one, broken, other)] == [0, 1, 0]
    assert "Atlantis" in room.source(broken.name).last_error


def test_what_cannot_be_laid_aside_or_let_go_of_is_its_own_source_s_failure(room: Room) -> None:
    """A file that cannot be moved, since its folder became read-only, before it was stored or after."""

    def refuse(*_: str) -> None:
        raise OSError("Read-only file system")

    bad, kept, same, other = claimed(room, *wires(4))
    unreadable = replace(fetched(bad), documents=(Document(body=b"%PDF-1.7"),), reject=refuse)
    unchanged = Fetched(source=same, cursor=Cursor(), status=304, acknowledge=refuse)
    arrived = [
        unreadable,
        replace(fetched(kept, TRIP), acknowledge=refuse),
        unchanged,
        fetched(other, MARKET),
    ]
    assert room.app.pipeline.intake(arrived) == 2
    assert {headline for headline, _ in stored(room)} == {TRIP.headline, MARKET.headline}
    assert [room.source(each.name).failures for each in (bad, kept, same, other)] == [1, 1, 1, 0]
    assert "Read-only" in room.source(kept.name).last_error


def test_an_entry_that_was_wrongly_recalled_is_read_again_beside_the_others(room: Room) -> None:
    one, other = claimed(room, *wires(2))
    room.app.pipeline.intake([fetched(one, MARKET)])
    again = changed(TRIP, key=MARKET.key)
    assert room.app.pipeline.intake([fetched(one, again, MARKET), fetched(other, PRICES)]) == 2
    assert len(stored(room)) == 3


def test_ids_that_were_given_back_are_not_taken_for_what_had_them(room: Room) -> None:
    """Another process stores something else under them; its copy is known by its own text."""
    late, other, portal = claimed(room, *wires(3))
    assert room.app.pipeline.intake([fetched(replace(late, epoch=-1), MARKET)]) == 0
    second = open_app(room.folder, room.settings)
    assert second.pipeline.intake([fetched(other, TRIP)]) == 1
    second.close()
    room.app.pipeline.intake([fetched(portal, changed(COPY, text=f"{TRIP.text} Mehr folgt in Kürze."))])
    with room.app.store.read() as tx:
        links = [tx.items.placement(item.id).link for item in tx.items.list()]
    assert links == [Link.COPY, Link.FIRST]  # the newest first


def test_of_several_documents_everybody_who_takes_in_has_a_share(room: Room) -> None:
    pipeline, sources = room.app.pipeline, claimed(room, *wires(9))
    for source in sources:
        pipeline.arrived.put(fetched(source, TRIP))
    taken = [len(pipeline.arrivals(timeout=0)) for _ in range(4)]
    assert taken[0] == 1 + 8 // room.app.config.poll.workers
    assert taken == sorted(taken, reverse=True)
    assert pipeline.arrivals(timeout=0) or sum(taken) == 9


def test_unchanged_and_failed_sources_arrive_with_the_changed_ones(room: Room) -> None:
    pipeline, (one, same, dead) = room.app.pipeline, claimed(room, *wires(3))
    results: Sequence[Fetched | Failure] = [
        Fetched(source=same, cursor=Cursor(), status=304),
        Failure(source=dead, kind=FailureKind.STATUS, reason="the server answers 500"),
        fetched(one, TRIP),
    ]
    for result in results:
        pipeline.arrived.put(result)
    arrived = pipeline.arrivals(timeout=0)
    assert arrived == results
    assert pipeline.intake(arrived) == 1
    assert [room.source(each.name).failures for each in (one, same, dead)] == [0, 0, 1]
    assert room.source(same.name).state is SourceState.OK
