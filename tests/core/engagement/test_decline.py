"""Slow declines of daily figures, and all that is none."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from stream.core.engagement.decline import Figure

WEEK = (1.0, 1.02, 1.01, 1.0, 1.1, 0.7, 0.65)
NOISE = 0.02


def declining(values: list[float]) -> list[int]:
    """The days on which a decline is seen."""
    figure = Figure()
    trends = [figure.learn(day, value) for day, value in enumerate(values)]
    return [day for day, trend in enumerate(trends) if trend is not None and trend.declining]


def figures(days: int, level: Callable[[int], float], *, seed: int = 1, noise: float = NOISE) -> list[float]:
    rng = random.Random(seed)
    return [20_000 * WEEK[day % 7] * level(day) * rng.lognormvariate(0, noise) for day in range(days)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("growth", [0.0, 0.003])
def test_two_percent_a_day_is_seen_within_ten_days(seed: int, growth: float) -> None:
    def level(day: int) -> float:
        return (1 + growth) ** min(day, 40) * 0.98 ** max(0, day - 40)

    days = declining(figures(60, level, seed=seed))
    assert days
    assert 40 <= days[0] <= 50


@pytest.mark.parametrize("seed", range(20))
def test_noise_and_the_rhythm_of_the_week_are_no_decline(seed: int) -> None:
    assert declining(figures(120, lambda day: 1.0, seed=seed)) == []


@pytest.mark.parametrize("lasts", [1, 2])
def test_a_holiday_is_no_decline(lasts: int) -> None:
    assert declining(figures(60, lambda day: 0.5 if 40 <= day < 40 + lasts else 1.0)) == []


def test_growth_that_ends_is_no_decline() -> None:
    assert declining(figures(80, lambda day: 1.02 ** min(day, 40))) == []


def test_the_week_after_an_exceptional_one_is_no_decline() -> None:
    assert declining(figures(80, lambda day: 1.6 if 35 <= day < 42 else 1.0)) == []


def test_a_decline_is_over_when_the_level_holds() -> None:
    days = declining(figures(80, lambda day: 0.98 ** min(max(0, day - 40), 12)))
    assert days
    assert days[-1] < 40 + 12 + 14


def test_two_weeks_are_too_little_to_compare_with() -> None:
    assert declining(figures(14, lambda day: 0.9**day)) == []


def test_a_day_that_is_there_already_changes_nothing() -> None:
    figure = Figure()
    for day, value in enumerate(figures(30, lambda day: 1.0)):
        figure.learn(day, value)
    days, values = list(figure.days), list(figure.values)
    assert figure.learn(29, 1.0) is None
    assert (figure.days, figure.values) == (days, values)


def test_a_figure_of_nothing_is_no_decline() -> None:
    assert declining([0.0] * 60) == []
