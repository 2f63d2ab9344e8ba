"""The core's benchmark: batches in turns, and a whole comparison of a tree with itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.core import in_batches
from bench.input import Record

ROOT = Path(__file__).resolve().parent.parent.parent


def test_batches_are_of_one_partition_each_with_offsets_going_on() -> None:
    chunks = [[records(0, 3), records(1, 1)], [records(0, 2), records(1, 4)]]
    got = [(batch.partition, [each.offset for each in batch.records]) for batch in in_batches(chunks, 3)]
    assert got == [(0, [0, 1, 2]), (1, [0, 1, 2]), (0, [3, 4]), (1, [3, 4])]


def test_a_tree_beside_itself_says_the_same(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    options = ["--events", "4000", "--persons", "500", "--partitions", "2", "--rounds", "1", "--rate", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.core", *options, "--against", str(ROOT), "--json", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "outputs: the same in both" in done.stdout
    assert "changes: the same in both" in done.stdout
    (figures,) = json.loads(out.read_text()).values()
    assert [figure["step"] for figure in figures] == [
        *("process", "take_outputs", "take_changes"),
        *("all", "read", "orjson.loads"),
    ]


def records(partition: int, count: int) -> list[Record]:
    return [Record(b"%d" % partition, b"{}", 0)] * count
