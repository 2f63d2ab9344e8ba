"""The frame of a plot: days along x, an amount along y, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

Unit = Literal["count", "share"]

WIDTH = 720
LEFT, RIGHT = 64, 12
LABELLED_DAYS = 7
"""About as many dates are written below."""
LINES = 4
"""About as many lines are drawn across."""
BAR_SHARE = 0.74
"""Of a day's width."""


class Frame:
    """A rectangle of a plot that reaches from `low` to `high`, widened to round numbers.

    `top` and `height` are in the units of the SVG, whose width is `WIDTH`.
    """

    def __init__(
        self,
        days: Sequence[date],
        *,
        low: float,
        high: float,
        top: float,
        height: float,
        unit: Unit = "count",
    ) -> None:
        self.days = days
        self.top, self.bottom = top, top + height
        self._unit = unit
        self._step = _step(max(high - low, 1e-9), whole=unit == "count")
        self._low = math.floor(low / self._step + 1e-9) * self._step
        self._high = max(math.ceil(high / self._step - 1e-9), self._low / self._step + 1) * self._step
        self._slot = (WIDTH - LEFT - RIGHT) / len(days)
        self._numbers = {day: number for number, day in enumerate(days)}

    @property
    def slot(self) -> float:
        """A day's width."""
        return self._slot

    @property
    def bar(self) -> float:
        """A bar's width."""
        return self._slot * BAR_SHARE

    def x(self, day: date) -> float:
        """The middle of a day."""
        return LEFT + (self._numbers[day] + 0.5) * self._slot

    def y(self, value: float) -> float:
        """Where a value lies."""
        return self.bottom - (value - self._low) / (self._high - self._low) * (self.bottom - self.top)

    def axes(self, *, dates: bool = True) -> Iterator[str]:
        """Lines across with their numbers, and dates below."""
        lines = round((self._high - self._low) / self._step)
        for number in range(lines + 1):
            value = self._low + number * self._step
            y = self.y(value)
            kind = "zero" if abs(value) < self._step / 1e6 else "grid"
            yield f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            text = self._text(value)
            yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
        if dates:
            every = max(1, round(len(self.days) / LABELLED_DAYS))
            for day in self.days[::-1][::every]:
                text = f"{day.day} {day:%b}"
                yield (
                    f'<text class="tick" x="{self.x(day):.1f}" y="{self.bottom + 18:.1f}" '
                    f'text-anchor="middle">{text}</text>'
                )

    def _text(self, value: float) -> str:
        if self._unit == "share":
            digits = max(0, -math.floor(math.log10(self._step * 100) + 1e-9))
            return f"{value * 100:.{digits}f} %"
        return f"{abs(value):,.0f}"


def _step(span: float, *, whole: bool) -> float:
    """A round distance (1, 2 or 5, with zeros) of which some LINES make up the span."""
    size = 10.0 ** math.floor(math.log10(span / LINES))
    step = next(size * times for times in (1, 2, 5, 10) if size * times * LINES >= span * (1 - 1e-9))
    return max(step, 1.0) if whole else step
