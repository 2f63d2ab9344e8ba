"""When an incident is to wake somebody."""

from __future__ import annotations

from collections.abc import Iterable

from stream.core.engagement.judged import Judged
from stream.core.engagement.rows import KEY_PREFIX, TOTAL
from stream.core.records import Measure

STRICTER = 100
"""The value must be so many times rarer than what opens an incident."""
LASTING_WINDOWS = 3
DROP_OF = 0.3
LARGE_DROP_OF = 0.5
SPIKE_OF = 1.0
LARGE_SPIKE_OF = 2.0


def wakes(series: str, measure: Measure) -> bool:
    """Whether a series is of a kind that can wake somebody: the whole product, or all of a key event."""
    return series == TOTAL or (series.startswith(KEY_PREFIX) and measure == "volume")


def is_page(
    moved: Iterable[tuple[str, Measure, Judged]], *, direction: int, windows: int, sensitivity: float
) -> bool:
    """Whether any of what moves now is strong enough, `windows` after the incident began.

    A drop by 30 % of what was expected, or a spike by 100 %, that has lasted for 3 windows; at once by 50 %
    or 200 %. Always with a score a hundred times rarer than the sensitivity asks.
    """
    least_score = 1 - (1 - sensitivity) / STRICTER
    usual, large = (DROP_OF, LARGE_DROP_OF) if direction < 0 else (SPIKE_OF, LARGE_SPIKE_OF)
    least = usual if windows >= LASTING_WINDOWS else large
    return any(
        wakes(series, measure)
        and j.score >= least_score
        and j.expected > 0
        and (j.value - j.expected) * direction >= least * j.expected
        for series, measure, j in moved
    )
