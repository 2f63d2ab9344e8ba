"""Counts and ratios: what is found, how soon, and what is left alone."""

from __future__ import annotations

import random

import pytest

from stream.core.detection import Detector
from tests.core.detection.series import DAY_MS, MINUTE_MS, fed, learned, poisson, shop

STEP_MS = 5 * MINUTE_MS
DAY = DAY_MS // STEP_MS
NOON = DAY // 2
PEAK = 600.0


@pytest.fixture(scope="module")
def month() -> bytes:
    """A detector of people, five minutes a window, that has seen four weeks."""
    rng = random.Random(1)
    detector = Detector(STEP_MS, kind="count")
    return learned(detector, STEP_MS, 28 * DAY, lambda t: poisson(rng, shop(t, PEAK))).state()


@pytest.mark.parametrize(("factor", "out"), [(0.5, "below"), (2.0, "above")])
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_an_outage_and_a_viral_spike_are_found_within_three_windows(
    month: bytes, factor: float, out: str, seed: int
) -> None:
    detector, rng, start = Detector.restore(month), random.Random(seed), 28 * DAY
    for _ in fed(detector, STEP_MS, start, start + NOON, lambda t: poisson(rng, shop(t, PEAK))):
        pass
    found = [
        (value > judgement.upper) if out == "above" else (value < judgement.lower)
        for t in range(start + NOON, start + NOON + 3)
        for value in [poisson(rng, factor * shop(t * STEP_MS, PEAK))]
        for judgement in [detector.update(t * STEP_MS, value)]
    ]
    assert any(found)


def test_weeks_without_anything_unusual_have_no_anomaly(month: bytes) -> None:
    detector, rng = Detector.restore(month), random.Random(5)
    judged = fed(detector, STEP_MS, 28 * DAY, 42 * DAY, lambda t: poisson(rng, shop(t, PEAK)))
    assert [i for i, judgement in judged if judgement.anomaly] == []


def test_a_weekend_is_expected_once_two_have_been_seen() -> None:
    rng, detector = random.Random(6), Detector(STEP_MS, kind="count")
    learned(detector, STEP_MS, 26 * DAY, lambda t: poisson(rng, shop(t, PEAK)))
    saturday_noon = (26 * DAY + NOON) * STEP_MS
    assert shop(saturday_noon, PEAK) < shop(saturday_noon - DAY_MS, PEAK)
    judged = fed(detector, STEP_MS, 26 * DAY, 28 * DAY, lambda t: poisson(rng, shop(t, PEAK)))
    errors = [abs(judgement.expected / shop(i * STEP_MS, PEAK) - 1) for i, judgement in judged]
    assert sum(errors) / len(errors) < 0.1


def test_a_level_that_stays_becomes_the_normal_one(month: bytes) -> None:
    detector, rng, start = Detector.restore(month), random.Random(7), 28 * DAY + NOON
    judged = list(fed(detector, STEP_MS, start, start + 2 * DAY, lambda t: poisson(rng, 1.6 * shop(t, PEAK))))
    assert any(judgement.anomaly for _, judgement in judged[:3])
    assert not any(judgement.anomaly for _, judgement in judged[DAY:])


def test_outliers_do_not_widen_the_band(month: bytes) -> None:
    def width(data: bytes) -> float:
        judgement = Detector.restore(data).judge((30 * DAY + NOON) * STEP_MS, 0.0)
        return (judgement.upper - judgement.lower) / judgement.expected

    quiet, outlying = Detector.restore(month), Detector.restore(month)
    rng = random.Random(8)
    for i in range(28 * DAY, 30 * DAY):
        value = poisson(rng, shop(i * STEP_MS, PEAK))
        quiet.update(i * STEP_MS, value)
        outlying.update(i * STEP_MS, value * 10 if i % 200 == 0 else value)
    assert width(outlying.state()) < 1.5 * width(quiet.state())


def test_one_event_after_a_long_silence_is_no_anomaly_and_fifty_are() -> None:
    detector = learned(Detector(STEP_MS, kind="count"), STEP_MS, 5_000, lambda t: 0)
    assert not detector.judge(5_000 * STEP_MS, 1).anomaly
    assert detector.judge(5_000 * STEP_MS, 50).anomaly


def test_the_usual_of_a_rare_event_is_no_anomaly() -> None:
    rng, detector = random.Random(9), Detector(STEP_MS, kind="count")
    values = {i: poisson(rng, 0.05) for i in range(28 * DAY)}
    judged = fed(detector, STEP_MS, 0, 28 * DAY, lambda t: values[t // STEP_MS])
    assert sum(judgement.anomaly for i, judgement in judged if i > DAY) <= 1


def test_a_share_of_few_has_wider_bounds_than_one_of_many() -> None:
    rng, detector = random.Random(10), Detector(STEP_MS, kind="ratio")
    for i in range(7 * DAY):
        people = 40 if i % 2 else 400
        detector.update(i * STEP_MS, poisson(rng, 0.1 * people) / people, trials=people)
    few = detector.judge(7 * DAY * STEP_MS, 0.1, trials=40)
    many = detector.judge(7 * DAY * STEP_MS, 0.1, trials=400)
    assert few.upper - few.lower > 2 * (many.upper - many.lower)
    assert detector.judge(7 * DAY * STEP_MS, 0.02, trials=400).anomaly
    assert not detector.judge(7 * DAY * STEP_MS, 0.02, trials=40).anomaly


def test_the_share_of_nobody_is_missing() -> None:
    detector = Detector(STEP_MS, kind="ratio")
    before = learned(detector, STEP_MS, 100, lambda t: 0.1).state()
    assert detector.update(100 * STEP_MS, 0.0, trials=0).score == 0.0
    assert detector.state() == before


def test_bounds_are_where_the_score_reaches_the_sensitivity(month: bytes) -> None:
    detector, t_ms = Detector.restore(month), (28 * DAY + NOON) * STEP_MS
    _, lower, upper, _, _ = detector.judge(t_ms, 0.0)
    for inside, outside in ((lower + 1, lower - 1), (upper - 1, upper + 1)):
        assert not detector.judge(t_ms, inside).anomaly
        assert detector.judge(t_ms, outside).anomaly
