"""What the method finds in a set of series made for it: a floor, so that a loss is seen.

Each series has a stretch that is unusual in that series; what is unusual in one is usual in another.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from stream.core.detection import Detector
from tests.core.detection.series import DAY_MS, MINUTE_MS

STEP_MS = 5 * MINUTE_MS
DAY = DAY_MS // STEP_MS
ROWS = 14 * DAY
PROBATION = 600
BEGINS, ENDS = 9 * DAY + 150, 9 * DAY + 250
SEEDS = range(5)

FOUND = 0.9
FALSE_ALARMS_A_SERIES = 3.0

Series = Callable[[random.Random, int, bool], float]


def level(rng: random.Random, i: int, unusual: bool) -> float:
    return 20 + rng.gauss(0, 2) + 6 * unusual


def heavy_tails(rng: random.Random, i: int, unusual: bool) -> float:
    return math.exp(rng.gauss(2, 1)) * (4 if unusual else 1)


def usual_spikes(rng: random.Random, i: int, unusual: bool) -> float:
    return 5 + rng.gauss(0, 1) + 50 * (rng.random() < (0.3 if unusual else 0.01))


def daily_rhythm(rng: random.Random, i: int, unusual: bool) -> float:
    rhythm = 0.0 if unusual else 10 * math.sin(i / DAY * 2 * math.pi)
    return 50 + rhythm + rng.gauss(0, 1)


def more_noise(rng: random.Random, i: int, unusual: bool) -> float:
    return 50 + rng.gauss(0, 5 if unusual else 1)


def outage(rng: random.Random, i: int, unusual: bool) -> float:
    return 0.0 if unusual else float(round(40 + 15 * math.sin(i / DAY * 2 * math.pi) + rng.gauss(0, 4)))


def few(rng: random.Random, i: int, unusual: bool) -> float:
    return float(rng.random() < 0.1) + (2.0 if unusual and i % 3 == 0 else 0.0)


def drift(rng: random.Random, i: int, unusual: bool) -> float:
    return 100 + i / 100 + rng.gauss(0, 3) + 15 * unusual


ALL = (level, heavy_tails, usual_spikes, daily_rhythm, more_noise, outage, few, drift)


def alarms(series: Series, seed: int, *, planted: bool) -> list[int]:
    rng, detector = random.Random(seed), Detector(STEP_MS)
    judged = [
        detector.update(i * STEP_MS, series(rng, i, planted and BEGINS <= i < ENDS)) for i in range(ROWS)
    ]
    return [i for i, judgement in enumerate(judged) if judgement.anomaly and i >= PROBATION]


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, int], list[int]]:
    return {(series.__name__, seed): alarms(series, seed, planted=True) for series in ALL for seed in SEEDS}


def test_nine_of_ten_unusual_stretches_are_found(found: dict[tuple[str, int], list[int]]) -> None:
    missed = [key for key, rows in found.items() if not any(BEGINS <= i < ENDS for i in rows)]
    assert len(missed) <= (1 - FOUND) * len(found), missed


def test_false_alarms_are_few(found: dict[tuple[str, int], list[int]]) -> None:
    false = {key: sum(not BEGINS <= i < ENDS + DAY for i in rows) for key, rows in found.items()}
    assert sum(false.values()) <= FALSE_ALARMS_A_SERIES * len(found), false
