"""The benchmark of reading: each step goes over all records, the least time of each batch counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.decode import STEPS, batches_of, least_seconds


def test_every_step_goes_over_all_of_a_real_input_bad_records_included() -> None:
    batches = batches_of(2_000)
    assert sum(map(len, batches)) >= 2_000
    seconds = least_seconds(STEPS, batches, 3)
    assert seconds.keys() == STEPS.keys()
    assert all(spent > 0 for spent in seconds.values())
    assert seconds["scan"] < seconds["decode"] < seconds["read, entry"]


def test_each_step_has_each_batch_once_a_round_and_its_best_time_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    takes = {"a": iter([5.0, 1.0, 2.0, 4.0]), "b": iter([1.0, 1.0, 1.0, 1.0])}
    seen: dict[str, list[bytes]] = {"a": [], "b": []}
    monkeypatch.setattr("bench.decode.time.process_time", lambda: clock[0])

    def step(name: str) -> None:
        def run(values: Sequence[bytes]) -> None:
            clock[0] += next(takes[name])
            seen[name] += values

        steps[name] = run

    steps: dict[str, object] = {}
    step("a")
    step("b")
    # batch one took a 5 and then 2, batch two 1 and then 4
    least = least_seconds(steps, [[b"1"], [b"2"]], 2)  # type: ignore[arg-type]
    assert least == {"a": 2.0 + 1.0, "b": 2.0}
    assert seen == {"a": [b"1", b"2"] * 2, "b": [b"1", b"2"] * 2}
