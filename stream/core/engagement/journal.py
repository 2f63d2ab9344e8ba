"""What detectors have learned since they were last kept: the windows themselves, which are a hundredth of it.

The detectors of a series take some kilobytes, and change with every window. So they are kept in turns, each
series once in `TURN_MS`, and between them only the figures of the windows, from which they learn again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zlib import crc32

import msgspec

from stream.core.definition import HOUR
from stream.core.engagement.rows import Row

TURN_MS = HOUR
MOST_STEPS = 60

_Figures = tuple[int, int, float, float, int]  # events, people, volume, index, promoted people


class Journal:
    """`step_ms` is the length of a window."""

    def __init__(self, *, step_ms: int) -> None:
        self._step_ms = step_ms
        self._turn = min(max(TURN_MS // step_ms, 1), MOST_STEPS)
        self._windows: dict[int, bytes] = {}
        self._behind: dict[str, int] = {}  # series, and the first window since it was kept, in order of that
        self._changed: dict[int, None] = {}
        self._given: set[int] = set()

    def add(self, start_ms: int, rows: Mapping[str, Row]) -> list[str]:
        """Take in what was learned in a window; return the series whose turn it is to be kept as a whole."""
        number = start_ms // self._step_ms
        figures = {
            series: (row.events, row.people, row.volume, row.index, row.promoted_people)
            for series, row in rows.items()
        }
        self._windows[start_ms] = _encode(figures)
        self._changed[start_ms] = None
        for series in rows:
            self._behind.setdefault(series, start_ms)
        longest_ms = self._turn * self._step_ms
        due = [
            series
            for series, since in self._behind.items()
            if (number + crc32(series.encode())) % self._turn == 0 or start_ms - since >= longest_ms
        ]
        for series in due:
            del self._behind[series]
        self._drop()
        return due

    def forget(self, series: str) -> None:
        """A series that is no longer kept at all."""
        self._behind.pop(series, None)

    def clear(self) -> None:
        """Nothing is behind any more."""
        self._behind.clear()
        self._drop()

    def windows(self) -> Iterator[tuple[int, dict[str, Row]]]:
        """What to learn again, in order."""
        for start_ms in sorted(self._windows):
            figures = _decode(self._windows[start_ms])
            yield (
                start_ms,
                {
                    series: Row(events=e, people=p, volume=v, index=i, promoted_people=m)
                    for series, (e, p, v, i, m) in figures.items()
                },
            )

    def changes(self) -> Iterator[tuple[int, bytes | None]]:
        """Windows since the last call; None for one that was given and is no longer needed."""
        for start_ms in self._changed:
            value = self._windows.get(start_ms)
            if value is None:
                self._given.discard(start_ms)
            else:
                self._given.add(start_ms)
            yield start_ms, value
        self._changed.clear()

    def restore(self, start_ms: int, value: bytes) -> None:
        self._windows[start_ms] = value
        self._given.add(start_ms)

    def is_behind(self, series: str, start_ms: int) -> None:
        """A series has learned a restored window that came after it was kept."""
        self._behind.setdefault(series, start_ms)

    def restored(self) -> None:
        """After the last window: puts them in order."""
        self._windows = dict(sorted(self._windows.items()))

    def _drop(self) -> None:
        oldest = next(iter(self._behind.values()), None)
        while self._windows:
            start_ms = next(iter(self._windows))
            if oldest is not None and start_ms >= oldest:
                return
            del self._windows[start_ms]
            if start_ms in self._given:
                self._changed[start_ms] = None
            else:
                self._changed.pop(start_ms, None)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, _Figures]).decode
