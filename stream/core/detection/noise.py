"""How much a count varies at a given mean: a part that is proportional to the mean, and one to its square.

The variance of a mean m is taken to be spread·m + wobble·m²: chance, where people come one by one, and what
moves all of them at once, or the forecast's own error. Both come from a regression of squared deviations,
over their mean, on the mean.
"""

from __future__ import annotations

from msgspec import Struct

from stream.core.detection.rhythm import DAY_MS

MEMORY_MS = 7 * DAY_MS
STEPS = (200, 2_000)
AFRESH = 8
VARIED = 0.05


class Noise(Struct, array_like=True):
    """`floor` is the least spread, 1 for counts, which vary at least as Poisson's; `steps` is the memory."""

    floor: float
    steps: int
    spread: float = 1.0
    wobble: float = 0.0
    seen: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    @classmethod
    def of(cls, step_ms: int) -> Noise:
        low, high = STEPS
        return cls(1.0, max(low, min(high, MEMORY_MS // step_ms)))

    def learn_afresh(self) -> None:
        """What was seen against another forecast counts as little."""
        self.seen = min(self.seen, AFRESH)

    def per_mean(self, mean: float) -> float:
        """The variance over the mean."""
        return self.spread + self.wobble * mean

    def learn(self, mean: float, square: float) -> None:
        """From a squared deviation, over the mean, of a value whose mean was expected."""
        self.seen = min(self.seen + 1, self.steps)
        rate = 1 / self.seen
        self.x = x = self.x + rate * (mean - self.x)
        self.y = y = self.y + rate * (square - self.y)
        self.xx += rate * (mean * mean - self.xx)
        self.xy += rate * (mean * square - self.xy)
        across = self.xx - x * x
        wobble = 0.0
        if across > VARIED * x * x:
            wobble = max(0.0, (self.xy - x * y) / across)
        spread = y - wobble * x
        if spread < self.floor:
            spread = self.floor
            if wobble:
                wobble = max(0.0, (y - spread) / x)
        self.spread, self.wobble = spread, wobble
