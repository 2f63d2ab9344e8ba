"""A daily figure that falls slowly, which minutes hide: each day against the same weekday of weeks before (SPEC 7)."""

from __future__ import annotations

import math
from statistics import median
from typing import NamedTuple

from msgspec import Struct

WEEK = 7
KEPT_DAYS = 42
LEAST = 0.07
"""Of the logarithm: a typical day of the last week must be 6.8 % below the week before."""
DEVIATIONS = 3.0
USUAL_NOISE = 0.03
"""Standard deviation of the logarithm of a weekly ratio, where there are few of them."""
FEW = 14
ENOUGH = 5
"""Days of the last seven that have a weekday to compare with."""
OVER = 0.5
"""A decline is over below this share of what opens one."""


class Trend(NamedTuple):
    """A typical day of the last week, `expected` from the weeks before, and between which bounds."""

    value: float
    expected: float
    lower: float
    upper: float
    deviations: float
    declining: bool


class Figure(Struct, array_like=True):
    """The last weeks of one daily figure: days since 1970-01-01, and values, above 0.

    A day's ratio is to the same weekday a week before, or, where that was higher than those of both weeks
    before it, to the higher of these: the week after an exceptional one is no decline, and growth that ends
    is none. The trend is the median ratio of the last seven days, so that a holiday of one to three days does
    not count; its noise is learned from the ratios before.
    """

    days: list[int] = []
    values: list[float] = []
    declining: bool = False

    def learn(self, day: int, value: float) -> Trend | None:
        """Add a day; None while there is too little to compare with, or for a day that is there already."""
        if self.days and day <= self.days[-1]:
            return None
        self.days.append(day)
        self.values.append(value)
        while self.days[0] <= day - KEPT_DAYS:
            del self.days[0], self.values[0]
        trend = self._trend(day)
        self.declining = trend is not None and trend.declining
        return trend

    def _trend(self, day: int) -> Trend | None:
        known = {when: value for when, value in zip(self.days, self.values, strict=True) if value > 0}
        if day - WEEK * 2 < self.days[0]:
            return None
        ratios = {when: ratio for when in self.days if (ratio := _ratio(known, when)) is not None}
        last = [ratio for when, ratio in ratios.items() if when > day - WEEK]
        before = [ratio for when, ratio in ratios.items() if when <= day - WEEK]
        week_before = [known[when] for when in range(day - 2 * WEEK + 1, day - WEEK + 1) if when in known]
        if len(last) < ENOUGH or len(week_before) < ENOUGH:
            return None
        change = median(last)
        noise = _noise(before) * 1.2533 / math.sqrt(len(last))
        bound = max(LEAST, DEVIATIONS * noise)
        expected = sum(week_before) / len(week_before)
        least = bound * OVER if self.declining else bound
        return Trend(
            value=expected * math.exp(change),
            expected=expected,
            lower=expected * math.exp(-bound),
            upper=expected * math.exp(bound),
            deviations=change / bound * DEVIATIONS,
            declining=change <= -least,
        )


def _ratio(known: dict[int, float], day: int) -> float | None:
    """The logarithm of a day's ratio to what the same weekday had before."""
    if day not in known or day - WEEK not in known:
        return None
    base = known[day - WEEK]
    earlier = [known[day - weeks * WEEK] for weeks in (2, 3) if day - weeks * WEEK in known]
    if earlier:
        base = min(base, max(earlier))
    return math.log(known[day] / base)


def _noise(ratios: list[float]) -> float:
    """Standard deviation, from the median distance to the median, and from what is usual while they are few."""
    if len(ratios) < 2:
        return USUAL_NOISE
    middle = median(ratios)
    seen = 1.4826 * median(abs(ratio - middle) for ratio in ratios)
    share = min(1.0, len(ratios) / FEW)
    return math.sqrt(share * seen**2 + (1 - share) * USUAL_NOISE**2)
