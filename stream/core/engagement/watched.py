"""One series under watch: a detector for each of its measures, and what it takes before it may alert (SPEC 7)."""

from __future__ import annotations

import math

import msgspec
from msgspec import Struct

from stream.core.definition import DAY, Detection
from stream.core.detection.detector import Detector, Kind
from stream.core.detection.judgement import Judgement, probability_of
from stream.core.engagement.judged import Judged, Sign
from stream.core.engagement.rows import KEY_PREFIX, Row
from stream.core.engagement.spells import Spells
from stream.core.records import Measure

MEASURES: tuple[Measure, ...] = ("volume", "people", "index")
OF_KEY_EVENTS: tuple[Measure, ...] = ("volume", "people")
"""The index of a key event's series is 1 by its making."""

IN_A_ROW = 2
"""Windows beyond the bounds, on one side, that open an incident."""
ALONE = 3.0
"""Decades below the bounds' probability at which a single window is enough."""
MOST = 15.0
"""Decades below 1 that count: further out, a probability says nothing."""
TYPICAL_MS = DAY
"""How long a typical window is remembered."""


class _Measured(Struct, array_like=True):
    """One measure's state: the detector, what a window typically has, how long it has been beyond, and when."""

    detector: bytes
    typical: float
    run: int
    spells: Spells


class _Series(Struct, array_like=True):
    since: int
    last: int
    seen: int
    measures: dict[Measure, _Measured]


