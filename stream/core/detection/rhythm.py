"""The daily or weekly rhythm of a series, from the means of its hours; found absent where it has none.

Forecasts of the next hour compete: that it is like the last one, that it is like this hour of the day, and
that it is like this hour of the week, the latter two brought to the present level. The one with the smallest
recent error gives the shape. Beside, the same contest without following the level: whether the long mean, the
day's or the week's profile is nearest gives the slow reference, against which what lasts for hours is seen.
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
LAST_RATE = 0.6
SLOW_LEVEL_RATE = 0.02
ERROR_RATE = 0.01
MARGIN = 0.92
SLOW_MARGIN = 0.85
TRIED_HOURS = 12
BEYOND = 0.1
FIRST_EVENTS = 3.0
NEVER = -(1 << 62)


class Profile(Struct, array_like=True):
    """The mean value of each bin of a cycle, with how good a forecast it has been.

    `beyond` is 1 or -1 where outliers drew a bin's last hour up or down, which it has not followed
    (levels that are factors only).
    """

    rate: float
    values: list[float]
    seen: list[int]
    beyond: list[int]
    amount: float = 0.0  # the level is amount / base, or amount where it is added
    base: float = 0.0
    error: float = 0.0
    slow_level: float = 0.0
    slow_error: float = 0.0
    tried: int = 0

    def at(self, middle_ms: int, bin_ms: int) -> float:
        """Between the middles of the bins on either side of a time."""
        values = self.values
        before, part = divmod(middle_ms - bin_ms // 2, bin_ms)
        before %= len(values)
        left = values[before]
        return left + (values[before + 1 - len(values)] - left) * (part / bin_ms)


class Rhythm(Struct, array_like=True):
    """Shapes are in the units of the series; the level is a factor of them, or added where `additive`."""

    bin_ms: int
    additive: bool
    day: Profile
    week: Profile
    chosen: int = NONE
    slow_chosen: int = NONE
    hours: int = 0
    last: float = 0.0
    error: float = 0.0
    slow_error: float = 0.0
    bin: int = NEVER
    total: float = 0.0
    raw_total: float = 0.0
    exposure: float = 0.0

    @classmethod
    def of(cls, step_ms: int, *, additive: bool) -> Rhythm:
        bin_ms = HOUR_MS
        while bin_ms < step_ms and bin_ms < DAY_MS:
            bin_ms *= 2 if bin_ms < 8 * HOUR_MS else 3
        day, week = DAY_MS // bin_ms, WEEK_MS // bin_ms
        return cls(
            bin_ms,
            additive,
            Profile(DAY_RATE, [0.0] * day, [0] * day, [0] * (0 if additive else day)),
            Profile(WEEK_RATE, [0.0] * week, [0] * week, [0] * (0 if additive else week)),
        )

    def shape(self, middle_ms: int) -> float:
        """What the rhythm says of a window whose middle is there, before the level is applied."""
        if self.chosen == NONE:
            return 0.0 if self.additive else 1.0
        return self._profile(self.chosen).at(middle_ms, self.bin_ms)

    def slow_reference(self, middle_ms: int, long_mean: float) -> float:
        """What is usual there, whatever the last hours were like. `long_mean` is that of the series."""
        if self.slow_chosen == NONE:
            return long_mean
        profile = self._profile(self.slow_chosen)
        return profile.at(middle_ms, self.bin_ms) + profile.slow_level

    def learn(
        self,
        middle_ms: int,
        value: float,
        exposure: float,
        *,
        raw: float,
        long_mean: float = 0.0,
        prior: float = 0.0,
    ) -> bool:
        """Take in a value, and what it was `raw`, before it was clipped.

        `long_mean` is that of the series; an hour counts as if that had been there `prior` times beside.
        True when the shape now is another than before, and the level does not fit it.
        """
        index = middle_ms // self.bin_ms
        changed = False
        if index > self.bin:
            if self.exposure > 0:
                beside, exposed = long_mean * prior, self.exposure + prior
                mean, raw_mean = (self.total + beside) / exposed, (self.raw_total + beside) / exposed
                changed = self._close(mean, raw_mean, long_mean)
            self.bin, self.total, self.raw_total, self.exposure = index, 0.0, 0.0, 0.0
        if index == self.bin:
            self.total += value * exposure
            self.raw_total += raw * exposure
            self.exposure += exposure
        return changed

    def level(self) -> float:
        """That of the chosen rhythm by the last hours: a factor of the shape, or what is added to it."""
        if self.chosen == NONE:
            return self.last
        profile = self._profile(self.chosen)
        return profile.amount if self.additive else _ratio(profile.amount, profile.base)

    def _profile(self, which: int) -> Profile:
        return self.day if which == DAILY else self.week

    def _close(self, value: float, raw: float, long_mean: float) -> bool:
        """Judge the forecasts by the hour that ended, learn from it, and choose."""
        self.hours += 1
        rate = max(1 / self.hours, ERROR_RATE)
        if self.hours > 1:
            self.error += rate * (abs(value - self.last) - self.error)
            self.slow_error += rate * (abs(value - long_mean) - self.slow_error)
        self._try(self.day, value, raw, rate, 0.0)
        self._try(self.week, value, raw, rate, self.day.values[self.bin % len(self.day.values)])
        self.last += (value - self.last) * (LAST_RATE if self.hours > 1 else 1.0)
        before = self.chosen
        self.chosen = self._best(self.error, self.day.error, self.week.error, before, MARGIN)
        if self.additive:
            errors = self.slow_error, self.day.slow_error, self.week.slow_error
            self.slow_chosen = self._best(*errors, self.slow_chosen, SLOW_MARGIN)
        return self.chosen != before

    def _best(self, none: float, daily: float, weekly: float, before: int, margin: float) -> int:
        """The one with the smallest error: a longer cycle must win by the margin, but for the present one."""
        best, smallest = NONE, none
        for which, profile, error in ((DAILY, self.day, daily), (WEEKLY, self.week, weekly)):
            if profile.tried >= TRIED_HOURS and error < smallest * (1.0 if which == before else margin):
                best, smallest = which, error
        return best

    def _try(self, profile: Profile, value: float, raw: float, rate: float, first: float) -> None:
        """Judge a profile by an hour's value, then have it learn that.

        A bin of counts learns what was not clipped if it was so last time, too, or is seen for the first
        time; then it has a few events beside, at the mean `first`.
        """
        place = self.bin % len(profile.values)
        shape = profile.values[place]
        if profile.seen[place]:
            level = profile.amount if self.additive else _ratio(profile.amount, profile.base)
            forecast = shape + level if self.additive else shape * level
            if not profile.tried:
                profile.error, profile.slow_error = self.error, self.slow_error
            profile.tried += 1
            rate = max(rate, 1 / (profile.tried + 1))
            profile.error += rate * (abs(value - forecast) - profile.error)
            if self.additive:
                slow = value - shape - profile.slow_level
                profile.slow_error += rate * (abs(slow) - profile.slow_error)
                profile.slow_level += SLOW_LEVEL_RATE * slow
                profile.amount += LEVEL_RATE * (value - shape - profile.amount)
            else:
                profile.amount += LEVEL_RATE * (value - profile.amount)
                profile.base += LEVEL_RATE * (shape - profile.base)
        if not self.additive:
            side = (raw > value * (1 + BEYOND)) - (raw < value * (1 - BEYOND))
            if not profile.seen[place] or (side and side == profile.beyond[place]):
                value = raw
            profile.beyond[place] = side
        seen = profile.seen[place] = min(profile.seen[place] + 1, 100)
        if seen == 1 and first > 0 and not self.additive:
            value = (FIRST_EVENTS + value * self.exposure) / (FIRST_EVENTS / first + self.exposure)
        profile.values[place] = shape + (value - shape) * max(1 / seen, profile.rate)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 1.0
