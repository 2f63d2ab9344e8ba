"""The rhythm of a series: found where there is one, and found absent."""

from __future__ import annotations

import math
import random

import pytest

from stream.core.detection.rhythm import DAILY, DAY_MS, HOUR_MS, NONE, WEEKLY, Rhythm


def chosen(value: object, days: int, *, additive: bool, step_ms: int = HOUR_MS) -> Rhythm:
    rhythm = Rhythm.of(step_ms, additive=additive)
    for t_ms in range(0, days * DAY_MS, step_ms):
        number = value(t_ms)  # type: ignore[operator]
        rhythm.learn(t_ms + step_ms // 2, number, 1.0, raw=number)
    return rhythm


@pytest.mark.parametrize("additive", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_no_rhythm_is_found_in_noise(additive: bool, seed: int) -> None:
    rng = random.Random(seed)
    assert chosen(lambda t: 100 + rng.gauss(0, 10), 28, additive=additive).chosen == NONE


@pytest.mark.parametrize("additive", [True, False])
def test_no_rhythm_is_found_in_a_walk(additive: bool) -> None:
    rng, level = random.Random(1), [1_000.0]

    def walk(t_ms: int) -> float:
        level[0] += rng.gauss(0, 5)
        return level[0]

    assert chosen(walk, 28, additive=additive).chosen == NONE


@pytest.mark.parametrize("additive", [True, False])
def test_a_daily_rhythm_is_found_within_three_days(additive: bool) -> None:
    rng = random.Random(2)
    rhythm = chosen(
        lambda t: 100 + 50 * math.sin(t / DAY_MS * 2 * math.pi) + rng.gauss(0, 5), 3, additive=additive
    )
    assert rhythm.chosen == DAILY


@pytest.mark.parametrize("additive", [True, False])
def test_a_weekly_rhythm_is_found_within_three_weeks(additive: bool) -> None:
    rng = random.Random(3)

    def value(t_ms: int) -> float:
        noon = 50 * math.sin(t_ms / DAY_MS * 2 * math.pi) * (t_ms // DAY_MS % 7 < 5)
        return 100 + noon + rng.gauss(0, 5)

    rhythm = chosen(value, 21, additive=additive)
    assert rhythm.chosen == WEEKLY
    level = rhythm.level()
    for t_ms, around in ((21 * DAY_MS + 6 * HOUR_MS, 150), (26 * DAY_MS + 6 * HOUR_MS, 100)):
        shape = rhythm.shape(t_ms + HOUR_MS // 2)
        assert (shape + level if additive else shape * level) == pytest.approx(around, abs=15)


def test_a_rhythm_that_ends_is_given_up() -> None:
    rng = random.Random(4)

    def value(t_ms: int) -> float:
        return 100 + 50 * math.sin(t_ms / DAY_MS * 2 * math.pi) * (t_ms < 14 * DAY_MS) + rng.gauss(0, 5)

    assert chosen(value, 14, additive=True).chosen == DAILY
    assert chosen(value, 42, additive=True).chosen == NONE


def test_days_have_a_weekly_rhythm() -> None:
    rng = random.Random(5)
    rhythm = chosen(
        lambda t: 100 - 60 * (t // DAY_MS % 7 == 3) + rng.gauss(0, 3), 70, additive=True, step_ms=DAY_MS
    )
    assert rhythm.chosen == WEEKLY
