"""How unusual the newest stretch of a series is, seen in six ways, each against its own history.

The mean of the last 6, 12 and 24 residuals from the slow reference (rhythm), the root mean square of the last
12 (a change of noise, too), the newest distance from the long mean, and the mean of the last 24 of those. No
single one is trusted: the evidence is the mean of the four largest rarities.
"""

from __future__ import annotations

import math

from msgspec import Struct

from stream.core.detection.rarity import Rarity

SHORT, MIDDLE, LONG = 6, 12, 24
VIEWS = 6
AGREEING = 4
RELATIVE = 1e-9
LEAST = 1e-12

Sizes = tuple[float, float, float, float, float, float]


class Stretches(Struct, array_like=True):
    """The last residuals, newest last, and what sizes have been usual."""

    residuals: list[float]
    distances: list[float]
    rarities: list[Rarity]

    @classmethod
    def empty(cls) -> Stretches:
        return cls([], [], [Rarity([]) for _ in range(VIEWS)])

    def sizes(self, value: float, residual: float, distance: float) -> Sizes:
        """Logarithms of the six statistics with a new value, of the given distance from either reference."""
        residuals = [*self.residuals, residual]
        distances = [*self.distances, distance]
        count = len(residuals)
        middle = residuals[-MIDDLE:]
        # Less than this is rounding.
        least = LEAST + RELATIVE * abs(value)
        log = math.log
        return (
            log(max(least, abs(sum(residuals[-SHORT:])) / min(count, SHORT))),
            log(max(least, abs(sum(middle)) / len(middle))),
            log(max(least, abs(sum(residuals)) / count)),
            log(max(least, math.sqrt(sum([r * r for r in middle]) / len(middle)))),
            log(max(least, abs(distance))),
            log(max(least, abs(sum(distances)) / count)),
        )

    def evidence(self, sizes: Sizes) -> float:
        """-ln of a probability; 5 begins about one stretch in a thousand values of noise."""
        rarities = sorted([rarity.of(size) for rarity, size in zip(self.rarities, sizes, strict=True)])
        return sum(rarities[-AGREEING:]) / AGREEING

    def learn(self, residual: float, distance: float, sizes: Sizes) -> None:
        self.residuals.append(residual)
        self.distances.append(distance)
        if len(self.residuals) >= LONG:
            del self.residuals[0], self.distances[0]
        for rarity, size in zip(self.rarities, sizes, strict=True):
            rarity.learn(size)
