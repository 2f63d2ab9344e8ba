"""When a measure was out of its bounds lately, so that what comes again at its hour is taken for rhythm.

A newsletter lifts its campaign for an hour every Tuesday. A detector that learns the shape of a week by
hours, and does not trust outliers, is surprised by it for many weeks; somebody on call, once. And once it has
learned the hour, it expects too much just before and after it.
"""

from __future__ import annotations

import math

from msgspec import Struct

from stream.core.definition import DAY, HOUR, MINUTE

WEEK = 7 * DAY
SLACK_MS = 20 * MINUTE
"""By how much a rhythm may come earlier or later than last time."""
SLACK_STEPS = 2
SIZE = 1.5
"""By which factor it may be further out than last time, by the logarithm."""
SMALL = 0.01
"""Added to values whose ratio is taken: an hour of nothing is not infinitely far out."""
BLUR_MS = HOUR
"""So near to a spell, it may blur what is expected: on the other side, what was usual then will do."""
KEPT_MS = 2 * WEEK + DAY
MOST = 64


class Spell(Struct, array_like=True):
    """From the first to the last window out on one side, in local ms, and how far out, at most.

    `furthest` is the logarithm of value over expected, without its sign; `usual` is what was expected of the
    first.
    """

    first: int
    last: int
    sign: int
    furthest: float
    usual: float


class Spells(Struct, array_like=True):
    """The spells of the last 15 days, in order of their beginning, at most `MOST`."""

    spells: list[Spell] = []

    def has_come_before(self, local_ms: int, value: float, expected: float, *, step_ms: int) -> bool:
        """Whether it was so a week ago, or two, or on two of the last three days, at that time of day."""
        if not self.spells:
            return False
        if any(self._was(local_ms - weeks * WEEK, value, expected, step_ms) for weeks in (1, 2)):
            return True
        return sum(self._was(local_ms - days * DAY, value, expected, step_ms) for days in (1, 2, 3)) >= 2

    def learn(self, local_ms: int, value: float, expected: float, *, step_ms: int) -> None:
        """A window that is out."""
        while self.spells and (self.spells[0].last < local_ms - KEPT_MS or len(self.spells) > MOST):
            del self.spells[0]
        last = self.spells[-1] if self.spells else None
        sign, size = _side(value, expected), _size(value, expected)
        if last is not None and last.sign == sign and local_ms - last.last <= _slack(step_ms):
            last.last = max(last.last, local_ms)
            last.furthest = max(last.furthest, size)
        else:
            self.spells.append(Spell(local_ms, local_ms, sign, size, expected))

    def _was(self, then_ms: int, value: float, expected: float, step_ms: int) -> bool:
        slack, sign = _slack(step_ms), _side(value, expected)
        for spell in self.spells:
            if spell.sign == sign:
                near, is_less = slack, _size(value, expected) <= spell.furthest * SIZE
            else:
                near = max(slack, BLUR_MS)
                is_less = value <= spell.usual * SIZE if sign > 0 else value * SIZE >= spell.usual
            if is_less and spell.first - near <= then_ms <= spell.last + near:
                return True
        return False


def _side(value: float, expected: float) -> int:
    return 1 if value > expected else -1


def _size(value: float, expected: float) -> float:
    return abs(math.log((value + SMALL) / (expected + SMALL)))


def _slack(step_ms: int) -> int:
    return max(SLACK_MS, SLACK_STEPS * step_ms)
