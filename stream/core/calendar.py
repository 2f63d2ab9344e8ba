"""Local days of one time zone: which day an instant belongs to, and when a day begins."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from stream.core.definition import DAY, HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = -62_100_000_000_000  # zoneinfo cannot convert the very edges of years 1 and 9999
_LATEST = 253_370_000_000_000
_CHUNK = 64 * DAY
_CHUNKS = 4096
_STEP = 3 * HOUR  # no zone changed its clock twice within it
_FURTHEST = 26 * HOUR  # no zone is further than this from UTC


class Segment(NamedTuple):
    """The instants `start <= t < end`, in ms, all have the local date `day` (days since 1970-01-01).

    `reached` is the latest date that has begun by then: later than `day` only where a clock went back
    over midnight, and the one that never goes back.
    """

    start: int
    end: int
    day: int
    reached: int


class Calendar:
    """Exact over daylight saving, skipped dates, and dates that a clock change visits twice."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._chunks: dict[int, tuple[list[int], list[int], list[int]]] = {}
        self._midnights: dict[int, tuple[int, int]] = {}
        self._last = Segment(0, 0, 0, 0)

    def segment(self, t: int) -> Segment:
        """The stretch of instants around `t` that share its local date (cut at internal bounds)."""
        last = self._last
        if last.start <= t < last.end:
            return last
        index = t // _CHUNK
        starts, days, reached = self._chunks.get(index) or self._build(index)
        i = bisect_right(starts, t) - 1
        end = starts[i + 1] if i + 1 < len(starts) else (index + 1) * _CHUNK
        self._last = Segment(starts[i], end, days[i], reached[i])
        return self._last

    def day_of(self, t: int) -> int:
        """The local date of an instant, as days since 1970-01-01."""
        start, end, day, _ = self._last
        return day if start <= t < end else self.segment(t).day

    def reached(self, t: int) -> int:
        """The latest date whose midnight is at or before an instant."""
        start, end, _, reached = self._last
        return reached if start <= t < end else self.segment(t).reached

    def midnight(self, day: int) -> tuple[int, int]:
        """First instant of the first local date that is `day` or later and occurs: (ms, that date)."""
        found = self._midnights.get(day)
        if found is None:
            if len(self._midnights) >= _CHUNKS:
                self._midnights.clear()
            segment = self.segment(day * DAY - _FURTHEST)
            while segment.day < day:
                segment = self.segment(segment.end)
            found = self._midnights[day] = segment.start, segment.day
        return found

    def offset(self, t: int) -> int:
        """What local time is ahead of UTC by at an instant, in ms."""
        instant = _EPOCH + timedelta(milliseconds=min(max(t, _EARLIEST), _LATEST))
        offset = instant.astimezone(self._zone).utcoffset()
        assert offset is not None
        return offset // timedelta(milliseconds=1)

    def _build(self, index: int) -> tuple[list[int], list[int], list[int]]:
        if len(self._chunks) >= _CHUNKS:
            self._chunks.clear()
        starts: list[int] = []
        days: list[int] = []
        reached: list[int] = []
        t, stop = index * _CHUNK, (index + 1) * _CHUNK
        offset = self.offset(t)
        latest = max((before + self.offset(before)) // DAY for before in range(t - 3 * HOUR, t, HOUR // 4))
        while t < stop:
            day = (t + offset) // DAY
            if not days or days[-1] != day:
                starts.append(t)
                days.append(day)
                latest = max(latest, day)
                reached.append(latest)
            ahead = min(t + _STEP, stop, (day + 1) * DAY - offset)
            changed = self.offset(ahead)
            t = ahead if changed == offset else self._change(t, ahead)
            offset = changed
        self._chunks[index] = starts, days, reached
        return starts, days, reached

    def _change(self, before: int, after: int) -> int:
        """The first instant with another offset in `before < t <= after`."""
        old = self.offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            if self.offset(middle) == old:
                before = middle
            else:
                after = middle
        return after
