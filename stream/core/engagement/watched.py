"""One series under watch: its measures, each judged window by window (SPEC 7)."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from stream.core.definition import DAY, Detection
from stream.core.engagement.judged import Judged
from stream.core.engagement.measured import Measured, MeasuredState
from stream.core.engagement.rows import KEY_PREFIX, Row
from stream.core.records import Measure

MEASURES: tuple[Measure, ...] = ("volume", "people", "index")
OF_KEY_EVENTS: tuple[Measure, ...] = ("volume", "people")
"""The index of a key event's series is 1 by its making."""


class _State(Struct, array_like=True):
    since: int
    last: int
    seen: int
    measures: dict[Measure, MeasuredState]


class Watched:
    """Windows come in order. `since` is the first, `last` the last taken in, `seen` the last with something.

    While the series is small it has no detectors, and an empty window costs next to nothing: it may be left
    out, too, which is the same. The index of fewer people than the minimum volume is never an anomaly.
    """

    __slots__ = ("_least", "_measures", "_step_ms", "_watched", "last", "seen", "since")

    def __init__(self, series: str, start_ms: int, detection: Detection, *, step_ms: int) -> None:
        self._step_ms = step_ms
        self._least = detection.min_volume
        self._measures: dict[Measure, Measured] = {
            measure: Measured(measure, detection, step_ms=step_ms)
            for measure in (OF_KEY_EVENTS if series.startswith(KEY_PREFIX) else MEASURES)
        }
        self._watched = False
        self.since = self.seen = start_ms
        self.last = start_ms - step_ms

    def state(self) -> bytes:
        measures = {measure: measured.state() for measure, measured in self._measures.items()}
        return _encode(_State(self.since, self.last, self.seen, measures))

    @classmethod
    def restore(cls, series: str, value: bytes, detection: Detection, *, step_ms: int) -> Watched:
        """Raises ValueError for bytes that are not of this version."""
        try:
            state = _decode(value)
        except msgspec.DecodeError as error:
            raise ValueError(f"not the state of a watched series: {error}") from None
        watched = cls(series, state.since, detection, step_ms=step_ms)
        watched.last, watched.seen = state.last, state.seen
        for measure, of_measure in state.measures.items():
            watched._measures[measure].restore(of_measure)
        watched._watched = any(measured.is_watched for measured in watched._measures.values())
        return watched

    def needs(self, row: Row) -> bool:
        """Whether the window tells anything: an empty one does not of a small series."""
        return self._watched or bool(row.events)

    def window(self, start_ms: int, row: Row, *, local_ms: int, bar: float) -> dict[Measure, Judged]:
        """Judge the window by what came before it, then learn it.

        `local_ms` is its start in local time, which the rhythm follows; `bar` decades of probability that are
        asked for beside.
        """
        step_ms = self._step_ms
        missed = (start_ms - self.last) // step_ms - 1
        steps = (start_ms - self.since) // step_ms + 1
        rate = max(1 / steps, step_ms / DAY)
        people = row.people
        judged: dict[Measure, Judged] = {}
        is_watched = False
        for measure, measured in self._measures.items():
            if missed:
                measured.missed()
                measured.typical *= (1 - rate) ** missed
            if measure != "index":
                value = row.volume if measure == "volume" else float(people)
                amount = value
            elif people:
                value, amount = row.index, float(people)
            else:
                measured.missed()
                measured.learn_typical(start_ms, 0.0, rate, steps)
                is_watched = is_watched or measured.is_watched
                continue
            may_alert = measured.is_watched and measured.may_alert(start_ms)
            if measure == "index" and people < self._least:
                may_alert = False
            judged[measure] = measured.window(start_ms, local_ms, value, people, bar, may_alert=may_alert)
            measured.learn_typical(start_ms, amount, rate, steps)
            is_watched = is_watched or measured.is_watched
        self._watched = is_watched
        self.last = start_ms
        if row.is_seen():
            self.seen = start_ms
        return judged

    def peek(self, start_ms: int, row: Row, *, local_ms: int, bar: float) -> dict[Measure, Judged]:
        """What `window` would say of counts that can only grow yet: of spikes alone. Learns nothing."""
        return {
            measure: self._measures[measure].peek(
                start_ms, local_ms, row.volume if measure == "volume" else float(row.people), bar
            )
            for measure in OF_KEY_EVENTS
        }

    def may_alert(self, measure: Measure) -> bool:
        """Whether it is old enough, by its last window, and large enough."""
        return self._measures[measure].may_alert(self.last)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode
