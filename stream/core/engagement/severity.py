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
    """A measure that moves: in this window, and as sums over the last `windows` of the incident, 3 at most.

    `away` is how far all windows since it began are together from what was expected, in half widths of the
    band that they have together; negative below.
    """

    now: Judged
    value: float
    expected: float
    windows: int
    away: float


def wakes(series: str, measure: Measure) -> bool:
    """Whether a series is of a kind that can wake somebody: the whole product, or all of a key event."""
    return series == TOTAL or (series.startswith(KEY_PREFIX) and measure == "volume")


def is_page(strength: Strength, *, direction: int, sensitivity: float) -> bool:
    """Whether a measure that may wake somebody moves strongly enough for it.

    A drop by 30 % of what was expected, or a spike by 100 %, on average over 3 windows; by 50 % or 200 % over
    fewer; and by 30 % or 100 % in this one. It must be unlikely, too: this window a hundred times less likely
    than what opens an incident, or all windows together likewise.
    """
    now = strength.now
    usual, large = (DROP_OF, LARGE_DROP_OF) if direction < 0 else (SPIKE_OF, LARGE_SPIKE_OF)
    least = usual if strength.windows >= LASTING_WINDOWS else large
    unlikely = now.score >= 1 - (1 - sensitivity) / STRICTER or strength.away * direction >= TOGETHER
    return (
        unlikely
        and strength.expected > 0
        and (strength.value - strength.expected) * direction >= least * strength.expected
        and (now.value - now.expected) * direction >= usual * now.expected
    )
