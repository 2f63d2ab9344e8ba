"""When a new level is the normal one: after a series has stayed beyond it on one side for long enough."""

from __future__ import annotations

from stream.core.detection.rhythm import HOUR_MS

LEVEL_MS = 2 * HOUR_MS
LEVEL_STEPS = (8, 60)
SETTLE_MS = 6 * HOUR_MS
SETTLE_STEPS = 24
FROM = 3.0


def level_rate(step_ms: int) -> float:
    """How fast the level follows, for each value."""
    low, high = LEVEL_STEPS
    return 1 / min(max(LEVEL_MS // step_ms, low), high)


def settle_steps(step_ms: int) -> int:
    """Values beyond, one by one, after which the level is what they have."""
    return max(SETTLE_MS // step_ms, SETTLE_STEPS)


def away(earlier: int, deviation: float) -> int:
    """How many values in excess of the usual ones have been beyond, signed, after one more."""
    if deviation >= FROM:
        return max(earlier, 0) + 1
    if deviation <= -FROM:
        return min(earlier, 0) - 1
    return earlier - (earlier > 0) + (earlier < 0)