class Watched:
    """The detectors of one series. Windows come in order; a window that does not come ends a run.

    A value is `beyond` where its detector calls it an anomaly, the series has been seen for the warm-up and has
    the minimum volume in a typical window. It is `out` in the second window in a row beyond on the same side,
    or in the first if that alone is improbable enough.
    """

    __slots__ = (
        "_detection",
        "_detectors",
        "_runs",
        "_spells",
        "_step_ms",
        "_typical",
        "last",
        "seen",
        "since",
    )

    def __init__(self, series: str, start_ms: int, detection: Detection, *, step_ms: int) -> None:
        self._attach(detection, step_ms)
        self.since = self.seen = start_ms
        self.last = start_ms - step_ms
        for measure in OF_KEY_EVENTS if series.startswith(KEY_PREFIX) else MEASURES:
            self._detectors[measure] = _detector(measure, step_ms)
            self._typical[measure] = 0.0
            self._runs[measure] = 0
            self._spells[measure] = Spells()

    def _attach(self, detection: Detection, step_ms: int) -> None:
        self._detection, self._step_ms = detection, step_ms
        self._detectors: dict[Measure, Detector] = {}
        self._typical: dict[Measure, float] = {}
        self._runs: dict[Measure, int] = {}
        self._spells: dict[Measure, Spells] = {}

    def state(self) -> bytes:
        measures = {
            measure: _Measured(
                detector.state(), self._typical[measure], self._runs[measure], self._spells[measure]
            )
            for measure, detector in self._detectors.items()
        }
        return _encode(_Series(self.since, self.last, self.seen, measures))

    @classmethod
    def restore(cls, value: bytes, detection: Detection, *, step_ms: int) -> Watched:
        """Raises ValueError for bytes that are not of this version."""
        state = _decode(value)
        watched = cls.__new__(cls)
        watched._attach(detection, step_ms)
        watched.since, watched.last, watched.seen = state.since, state.last, state.seen
        for measure, measured in state.measures.items():
            watched._detectors[measure] = Detector.restore(measured.detector)
            watched._typical[measure] = measured.typical
            watched._runs[measure] = measured.run
            watched._spells[measure] = measured.spells
        return watched

    def window(self, start_ms: int, row: Row, *, local_ms: int, bar: float) -> dict[Measure, Judged]:
        """Judge the window by what came before it, then learn.

        `local_ms` is its start in local time, which the rhythm follows; `bar` decades of probability that are
        asked for beside.
        """
        if start_ms != self.last + self._step_ms:
            self._runs = dict.fromkeys(self._runs, 0)
        warm = self._is_warm(start_ms)
        judged: dict[Measure, Judged] = {}
        for measure, detector in self._detectors.items():
            value = _value(row, measure)
            if value is None:
                detector.update(local_ms, None)
                self._runs[measure] = 0
                continue
            trials = row.people if measure == "index" else None
            judgement = detector.update(local_ms, value, trials=trials)
            result, self._runs[measure] = self._decided(measure, value, local_ms, judgement, warm, bar)
            judged[measure] = result
            if judgement.anomaly:
                side = 1 if value > judgement.expected else -1
                self._spells[measure].learn(local_ms, value, side, step_ms=self._step_ms)
            self._learn_typical(measure, row)
        self.last = start_ms
        if row.is_seen():
            self.seen = start_ms
        return judged

    def peek(self, start_ms: int, row: Row, *, local_ms: int, bar: float) -> dict[Measure, Judged]:
        """What `window` would say of counts that can only grow yet: of spikes alone. Learns nothing."""
        warm = self._is_warm(start_ms)
        judged: dict[Measure, Judged] = {}
        for measure, detector in self._detectors.items():
            if measure != "index":
                value = getattr(row, measure)
                judgement = detector.judge(local_ms, value)
                result, _ = self._decided(measure, value, local_ms, judgement, warm, bar)
                judged[measure] = result if result.beyond == 1 else result._replace(beyond=0, out=0)
        return judged

    def may_alert(self, measure: Measure) -> bool:
        """Whether the series is old enough, up to its last window, and large enough."""
        return self._is_warm(self.last) and self._typical[measure] >= self._detection.min_volume

    def _is_warm(self, start_ms: int) -> bool:
        return start_ms - self.since >= self._detection.warm_up_days * DAY

    def _decided(
        self,
        measure: Measure,
        value: float,
        local_ms: int,
        judgement: Judgement,
        warm: bool,
        bar: float,
    ) -> tuple[Judged, int]:
        """What is found, and the run of windows beyond, signed, that it ends."""
        beyond: Sign = 0
        out: Sign = 0
        run = 0
        large = self._typical[measure] >= self._detection.min_volume
        side: Sign = 1 if value > judgement.expected else -1
        if judgement.anomaly and warm and large and not self._is_rhythm(measure, value, local_ms, side):
            beyond = side
            earlier = self._runs[measure]
            run = earlier + beyond if earlier * beyond > 0 else beyond
            further = decades(judgement.score) - decades(self._detection.sensitivity)
            if further >= bar and (abs(run) >= IN_A_ROW or further >= bar + ALONE):
                out = beyond
        _, lower, upper, score, _ = judgement
        return Judged(value, judgement.expected, lower, upper, score, beyond, out), run

    def _is_rhythm(self, measure: Measure, value: float, local_ms: int, side: Sign) -> bool:
        return self._spells[measure].has_come_before(local_ms, value, side, step_ms=self._step_ms)

    def _learn_typical(self, measure: Measure, row: Row) -> None:
        """The mean of the windows so far, then of the last day: of an index, the people it is of."""
        steps = (self.last + self._step_ms - self.since) // self._step_ms + 1
        rate = max(1 / steps, self._step_ms / TYPICAL_MS)
        amount = row.people if measure == "index" else getattr(row, measure)
        self._typical[measure] += rate * (amount - self._typical[measure])


def decades(score: float) -> float:
    """-log10 of the tail probability that a score stands for."""
    if score <= 0.0:
        return 0.0
    probability = probability_of(score)
    return MOST if probability <= 10**-MOST else -math.log10(probability)


def _value(row: Row, measure: Measure) -> float | None:
    """None for the index of nobody."""
    if measure == "index":
        return row.index if row.people else None
    return row.volume if measure == "volume" else float(row.people)


def _detector(measure: Measure, step_ms: int) -> Detector:
    kind: Kind = "ratio" if measure == "index" else "count"
    return Detector(step_ms, kind=kind)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Series).decode
