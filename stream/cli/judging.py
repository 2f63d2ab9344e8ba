"""Judges a series' points as they come, though at first nobody knows how far apart they usually are."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from stream.cli.series_file import Point
from stream.core.detection import Detector, Judgement

FIRST = 12
DEFAULT_STEP_MS = 300_000


class Judging:
    """A detector whose step is the median distance of the first twelve points.

    Until then the last value is expected (of the first point: its own), between the least and the greatest.
    """

    def __init__(self, sensitivity: float) -> None:
        self._sensitivity = sensitivity
        self._first: list[Point] = []
        self._detector: Detector | None = None

    def judge(self, point: Point) -> Judgement | None:
        """What the points so far say of the next one; None where there was no value yet."""
        if self._detector is not None:
            return self._detector.update(point.t_ms, point.value)
        last = next((one.value for one in reversed(self._first) if one.value is not None), point.value)
        self._first.append(point)
        if len(self._first) == FIRST:
            self._detector = self._made()
        values = [one.value for one in self._first if one.value is not None]
        return None if last is None else Judgement(last, min(values), max(values), 0.0, False)

    def _made(self) -> Detector:
        steps = [after.t_ms - before.t_ms for before, after in pairwise(self._first)]
        ascending = [step for step in steps if step > 0]
        step_ms = int(median(ascending)) if ascending else DEFAULT_STEP_MS
        detector = Detector(step_ms, kind="value", sensitivity=self._sensitivity)
        for point in self._first:
            detector.update(point.t_ms, point.value)
        return detector
