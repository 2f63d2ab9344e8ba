"""When an incident is to wake somebody."""

from __future__ import annotations

from typing import NamedTuple

from stream.core.engagement.judged import Judged
from stream.core.engagement.rows import KEY_PREFIX, TOTAL
from stream.core.records import Measure

STRICTER = 100
"""A window's value must be so many times rarer than what opens an incident."""
TOGETHER = 1.2
"""Or the windows together be so many half widths of their band away from what was expected."""
LASTING_WINDOWS = 3
DROP_OF = 0.3
LARGE_DROP_OF = 0.5
SPIKE_OF = 1.0
LARGE_SPIKE_OF = 2.0


class Strength(NamedTuple):
    """A measure that moves: in this window, and over `windows` windows since the incident began.

    `chance` is half the width of the band of these windows together.
    """

    now: Judged
    value: float
    expected: float
    chance: float
    windows: int


def wakes(series: str, measure: Measure) -> bool:
    """Whether a series is of a kind that can wake somebody: the whole product, or all of a key event."""
    return series == TOTAL or (series.startswith(KEY_PREFIX) and measure == "volume")


def is_page(strength: Strength, *, direction: int, sensitivity: float) -> bool:
    """Whether a measure that may wake somebody moves strongly enough for it.

    A drop by 30 % of what was expected, or a spike by 100 %, on average over 3 windows or more; over fewer by
    50 % or 200 %; and by 30 % or 100 % in this one. It must be unlikely, too: this window a hundred times
    less likely than what opens an incident, or all together likewise.
    """
    now = strength.now
    usual, large = (DROP_OF, LARGE_DROP_OF) if direction < 0 else (SPIKE_OF, LARGE_SPIKE_OF)
    least = usual if strength.windows >= LASTING_WINDOWS else large
    away = (strength.value - strength.expected) * direction
    unlikely = now.score >= 1 - (1 - sensitivity) / STRICTER or away >= TOGETHER * strength.chance
    return (
        unlikely
        and strength.expected > 0
        and away >= least * strength.expected
        and (now.value - now.expected) * direction >= usual * now.expected
    )
