"""Series made for tests: the same seed, the same values."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from stream.core.detection import Detector, Judgement

MINUTE_MS = 60_000
DAY_MS = 1_440 * MINUTE_MS
WEEK_MS = 7 * DAY_MS


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson count: by a product of uniforms, or where that is slow by a rounded normal."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def shop(t_ms: int, peak: float) -> float:
    """People a window: most in the evening, few at night, a third less around the sixth day of a week."""
    hour = t_ms % DAY_MS / DAY_MS * 24
    of_day = 0.55 + 0.45 * math.cos((hour - 19) / 24 * 2 * math.pi)
    quiet = max(0.0, math.cos((t_ms / WEEK_MS - 5.5 / 7) * 2 * math.pi)) / 3
    return peak * of_day * (1 - quiet)


def fed(
    detector: Detector, step_ms: int, start: int, end: int, value: Callable[[int], float | None]
) -> Iterator[tuple[int, Judgement]]:
    """Updates the detector by `value(t_ms)` for the steps from `start` to before `end`."""
    for i in range(start, end):
        yield i, detector.update(i * step_ms, value(i * step_ms))


def learned(detector: Detector, step_ms: int, steps: int, value: Callable[[int], float | None]) -> Detector:
    for _ in fed(detector, step_ms, 0, steps, value):
        pass
    return detector
