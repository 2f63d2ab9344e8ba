"""Latency of events and records: what is sampled for how many, and that it counts once it is committed."""

from __future__ import annotations

from itertools import count

import orjson
import pytest
from aiokafka import ConsumerRecord

from stream.agents import latency
from stream.agents.activity import ActivityState
from stream.agents.dead_letters import DeadLetterGuard
from stream.core.definition import Definition
from stream.core.partition import Partition
from stream.metrics import Metrics, WeightedHistogram

NOON = 1_767_268_800_000  # 2026-01-01T12:00Z
_offsets = count()


class Scene:
    """A partition's state, at NOON by the clock unless a test says otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = NOON
        monkeypatch.setattr(latency.time, "time", lambda: self.now_ms / 1000)
        self.metrics = Metrics()
        guard = DeadLetterGuard("events", 0, 1.0)
        self.state = ActivityState(Partition(Definition()), guard, self.metrics)

    def commit(self) -> None:
        self.state.take_outputs()
        self.state.written()

    def observed(self) -> dict[str, tuple[float, float]]:
        """Number and sum of both histograms."""
        return {
            name: (value(histogram, "_count"), value(histogram, "_sum"))
            for name, histogram in (
                ("event", self.metrics.event_latency),
                ("arrival", self.metrics.arrival_latency),
            )
        }


def value(histogram: WeightedHistogram, suffix: str) -> float:
    [found] = [
        sample.value
        for family in histogram.collect()
        for sample in family.samples
        if sample.name.endswith(suffix)
    ]
    return found


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def event(*, ago_s: float, arrived_s: float, name: str = "p") -> ConsumerRecord[bytes, bytes]:
    """By the clock at NOON."""
    offset = next(_offsets)
    body = {
        "messageId": f"m{offset}",
        "type": "page",
        "userId": name,
        "timestamp": NOON - round(ago_s * 1000),
    }
    return record(orjson.dumps(body), arrived_s, name, offset)


def record(
    body: bytes, arrived_s: float, name: str = "p", offset: int | None = None
) -> ConsumerRecord[bytes, bytes]:
    offset = next(_offsets) if offset is None else offset
    arrived_ms = NOON - round(arrived_s * 1000)
    return ConsumerRecord("events", 0, offset, arrived_ms, 0, name.encode(), body, None, 1, len(body), ())


NOTHING = {"event": (0, 0), "arrival": (0, 0)}


def test_what_is_committed_counts_and_nothing_before(scene: Scene) -> None:
    scene.state.process([event(ago_s=3, arrived_s=2)] * 1)
    assert scene.observed() == NOTHING
    scene.state.take_outputs()
    scene.state.process([event(ago_s=1, arrived_s=1)])
    assert scene.observed() == NOTHING
    scene.now_ms += 500
    scene.state.written()
    assert scene.observed() == {"event": (1, 3.5), "arrival": (1, 2.5)}
    scene.commit()
    assert scene.observed() == {"event": (2, 5), "arrival": (2, 4)}
    scene.commit()
    assert scene.observed() == {"event": (2, 5), "arrival": (2, 4)}


def test_the_one_in_the_middle_stands_for_all_that_are_processed_in_one_go(scene: Scene) -> None:
    scene.state.process([event(ago_s=10 - n, arrived_s=5 - n / 2) for n in range(9)])
    scene.commit()
    assert scene.observed() == {"event": (9, 9 * 6), "arrival": (9, 9 * 3)}


def test_only_what_was_applied_counts_and_is_a_sample(scene: Scene) -> None:
    scene.state.process([event(ago_s=60, arrived_s=60)])
    hour = 3_600
    late = event(ago_s=10 * hour, arrived_s=0)
    repeat = event(ago_s=2, arrived_s=2)
    scene.state.process([record(b"{}", 100), repeat, late, record(b"?", 200), repeat])
    scene.commit()
    assert scene.observed() == {"event": (2, 62), "arrival": (2, 62)}


def test_events_without_a_sample_count_with_the_next(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "MOST_TRIED", 1)
    scene.state.process([event(ago_s=60, arrived_s=60), record(b"?", 1)])
    scene.commit()
    assert scene.observed() == NOTHING
    scene.state.process([event(ago_s=2, arrived_s=1)])
    scene.commit()
    assert scene.observed() == {"event": (2, 4), "arrival": (2, 2)}


def test_a_clock_that_is_ahead_makes_it_nothing_not_less(scene: Scene) -> None:
    scene.state.process([event(ago_s=-30, arrived_s=-5)])
    scene.commit()
    assert scene.observed() == {"event": (1, 0), "arrival": (1, 0)}


def test_many_at_once_are_as_many_one_by_one() -> None:
    histograms = Metrics().event_latency, Metrics().event_latency
    for amount in (0.0, 0.05, 0.051, 7_200.0, 1e9):
        histograms[0].observe_many(amount, 3)
        for _ in range(3):
            histograms[1].observe(amount)
    first, second = (
        [(sample.labels, sample.value) for family in one.collect() for sample in family.samples]
        for one in histograms
    )
    assert first == second
