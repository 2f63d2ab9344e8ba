"""Values of any kind: a level plus a rhythm gives the band, what stretches of values say gives the score."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from stream.core.detection.bar import Bar
from stream.core.detection.judgement import Judgement
from stream.core.detection.repeats import Repeats
from stream.core.detection.rhythm import HOUR_MS, Rhythm
from stream.core.detection.settling import away, level_rate, settle_steps
from stream.core.detection.stretches import LONG, Sizes, Stretches
from stream.core.detection.tail import Tail

WARM_STEPS = 30
CLIP = 2.5
SCALE_STEPS = 500
OF_MEAN_DEVIATION = 1.2533
LEAST_SCALE = 1e-9
RELATIVE_SCALE = 1e-6
LONG_STEPS = 1_000
DECADES = 0.6
"""Decades of the score for each unit of evidence: one stretch in a thousand values scores 0.999."""
TOLD_MS = 12 * HOUR_MS
TOLD_STEPS = (LONG, 144)
TIRING = 0.3
"""Evidence that each anomaly asks of the next ones beside, fading over as many values as the long mean."""


class Told(NamedTuple):
    """What is found out of a value before it is learned."""

    expected: float
    scale: float
    shape: float
    residual: float
    distance: float
    sizes: Sizes
    evidence: float


class Values(Struct, array_like=True, tag="values"):
    """All that is known of a series of values."""

    step_ms: int
    bar: Bar
    rhythm: Rhythm
    up: Tail
    down: Tail
    stretches: Stretches
    repeats: Repeats
    steps: int = 0
    spread: float = 0.0
    level: float = 0.0
    fresh: float = 0.0
    away: int = 0
    long_mean: float = 0.0
    told: int = 0
    tired: float = 0.0

    @classmethod
    def of(cls, step_ms: int, *, sensitivity: float) -> Values:
        bar = Bar.at(sensitivity, (1 - sensitivity) / 2)
        rhythm = Rhythm.of(step_ms, additive=True)
        tails = Tail.normal(bar, step_ms), Tail.normal(bar, step_ms)
        return cls(step_ms, bar, rhythm, *tails, Stretches.empty(), Repeats.of(step_ms))

    def update(self, t_ms: int, value: float | None, trials: float | None) -> Judgement:
        if value is None:
            return self._judged(t_ms, None)[0]
        judgement, told = self._judged(t_ms, value)
        assert told is not None
        self._learn(t_ms, value, told, anomaly=judgement.anomaly)
        return judgement

    def judge(self, t_ms: int, value: float | None, trials: float | None) -> Judgement:
        return self._judged(t_ms, value)[0]

    def _judged(self, t_ms: int, value: float | None) -> tuple[Judgement, Told | None]:
        middle = t_ms + self.step_ms // 2
        shape = self.rhythm.shape(middle)
        expected = shape + self.level
        scale = max(OF_MEAN_DEVIATION * self.spread, LEAST_SCALE + RELATIVE_SCALE * abs(expected))
        low, high = expected - self.down.limit * scale, expected + self.up.limit * scale
        if value is None:
            return Judgement(expected, low, high, 0.0, False), None
        long_mean = self.long_mean if self.steps else value
        distance = value - long_mean
        residual = value - self.rhythm.slow_reference(middle, long_mean)
        sizes = self.stretches.sizes(value, residual, distance)
        evidence = self.stretches.evidence(sizes)
        told = Told(expected, scale, shape, residual, distance, sizes, evidence)
        if self.told:
            return Judgement(expected, low, high, 0.0, False), told
        news = max(0.0, self.repeats.news(t_ms, evidence) - self.tired)
        score = 1.0 - 10.0 ** (-DECADES * news)
        return Judgement(expected, low, high, score, score >= self.bar.sensitivity), told

    def _learn(self, t_ms: int, value: float, told: Told, *, anomaly: bool) -> None:
        self.steps = steps = self.steps + 1
        self.stretches.learn(told.residual, told.distance, told.sizes)
        self.repeats.learn(t_ms, told.evidence)
        self.tired *= 1 - 1 / LONG_STEPS
        if anomaly:
            self.tired += TIRING
            low, high = TOLD_STEPS
            self.told = max(low, min(high, TOLD_MS // self.step_ms))
        elif self.told:
            self.told -= 1
        if steps == 1:
            self.long_mean = self.level = self.fresh = value
            self.rhythm.learn(t_ms + self.step_ms // 2, value, 1.0, raw=value, long_mean=value)
            return
        self._learn_band(t_ms, value, told)
        self.long_mean += (value - self.long_mean) * max(1 / steps, 1 / LONG_STEPS)

    def _learn_band(self, t_ms: int, value: float, told: Told) -> None:
        steps = self.steps
        deviation = (value - told.expected) / told.scale
        used, size = value, abs(value - told.expected)
        if steps > WARM_STEPS:
            self.up.learn(deviation, self.bar)
            self.down.learn(-deviation, self.bar)
            size = min(size, CLIP * told.scale)
            used = told.expected + max(-CLIP, min(CLIP, deviation)) * told.scale
        self.spread += max(1 / (steps - 1), 1 / SCALE_STEPS) * (size - self.spread)
        rate = max(1 / steps, level_rate(self.step_ms))
        self.level += rate * (used - told.shape - self.level)
        self.fresh += rate * (value - told.shape - self.fresh)
        self.away = away(self.away, deviation)
        if abs(self.away) >= settle_steps(self.step_ms):
            self.level, self.away = self.fresh, 0
        middle = t_ms + self.step_ms // 2
        if self.rhythm.learn(middle, value, 1.0, raw=value, long_mean=self.long_mean):
            self.level = self.fresh = self.rhythm.level()
            self.up = Tail.normal(self.bar, self.step_ms)
            self.down = Tail.normal(self.bar, self.step_ms)
