"""In which order windows and days close, and when (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from stream.core.calendar import Calendar
from stream.core.definition import DAY, Definition

SILENCE_MS = 31 * DAY
"""After so long without any event no more empty windows are published, until the next event."""


class Progress(Struct, array_like=True):
    """How far windows and days have come; times in ms, days since 1970-01-01, None: not begun.

    `clocks` and `days` are what each source has told last.
    `next_window` is the start of the first window that is not closed, `busy` that of the last in which
    anything happened. Until a day has closed, `next_day` is the first that anything was told of.
    """

    clocks: list[int | None]
    days: list[int | None]
    next_window: int | None = None
    busy: int = 0
    next_day: int | None = None
    days_closed: bool = False


class Due(NamedTuple):
    """What is to be closed next: the window that starts at `at` ms, or the day `at`."""

    what: Literal["window", "day"]
    at: int


class Closing:
    """The order is one of event time alone, however the sources' words came to be mixed.

    A day X closes before the first window that ends at or after its bound: midnight X+1, later by what
    windows lag behind less than watermarks. No source's clock passes the bound before its watermark has
    passed the midnight, so where the window may close, the day may, too; where a source is still busy with
    the midnight, windows wait.
    """

    def __init__(self, definition: Definition, calendar: Calendar, *, sources: int) -> None:
        self._calendar = calendar
        self._window_ms = definition.engagement.window_ms
        self._behind_ms = max(0, definition.allowed_lateness_ms - definition.engagement.lateness_ms)
        self._sources = sources
        self.progress = Progress([None] * sources, [None] * sources)

    def go_on_from(self, progress: Progress) -> None:
        """After a restart; sources that are new have told nothing."""
        for told in (progress.clocks, progress.days):
            told[:] = [*told, *[None] * self._sources][: self._sources]
        if progress.next_window is not None:
            progress.next_window += -progress.next_window % self._window_ms
        self.progress = progress

    def hear_clock(self, source: int, clock_ms: int, day: int | None) -> None:
        """A source will say nothing more of windows that end by `clock_ms`, nor of days up to `day`."""
        clocks, days = self.progress.clocks, self.progress.days
        clocks[source] = _later(clocks[source], clock_ms)
        if day is not None:
            days[source] = _later(days[source], day)

    def hear_of_day(self, day: int) -> None:
        """There is something to tell of this day."""
        progress = self.progress
        if not progress.days_closed and (progress.next_day is None or day < progress.next_day):
            progress.next_day = day

    def is_closed(self, start_ms: int) -> bool:
        """Whether the window that starts there has been closed, or passed over."""
        next_window = self.progress.next_window
        return next_window is not None and start_ms < next_window

    def due(self, earliest: Callable[[], int | None]) -> Due | None:
        """What may close now; `earliest` says which is the first open window in which anything happened."""
        window, day = self._next_window(earliest), self._next_day()
        bound = self._day_bound()
        if window is not None and (bound is None or window + self._window_ms < bound):
            return Due("window", window)
        return None if day is None else Due("day", day)

    def window_closed(self, start_ms: int, *, busy: bool) -> None:
        """The next window is the one after it."""
        progress = self.progress
        progress.next_window = start_ms + self._window_ms
        if busy:
            progress.busy = start_ms

    def day_closed(self, day: int) -> None:
        """The next day is the one after it that occurs."""
        self.progress.next_day = self._calendar.midnight(day + 1)[1]
        self.progress.days_closed = True

    def _next_window(self, earliest: Callable[[], int | None]) -> int | None:
        floor = _floor(self.progress.clocks)
        if floor is None:
            return None
        start = self.progress.next_window
        if start is None or start - self.progress.busy >= SILENCE_MS:
            start = earliest()
        return None if start is None or start + self._window_ms > floor else start

    def _next_day(self) -> int | None:
        floor = _floor(self.progress.days)
        day = self.progress.next_day
        return None if floor is None or day is None or day > floor else day

    def _day_bound(self) -> int | None:
        """The end of the first window that the next day closes before."""
        day = self.progress.next_day
        return None if day is None else self._calendar.midnight(day + 1)[0] + self._behind_ms


def _floor(told: Sequence[int | None]) -> int | None:
    """What all have reached; None where one has told nothing."""
    floor = None
    for one in told:
        if one is None:
            return None
        floor = one if floor is None or one < floor else floor
    return floor


def _later(known: int | None, told: int) -> int:
    return told if known is None else max(known, told)
