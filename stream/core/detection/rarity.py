"""How rare a size is in a series' own history of it: -ln of the share of values at least as large.

Sizes are compared by their logarithm. The median and the size that one in a hundred exceeds are followed by
stochastic approximation (Robbins and Monro 1951), and the mean excess beyond (Hill 1975): there, the tail is
Pareto's, so that a series with fat tails needs more to surprise.
"""

from __future__ import annotations

import math

from msgspec import Struct

EXCEEDED = 0.01
FIRST = 30
STEADY = 50
MEMORY = 5_000
EXCEEDANCES = 100
LEAST_EXCESS = 0.1
LEAST_SPAN = 0.05
_RARITY = -math.log(EXCEEDED)
_HALF = math.log(2)


class Rarity(Struct, array_like=True):
    """Of one statistic. Sizes are logarithms."""

    first: list[float]
    seen: int = 0
    median: float = 0.0
    high: float = 0.0
    excess: float = 0.0
    exceeded: int = 2

    def of(self, size: float) -> float:
        """0 for one below the median, and until there is a history."""
        if self.seen < FIRST or size <= self.median:
            return 0.0
        if size > self.high:
            return _RARITY + (size - self.high) / self.excess
        return _HALF + (size - self.median) / (self.high - self.median) * (_RARITY - _HALF)

    def learn(self, size: float) -> None:
        self.seen += 1
        if self.seen <= FIRST:
            self._begin(size)
            return
        # The first days, with no rhythm known, should not weigh for ever.
        steps = max(STEADY, min(self.seen // 2, MEMORY))
        high = self.high
        if size > high:
            self.exceeded = min(self.exceeded + 1, EXCEEDANCES)
            excess = self.excess + (size - high - self.excess) / self.exceeded
            self.excess = max(LEAST_EXCESS, excess)
            self.high = high = high + self.excess * (1 / EXCEEDED - 1) / steps
        else:
            self.high = high = high - self.excess / steps
        step = max(high - self.median, LEAST_SPAN) / steps
        median = self.median + step if size > self.median else self.median - step
        self.median = min(median, high - LEAST_SPAN)

    def _begin(self, size: float) -> None:
        self.first.append(size)
        if self.seen == FIRST:
            ordered = sorted(self.first)
            self.median, self.high = ordered[FIRST // 2], ordered[-1]
            self.excess = max(LEAST_EXCESS, (self.high - self.median) / 5)
            self.median = min(self.median, self.high - LEAST_SPAN)
            self.first = []
