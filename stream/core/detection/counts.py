"""Counts and ratios: a level times a rhythm, noise that grows with the mean, three values seen as one."""

from __future__ import annotations

import math

from msgspec import Struct

from stream.core.detection.bar import Bar
from stream.core.detection.judgement import Judgement, probability_of, score_of
from stream.core.detection.noise import Noise
from stream.core.detection.power import SMALL, deviation, value_at
from stream.core.detection.rhythm import NONE, Rhythm
from stream.core.detection.settling import away, level_rate, settle_steps
from stream.core.detection.tail import Tail

WARM_STEPS = 30
CLIP = 2.5
CLIPPED = 1.05
"""What clipping a normal deviation's square takes off, made good."""
FIRST_CLIP = 10.0
HEAVY = 6.0
SPAN = 3
LEVEL_PRIOR = 5.0
SHARE_PRIOR = 30.0
SHARE_STEPS = 2_000
SHORT_FLOOR = 0.5
SHORT_STEPS = 500
SIDES_AND_VIEWS = 4


class Expected(Struct, gc=False):
    """Of one value. The rhythm's part and the mean of it; `weight` is in counts, `shape` as in `power`."""

    rhythm: float
    mean: float
    weight: float
    shape: float
    half: float


class Counts(Struct, array_like=True, tag="counts"):
    """All that is known of a series of counts, or of ratios where `share`."""

    step_ms: int
    share: bool
    bar: Bar
    rhythm: Rhythm
    noise: Noise
    up: Tail
    down: Tail
    up_short: Tail
    down_short: Tail
    spread_short: float = 1.0
    steps: int = 0
    amount: float = 0.0  # the level is amount / base
    base: float = 0.0
    fresh: float = 0.0  # the same, outliers not clipped
    fresh_base: float = 0.0
    long_amount: float = 0.0  # the share over a long time is long_amount / long_base
    long_base: float = 0.0
    away: int = 0
    before: float = 0.0
    before_that: float = 0.0

    @classmethod
    def of(cls, step_ms: int, *, share: bool, sensitivity: float) -> Counts:
        bar = Bar.at(sensitivity, probability_of(sensitivity) / SIDES_AND_VIEWS)
        rhythm = Rhythm.of(step_ms, additive=False)
        up, down = Tail.normal(bar, step_ms), Tail.normal(bar, step_ms)
        up_short, down_short = Tail.normal(bar, step_ms), Tail.normal(bar, step_ms)
        return cls(step_ms, share, bar, rhythm, Noise.of(step_ms), up, down, up_short, down_short)

    def update(self, t_ms: int, value: float | None, trials: float | None) -> Judgement:
        expected = self._expected(t_ms, trials)
        if value is None:
            return self._judged(expected, None)
        z = deviation(max(value, 0.0), expected.mean, expected.shape, expected.half)
        judgement = self._judged(expected, z)
        self._learn(t_ms, value, trials, expected, z)
        return judgement

    def judge(self, t_ms: int, value: float | None, trials: float | None) -> Judgement:
        expected = self._expected(t_ms, trials)
        if value is None:
            return self._judged(expected, None)
        return self._judged(
            expected, deviation(max(value, 0.0), expected.mean, expected.shape, expected.half)
        )

    def _expected(self, t_ms: int, trials: float | None) -> Expected:
        rhythm = max(self.rhythm.shape(t_ms + self.step_ms // 2), SMALL)
        mean = max(rhythm * self._level(), SMALL)
        if self.share:
            mean = min(mean, 1 - 1e-6)
            weight = mean * (trials or 1.0) / (1 - mean)
            half = 0.5 / trials if trials else 0.0
        else:
            # A silence of any length leaves an event as likely as one in two such memories.
            half = 0.5
            weight = mean = max(mean, half * level_rate(self.step_ms))
        return Expected(rhythm, mean, weight, weight / self.noise.per_mean(weight), half)

    def _level(self) -> float:
        """The factor of the rhythm, nearer to 1 where few events have shown it."""
        if self.base <= 0:
            return 1.0
        if self.rhythm.chosen == NONE:
            return self.amount / self.base
        return (self.amount + LEVEL_PRIOR) / (self.base + LEVEL_PRIOR)

    def _judged(self, expected: Expected, z: float | None) -> Judgement:
        """None: there is no value."""
        down, up = self._limits()
        low = value_at(down, expected.mean, expected.shape, expected.half)
        high = value_at(up, expected.mean, expected.shape, expected.half)
        if self.share and high > 1.0:
            high = 1.0
        if z is None or self.steps < WARM_STEPS:
            return Judgement(expected.mean, low, high, 0.0, False)
        score = score_of(min(1.0, self._probability(z)))
        return Judgement(expected.mean, low, high, score, score >= self.bar.sensitivity)

    def _limits(self) -> tuple[float, float]:
        """The deviations from which a value is an anomaly, alone or with the two before it."""
        earlier = self.before + self.before_that
        width = math.sqrt(SPAN * self.spread_short)
        up = min(self.up.limit, max(1.0, width * self.up_short.limit - earlier))
        down = min(self.down.limit, max(1.0, width * self.down_short.limit + earlier))
        return -down, up

    def _probability(self, z: float) -> float:
        """Of a deviation as unusual as this one, alone or with the two before it, on either side."""
        short = (z + self.before + self.before_that) / math.sqrt(SPAN * self.spread_short)
        if z >= 0:
            alone = self.up.probability(z)
            together = self.up_short.probability(short) if z >= 1 and short > 0 else 1.0
        else:
            alone = self.down.probability(-z)
            together = self.down_short.probability(-short) if z <= -1 and short < 0 else 1.0
        return SIDES_AND_VIEWS * min(alone, together)

    def _learn(self, t_ms: int, value: float, trials: float | None, expected: Expected, z: float) -> None:
        self.steps += 1
        warm = self.steps > WARM_STEPS
        if self.share and trials is None:
            self.noise.floor = SMALL
        clip = CLIP if warm else FIRST_CLIP
        clipped, used = max(-clip, min(clip, z)), value
        if warm:
            self._learn_tails(z)
            if clipped != z:
                used = value_at(clipped, expected.mean, expected.shape, 0.0)
        if self.steps > 1:
            square = clipped * clipped * CLIPPED * self.noise.per_mean(expected.weight)
            self.noise.learn(expected.weight, square)
        exposure = trials or 1.0
        keep = 1 - level_rate(self.step_ms)
        rhythm = expected.rhythm * exposure
        self.amount = self.amount * keep + used * exposure
        self.base = self.base * keep + rhythm
        self.fresh = self.fresh * keep + value * exposure
        self.fresh_base = self.fresh_base * keep + rhythm
        self.before_that, self.before = self.before, max(-HEAVY, min(HEAVY, z))
        self.away = away(self.away, z)
        if abs(self.away) >= settle_steps(self.step_ms):
            self.amount, self.base, self.away = self.fresh, self.fresh_base, 0
        middle, long_mean, prior = t_ms + self.step_ms // 2, 0.0, 0.0
        if self.share and trials:
            self.long_amount += used * exposure - self.long_amount / SHARE_STEPS
            self.long_base += exposure - self.long_base / SHARE_STEPS
            long_mean, prior = self.long_amount / self.long_base, SHARE_PRIOR
        if self.rhythm.learn(middle, used, exposure, raw=value, long_mean=long_mean, prior=prior):
            self._begin_shape()

    def _learn_tails(self, z: float) -> None:
        self.up.learn(z, self.bar)
        self.down.learn(-z, self.bar)
        short = (z + self.before + self.before_that) / math.sqrt(SPAN * self.spread_short)
        self.up_short.learn(short, self.bar)
        self.down_short.learn(-short, self.bar)
        growth = (min(short * short, CLIP * CLIP) * CLIPPED - 1) / SHORT_STEPS
        self.spread_short = max(SHORT_FLOOR, self.spread_short * (1 + growth))

    def _begin_shape(self) -> None:
        """Another shape has a level of its own, and deviations from the earlier one say nothing of it."""
        self.noise.learn_afresh()
        bar, step = self.bar, self.step_ms
        self.up, self.down = Tail.normal(bar, step), Tail.normal(bar, step)
        self.up_short, self.down_short = Tail.normal(bar, step), Tail.normal(bar, step)
        shape = max(self.rhythm.shape(self.rhythm.bin * self.rhythm.bin_ms), SMALL)
        self.base = self.fresh_base = shape / level_rate(self.step_ms)
        self.amount = self.fresh = self.rhythm.level() * self.base
