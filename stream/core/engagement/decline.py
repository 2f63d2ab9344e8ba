"""A daily figure that falls slowly, which minutes hide: each day against its weekday in earlier weeks."""

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
USUAL_NOISE = 0.04
"""Standard deviation of the logarithm of a weekly ratio, where there are few of them."""
FEW = 14
CUT = 2
EFFICIENCY = 1.1
"""Standard deviation of a mean so cut, over that of a plain one."""
ENOUGH = 5
"""Days of the last seven that have a weekday to compare with."""
SURE = 0.35
"""Share of it that there must be against two and three weeks before, too."""
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

    The trend is the mean of the middle three, of the last seven days, of each day's ratio to its weekday a
    week before: the rhythm of the week cancels out, and a holiday of a day or two does not count. Its noise
    is learned from the ratios before. A level that was no higher two or three weeks ago is no decline either,
    so that growth may end, and an exceptional week pass.
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
        ratios = {when: ratio for when in known if (ratio := _ratio(known, when, 1)) is not None}
        last = [ratio for when, ratio in ratios.items() if when > day - WEEK]
        before = [ratio for when, ratio in ratios.items() if when <= day - WEEK]
        earlier = [
            ratio
            for when in known
            if when > day - WEEK
            for ratio in [_ratio(known, when, 2, 3)]
            if ratio is not None
        ]
        week_before = [known[when] for when in range(day - 2 * WEEK + 1, day - WEEK + 1) if when in known]
        if len(last) < ENOUGH or len(week_before) < ENOUGH:
            return None
        change = _middle(last)
        noise = _noise(before) * EFFICIENCY / math.sqrt(len(last))
        bound = max(LEAST, DEVIATIONS * noise)
        expected = sum(week_before) / len(week_before)
        least = bound * OVER if self.declining else bound
        return Trend(
            value=expected * math.exp(change),
            expected=expected,
            lower=expected * math.exp(-bound),
            upper=expected * math.exp(bound),
            deviations=change / bound * DEVIATIONS,
            declining=change <= -least and len(earlier) >= ENOUGH and _middle(earlier) <= -least * SURE,
        )


def _ratio(known: dict[int, float], day: int, *weeks: int) -> float | None:
    """The logarithm of a day's ratio to the least that its weekday had so many weeks before."""
    bases = [known[day - week * WEEK] for week in weeks if day - week * WEEK in known]
    return math.log(known[day] / min(bases)) if bases else None


def _middle(ratios: list[float]) -> float:
    """Their mean without the two largest and the two smallest."""
    middle = sorted(ratios)[CUT:-CUT]
    return sum(middle) / len(middle)


def _noise(ratios: list[float]) -> float:
    """Standard deviation, from the median distance to the median, and while they are few, from the usual."""
    middle = median(ratios) if ratios else 0.0
    seen = 1.4826 * median(abs(ratio - middle) for ratio in ratios) if ratios else USUAL_NOISE
    share = min(1.0, len(ratios) / FEW)
    return math.sqrt(share * seen**2 + (1 - share) * USUAL_NOISE**2)
