"""How often a series' own deviations are as large as one: its tail, learned on each side.

Two quantiles are followed, the size that one deviation in a hundred exceeds and that which one in a thousand
does; between and beyond them -ln(probability) is taken to grow as a power of the size (Weibull: power 1
is exponential, a normal distribution's is nearly 1.43 there). One outlier moves them by a step, however
large it is; spikes that are usual in a series move them to where those are usual.
"""

from __future__ import annotations

import math

from msgspec import Struct

OFTEN, RARE = 0.01, 0.001
STEP = 0.05
APART = 30
NORMAL_OFTEN, NORMAL_RARE = 2.326, 3.09
_LOG_OFTEN, _LOG_RARE = -math.log(OFTEN), -math.log(RARE)
_LOG_RATIO = math.log(_LOG_RARE / _LOG_OFTEN)
_HALF = math.sqrt(0.5)
_GROWTH = NORMAL_RARE / NORMAL_OFTEN


class Tail(Struct, array_like=True):
    """One side's. Sizes are positive, in standard deviations."""

    often: float = NORMAL_OFTEN
    rare: float = NORMAL_RARE
    apart: int = 0

    def probability(self, size: float) -> float:
        """Of a deviation at least as large on this side; never below a normal distribution's."""
        normal = 0.5 * math.erfc(size * _HALF)
        if size <= self.often:
            return max(normal, OFTEN)
        power = _LOG_RATIO / math.log(self.rare / self.often)
        return max(normal, math.exp(-_LOG_RARE * (size / self.rare) ** power))

    def limit(self, log_rarity: float, normal_limit: float) -> float:
        """The size whose -ln(probability) is `log_rarity`; `normal_limit` is a normal distribution's."""
        power = math.log(self.rare / self.often) / _LOG_RATIO
        growth: float = (log_rarity / _LOG_RARE) ** power
        return max(normal_limit, self.rare * growth)

    def learn(self, size: float) -> None:
        """From a deviation; one on the other side is negative."""
        often, rare = self.often, self.rare
        if size > rare:
            # What lasts is one occurrence.
            apart, self.apart = self.apart, APART
            if apart:
                return
        elif self.apart:
            self.apart -= 1
        often += STEP * often * ((size > often) - OFTEN)
        rare += STEP * rare * ((size > rare) - RARE)
        self.often = often = max(NORMAL_OFTEN, often)
        self.rare = max(often * _GROWTH, rare)
