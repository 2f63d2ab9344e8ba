"""When a measure was out of its bounds lately, so that what comes again at its hour is taken for rhythm.

A newsletter lifts its campaign for an hour every Tuesday. A detector that learns the shape of a week by
hours, and does not trust outliers, is surprised by it for many weeks; somebody on call, once. And once it has
learned the hour, it expects too much just before and after it.
"""

from __future__ import annotations

from msgspec import Struct

from stream.core.definition import DAY, HOUR, MINUTE

WEEK = 7 * DAY
SLACK_MS = 20 * MINUTE
"""By how much a rhythm may come earlier or later than last time."""
SLACK_STEPS = 2
SIZE = 1.5
"""By which factor it may be larger than last time."""
BLUR_MS = HOUR
"""So near to a spell, it may blur what is expected: on the other side, what was usual then will do."""
KEPT_MS = 2 * WEEK + DAY
MOST = 64


class Spell(Struct, array_like=True):
    """From the first to the last window out on one side, in local ms, and the value furthest out.

    `usual` is what was expected of the first.
    """

    first: int
    last: int
    sign: int
    furthest: float
    usual: float


class Spells(Struct, array_like=True):
    """The spells of the last 15 days, in order of their beginning, at most `MOST`."""

    spells: list[Spell] = []

    def has_come_before(self, local_ms: int, value: float, sign: int, *, step_ms: int) -> bool:
        """Whether it was so a week ago, or two, or on two of the last three days, at that time of day."""
        if not self.spells:
            return False
        if any(self._was(local_ms - weeks * WEEK, value, sign, step_ms) for weeks in (1, 2)):
            return True
        return sum(self._was(local_ms - days * DAY, value, sign, step_ms) for days in (1, 2, 3)) >= 2

    def learn(self, local_ms: int, value: float, expected: float, sign: int, *, step_ms: int) -> None:
        """A window that is out."""
        while self.spells and (self.spells[0].last < local_ms - KEPT_MS or len(self.spells) > MOST):
            del self.spells[0]
        last = self.spells[-1] if self.spells else None
        if last is not None and last.sign == sign and local_ms - last.last <= _slack(step_ms):
            last.last = max(last.last, local_ms)
            last.furthest = max(last.furthest, value) if sign > 0 else min(last.furthest, value)
        else:
            self.spells.append(Spell(local_ms, local_ms, sign, value, expected))

    def _was(self, then_ms: int, value: float, sign: int, step_ms: int) -> bool:
        slack = _slack(step_ms)
        for spell in self.spells:
            if spell.sign == sign:
                near, limit = slack, spell.furthest
            else:
                near, limit = max(slack, BLUR_MS), spell.usual
            if spell.first - near <= then_ms <= spell.last + near:
                no_more = value <= limit * SIZE if sign > 0 else value * SIZE >= limit
                if no_more:
                    return True
        return False


def _slack(step_ms: int) -> int:
    return max(SLACK_MS, SLACK_STEPS * step_ms)
