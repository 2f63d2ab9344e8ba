"""The last windows as they were judged: for charts, for shares of a deviation, and for where it began."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import isnan, sqrt
from typing import NamedTuple

import msgspec
from msgspec import Struct

from stream.core.engagement.judged import Judged
from stream.core.engagement.rows import Row
from stream.core.records import Measure

KEPT = 120
MEASURES: tuple[Measure, ...] = ("volume", "people", "index")

_NAN = float("nan")
_LARGEST = 3e38  # of a float of 32 bits
_FIELDS = 4  # of a measure: value, expected, lower, upper
_WIDTH = len(MEASURES) * _FIELDS + 1  # and promoted


class Point(NamedTuple):
    """One measure of one series in the window that begins at `start_ms`, with its promoted volume."""

    start_ms: int
    value: float
    expected: float
    lower: float
    upper: float
    promoted: float


class Totals(Struct, gc=False):
    """Sums of a series over a stretch of windows; `engaged`, as expected too, follows from the index.

    `*_bands` are sums of the squares of half the band's width: what the sums may differ by without a reason.
    """

    volume: float = 0.0
    volume_expected: float = 0.0
    volume_bands: float = 0.0
    people: float = 0.0
    people_expected: float = 0.0
    people_bands: float = 0.0
    engaged: float = 0.0
    engaged_expected: float = 0.0
    engaged_bands: float = 0.0


class _Frame:
    """One window. Figures are rounded to 32 bits, so that they are the same after a restart."""

    __slots__ = ("_judged", "_packed", "_rows", "start_ms")

    def __init__(
        self,
        start_ms: int,
        rows: Mapping[str, Row],
        judged: Mapping[str, Mapping[Measure, Judged]],
        packed: dict[str, bytes] | None = None,
    ) -> None:
        self.start_ms = start_ms
        self._rows = rows
        self._judged = judged
        self._packed: dict[str, bytes] = {} if packed is None else packed
        if packed is not None:
            self._judged = {series: {} for series in packed}

    def series(self) -> Iterable[str]:
        return self._judged.keys()

    def figures(self, series: str) -> array[float] | None:
        packed = self._packed.get(series)
        if packed is None:
            by_measure = self._judged.get(series)
            if by_measure is None:
                return None
            numbers: list[float] = []
            for measure in MEASURES:
                j = by_measure.get(measure)
                numbers += (_NAN,) * _FIELDS if j is None else (j.value, j.expected, j.lower, j.upper)
            row = self._rows.get(series)
            numbers.append(row.promoted if row is not None else 0.0)
            packed = self._packed[series] = array(
                "f",
                [min(max(number, -_LARGEST), _LARGEST) if number == number else number for number in numbers],
            ).tobytes()
        figures: array[float] = array("f")
        figures.frombytes(packed)
        return figures

    def packed(self) -> dict[str, bytes]:
        for series in self._judged:
            self.figures(series)
        return {series: self._packed[series] for series in sorted(self._packed)}


class History:
    """A ring of frames, one a window; `index` numbers windows without holes where none is missing.

    The mappings given to `add` are kept: nobody may change them afterwards.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._frames: dict[int, _Frame] = {}
        self._unsaved: dict[int, int] = {}  # number by place in the ring

    def add(
        self,
        index: int,
        start_ms: int,
        rows: Mapping[str, Row],
        judged: Mapping[str, Mapping[Measure, Judged]],
    ) -> None:
        """Takes up a window; windows come in order."""
        self._frames[index] = _Frame(start_ms, rows, judged)
        self._unsaved[index % KEPT] = index
        while (oldest := next(iter(self._frames))) <= index - KEPT:
            del self._frames[oldest]

    @contextmanager
    def peeking(
        self,
        index: int,
        start_ms: int,
        rows: Mapping[str, Row],
        judged: Mapping[str, Mapping[Measure, Judged]],
    ) -> Iterator[None]:
        """As if a window were there, which is not final."""
        before = self._frames
        self._frames = {**before, index: _Frame(start_ms, rows, judged)}
        try:
            yield
        finally:
            self._frames = before

    def clear(self) -> None:
        """Forgets all: what was expected is no longer comparable."""
        self._unsaved |= {index % KEPT: index for index in self._frames}
        self._frames.clear()

    def points(self, series: str, measure: Measure) -> list[Point]:
        """What is kept of a measure, oldest first; windows without it are left out."""
        at = MEASURES.index(measure) * _FIELDS
        points = []
        for frame in self._frames.values():
            figures = frame.figures(series)
            if figures is not None and not isnan(figures[at]):
                points.append(_point(frame.start_ms, figures, at))
        return points

    def point(self, index: int, series: str, measure: Measure) -> Point | None:
        """One measure in one window, if it is still known."""
        frame = self._frames.get(index)
        figures = frame.figures(series) if frame is not None else None
        at = MEASURES.index(measure) * _FIELDS
        if frame is None or figures is None or isnan(figures[at]):
            return None
        return _point(frame.start_ms, figures, at)

    def sums(self, series: str, measure: Measure, *, first: int, last: int) -> tuple[float, float, float]:
        """Of a measure over the windows numbered `first` to `last`: value, expected, and what chance allows.

        The latter is half a band's width, of as many windows together.
        """
        value = expected = bands = 0.0
        for number in range(max(first, last - KEPT), last + 1):
            point = self.point(number, series, measure)
            if point is not None:
                value += point.value
                expected += point.expected
                bands += ((point.upper - point.lower) / 2) ** 2
        return value, expected, sqrt(bands)

    def totals(self, *, since_ms: int, until_ms: int) -> dict[str, Totals]:
        """By series, in the order of names: sums over windows that begin in `since_ms <= t <= until_ms`."""
        sums: dict[str, Totals] = {}
        for frame in self._frames.values():
            if since_ms <= frame.start_ms <= until_ms:
                for series in frame.series():
                    figures = frame.figures(series)
                    assert figures is not None
                    _add(sums.setdefault(series, Totals()), [0.0 if isnan(f) else f for f in figures])
        return {series: sums[series] for series in sorted(sums)}

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """What is to be kept: one record a window, under as many keys as windows are kept."""
        for place, index in self._unsaved.items():
            frame = self._frames.get(index)
            state = None if frame is None else _encode((index, frame.start_ms, frame.packed()))
            yield f"{self._prefix}{place:03d}", state
        self._unsaved.clear()

    def restore(self, value: bytes) -> None:
        index, start_ms, packed = _decode(value)
        self._frames[index] = _Frame(start_ms, {}, {}, packed)

    def restored(self) -> None:
        """All records are there: what an old key still holds is dropped."""
        newest = max(self._frames, default=0)
        self._frames = {i: self._frames[i] for i in sorted(self._frames) if i > newest - KEPT}


def _point(start_ms: int, figures: array[float], at: int) -> Point:
    value, expected, lower, upper = figures[at : at + _FIELDS]
    return Point(start_ms, value, expected, lower, upper, figures[_WIDTH - 1])


def _add(sums: Totals, figures: list[float]) -> None:
    volume, people, index = 0, _FIELDS, 2 * _FIELDS
    sums.volume += figures[volume]
    sums.volume_expected += figures[volume + 1]
    sums.people += figures[people]
    sums.people_expected += figures[people + 1]
    sums.engaged += figures[index] * figures[people]
    sums.engaged_expected += figures[index + 1] * figures[people + 1]
    sums.volume_bands += _half_band(figures, volume) ** 2
    sums.people_bands += _half_band(figures, people) ** 2
    sums.engaged_bands += (_half_band(figures, index) * figures[people]) ** 2


def _half_band(figures: list[float], at: int) -> float:
    return (figures[at + 3] - figures[at + 2]) / 2


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, int, dict[str, bytes]]).decode
