"""One measure of a series under watch: its detector, and what it takes before it may alert (SPEC 7)."""

from __future__ import annotations

import math

from msgspec import Struct

from stream.core.definition import DAY, Detection
from stream.core.detection import Detector, Judgement
from stream.core.detection.judgement import probability_of
from stream.core.engagement.judged import Judged, Sign
from stream.core.engagement.spells import Spells
from stream.core.records import Measure

IN_A_ROW = 2
"""Windows beyond the bounds, on one side, that open an incident."""
ALONE = 0.8
"""Decades further out, at which a single window is enough."""
MOST = 15.0
"""Decades below 1 that count: further out, a probability says nothing."""
WORTH_A_DETECTOR = 0.25
NO_LONGER_WORTH = 0.1
"""Shares of the minimum volume: a small series has no detector, which would cost more than it tells."""
FIRST_STEPS = 12


class MeasuredState(Struct, array_like=True):
    """What a measure is restored from."""

    typical: float
    began: int
    run: int
    detector: bytes | None
    spells: Spells


class Measured:
    """A value is `beyond` where its detector calls it an anomaly, if it is no rhythm and may alert.

    It is `out` in the second window in a row beyond on the same side, or in the first if that alone is
    improbable enough. `typical` is what a window of the last day has, on average.
    """

    __slots__ = (
        "_bound",
        "_detection",
        "_detector",
        "_is_ratio",
        "_spells",
        "_step_ms",
        "began",
        "run",
        "typical",
    )

    def __init__(self, measure: Measure, detection: Detection, *, step_ms: int) -> None:
        self._is_ratio = measure == "index"
        self._detection, self._step_ms = detection, step_ms
        self._bound = decades(detection.sensitivity)
        self._detector: Detector | None = None
        self._spells = Spells()
        self.typical, self.began, self.run = 0.0, 0, 0

    def state(self) -> MeasuredState:
        detector = None if self._detector is None else self._detector.state()
        return MeasuredState(self.typical, self.began, self.run, detector, self._spells)

    def restore(self, state: MeasuredState) -> None:
        """Raises ValueError for a detector of another version."""
        self.typical, self.began, self.run, self._spells = state.typical, state.began, state.run, state.spells
        self._detector = None if state.detector is None else Detector.restore(state.detector)

    @property
    def is_watched(self) -> bool:
        """Whether it has a detector: each window matters to it, also an empty one."""
        return self._detector is not None

    def may_alert(self, start_ms: int) -> bool:
        """Whether it is old enough and large enough."""
        return (
            self._detector is not None
            and self.typical >= self._detection.min_volume
            and start_ms - self.began >= self._detection.warm_up_days * DAY
        )

    def missed(self) -> None:
        """A window has no value, or did not come."""
        self.run = 0

    def window(
        self, start_ms: int, local_ms: int, value: float, people: int, bar: float, *, may_alert: bool
    ) -> Judged:
        """Judge a value by what came before it, then learn it."""
        detector = self._detector
        if detector is None:
            return unwatched(value, self.typical)
        judgement = detector.update(local_ms, value, trials=people if self._is_ratio else None)
        if not judgement.anomaly:
            self.run = 0
            return Judged(value, judgement.expected, judgement.lower, judgement.upper, judgement.score)
        judged, self.run = self._beyond(local_ms, value, judgement, bar, may_alert)
        self._spells.learn(local_ms, value, judgement.expected, step_ms=self._step_ms)
        return judged

    def peek(self, start_ms: int, local_ms: int, value: float, bar: float) -> Judged:
        """The same of a count that may still grow, without learning: of spikes alone."""
        if self._detector is None:
            return unwatched(value, self.typical)
        judgement = self._detector.judge(local_ms, value)
        if judgement.anomaly and value > judgement.expected:
            return self._beyond(local_ms, value, judgement, bar, self.may_alert(start_ms))[0]
        return Judged(value, judgement.expected, judgement.lower, judgement.upper, judgement.score)

    def learn_typical(self, start_ms: int, amount: float, rate: float, steps: int) -> None:
        """`steps` are the windows so far; `rate` is of this window."""
        self.typical += rate * (amount - self.typical)
        least = self._detection.min_volume
        if self._detector is None:
            if self.typical >= least * WORTH_A_DETECTOR and steps >= FIRST_STEPS:
                self._detector = Detector(
                    self._step_ms,
                    kind="ratio" if self._is_ratio else "count",
                    sensitivity=self._detection.sensitivity,
                )
                self.began, self.run = start_ms + self._step_ms, 0
        elif self.typical < least * NO_LONGER_WORTH:
            self._detector, self._spells, self.run = None, Spells(), 0

    def _beyond(
        self, local_ms: int, value: float, judgement: Judgement, bar: float, may_alert: bool
    ) -> tuple[Judged, int]:
        """What an anomaly comes to, and the run of windows beyond, signed, that it ends."""
        side: Sign = 1 if value > judgement.expected else -1
        beyond: Sign = 0
        out: Sign = 0
        run = 0
        if may_alert and not self._spells.has_come_before(
            local_ms, value, judgement.expected, step_ms=self._step_ms
        ):
            beyond = side
            run = self.run + side if self.run * side > 0 else side
            further = decades(judgement.score) - self._bound
            if further >= bar and (abs(run) >= IN_A_ROW or further >= bar + ALONE):
                out = side
        _, lower, upper, score, _ = judgement
        return Judged(value, judgement.expected, lower, upper, score, beyond, out), run


def unwatched(value: float, typical: float) -> Judged:
    """Of a measure without a detector: what it usually has, between bounds that say little."""
    return Judged(value, typical, 0.0, 2 * typical + 10, 0.0)


def decades(score: float) -> float:
    """-log10 of the tail probability that a score stands for."""
    if score <= 0.0:
        return 0.0
    probability = probability_of(score)
    return MOST if probability <= 10**-MOST else -math.log10(probability)
