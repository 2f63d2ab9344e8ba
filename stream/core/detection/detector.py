"""One time series, value by value: expected, bounds and score from what came before, then learned."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from stream.core.detection.counts import WARM_STEPS, Counts
from stream.core.detection.judgement import Judgement
from stream.core.detection.values import Values

Kind = Literal["count", "ratio", "value"]

VERSION = 2
SENSITIVITY = 0.999


class _State(Struct, array_like=True):
    version: int
    series: Counts | Values


class Detector:
    """One series, streaming, in constant memory, deterministic.

    `step_ms` is the usual time from value to value, in ms. `kind`: a `count` is not negative and varies at
    least as a Poisson count does, a `ratio` is in 0 to 1 and varies, with its number of trials given, at
    least as a binomial share does, a `value` is anything. A value is an anomaly from the score
    `sensitivity` on.
    """

    __slots__ = ("_series",)
    _series: Counts | Values

    def __init__(self, step_ms: int, *, kind: Kind = "value", sensitivity: float = SENSITIVITY) -> None:
        if kind == "value":
            self._series = Values.of(step_ms, sensitivity=sensitivity)
        else:
            self._series = Counts.of(step_ms, share=kind == "ratio", sensitivity=sensitivity)

    def update(self, t_ms: int, value: float | None, *, trials: float | None = None) -> Judgement:
        """Judge a value by what came before it, then learn from it. None (or NaN) is a missing one: score 0.

        `t_ms` is the start of the value's window, in the time in which days begin at midnight. `trials`
        is the number of which a `ratio` is the share, 0 being no value at all.
        """
        return self._series.update(t_ms, _present(value, trials), trials)

    def judge(self, t_ms: int, value: float | None, *, trials: float | None = None) -> Judgement:
        """The judgement that `update` would give, learning nothing."""
        return self._series.judge(t_ms, _present(value, trials), trials)

    @property
    def warm(self) -> bool:
        """Whether enough values have been seen for the bounds to mean something."""
        return self._series.steps >= WARM_STEPS

    def state(self) -> bytes:
        """All that `restore` needs to go on as if nothing had happened."""
        return _encode(_State(VERSION, self._series))

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
        detector._series = state.series
        return detector


def _present(value: float | None, trials: float | None) -> float | None:
    """The value, None where it is missing: not a finite number, or the share of nothing."""
    if value is None or value - value != 0 or trials == 0:
        return None
    return value


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
