"""What is found of one measure of a series in a window: expected, bounds, and whether it is out of them."""

from __future__ import annotations

from typing import Literal, NamedTuple

Sign = Literal[-1, 0, 1]


class Judged(NamedTuple):
    """A value against what was expected of it before it came.

    `beyond` says on which side of the bounds it lies: that keeps an incident open and lists the series in
    another's. `out` is the same confirmed, over one or several windows, of a series that may alert: it may
    open an incident. Both are 0 of a series that is new or small, whose `expected` is there all the same.
    """

    value: float
    expected: float
    lower: float
    upper: float
    score: float
    beyond: Sign = 0
    out: Sign = 0
