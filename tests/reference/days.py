"""Local dates and their first instants, searched for in the zone's own rules."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from zoneinfo import ZoneInfo

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND = dt.timedelta(milliseconds=1)
STEP_MS = 3600 * 1000
REACH_MS = 36 * 3600 * 1000


def instant(milliseconds: int) -> dt.datetime:
    """The UTC datetime of milliseconds since 1970."""
    return EPOCH + milliseconds * MILLISECOND


class Days:
    """Days of one time zone. An instant belongs to the date that a clock on the wall there shows."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._dates: dict[int, dt.date] = {}
        self._midnights: dict[dt.date, int | None] = {}

    def date(self, milliseconds: int) -> dt.date:
        """The local date at an instant; the calendar's first and last day stand for what lies outside."""
        if milliseconds not in self._dates:
            try:
                self._dates[milliseconds] = instant(milliseconds).astimezone(self._zone).date()
            except OverflowError:
                self._dates[milliseconds] = dt.date.min if milliseconds < 0 else dt.date.max
        return self._dates[milliseconds]

    def midnight(self, date: dt.date) -> int | None:
        """The first instant whose local date is `date`, or None where the zone skipped that date."""
        if date not in self._midnights:
            self._midnights[date] = self._search(date)
        return self._midnights[date]

    def reached(self, milliseconds: int) -> dt.date:
        """The latest date that has begun at an instant, even if the clock was set back out of it."""
        date = self.date(milliseconds)
        following = date + dt.timedelta(days=1)
        midnight = self.midnight(following)
        return following if midnight is not None and midnight <= milliseconds else date

    def midnights(self, *, after: int, until: int) -> list[tuple[int, dt.date]]:
        """All midnights in (after, until], in time order, each with the date that begins there."""
        found = []
        date = self.date(after)
        while date <= self.date(until) + dt.timedelta(days=1):
            midnight = self.midnight(date)
            if midnight is not None and after < midnight <= until:
                found.append((midnight, date))
            date += dt.timedelta(days=1)
        return sorted(found)

    def _search(self, date: dt.date) -> int | None:
        """A date begins where the clock runs through 00:00, or where the clock is set into the date."""
        as_utc = (dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC) - EPOCH) // MILLISECOND
        instants = range(as_utc - REACH_MS, as_utc + REACH_MS, STEP_MS)
        offsets = [self._offset_ms(at) for at in instants]
        candidates = {as_utc - offset for offset in offsets}
        for index, (before, after) in enumerate(itertools.pairwise(offsets)):
            if before != after:
                candidates.add(self._change(instants[index], instants[index + 1]))
        return min((at for at in candidates if self.date(at) == date), default=None)

    def _change(self, low: int, high: int) -> int:
        """The instant in (low, high] at which the clock is set."""
        old = self._offset_ms(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset_ms(middle) == old else (low, middle)
        return high

    def _offset_ms(self, milliseconds: int) -> int:
        offset = instant(milliseconds).astimezone(self._zone).utcoffset()
        assert offset is not None
        return offset // MILLISECOND


@functools.cache
def days_of(zone: str) -> Days:
    """The days of a zone, found once."""
    return Days(zone)
