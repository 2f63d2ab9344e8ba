"""Deviations of counts and shares on a scale on which they are nearly normal: the power 2/3.

A Poisson count's 2/3rd power is nearly symmetric (Anscombe 1953): for a mean m and a variance m²/a,
z = 1.5·sqrt(a)·((x/m)^(2/3) - 1 + 1/(9a)) is within 0.1 of the exact normal score down to a of 4, where
the half that a whole number stands for is taken off (continuity). `a` is the shape: the mean over the
overdispersion.
"""

from __future__ import annotations

import math

TWO_THIRDS: float = 2 / 3
SMALL = 1e-9


def deviation(value: float, mean: float, shape: float, half: float) -> float:
    """Signed, in standard deviations. `half` is half the distance between values that can occur."""
    if value > mean:
        value = max(mean, value - half)
    elif value < mean:
        value = min(mean, value + half)
    root = math.sqrt(shape)
    lift = 1 / (9 * shape) if shape > 1 else 0.0
    power: float = (value / mean) ** TWO_THIRDS
    return 1.5 * root * (power - 1 + lift)


def value_at(deviation_: float, mean: float, shape: float, half: float) -> float:
    """The value with that deviation, not below 0: the inverse of `deviation`."""
    lift = 1 / (9 * shape) if shape > 1 else 0.0
    power = deviation_ / (1.5 * math.sqrt(shape)) + 1 - lift
    value = mean * power**1.5 if power > 0 else 0.0
    if value > mean:
        return value + half
    return max(0.0, value - half)
