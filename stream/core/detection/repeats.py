"""What was as unusual at the same time of day on each of the last two days is rhythm, and no news.

A nightly backup or a daily newsletter is too short for the rhythm's hours. Of each half hour of the day
the largest evidence is kept for two days.
"""

from __future__ import annotations

from msgspec import Struct

from stream.core.detection.rhythm import DAY_MS

BINS = 48
LEAST_BINS = 4
USUAL = 4.0


class Repeats(Struct, array_like=True):
    """Bins of the day, each with the largest evidence of yesterday and of the day before."""

    yesterday: list[float]
    before: list[float]
    bin: int = -1
    largest: float = 0.0
    waiting: list[tuple[int, float]] = []

    @classmethod
    def of(cls, step_ms: int) -> Repeats:
        bins = min(BINS, DAY_MS // step_ms)
        return cls([0.0] * bins, [0.0] * bins) if bins >= LEAST_BINS else cls([], [])

    def news(self, t_ms: int, evidence: float) -> float:
        """The evidence, less what came at this time on both days."""
        bins = len(self.yesterday)
        if evidence <= USUAL or not bins:
            return evidence
        here = t_ms % DAY_MS * bins // DAY_MS
        around = (here - 1, here, (here + 1) % bins)
        known = min(max([day[i] for i in around]) for day in (self.yesterday, self.before))
        return evidence - max(0.0, known - USUAL)

    def learn(self, t_ms: int, evidence: float) -> None:
        bins = len(self.yesterday)
        if not bins:
            return
        here = t_ms % DAY_MS * bins // DAY_MS
        if here != self.bin:
            if self.bin >= 0:
                self._close()
            self.bin, self.largest = here, 0.0
        self.largest = max(self.largest, evidence)

    def _close(self) -> None:
        """A bin counts as yesterday's once its neighbours of today are through with it."""
        self.waiting.append((self.bin, self.largest))
        if len(self.waiting) > 2:
            place, largest = self.waiting.pop(0)
            self.before[place] = self.yesterday[place]
            self.yesterday[place] = largest
