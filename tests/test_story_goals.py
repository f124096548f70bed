"""The goals of placing, on a stream that nothing was tuned on: one alert for a story, and no story lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.stories import main, posting_bytes, read, run, score
from tests.bench.wire_stream import LOOK_ALIKES, stream

LARGEST = 700  # bytes of fingerprints for one item in the store
pytestmark = pytest.mark.slow


def test_copies_find_their_story_and_look_alikes_stay_out(tmp_path: Path) -> None:
    records = stream(101, 250)
    database = tmp_path / "stories.db"
    reached = score(run(records, database))
    kinds = reached["kinds"]
    assert isinstance(kinds, dict)
    assert reached["precision"] >= 0.98  # type: ignore[operator]
    assert reached["recall"] >= 0.97  # type: ignore[operator]
    assert reached["numbers_flagged"] >= 0.95  # type: ignore[operator]
    for kind in ("teaser200", "teaser400", "first_sentence"):
        assert kinds[kind]["recall"] >= 0.93  # a few dozen a stream
    for kind in LOOK_ALIKES:
        assert kinds[kind]["wrong"] <= 0.04 * kinds[kind]["items"]
    assert posting_bytes(database) <= LARGEST * len(records)


def test_the_bench_reads_a_stream_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = stream(5, 12)
    path = tmp_path / "stream.jsonl"
    lines = [json.dumps({name: getattr(record, name) for name in record.__slots__}) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert list(read(lines)) == records
    main(["--stream", str(path)])
    answer = json.loads(capsys.readouterr().out)
    assert answer["items"] == len(records)
    assert {"precision", "recall", "kinds", "ms_cpu", "bytes_per_item"} <= answer.keys()
