"""One time series, value by value: expected, bounds and score from what came before, then learned."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

import msgspec
from msgspec import Struct

from stream.core.detection.judgement import Judgement, probability_of, score_of
from stream.core.detection.power import SMALL, deviation, value_at
from stream.core.detection.rhythm import HOUR_MS, Rhythm
from stream.core.detection.tail import Tail

Kind = Literal["count", "ratio", "value"]

VERSION = 1
SENSITIVITY = 0.999
WARM_STEPS = 30
LEVEL_MS = 2 * HOUR_MS
LEVEL_STEPS = (8, 60)
SCALE_STEPS = 500
CLIP = 2.5
HEAVY = 6.0
SETTLE_MS = 6 * HOUR_MS
SETTLE_STEPS = 24
SETTLE_FROM = 3.0
SPAN = 3
SHORT_FLOOR = 0.5


class _State(Struct, array_like=True):
    """All that a detector knows; encoded as it is."""

    version: int
    step_ms: int
    kind: Kind
    sensitivity: float
    rhythm: Rhythm
    up: Tail
    down: Tail
    up_short: Tail
    down_short: Tail
    steps: int = 0
    spread: float = 1.0  # overdispersion of counts and ratios, mean absolute residual of values
    spread_short: float = 1.0
    amount: float = 0.0  # the level is amount / base for counts and ratios
    base: float = 0.0
    fresh: float = 0.0  # the same, outliers not clipped
    fresh_base: float = 0.0
    away: int = 0
    before: float = 0.0
    before_that: float = 0.0


class Detector:
    """One series, streaming, in constant memory, deterministic.

    `step_ms` is the usual time from value to value, in ms.

    `kind`: a `count` is not negative and varies at least as a Poisson count does, a `ratio` is in
    0 to 1 and varies, with its number of trials given, at least as a binomial share does, a `value`
    is anything.
    """

    __slots__ = ("_additive", "_level_rate", "_log_rarity", "_normal", "_settle", "_state")

    def __init__(self, step_ms: int, *, kind: Kind = "value", sensitivity: float = SENSITIVITY) -> None:
        rhythm = Rhythm.of(step_ms, additive=kind == "value")
        self._attach(_State(VERSION, step_ms, kind, sensitivity, rhythm, Tail(), Tail(), Tail(), Tail()))

    def _attach(self, state: _State) -> None:
        self._state = state
        self._additive = state.kind == "value"
        low, high = LEVEL_STEPS
        self._level_rate = 1 / min(max(LEVEL_MS // state.step_ms, low), high)
        self._settle = max(SETTLE_MS // state.step_ms, SETTLE_STEPS)
        # Two sides of two views share the probability.
        probability = probability_of(state.sensitivity) / 4
        self._log_rarity = -math.log(probability)
        self._normal = -NormalDist().inv_cdf(probability)

    def state(self) -> bytes:
        """All that `restore` needs to go on as if nothing had happened."""
        return _encode(self._state)

    @classmethod
    def restore(cls, data: bytes) -> Detector:
        """Raises ValueError for bytes that are not a detector's of this version."""
        try:
            state = _decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"not a detector's state: {error}") from None
        if state.version != VERSION:
            raise ValueError(f"a detector's state of version {state.version}; this one reads {VERSION}")
        detector = cls.__new__(cls)
        detector._attach(state)
        return detector

    @property
    def warm(self) -> bool:
        """Whether enough values have been seen for the bounds to mean something."""
        return self._state.steps >= WARM_STEPS

    def judge(self, t_ms: int, value: float | None, *, trials: float | None = None) -> Judgement:
        """The judgement that `update` would give, learning nothing."""
        return self._judged(t_ms, value, trials)[0]

    def update(self, t_ms: int, value: float | None, *, trials: float | None = None) -> Judgement:
        """Judge a value by what came before, then learn from it. None (or NaN) is a missing one: score 0.

        `t_ms` is the start of the value's window, in the time in which days begin at midnight. `trials`
        is the number of which a `ratio` is the share, 0 being no value at all.
        """
        judgement, expected, shape, variance, z = self._judged(t_ms, value, trials)
        if value is not None and value - value == 0 and trials != 0:
            self._learn(t_ms, value, trials, expected, shape, variance, z)
        return judgement

    def _judged(
        self, t_ms: int, value: float | None, trials: float | None
    ) -> tuple[Judgement, float, float, float, float]:
        state = self._state
        rhythm_shape = state.rhythm.shape(t_ms + state.step_ms // 2)
        missing = value is None or value - value != 0 or trials == 0
        half = 0.0
        if self._additive:
            expected = rhythm_shape + state.amount
            variance = max(1.2533 * state.spread, 1e-9 + 1e-6 * abs(expected))
        else:
            rhythm_shape = max(rhythm_shape, SMALL)
            expected = max(rhythm_shape * self._level(), SMALL)
            if state.kind == "count":
                half = 0.5
                expected = max(expected, half * self._level_rate)
                variance = expected / max(state.spread, SMALL)
            else:
                expected = min(expected, 1 - 1e-6)
                variance = expected * (trials or 1.0) / (max(state.spread, SMALL) * (1 - expected))
                half = 0.5 / trials if trials else 0.0
        if missing or value is None:
            z = 0.0
        elif self._additive:
            z = (value - expected) / variance
        else:
            z = deviation(max(value, 0.0), expected, variance, half)
        lower, upper = self._limits()
        if self._additive:
            low, high = expected + lower * variance, expected + upper * variance
        else:
            low, high = (
                value_at(lower, expected, variance, half),
                value_at(upper, expected, variance, half),
            )
            if state.kind == "ratio":
                high = min(high, 1.0)
        if missing or state.steps < WARM_STEPS:
            return Judgement(expected, low, high, 0.0, False), expected, rhythm_shape, variance, z
        score = score_of(min(1.0, self._rarity(z)))
        judgement = Judgement(expected, low, high, score, score >= state.sensitivity)
        return judgement, expected, rhythm_shape, variance, z

    def _level(self) -> float:
        """The factor of the shape: of the last hours, or where little has happened in them, towards 1."""
        state = self._state
        return state.amount / state.base if state.base > 0 else 1.0

    def _limits(self) -> tuple[float, float]:
        """The deviations from which a value is an anomaly, alone or with the two before it."""
        state = self._state
        probability, normal = self._log_rarity, self._normal
        earlier = state.before + state.before_that
        width = math.sqrt(SPAN * state.spread_short)
        up = min(
            state.up.limit(probability, normal),
            max(1.0, width * state.up_short.limit(probability, normal) - earlier),
        )
        down = min(
            state.down.limit(probability, normal),
            max(1.0, width * state.down_short.limit(probability, normal) + earlier),
        )
        return -down, up

    def _rarity(self, z: float) -> float:
        """The probability of a deviation as unusual as this one, alone or with the two before it."""
        state = self._state
        short = (z + state.before + state.before_that) / math.sqrt(SPAN * state.spread_short)
        if z >= 0:
            alone = state.up.probability(z)
            together = state.up_short.probability(short) if z >= 1 and short > 0 else 1.0
        else:
            alone = state.down.probability(-z)
            together = state.down_short.probability(-short) if z <= -1 and short < 0 else 1.0
        return 4 * min(alone, together)

    def _learn(
        self,
        t_ms: int,
        value: float,
        trials: float | None,
        expected: float,
        rhythm_shape: float,
        shape: float,
        z: float,
    ) -> None:
        state = self._state
        state.steps = steps = state.steps + 1
        warm = steps > WARM_STEPS
        rate = max(1 / steps, 1 / SCALE_STEPS)
        clipped, used = max(-CLIP, min(CLIP, z)), value
        exposure = trials or 1.0
        if warm:
            self._learn_tails(z)
            if self._additive:
                used = expected + clipped * shape
            elif clipped != z:
                used = value_at(clipped, expected, shape, 0.0)
        if self._additive:
            level_rate = max(1 / steps, self._level_rate)
            residual = min(abs(value - expected), CLIP * shape) if warm else abs(value - expected)
            if steps > 1:
                state.spread += max(1 / (steps - 1), 1 / SCALE_STEPS) * (residual - state.spread)
            state.amount += level_rate * (used - rhythm_shape - state.amount)
            state.fresh += level_rate * (value - rhythm_shape - state.fresh)
        else:
            keep = 1 - self._level_rate
            square = min(z * z, CLIP * CLIP if warm else 100.0)
            if steps > 1:
                floor = 1.0 if state.kind == "count" or trials is not None else SMALL
                state.spread = max(floor, state.spread * (1 + rate * (square * 1.05 - 1)))
            state.amount = state.amount * keep + used * exposure
            state.base = state.base * keep + rhythm_shape * exposure
            state.fresh = state.fresh * keep + value * exposure
            state.fresh_base = state.fresh_base * keep + rhythm_shape * exposure
        state.before_that, state.before = state.before, max(-HEAVY, min(HEAVY, z))
        if abs(z) >= SETTLE_FROM:
            sign = 1 if z > 0 else -1
            state.away = state.away + sign if state.away * sign >= 0 else sign
            if abs(state.away) >= self._settle:
                state.amount, state.base, state.away = state.fresh, state.fresh_base, 0
        elif state.away:
            state.away -= 1 if state.away > 0 else -1
        if state.rhythm.learn(t_ms + state.step_ms // 2, used, exposure):
            self._fit_level()

    def _learn_tails(self, z: float) -> None:
        state = self._state
        state.up.learn(z)
        state.down.learn(-z)
        total = z + state.before + state.before_that
        short = total / math.sqrt(SPAN * state.spread_short)
        state.up_short.learn(short)
        state.down_short.learn(-short)
        growth = (min(short * short, CLIP * CLIP) * 1.05 - 1) / SCALE_STEPS
        state.spread_short = max(SHORT_FLOOR, state.spread_short * (1 + growth))

    def _fit_level(self) -> None:
        """To a shape that has just changed: deviations from the earlier one say nothing of it."""
        state = self._state
        state.up, state.down, state.up_short, state.down_short = Tail(), Tail(), Tail(), Tail()
        level = state.rhythm.level()
        if self._additive:
            state.amount = state.fresh = level
        else:
            shape = max(state.rhythm.shape(state.rhythm.bin * state.rhythm.bin_ms), SMALL)
            state.base = state.fresh_base = shape / self._level_rate
            state.amount = state.fresh = level * state.base


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
