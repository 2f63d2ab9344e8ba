"""The daily or weekly rhythm of a series, from the means of its hours; found absent where it has none.

Three forecasts of the next hour compete: that it is like the last one, that it is like this hour of the day,
and that it is like this hour of the week, the latter two scaled to the present level. The one with the
smallest recent error gives the shape.
"""

from __future__ import annotations

from msgspec import Struct

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

NONE, DAILY, WEEKLY = 0, 1, 2
DAY_RATE = 0.2
WEEK_RATE = 0.3
LEVEL_RATE = 0.4
ERROR_RATE = 0.01
MARGIN = 0.92
TRIED_HOURS = 12


class Profile(Struct, array_like=True):
    """The mean value of each bin of a cycle, with how good a forecast it has been."""

    values: list[float]
    seen: list[int]
    weight: float = 0.0
    base: float = 0.0
    error: float = 0.0
    tried: int = 0


class Rhythm(Struct, array_like=True):
    """Shapes are in the units of the series; the level is a factor of them, or added where `additive`."""

    bin_ms: int
    additive: bool
    day: Profile
    week: Profile
    chosen: int = NONE
    hours: int = 0
    last: float = 0.0
    error: float = 0.0
    bin: int = -1
    total: float = 0.0
    exposure: float = 0.0

    @classmethod
    def of(cls, step_ms: int, *, additive: bool) -> Rhythm:
        bin_ms = HOUR_MS
        while bin_ms < step_ms and bin_ms < DAY_MS:
            bin_ms *= 2 if bin_ms < 8 * HOUR_MS else 3
        day, week = DAY_MS // bin_ms, WEEK_MS // bin_ms
        return cls(bin_ms, additive, Profile([0.0] * day, [0] * day), Profile([0.0] * week, [0] * week))

    def shape(self, middle_ms: int) -> float:
        """What the rhythm says of a window whose middle is there, before the level is applied."""
        if self.chosen == NONE:
            return 0.0 if self.additive else 1.0
        values = self.day.values if self.chosen == DAILY else self.week.values
        count = len(values)
        before, part = divmod(middle_ms - self.bin_ms // 2, self.bin_ms)
        before %= count
        left, right = values[before], values[(before + 1) % count]
        return left + (right - left) * (part / self.bin_ms)

    def learn(self, middle_ms: int, value: float, exposure: float) -> bool:
        """Take in a value. True when the shape now is another than before, and the level does not fit it."""
        index = middle_ms // self.bin_ms
        changed = False
        if index > self.bin:
            if self.exposure > 0:
                changed = self._close()
            self.bin, self.total, self.exposure = index, 0.0, 0.0
        if index == self.bin:
            self.total += value * exposure
            self.exposure += exposure
        return changed

    def level(self) -> float:
        """That of the chosen rhythm by the last hours: a factor of the shape, or what is added to it."""
        if self.chosen == NONE:
            return self.last
        profile = self.day if self.chosen == DAILY else self.week
        return profile.weight if self.additive else _ratio(profile.weight, profile.base)

    def _close(self) -> bool:
        """Judge the three forecasts by the hour that ended, learn from it, and choose."""
        value, before = self.total / self.exposure, self.chosen
        self.hours += 1
        error = abs(value - self.last)
        rate = max(1 / self.hours, ERROR_RATE)
        if self.hours > 1:
            self.error += rate * (error - self.error)
        self._judge(self.day, value, rate)
        self._judge(self.week, value, rate)
        self.last += (value - self.last) * (1.0 if self.hours == 1 else 0.6)
        self._take(self.day, value, DAY_RATE)
        self._take(self.week, value, WEEK_RATE)
        best, smallest = NONE, self.error * MARGIN
        for which, profile in ((DAILY, self.day), (WEEKLY, self.week)):
            bar = smallest / MARGIN if which == before else smallest
            if profile.tried >= TRIED_HOURS and profile.error < bar:
                best, smallest = which, profile.error * MARGIN
        self.chosen = best
        return best != before

    def _judge(self, profile: Profile, value: float, rate: float) -> None:
        place = self.bin % len(profile.values)
        if not profile.seen[place]:
            return
        shape = profile.values[place]
        level = profile.weight if self.additive else _ratio(profile.weight, profile.base)
        forecast = shape + level if self.additive else shape * level
        if not profile.tried:
            profile.error = self.error
        profile.tried += 1
        profile.error += max(rate, 1 / (profile.tried + 1)) * (abs(value - forecast) - profile.error)
        if self.additive:
            profile.weight += LEVEL_RATE * (value - shape - profile.weight)
        else:
            profile.weight += LEVEL_RATE * (value - profile.weight)
            profile.base += LEVEL_RATE * (shape - profile.base)

    def _take(self, profile: Profile, value: float, rate: float) -> None:
        place = self.bin % len(profile.values)
        seen = profile.seen[place] = min(profile.seen[place] + 1, 100)
        profile.values[place] += (value - profile.values[place]) * max(1 / seen, rate)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 1.0
