"""How far a value is from what was expected, in widths of its band."""

from __future__ import annotations

STAYS_WITHIN = 0.7
"""The lead of an incident is back inside only below this: a value at the bound does not end it."""
NARROWEST = 1e-6  # of what was expected


def reach(value: float, expected: float, lower: float, upper: float) -> float:
    """1 at the upper bound, -1 at the lower."""
    away = value - expected
    if away == 0:
        return 0.0
    width = upper - expected if away > 0 else expected - lower
    return away / max(width, abs(expected) * NARROWEST, 1e-9)
