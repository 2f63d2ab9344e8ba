"""The product's rhythm: how busy each hour of the week is, and when a waiting time ends under it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
_FIRST_MONDAY_MS = 4 * DAY_MS  # 1970-01-05

# A shop's day in its own time zone: quiet at night, a lunch peak, a larger one in the evening.
HOURS = (
    *(0.15, 0.07, 0.04, 0.03, 0.03, 0.05, 0.19, 0.47, 0.75, 0.90, 1.01, 1.16),
    *(1.43, 1.21, 1.01, 0.98, 1.07, 1.37, 1.80, 2.39, 2.93, 2.73, 1.68, 0.57),
)
WEEKDAYS = (1.02, 0.97, 0.95, 0.98, 0.92, 1.08, 1.28)  # Monday first: Sunday is the day for shopping


class Schedule:
    """Intensity by the hour of the (UTC) week, with mean 1, so that exposures are in average days."""

    def __init__(self, hours: Sequence[float] = HOURS, weekdays: Sequence[float] = WEEKDAYS) -> None:
        weights = [day * hour for day in weekdays for hour in hours]
        scale = len(weights) / sum(weights) / 24  # exposure days an hour
        self._weights = [weight * scale for weight in weights]
        self._sums = [0.0]
        for weight in self._weights:
            self._sums.append(self._sums[-1] + weight)
        self._week = self._sums[-1]

    def after(self, t_ms: int, exposure_days: float) -> int:
        """When `exposure_days` average days' worth of activity have passed since `t_ms`: the inverse of a
        Poisson process' cumulative intensity, so exponential exposures give the rhythm exactly."""
        week, rest = divmod(t_ms - _FIRST_MONDAY_MS, WEEK_MS)
        hour, part = divmod(rest, HOUR_MS)
        wanted = self._sums[hour] + self._weights[hour] * (part / HOUR_MS) + exposure_days
        weeks, wanted = divmod(wanted, self._week)
        hour = min(bisect_right(self._sums, wanted) - 1, len(self._weights) - 1)
        within = (wanted - self._sums[hour]) / self._weights[hour]
        later = int((week + weeks) * WEEK_MS + (hour + within) * HOUR_MS) + _FIRST_MONDAY_MS
        return max(later, t_ms)
