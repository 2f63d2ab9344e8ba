"""How often a series' own deviations are as large as one: its tail, learned on each side.

Two quantiles are followed, the size that one deviation in a hundred exceeds and that which one in a thousand
does; between and beyond them -ln(probability) is taken to grow as a power of the size (Weibull: power 1
is exponential, a normal distribution's is nearly 1.43 there). One outlier moves them by a step, however
large it is; spikes that are usual in a series move them to where those are usual.
"""

from __future__ import annotations

import math

from msgspec import Struct

from stream.core.detection.bar import Bar
from stream.core.detection.rhythm import DAY_MS

OFTEN, RARE = 0.01, 0.001
STEP = 0.05
APART = 30
MEMORY_MS = 21 * DAY_MS
CALM = 32
NORMAL_OFTEN, NORMAL_RARE = 2.326, 3.09
_LOG_OFTEN, _LOG_RARE = -math.log(OFTEN), -math.log(RARE)
_LOG_RATIO = math.log(_LOG_RARE / _LOG_OFTEN)
_HALF = math.sqrt(0.5)
_GROWTH = NORMAL_RARE / NORMAL_OFTEN


class Tail(Struct, array_like=True):
    """One side's. Sizes are positive, in standard deviations; `limit` is the one that reaches the bar.

    `fading` is the share of `rare` that a value takes off it: what was rare is forgotten in weeks.
    """

    limit: float
    fading: float
    often: float = NORMAL_OFTEN
    rare: float = NORMAL_RARE
    apart: int = 0
    calm: int = 0

    @classmethod
    def normal(cls, bar: Bar, step_ms: int) -> Tail:
        """That of a normal distribution, to begin with."""
        tail = cls(0.0, max(STEP * RARE, min(step_ms / MEMORY_MS, STEP * OFTEN)))
        tail._fit(bar)
        return tail

    def probability(self, size: float) -> float:
        """Of a deviation at least as large on this side; never below a normal distribution's."""
        normal = 0.5 * math.erfc(size * _HALF)
        if size <= self.often:
            return max(normal, OFTEN)
        power = _LOG_RATIO / math.log(self.rare / self.often)
        return max(normal, math.exp(-_LOG_RARE * (size / self.rare) ** power))

    def learn(self, size: float, bar: Bar) -> None:
        """From a deviation; one on the other side is negative."""
        if size <= self.often:
            # Most are: their small steps are taken together.
            self.calm += 1
            if self.apart:
                self.apart -= 1
            if self.calm < CALM:
                return
            often, rare = self.often, self.rare
        else:
            often, rare = self.often * (1 + STEP), self.rare
            if size > rare:
                # What lasts is one occurrence.
                apart, self.apart = self.apart, APART
                if apart:
                    return
                rare *= 1 + STEP
            elif self.apart:
                self.apart -= 1
            self.calm += 1
        self.often = often = max(NORMAL_OFTEN, often * (1 - STEP * OFTEN * self.calm))
        self.rare = max(often * _GROWTH, rare * (1 - self.fading * self.calm))
        self.calm = 0
        self._fit(bar)

    def _fit(self, bar: Bar) -> None:
        power = math.log(self.rare / self.often) / _LOG_RATIO
        growth: float = (bar.log_rarity / _LOG_RARE) ** power
        self.limit = max(bar.normal, self.rare * growth)
