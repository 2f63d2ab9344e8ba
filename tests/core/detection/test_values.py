"""Values of any kind: what begins an unusual stretch, and what does not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from stream.core.detection import Detector
from tests.core.detection.series import DAY_MS, MINUTE_MS, fed, learned

STEP_MS = 5 * MINUTE_MS
DAY = DAY_MS // STEP_MS
LEARNED = 7 * DAY


def noise(seed: int) -> Callable[[int], float]:
    rng = random.Random(seed)
    return lambda t_ms: 50 + rng.gauss(0, 1)


def alarms(detector: Detector, start: int, end: int, value: Callable[[int], float | None]) -> list[int]:
    return [i for i, judgement in fed(detector, STEP_MS, start, end, value) if judgement.anomaly]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda value, i: value + 30 * (i < 2), id="a spike"),
        pytest.param(lambda value, i: 0.0, id="an outage"),
        pytest.param(lambda value, i: value + 4, id="a level"),
        pytest.param(lambda value, i: 50 + 5 * (value - 50), id="more noise"),
    ],
)
def test_a_change_is_found_within_an_hour_and_told_once(change: Callable[[float, int], float]) -> None:
    usual = noise(1)
    detector = learned(Detector(STEP_MS), STEP_MS, LEARNED, usual)
    found = alarms(detector, LEARNED, LEARNED + DAY // 2, lambda t: change(usual(t), t // STEP_MS - LEARNED))
    assert len(found) == 1
    assert found[0] < LEARNED + 12


def test_a_flat_line_has_no_anomaly_until_it_changes() -> None:
    detector = Detector(STEP_MS)
    assert alarms(detector, 0, LEARNED, lambda t: 45.1) == []
    assert alarms(detector, LEARNED, LEARNED + 1, lambda t: 46.0) == [LEARNED]


def test_a_level_that_stays_becomes_the_normal_one() -> None:
    usual = noise(2)
    detector = learned(Detector(STEP_MS), STEP_MS, LEARNED, usual)
    alarms(detector, LEARNED, LEARNED + 7 * DAY, lambda t: usual(t) + 10)
    _, lower, upper, _, _ = detector.judge((LEARNED + 7 * DAY) * STEP_MS, 60.0)
    assert lower < 60 < upper
    assert alarms(detector, LEARNED + 7 * DAY, LEARNED + 8 * DAY, lambda t: usual(t) + 10) == []


def test_of_usual_values_about_one_in_a_thousand_begins_a_stretch_that_scores_0_999() -> None:
    for seed in range(3, 6):
        found = alarms(Detector(STEP_MS), 0, 20_000, noise(seed))
        assert 2 <= len(found) <= 30


def test_what_comes_at_the_same_time_each_day_is_no_news_from_the_fourth_on() -> None:
    usual = noise(6)
    detector = Detector(STEP_MS)
    found = alarms(detector, 0, 12 * DAY, lambda t: usual(t) + 40 * (t // STEP_MS % DAY in (36, 37)))
    at_night = [i // DAY for i in found if 30 <= i % DAY <= 42]
    assert at_night
    assert max(at_night) < 4


def test_a_missing_night_of_a_daily_rhythm_is_found() -> None:
    usual = noise(7)

    def daily(t_ms: int) -> float:
        return usual(t_ms) + 20 * math.sin(t_ms / DAY_MS * 2 * math.pi)

    detector = Detector(STEP_MS)
    assert len(alarms(detector, 0, 10 * DAY, daily)) <= 3
    assert alarms(detector, 10 * DAY, 11 * DAY, lambda t: usual(t) + 20) != []


def test_missing_values_are_judged_as_nothing_and_change_nothing() -> None:
    usual = noise(8)
    detector = learned(Detector(STEP_MS), STEP_MS, 500, usual)
    before = detector.state()
    for value in (None, float("nan"), float("inf")):
        judgement = detector.update(500 * STEP_MS, value)
        assert (judgement.score, judgement.anomaly) == (0.0, False)
        assert judgement.lower < judgement.expected < judgement.upper
    assert detector.state() == before


def test_a_gap_of_a_week_is_no_anomaly() -> None:
    usual = noise(9)
    detector = learned(Detector(STEP_MS), STEP_MS, LEARNED, usual)
    assert alarms(detector, LEARNED + 7 * DAY, LEARNED + 7 * DAY + 12, usual) == []


def test_repeated_and_earlier_times_are_judged_like_any_other() -> None:
    usual = noise(10)
    detector = learned(Detector(STEP_MS), STEP_MS, LEARNED, usual)
    for t in (LEARNED, LEARNED, LEARNED - 600, 0, LEARNED + 1):
        judgement = detector.update(t * STEP_MS, usual(t))
        assert 0.0 <= judgement.score < 1.0
        assert judgement.lower < judgement.upper


def test_outliers_do_not_widen_the_band() -> None:
    def width(every: int) -> float:
        usual = noise(11)
        detector = Detector(STEP_MS)
        learned(detector, STEP_MS, LEARNED, lambda t: usual(t) + 1_000 * (t // STEP_MS % every == 1))
        _, lower, upper, _, _ = detector.judge(LEARNED * STEP_MS, 50.0)
        return upper - lower

    assert width(300) < 1.5 * width(LEARNED + 1)


@pytest.mark.parametrize("sensitivity", [0.99, 0.999, 0.9999])
def test_an_anomaly_is_a_score_from_the_sensitivity_on(sensitivity: float) -> None:
    usual = noise(12)
    detector = Detector(STEP_MS, sensitivity=sensitivity)
    judged = fed(detector, STEP_MS, 0, 10_000, lambda t: usual(t) + 3 * (t // STEP_MS % 777 == 0))
    assert all(judgement.anomaly == (judgement.score >= sensitivity) for _, judgement in judged)
